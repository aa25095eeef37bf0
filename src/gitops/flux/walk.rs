//! From a cluster's entry point to every Kustomization that it leads to.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cluster::{Cluster, Unit};
use super::substitute::{Trouble, Variables, substitute};
use super::variables::{Given, ready, variables};
use super::{KUSTOMIZE, SOURCE};
use crate::gitops::files::{Files, join};
use crate::gitops::finding::Findings;
use crate::gitops::kustomize::{Build, Builder};
use crate::gitops::object::Object;
use crate::gitops::rules::id;
use crate::gitops::yaml::Node;

/// Kinds that variables come from, or that make such.
const GIVERS: &[&str] = &["ConfigMap", "Secret", "ExternalSecret", "SealedSecret"];

struct Walk<'a> {
    files: &'a mut Files,
    findings: &'a mut Findings,
    entry: String,
    units: Vec<Unit>,
    sources: Vec<String>,
    /// What variables can come from.
    givers: Vec<Object>,
}

/// Builds a cluster from its entry point's folder on.
///
/// `sources` names the sources that hold this repository; that of Flux's own bootstrap is one by its name.
pub fn walk(files: &mut Files, findings: &mut Findings, name: &str, entry: &str, sources: &[String]) -> Cluster {
    let mut walk =
        Walk { files, findings, entry: entry.into(), units: Vec::new(), sources: sources.to_vec(), givers: Vec::new() };
    walk.begin();
    let mut waiting: VecDeque<(Object, usize)> = walk.children(0).into();
    let mut rounds = 0;
    while let Some((object, by)) = waiting.pop_front() {
        // What a Kustomization substitutes may be in one that is built later.
        if rounds < waiting.len() && !walk.is_ready(&object) {
            rounds += 1;
            waiting.push_back((object, by));
            continue;
        }
        rounds = 0;
        if let Some(unit) = walk.unit(object, by) {
            waiting.extend(walk.children(unit));
        }
    }
    let units = walk.units;
    Cluster::new(name, entry, units)
}

