//! When an earlier run is not gone on with.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Kind};
use crate::event::{How, short};
use crate::record::Recorded;
use crate::ui::plural;

/// What was named relative to a folder means something else in another.
pub(super) fn same_folder(recorded: &Recorded, how: How, dir: &Path) -> Result<(), Error> {
    let (info, started) = (&recorded.info, Path::new(&recorded.info.dir));
    // A folder that is gone was moved, or was another machine's.
    if info.dir.is_empty() || started == dir || !started.is_dir() {
        return Ok(());
    }
    let flag = if how == How::Resumes { "--resume" } else { "--rerun" };
    let folder = shlex::try_quote(&info.dir).unwrap_or_default();
    Err(Error::new(Kind::Usage, format!("run {} was started in {}: go on with it there", info.id, info.dir))
        .hint(format!("cd {folder} && pb run {flag} {}", info.id)))
}

/// Nobody works on it, and nothing of it is left in the clusters.
pub(super) fn may_go_on(recorded: &Recorded) -> Result<(), Error> {
    let id = &recorded.info.id;
    if recorded.is_running() && recorded.info.end.is_some() {
        return Err(Error::new(Kind::Usage, format!("another process works in run {id}: pb clean, most likely"))
            .hint("wait for it to end"));
    }
    if recorded.is_running() {
        return Err(Error::new(
            Kind::Usage,
            format!("run {id} is still running: process {} on {} holds it", recorded.info.pid, recorded.info.host),
        )
        .hint(format!("pb show {id} says how far it is")));
    }
    let left = recorded.left()?;
    if left.rows.is_empty() && left.unreadable.is_empty() {
        return Ok(());
    }
    let count = left.rows.len() + left.unreadable.len();
    let mut error = Error::new(
        Kind::Usage,
        format!(
            "run {id} has left {} that {} not undone",
            plural(count, "change"),
            if count == 1 { "is" } else { "are" }
        ),
    );
    for row in &left.rows {
        let why = row.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let age = jiff::Timestamp::now().duration_since(row.at);
        let ago = Duration::try_from(age).map(short).unwrap_or_default();
        error = error.because(format!("{}, {ago} ago{why}", row.row.change));
    }
    for unreadable in &left.unreadable {
        error = error.because(unreadable.to_string());
    }
    let it = if count == 1 { "it" } else { "them" };
    let error = error.hint(format!("pb clean {id} undoes {it}; then this goes on"));
    // What was tried and could not be undone may never be.
    let tried: Vec<String> = left.rows.iter().filter(|r| r.why.is_some()).map(|r| r.row.row.to_string()).collect();
    Err(if tried.is_empty() {
        error
    } else {
        error.hint(format!("pb clean {id} --done {} once you have dealt with it by hand", tried.join(",")))
    })
}
