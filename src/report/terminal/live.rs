//! What moves: the steps that are running, drawn below what was printed; and the lines that are said in between.

use std::time::Duration;

use jiff::Timestamp;

use super::layout::{BODY, NO_TIME, STATUS, detail, entry, status, step_line, time};
use crate::event::{Outcome, short};
use crate::report::Run;
use crate::ui::{Role, Ui, clean, right, truncate, width};

/// Running steps that are drawn; the others are counted.
const MOST: usize = 8;
/// How much of a reason is told.
const REASON: usize = 300;
/// Columns of the bar.
const BAR: usize = 24;

/// A step that is running.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) id: String,
    pub(super) since: Timestamp,
    /// What it waits for, as it said last.
    pub(super) waiting: Option<String>,
    /// After how long it was announced as slow.
    pub(super) announced: Option<Duration>,
}

impl Running {
    pub(super) fn new(id: &str, since: Timestamp) -> Self {
        Self { id: id.into(), since, waiting: None, announced: None }
    }
}

/// A line to draw, and the columns that it takes.
#[derive(Debug)]
pub(super) struct Line(String, usize);

/// What stands drawn on the screen, so that it can be taken away again.
#[derive(Debug, Default)]
pub(super) struct Live(Vec<usize>);

impl Live {
    pub(super) fn is_drawn(&self) -> bool {
        !self.0.is_empty()
    }

    /// The codes that take away what is drawn, on a terminal that has now the width of `ui`: a line that was drawn
    /// when it was wider takes several rows after it was made narrower.
    pub(super) fn erase(&mut self, ui: Ui) -> String {
        let rows: usize = self.0.drain(..).map(|columns| ui.rows(columns)).sum();
        if rows == 0 { String::new() } else { format!("\r\u{1b}[{rows}A\u{1b}[J") }
    }

    pub(super) fn draw(&mut self, lines: &[Line]) -> String {
        self.0 = lines.iter().map(|line| line.1).collect();
        lines.iter().map(|line| format!("{}\n", line.0)).collect()
    }
}

/// The time between two moments; none when the clock was set back.
pub(super) fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

/// What is drawn now.
///
/// `apart` is whether an empty line is wanted between it and what was printed.
pub(super) fn lines(ui: Ui, run: &Run, running: &[Running], ids: usize, now: Timestamp, apart: bool) -> Vec<Line> {
    // The last column stays free: some terminals go to the next row after it.
    let ui = ui.within(ui.width.saturating_sub(1));
    let plain = ui.colored(false);
    let most = MOST.min(ui.height().saturating_sub(4)).max(1);
    let mut lines: Vec<Line> = Vec::new();
    let mut add = |make: &dyn Fn(Ui) -> String| lines.push(Line(make(ui), width(&make(plain))));
    if apart {
        add(&|_| String::new());
    }
    for step in running.iter().take(most) {
        let title = run.steps.iter().find(|s| s.id == step.id).map(|s| s.title.as_str()).unwrap_or_default();
        let text = step.waiting.as_ref().map_or_else(|| title.to_string(), |w| format!("waiting: {w}"));
        let seconds = elapsed(step.since, now).as_secs_f64();
        let word = if run.interrupted { "STOPPING" } else { "RUNNING" };
        let time = format!("[{}]", right(&clock(seconds), 7));
        add(&|ui| step_line(ui, &status(ui, Role::Running, word), &time, &step.id, ids, &text));
    }
    if running.len() > most {
        let more = format!("… and {} more", running.len() - most);
        add(&|ui| format!("{} {}", " ".repeat(STATUS), ui.paint(Role::Quiet, &more)));
    }
    add(&|ui| bar(ui, run, running.len()));
    lines
}

/// A time that moves: tenths, so that it can be read.
fn clock(seconds: f64) -> String {
    if seconds < 100.0 { format!("{seconds:.1}s") } else { time(seconds.floor()) }
}

