//! `pb lab tool`: this program under the name of another, as the scripts in a lab's folder `bin` call it.

use std::io::{IsTerminal as _, Read as _, Write};
use std::path::PathBuf;

use crate::cli::Outcome;
use crate::config::Environment;
use crate::error::{Error, Kind, did_you_mean};
use crate::lab::tools::{self, Call, carried};

/// `pb lab tool`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The lab's folder
    #[arg(long, value_name = "DIR", default_value = "lab")]
    dir: PathBuf,
    /// The tool
    name: String,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

pub(super) fn run(args: &Args, environment: &Environment, out: &mut dyn Write) -> Outcome {
    let Some(tool) = tools::named(&args.name) else {
        let known = tools::TOOLS.iter().map(|tool| tool.name);
        let message = format!("the lab has no stand-in for \"{}\"", args.name);
        return Err(vec![Error::new(Kind::Usage, message).maybe_hint(did_you_mean(&args.name, known))]);
    };
    let call = Call {
        name: args.name.clone(),
        args: args.args.clone(),
        dir: environment.dir.to_string_lossy().into_owned(),
        stdin: given(&args.name, &args.args).map_err(|e| vec![e])?,
    };
    let mut err = std::io::stderr();
    let unwritten = |e: std::io::Error| vec![Error::new(Kind::Io, "nobody takes what is printed").caused_by(&e)];
    let code = match tool.here(&call) {
        Some(ended) => {
            out.write_all(ended.out.as_bytes()).and_then(|()| out.flush()).map_err(unwritten)?;
            err.write_all(ended.err.as_bytes()).map_err(unwritten)?;
            ended.code
        }
        None => carried::call(&environment.dir.join(&args.dir), call, out, &mut err).map_err(|e| vec![e])?,
    };
    Ok(u8::try_from(code).unwrap_or(1))
}

/// What the tool is given to read: only those that read at all wait for it.
fn given(name: &str, args: &[String]) -> Result<String, Error> {
    let reads = match name {
        "kubeconform" => args.iter().all(|word| word.starts_with('-')),
        "docker" => args.iter().any(|word| word == "--password-stdin"),
        "op" => args.first().is_some_and(|word| word == "inject"),
        _ => false,
    };
    let mut stdin = std::io::stdin();
    if !reads || stdin.is_terminal() {
        return Ok(String::new());
    }
    let mut text = String::new();
    stdin.read_to_string(&mut text).map_err(|e| Error::new(Kind::Io, "standard input can't be read").caused_by(&e))?;
    Ok(text)
}
