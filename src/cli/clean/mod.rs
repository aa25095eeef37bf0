//! `pb clean RUN`: undoes what a run left behind.

mod by_hand;
mod clusters;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::Configured;
use super::{Outcome, prepare, say, strongest};
use crate::clock::{Clock, System};
use crate::config::{Config, Environment};
use crate::error::{Error, Kind};
use crate::event::{Answer, Bus, Event, LedgerRow, Listener, Undo, What};
use crate::host::World;
use crate::host::redact::{Redactor, filter};
use crate::host::world::Permissions;
use crate::record::{self, LeftRow, Lock, Record, Recorded, RunInfo, State};
use crate::runner::{self, Gone, Leftover};
use crate::ui::{Role, Ui, columns, plural};

/// What is left makes this the exit code, as for a run.
const LEFT: u8 = 3;
const INTERRUPTED: u8 = 130;

/// `pb clean`
#[derive(Debug, Clone, clap::Args)]
#[command(override_usage = "pb clean [OPTIONS] RUN\n       pb clean [OPTIONS] --all")]
pub(super) struct Args {
    /// Its id, the beginning of it, latest, or its folder
    #[arg(value_name = "RUN", required_unless_present = "all", conflicts_with = "all")]
    run: Option<String>,
    /// Every run that left something behind
    #[arg(long)]
    all: bool,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
    /// Say in full why something could not be undone
    #[arg(short, long)]
    verbose: bool,
    /// Undo nothing, and write down that this change was dealt with by hand; N is its number in the list, or lineN where
    /// that line of the ledger can't be read
    #[arg(long, value_name = "N", value_delimiter = ',', conflicts_with_all = ["all", "yes"])]
    done: Vec<by_hand::Done>,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let config = prepare::configured(&args.configured, environment)?.config;
    let Some(word) = &args.run else { return all(args, environment, &config.record, out) };
    let folder = record::find(&config.record, word).map_err(|e| vec![e])?;
    one(args, environment, &folder, out)
}

/// Newest first: the later run may have changed what the earlier one left.
fn all(args: &Args, environment: &Environment, record: &Path, out: &mut dyn Write) -> Outcome {
    let (mut codes, mut errors, mut found) = (vec![0], Vec::new(), false);
    for run in record::list(record).map_err(|e| vec![e])? {
        match run.state {
            State::Running => say(out, running(&run.id, &run.folder))?,
            State::Broken(error) => errors.push(error),
            _ if run.left.is_empty() => continue,
            _ => match one(args, environment, &run.folder, out) {
                Ok(code) => codes.push(code),
                Err(wrong) => errors.extend(wrong),
            },
        }
        found = true;
        if codes.contains(&INTERRUPTED) {
            break;
        }
    }
    if !found {
        say(out, format!("No run in {} left anything behind.", record.display()))?;
    }
    if errors.is_empty() {
        return Ok(strongest_or_none(&codes));
    }
    codes.push(super::report(&errors));
    Ok(strongest_or_none(&codes))
}

fn strongest_or_none(codes: &[u8]) -> u8 {
    if codes.iter().all(|code| *code == 0) { 0 } else { strongest(codes) }
}

