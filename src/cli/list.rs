//! `pb list`: the playbooks, and with `-v` their steps.

use std::io::Write;

use super::args::Configured;
use super::{Outcome, prepare, say};
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::playbook::{PlaybookKind, natural};
use crate::script::load::Loaded;
use crate::ui::{Role, Ui, clean, fitted, plural};

/// `pb list`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Only these: a part of the id or title
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Show the steps, too
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let prepared = prepare::configured(&args.configured, environment)?;
    let ui = Ui::stdout().measured();
    let unreadable = prepared.loader.library.unreadable(None);
    let mut broken: Vec<Error> = unreadable.into_iter().map(|(_, error)| error).collect();
    let mut found: Vec<Loaded> = Vec::new();
    for source in prepared.loader.playbooks().map_err(|e| vec![e])? {
        match prepared.loader.load(&source, &[]) {
            Ok(loaded) => found.push(loaded),
            Err(error) => broken.push(error),
        }
    }
    found.retain(|l| {
        let text = format!("{} {}", l.info.id, l.info.title).to_lowercase();
        args.words.iter().all(|w| text.contains(&w.to_lowercase()))
    });
    if found.is_empty() && broken.is_empty() {
        let words = args.words.join(" ");
        return Err(vec![
            Error::new(Kind::Usage, format!("no playbook has \"{words}\" in its id or title"))
                .hint("pb list shows all"),
        ]);
    }
    found.sort_by_key(|l| (l.declared.playbook.kind == PlaybookKind::Procedure, natural(&l.info.id)));
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|l| {
            let count = l.declared.steps.get(&None).map_or(0, Vec::len);
            let kind = if l.declared.playbook.kind == PlaybookKind::Procedure { ", procedure" } else { "" };
            vec![
                ui.paint(Role::Strong, &l.info.id),
                clean(&l.info.title),
                format!("{}{kind}", plural(count, "step")),
                format!("{} ({})", clean(&l.info.path), l.info.source),
            ]
        })
        .collect();
    let lines = fitted(ui, 0, &rows);
    for (loaded, line) in found.iter().zip(&lines) {
        say(out, line)?;
        if args.verbose {
            steps(loaded, ui, out)?;
        }
    }
    if broken.is_empty() { Ok(0) } else { Err(broken) }
}

fn steps(loaded: &Loaded, ui: Ui, out: &mut dyn Write) -> Result<(), Vec<Error>> {
    let rows: Vec<Vec<String>> = loaded
        .declared
        .steps
        .get(&None)
        .into_iter()
        .flatten()
        .map(|s| {
            vec![
                s.id.clone(),
                s.priority.clone(),
                ui.paint(Role::Quiet, s.effect.as_str()),
                ui.paint(Role::Quiet, s.on.as_str()),
                clean(&s.title),
            ]
        })
        .collect();
    for line in fitted(ui, 2, &rows) {
        say(out, format!("  {line}"))?;
    }
    say(out, "")
}
