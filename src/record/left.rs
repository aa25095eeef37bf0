//! What a run left behind: the rows of its ledger that are not undone. Where the ledger is damaged, the journal, which has
//! the same events, stands in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;

use jiff::Timestamp;

use super::lines::{CUT, Lines};
use super::{JOURNAL, LEDGER, LeftRow};
use crate::error::{Error, Kind, Result};
use crate::event::{Event, Undo, What};
use crate::ui::plural;

/// What a run left behind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Left {
    /// The changes that are not undone, newest first: the order in which to undo them.
    pub rows: Vec<LeftRow>,
    /// Lines of the ledger that can't be read and that the journal does not have either: somebody has to look. One that
    /// a kill cut is not among them, since a row is on the disk before its change is made.
    pub unreadable: Vec<UnreadableRow>,
    /// What is wrong with the files, in words, also where nothing was lost by it.
    pub damage: Vec<String>,
}

/// A line of the ledger that can't be read.
#[derive(Debug, Clone, PartialEq)]
pub struct UnreadableRow {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub error: Error,
}

impl Left {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.unreadable.is_empty()
    }
}

/// The undo rows of a file, and its lines that can't be read.
#[derive(Debug, Default)]
struct Rows {
    events: Vec<Event>,
    wrong: Vec<Wrong>,
}

#[derive(Debug)]
struct Wrong {
    line: u64,
    error: Error,
    /// Nothing follows it.
    last: bool,
}

impl Wrong {
    fn is_cut(&self) -> bool {
        self.error.kind == Kind::Unreadable && self.error.message.ends_with(CUT)
    }
}

/// Reads what is left from a run's folder.
pub(super) fn left(folder: &Path, has_ledger: bool) -> Result<Left> {
    // The journal first: a run that goes on writes a row into the ledger before.
    let journal = of_journal(&folder.join(JOURNAL))?;
    let ledger = of_ledger(&folder.join(LEDGER))?;
    if journal.is_none() && ledger.is_none() {
        return Err(Error::new(Kind::Io, format!("{} has neither {LEDGER} nor {JOURNAL}", folder.display()))
            .because("what the run changed can't be told"));
    }
    let mut damage = Vec::new();
    if has_ledger && ledger.is_none() {
        damage.push(format!("{LEDGER} is not there: what is left was read from {JOURNAL}"));
    }
    if journal.is_none() {
        damage.push(format!("{JOURNAL} is not there: what is left was read from {LEDGER} alone"));
    }
    let lacks = ledger.is_some();
    let ledger = ledger.unwrap_or_default();
    let told = journal.as_ref().map(|(rows, _)| rows.events.as_slice()).unwrap_or_default();
    let known: BTreeSet<_> = ledger.events.iter().map(key).collect();
    let missing: Vec<Event> = told.iter().filter(|event| !known.contains(&key(event))).cloned().collect();
    if lacks && !missing.is_empty() {
        let count = plural(missing.len(), "line");
        damage.push(format!("{LEDGER} is damaged: {count} of it, missing or unreadable, read from {JOURNAL} instead"));
    }
    let whole = journal.as_ref().is_some_and(|(_, whole)| *whole);
    let unreadable = uncovered(&ledger, missing.len(), whole);
    let events: Vec<Event> = ledger.events.into_iter().chain(missing).collect();
    let looked_at = |line: u64| {
        let by_hand = |event: &Event| matches!(event.what, What::UndoDone { line: Some(done), .. } if done == line);
        events.iter().any(by_hand)
    };
    let unreadable = unreadable.into_iter().filter(|row| !looked_at(row.line)).collect();
    Ok(Left { rows: rows(&events), unreadable, damage })
}

/// The lines that may be rows of which nothing else tells.
fn uncovered(ledger: &Rows, missing: usize, whole: bool) -> Vec<UnreadableRow> {
    // A line that was cut by a kill has no change behind it. That it was a kill which cut it the journal says, or that
    // nothing follows.
    let open = ledger.wrong.iter().filter(|wrong| !(wrong.is_cut() && (whole || wrong.last)));
    let open: Vec<UnreadableRow> =
        open.map(|wrong| UnreadableRow { line: wrong.line, error: wrong.error.clone() }).collect();
    if missing >= open.len() && whole { Vec::new() } else { open }
}

