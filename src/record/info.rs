//! `run.json`: what is known of a run before its first step, and how it ended. Written whole or not at all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Asked;
use crate::error::{Error, Kind, Result};
use crate::event::{Former, Outcome, PlaybookInfo, SettingInfo};

/// The format that this program writes. It is raised when an older program would misread what is new; such a program
/// passes over fields that it does not know.
pub const FORMAT: u32 = 2;

const NAME: &str = "run.json";

/// A run, as far as it is known before its first step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunInfo {
    /// The record's format: [`FORMAT`]; 0 is a folder of before there was a `run.json`.
    pub format: u32,
    /// The version of the program that ran.
    pub pb: String,
    /// The run's id, its folder's name.
    pub id: String,
    /// When it began.
    pub started: Timestamp,
    /// The time that its folder is named by, where the run's own clock is a lab's, which jumps.
    #[serde(skip)]
    pub filed: Option<Timestamp>,
    /// What was typed after `pb`.
    pub arguments: Vec<String>,
    /// What was asked to run: playbooks, files, folders.
    pub targets: Vec<String>,
    /// Where it was typed.
    pub dir: String,
    /// The `pb.toml` that was read, if there was one.
    pub config: Option<String>,
    /// The profile in force.
    pub profile: Option<String>,
    /// The machine's name.
    pub host: String,
    /// The process there.
    pub pid: u32,
    /// The playbooks with their hashes, in order.
    pub playbooks: Vec<PlaybookInfo>,
    /// Every setting with its value and origin.
    pub settings: Vec<SettingInfo>,
    /// The clusters that may be reached.
    pub clusters: Vec<ClusterInfo>,
    /// A hash over what `pb.toml` says of hosts, endpoints and networks, in hex.
    pub places: String,
    /// What was typed, for whoever goes on with the run; none in records of before it was kept.
    pub asked: Option<Asked>,
    /// The earlier run that it goes on with.
    pub former: Option<Former>,
    /// How it ended; none while it runs, and for good where it was killed.
    pub end: Option<End>,
}

/// A cluster of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClusterInfo {
    /// Its name in `pb.toml`.
    pub name: String,
    /// The kubeconfig's context.
    pub context: String,
    /// The kubeconfig; none where it was put together of several.
    pub kubeconfig: Option<String>,
    /// The server that they led to when the run began: `https://10.25.11.5:6443`.
    pub server: Option<String>,
    /// Which cluster answered there, `kube-system UID` or `CA HASH`: known from the run's first change there on.
    pub id: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct End {
    /// What the process ended with.
    pub exit_code: u8,
    /// Wall time.
    pub seconds: f64,
    /// How many steps ended how.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// What is left in the clusters because it could not be undone, in words.
    pub left: Vec<String>,
}

impl Default for RunInfo {
    fn default() -> Self {
        Self {
            format: 0,
            pb: String::new(),
            id: String::new(),
            started: Timestamp::UNIX_EPOCH,
            filed: None,
            arguments: Vec::new(),
            targets: Vec::new(),
            dir: String::new(),
            config: None,
            profile: None,
            host: String::new(),
            pid: 0,
            playbooks: Vec::new(),
            settings: Vec::new(),
            clusters: Vec::new(),
            places: String::new(),
            asked: None,
            former: None,
            end: None,
        }
    }
}

impl RunInfo {
    /// Of this program, this process and this machine.
    pub fn here(started: Timestamp) -> Self {
        Self {
            format: FORMAT,
            pb: env!("CARGO_PKG_VERSION").into(),
            started,
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            pid: std::process::id(),
            ..Self::default()
        }
    }

    /// Reads it from a run's folder; none where the folder has none.
    ///
    /// # Errors
    /// [`Kind::Config`] when a newer program wrote it; [`Kind::Unreadable`] when it is no such file; [`Kind::Io`].
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        let text = match std::fs::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::new(Kind::Io, format!("{} can't be read", path.display())).because(e)),
            Ok(text) => text,
        };
        let wrong = |e: serde_json::Error| {
            Error::new(Kind::Unreadable, format!("{} can't be read", path.display())).because(e).hint(
                "without this file pb reads the run from its journal, but not which servers its clusters are: move it \
                 away, then pb clean and pb show take the run as it is",
            )
        };
        // The format first: what else stands in a newer file is not for this program to judge.
        let value: serde_json::Value = serde_json::from_str(&text).map_err(wrong)?;
        let format = value["format"].as_u64().unwrap_or(0);
        if format > u64::from(FORMAT) {
            let by = value["pb"].as_str().unwrap_or("?");
            return Err(Error::new(
                Kind::Config,
                format!(
                    "{} is of format {format}, written by pb {by}; this is pb {}, which reads formats up to {FORMAT}",
                    folder.display(),
                    env!("CARGO_PKG_VERSION")
                ),
            )
            .hint("a newer pb reads it"));
        }
        serde_json::from_value(value).map(Some).map_err(wrong)
    }

    /// Writes it into a run's folder, in the place of the one that is there.
    ///
    /// # Errors
    /// [`Kind::Io`]
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let failed = |e| Error::new(Kind::Io, format!("{} can't be written", path.display())).because(e);
        let text = serde_json::to_string_pretty(self).map_err(|e| failed(e.into()))? + "\n";
        let beside = folder.join(".run.json.new");
        let written = File::create(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&beside, &path));
        if written.is_err() {
            // The first error is the one to tell.
            let _ = std::fs::remove_file(&beside);
        }
        written.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_as_written_and_may_lack_fields() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(RunInfo::read(dir.path()), Ok(None));
        let mut info = RunInfo::here("2026-11-23T06:31:12.5Z".parse().expect("a time"));
        info.end = Some(End { outcomes: [(Outcome::Passed, 3)].into(), seconds: 0.1, ..End::default() });
        info.write(dir.path()).expect("written");
        assert_eq!(RunInfo::read(dir.path()), Ok(Some(info)));
        std::fs::write(dir.path().join(NAME), r#"{"format":1,"id":"x","later":1}"#).expect("written");
        assert_eq!(RunInfo::read(dir.path()).expect("read").expect("there").id, "x");
    }

    #[test]
    fn a_newer_one_is_refused_whatever_else_it_says() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join(NAME), r#"{"format":3,"pb":"9.1.0","id":{"other":"form"}}"#).expect("written");
        let error = RunInfo::read(dir.path()).expect_err("refused");
        assert_eq!(error.kind, Kind::Config);
        assert!(error.message.contains("format 3, written by pb 9.1.0"), "{error}");
    }

    #[test]
    fn what_is_broken_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join(NAME), "{\"form").expect("written");
        let error = RunInfo::read(dir.path()).expect_err("broken");
        assert_eq!(error.kind, Kind::Unreadable);
        assert!(error.message.contains("run.json"), "{error}");
    }
}
