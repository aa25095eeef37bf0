//! A real API server, brought to what an export says by `kubectl`.

mod standing;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::printed::{Documents, Printed, same};
use crate::real::kubeconfig;

/// Commands that are run side by side: one alone is slowed down by kubectl's own limit.
const ABREAST: usize = 4;
/// What one command is given at least: each asks first what kinds there are.
const LEAST: usize = 100;

/// A server, and what was loaded into it.
pub(super) struct Server {
    context: String,
    there: Option<Printed>,
}

impl Server {
    pub(super) fn new(cluster: &str) -> Self {
        let config = std::fs::read_to_string(kubeconfig()).unwrap_or_default();
        let context = format!("{cluster}-api");
        assert!(config.contains(&context), "there is no {context}: realkube/up -a -c infra-api,apps-api starts it");
        Self { context, there: None }
    }

    /// Brings its objects to what is wanted. What an earlier test left goes first.
    pub(super) fn bring(&mut self, wanted: Printed) {
        let before = self.there.take().unwrap_or_else(|| standing::cleared(&self.context, &wanted.definitions));
        let definitions = Difference::of(&before.definitions, &wanted.definitions);
        let objects = Difference::of(&before.objects, &wanted.objects);
        self.ask(&["delete", "--grace-period=0", "--force", "--ignore-not-found"], &objects.gone);
        self.ask(&["delete"], &definitions.gone);
        self.ask(&["create", "--validate=false"], &definitions.new);
        self.ask(&["replace", "--validate=false"], &definitions.changed);
        standing::served(&self.context, &[definitions.new, definitions.changed].concat());

        // What others are in, or are judged by, comes first.
        let (inside, wide): (Vec<&Value>, Vec<&Value>) =
            objects.new.iter().partition(|one| one["metadata"]["namespace"].is_string());
        let (namespaces, wide): (Vec<&Value>, Vec<&Value>) =
            wide.into_iter().partition(|one| one["kind"] == "Namespace");
        for wave in [[namespaces, wide].concat(), inside] {
            self.ask(&["create", "--validate=false"], &wave);
        }
        // Anew: a change would count its generation up, and its status is of the first. Nobody is there who would let a
        // namespace go.
        let (namespaces, changed): (Vec<&Value>, Vec<&Value>) =
            objects.changed.iter().partition(|one| one["kind"] == "Namespace");
        self.ask(&["replace", "--force", "--grace-period=0", "--validate=false"], &changed);
        // A server gives every new node the taint not-ready, which nobody takes away here.
        let made = wanted.objects.iter().filter(|(key, _)| objects.made.contains(*key)).map(|(_, one)| one);
        let nodes: Vec<&Value> = made.filter(|one| one["kind"] == "Node").collect();
        self.ask(&["replace", "--validate=false"], &[namespaces, nodes].concat());
        let status = Difference::of(&before.status, &wanted.status);
        let told = |key: &String| status.made.contains(key) || objects.made.contains(key);
        let status: Vec<&Value> = wanted.status.iter().filter(|(key, _)| told(key)).map(|(_, one)| one).collect();
        self.ask(&["replace", "--subresource=status", "--validate=false"], &status);
        self.there = Some(wanted);
    }

    /// `kubectl` with manifests on its input, which has to go well.
    fn ask(&self, args: &[&str], documents: &[&Value]) {
        if documents.is_empty() {
            return;
        }
        let each = documents.len().div_ceil(ABREAST).max(LEAST);
        thread::scope(|scope| {
            for some in documents.chunks(each) {
                scope.spawn(|| self.kubectl(args, some));
            }
        });
    }

    fn kubectl(&self, args: &[&str], documents: &[&Value]) {
        let mut child = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(kubeconfig())
            .args(["--context", &self.context])
            .args(args)
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl runs");
        let text: String = documents.iter().map(|document| format!("---\n{document}\n")).collect();
        child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {args:?} on {}:\n{said}", self.context);
    }
}

/// How one state becomes another.
struct Difference<'d> {
    gone: Vec<&'d Value>,
    new: Vec<&'d Value>,
    changed: Vec<&'d Value>,
    /// The names of what is new or changed.
    made: BTreeSet<&'d String>,
}

impl<'d> Difference<'d> {
    fn of(before: &'d Documents, wanted: &'d Documents) -> Self {
        let left = before.iter().filter(|(key, one)| !wanted.contains_key(*key) && one["kind"] != "Namespace");
        let gone = left.map(|(_, one)| one).collect();
        let mut out = Self { gone, new: Vec::new(), changed: Vec::new(), made: BTreeSet::new() };
        for (key, one) in wanted {
            match before.get(key) {
                Some(was) if same(was, one) => continue,
                Some(_) => out.changed.push(one),
                None => out.new.push(one),
            }
            out.made.insert(key);
        }
        out
    }
}
