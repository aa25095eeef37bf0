//! What a person sees while a run goes on and at its end.
//!
//! Everything stands on two columns: a status word ends at the first, what it is about begins there; a step's id and
//! whatever explains it begin at the second. Lines that were printed stay; on a terminal, the steps that are running
//! are drawn below them and drawn again. Elsewhere nothing is ever drawn again and no control code is written.

mod calls;
mod header;
mod layout;
mod live;
mod step;
mod summary;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::calls::Calls;
use self::live::{Live, Running};
use super::{Problems, Run};
use crate::clock::Clock;
use crate::error::{Error, Kind};
use crate::event::{Event, Filter, Listener, Outcome, StepResult, What};
use crate::ui::Ui;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// `-q`: what is not well, and the summary.
    Quiet,
    /// Every step's end.
    #[default]
    Normal,
    /// `-v`: notes and metrics of steps that passed, too.
    Verbose,
}

/// What the operator wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalOptions {
    /// How much.
    pub detail: Detail,
    /// `--explain`: every host call as the line that a person could type.
    pub explain: bool,
    /// A step that runs longer is announced, and again each time that the time has doubled.
    pub slow: Duration,
}

impl Default for TerminalOptions {
    fn default() -> Self {
        Self { detail: Detail::Normal, explain: false, slow: Duration::from_secs(30) }
    }
}

/// The listener that writes to the terminal.
pub struct Terminal {
    ui: Ui,
    options: TerminalOptions,
    clock: Arc<dyn Clock>,
    out: Box<dyn Write + Send>,
    run: Run,
    ids: usize,
    running: Vec<Running>,
    live: Live,
    drawn_at: Option<Timestamp>,
    calls: Calls,
    changes: HashMap<u64, String>,
    /// Whether the last line that was printed is empty.
    after_blank: bool,
    problems: Problems,
    unwritten: bool,
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("ui", &self.ui).field("options", &self.options).finish_non_exhaustive()
    }
}

/// How often what moves is drawn again.
const FRAME: Duration = Duration::from_millis(100);

impl Terminal {
    /// A report to `out`, which can do what `ui` says.
    pub fn new(ui: Ui, options: TerminalOptions, clock: Arc<dyn Clock>, out: Box<dyn Write + Send>) -> Self {
        Self {
            ui,
            options,
            clock,
            out,
            run: Run::default(),
            ids: 0,
            running: Vec::new(),
            live: Live::default(),
            drawn_at: None,
            calls: Calls::default(),
            changes: HashMap::new(),
            after_blank: true,
            problems: Problems::default(),
            unwritten: false,
        }
    }

    /// Tells there that the output could not be written.
    #[must_use]
    pub fn telling(mut self, problems: &Problems) -> Self {
        self.problems = problems.clone();
        self
    }

    /// Prints lines that stay, above what is drawn.
    fn print(&mut self, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.after_blank = lines.last().is_some_and(String::is_empty);
        let again = self.live.is_drawn();
        let mut text = self.live.erase(self.ui);
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        if again {
            text.push_str(&self.frame());
        }
        self.write(&text);
    }

    /// Draws what is running, if a person watches.
    fn draw(&mut self) {
        if !self.ui.interactive || self.run.finished.is_some() {
            return;
        }
        let mut text = self.live.erase(self.ui);
        text.push_str(&self.frame());
        self.write(&text);
    }

    fn frame(&mut self) -> String {
        let now = self.clock.now();
        self.drawn_at = Some(now);
        let lines = live::lines(self.ui, &self.run, &self.running, self.ids, now, !self.after_blank);
        self.live.draw(&lines)
    }

    fn write(&mut self, text: &str) {
        // A closed pipe or terminal must not end the run: its clean-up and its record matter more.
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        // Whoever closed a pipe has seen enough; a full disk is told once, at the end.
        if let Err(why) = written
            && why.kind() != std::io::ErrorKind::BrokenPipe
            && !std::mem::replace(&mut self.unwritten, true)
        {
            let error = Error::new(Kind::Io, "the output can't be written").because(why);
            let record = self.run.record.as_ref().map(|record| format!("the run's record stands in {record}"));
            self.problems.add(error.maybe_hint(record));
        }
    }

    /// Announces steps that take long.
    fn slow(&mut self) {
        let now = self.clock.now();
        let mut lines = Vec::new();
        for running in &mut self.running {
            let after = running.announced.map_or(self.options.slow, |last| last * 2);
            if live::elapsed(running.since, now) >= after {
                running.announced = Some(after);
                lines.extend(live::slow_lines(self.ui, running, self.ids, after));
            }
        }
        self.print(&lines);
    }

