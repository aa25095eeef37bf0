//! The admin's kubeconfig that a control plane node makes.

use std::io::Read;

use flate2::read::GzDecoder;

use super::tar;
use super::wire::{Empty, path};
use super::{Ask, Machines};
use crate::error::{Error, Kind, Result};

const WHAT: &str = "the kubeconfig";

/// No kubeconfig is longer, whatever an archive says of it.
const MOST: u64 = 4 << 20;

impl Machines {
    /// The kubeconfig as YAML, of the first of the nodes that makes one.
    ///
    /// # Errors
    /// That of the first node, where none does.
    pub async fn kubeconfig(&self, ask: &Ask) -> Result<String> {
        let mut first = None;
        for node in &self.answering(ask).await? {
            match self.within(ask.limit, node, WHAT, self.kubeconfig_of(node)).await {
                Ok(text) => return Ok(text),
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| Error::new(Kind::Script, "no node was named that could make a kubeconfig")))
    }

    async fn kubeconfig_of(&self, node: &str) -> Result<String> {
        let archive = self.bytes(node, path::KUBECONFIG, WHAT, Empty {}).await?;
        let broken = |what: &str| {
            let place = format!("cluster {}: node {node}", self.name());
            Error::new(Kind::Unreadable, format!("{place}: {WHAT} came in {} bytes: {what}", archive.len()))
        };
        let mut unpacked = Vec::new();
        let mut reader = GzDecoder::new(archive.as_slice()).take(MOST);
        reader.read_to_end(&mut unpacked).map_err(|e| broken("they are not gzip").because(e))?;
        let files = tar::files(&unpacked).ok_or_else(|| broken("there is no whole tar archive in them"))?;
        match files.as_slice() {
            [(_, text)] if !text.is_empty() => {
                String::from_utf8(text.clone()).map_err(|_| broken("its archive holds no text"))
            }
            files => Err(broken(&format!("one file was expected in the archive, and there are {}", files.len()))),
        }
    }
}
