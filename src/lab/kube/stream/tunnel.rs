//! A WebSocket as a connection: what is spoken within it comes and goes as binary messages.
//!
//! Source: k8s.io/client-go `tools/portforward/tunneling_connection.go`.

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// How much is on its way, each way.
const BUFFER: usize = 64 * 1024;

/// The connection within a WebSocket. It ends when either side does.
pub(crate) fn tunnel<S>(socket: WebSocketStream<S>) -> DuplexStream
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (near, far) = tokio::io::duplex(BUFFER);
    tokio::spawn(pump(socket, far));
    near
}

async fn pump<S>(mut socket: WebSocketStream<S>, far: DuplexStream)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from, mut to) = tokio::io::split(far);
    let mut buffer = vec![0; BUFFER];
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if to.write_all(&bytes).await.is_err() {
                        break;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            read = from.read(&mut buffer) => match read {
                Ok(count) if count > 0 => {
                    if socket.send(Message::binary(buffer[..count].to_vec())).await.is_err() {
                        return;
                    }
                }
                _ => break,
            },
        }
    }
    super::close(socket).await;
}