    fn step_ended(&mut self, result: &StepResult) {
        self.running.retain(|r| r.id != result.id);
        if self.options.detail == Detail::Quiet && !step::is_problem(result.outcome) {
            return;
        }
        // What stands from an earlier run was told there; the header counts it.
        if self.options.detail != Detail::Verbose && result.taken_from.is_some() {
            return;
        }
        let info = self.run.steps.iter().find(|s| s.id == result.id).cloned().unwrap_or_default();
        let lines = step::ended(self.ui, self.options.detail, self.ids, &info, result);
        self.print(&lines);
    }

    /// What events say that is printed at once, or changes what is drawn.
    fn told(&mut self, event: &Event) {
        let id = event.step.as_deref().unwrap_or_default();
        let quiet = self.options.detail == Detail::Quiet;
        match &event.what {
            What::RunStarted { .. } => {
                self.ids = layout::id_width(self.ui, &self.run.steps);
                if !quiet {
                    self.print(&header::lines(self.ui, &self.run));
                }
            }
            What::StepStarted { attempt } => {
                match self.running.iter_mut().find(|r| r.id == id) {
                    Some(running) => running.waiting = None,
                    None => self.running.push(Running::new(id, event.at)),
                }
                if *attempt > 1 && !quiet {
                    self.print(&[live::retry_line(self.ui, id, self.ids, *attempt)]);
                }
            }
            What::CallStarted { call, line, .. } => self.calls.started(*call, line),
            What::CallFinished { call, seconds, summary, error } => {
                let lines = self.calls.finished(self.ui, id, *call, *seconds, summary, error.as_ref());
                if self.options.explain {
                    self.print(&lines);
                }
            }
            What::Waiting { message } => {
                if let Some(running) = self.running.iter_mut().find(|r| r.id == id) {
                    running.waiting = Some(message.clone());
                }
            }
            What::Printed { text } if !quiet => self.print(&live::printed(self.ui, id, self.ids, text)),
            What::UndoRecorded(row) => {
                self.changes.insert(row.row, row.change.clone());
            }
            What::UndoDone { row, error: Some(error), .. } => {
                let change = self.changes.get(row).cloned().unwrap_or_else(|| format!("change {row}"));
                self.print(&live::not_undone(self.ui, &change, error, self.options.detail == Detail::Verbose));
            }
            What::StepFinished(result) => self.step_ended(result),
            What::Interrupting { at_once } => {
                self.print(&live::stopping(self.ui, *at_once, &self.run.id));
            }
            What::RunFinished { .. } => {
                self.running.clear();
                let mut text = self.live.erase(self.ui);
                for line in summary::lines(self.ui, &self.run, self.ids) {
                    text.push_str(&line);
                    text.push('\n');
                }
                self.write(&text);
            }
            _ => {}
        }
    }
}

impl Listener for Terminal {
    fn review(&mut self, filter: &Filter) -> Vec<(Option<String>, What)> {
        self.run = std::mem::take(&mut self.run).filtered(filter);
        Vec::new()
    }

    fn on(&mut self, event: &Event) {
        self.ui = self.ui.measured();
        self.run.on(event);
        self.told(event);
        // A steady stream of events leaves no pause for a tick.
        if self.drawn_at.is_some_and(|last| live::elapsed(last, self.clock.now()) >= FRAME) {
            self.tick();
        }
    }

    fn tick(&mut self) {
        if self.run.finished.is_some() {
            return;
        }
        self.ui = self.ui.measured();
        self.slow();
        if !self.running.is_empty() || self.live.is_drawn() {
            self.draw();
        }
    }

    fn tick_every(&self) -> Option<Duration> {
        Some(if self.ui.interactive { FRAME } else { Duration::from_secs(1) })
    }
}

/// The word in the status column.
fn word(result: &StepResult) -> &'static str {
    match result.outcome {
        Outcome::Passed => "PASS",
        Outcome::Warned => "WARN",
        Outcome::Failed => "FAIL",
        Outcome::Inconclusive => "INCONCLUSIVE",
        Outcome::Manual => "MANUAL",
        Outcome::Skipped => "SKIP",
        Outcome::Blocked => "BLOCKED",
        _ if is_stopped(result) => "STOPPED",
        _ => "ERROR",
    }
}

/// Whether the operator ended the step: it could not find out, and needs no explanation why.
fn is_stopped(result: &StepResult) -> bool {
    result.error.as_ref().is_some_and(|e| e.kind == Kind::Cancelled)
}