/// Cleans up after one run, and holds its folder for as long.
fn one(args: &Args, environment: &Environment, folder: &Path, out: &mut dyn Write) -> Outcome {
    let open = || Recorded::open(folder).map_err(|e| vec![e]);
    let info = open()?.info;
    let lock = Lock::take(folder).map_err(|e| vec![held(e, &info, folder)])?;
    // Once more: a run that was about to end has done so by now.
    let recorded = open()?;
    let left = recorded.left().map_err(|e| vec![e])?;
    let recorded_course = recorded.course().unwrap_or_default();
    let info = recorded.info;
    for damage in &left.damage {
        say(out, format!("Run {}: {damage}", info.id))?;
    }
    // A record without a journal can't tell; that it has none is said above.
    for done in recorded_course.for_good() {
        say(out, format!("Run {}: nothing brings back: {done}", info.id))?;
    }
    if left.is_empty() {
        say(out, format!("Run {}: nothing is left to undo.", info.id))?;
        return Ok(0);
    }
    let unreadable = left.unreadable.iter().map(|row| {
        let error = row.error.clone();
        let error = error.context(format!("run {}: a change can't be undone, since its row can't be read", info.id));
        error.hint(by_hand::how(&info.id, &[by_hand::Done::Line(row.line)]))
    });
    let unreadable: Vec<Error> = unreadable.collect();
    if !args.done.is_empty() {
        return by_hand::note(&args.done, &by_hand::who(environment), &info, folder, lock, &left, out);
    }
    let ended = if left.rows.is_empty() {
        Ok(0)
    } else {
        let mut config = configured(args, environment, &info)?;
        let mapped = mapped(&args.configured.contexts);
        let needed = clusters::needed(&left.rows, &config);
        let ids = clusters::ids(&info, &left.rows, &needed);
        let servers = clusters::reach(&mut config, &info, &needed, &mapped, &ids)?;
        let silent = clusters::identify(&config, &info.id, &ids)?;
        show(&info, &left.rows, &config, &servers, args.verbose, out)?;
        agreed(args, &info, out)?.map_or(Ok(LEFT), |()| {
            let verbose = args.verbose;
            let killed = Killed { info, folder: folder.into(), lock, rows: left.rows, silent, verbose };
            killed.clean(config, out)
        })
    };
    if unreadable.is_empty() {
        return ended;
    }
    let code = super::report(&unreadable);
    Ok(strongest(&[ended?, code]))
}

/// The process that works on a run which is not the run itself: another `pb clean`.
fn cleaner(info: &RunInfo, folder: &Path) -> Option<u32> {
    Lock::holder(folder).filter(|holder| info.pid != 0 && (*holder != info.pid || info.end.is_some()))
}

fn running(id: &str, folder: &Path) -> String {
    match Recorded::open(folder).ok().and_then(|recorded| cleaner(&recorded.info, folder)) {
        Some(process) => format!("Run {id}: another pb clean is at it (process {process})."),
        None => format!("Run {id} is still running: it cleans up itself."),
    }
}

fn held(error: Error, info: &RunInfo, folder: &Path) -> Error {
    if error.kind != Kind::Conflict {
        return error;
    }
    if let Some(process) = cleaner(info, folder) {
        let what = format!("run {}: another pb clean is at it (process {process})", info.id);
        return Error::new(Kind::Conflict, what).because(error.message).hint("once that has ended, this one can go on");
    }
    let process = if info.pid == 0 { String::new() } else { format!(": process {} on {}", info.pid, info.host) };
    Error::new(Kind::Conflict, format!("run {} is still running{process}", info.id))
        .because(error.message)
        .hint("Ctrl-C there ends it, and it undoes its changes itself")
}

/// The configuration that the run had, where it is still there: its endpoints, hosts and networks.
fn configured(args: &Args, environment: &Environment, info: &RunInfo) -> Result<Config, Vec<Error>> {
    let mut then = args.configured.clone();
    let file = info.config.as_ref().map(PathBuf::from).filter(|file| file.is_file());
    if then.config.is_none() && file.is_some() {
        then.config = file;
        then.profile = then.profile.or_else(|| info.profile.clone());
    }
    let config = prepare::configured(&then, environment).or_else(|errors| {
        if then.config == args.configured.config {
            Err(errors)
        } else {
            prepare::configured(&args.configured, environment)
        }
    })?;
    Ok((*config.config).clone())
}

/// The clusters that `--context NAME=CONTEXT` names.
fn mapped(contexts: &[String]) -> BTreeSet<String> {
    contexts.iter().filter_map(|c| c.split_once('=')).map(|(name, _)| name.to_string()).collect()
}