impl Walk<'_> {
    /// The entry point's folder, with the Kustomization that stands for it if there is one (`flux bootstrap` makes one).
    fn begin(&mut self) {
        let entry = self.entry.clone();
        let mut builder = Builder::new(self.files, self.findings, std::slice::from_ref(&entry));
        let mut objects = builder.root(&entry, None);
        let build = builder.build;
        let own = |object: &&Object| {
            object.is(KUSTOMIZE, "Kustomization") && join(".", object.node.text_at("spec.path")) == entry
        };
        let object = objects.iter().find(own).cloned();
        let namespace = object.as_ref().map_or("flux-system", Object::namespace).to_owned();
        let chain = Arc::new(vec![entry.clone()]);
        let variables = {
            let post = object.as_ref().and_then(|o| o.node.at_path("spec.postBuild"));
            let find = |kind: &str, name: &str| find(&objects, &[], kind, &namespace, name);
            let may_have = |_: &str| true;
            let given = Given {
                post,
                find: &find,
                may_have: &may_have,
                namespace: &namespace,
                words: "the entry point",
                chain: &chain,
            };
            variables(&given, self.findings)
        };
        self.substituted(&mut objects, &variables);
        self.givers.extend(objects.iter().filter(|object| GIVERS.contains(&object.kind())).cloned());
        let name = object.as_ref().map_or(entry.as_str(), Object::name).to_owned();
        self.same_repository(&objects);
        self.units.push(Unit {
            name,
            namespace,
            path: entry,
            object,
            by: None,
            objects,
            variables,
            chain,
            build,
            built: true,
        });
    }

    /// Sources of the same address as the bootstrap's hold this repository, too; without that, the first one named does.
    fn same_repository(&mut self, objects: &[Object]) {
        let sources: Vec<&Object> = objects.iter().filter(|o| o.is(SOURCE, "GitRepository")).collect();
        let known: Vec<&str> =
            sources.iter().filter(|o| self.is_known(o.name())).map(|o| o.node.text_at("spec.url")).collect();
        let more = sources.iter().filter(|o| known.contains(&o.node.text_at("spec.url"))).map(|o| o.name().to_owned());
        let sync =
            objects.iter().filter(|o| o.kind() == "FluxInstance").map(|o| o.node.text_at("spec.sync.name").to_owned());
        let more: Vec<String> = more.chain(sync).filter(|name| !name.is_empty()).collect();
        self.sources.extend(more);
        let named =
            objects.iter().filter(|o| o.is(KUSTOMIZE, "Kustomization")).map(|o| o.node.text_at("spec.sourceRef.name"));
        let named: Vec<&str> = named.collect();
        if !named.iter().any(|name| self.is_known(name)) {
            self.sources.extend(named.first().map(|name| (*name).to_owned()));
        }
    }

    fn is_known(&self, name: &str) -> bool {
        name == "flux-system" || self.sources.iter().any(|source| source == name)
    }

    fn is_ready(&self, object: &Object) -> bool {
        let find = |kind: &str, name: &str| find(&[], &self.givers, kind, object.namespace(), name);
        let post = object.node.at_path("spec.postBuild");
        ready(&Given { post, find: &find, may_have: &|_| true, namespace: "", words: "", chain: &[] })
    }

    /// The Kustomizations that a unit applies, but for itself.
    fn children(&self, unit: usize) -> Vec<(Object, usize)> {
        let own = |object: &&Object| {
            let unit = &self.units[unit];
            object.is(KUSTOMIZE, "Kustomization")
                && !(object.name() == unit.name && object.namespace() == unit.namespace)
        };
        self.units[unit].objects.iter().filter(own).map(|object| (object.clone(), unit)).collect()
    }

    fn unit(&mut self, object: Object, by: usize) -> Option<usize> {
        let (name, namespace) = (object.name().to_owned(), object.namespace().to_owned());
        if self.units.iter().any(|unit| unit.name == name && unit.namespace == namespace) {
            return None;
        }
        let words = object.words();
        let place = format!("{words} ({}:{})", self.files.name(object.at().file), object.at().line);
        let mut chain = self.units[by].chain.to_vec();
        chain.push(place);
        let spec = object.node.get("spec");
        let path = spec.and_then(|spec| spec.get("path"));
        let folder = join(".", path.and_then(Node::as_text).unwrap_or("./"));
        let there = !folder.is_empty() && self.files.is_folder(&folder);
        // An artifact may have been made of a folder of the repository, so that its paths begin there.
        let kind = object.node.text_at("spec.sourceRef.kind");
        let here = self.is_known(object.node.text_at("spec.sourceRef.name"))
            && (kind == "GitRepository" || (is_whole(kind) && there))
            && path.is_none_or(|path| !path.is_unknown() && !path.as_text().unwrap_or_default().contains("${"));
        let (mut objects, mut build) = (Vec::new(), Build { open: !here, ..Build::default() });
        let there = here && there;
        if there {
            let mut builder = Builder::new(self.files, self.findings, &chain);
            objects = builder.root(&folder, spec);
            build = builder.build;
        } else if here {
            let at = path.map_or(object.at(), |path| path.at);
            let message = format!("{words} applies {folder}, which is not in the repository");
            self.findings.add(id::PATH, at, &words, message, &chain);
            build.lost.push(folder.clone());
        }
        if there && objects.is_empty() && !build.open && !build.broken {
            let at = path.map_or(object.at(), |path| path.at);
            let message = format!("{words} applies {folder}, in which there is nothing");
            self.findings.add(id::EMPTY, at, &words, message, &chain);
        }
        let variables = {
            let find = |kind: &str, name: &str| find(&objects, &self.givers, kind, &namespace, name);
            let may_have = |name: &str| {
                self.units.iter().map(|unit| &unit.build).chain([&build]).any(|build| build.may_have(name))
            };
            let post = object.node.at_path("spec.postBuild");
            let given =
                Given { post, find: &find, may_have: &may_have, namespace: &namespace, words: &words, chain: &chain };
            variables(&given, self.findings)
        };
        self.substituted(&mut objects, &variables);
        self.givers.extend(objects.iter().filter(|object| GIVERS.contains(&object.kind())).cloned());
        self.units.push(Unit {
            name,
            namespace,
            path: if here { folder } else { String::new() },
            object: Some(object),
            by: Some(by),
            objects,
            variables,
            chain: Arc::new(chain),
            build,
            built: there,
        });
        Some(self.units.len() - 1)
    }

    fn substituted(&mut self, objects: &mut [Object], variables: &Variables) {
        if !variables.any {
            return;
        }
        for object in objects.iter_mut().filter(|object| !object.is_literal()) {
            let (words, chain) = (object.words(), object.chain.clone());
            let findings = &mut *self.findings;
            substitute(&mut object.node, variables, &mut |at, trouble| match trouble {
                Trouble::Undefined(name) => {
                    let message = format!("the variable {name} has neither a value nor a default: it becomes empty");
                    findings.add(id::VARIABLE, at, &words, message, &chain);
                }
                Trouble::Broken(why) => {
                    let message = format!("{why}; Flux fails to substitute, write $${{ for a ${{ that stays");
                    findings.add(id::VARIABLE_BROKEN, at, &words, message, &chain);
                }
            });
        }
    }
}

/// Whether a source of a kind can hold a repository as it is; an ExternalArtifact holds what a generator made of it.
fn is_whole(kind: &str) -> bool {
    matches!(kind, "GitRepository" | "OCIRepository" | "Bucket")
}

/// The ConfigMaps or Secrets of a name, and what makes a Secret of that name.
fn find(own: &[Object], givers: &[Object], kind: &str, namespace: &str, name: &str) -> Vec<Object> {
    let is = |object: &&Object| {
        let at_home = object.namespace() == namespace || object.namespace().is_empty();
        let made = match object.kind() {
            "ExternalSecret" if kind == "Secret" => match object.node.text_at("spec.target.name") {
                "" => object.name(),
                target => target,
            },
            "SealedSecret" if kind == "Secret" => object.name(),
            of if of == kind => object.name(),
            _ => return false,
        };
        at_home && made == name
    };
    givers.iter().chain(own).filter(is).cloned().collect()
}
