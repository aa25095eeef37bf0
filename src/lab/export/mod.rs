//! A cluster of the lab as manifests that a real API server takes: definitions, objects, and their status as a part of its
//! own, since a server lets status be written only through a door of its own.
//!
//! What a server gives by itself (versions, uids, generations, cluster addresses, owners' uids) is left out, and so is what every
//! cluster makes for itself. What the server that is meant does not know is listed.

mod tidy;
mod versions;

use std::fmt::Write as _;

use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::lab::kube::cluster::Cluster;

pub use versions::Version;

/// A cluster as manifests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// CustomResourceDefinitions.
    pub definitions: Vec<Value>,
    /// Namespaces, then all other objects, without status.
    pub objects: Vec<Value>,
    /// The objects that have a status, with it: for `kubectl replace --subresource=status`.
    pub status: Vec<Value>,
    /// What the server that is meant can't take, each with the reason.
    pub left_out: Vec<String>,
}

/// A part of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The definitions of kinds.
    Definitions,
    /// The objects.
    Objects,
    /// Their status.
    Status,
}

impl Part {
    /// All of them, in the order in which they are loaded.
    pub const ALL: [Self; 3] = [Self::Definitions, Self::Objects, Self::Status];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Definitions => "definitions",
            Self::Objects => "objects",
            Self::Status => "status",
        }
    }

    /// How it is loaded.
    fn loaded_by(self) -> &'static str {
        match self {
            Self::Definitions => "kubectl create -f -; kubectl wait --for=condition=Established crd --all",
            // Every new node has that taint, and without controllers nobody takes it away.
            Self::Objects => {
                "kubectl create --validate=false -f -; kubectl taint nodes --all node.kubernetes.io/not-ready-"
            }
            Self::Status => "kubectl replace --subresource=status --validate=false -f -",
        }
    }
}

/// Exports a cluster as it is now.
pub fn export(cluster: &Cluster, version: Option<Version>) -> Export {
    let mut out = Export::default();
    let mut namespaces = Vec::new();
    let world = cluster.world();
    for (place, stored) in world.store.all() {
        if tidy::made_by_itself(place, &stored.value) {
            continue;
        }
        let (mut object, status) = tidy::parts(&stored.value);
        match versions::fitted(&mut object, version) {
            Ok(()) => {}
            Err(why) => {
                out.left_out.push(why);
                continue;
            }
        }
        if object["kind"] == "CustomResourceDefinition" {
            out.definitions.push(object);
            continue;
        }
        let has_status = world.kinds.of(&stored.value).is_some_and(|kind| kind.status);
        if let Some(status) = status.filter(|_| has_status) {
            let mut whole = object.clone();
            whole["status"] = status;
            versions::fitted_status(&mut whole, version);
            out.status.push(whole);
        }
        if object["kind"] == "Namespace" { namespaces.push(object) } else { out.objects.push(object) }
    }
    namespaces.append(&mut out.objects);
    out.objects = namespaces;
    out
}

impl Export {
    /// A part's documents.
    pub fn part(&self, part: Part) -> &[Value] {
        match part {
            Part::Definitions => &self.definitions,
            Part::Objects => &self.objects,
            Part::Status => &self.status,
        }
    }

    /// Parts as YAML documents, each part with how it is loaded.
    ///
    /// # Errors
    /// [`Kind::Unreadable`]: an object has no form in YAML.
    pub fn to_yaml(&self, parts: &[Part]) -> Result<String> {
        let mut out = String::new();
        for why in &self.left_out {
            let _ = writeln!(out, "# left out: {why}");
        }
        for part in parts {
            let documents = self.part(*part);
            let _ = writeln!(out, "# {}: {} documents; {}", part.as_str(), documents.len(), part.loaded_by());
            for document in documents {
                let text = serde_saphyr::to_string(document).map_err(|e| {
                    let what = format!("{} {}", document["kind"], document["metadata"]["name"]);
                    Error::new(Kind::Unreadable, format!("{what} can't be written as YAML")).because(e)
                })?;
                let _ = write!(out, "---\n{}\n", text.trim_end());
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