/// What will be done, to what, where.
fn show(
    info: &RunInfo,
    rows: &[LeftRow],
    config: &Config,
    servers: &BTreeMap<String, String>,
    verbose: bool,
    out: &mut dyn Write,
) -> Result<(), Vec<Error>> {
    let width = Ui::stdout().width;
    let ended = if info.end.is_some() { "ended" } else { "was killed" };
    let count = rows.len();
    let are = if count == 1 { "is" } else { "are" };
    say(out, format!("Run {} {ended}; {} {are} left to undo, in this order:", info.id, plural(count, "change")))?;
    let context = |cluster: &str| config.context(cluster).to_string();
    let table: Vec<Vec<String>> = rows.iter().map(|row| words::row(row, context)).collect();
    for (line, row) in columns(&table).iter().zip(rows) {
        say(out, line)?;
        if let Some(why) = &row.why {
            let text = format!("was tried before: {}", crate::ui::clean(why));
            say(out, format!("      {}", words::cut(&text, width.saturating_sub(6), verbose)))?;
        }
    }
    for (cluster, server) in servers {
        say(out, format!("{cluster} is {server}"))?;
    }
    Ok(())
}

/// Asks; none where the answer is no.
fn agreed(args: &Args, info: &RunInfo, out: &mut dyn Write) -> Result<Option<()>, Vec<Error>> {
    if args.yes {
        return Ok(Some(()));
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let error = Error::new(Kind::Usage, format!("run {}: nobody can be asked, since this is no terminal", info.id));
        return Err(vec![error.hint("--yes undoes it without asking; nothing was changed")]);
    }
    write!(out, "Undo this? [y/N] ").and_then(|()| out.flush()).map_err(|e| vec![super::unwritten(e)])?;
    let mut answer = String::new();
    stdin
        .lock()
        .read_line(&mut answer)
        .map_err(|e| vec![Error::new(Kind::Io, "the answer can't be read").because(e)])?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(Some(()));
    }
    say(out, "Nothing was changed.")?;
    Ok(None)
}

/// A run that is being cleaned up after.
struct Killed {
    info: RunInfo,
    folder: PathBuf,
    lock: Lock,
    rows: Vec<LeftRow>,
    /// The clusters that give no answer, with the reason.
    silent: BTreeMap<String, String>,
    /// Reasons are told in full.
    verbose: bool,
}

impl Killed {
    fn clean(self, config: Config, out: &mut dyn Write) -> Outcome {
        let Self { info, folder, lock, rows, silent, verbose } = self;
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let record = Record::reopen(&folder, lock).map_err(|e| vec![e])?;
        let unrecorded = record.unwritten();
        let clock: Arc<dyn Clock> = Arc::new(System);
        let redactor = Arc::new(Redactor::default());
        let bus = Bus::new(clock.clone(), filter(redactor.clone()), vec![Box::new(Kept(record))]);
        let runtime = super::runtime()?;
        let world = World::new(
            info.id.clone(),
            Some(folder),
            Arc::new(config),
            runtime.handle().clone(),
            bus.clone(),
            clock.clone(),
            redactor.clone(),
            Permissions::default(),
        );
        runner::watch_for_interrupts(&world);
        let now = clock.now();
        let fresh = |row: &LeftRow| info.end.is_none() && Leftover::is_fresh(row.at, now);
        let (rows, not_here) = at_home(rows, &info);
        let leftovers =
            rows.iter().map(|left| Leftover { row: left.row.clone(), step: left.step.clone(), fresh: fresh(left) });
        let ui = Ui::stdout();
        let mut said = Ok(());
        let left = runner::work_off(&world, leftovers.collect(), silent, |row, result| {
            let line = redactor.redact(&became(ui, row, result, verbose));
            // The work goes on although nobody reads of it; that it was not told is said at the end.
            said = std::mem::replace(&mut said, Ok(())).and(say(out, line).and_then(|()| flushed(out)));
        });
        let interrupted = world.cancel.is_cancelled();
        bus.close();
        runtime.shutdown_background();
        said?;
        for (left, why) in &not_here {
            say(out, became(ui, &left.row, &Err(why.clone()), verbose))?;
        }
        let mut codes = vec![0];
        let unwritten = unrecorded.take();
        if !unwritten.is_empty() {
            codes.push(super::report(&unwritten));
        }
        let count = left.len() + not_here.len();
        if interrupted {
            codes.push(INTERRUPTED);
        }
        if count == 0 {
            say(out, format!("Run {}: nothing is left.", info.id))?;
        } else {
            codes.push(LEFT);
            let are = if count == 1 { "is" } else { "are" };
            let stopped = if interrupted { "interrupted; " } else { "" };
            let rows = left.iter().map(|l| l.row.row).chain(not_here.iter().map(|(l, _)| l.row.row));
            let rows: Vec<by_hand::Done> = rows.map(by_hand::Done::Row).collect();
            say(
                out,
                format!(
                    "Run {}: {stopped}{} {are} still left; pb clean {} tries again.",
                    info.id,
                    plural(count, "change"),
                    info.id
                ),
            )?;
            if !interrupted {
                say(out, by_hand::hint(ui, &info.id, &rows))?;
            }
        }
        Ok(strongest_or_none(&codes))
    }
}

