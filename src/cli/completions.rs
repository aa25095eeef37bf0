//! `pb completions SHELL`: what a shell needs to complete `pb`'s command line.

use std::io::Write;

use clap_complete::Shell;

use crate::error::{Error, Kind, Result};

/// `pb completions SHELL`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "For example:\n  \
    bash: pb completions bash > ~/.local/share/bash-completion/completions/pb\n  \
    zsh:  pb completions zsh > ~/.zfunc/_pb        (with ~/.zfunc in fpath)\n  \
    fish: pb completions fish > ~/.config/fish/completions/pb.fish")]
pub(super) struct Args {
    /// The shell.
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

/// Writes the script of `command`, the whole command line of `pb`.
///
/// # Errors
/// [`Kind::Io`] where it can't be written.
pub(super) fn run(args: &Args, command: &mut clap::Command, out: &mut dyn Write) -> Result<u8> {
    // Made in memory first, since the generator can't cope with a pipe that is closed early.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "pb", &mut script);
    out.write_all(&script).map_err(|e| Error::new(Kind::Io, "the completions can't be written").caused_by(&e))?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser, ValueEnum};

    use super::*;

    #[derive(Parser)]
    #[command(name = "pb")]
    struct Line {
        #[command(subcommand)]
        _sub: Sub,
    }

    #[derive(clap::Subcommand)]
    enum Sub {
        Completions(Args),
    }

    #[test]
    fn every_shell_gets_a_script_that_knows_the_subcommands() {
        for shell in Shell::value_variants() {
            let mut out = Vec::new();
            let code = run(&Args { shell: *shell }, &mut Line::command(), &mut out).expect("written");
            let script = String::from_utf8(out).expect("text");
            assert!(code == 0 && script.contains("completions"), "{shell}");
        }
    }
}
