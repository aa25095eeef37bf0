//! `pb show RUN`: what happened, told once more as it was told live.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::args::Configured;
use super::{Outcome, prepare};
use crate::clock::{Clock, Told};
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::event::{Event, Listener, What, short};
use crate::record::{self, Course, Recorded};
use crate::report::{self, Detail, Terminal, TerminalOptions};
use crate::ui::{Role, Ui, joined, plural, show_warning};

/// `pb show`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Its id, the beginning of it, latest, or its folder
    #[arg(value_name = "RUN")]
    run: String,
    /// Show each host call as the command that a person could type
    #[arg(long)]
    explain: bool,
    /// Show only what is not well, and the summary
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Show notes and metrics of steps that passed, too
    #[arg(short, long)]
    verbose: bool,
    /// Write a report of it, as pb run does
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    reports: Vec<String>,
    #[command(flatten)]
    configured: Configured,
}

/// How often the terminal's listener asks the time while nothing happens.
const BEAT: Duration = Duration::from_secs(1);
/// A run that slept longer than this between two events is not counted through.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

pub(super) fn run(args: &Args, environment: &Environment) -> Outcome {
    let reports = args.reports.iter().map(|r| report::parse(r)).collect::<Result<Vec<_>, _>>().map_err(|e| vec![e])?;
    let prepared = prepare::configured(&args.configured, environment)?;
    show(args, &reports, &prepared.config.record).map_err(|e| vec![e])
}

fn show(args: &Args, reports: &[report::Target], folder: &std::path::Path) -> Result<u8, Error> {
    let recorded = Recorded::open(&record::find(folder, &args.run)?)?;
    let running = recorded.is_running();
    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    let options = TerminalOptions { detail, explain: args.explain, ..TerminalOptions::default() };
    // Nothing moves: what is told has happened.
    let mut ui = Ui::stdout().measured();
    ui.interactive = false;
    let clock = Arc::new(Told::default());
    let mut terminal = Terminal::new(ui, options, clock.clone(), Box::new(std::io::stdout()));
    let (mut course, mut run) = (Course::default(), report::Run::default());
    let mut cleaned = Cleaned::default();
    for event in recorded.events()? {
        // What was done later to what the run left is no part of its course, and is told after it.
        if let Ok(event) = &event
            && !cleaned.learns(event)
        {
            run.on(event);
            tell(&mut terminal, &clock, event);
        }
        course.learn(event);
    }
    // It went on while it was read: the end is there now.
    if course.end.is_none() {
        let left = recorded.left()?;
        let mut out = std::io::stdout().lock();
        for line in unfinished(ui, &course, &left.rows, running, &recorded.info.id) {
            // A closed pipe is no error.
            let _ = writeln!(out, "{line}");
        }
    }
    if !cleaned.undone.is_empty() || !cleaned.not_undone.is_empty() || !cleaned.by_hand.is_empty() {
        let mut out = std::io::stdout().lock();
        for line in cleaned.lines(ui, recorded.left()?.rows.len()) {
            let _ = writeln!(out, "{line}");
        }
    }
    let mut out = std::io::stdout().lock();
    for done in course.for_good() {
        let _ = writeln!(out, "{} nothing brings back: {done}", ui.paint(Role::Warned, "note:"));
    }
    drop(out);
    for report in reports {
        report.write(&run)?;
    }
    let warn = |error: &Error| {
        let _ = writeln!(std::io::stderr(), "{}", show_warning(Ui::stderr().measured(), error));
    };
    let left = recorded.left()?;
    left.damage.iter().for_each(|damage| warn(&Error::new(Kind::Unreadable, damage)));
    left.unreadable.iter().for_each(|row| warn(&row.error));
    course.unreadable.iter().for_each(warn);
    Ok(0)
}

/// What `pb clean` did after the run.
#[derive(Debug, Default)]
struct Cleaned {
    at: Option<Timestamp>,
    goes_on: bool,
    undone: BTreeSet<u64>,
    not_undone: BTreeSet<u64>,
    /// By who said so.
    by_hand: BTreeMap<String, BTreeSet<u64>>,
}