fn flushed(out: &mut dyn Write) -> Result<(), Vec<Error>> {
    out.flush().map_err(|e| vec![super::unwritten(e)])
}

/// What became of a row.
fn became(ui: Ui, row: &LedgerRow, result: &Result<Gone, String>, verbose: bool) -> String {
    let (role, word, why) = match result {
        Ok(Gone::Undone) => (Role::Good, "undone", String::new()),
        Ok(Gone::Already) => {
            let why = match row.undo {
                Undo::Delete { .. } | Undo::Http { .. } => ": already gone",
                _ => ": already as before, or its object is gone",
            };
            (Role::Good, "nothing to do", why.into())
        }
        Err(why) => (Role::Bad, "NOT UNDONE", format!(": {}", crate::ui::clean(why))),
    };
    let what = words::of(&row.undo);
    let room = ui.width.saturating_sub(word.len() + 3);
    let text = if result.is_ok() { format!("{what}{why}") } else { words::fitted(&what, &why, room, verbose) };
    format!("  {} {text}", ui.paint(role, word))
}

/// Programs that undo something ran on the run's machine, in its folder: anywhere else they might do harm.
fn at_home(rows: Vec<LeftRow>, info: &RunInfo) -> (Vec<LeftRow>, Vec<(LeftRow, String)>) {
    if !rows.iter().any(|left| matches!(left.row.undo, Undo::Command { .. })) {
        return (rows, Vec::new());
    }
    let here = RunInfo::here(jiff::Timestamp::UNIX_EPOCH).host;
    let why = if !info.host.is_empty() && info.host != here {
        format!("the run was on {}, and this is {here}: run it there", info.host)
    } else if !info.dir.is_empty()
        && let Err(error) = std::env::set_current_dir(&info.dir)
    {
        format!("the folder {} that it has to run in can't be entered: {error}", info.dir)
    } else {
        return (rows, Vec::new());
    };
    let (programs, others) = rows.into_iter().partition(|left| matches!(left.row.undo, Undo::Command { .. }));
    let programs: Vec<LeftRow> = programs;
    (others, programs.into_iter().map(|left| (left, why.clone())).collect())
}

/// The run's record, which is told of nothing but the undoing: an interrupt of this process is not the run's.
struct Kept(Record);

impl Listener for Kept {
    fn on(&mut self, event: &Event) {
        if matches!(event.what, What::CleaningStarted { .. } | What::UndoDone { .. }) {
            self.0.on(event);
        }
    }

    fn answered(&mut self, answer: &Answer) {
        self.0.answered(answer);
    }

    fn kept(&mut self) -> crate::error::Result<()> {
        self.0.kept()
    }

    fn close(&mut self) {
        self.0.close();
    }
}
