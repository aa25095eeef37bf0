//! `pb clean RUN --done N`: what no program can undo any more was dealt with by hand; that is written down, by whom and
//! when, and is left no longer.

use std::io::Write;
use std::path::Path;

use super::{LEFT, words};
use crate::cli::{Outcome, say};
use crate::clock::{Clock, System};
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::event::{Event, Listener, What};
use crate::record::{LeftRow, Lock, Record, RunInfo};
use crate::ui::{Role, Ui, joined, plural};

/// Who says it: `ada on desk-7`.
pub(super) fn who(environment: &Environment) -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| environment.variables.get(*name)).filter(|n| !n.is_empty());
    let user = named.map_or_else(|| format!("user {}", rustix::process::getuid().as_raw()), Clone::clone);
    format!("{user} on {}", RunInfo::here(jiff::Timestamp::UNIX_EPOCH).host)
}

/// How to say it, where rows are left.
pub(super) fn hint(ui: Ui, id: &str, rows: &[u64]) -> String {
    let (what, numbers) = (if rows.len() == 1 { "it" } else { "them" }, numbers(rows).join(","));
    format!("{} pb clean {id} --done {numbers} once you have dealt with {what} by hand", ui.paint(Role::Hint, "hint:"))
}

/// Writes it into the ledger and the journal.
pub(super) fn note(
    done: &[u64],
    who: &str,
    info: &RunInfo,
    folder: &Path,
    lock: Lock,
    left: &[LeftRow],
    out: &mut dyn Write,
) -> Outcome {
    let is_left = |number: &u64| left.iter().any(|row| row.row.row == *number);
    if let Some(wrong) = done.iter().find(|number| !is_left(number)) {
        let rows: Vec<u64> = left.iter().map(|row| row.row.row).collect();
        return Err(vec![
            Error::new(Kind::Usage, format!("run {}: change {wrong} is not left", info.id)).hint(format!(
                "left to undo: {}; pb clean {} lists them",
                joined(&numbers(&rows)),
                info.id
            )),
        ]);
    }
    let mut record = Record::reopen(folder, lock).map_err(|e| vec![e])?;
    let unwritten = record.unwritten();
    let now = System.now();
    record.on(&Event { at: now, step: None, what: What::CleaningStarted { rows: left.len() as u64 } });
    let (mine, rest): (Vec<_>, Vec<_>) = left.iter().partition(|row| done.contains(&row.row.row));
    for row in &mine {
        let what = What::UndoDone { row: row.row.row, error: None, by_hand: Some(who.into()) };
        record.on(&Event { at: now, step: row.step.clone(), what });
    }
    let kept = record.kept();
    record.close();
    kept.map_err(|e| vec![e])?;
    let unwritten = unwritten.take();
    if !unwritten.is_empty() {
        return Err(unwritten);
    }
    for row in &mine {
        say(out, format!("  dealt with by hand, as {who} says: {}", words::of(&row.row.undo)))?;
    }
    if rest.is_empty() {
        say(out, format!("Run {}: nothing is left.", info.id))?;
        return Ok(0);
    }
    let are = if rest.len() == 1 { "is" } else { "are" };
    say(out, format!("Run {}: {} {are} still left.", info.id, plural(rest.len(), "change")))?;
    Ok(LEFT)
}

fn numbers(rows: &[u64]) -> Vec<String> {
    rows.iter().map(u64::to_string).collect()
}
