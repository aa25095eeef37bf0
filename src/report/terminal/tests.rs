//! Event streams played into the report, and what it wrote: as text, and as a terminal's screen.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Detail, Terminal, TerminalOptions};
use crate::clock::{Clock, System};
use crate::event::{Event, Listener, Outcome, StepResult, What};
use crate::report::sample::{at, begin, finished, good, mixed, result, started, stopped};
use crate::ui::{Ui, width};

/// A clock that stands where the last event left it.
struct Still(Mutex<Timestamp>);

impl Still {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(begin())))
    }

    fn set(&self, at: Timestamp) {
        *self.0.lock().expect("not poisoned") = at;
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("not poisoned")
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::ready(()))
    }
}

/// What was written, kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }
}

/// A report that is being played.
struct Played {
    clock: Arc<Still>,
    kept: Kept,
    terminal: Terminal,
}

impl Played {
    fn new(ui: Ui, options: TerminalOptions) -> Self {
        let (clock, kept) = (Still::new(), Kept::default());
        let terminal = Terminal::new(ui, options, clock.clone(), Box::new(kept.clone()));
        Self { clock, kept, terminal }
    }

    /// Each event at its time, and a tick just before it.
    fn play(mut self, events: &[Event]) -> Self {
        for event in events {
            self.clock.set(event.at);
            self.terminal.tick();
            self.terminal.on(event);
        }
        self
    }

    fn text(&self) -> String {
        self.kept.text()
    }

    /// The screen that the codes written so far make.
    fn screen(&self, rows: u16, columns: u16) -> String {
        let size = |n: u16| std::num::NonZeroU16::new(n).expect("not empty");
        let mut parser = vt100::Parser::new(size(rows), size(columns), 0);
        // A terminal's driver turns a line end into return and line feed.
        parser.process(self.text().replace('\n', "\r\n").as_bytes());
        parser.screen().contents()
    }
}

fn plain(options: TerminalOptions, events: &[Event]) -> String {
    Played::new(Ui::plain(), options).play(events).text()
}

fn options(detail: Detail) -> TerminalOptions {
    TerminalOptions { detail, ..TerminalOptions::default() }
}

#[test]
fn a_good_run_is_short() {
    insta::assert_snapshot!(plain(TerminalOptions::default(), &good()));
}

#[test]
fn a_mixed_run_without_a_terminal() {
    insta::assert_snapshot!(plain(TerminalOptions::default(), &mixed()));
}

#[test]
fn a_mixed_run_with_every_detail_and_call() {
    insta::assert_snapshot!(plain(TerminalOptions { explain: true, ..options(Detail::Verbose) }, &mixed()));
}

