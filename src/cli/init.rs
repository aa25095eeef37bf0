//! `pb init [DIR]`: playbooks and standard library as files to edit, and a `pb.toml` made from the kubeconfig.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::files::{Written, write};
use crate::client::kube::connect::Contexts;
use crate::error::{Error, Kind, Result};

/// `pb init [DIR]`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The folder; default: this one.
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// Writes over files that are there and differ.
    #[arg(long)]
    pub(super) force: bool,
}

/// Writes the embedded files (path and text) and a `pb.toml` with the kubeconfig's contexts below `args.dir`.
/// What is there already is left alone, unless `--force` is given.
///
/// # Errors
/// [`Kind::Io`] where something can't be written.
pub(super) fn run(
    args: &Args,
    embedded: impl IntoIterator<Item = (String, String)>,
    contexts: &Result<Contexts>,
    out: &mut dyn Write,
) -> Result<u8> {
    let mut told = String::new();
    let (mut new, mut kept) = (0, Vec::new());
    let toml = ("pb.toml".to_string(), pb_toml(contexts));
    for (path, text) in std::iter::once(toml).chain(embedded) {
        let word = match write(&args.dir, &path, &text, args.force)? {
            Written::New => "written",
            Written::Replaced => "replaced",
            Written::Same => "is there already",
            Written::Kept => "exists with another text, left alone",
        };
        new += usize::from(word == "written" || word == "replaced");
        if word.ends_with("left alone") {
            kept.push(path.clone());
        }
        let _ = writeln!(told, "  {path}  {word}");
    }
    let _ = writeln!(told, "\n{}: {new} written.", shown(&args.dir));
    if !kept.is_empty() {
        let _ = writeln!(told, "{} left alone; --force writes over them.", kept.join(", "));
    }
    match contexts {
        Ok(found) if found.names.is_empty() => {
            let _ = writeln!(told, "{} has no contexts: name your clusters in pb.toml.", found.from);
        }
        Ok(found) if !kept.iter().any(|path| path == "pb.toml") => {
            let _ = writeln!(
                told,
                "pb.toml names every context of {} as a cluster: {}.\nDelete those that pb shall never touch.",
                found.from,
                found.names.join(", ")
            );
        }
        Ok(_) => {}
        Err(error) => {
            let _ = writeln!(told, "No clusters could be taken over ({error}): name them in pb.toml.");
        }
    }
    let _ = writeln!(told, "Next: pb doctor, then pb list.");
    out.write_all(told.as_bytes()).map_err(|e| Error::new(Kind::Io, "the answer can't be written").caused_by(&e))?;
    Ok(0)
}

fn shown(dir: &Path) -> String {
    if dir == Path::new(".") { "here".into() } else { dir.display().to_string() }
}

/// The text of `pb.toml`: the clusters, and everything else as comments to take up.
fn pb_toml(contexts: &Result<Contexts>) -> String {
    let mut clusters = String::new();
    let mut taken = BTreeSet::new();
    for context in contexts.iter().flat_map(|found| &found.names) {
        let name = cluster_name(context, &mut taken);
        let _ = writeln!(clusters, "[clusters.{name}]\ncontext = {}\n", toml::Value::from(context.as_str()));
    }
    if clusters.is_empty() {
        clusters.push_str("# [clusters.infra]\n# context = \"infra\"\n\n");
    }
    let from = contexts.as_ref().map_or("your kubeconfig", |found| found.from.as_str());
    TOML.replace("{clusters}", clusters.trim_end()).replace("{from}", from)
}

/// A cluster's name from a context's: of `admin@infra` it is `infra`, and only what step ids can carry.
fn cluster_name(context: &str, taken: &mut BTreeSet<String>) -> String {
    let last = context.rsplit(['@', '/']).next().filter(|last| !last.is_empty()).unwrap_or(context);
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let mut base: String = last.chars().map(kept).collect();
    if base.trim_matches('-').is_empty() {
        base = "cluster".into();
    }
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{base}-{number}");
        number += 1;
    }
    name
}

const TOML: &str = r#"# What pb works on. Every key is optional; relative paths are relative to this file.
# A context that is not named here is never touched: delete the clusters that pb shall leave alone.

# record = ".pb/runs"                     # where the runs are kept
# answer_limit = "256Ki"                  # how much of a call's answer the record keeps
# checklist = "playbooks/checklist.tsv"   # the boxes that steps cover

# The contexts of {from}.
{clusters}

# More of a cluster:
# kubeconfig = "~/.kube/config"           # default: $KUBECONFIG, then the usual place
# talosconfig = "talos/talosconfig"       # default: $TALOSCONFIG, then ~/.talos/config
# talos_context = "infra"                 # default: the cluster's name
# talos_nodes = ["10.25.11.11"]           # default: those of that context
# protected = true                        # the REPL only reads, until it is switched
# [clusters.NAME.settings]                # settings for this cluster alone
# bgp_asn = 64512

# [hosts.edge-1]                          # ssh("edge-1"); what is left out comes from ~/.ssh/config
# address = "10.25.11.1"
# port = 22
# user = "netops"
# key = "~/.ssh/id_ed25519"
# passphrase = "env:EDGE_PASSPHRASE"      # secrets: env:, file:, kube:cluster/ns/name/key, op://vault/item/field
# known_hosts = "~/.ssh/known_hosts"
# jump = "bastion"                        # another host of this file or of ~/.ssh/config
# dialect = "frr"                         # default: detected

# [endpoints.grafana]                     # http("grafana")
# url = "https://grafana.example.org"
# token = "env:GRAFANA_TOKEN"             # or: user and password
# ca = "ca.pem"
# resolve = "10.25.11.110"                # connect here, whatever DNS says
# [endpoints.vmselect]                    # forwarded while it is used
# service = "infra/observability/vmselect:8481"

# [networks]                              # what is reached through a proxy
# "10.25.11.0/24" = "socks5://127.0.0.1:1080"

# [tools]                                 # what programs find that playbooks start
# path = ["bin"]                          # before those of PATH
# env = { KUBECONFIG = "/etc/kube/config" }

# [settings]                              # any playbook's, by name or as "t5.router"; `pb plan` shows them
# router = "edge-1"

# [profiles.lab.settings]                 # with --profile lab
# router = "edge-lab"
"#;

#[cfg(test)]
#[path = "init_tests.rs"]
mod tests;