/// The rows that are not undone.
fn rows(events: &[Event]) -> Vec<LeftRow> {
    let mut rows: BTreeMap<u64, LeftRow> = BTreeMap::new();
    for event in events {
        if let What::UndoRecorded(row) = &event.what {
            let left = LeftRow { row: row.clone(), step: event.step.clone(), at: event.at, why: None };
            rows.insert(row.row, left);
        }
    }
    for event in events {
        match &event.what {
            What::UndoIdentified { row, uid: seen } => {
                if let Some(Undo::Delete { object }) = rows.get_mut(row).map(|left| &mut left.row.undo) {
                    object.uid = Some(seen.clone());
                }
            }
            What::UndoSettled { row, fields: now, owners: taken } => {
                if let Some(Undo::Restore { fields, owners, .. }) = rows.get_mut(row).map(|left| &mut left.row.undo) {
                    fields.clone_from(now);
                    owners.clone_from(taken);
                }
            }
            What::UndoDone { row, error: None, .. } => {
                rows.remove(row);
            }
            What::UndoDone { row, error, .. } => {
                if let Some(left) = rows.get_mut(row) {
                    left.why.clone_from(error);
                }
            }
            _ => {}
        }
    }
    rows.into_values().rev().collect()
}

/// What tells an event of the ledger from the others.
fn key(event: &Event) -> (u64, u8, Timestamp) {
    let (row, kind) = match &event.what {
        What::UndoRecorded(row) => (row.row, 0),
        What::UndoIdentified { row, .. } => (*row, 1),
        What::UndoDone { row, .. } => (*row, 2),
        What::UndoSettled { row, .. } => (*row, 3),
        _ => (0, 4),
    };
    (row, kind, event.at)
}

/// None where the file is not there.
fn of_ledger(path: &Path) -> Result<Option<Rows>> {
    if !path.exists() {
        return Ok(None);
    }
    let (mut lines, mut rows) = (Lines::<Event>::open(path)?, Rows::default());
    while let Some(read) = lines.next() {
        rows.wrong.iter_mut().for_each(|wrong| wrong.last = false);
        match read {
            Ok(event) => rows.events.push(event),
            Err(error) => rows.wrong.push(Wrong { line: lines.line(), error, last: true }),
        }
    }
    Ok(Some(rows))
}

