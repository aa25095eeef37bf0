//! `pb clean RUN --done N`: what no program can undo any more was dealt with by hand; that is written down, by whom and
//! when, and is left no longer.

use std::fmt::{self, Display, Formatter};
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use super::LEFT;
use super::words as undo_words;
use crate::cli::{Outcome, say};
use crate::clock::{Clock, System};
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::event::{Event, Listener, What};
use crate::record::{Left, Lock, Record, RunInfo};
use crate::ui::{Role, Ui, joined, plural};

/// Who says it: `ada on desk-7`.
pub(super) fn who(environment: &Environment) -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| environment.variables.get(*name)).filter(|n| !n.is_empty());
    let user = named.map_or_else(|| format!("user {}", rustix::process::getuid().as_raw()), Clone::clone);
    format!("{user} on {}", RunInfo::here(jiff::Timestamp::UNIX_EPOCH).host)
}

/// What was dealt with: a change by its number, or a line of the ledger that can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Row(u64),
    Line(u64),
}

impl FromStr for Done {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let (of, number): (fn(u64) -> Self, _) = match word.strip_prefix("line") {
            Some(number) => (Self::Line, number),
            None => (Self::Row, word),
        };
        number.parse().map(of).map_err(|_| "expected the number of a change, or lineN of the ledger".into())
    }
}

impl Display for Done {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(row) => write!(f, "{row}"),
            Self::Line(line) => write!(f, "line{line}"),
        }
    }
}

/// How to say it, where something is left.
pub(super) fn hint(ui: Ui, id: &str, left: &[Done]) -> String {
    format!("{} {}", ui.paint(Role::Hint, "hint:"), how(id, left))
}

pub(super) fn how(id: &str, left: &[Done]) -> String {
    let what = if left.len() == 1 { "it" } else { "them" };
    format!("pb clean {id} --done {} once you have dealt with {what} by hand", words(left).join(","))
}

/// Everything that is left.
fn all(left: &Left) -> Vec<Done> {
    let rows = left.rows.iter().map(|row| Done::Row(row.row.row));
    rows.chain(left.unreadable.iter().map(|row| Done::Line(row.line))).collect()
}

/// Writes it into the ledger and the journal.
pub(super) fn note(
    done: &[Done],
    who: &str,
    info: &RunInfo,
    folder: &Path,
    lock: Lock,
    left: &Left,
    out: &mut dyn Write,
) -> Outcome {
    let all = all(left);
    if let Some(wrong) = done.iter().find(|done| !all.contains(done)) {
        return Err(vec![
            Error::new(Kind::Usage, format!("run {}: change {wrong} is not left", info.id)).hint(format!(
                "left to undo: {}; pb clean {} lists them",
                joined(&words(&all)),
                info.id
            )),
        ]);
    }
    let mut record = Record::reopen(folder, lock).map_err(|e| vec![e])?;
    let unwritten = record.unwritten();
    let now = System.now();
    record.on(&Event { at: now, step: None, what: What::CleaningStarted { rows: all.len() as u64 } });
    for what in done {
        let (row, line) = match what {
            Done::Row(row) => (*row, None),
            Done::Line(line) => (0, Some(*line)),
        };
        let step = left.rows.iter().find(|left| left.row.row == row).and_then(|left| left.step.clone());
        record.on(&Event { at: now, step, what: What::UndoDone { row, error: None, by_hand: Some(who.into()), line } });
    }
    let kept = record.kept();
    record.close();
    kept.map_err(|e| vec![e])?;
    let unwritten = unwritten.take();
    if !unwritten.is_empty() {
        return Err(unwritten);
    }
    for what in done {
        let text = match what {
            Done::Row(row) => {
                left.rows.iter().find(|left| left.row.row == *row).map(|left| undo_words::of(&left.row.undo))
            }
            Done::Line(line) => Some(format!("line {line} of the ledger, which can't be read")),
        };
        say(out, format!("  dealt with by hand, as {who} says: {}", text.unwrap_or_default()))?;
    }
    let rest = all.iter().filter(|left| !done.contains(left)).count();
    if rest == 0 {
        say(out, format!("Run {}: nothing is left.", info.id))?;
        return Ok(0);
    }
    let are = if rest == 1 { "is" } else { "are" };
    say(out, format!("Run {}: {} {are} still left.", info.id, plural(rest, "change")))?;
    Ok(LEFT)
}

fn words(all: &[Done]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_by_its_number_and_a_line_that_can_not_be_read_as_one() {
        for word in ["3", "line12"] {
            assert_eq!(word.parse::<Done>().map(|done| done.to_string()), Ok(word.into()));
        }
        assert!("linex".parse::<Done>().is_err() && "-1".parse::<Done>().is_err());
        assert!(how("x", &[Done::Row(4), Done::Line(2)]).contains("--done 4,line2 once you have dealt with them"));
    }
}
