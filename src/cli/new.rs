//! `pb new NAME`: a playbook to start from, which explains itself, passes `pb check` and runs.

use std::io::Write;
use std::path::Path;

use super::args::Configured;
use super::files::{Written, write};
use crate::error::{Error, Kind, Result};
use crate::playbook::seen_from;

/// `pb new NAME`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Its name: `t16-backups` becomes playbooks/t16-backups.rhai with the id t16, `backups` has the id backups.
    pub(super) name: String,
    /// What it is about, in a few words; default: made from the name.
    #[arg(long)]
    pub(super) title: Option<String>,
    #[command(flatten)]
    pub(super) configured: Configured,
}

/// Writes `playbooks/NAME.rhai` under `root`, the folder of `pb.toml`, which is where the other playbooks are looked
/// for. `taken` are the ids that these have; paths are told as seen from `cwd`.
///
/// # Errors
/// [`Kind::Usage`] for a name that can't be one or that is there already, [`Kind::Io`] where it can't be written.
pub(super) fn run(args: &Args, root: &Path, cwd: &Path, taken: &[String], out: &mut dyn Write) -> Result<u8> {
    let name = args.name.strip_suffix(".rhai").unwrap_or(&args.name);
    let name = name.strip_prefix("playbooks/").unwrap_or(name);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
        return Err(Error::new(Kind::Usage, format!("\"{}\" can't be a playbook's name", args.name))
            .hint("letters, digits, '-' and '_', for example t16-backups"));
    }
    let id = id_of(name, taken)?;
    let title = args.title.clone().unwrap_or_else(|| title_of(name, &id));
    let path = format!("playbooks/{name}.rhai");
    let written = write(root, &path, &text(name, &id, &title), false)?;
    let path = seen_from(cwd, root, &root.join(path));
    if written != Written::New {
        return Err(Error::new(Kind::Usage, format!("{path} exists already, and is left as it is"))
            .hint(format!("pb plan {path} shows its steps")));
    }
    let told = writeln!(
        out,
        "{path} (id {id})\n\n  pb check {path}   looks it over, without a cluster\n  pb run {path}     runs it"
    );
    told.map_err(|e| Error::new(Kind::Io, "the answer can't be written").caused_by(&e))?;
    Ok(0)
}

/// `t16` of `t16-backups`; the whole name where that is taken or has no such beginning.
fn id_of(name: &str, taken: &[String]) -> Result<String> {
    let first = name.split('-').next().unwrap_or(name);
    let numbered = first.strip_prefix('t').is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    let free = |id: &&str| !taken.iter().any(|t| t == id);
    [if numbered { first } else { name }, name].into_iter().find(free).map(Into::into).ok_or_else(|| {
        Error::new(Kind::Usage, format!("another playbook has the id {name}")).hint("pb list shows them all")
    })
}

fn title_of(name: &str, id: &str) -> String {
    let rest = name.strip_prefix(id).unwrap_or(name).trim_matches('-');
    let words = if rest.is_empty() { name } else { rest }.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn text(name: &str, id: &str, title: &str) -> String {
    let title = title.replace('\\', "\\\\").replace('"', "\\\"");
    TEMPLATE.replace("{name}", name).replace("{id}", id).replace("{title}", &title)
}

const TEMPLATE: &str = r#"// What has to hold, and why it matters: say it here for whoever reads this at night.
//
//   pb check playbooks/{name}.rhai     looks it over, without a cluster
//   pb plan  playbooks/{name}.rhai     what would run, where, with which settings
//   pb run   playbooks/{name}.rhai     runs it; add --explain to see each call as a command line
//   pb doc                            every function that there is

// The top level only declares: no call reaches a cluster here.
playbook(#{ id: "{id}", title: "{title}" });

// A setting has a name, a default that gives its type, and a line that explains it. Others are set in pb.toml,
// for one cluster too, or with --set least_nodes=3. Durations and sizes are written duration("15s"), size("10Gi").
let least_nodes = setting("least_nodes", 1, "how many nodes a cluster has at least");
let node_ready_within = setting("node_ready_within", duration("10s"), "how long a node may take to be Ready");

// A step reads, unless its options say `effect: "write"` (test objects of its own) or more. `t` is the step's
// handle: t.kube is the cluster it runs on. Without an expect(…) a step is inconclusive, not passed.
step("nodes-counted", #{
    title: "The cluster has as many nodes as it should",
    priority: "P1",
    on: "each cluster",
    if_fails: ["kubectl get nodes -o wide"],
}, |t| {
    let nodes = t.kube.list("nodes");
    expect(nodes.len(), "nodes").to_be_at_least(least_nodes);
});

// `needs` names steps that must pass first; `eventually` repeats its block until it holds or the time is up.
step("nodes-ready", #{
    title: "Every node is Ready",
    priority: "P1",
    on: "each cluster",
    needs: ["nodes-counted"],
    if_fails: ["kubectl describe node NAME", "journalctl -u kubelet on the node"],
}, |t| {
    let k = t.kube;
    eventually(node_ready_within, || {
        expect(k.list("nodes"), "nodes").all(|n| n.ready());
    });
});
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn make(name: &str, root: &Path, taken: &[&str]) -> Result<String> {
        let taken: Vec<String> = taken.iter().map(ToString::to_string).collect();
        let mut out = Vec::new();
        let args = Args { name: name.into(), title: None, configured: Configured::default() };
        run(&args, root, root, &taken, &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn the_id_comes_from_the_name() {
        for (name, taken, id, title) in [
            ("t16-backups", "", "t16", "Backups"),
            ("t5-more-bgp", "t5", "t5-more-bgp", "T5 more bgp"),
            ("backup_restore", "", "backup_restore", "Backup restore"),
            ("t-shirts", "", "t-shirts", "T shirts"),
            ("t7", "", "t7", "T7"),
        ] {
            let got = id_of(name, &[taken.to_string()]).expect("free");
            assert_eq!((got.as_str(), title_of(name, &got).as_str()), (id, title), "{name}");
        }
        assert_eq!(id_of("x", &["x".to_string()]).expect_err("taken").kind, Kind::Usage);
    }

    #[test]
    fn it_is_written_once_and_is_valid_script() {
        let root = tempfile::tempdir().expect("a folder");
        let told = make("t16-backups", root.path(), &["t5"]).expect("written");
        assert!(told.starts_with("playbooks/t16-backups.rhai (id t16)\n"), "{told}");
        let text = std::fs::read_to_string(root.path().join("playbooks/t16-backups.rhai")).expect("the file");
        assert!(text.contains("id: \"t16\", title: \"Backups\""), "{text}");
        rhai::Engine::new_raw().compile(&text).expect("it parses");
        let again = make("t16-backups", root.path(), &["t5"]).expect_err("it is there");
        assert_eq!(again.message, "playbooks/t16-backups.rhai exists already, and is left as it is");
    }

    #[test]
    fn names_that_would_leave_the_folder_are_refused() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["", "../x", "a/b", "a b", "x.txt"] {
            assert_eq!(make(name, root.path(), &[]).expect_err(name).kind, Kind::Usage, "{name}");
        }
        assert!(!root.path().join("playbooks").exists());
    }
}
