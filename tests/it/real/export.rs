//! The lab's clusters in real API servers: what `pb lab export` prints loads there, and steps that only read Kubernetes
//! find there what they find in the lab, healthy and broken.
//!
//! It needs API servers without controllers, so that status stays as it was written: `realkube/up -a -c infra-api,apps-api`
//! in the folder that `REALKUBE_API_DIR` names.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Test;

const CLUSTERS: [&str; 2] = ["infra", "apps"];
/// What breaks, and which steps have to see it.
const FAULTS: [&str; 3] = ["crd-missing", "kubelet-stopped", "crash-loop"];
/// The steps that ask nobody but the API servers.
const STEPS: &str = "t2/*,crash-loops,budgets,unready";

fn kubeconfig() -> PathBuf {
    let dir = std::env::var_os("REALKUBE_API_DIR").unwrap_or_else(|| "/var/tmp/realkube3".into());
    let file = PathBuf::from(dir).join("kubeconfig");
    assert!(file.is_file(), "{} is missing: realkube/up -a -c infra-api,apps-api makes it", file.display());
    file
}

/// `kubectl` with manifests on its input; what it complains of.
fn kubectl(cluster: &str, args: &[&str], documents: &[&Value]) -> String {
    let mut child = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig())
        .args(["--context", &format!("{cluster}-api")])
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
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| !line.starts_with("Warning:"))
        .collect::<Vec<_>>()
        .join("\n")
}

type Documents = BTreeMap<String, Value>;

/// A part of an export, by kind, namespace and name.
fn exported(cluster: &str, part: &str, fault: Option<&str>) -> Documents {
    let fault = fault.map(|fault| format!(" --fault {fault}")).unwrap_or_default();
    let ran = Test::new().pb(&format!("lab export {cluster} --for 1.20 --part {part}{fault}")).code(0);
    let mut documents = Documents::new();
    for text in ran.out().split("\n---\n").skip(1) {
        let document: Value = serde_saphyr::from_str(text).expect("YAML");
        let metadata = &document["metadata"];
        documents.insert(format!("{} {} {}", document["kind"], metadata["namespace"], metadata["name"]), document);
    }
    assert!(!documents.is_empty(), "{part} of {cluster}");
    documents
}

/// Brings a server's objects from what is there to what is wanted.
fn load(cluster: &str, there: &mut BTreeMap<&'static str, Documents>, fault: Option<&str>) {
    for part in ["definitions", "objects", "status"] {
        let wanted = exported(cluster, part, fault);
        let before = there.insert(part, wanted.clone()).unwrap_or_default();
        let new: Vec<&Value> =
            wanted.iter().filter(|(key, _)| !before.contains_key(*key)).map(|(_, one)| one).collect();
        let gone: Vec<&Value> =
            before.iter().filter(|(key, _)| !wanted.contains_key(*key)).map(|(_, one)| one).collect();
        let changed = |(key, one): &(&String, &Value)| before.get(*key).is_some_and(|was| was != *one);
        let changed: Vec<&Value> = wanted.iter().filter(changed).map(|(_, one)| one).collect();
        let mut said = Vec::new();
        let mut ask = |args: &[&str], documents: &[&Value]| {
            if !documents.is_empty() {
                said.push(kubectl(cluster, args, documents));
            }
        };
        if part == "status" {
            let all: Vec<&Value> = new.into_iter().chain(changed).collect();
            ask(&["replace", "--subresource=status", "--validate=false"], &all);
        } else {
            // Namespaces first: the map has lost their order.
            let (spaces, others): (Vec<&Value>, Vec<&Value>) =
                new.into_iter().partition(|one| one["kind"] == "Namespace");
            ask(&["create", "--validate=false"], &spaces);
            ask(&["create", "--validate=false"], &others);
            ask(&["delete", "--grace-period=0", "--force", "--wait=false", "--ignore-not-found"], &gone);
            ask(&["replace", "--validate=false"], &changed);
        }
        if part == "definitions" {
            std::thread::sleep(Duration::from_secs(3));
        }
        let said = said.join("\n");
        // What an earlier run of this test has left is the same.
        let wrong: Vec<&str> = said
            .lines()
            .filter(|line| {
                !line.contains("AlreadyExists") && !line.contains("already exists") && !line.trim().is_empty()
            })
            .filter(|line| !line.contains("Immediate deletion does not wait"))
            .collect();
        assert!(wrong.is_empty(), "{part} of {cluster} under {fault:?}:\n{}", wrong.join("\n"));
    }
}

