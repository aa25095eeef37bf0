//! A program's session over a WebSocket, as `v4.channel.k8s.io` and `v5.channel.k8s.io` have it: a byte in front of each
//! message names the stream, and the last one is a `Status`. The later one can close a stream by itself.
//!
//! Source: k8s.io/apimachinery `pkg/util/remotecommand`, k8s.io/client-go `tools/remotecommand/websocket.go`.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Far, Input, Output};

/// The streams.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const SIZE: u8 = 4;
/// What closes the stream that the next byte names.
const CLOSE: u8 = 255;

/// How long the other side may take to close as well.
const GOODBYE: Duration = Duration::from_secs(2);

/// Carries a session until the program has ended, or the client is gone.
pub(super) async fn carry<S>(mut socket: WebSocketStream<S>, closes: bool, mut far: Far)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    if let Some(input) = input(bytes, closes) {
                        // A program that reads no more is no fault of the client's.
                        let _ = far.input.send(input);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            output = far.output.recv() => {
                let (channel, bytes, last) = match output {
                    Some(Output::Stdout(bytes)) => (STDOUT, bytes, false),
                    Some(Output::Stderr(bytes)) => (STDERR, bytes, false),
                    Some(Output::Status(status)) => (STATUS, Bytes::from(status.to_string()), true),
                    None => return,
                };
                let mut message = Vec::with_capacity(bytes.len() + 1);
                message.push(channel);
                message.extend_from_slice(&bytes);
                if socket.send(Message::binary(message)).await.is_err() {
                    return;
                }
                if last {
                    return close(socket).await;
                }
            }
        }
    }
}

fn input(mut bytes: Bytes, closes: bool) -> Option<Input> {
    let channel = *bytes.first()?;
    let bytes = bytes.split_off(1);
    match channel {
        STDIN => Some(Input::Data(bytes)),
        SIZE => Some(Input::Size),
        CLOSE if closes && bytes.first() == Some(&STDIN) => Some(Input::End),
        _ => None,
    }
}

/// Says goodbye, and waits until it is heard.
pub(crate) async fn close<S>(mut socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    if socket.close(Some(goodbye)).await.is_ok() {
        let rest = async { while let Some(Ok(_)) = socket.next().await {} };
        let _ = tokio::time::timeout(GOODBYE, rest).await;
    }
}
