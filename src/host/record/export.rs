//! Files that leave the record: written whole, into one folder, and sealed with the hash of what they say, so that a
//! later run knows which of them it may replace.

use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use super::reading::{own, platform};
use crate::error::{Error, Kind, Result};
use crate::host::data::file;
use crate::host::data::hash::sha256;
use crate::host::{World, paths};
use crate::record::Recorded;

/// What the last line of a file says that was exported.
const SEAL: &str = "pb: SHA-256 of what stands above: ";

/// Where a relative folder counts from: the configuration's folder; in a run whose platform was opened for it alone,
/// the run's own, so that what a simulated platform says never lies beside evidence of a real one.
///
/// # Errors
/// As [`own`]; what [`Recorded::open`] says.
pub(super) fn folder(world: &World, folder: &str) -> Result<PathBuf> {
    let own = own(world)?;
    let simulated = platform(&Recorded::open(own)?.info).is_some();
    Ok(paths::from(if simulated { own } else { &world.config.dir }, folder))
}

/// Writes a text as a file of a folder.
///
/// # Errors
/// [`Kind::Script`] for a name that leads out of the folder; [`Kind::Conflict`] where a file is there that was not
/// exported or was changed since, unless `replace`; [`Kind::Io`].
pub(super) fn write(folder: &Path, name: &str, text: &str, replace: bool, mark: &str) -> Result<Value> {
    let path = inside(folder, name)?;
    let there = match path.symlink_metadata() {
        Ok(_) => true,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
        Err(e) => return Err(Error::new(Kind::Io, format!("cannot look for {}", path.display())).caused_by(&e)),
    };
    if there && !replace && !std::fs::read(&path).is_ok_and(|bytes| is_sealed(&bytes)) {
        return Err(Error::new(
            Kind::Conflict,
            format!("{} is there, and was not written by pb, or changed since", path.display()),
        )
        .hint("move it away to keep what stands there; or have it replaced: #{ replace: true }"));
    }
    let sealed = sealed(name, text);
    file::place(&path, sealed.as_bytes(), mark)?;
    Ok(json!({
        "name": name, "path": path, "bytes": sealed.len(), "sha256": sha256(sealed.as_bytes()), "replaced": there,
    }))
}

/// Where a file of the folder lies. A name is a plain relative path.
fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let plain = !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || name.ends_with('/') {
        return Err(Error::new(Kind::Script, format!("record::write: \"{name}\" is no name of a file in a folder"))
            .hint("a name has no .. and does not begin with /; the folder is the first argument"));
    }
    let path = folder.join(name);
    // A link on the way may lead anywhere: what is there of the way is looked at before anything is written.
    let there = path.ancestors().skip(1).find(|part| part.exists());
    match there.filter(|part| part.starts_with(folder)) {
        Some(part) => stays_inside(folder, part).map(|()| path),
        None => Ok(path),
    }
}

fn stays_inside(folder: &Path, part: &Path) -> Result<()> {
    let real = |path: &Path| {
        path.canonicalize()
            .map_err(|e| Error::new(Kind::Io, format!("it can't be told where {} lies", path.display())).caused_by(&e))
    };
    let (root, at) = (real(folder)?, real(part)?);
    if at.starts_with(&root) {
        return Ok(());
    }
    Err(Error::new(Kind::Io, format!("{} leads out of {}, to {}", part.display(), folder.display(), at.display()))
        .hint("nothing is written there"))
}

/// The text with its last line.
fn sealed(name: &str, text: &str) -> String {
    let text = if text.is_empty() || text.ends_with('\n') { text.to_string() } else { format!("{text}\n") };
    let digest = sha256(text.as_bytes());
    let (begin, end) = if name.ends_with(".md") { ("<!-- ", " -->") } else { ("# ", "") };
    format!("{text}{begin}{SEAL}{digest}{end}\n")
}

/// Whether a file was exported and not changed since.
fn is_sealed(bytes: &[u8]) -> bool {
    let Some(without) = bytes.strip_suffix(b"\n") else { return false };
    let begin = without.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = String::from_utf8_lossy(&without[begin..]);
    let digest = line.split_once(SEAL).map(|(_, rest)| rest.trim_end_matches(" -->"));
    digest == Some(sha256(&bytes[..begin]).as_str())
}

/// Every file of a folder, at any depth, by name: what is hidden or a link is left out. None where there is no folder.
///
/// # Errors
/// [`Kind::Io`]
pub(super) fn files(folder: &Path) -> Result<Vec<Value>> {
    let mut found: Vec<(String, Value)> = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        let failed = |e: std::io::Error| Error::new(Kind::Io, format!("cannot read {}", dir.display())).caused_by(&e);
        let entries = match std::fs::read_dir(&dir) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && dir == folder => return Ok(Vec::new()),
            other => other.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                let bytes = std::fs::read(&path).map_err(failed)?;
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                let row = json!({ "name": name, "path": path, "bytes": bytes.len(), "sha256": sha256(&bytes),
                                  "sealed": is_sealed(&bytes) });
                found.push((name, row));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found.into_iter().map(|(_, row)| row).collect())
}
