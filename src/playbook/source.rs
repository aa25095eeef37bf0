//! The text of a playbook or module, and where it was read.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Where a text was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    Disk(PathBuf),
    /// The binary.
    Embedded,
}

/// A text with its name: what positions, reports and errors call it.
#[derive(Debug, Clone)]
pub struct Source {
    /// `playbooks/t5-networking.rhai`
    pub name: String,
    /// The text.
    pub text: Arc<str>,
    /// Where it was read.
    pub origin: Origin,
}

impl Source {
    /// SHA-256 of the text, in hex.
    pub fn sha256(&self) -> String {
        Sha256::digest(self.text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// `disk` or `embedded`, as reports say it.
    pub fn origin_word(&self) -> &'static str {
        match self.origin {
            Origin::Disk(_) => "disk",
            Origin::Embedded => "embedded",
        }
    }

    /// The file's name without folder and ending.
    pub fn stem(&self) -> &str {
        let file = self.name.rsplit('/').next().unwrap_or(&self.name);
        file.strip_suffix(".rhai").unwrap_or(file)
    }
}
