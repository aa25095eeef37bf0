//! One fault: a row of the table, and what it is in a given platform.

use serde_json::Value;

use super::ground::Ground;
use crate::lab::world::wrong::Object;
use crate::lab::world::{Cause, Change};

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// By which it is switched on: `ip-pool-disabled`.
    pub name: &'static str,
    /// One line: what somebody did, or what broke.
    pub about: &'static str,
    /// The risk of the specification that it makes true, `R1` to `R10`; `—` where it is none of them.
    pub risk: &'static str,
    /// What follows from it.
    pub effect: &'static str,
    /// What is wrong then in a given platform; or why that platform can't have it.
    pub wrong: fn(&Ground<'_>) -> Result<Broken, String>,
}

/// What is broken in a given platform, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The broken object as people name it: `Node infra-02 (10.25.11.12)`, `CiliumLoadBalancerIPPool infra-pool of infra`.
    pub object: String,
    /// Each of these in a message names it: its name, its address.
    pub names: Vec<String>,
    /// What is put into the world.
    pub causes: Vec<Cause>,
}

impl Broken {
    /// Something that is named in one way.
    pub fn new(object: impl Into<String>, names: &[&str], causes: Vec<Cause>) -> Self {
        Self { object: object.into(), names: names.iter().map(|name| (*name).to_owned()).collect(), causes }
    }

    /// Whether a message names it, as a whole word: `infra-1` is not named by `infra-10`.
    pub fn named_by(&self, message: &str) -> bool {
        let part = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
        self.names.iter().any(|name| {
            message.match_indices(name.as_str()).any(|(at, _)| {
                let before = message[..at].chars().next_back();
                let mut after = message[at + name.len()..].chars();
                // A full stop may end the sentence, and a pod's name begins with its owner's.
                let ends = match after.next() {
                    Some('.') => after.next().is_none_or(|c| !c.is_alphanumeric()),
                    Some('-') => true,
                    Some(c) => !part(c),
                    None => true,
                };
                before.is_none_or(|c| !part(c)) && ends
            })
        })
    }
}

/// An object that a fault is about, as it is now.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its cluster.
    pub cluster: String,
    /// All of it.
    pub value: Value,
}

impl Target {
    /// Its name.
    pub fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Its namespace; empty where it has none.
    pub fn namespace(&self) -> &str {
        self.value["metadata"]["namespace"].as_str().unwrap_or_default()
    }

    fn cause(&self, change: Change) -> Cause {
        Cause::Changed { cluster: self.cluster.clone(), object: Object::of(&self.value), change }
    }

    /// Fields of it are others, as a JSON merge patch has them.
    pub fn merged(&self, patch: &Value) -> Cause {
        self.cause(Change::Merge(patch.to_string()))
    }

    /// It is gone.
    pub fn deleted(&self) -> Cause {
        self.cause(Change::Delete)
    }

    /// It is what is broken.
    pub fn broken(&self, causes: Vec<Cause>) -> Broken {
        Broken::new(format!("{} of {}", Object::of(&self.value), self.cluster), &[self.name()], causes)
    }
}

/// An object that somebody made in a cluster.
pub fn made(cluster: &str, manifest: &Value) -> Cause {
    let change = Change::Create(manifest.to_string());
    Cause::Changed { cluster: cluster.into(), object: Object::of(manifest), change }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_what_it_has_as_a_word() {
        let broken = Broken::new("Node infra-1", &["infra-1", "10.0.0.1"], vec![]);
        for named in
            ["node infra-1 is not ready", "infra-1", "(10.0.0.1):", "it is infra-1.", "Pod kube-system/infra-1-x7"]
        {
            assert!(broken.named_by(named), "{named}");
        }
        for other in ["infra-10", "10.0.0.12", "xinfra-1", "all is well", "infra-1.example.org"] {
            assert!(!broken.named_by(other), "{other}");
        }
    }
}
