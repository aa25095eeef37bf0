//! The pages of the reference that are not about functions: command line, steps, configuration, outcomes, reports, lints.

use std::fmt::Write as _;

use super::markdown::cell;
use crate::config::keys::SECTIONS;
use crate::config::secret::FORMS;
use crate::event::{Effect, Outcome};
use crate::playbook::StepDecl;
use crate::report::{EXIT_CODES, FORMATS};
use crate::script::check::{LINTS, Level};

/// A page, made of one of the program's tables.
pub(super) struct Guide {
    /// Its file's name.
    pub(super) name: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// One line for the index.
    pub(super) about: &'static str,
    /// The text.
    pub(super) text: fn(&clap::Command) -> String,
}

/// All of them, in the order of the index.
pub(super) const PAGES: &[Guide] = &[
    Guide { name: "command-line", title: "Command line", about: "every subcommand and option", text: command_line },
    Guide { name: "steps", title: "Steps", about: "the options of a step, and what effects mean", text: steps },
    Guide { name: "configuration", title: "pb.toml", about: "every key of the configuration", text: configuration },
    Guide { name: "outcomes", title: "Outcomes and exit codes", about: "how steps and runs end", text: outcomes },
    Guide { name: "reports", title: "Reports", about: "the formats of `--report`", text: reports },
    Guide { name: "lints", title: "What `pb check` finds", about: "each with its rewrite", text: lints },
];

/// The columns that help is wrapped to.
const COLUMNS: usize = 100;

fn command_line(command: &clap::Command) -> String {
    // Options are wrapped by the terminal's width otherwise, and the page would differ from one to the next.
    let mut command = command.clone().term_width(COLUMNS);
    command.build();
    let mut out = format!("# Command line\n\n```text\n{}\n```\n", help(&mut command));
    for subcommand in command.get_subcommands_mut() {
        let name = subcommand.get_name().to_string();
        let _ = write!(out, "\n## pb {name}\n\n```text\n{}\n```\n", help(subcommand));
    }
    out
}

fn help(command: &mut clap::Command) -> String {
    let text = command.render_help().to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_string()
}

fn steps(_: &clap::Command) -> String {
    let mut out = String::from(
        "# Steps\n\n`step(id, #{ … }, |t| { … })` declares a step; see [step](modules/playbook.md) and, for what `t` can \
         do,\n[the running step](modules/step.md). Every option may be left out:\n\n| option | value |\n|---|---|\n",
    );
    for (name, value) in StepDecl::OPTIONS {
        let _ = writeln!(out, "| `{name}` | {} |", cell(value));
    }
    out.push_str("\n## Effects\n\nA call that is stronger than its step's effect is refused.\n\n| effect | allows |\n|---|---|\n");
    for effect in Effect::ALL {
        let _ = writeln!(out, "| `{effect}` | {} |", effect.about());
    }
    out
}

fn configuration(_: &clap::Command) -> String {
    let mut out = String::from(
        "# pb.toml\n\nNamed with `--config FILE`, or found upwards from the working directory. Every key is optional, \
         and an unknown one is an\nerror. Relative paths are relative to the file, and `~` is the home directory. `pb init` \
         writes one with an example of\neverything.\n",
    );
    for section in SECTIONS {
        let heading = if section.heading.is_empty() { "At the top".into() } else { format!("`{}`", section.heading) };
        let about = section.about;
        let _ = write!(out, "\n## {heading}\n\nFor {about}.\n\n| key | value | |\n|---|---|---|\n");
        for key in section.keys {
            let _ = writeln!(out, "| `{}` | {} | {} |", key.name, key.value, cell(key.about));
        }
    }
    let _ = write!(out, "\n## Secrets\n\nA secret is never written down: its value says where it is, as {FORMS}.\n");
    out
}

fn outcomes(_: &clap::Command) -> String {
    let mut out = String::from(
        "# Outcomes and exit codes\n\nHow a step ends. Only `passed` counts as passed.\n\n| outcome | meaning |\n|---|---|\n",
    );
    for outcome in Outcome::ALL {
        let _ = writeln!(out, "| `{outcome}` | {} |", outcome.about());
    }
    out.push_str(
        "\n## Exit codes\n\nThe first of these that applies is that of the run.\n\n| code | meaning |\n|---|---|\n",
    );
    for (code, about) in EXIT_CODES {
        let _ = writeln!(out, "| {code} | {about} |");
    }
    out
}

fn reports(_: &clap::Command) -> String {
    let mut out = String::from(
        "# Reports\n\n`pb run … --report FORMAT=FILE` writes a file when the run ends, however it ends. It can be given more \
         than once.\n\n| format | |\n|---|---|\n",
    );
    for format in FORMATS {
        let _ = writeln!(out, "| `{}` | {} |", format.name, cell(format.about));
    }
    out.push_str(
        "\nThe JSON report says which form it has with `schema`. Fields may be added to it, and none is renamed: its schema is\n\
         `docs/report.schema.json`.\n",
    );
    out
}

fn lints(_: &clap::Command) -> String {
    let mut out = String::from(
        "# What `pb check` finds\n\nBesides what does not parse, does not declare rightly, has a duplicate id, needs a step \
         that there is not or itself, or\nsets a setting that there is not. No cluster is needed, and everything is found at \
         once.\n",
    );
    for lint in LINTS {
        let level = if lint.level == Level::Error { "error" } else { "warning" };
        let place = if lint.top_level { "\n\nAt the top level:" } else { "" };
        let _ = write!(
            out,
            "\n## {}\n\nAs {} {level}.{place}\n\n```rhai\n{}\n```\n\nInstead:\n\n```rhai\n{}\n```\n",
            lint.about,
            if level == "error" { "an" } else { "a" },
            lint.wrong,
            lint.right
        );
    }
    out
}
