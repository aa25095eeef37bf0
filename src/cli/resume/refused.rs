//! When an earlier run is not gone on with.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Kind};
use crate::event::{How, short};
use crate::record::{self, Recorded, State};
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
    if left.is_empty() {
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
        error = error.because(unreadable.error.to_string());
    }
    // What was tried and could not be undone may never be.
    let tried: Vec<String> = left.rows.iter().filter(|r| r.why.is_some()).map(|r| r.row.row.to_string()).collect();
    let unread = left.unreadable.iter().map(|row| format!("line{}", row.line));
    let by_hand: Vec<String> = tried.into_iter().chain(unread).collect();
    let untried = count - by_hand.len();
    if untried > 0 {
        let it = if untried == 1 { "it" } else { "them" };
        let rest = if by_hand.is_empty() { "; then this goes on" } else { ", as far as nobody has tried that" };
        error = error.hint(format!("pb clean {id} undoes {it}{rest}"));
    } else if left.rows.iter().any(|row| row.why.is_some()) {
        error = error.hint(format!("pb clean {id} tries again"));
    }
    Err(if by_hand.is_empty() {
        error
    } else {
        let it = if by_hand.len() == 1 { "it" } else { "them" };
        let done = by_hand.join(",");
        error.hint(format!("pb clean {id} --done {done} once you have dealt with {it} by hand; then this goes on"))
    })
}

/// No other run that went on with it, directly or not, has left anything, or is still at it.
pub(super) fn heirs_are_done(recorded: &Recorded) -> Result<(), Error> {
    let Some(beside) = recorded.folder.parent() else { return Ok(()) };
    let id = &recorded.info.id;
    let runs = record::list(beside)?;
    let mut family = BTreeSet::from([id.clone()]);
    // Oldest first: whoever went on with a run began after it.
    for run in runs.iter().rev() {
        if run.former.as_ref().is_none_or(|former| !family.contains(former)) {
            continue;
        }
        family.insert(run.id.clone());
        if run.state == State::Running {
            return Err(Error::new(Kind::Usage, format!("run {} goes on with run {id}, and is still running", run.id))
                .hint(format!("pb show {} says how far it is", run.id)));
        }
        if !run.left.is_empty() {
            let count = run.left.rows.len() + run.left.unreadable.len();
            let (changes, are) = (plural(count, "change"), if count == 1 { "is" } else { "are" });
            let what = format!("run {}, which went on with run {id}, has left {changes} that {are} not undone", run.id);
            return Err(Error::new(Kind::Usage, what)
                .hint(format!("pb clean {} undoes what is left", run.id))
                .hint(format!("pb run --resume {} then goes on where it ended", run.id)));
        }
    }
    Ok(())
}