/// A lab that is kept open, a minute a second.
struct Open {
    child: Child,
    test: Test,
}

impl Open {
    fn new() -> Self {
        let test = Test::new();
        let mut child = test.command("lab up --dir here --clock 60x").stdout(Stdio::piped()).spawn().expect("pb runs");
        let out = child.stdout.take().expect("its output");
        let opened = BufReader::new(out).lines().map_while(Result::ok).any(|line| line.contains("Ctrl-C"));
        assert!(opened, "no lab opened");
        Self { child, test }
    }

    fn switch(&self, fault: &str, word: &str) {
        let output = self.test.command(&format!("lab fault {fault} {word} --dir here")).output().expect("pb runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Four minutes of the lab's.
        std::thread::sleep(Duration::from_secs(4));
    }

    /// How the steps end with a configuration.
    fn outcomes(&self, config: &str) -> BTreeMap<String, String> {
        let line = format!("run t2 t14 --only {STEPS} --set t2.crd_within=2s --config {config} --report json=r.json");
        let output = self.test.command(&line).output().expect("pb runs");
        let text = std::fs::read_to_string(self.test.path().join("r.json"))
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        let report: Value = serde_json::from_str(&text).expect("JSON");
        let told = |step: &Value, key: &str| step[key].as_str().expect("a text").to_owned();
        report["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .map(|step| (told(step, "id"), told(step, "outcome")))
            .collect()
    }

    /// The lab's configuration with the real servers in place of its own.
    fn for_real(&self) {
        let text = std::fs::read_to_string(self.test.path().join("here/pb.toml")).expect("it is there");
        let mut all: toml::Table = text.parse().expect("TOML");
        for (name, cluster) in all["clusters"].as_table_mut().expect("clusters") {
            let cluster = cluster.as_table_mut().expect("a cluster");
            cluster.insert("kubeconfig".into(), kubeconfig().display().to_string().into());
            cluster.insert("context".into(), format!("{name}-api").into());
            cluster.retain(|key, _| !key.starts_with("talos"));
        }
        all.retain(|key, _| key != "hosts" && key != "networks" && key != "endpoints");
        std::fs::write(self.test.path().join("real.toml"), all.to_string()).expect("written");
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs the real clusters"]
fn real_an_export_loads_and_steps_find_there_what_they_find_in_the_lab() {
    let open = Open::new();
    open.for_real();
    let mut there = CLUSTERS.map(|_| BTreeMap::new());
    let mut seen = Vec::new();
    for fault in [None].into_iter().chain(FAULTS.map(Some)) {
        for (cluster, there) in CLUSTERS.iter().zip(&mut there) {
            load(cluster, there, fault);
        }
        if let Some(fault) = fault {
            open.switch(fault, "on");
        }
        let (lab, real) = (open.outcomes("here/pb.toml"), open.outcomes("real.toml"));
        assert!(lab.len() >= 10, "{lab:?}");
        assert_eq!(lab, real, "under {fault:?}");
        seen.push(lab);
        if let Some(fault) = fault {
            open.switch(fault, "off");
        }
    }
    let healthy = &seen[0];
    for (fault, broken) in FAULTS.iter().zip(&seen[1..]) {
        assert_ne!(healthy, broken, "no step sees {fault}");
    }
    // What the last one changed is as it was for whoever loads next.
    for (cluster, there) in CLUSTERS.iter().zip(&mut there) {
        load(cluster, there, None);
    }
}
