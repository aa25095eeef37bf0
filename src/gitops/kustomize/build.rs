//! The walk through kustomization files, from a folder down to manifests.

use std::collections::HashSet;
use std::sync::Arc;

use super::open::{Build, is_remote};
use super::{generate, patch, transform};
use crate::gitops::files::{Files, KUSTOMIZATION_FILES, folder_of, join};
use crate::gitops::finding::Findings;
use crate::gitops::object::{Id, Object};
use crate::gitops::rules::id;
use crate::gitops::yaml::{At, Node};

/// Fields with which objects come from elsewhere, or change in ways that are not looked into.
const OPEN: &[&str] =
    &["helmCharts", "helmChartInflationGenerator", "generators", "transformers", "replacements", "vars"];

/// Builds a folder.
#[derive(Debug)]
pub struct Builder<'a> {
    pub(super) files: &'a mut Files,
    pub(super) findings: &'a mut Findings,
    pub(super) chain: Vec<String>,
    folders: Vec<String>,
    /// What is not known.
    pub build: Build,
}

impl<'a> Builder<'a> {
    /// A builder of what a chain leads to.
    pub fn new(files: &'a mut Files, findings: &'a mut Findings, chain: &[String]) -> Self {
        Self { files, findings, chain: chain.to_vec(), folders: Vec::new(), build: Build::default() }
    }

    pub(super) fn found(&mut self, rule: &'static str, at: At, message: impl Into<String>) {
        self.build.broken = true;
        self.findings.add(rule, at, "", message, &self.chain);
    }

    /// The objects of a folder as Flux builds it: by its kustomization file, or else all manifests below it.
    pub fn root(&mut self, folder: &str, spec: Option<&Node>) -> Vec<Object> {
        let mut objects = match self.files.kustomization(folder) {
            Some(file) => self.kustomization(&file, Vec::new(), false, true),
            None => self.scan(folder),
        };
        if let Some(spec) = spec {
            for one in spec.list("components") {
                let lenient = spec.is_true("ignoreMissingComponents");
                if lenient && !self.files.is_folder(&join(folder, one.as_text().unwrap_or_default())) {
                    continue;
                }
                objects = self.component(folder, one, objects);
            }
            for one in spec.list("patches") {
                patch::apply(self, folder, &mut objects, one);
            }
            transform::apply(&mut objects, spec, "targetNamespace");
        }
        objects
    }

    fn scan(&mut self, folder: &str) -> Vec<Object> {
        let mut objects = Vec::new();
        for name in self.files.list(folder) {
            let path = join(folder, &name);
            if self.files.is_folder(&path) {
                objects.extend(match self.files.kustomization(&path) {
                    Some(file) => self.kustomization(&file, Vec::new(), false, false),
                    None => self.scan(&path),
                });
            } else if name.ends_with(".yaml") || name.ends_with(".yml") {
                let at = At { file: self.files.read(&path).number, line: 1 };
                let more = self.manifests(&path);
                self.extend(&mut objects, more, at);
            }
        }
        objects
    }

    /// What a kustomization file makes of what is there already (`base`, of which only a component knows).
    fn kustomization(&mut self, path: &str, base: Vec<Object>, component: bool, root: bool) -> Vec<Object> {
        let file = self.files.read(path);
        let folder = folder_of(path).to_owned();
        self.faults(path);
        let top = At { file: file.number, line: 1 };
        let Some(node) = file.parsed.documents.first() else {
            if file.parsed.faults.is_empty() {
                self.found(id::EMPTY, top, "the kustomization file is empty");
            }
            return base;
        };
        // Lists without items count as content to kustomize, but not to Flux, which writes the file of its root anew.
        let has_content = node.entries().iter().any(|(key, value)| {
            let about = matches!(key.text.as_str(), "apiVersion" | "kind" | "metadata");
            let hollow = value.scalar().is_none() && value.items().is_empty() && value.entries().is_empty();
            !about && !(root && (hollow || value.is_null()))
        });
        if !has_content {
            self.found(id::EMPTY, node.at, "the kustomization has nothing in it: its build fails");
            return base;
        }
        if self.folders.contains(&folder) {
            self.found(id::CIRCLE, top, format!("the kustomization of {folder} includes itself"));
            return base;
        }
        self.fields(node, component);
        self.folders.push(folder.clone());
        let objects = self.contents(node, &folder, base);
        self.folders.pop();
        objects
    }

    fn contents(&mut self, node: &Node, folder: &str, mut objects: Vec<Object>) -> Vec<Object> {
        for one in node.list("resources").iter().chain(node.list("bases")) {
            let more = self.resource(folder, one);
            self.extend(&mut objects, more, one.at);
        }
        for one in node.list("components") {
            objects = self.component(folder, one, objects);
        }
        for one in node.list("crds").iter().chain(node.list("configurations")) {
            self.wanted(folder, one);
        }
        self.build.open |= OPEN.iter().any(|field| node.get(field).is_some());
        generate::apply(self, folder, &mut objects, node);
        for field in ["patchesStrategicMerge", "patches", "patchesJson6902"] {
            for one in node.list(field) {
                patch::apply(self, folder, &mut objects, one);
            }
        }
        transform::apply(&mut objects, node, "namespace");
        objects
    }

