//! The passphrase of a key, from where `pb.toml` says it is.

use crate::client::ssh::Passphrase;
use crate::config::SecretRef;
use crate::error::{Error, Kind, Result};
use crate::host::World;

/// Reads it and makes it a secret of the run.
pub(super) fn read(world: &World, host: &str, reference: &str) -> Result<Passphrase> {
    let home = std::env::home_dir();
    let parsed = SecretRef::parse(reference, &world.config.dir, home.as_deref())
        .map_err(|what| Error::new(Kind::Config, format!("[hosts.{host}] passphrase: {what}")))?;
    let missing = |what: String| {
        Error::new(Kind::Config, format!("the passphrase of host {host} can't be read"))
            .because(what)
            .hint(format!("[hosts.{host}] passphrase in pb.toml says where it is"))
    };
    let text = match &parsed {
        SecretRef::Env(name) => std::env::var(name).map_err(|_| missing(format!("the variable {name} is not set")))?,
        SecretRef::File(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| missing(format!("{}: {e}", path.display())))?;
            text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t).to_string()).unwrap_or(text)
        }
        SecretRef::Kube { .. } | SecretRef::Op(_) => {
            return Err(missing(format!(
                "{} is not read for SSH keys; expected env:NAME or file:PATH",
                parsed.to_text()
            )));
        }
    };
    world.redactor.register(&text);
    Ok(Passphrase(text))
}
