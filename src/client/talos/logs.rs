//! What a node's kernel and services logged.

use super::wire::{Data, DmesgRequest, LogsRequest, path};
use super::{Ask, Machines, Told};
use crate::error::{Error, Kind, Result};

/// The most that is kept of a node's log.
const MOST: usize = 16 << 20;

impl Machines {
    /// The kernel's log of each node, as far as its ring buffer goes back.
    pub async fn dmesg(&self, ask: &Ask) -> Vec<Told<String>> {
        const WHAT: &str = "the kernel's log";
        let one = |node: String| async move {
            let mut stream = self.stream::<_, Data>(&node, path::DMESG, WHAT, DmesgRequest::default()).await?;
            let mut bytes = Vec::new();
            while let Some(piece) = self.next(&node, WHAT, &mut stream).await? {
                self.keep(&node, WHAT, &mut bytes, &piece.bytes)?;
                // Each message is a line; Talos ends some of them and others not.
                if !bytes.ends_with(b"\n") {
                    bytes.push(b'\n');
                }
            }
            Ok(text(bytes))
        };
        self.each(ask, WHAT, one).await
    }

    /// The log of a service on each node; with `tail` no more than its last lines.
    pub async fn logs(&self, ask: &Ask, service: &str, tail: Option<u32>) -> Vec<Told<String>> {
        let what = &format!("the log of {service}");
        let one = |node: String| async move {
            let question = LogsRequest {
                namespace: "system".into(),
                id: service.into(),
                tail_lines: tail.map_or(-1, |lines| i32::try_from(lines).unwrap_or(i32::MAX)),
                ..LogsRequest::default()
            };
            let bytes = self.bytes(&node, path::LOGS, what, question).await?;
            Ok(text(bytes))
        };
        self.each(ask, what, one).await
    }

    /// All pieces of a stream of bytes.
    pub(super) async fn bytes<Q: prost::Message + Clone + 'static>(
        &self,
        node: &str,
        path: &'static str,
        what: &str,
        question: Q,
    ) -> Result<Vec<u8>> {
        let mut stream = self.stream::<_, Data>(node, path, what, question).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = self.next(node, what, &mut stream).await? {
            self.keep(node, what, &mut bytes, &piece.bytes)?;
        }
        Ok(bytes)
    }

    fn keep(&self, node: &str, what: &str, bytes: &mut Vec<u8>, piece: &[u8]) -> Result<()> {
        if bytes.len() + piece.len() > MOST {
            let place = format!("cluster {}: node {node}", self.name());
            return Err(Error::new(Kind::Unreadable, format!("{place}: {what} is longer than {} MiB", MOST >> 20))
                .hint("tail: 1000 in a log's options takes its last lines alone"));
        }
        bytes.extend_from_slice(piece);
        Ok(())
    }
}

/// Without its last newline.
fn text(bytes: Vec<u8>) -> String {
    let mut text = String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    if text.ends_with('\n') {
        text.pop();
    }
    text
}