/// `8/14 ━━━━━━━━━━━━─────────  6 passed · 1 failed · 2 running`
fn bar(ui: Ui, run: &Run, running: usize) -> String {
    let all = run.steps.len();
    let ended: Vec<Outcome> = run.steps.iter().filter_map(|s| run.result(&s.id)).map(|r| r.outcome).collect();
    let columns = BAR.min(ui.width.saturating_sub(STATUS + 1));
    let full = (ended.len() * columns).checked_div(all).unwrap_or(0).min(columns);
    let mut text = format!(
        "{} {}{}",
        status(ui, Role::Strong, &format!("{}/{all}", ended.len())),
        ui.paint(Role::Running, "━".repeat(full)),
        ui.paint(Role::Quiet, "─".repeat(columns - full)),
    );
    let mut room = ui.width.saturating_sub(STATUS + 1 + columns + 1);
    let mut counts: Vec<(String, Role)> = Vec::new();
    for outcome in Outcome::ALL {
        let count = ended.iter().filter(|o| **o == outcome).count();
        if count > 0 {
            counts.push((format!("{count} {outcome}"), outcome.into()));
        }
    }
    counts.push((format!("{running} running"), Role::Quiet));
    for (at, (words, role)) in counts.iter().enumerate() {
        let gap = if at == 0 { "  " } else { " · " };
        if width(gap) + width(words) > room {
            break;
        }
        room -= width(gap) + width(words);
        text.push_str(&ui.paint(Role::Quiet, gap));
        text.push_str(&ui.paint(*role, words));
    }
    text
}

/// `SLOW [  > 30s] t5/lb-address@apps  waiting: …`; what does not fit stands below.
pub(super) fn slow_lines(ui: Ui, running: &Running, ids: usize, after: Duration) -> Vec<String> {
    let time = format!("[{}]", right(&format!("> {}", short(after)), 7));
    let line = |text: &str| step_line(ui, &status(ui, Role::Warned, "SLOW"), &time, &running.id, ids, text);
    let Some(waiting) = &running.waiting else { return vec![line("still running")] };
    let text = format!("waiting: {waiting}");
    if !waiting.contains('\n') && BODY + ids.max(width(&running.id)) + 2 + width(&text) <= ui.width {
        return vec![line(&text)];
    }
    let mut lines = vec![line("still running")];
    lines.extend(detail(ui, Role::Plain, "waiting", waiting));
    lines
}

/// `RETRY           t5/bgp-sessions@infra  attempt 2`
pub(super) fn retry_line(ui: Ui, id: &str, ids: usize, attempt: u32) -> String {
    step_line(ui, &status(ui, Role::Warned, "RETRY"), NO_TIME, id, ids, &format!("attempt {attempt}"))
}

/// What a script prints: whole, since somebody is looking for it.
pub(super) fn printed(ui: Ui, id: &str, ids: usize, text: &str) -> Vec<String> {
    let text = clean(text);
    let one = text.lines().count() == 1 && width(&text) <= ui.width.saturating_sub(BODY + ids + 2);
    let status = status(ui, Role::Quiet, "print");
    if one {
        return vec![step_line(ui, &status, NO_TIME, id, ids, &text)];
    }
    let mut lines = vec![step_line(ui, &status, NO_TIME, id, ids, "")];
    lines.extend(detail(ui, Role::Plain, "", &text));
    lines
}

/// A change that could not be undone, at once.
///
/// Reasons may quote whole lists: so much of one is told, and all of it where `verbose`.
pub(super) fn not_undone(ui: Ui, change: &str, error: &str, verbose: bool) -> Vec<String> {
    let mut lines = entry(ui, Role::Bad, "NOT UNDONE", change);
    let told = if verbose { error.to_string() } else { truncate(error, REASON) };
    lines.extend(detail(ui, Role::Plain, "because", &told));
    lines
}

/// What happens after Ctrl-C.
pub(super) fn stopping(ui: Ui, at_once: bool, run: &str) -> Vec<String> {
    let text = match at_once {
        false => "stopping after clean-up; again to stop at once".to_string(),
        true => format!("stopping at once, without clean-up; pb clean {run} undoes what was changed"),
    };
    entry(ui, Role::Warned, "STOPPING", &text)
}
