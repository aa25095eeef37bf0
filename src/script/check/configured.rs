//! Names that are written out and mean something: what `pb.toml` configures, durations, sizes.

use rhai::{Expr, Position};

use super::names::declared;
use super::tree::{CallNode, Tree, call_of};
use super::{Finding, Level, finding};
use crate::config::Config;
use crate::error::did_you_mean;
use crate::host::values::{Size, parse_duration};

/// The names of `pb.toml`'s tables. Of a table without a name nothing is said: this machine has no part in it.
#[derive(Debug, Default)]
pub struct Configured {
    clusters: Vec<String>,
    hosts: Vec<String>,
    endpoints: Vec<String>,
}

impl Configured {
    /// Those of a configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            clusters: config.clusters.keys().cloned().collect(),
            hosts: config.hosts.keys().cloned().collect(),
            endpoints: config.endpoints.keys().cloned().collect(),
        }
    }
}

/// Names that are not configured: warnings, since another machine's `pb.toml` may have them. Texts that are no duration
/// or size are wrong everywhere.
pub(super) fn check(tree: &Tree<'_>, configured: &Configured) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = declared(tree.ast);
    tree.ast.walk(&mut |path| {
        let Some(node) = path.last().and_then(call_of).filter(|n| n.call.namespace.is_empty()) else { return true };
        let [Expr::StringConstant(text, _)] = &node.call.args[..] else { return true };
        if own.contains_key(node.call.name.as_str()) {
            return true;
        }
        findings.extend(judge(tree, configured, &node, text));
        true
    });
    findings
}

fn judge(tree: &Tree<'_>, configured: &Configured, node: &CallNode<'_>, text: &str) -> Option<Finding> {
    let name = node.call.name.as_str();
    let at: Position = node.position;
    let (what, known) = match (node.method, name) {
        (true, "cluster") => ("cluster", &configured.clusters),
        (false, "ssh") => ("host", &configured.hosts),
        (false, "http") => ("endpoint", &configured.endpoints),
        (false, "duration" | "size") => {
            let wrong = if name == "duration" { parse_duration(text).err() } else { text.parse::<Size>().err() }?;
            let mut found = finding(Level::Error, tree.source, at, wrong.message);
            (found.error.hints, found.error.causes) = (wrong.hints, wrong.causes);
            return Some(found);
        }
        _ => return None,
    };
    if known.is_empty() || known.iter().any(|known| known == text) {
        return None;
    }
    let message = format!("pb.toml has no {what} \"{text}\" (it has {})", known.join(", "));
    let mut found = finding(Level::Warning, tree.source, at, message);
    found.error = found.error.maybe_hint(did_you_mean(text, known.iter().map(String::as_str)));
    Some(found)
}