    fn component(&mut self, folder: &str, one: &Node, base: Vec<Object>) -> Vec<Object> {
        let text = one.as_text().unwrap_or_default();
        let path = join(folder, text);
        if let Some(file) = self.files.kustomization(&path).filter(|_| !path.is_empty()) {
            self.chain.push(self.place(one.at));
            let objects = self.kustomization(&file, base, true, false);
            self.chain.pop();
            return objects;
        }
        if is_remote(text) {
            self.build.open = true;
            return base;
        }
        self.build.lost.push(text.to_owned());
        let there = if self.files.is_folder(&path) { "has no kustomization file" } else { "is not there" };
        self.found(id::COMPONENT_MISSING, one.at, format!("the component {text} {there}: the build fails"));
        base
    }

    fn resource(&mut self, folder: &str, one: &Node) -> Vec<Object> {
        let text = one.as_text().unwrap_or_default();
        let path = join(folder, text);
        if path.is_empty() || text.is_empty() {
            self.found(
                id::FILE_MISSING,
                one.at,
                format!("\"{text}\" names nothing in the repository: the build fails"),
            );
            return Vec::new();
        }
        let file = self.files.kustomization(&path);
        self.chain.push(self.place(one.at));
        let objects = match file {
            _ if self.files.is_file(&path) => self.manifests(&path),
            Some(file) => self.kustomization(&file, Vec::new(), false, false),
            None if is_remote(text) => {
                self.build.open = true;
                Vec::new()
            }
            None => {
                self.chain.pop();
                self.build.lost.push(text.to_owned());
                let there = if self.files.is_folder(&path) { "has no kustomization file" } else { "is not there" };
                self.found(id::FILE_MISSING, one.at, format!("the resource {text} {there}: the build fails"));
                return Vec::new();
            }
        };
        self.chain.pop();
        objects
    }

    /// A file that something names, in `path` or `text`; its name where it is there.
    pub(super) fn wanted(&mut self, folder: &str, one: &Node) -> Option<String> {
        let text = one.as_text().unwrap_or_default();
        let path = join(folder, text);
        if self.files.is_file(&path) {
            return Some(path);
        }
        if !is_remote(text) && !self.files.is_folder(&path) {
            self.build.lost.push(text.to_owned());
            self.found(id::FILE_MISSING, one.at, format!("the file {text} is not there: the build fails"));
        }
        None
    }

    fn manifests(&mut self, path: &str) -> Vec<Object> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let file = self.files.read(path);
        self.faults(path);
        if KUSTOMIZATION_FILES.contains(&name) {
            let at = At { file: file.number, line: 1 };
            self.found(
                id::NOT_OBJECT,
                at,
                "a kustomization file is included as a manifest; its folder is what to name",
            );
            return Vec::new();
        }
        let chain = Arc::new(self.chain.clone());
        let mut objects = Vec::new();
        for node in &file.parsed.documents {
            if !Object::is_object(node) {
                let lacks =
                    ["apiVersion", "kind", "metadata.name"].into_iter().filter(|key| node.at_path(key).is_none());
                let lacks: Vec<&str> = lacks.collect();
                let message =
                    format!("the document has no {}: it is no object, and the build fails", lacks.join(", no "));
                self.found(id::NOT_OBJECT, node.at, message);
                continue;
            }
            let items =
                if node.text_at("kind").ends_with("List") { node.list("items") } else { std::slice::from_ref(node) };
            for node in items {
                let object = Object { node: node.clone(), chain: chain.clone(), hashed: false };
                let local = object
                    .node
                    .at_path("metadata.annotations")
                    .and_then(|a| a.get("config.kubernetes.io/local-config"));
                if local.is_none_or(|local| local.as_text() != Some("true")) {
                    objects.push(object);
                }
            }
        }
        objects
    }

    /// Tells what is wrong with a file's text, and keeps the text for those who look for a name.
    fn faults(&mut self, path: &str) {
        let file = self.files.read(path);
        for (line, fault) in &file.parsed.faults {
            let at = At { file: file.number, line: *line };
            self.found(id::YAML, at, format!("the file {fault}"));
            self.build.lost.push(file.text.clone());
        }
    }

    pub(super) fn extend(&mut self, objects: &mut Vec<Object>, more: Vec<Object>, at: At) {
        let mut known: HashSet<Id> = objects.iter().map(Object::id).collect();
        for object in more {
            let id = object.id();
            if !id.name.is_empty() && !known.insert(id.clone()) {
                let before = objects.iter().find(|one| one.id() == id).map(|one| self.place(one.at()));
                let before = before.unwrap_or_default();
                let message =
                    format!("{} is included a second time, before from {before}: the build fails", id.words());
                self.build.broken = true;
                self.findings.add(id::TWICE, at, &id.words(), message, &self.chain);
                continue;
            }
            objects.push(object);
        }
    }

    pub(super) fn place(&self, at: At) -> String {
        format!("{}:{}", self.files.name(at.file), at.line)
    }
}
