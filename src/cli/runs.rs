//! `pb runs`: the runs that were recorded, newest first.

use std::io::Write;
use std::time::Duration;

use super::args::Configured;
use super::{Outcome, prepare, say};
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::event::short;
use crate::record::{self, RunSummary, State};
use crate::report::exit_word;
use crate::ui::{Ui, joined, plural, table};

/// `pb runs`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Print the newest run's id alone
    #[arg(long)]
    latest: bool,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::configured(&args.configured, environment)?;
    let folder = &prepared.config.record;
    if args.latest {
        let latest = record::find(folder, "latest").map_err(|e| vec![e])?;
        say(out, latest.file_name().unwrap_or_default().to_string_lossy())?;
        return Ok(0);
    }
    let runs = record::list(folder).map_err(|e| vec![e])?;
    if runs.is_empty() {
        say(out, format!("There is no run in {}.", folder.display()))?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    for line in table(Ui::stdout().measured(), &["RUN", "STARTED", "TARGET", "TOOK", "RESULT"], &rows) {
        say(out, line)?;
    }
    let broken: Vec<Error> = runs.iter().filter_map(broken).collect();
    if broken.is_empty() { Ok(0) } else { Err(broken) }
}

fn row(run: &RunSummary) -> Vec<String> {
    // To the second: nobody tells runs apart by less.
    let started = run.started.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
    let took = if matches!(run.state, State::Broken(_)) { String::new() } else { took(run.seconds) };
    vec![run.id.clone(), started, run.targets.join(" "), took, result(run)]
}

/// Tenths of a second below a minute, whole seconds above.
fn took(seconds: f64) -> String {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    if seconds < 60.0 { format!("{seconds:.1}s") } else { short(Duration::from_secs(span.as_secs())) }
}

/// `failed: 3 passed and 1 failed; 2 changes are left to undo`
pub(super) fn result(run: &RunSummary) -> String {
    let word = match &run.state {
        State::Running => "running",
        State::Killed if !run.left.is_empty() => "UNFINISHED",
        State::Killed => match &run.heir {
            Some(heir) => &format!("resumed as {heir}"),
            None if run.cleaned => "cleaned",
            None => "UNFINISHED",
        },
        State::Ended { exit_code } => exit_word(*exit_code),
        State::Broken(error) => return format!("BROKEN: {error}"),
    };
    let counts: Vec<String> = run.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let mut text = word.to_string();
    if !counts.is_empty() {
        text += &format!(": {}", joined(&counts));
    }
    // Those of a run that goes on are undone by it.
    if run.state != State::Running && !run.left.rows.is_empty() {
        let count = run.left.rows.len();
        text += &format!("; {} {} left to undo", plural(count, "change"), if count == 1 { "is" } else { "are" });
    }
    if !run.left.unreadable.is_empty() {
        text += &format!("; {} of the ledger can't be read", plural(run.left.unreadable.len(), "row"));
    }
    if !run.left.damage.is_empty() {
        text += "; its record is damaged";
    }
    text
}

/// A run that can't be read is an error. That a newer program wrote it is none: nothing is wrong with it.
fn broken(run: &RunSummary) -> Option<Error> {
    match &run.state {
        State::Broken(error) if error.kind != Kind::Config => Some(error.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{LedgerRow, Outcome, Undo};
    use crate::record::{Left, LeftRow};

    fn summary(state: State, left: u64) -> RunSummary {
        let row = |row| LeftRow {
            row: LedgerRow {
                row,
                change: "c".into(),
                undo: Undo::Command { program: "true".into(), args: Vec::new() },
                cluster_id: None,
            },
            step: None,
            at: jiff::Timestamp::UNIX_EPOCH,
            why: None,
        };
        RunSummary {
            id: "x".into(),
            folder: "x".into(),
            started: Some(jiff::Timestamp::UNIX_EPOCH),
            targets: vec!["t5".into()],
            state,
            seconds: 1.25,
            outcomes: [(Outcome::Passed, 3), (Outcome::Failed, 1)].into(),
            left: Left { rows: (1..=left).map(row).collect(), ..Left::default() },
            cleaned: false,
            former: None,
            heir: None,
        }
    }

    #[test]
    fn a_run_is_one_line_that_says_what_to_do_about_it() {
        let ended = State::Ended { exit_code: 1 };
        assert_eq!(result(&summary(ended.clone(), 0)), "failed: 3 passed and 1 failed");
        assert_eq!(result(&summary(ended, 1)), "failed: 3 passed and 1 failed; 1 change is left to undo");
        assert_eq!(result(&summary(State::Killed, 2)), "UNFINISHED: 3 passed and 1 failed; 2 changes are left to undo");
        let cleaned = RunSummary { cleaned: true, ..summary(State::Killed, 0) };
        assert_eq!(result(&cleaned), "cleaned: 3 passed and 1 failed");
        let gone_on = RunSummary { heir: Some("y".into()), ..cleaned };
        assert_eq!(result(&gone_on), "resumed as y: 3 passed and 1 failed");
        assert_eq!(result(&summary(State::Running, 2)), "running: 3 passed and 1 failed");
        assert_eq!((took(0.04), took(59.0), took(61.9)), ("0.0s".into(), "59.0s".into(), "1m1s".into()));
    }
}
