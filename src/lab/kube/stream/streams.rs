//! A program's session over SPDY: the client opens a stream for each of its ends, and names it by a header.
//!
//! Source: k8s.io/client-go `tools/remotecommand/v4.go`, k8s.io/kubelet `pkg/cri/streaming/remotecommand/httpstream.go`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::spdy::{self, Stream};
use super::{Far, Input, Output, Wanted};

/// How long a client may take to open its streams.
const OPENING: Duration = Duration::from_secs(30);
/// How long it may take to close, once it has been told the end.
const GOODBYE: Duration = Duration::from_secs(2);

/// Carries a session until the program has ended, or the client is gone.
pub(super) async fn carry<S>(io: S, wanted: Wanted, mut far: Far)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut opened, writer) = spdy::start(io);
    let mut streams: BTreeMap<String, Stream> = BTreeMap::new();
    while streams.len() < wanted.count() {
        let Ok(Some(stream)) = tokio::time::timeout(OPENING, opened.recv()).await else { return };
        let of = stream.headers.get("streamtype").cloned().unwrap_or_default();
        streams.insert(of, stream);
    }
    let id = |of: &str| streams.get(of).map(|stream| stream.id);
    let (stdout, stderr, error) = (id("stdout"), id("stderr"), id("error"));
    for (of, input) in [("stdin", Kind::Data), ("resize", Kind::Size)] {
        if let Some(stream) = streams.remove(of) {
            tokio::spawn(listen(stream, input, far.input.clone()));
        }
    }
    drop(far.input);
    let write = async |to: Option<u32>, bytes: Bytes, last: bool| match to {
        Some(id) => writer.data(id, bytes, last).await,
        None => true,
    };
    loop {
        tokio::select! {
            output = far.output.recv() => {
                let (to, bytes) = match output {
                    Some(Output::Stdout(bytes)) => (stdout, bytes),
                    Some(Output::Stderr(bytes)) => (stderr, bytes),
                    Some(Output::Status(status)) => {
                        write(error, Bytes::from(status.to_string()), true).await;
                        write(stdout, Bytes::new(), true).await;
                        write(stderr, Bytes::new(), true).await;
                        // The client closes once it has read all of it.
                        let rest = async { while opened.recv().await.is_some() {} };
                        let _ = tokio::time::timeout(GOODBYE, rest).await;
                        return;
                    }
                    None => return,
                };
                if !write(to, bytes, false).await {
                    return;
                }
            }
            more = opened.recv() => if more.is_none() { return },
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Data,
    Size,
}

async fn listen(mut stream: Stream, kind: Kind, to: tokio::sync::mpsc::UnboundedSender<Input>) {
    while let Some(bytes) = stream.input.recv().await {
        let input = match kind {
            Kind::Data => Input::Data(bytes),
            Kind::Size => Input::Size,
        };
        if to.send(input).is_err() {
            return;
        }
    }
    if let Kind::Data = kind {
        let _ = to.send(Input::End);
    }
}
