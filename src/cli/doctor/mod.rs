//! `pb doctor`: what is configured, what of it can be reached, whether the playbooks are well, and what is missing on
//! this machine.

mod clusters;
mod endpoints;
mod hosts;
mod playbooks;
mod probe;
mod talos;
mod tools;
mod view;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::args::{Configured, Inside, span};
use super::{Outcome, prepare, runtime};
use crate::clock::System;
use crate::config::{Config, Environment, Origin, settings::Raw};
use crate::error::{Error, Kind, Result};
use crate::event::Bus;
use crate::host::World;
use crate::host::world::Permissions;
use crate::ui::Ui;
use view::{Row, Section, State};

/// `pb doctor`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// How long each cluster, host and endpoint may take to answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span)]
    timeout: Duration,
    /// Only look at what is configured and installed; ask nobody
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    configured: Configured,
    #[command(flatten)]
    inside: Inside,
}

/// Looks at everything and tells it as one table. The exit code is 2 where the configuration or a playbook is wrong, 3 where
/// something configured can't be reached, else 0.
pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::inside(&args.inside, &args.configured, environment);
    let known = Known {
        wrong_settings: prepared.as_ref().map(|prepared| prepared.wrong_settings(&[])).unwrap_or_default(),
        playbooks: prepared.as_ref().ok().map(playbooks::section),
        config: prepared.as_ref().map(|prepared| prepared.config.clone()).map_err(Clone::clone),
    };
    let runtime = runtime()?;
    let told = tell(args, known, environment, runtime.handle(), Ui::stdout().measured(), out);
    // Who has not answered by now was given up.
    runtime.shutdown_background();
    told.map_err(|e| vec![e])
}

/// What is known before anybody is asked.
struct Known {
    config: Result<Arc<Config>, Vec<Error>>,
    wrong_settings: Vec<Error>,
    playbooks: Option<Section>,
}

fn tell(
    args: &Args,
    known: Known,
    environment: &Environment,
    runtime: &tokio::runtime::Handle,
    ui: Ui,
    out: &mut dyn Write,
) -> Result<u8> {
    let Known { config, wrong_settings, playbooks } = known;
    let mut sections = Vec::new();
    let mut code = match &config {
        Ok(config) => {
            sections.push(configuration(config, environment, &wrong_settings));
            let world = world(config, runtime);
            let (asked, worst) = if args.offline {
                (probe::listed(&world), 0)
            } else {
                runtime.block_on(probe::all(&world, args.timeout))
            };
            sections.extend(asked);
            sections.push(settings(config));
            if wrong_settings.is_empty() { worst } else { 2 }
        }
        Err(problems) => {
            let rows = problems.iter().map(|problem| Row::of_error("", problem)).collect();
            sections.push(Section { title: "configuration", rows });
            2
        }
    };
    let broken = playbooks.as_ref().is_some_and(|s| s.rows.iter().any(|row| row.state == State::Bad));
    let configured = code != 2;
    if broken {
        code = 2;
    }
    sections.extend(playbooks);
    let (tools, missing) = tools::section(config.as_deref().ok(), environment);
    sections.push(tools);
    if missing && code == 0 {
        code = 3;
    }
    let verdict = match code {
        0 if args.offline => "The configuration is right; nobody was asked whether it answers.",
        0 => "All well.",
        2 if configured => "Playbooks are wrong: pb check shows all of it.",
        2 => "The configuration is wrong.",
        _ => "Something that is configured can't be reached.",
    };
    let text = view::show(&sections, verdict, ui);
    out.write_all(text.as_bytes()).map_err(|e| Error::new(Kind::Io, "the table can't be written").caused_by(&e))?;
    Ok(code)
}

/// A world without a run: nobody listens, nothing is kept, and nothing but reading is allowed.
fn world(config: &Arc<Config>, runtime: &tokio::runtime::Handle) -> Arc<World> {
    let clock = Arc::new(System);
    let permissions = Permissions { read_only: true, ..Permissions::default() };
    let bus = Bus::silent(clock.clone());
    World::new("doctor".into(), None, config.clone(), runtime.clone(), bus, clock, Arc::default(), permissions)
}

fn configuration(config: &Config, environment: &Environment, wrong: &[Error]) -> Section {
    let file = match &config.path {
        Some(path) => path.display().to_string(),
        None => format!("none found from {} upwards; clusters infra and apps", environment.dir.display()),
    };
    let profile = config.profile.clone().unwrap_or_else(|| "none".into());
    let mut rows = vec![
        Row::plain(["pb.toml".into(), file]),
        Row::plain(["profile".into(), profile]),
        Row::plain(["record".into(), config.record.display().to_string()]),
    ];
    let checklist = config.checklist.as_ref().map(|path| {
        let there = path.is_file();
        let state = if there { State::Plain } else { State::Bad };
        let note = if there { String::new() } else { "no such file".into() };
        Row::new(state, vec!["checklist".into(), path.display().to_string(), note])
    });
    rows.extend(checklist);
    rows.extend(
        config
            .networks
            .iter()
            .map(|(network, proxy)| Row::plain(["network".into(), format!("{network} through {proxy}")])),
    );
    rows.extend(wrong.iter().map(|problem| Row::of_error("settings", problem)));
    Section { title: "configuration", rows }
}

/// What was set of settings; their defaults are the playbooks' affair.
fn settings(config: &Config) -> Section {
    let rows = config.settings.rows.iter().map(|row| {
        let name = row.playbook.as_ref().map_or_else(|| row.name.clone(), |p| format!("{p}.{}", row.name));
        let value = match &row.raw {
            Raw::Toml(value) => value.to_string(),
            Raw::Text(text) => text.clone(),
        };
        let from = match (&row.origin, &row.cluster) {
            (Origin::Flag, Some(cluster)) => format!("--set (cluster {cluster})"),
            (origin, _) => origin.to_string(),
        };
        Row::plain([name, from, value])
    });
    Section { title: "settings", rows: rows.collect() }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