#[test]
fn quiet_shows_what_is_not_well_and_the_summary() {
    let text = plain(options(Detail::Quiet), &mixed());
    assert!(!text.contains("PASS") && !text.contains("RETRY") && !text.contains("playbooks  "), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn eighty_columns_are_never_exceeded() {
    let ui = Ui::fixed(false, 80, false);
    let text = Played::new(ui, options(Detail::Verbose)).play(&mixed()).text();
    for line in text.lines() {
        assert!(width(line) <= 80, "{} columns: {line}", width(line));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn two_hundred_columns_with_colours() {
    let ui = Ui::fixed(true, 200, false);
    let text = Played::new(ui, TerminalOptions::default()).play(&mixed()).text();
    insta::assert_snapshot!(text.replace('\u{1b}', "\\e"));
}

#[test]
fn colours_change_no_letter_and_no_column() {
    let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("a pattern");
    for columns in [80, 120, 200] {
        let with = Played::new(Ui::fixed(true, columns, false), options(Detail::Verbose)).play(&mixed()).text();
        let without = Played::new(Ui::fixed(false, columns, false), options(Detail::Verbose)).play(&mixed()).text();
        let stripped: Vec<String> = codes.replace_all(&with, "").lines().map(|l| l.trim_end().to_string()).collect();
        let without: Vec<&str> = without.lines().map(str::trim_end).collect();
        assert_eq!(stripped, without);
    }
}

#[test]
fn without_a_terminal_there_is_no_control_code_whatever_a_cluster_says() {
    let mut events = mixed();
    let evil = "\u{1b}]0;title\u{7}\u{1b}[2J\rover\u{9b}31m";
    let mut bad = result("t5/dns@infra", Outcome::Errored);
    bad.message = evil.into();
    bad.error = Some(crate::error::Error::new(crate::error::Kind::Unreadable, evil).because(evil).hint(evil));
    bad.notes = vec![evil.into()];
    events.insert(5, at(55, Some("t5/dns@infra"), What::Printed { text: evil.into() }));
    events.insert(6, finished(56, bad));
    let text = plain(TerminalOptions { explain: true, ..options(Detail::Verbose) }, &events);
    let control = |c: &char| c.is_control() && *c != '\n';
    assert_eq!(text.chars().find(control), None);
    assert!(text.contains("^[]0;title"));
}

#[test]
fn on_a_terminal_what_runs_is_drawn_below_and_nothing_stays_behind() {
    let ui = Ui::fixed(false, 100, true);
    let events = mixed();
    let until = events.iter().position(|e| matches!(e.what, What::Waiting { .. })).expect("waits") + 1;
    let mut played = Played::new(ui, TerminalOptions::default()).play(&events[..until]);
    played.clock.set(begin() + jiff::SignedDuration::from_millis(9_210));
    played.terminal.tick();
    insta::assert_snapshot!("drawn_while_waiting", played.screen(60, 100));

    let end = played.play(&events[until..]);
    let still = Played::new(Ui::fixed(false, 100, false), TerminalOptions::default()).play(&events).text();
    let screen: Vec<String> = end.screen(200, 100).lines().map(|l| l.trim_end().to_string()).collect();
    let still: Vec<&str> = still.lines().map(str::trim_end).collect();
    assert_eq!(screen, still, "the end of an interactive run reads like a plain one");
}

#[test]
fn drawing_survives_a_terminal_that_is_made_narrower() {
    // What a terminal does with the rows it has is its own affair: those that break long lines anew need as many
    // rows up as the lines take now.
    let mut live = super::live::Live::default();
    let ui = Ui::fixed(false, 101, true);
    let run = crate::report::sample::run_of(&[started(&["t5/bgp-table@infra"])]);
    let running = [super::live::Running::new("t5/bgp-table@infra", begin())];
    let lines = super::live::lines(ui, &run, &running, 18, begin(), true);
    live.draw(&lines);
    assert_eq!(live.erase(ui.within(100)), "\r\u{1b}[3A\u{1b}[J");
    live.draw(&lines);
    assert_eq!(live.erase(ui.within(40)), "\r\u{1b}[6A\u{1b}[J");
    assert_eq!(live.erase(ui.within(40)), "", "what was erased is not erased again");
}

#[test]
fn many_running_steps_are_counted() {
    let ids: Vec<String> = (0..20).map(|n| format!("t5/s{n}@infra")).collect();
    let mut events = vec![started(&ids.iter().map(String::as_str).collect::<Vec<_>>())];
    events.extend(ids.iter().map(|id| at(1, Some(id), What::StepStarted { attempt: 1 })));
    let mut played = Played::new(Ui::fixed(false, 80, true), options(Detail::Quiet)).play(&events);
    played.terminal.tick();
    insta::assert_snapshot!(played.screen(24, 80));
}

#[test]
fn a_slow_step_is_announced_when_its_time_has_doubled() {
    let id = "t5/bgp-table@infra";
    let events = [started(&[id]), at(0, Some(id), What::StepStarted { attempt: 1 })];
    let mut played = Played::new(Ui::plain(), TerminalOptions::default()).play(&events);
    let before = played.text().len();
    for seconds in 1..=130 {
        played.clock.set(begin() + jiff::SignedDuration::from_secs(seconds));
        if seconds == 40 {
            played.terminal.on(&at(40_000, Some(id), What::Waiting { message: "2 of 3 neighbours are up".into() }));
        }
        played.terminal.tick();
    }
    insta::assert_snapshot!(&played.text()[before..]);
}

#[test]
fn an_interruption_says_what_happens_now() {
    let id = "t5/bgp-failover@infra";
    let cut = StepResult { id: id.into(), ..stopped() };
    let events = [
        started(&[id, "t5/dns@infra"]),
        at(0, Some(id), What::StepStarted { attempt: 1 }),
        at(900, None, What::Interrupting { at_once: false }),
        at(1200, None, What::Interrupting { at_once: true }),
        finished(1300, cut),
        at(1400, None, What::RunFinished { exit_code: 130, seconds: 1.4, left: vec![] }),
    ];
    insta::assert_snapshot!(plain(TerminalOptions::default(), &events));
}

#[test]
fn a_gigabyte_of_actual_is_cut_and_says_so() {
    let mut failed = result("t5/dns@infra", Outcome::Failed);
    failed.failures = vec![crate::event::Failure {
        label: "lines".into(),
        expected: "none".into(),
        actual: (1..=500).map(|n| format!("line {n}\n")).collect(),
        ..crate::event::Failure::default()
    }];
    let text = plain(TerminalOptions::default(), &[started(&["t5/dns@infra"]), finished(5, failed)]);
    assert!(text.contains("line 11\n") && !text.contains("line 12\n"), "{text}");
    assert!(text.contains("… 489 lines more, in the record"), "{text}");
}

/// Plays the mixed run onto this terminal, the long wait shortened:
/// `cargo test --lib watch_a_run -- --ignored --nocapture` (with `PB_WATCH=explain`, `quiet`, `verbose` or `stop`).
#[test]
#[ignore = "for watching, on a terminal"]
fn watch_a_run() {
    let how = std::env::var("PB_WATCH").unwrap_or_default();
    let mut options = TerminalOptions { explain: how == "explain", slow: Duration::from_secs(3), ..Default::default() };
    options.detail = match how.as_str() {
        "quiet" => Detail::Quiet,
        "verbose" => Detail::Verbose,
        _ => Detail::Normal,
    };
    let mut events = mixed();
    if how == "stop" {
        let id = "t5/bgp-failover@infra";
        let cut = StepResult { id: id.into(), ..stopped() };
        events.truncate(18);
        events.push(at(3000, None, What::Interrupting { at_once: false }));
        events.push(finished(5000, cut));
        events.push(at(5100, None, What::RunFinished { exit_code: 130, seconds: 5.1, left: vec![] }));
    }
    let terminal = Box::new(Terminal::new(Ui::stdout(), options, Arc::new(System), Box::new(std::io::stdout())));
    // The bus stamps each event with the time at which it is emitted, as in a real run.
    let bus = crate::event::Bus::new(Arc::new(System), Box::new(|e| e), vec![terminal]);
    let mut last = begin();
    for event in events {
        let pause = Duration::try_from(event.at.duration_since(last)).unwrap_or_default();
        last = event.at;
        std::thread::sleep(pause.min(Duration::from_secs(7)));
        bus.emit(event.step.as_deref(), event.what);
    }
    bus.close();
    assert!(last > begin());
}