impl Cleaned {
    /// Whether an event is one of the clean-up's.
    fn learns(&mut self, event: &Event) -> bool {
        match &event.what {
            What::CleaningStarted { .. } => {
                self.at = Some(event.at);
                self.goes_on = true;
            }
            What::UndoDone { row, error, by_hand, .. } if self.goes_on => {
                let to = match (error, by_hand) {
                    (_, Some(who)) => self.by_hand.entry(who.clone()).or_default(),
                    (None, _) => &mut self.undone,
                    _ => &mut self.not_undone,
                };
                to.insert(*row);
            }
            _ => {
                self.goes_on = false;
                return false;
            }
        }
        true
    }

    fn lines(&self, ui: Ui, left: usize) -> Vec<String> {
        let at = self.at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
        let undone = plural(self.undone.len(), "change");
        let (role, rest) = match left {
            0 => (Role::Good, "nothing is left".to_string()),
            count => (Role::Bad, format!("{} {} left", plural(count, "change"), if count == 1 { "is" } else { "are" })),
        };
        let by_hand: String = self
            .by_hand
            .iter()
            .map(|(who, rows)| format!("{} dealt with by hand as {who} said, ", rows.len()))
            .collect();
        let head = ui.paint(role, "CLEANED");
        vec![String::new(), format!("{head} with pb clean at {at}: {undone} undone, {by_hand}{rest}")]
    }
}

/// Tells an event, with the time passing before it as it did.
fn tell(terminal: &mut Terminal, clock: &Told, event: &Event) {
    let begins = matches!(event.what, What::RunStarted { .. });
    let gap = event.at.duration_since(clock.now());
    if let Ok(gap) = Duration::try_from(gap)
        && !begins
        && gap <= LONGEST
    {
        for _ in 0..gap.as_secs() {
            clock.set(clock.now() + BEAT);
            terminal.tick();
        }
    }
    clock.set(event.at);
    terminal.on(event);
}

/// What there is to say of a run without an end.
fn unfinished(ui: Ui, course: &Course, left: &[record::LeftRow], running: bool, id: &str) -> Vec<String> {
    let span = short(Duration::try_from_secs_f64(course.seconds()).unwrap_or_default());
    // A journal that lost its first line does not say what was planned.
    let ended = match course.plan.len() {
        0 => format!("{} ended", plural(course.ended.len(), "step")),
        planned => format!("{} of {} ended", course.ended.len(), plural(planned, "step")),
    };
    let mut lines = vec![String::new()];
    let head = |word: &str, text: String| format!("{} {text}", ui.paint(Role::Bad, word));
    if running {
        lines.push(format!("{} it goes on; after {span} {ended}", ui.paint(Role::Strong, "RUNNING")));
    } else {
        // What was killed, and what found no room on the disk for its end, have left the same.
        let why = "the run was killed, or could not write its end";
        lines.push(head("UNFINISHED", format!("{why}; last heard of {span} after it began; {ended}")));
    }
    let under_way: Vec<String> = course.under_way.keys().cloned().collect();
    if !under_way.is_empty() {
        lines.push(format!("  under way: {}", joined(&under_way)));
    }
    for (step, line) in course.calls_under_way.values() {
        let of = step.as_ref().map(|step| format!(" ({step})")).unwrap_or_default();
        lines.push(format!("  a call had no answer yet: {line}{of}"));
    }
    let never = course.never_began().len();
    if never > 0 {
        lines.push(format!("  never began: {}", plural(never, "step")));
    }
    // What a run has not undone while it goes on is its own business.
    for left in left.iter().filter(|_| !running) {
        let why = left.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("  left to undo: {}{why}", left.row.change));
    }
    if !left.is_empty() && !running {
        lines.push(format!("{} pb clean {id} undoes what is left", ui.paint(Role::Hint, "hint:")));
    }
    lines
}
