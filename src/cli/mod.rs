//! The command line: one file a subcommand, and `Command`, the table of them.
//!
//! The only place that knows clap, the arguments and the process' environment.

mod args;
mod check;
mod clean;
mod completions;
mod described;
mod doc;
mod doctor;
mod files;
mod identity;
mod init;
#[cfg(feature = "lab")]
mod inside;
#[cfg(feature = "lab")]
mod lab;
mod list;
mod new;
mod plan;
mod prepare;
mod resume;
mod run;
mod runs;
mod secret_settings;
mod show;
mod trace;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::client::kube::connect;
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::host::redact::hide;
use crate::playbook::Library;
use crate::ui::{Ui, show_error};

/// Runs playbooks written in Rhai against Kubernetes clusters, routers and services.
#[derive(Debug, Parser)]
#[command(name = "pb", version, about, max_term_width = 100)]
#[command(after_help = "To begin:
  pb doctor   what is configured, and whether it answers
  pb list     the playbooks; pb list -v has their steps
  pb plan t5  what a run of t5 would do; nothing is asked or changed
  pb run t5   runs it; pb run --help has what can be selected and allowed

Exit codes:
  0    all passed
  1    a check failed
  2    the playbook, configuration or command line is wrong
  3    something could not be found out
  4    nothing failed, but the run is incomplete
  130  interrupted")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The subcommands. To add one: a file beside this one, and a row here and in [`dispatch`].
#[derive(Debug, Subcommand)]
enum Command {
    /// Run playbooks: files, ids, folders, or `all`
    Run(run::Args),
    /// List the runs that were recorded
    Runs(runs::Args),
    /// Show what happened in a recorded run
    Show(show::Args),
    /// Undo what a killed run left behind
    Clean(clean::Args),
    /// Show what would run, in what order, with which effects and settings
    Plan(plan::Args),
    /// List the playbooks (-v: their steps)
    List(list::Args),
    /// Find what is wrong with playbooks, without a cluster
    Check(check::Args),
    /// Show which step and which expectation judges each box of the checklist
    Trace(trace::Args),
    /// Show a function's page, or all that scripts can call
    Doc(doc::Args),
    /// Write editable playbooks, stdlib and a pb.toml
    Init(init::Args),
    /// Write a playbook to start from
    New(new::Args),
    /// Open a simulated platform
    #[cfg(feature = "lab")]
    Lab(lab::Args),
    /// Say what is configured, reachable and missing
    Doctor(doctor::Args),
    /// Write completions for a shell
    Completions(completions::Args),
}

/// Everything that is wrong, or the exit code.
type Outcome = Result<u8, Vec<Error>>;

/// Reads the command line, runs it, and says what is wrong.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors to clap, and go to standard output.
            return ExitCode::from(match error.print() {
                _ if error.use_stderr() => 2,
                Err(why) => report(&[unwritten(why)]),
                Ok(()) => 0,
            });
        }
    };
    // Fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let code = match dispatch(cli.command) {
        Ok(code) => code,
        Err(errors) => report(&errors),
    };
    ExitCode::from(code)
}

fn dispatch(command: Command) -> Outcome {
    let environment = Environment::of_process();
    let mut out = std::io::stdout().lock();
    match command {
        Command::Run(args) => {
            drop(out);
            run::run(&args, &environment)
        }
        Command::Runs(args) => runs::run(&args, &environment, &mut out),
        Command::Show(args) => {
            drop(out);
            show::run(&args, &environment)
        }
        Command::Clean(args) => clean::run(&args, &environment, &mut out),
        Command::Plan(args) => plan::run(&args, &environment, &mut out),
        Command::List(args) => list::run(&args, &environment, &mut out),
        Command::Check(args) => check::run(&args, &environment, &mut out),
        Command::Trace(args) => trace::run(&args, &environment, &mut out),
        Command::Doc(args) => doc::run(&args, &environment, &whole(), &mut out),
        Command::Init(args) => one(init::run(&args, Library::embedded(), &connect::contexts(None), &mut out)),
        Command::New(args) => {
            let prepared = prepare::configured(&args.configured, &environment)?;
            let taken: Vec<String> = prepared.ids();
            one(new::run(&args, &prepared.config.dir, &environment.dir, &taken, &mut out))
        }
        #[cfg(feature = "lab")]
        Command::Lab(args) => lab::run(&args, &environment, &mut out),
        Command::Doctor(args) => doctor::run(&args, &environment, &mut out),
        Command::Completions(args) => one(completions::run(&args, &mut whole(), &mut out)),
    }
}

/// The whole command line, for completions and the reference.
fn whole() -> clap::Command {
    Cli::command()
}

/// Where host calls run.
fn runtime() -> Result<tokio::runtime::Runtime, Vec<Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| vec![Error::new(Kind::Io, "the runtime can't start").because(e)])
}

fn one(result: Result<u8, Error>) -> Outcome {
    result.map_err(|e| vec![e])
}

/// Says what is wrong; the exit code that follows.
fn report(errors: &[Error]) -> u8 {
    let ui = Ui::stderr().measured();
    let mut err = std::io::stderr().lock();
    for error in errors {
        if is_closed_pipe(error) {
            return 0;
        }
        // A source line may hold the password of a URL.
        let _ = writeln!(err, "{}", hide(&show_error(ui, error)));
    }
    if errors.len() > 1 {
        let _ = writeln!(err, "{} errors", errors.len());
    }
    let codes: Vec<u8> = errors.iter().map(|e| e.kind.exit_code()).collect();
    strongest(&codes)
}

/// 130 stands above 2, that above the others: the order of the exit codes.
fn strongest(codes: &[u8]) -> u8 {
    [130, 2, 1, 3, 4].into_iter().find(|code| codes.contains(code)).unwrap_or(3)
}

/// `pb list | head -1` is no error.
fn is_closed_pipe(error: &Error) -> bool {
    error.kind == Kind::Io && error.causes.iter().any(|c| c.contains("Broken pipe"))
}

/// A line to standard output.
fn say(out: &mut dyn Write, text: impl AsRef<str>) -> Result<(), Vec<Error>> {
    writeln!(out, "{}", hide(text.as_ref())).map_err(|e| vec![unwritten(e)])
}

fn unwritten(why: std::io::Error) -> Error {
    Error::new(Kind::Io, "the answer can't be written").because(why)
}
