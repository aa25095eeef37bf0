//! Profiles in files of their own, `playbooks/profiles/NAME.toml`: those that come with the program, and those beside
//! `pb.toml`, which stand in their place where they have the same name.
//!
//! A file says what `[profiles.NAME]` of `pb.toml` says: `[settings]`, and `[clusters.CLUSTER.settings]`.

use std::path::Path;

use rust_embed::RustEmbed;

use crate::error::{Error, Kind, Result};

#[derive(RustEmbed)]
#[folder = "playbooks/profiles/"]
struct Embedded;

/// Their folder, from that of `pb.toml`.
const FOLDER: &str = "playbooks/profiles";

/// A profile's text.
pub(super) struct Profile {
    /// The file, as messages name it.
    pub(super) file: String,
    pub(super) text: String,
    /// Whether it came with the program: such a one speaks of more clusters than a platform may have.
    pub(super) embedded: bool,
}

/// The profile of a name, where there is a file of it; `dir` is the folder of `pb.toml`.
///
/// # Errors
/// [`Kind::Config`] where the file can't be read.
pub(super) fn find(dir: &Path, name: &str) -> Result<Option<Profile>> {
    let file = format!("{FOLDER}/{name}.toml");
    let path = dir.join(&file);
    if path.is_file() {
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Error::new(Kind::Config, format!("{} can't be read", path.display())).caused_by(&e))?;
        return Ok(Some(Profile { file, text, embedded: false }));
    }
    let found = Embedded::get(&format!("{name}.toml"));
    Ok(found.map(|found| Profile { file, text: String::from_utf8_lossy(&found.data).into_owned(), embedded: true }))
}

/// The names of all that there are.
pub(super) fn names(dir: &Path) -> Vec<String> {
    let stem = |name: &str| name.strip_suffix(".toml").map(str::to_owned);
    let mut all: Vec<String> = Embedded::iter().filter_map(|name| stem(&name)).collect();
    let own = std::fs::read_dir(dir.join(FOLDER)).into_iter().flatten().flatten();
    all.extend(own.filter_map(|entry| stem(&entry.file_name().to_string_lossy())));
    all
}
