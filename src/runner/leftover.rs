//! What a run left behind, worked off by `pb clean` after it: row by row, each told to the run's record.

use std::sync::Arc;
use std::time::Duration;

use super::clean::{self, Gone};
use crate::event::{LedgerRow, Undo, What};
use crate::host::World;
use crate::host::kube::secrets;

/// How long the server may take with a request whose sender was killed: it is there by then, or never will be.
const SETTLED: Duration = Duration::from_secs(2);

/// A change that is left.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// The change and what undoes it.
    pub row: LedgerRow,
    /// The step that made it; none where it belongs to the whole run.
    pub step: Option<String>,
    /// Whether the run was killed a short while ago: a request of this row may still be on its way.
    pub fresh: bool,
}

/// Undoes rows in the order given, and tells what became of each. An interrupt ends it between two rows: the others
/// stay as they are. The rows that are left are given back.
pub fn work_off(
    world: &Arc<World>,
    rows: Vec<Leftover>,
    mut tell: impl FnMut(&LedgerRow, &Result<Gone, String>),
) -> Vec<Leftover> {
    let begun = world.clock.instant();
    world.bus.emit(None, What::CleaningStarted { rows: rows.len() as u64 });
    let mut left = Vec::new();
    let mut rows = rows.into_iter();
    while !world.cancel.is_cancelled() {
        let Some(leftover) = rows.next() else { break };
        // As at a step's end: at most this row is undone without the record's knowing.
        world.bus.flush();
        let result = match hidden(&leftover.row.undo) {
            Some(why) => Err(why),
            None => world.runtime.block_on(async {
                let first = clean::perform(world, &leftover.row.undo).await;
                if first != Ok(Gone::Already) || !leftover.fresh || !is_unseen(&leftover.row.undo) {
                    return first;
                }
                let passed = world.clock.instant().saturating_duration_since(begun);
                world.clock.sleep(SETTLED.saturating_sub(passed)).await;
                clean::perform(world, &leftover.row.undo).await
            }),
        };
        let error = result.as_ref().err().cloned();
        world.bus.emit(leftover.step.as_deref(), What::UndoDone { row: leftover.row.row, error, by_hand: None });
        tell(&leftover.row, &result);
        if result.is_err() {
            left.push(leftover);
        }
    }
    left.extend(rows);
    left
}

/// Whether the change may not have been made yet when it was looked for: nothing in the row says that it was.
fn is_unseen(undo: &Undo) -> bool {
    match undo {
        Undo::Delete { object } => object.uid.is_none(),
        Undo::Restore { .. } | Undo::Uncordon { .. } | Undo::Http { .. } => true,
        // What a program left is the program's to say.
        Undo::Command { .. } => false,
    }
}

/// Why a row can't be performed as it stands in the record: what was secret in it is not there.
fn hidden(undo: &Undo) -> Option<String> {
    let is = match undo {
        Undo::Http { url, .. } => secrets::is_hidden_in(url),
        Undo::Command { program, args } => [program].into_iter().chain(args).any(|word| secrets::is_hidden_in(word)),
        // What would be looked for elsewhere, and not be found there, would pass for gone.
        Undo::Delete { object } | Undo::Restore { object, .. } | Undo::Uncordon { object } => {
            [object.namespace.as_ref(), Some(&object.name)].into_iter().flatten().any(|n| secrets::is_hidden_in(n))
        }
    };
    is.then(|| "it held a secret, and records hold none: do it by hand".into())
}

/// How long after its row a request may still be on its way: a call's deadline, and what a server gives it.
const FRESH: Duration = Duration::from_secs(300);

impl Leftover {
    /// Whether a request that was about to be sent at a time may still be on its way now.
    pub fn is_fresh(at: jiff::Timestamp, now: jiff::Timestamp) -> bool {
        // A clock that was set back is no reason to look less closely.
        now.duration_since(at).as_secs_f64() < FRESH.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::host::testing::world;

    fn command(row: u64, script: &str) -> Leftover {
        let args = vec!["-c".to_string(), script.to_string()];
        let undo = Undo::Command { program: "bash".into(), args };
        Leftover { row: LedgerRow { row, change: format!("change {row}"), undo }, step: None, fresh: true }
    }

    #[test]
    fn rows_are_worked_off_in_order_and_what_fails_is_left() {
        let world = world(Config::default());
        let rows = vec![command(3, "true"), command(2, "exit 4"), command(1, "true")];
        let mut told = Vec::new();
        let left = work_off(&world, rows, |row, result| told.push((row.row, result.clone())));
        let why = "bash -c exit 4 ended with exit code 4".to_string();
        assert_eq!(told, [(3, Ok(Gone::Undone)), (2, Err(why)), (1, Ok(Gone::Undone))]);
        assert_eq!(left.iter().map(|l| l.row.row).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn what_is_not_there_yet_is_looked_for_once_more() {
        use std::io::{Read as _, Write as _};
        let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/thing", server.local_addr().expect("an address"));
        let answering = std::thread::spawn(move || {
            for status in ["404 Not Found", "204 No Content", "404 Not Found"] {
                let (mut stream, _) = server.accept().expect("a request");
                let _ = stream.read(&mut [0; 4096]).expect("read");
                write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                    .expect("answered");
            }
        });
        let world = world(Config::default());
        let undo = Undo::Http { method: "DELETE".into(), url, endpoint: None };
        let row = LedgerRow { row: 1, change: "create a thing".into(), undo };
        for (fresh, became) in [(true, Gone::Undone), (false, Gone::Already)] {
            let leftover = Leftover { row: row.clone(), step: None, fresh };
            let mut told = Vec::new();
            work_off(&world, vec![leftover], |_, result| told.push(result.clone()));
            assert_eq!(told, [Ok(became)]);
        }
        answering.join().expect("answered all");
    }

    #[test]
    fn an_interrupt_leaves_the_rest() {
        let world = world(Config::default());
        let cancel = world.cancel.clone();
        let left = work_off(&world, vec![command(2, "true"), command(1, "true")], |_, _| cancel.cancel());
        assert_eq!(left.iter().map(|l| l.row.row).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_the_record_hides_is_not_run() {
        let world = world(Config::default());
        let mut told = Vec::new();
        work_off(&world, vec![command(1, "login '<secret:1>'")], |_, result| told.push(result.clone()));
        assert_eq!(told, [Err("it held a secret, and records hold none: do it by hand".into())]);
    }

    #[test]
    fn only_a_late_row_may_be_on_its_way() {
        let at: jiff::Timestamp = "2026-11-23T06:00:00Z".parse().expect("a time");
        let later = |seconds| at + jiff::SignedDuration::from_secs(seconds);
        assert!(Leftover::is_fresh(at, later(3)) && Leftover::is_fresh(at, later(-3600)));
        assert!(!Leftover::is_fresh(at, later(301)));
    }
}
