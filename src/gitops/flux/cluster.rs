//! A cluster as its entry point makes it: Kustomizations, and the objects that each applies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::substitute::Variables;
use crate::gitops::kustomize::Build;
use crate::gitops::object::{Id, Object};
use crate::gitops::yaml::{At, Node};

/// A Flux Kustomization, or the entry point itself, with what it applies.
#[derive(Debug)]
pub struct Unit {
    /// Its name; the entry point's folder where no Kustomization names that.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The folder that it applies, from the root of the repository; empty where that is not known.
    pub path: String,
    /// The Kustomization, substituted; none for an entry point that no Kustomization names.
    pub object: Option<Object>,
    /// The unit that applies the Kustomization; none for the entry point.
    pub by: Option<usize>,
    /// What it applies, substituted.
    pub objects: Vec<Object>,
    /// What it substitutes.
    pub variables: Variables,
    /// The way there, itself last.
    pub chain: Arc<Vec<String>>,
    /// What is not known of its build.
    pub build: Build,
    /// Whether its path was built: it is in this repository, and is there.
    pub built: bool,
}

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The entry point's folder.
    pub entry: String,
    /// The entry point first.
    pub units: Vec<Unit>,
    names: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Unit {
    /// `Kustomization namespace/name`
    pub fn words(&self) -> String {
        match self.object {
            Some(_) => format!("Kustomization {}/{}", self.namespace, self.name),
            None => format!("entry point {}", self.path),
        }
    }

    /// The Kustomization's value at a path below `spec`.
    pub fn spec(&self, path: &str) -> Option<&Node> {
        self.object.as_ref()?.node.get("spec")?.at_path(path)
    }

    /// Where the Kustomization stands.
    pub fn at(&self) -> At {
        self.object.as_ref().map(Object::at).unwrap_or_default()
    }

    /// The cluster that it applies to, where it names another one than its own.
    pub fn elsewhere(&self) -> &str {
        self.spec("kubeConfig").map_or("", |config| match config.text_at("secretRef.name") {
            "" => "configMapRef",
            name => name,
        })
    }
}

impl Cluster {
    /// A cluster of its units.
    pub fn new(name: &str, entry: &str, units: Vec<Unit>) -> Self {
        let mut names: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
        for (u, unit) in units.iter().enumerate() {
            for (o, object) in unit.objects.iter().enumerate() {
                names.entry(object.name().to_owned()).or_default().push((u, o));
            }
        }
        Self { name: name.into(), entry: entry.into(), units, names }
    }

    /// Every object, with the unit that applies it.
    pub fn objects(&self) -> impl Iterator<Item = (&Unit, &Object)> {
        self.units.iter().flat_map(|unit| unit.objects.iter().map(move |object| (unit, object)))
    }

    /// Every object of a kind of a group.
    pub fn of<'a>(&'a self, group: &'a str, kind: &'a str) -> impl Iterator<Item = (&'a Unit, &'a Object)> + 'a {
        self.objects().filter(move |(_, object)| object.is(group, kind))
    }

    /// The objects of a name.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a Unit, &'a Object)> + 'a {
        let places = self.names.get(name).map_or(&[][..], Vec::as_slice);
        places.iter().map(|(u, o)| (&self.units[*u], &self.units[*u].objects[*o]))
    }

    /// The unit of a Kustomization.
    pub fn unit(&self, namespace: &str, name: &str) -> Option<usize> {
        self.units.iter().position(|unit| unit.name == name && unit.namespace == namespace)
    }

    /// Whether an object that is not seen may be there all the same: something comes from outside of the repository, or
    /// a file that can't be read has its name.
    pub fn may_have(&self, name: &str) -> bool {
        name.is_empty() || name.contains("${") || self.units.iter().any(|unit| unit.build.may_have(name))
    }

    /// The unit above a unit, and that above it, up to the entry point.
    pub fn above(&self, unit: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.units[unit].by, |above| self.units[*above].by)
    }

    /// Whether there is an object of an id.
    pub fn has(&self, id: &Id) -> bool {
        self.named(&id.name).any(|(_, object)| object.id() == *id)
    }
}
