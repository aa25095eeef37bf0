//! `pb doctor`: what is configured, what of it can be reached, and what is missing on this machine.

mod clusters;
mod endpoints;
mod hosts;
mod probe;
mod tools;
mod view;

use std::io::Write;
use std::time::Duration;

use crate::config::{Config, Environment, Origin, settings::Raw, units};
use crate::error::{Error, Kind, Result};
use view::{Row, Section, State};

/// `pb doctor`
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How long each cluster, host and endpoint may take to answer.
    #[arg(long, default_value = "10s", value_parser = limit)]
    pub timeout: Duration,
    /// Only looks at what is configured and installed; asks nobody.
    #[arg(long)]
    pub offline: bool,
}

fn limit(text: &str) -> Result<Duration, String> {
    units::duration(text).filter(|d| !d.is_zero()).ok_or_else(|| "expected a duration such as 10s".into())
}

/// Looks at everything and tells it as one table.
///
/// `loaded` is what [`crate::config::load`] said, `wrong_settings` what is wrong with the configured settings
/// ([`crate::config::Settings::check`]). The exit code is 2 where the configuration is wrong, 3 where something
/// configured can't be reached, else 0.
///
/// # Errors
/// [`Kind::Io`] where the table can't be written.
pub fn run(
    args: &Args,
    loaded: &Result<Config, Vec<Error>>,
    wrong_settings: &[Error],
    environment: &Environment,
    runtime: &tokio::runtime::Handle,
    color: bool,
    out: &mut dyn Write,
) -> Result<u8> {
    let mut sections = Vec::new();
    let mut code = 0;
    match loaded {
        Ok(config) => {
            sections.push(configuration(config, environment, wrong_settings));
            let (asked, worst) = if args.offline {
                (probe::listed(config), 0)
            } else {
                runtime.block_on(probe::all(config, args.timeout))
            };
            sections.extend(asked);
            code = worst;
            sections.push(settings(config));
            if !wrong_settings.is_empty() {
                code = 2;
            }
        }
        Err(problems) => {
            let rows = problems.iter().map(|problem| Row::of_error("", problem)).collect();
            sections.push(Section { title: "configuration", rows });
            code = 2;
        }
    }
    let (tools, missing) = tools::section(loaded.as_ref().ok(), environment);
    sections.push(tools);
    if missing && code == 0 {
        code = 3;
    }
    let verdict = match code {
        0 if args.offline => "The configuration is right; nobody was asked whether it answers.",
        0 => "All well.",
        2 => "The configuration is wrong.",
        _ => "Something that is configured can't be reached.",
    };
    let text = view::show(&sections, verdict, color);
    out.write_all(text.as_bytes()).map_err(|e| Error::new(Kind::Io, "the table can't be written").caused_by(&e))?;
    Ok(code)
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
        Row::plain([name, value, from])
    });
    Section { title: "settings", rows: rows.collect() }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
