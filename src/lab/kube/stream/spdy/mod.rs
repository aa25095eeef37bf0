//! SPDY/3.1, as far as a client that opens streams needs it: `kubectl port-forward` speaks it within a WebSocket.
//!
//! No crate has it; it was given up for HTTP/2, and Kubernetes kept it for its streams. Windows are not counted, as its
//! clients don't either.
//!
//! Source: the SPDY protocol, draft 3.1, <https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/>.

mod frame;
mod headers;

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use frame::{Control, Frame};
use headers::{Packed, Unpacked};

/// A stream that the client has opened.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: u32,
    /// By names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    /// What the client writes; it is closed when the client has written all.
    pub(crate) input: mpsc::UnboundedReceiver<Bytes>,
}

/// What the server writes.
#[derive(Debug)]
enum Written {
    Reply(u32),
    Data(u32, Bytes, bool),
    Pong(u32),
    Reset(u32),
}

/// The way back to the client.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::Sender<Written>);

impl Writer {
    /// Writes to a stream, and ends it with the last piece. Whether the client is still there.
    pub(crate) async fn data(&self, id: u32, bytes: Bytes, last: bool) -> bool {
        self.0.send(Written::Data(id, bytes, last)).await.is_ok()
    }
}

/// Speaks SPDY on a connection; the streams come as the client opens them. It ends when the connection does, or when
/// nobody takes its streams and the last writer is gone.
pub(crate) fn start<S>(io: S) -> (mpsc::UnboundedReceiver<Stream>, Writer)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (from, to) = tokio::io::split(io);
    let (opened, streams) = mpsc::unbounded_channel();
    let (writer, written) = mpsc::channel(64);
    let writer = Writer(writer);
    let reader = tokio::spawn(read(from, opened, writer.0.downgrade()));
    tokio::spawn(async move {
        write(to, written).await;
        reader.abort();
    });
    (streams, writer)
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    opened: mpsc::UnboundedSender<Stream>,
    answers: mpsc::WeakSender<Written>,
) -> Option<()> {
    let mut unpacked = Unpacked::default();
    let mut open: BTreeMap<u32, mpsc::UnboundedSender<Bytes>> = BTreeMap::new();
    loop {
        let mut head = [0; 8];
        from.read_exact(&mut head).await.ok()?;
        let frame = Frame::of(&head);
        let mut body = vec![0; frame.length()];
        from.read_exact(&mut body).await.ok()?;
        let answer = match frame {
            Frame::Data { id, last, .. } => {
                let known = open.get(&id).is_some_and(|to| body.is_empty() || to.send(Bytes::from(body)).is_ok());
                if last || !known {
                    open.remove(&id);
                }
                (!known && !last).then_some(Written::Reset(id))
            }
            Frame::Control { kind: Control::SynStream, last, .. } => {
                let id = frame::number(&body, 0)?;
                let headers = unpacked.block(body.get(10..)?)?;
                let (to, input) = mpsc::unbounded_channel();
                if !last {
                    open.insert(id, to);
                }
                opened.send(Stream { id, headers, input }).ok()?;
                Some(Written::Reply(id))
            }
            Frame::Control { kind: Control::Headers, .. } => {
                // The dictionary goes on with every block, whether its headers count or not.
                unpacked.block(body.get(4..)?)?;
                None
            }
            Frame::Control { kind: Control::Reset, .. } => {
                open.remove(&frame::number(&body, 0)?);
                None
            }
            Frame::Control { kind: Control::Ping, .. } => Some(Written::Pong(frame::number(&body, 0)?)),
            Frame::Control { kind: Control::GoAway, .. } => return Some(()),
            Frame::Control { kind: Control::SynReply | Control::Other, .. } => None,
        };
        if let Some(answer) = answer {
            answers.upgrade()?.send(answer).await.ok()?;
        }
    }
}

async fn write(mut to: impl AsyncWrite + Unpin, mut written: mpsc::Receiver<Written>) {
    let mut packed = Packed::default();
    while let Some(one) = written.recv().await {
        let frame = match one {
            Written::Reply(id) => frame::control(Control::SynReply, id, &packed.none()),
            Written::Data(id, bytes, last) => frame::data(id, &bytes, last),
            Written::Pong(id) => frame::control(Control::Ping, id, &[]),
            Written::Reset(id) => frame::control(Control::Reset, id, &frame::INVALID_STREAM),
        };
        if to.write_all(&frame).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests;