/// The same of a journal, whose other lines are passed over unread: there are thousands. Also whether it is whole, but
/// for a line that a kill cut.
fn of_journal(path: &Path) -> Result<Option<(Rows, bool)>> {
    let failed = |e: std::io::Error| Error::new(Kind::Io, format!("{} can't be read", path.display())).because(e);
    let mut from = match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        other => BufReader::new(other.map_err(failed)?),
    };
    let (mut rows, mut whole, mut after_wrong, mut bytes) = (Rows::default(), true, false, Vec::new());
    loop {
        bytes.clear();
        if from.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        let line = bytes.trim_ascii();
        if line.is_empty() {
            continue;
        }
        // After what a kill cut, somebody cleans up.
        let head = String::from_utf8_lossy(&line[..line.len().min(HEAD)]);
        whole &= !after_wrong || head.contains(r#""event":"cleaning_started""#);
        after_wrong = !(head.starts_with('{') && line.ends_with(b"}"));
        if after_wrong || (head.contains(r#""event":""#) && !head.contains(r#""event":"undo_"#)) {
            continue;
        }
        match serde_json::from_slice::<Event>(line) {
            Ok(event) if event.is_undo() => rows.events.push(event),
            Ok(_) => {}
            Err(_) => after_wrong = true,
        }
    }
    Ok(Some((rows, whole)))
}

/// The kind of an event stands in front, behind its time and its step.
const HEAD: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LedgerRow;

    fn row(number: u64) -> Event {
        let undo = Undo::Command { program: "true".into(), args: Vec::new() };
        let row = LedgerRow { row: number, change: format!("change {number}"), undo, cluster_id: None };
        let at = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(i64::try_from(number).expect("small"));
        Event { at, step: Some("a".into()), what: What::UndoRecorded(row) }
    }

    fn note() -> Event {
        Event { at: Timestamp::UNIX_EPOCH, step: None, what: What::Note { text: r#""event":"undo_done""#.into() } }
    }

    fn json(event: &Event) -> String {
        serde_json::to_string(event).expect("JSON")
    }

    /// What is left by a ledger of these lines, and a journal of notes and the rows 1 to 3.
    fn of(ledger: Option<&[String]>, journal: bool) -> Left {
        let dir = tempfile::tempdir().expect("a folder");
        if journal {
            let events = [note(), row(1), row(2), note(), row(3), note()];
            let text: String = events.iter().map(|e| json(e) + "\n").collect();
            std::fs::write(dir.path().join(JOURNAL), text).expect("written");
        }
        if let Some(lines) = ledger {
            std::fs::write(dir.path().join(LEDGER), lines.join("\n")).expect("written");
        }
        left(dir.path(), true).expect("read")
    }

    fn numbers(left: &Left) -> Vec<u64> {
        left.rows.iter().map(|l| l.row.row).collect()
    }

    #[test]
    fn rows_that_the_ledger_lost_come_from_the_journal_and_that_is_said() {
        let whole: Vec<String> = (1..=3).map(|number| json(&row(number))).collect();
        assert_eq!(of(Some(&whole), true).damage, Vec::<String>::new());
        let cut = |text: &String| text[..30].to_string();
        let damaged: [&[String]; 5] = [
            &[],
            &whole[..1],
            &[whole[0].clone(), cut(&whole[1]), whole[2].clone()],
            &[whole[0].clone(), "\0\0x".into(), whole[2].clone()],
            &[whole[0].clone(), whole[1].clone(), cut(&whole[2])],
        ];
        for ledger in damaged {
            let left = of(Some(ledger), true);
            assert_eq!((numbers(&left), left.unreadable.len()), (vec![3, 2, 1], 0), "{ledger:?}");
            assert!(left.damage[0].starts_with("ledger.jsonl is damaged: "), "{:?}", left.damage);
        }
        let left = of(None, true);
        assert_eq!(numbers(&left), [3, 2, 1]);
        assert!(left.damage[0].starts_with("ledger.jsonl is not there"), "{:?}", left.damage);
    }

    #[test]
    fn what_nothing_else_tells_of_is_named_by_its_line_until_somebody_has_looked() {
        let whole: Vec<String> = (1..=3).map(|number| json(&row(number))).collect();
        let cut_in_the_middle = [whole[0].clone(), whole[1][..30].into(), whole[2].clone()];
        let mut garbled = [whole[0].clone(), "\0\0x".into(), whole[2].clone(), String::new()];
        for ledger in [cut_in_the_middle.as_slice(), &garbled] {
            let left = of(Some(ledger), false);
            assert_eq!(numbers(&left), [3, 1]);
            assert_eq!(left.unreadable.iter().map(|u| u.line).collect::<Vec<_>>(), [2]);
        }
        let what = What::UndoDone { row: 0, error: None, by_hand: Some("ada".into()), line: Some(2) };
        garbled[3] = json(&Event { at: Timestamp::UNIX_EPOCH, step: None, what });
        let left = of(Some(&garbled), false);
        assert_eq!((numbers(&left), left.unreadable.len()), (vec![3, 1], 0));
        // What a kill cut has no change behind it.
        let left = of(Some(&[whole[0].clone(), whole[1][..30].into()]), false);
        assert_eq!((numbers(&left), left.unreadable.len()), (vec![1], 0));
        // A garbled line that the journal has nothing for: nobody knows what it was.
        let more = [whole.clone(), vec!["\0\0x".into()]].concat();
        assert_eq!(of(Some(&more), true).unreadable.len(), 1);
    }

    #[test]
    fn a_row_is_what_the_servers_answer_made_of_it() {
        use crate::event::{FieldChange, ObjectRef};
        let field = |after: u16| FieldChange {
            pointer: "/spec/nodePort".into(),
            after: Some(after.into()),
            ..FieldChange::default()
        };
        let object = ObjectRef {
            cluster: "infra".into(),
            api_version: "v1".into(),
            kind: "Service".into(),
            plural: "services".into(),
            namespace: Some("web".into()),
            name: "a".into(),
            uid: None,
        };
        let of = |fields| Undo::Restore { object: object.clone(), subresource: None, fields, owners: Vec::new() };
        let mut noted = row(1);
        if let What::UndoRecorded(row) = &mut noted.what {
            row.undo = of(vec![field(31000)]);
        }
        let settled = What::UndoSettled { row: 1, fields: vec![field(31007)], owners: Vec::new() };
        let settled = Event { what: settled, ..row(2) };
        // The journal alone, the ledger alone, and both.
        for (ledger, journal) in [(false, true), (true, false), (true, true)] {
            let dir = tempfile::tempdir().expect("a folder");
            for (name, there) in [(LEDGER, ledger), (JOURNAL, journal)] {
                if there {
                    let text = format!("{}\n{}\n", json(&noted), json(&settled));
                    std::fs::write(dir.path().join(name), text).expect("written");
                }
            }
            let left = left(dir.path(), true).expect("read");
            assert_eq!(left.rows.len(), 1);
            assert_eq!(left.rows[0].row.undo, of(vec![field(31007)]), "{ledger} {journal}");
        }
    }
}
