//! The lab's clusters in real API servers: what `pb lab export` prints loads there, and every step that only reads Kubernetes
//! ends there as in the lab, healthy and broken.
//!
//! It needs API servers without controllers, so that status stays as it was written: `realkube/up -a -c infra-api,apps-api`.

mod printed;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::thread;

use serde_json::Value;

use super::kubeconfig;
use crate::Test;
use printed::printed;
use server::Server;

const CLUSTERS: [&str; 2] = ["infra", "apps"];
/// What breaks, all at once in each of three rounds.
const BROKEN: [&[&str]; 3] = [
    &["crd-missing", "vault-item-missing", "ip-pool-disabled", "certificate-issuer-gone", "node-cordoned"],
    &["kubelet-stopped", "kustomization-suspended", "storage-class-missing"],
    &[
        "crash-loop",
        "budget-without-room",
        "service-selects-no-pod",
        "bgp-selects-no-node",
        "route-to-no-service",
        "postgres-fewer-instances",
    ],
];
/// Calls that objects alone can answer: no kubelet, no event.
const READS: [&str; 6] = ["kube.get", "kube.find", "kube.list", "kube.can_i", "kube.kinds", "kube.version"];

type Outcomes = BTreeMap<String, String>;

/// A folder with playbooks of this test beside those of the program.
fn folder() -> Test {
    Test::new()
        .file("playbooks/t1-talos.rhai", include_str!("export/settle.rhai"))
        .file("playbooks/objects.rhai", include_str!("export/steps.rhai"))
}

/// Runs steps; how they ended.
fn outcomes(test: &Test, line: &str) -> Outcomes {
    let output = test.command(&format!("run {line} --report json=r.json")).output().expect("pb runs");
    let text = std::fs::read_to_string(test.path().join("r.json"))
        .unwrap_or_else(|e| panic!("{line}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let told = |step: &Value, key: &str| step[key].as_str().expect("a text").to_owned();
    let steps = report["steps"].as_array().expect("steps");
    steps
        .iter()
        .map(|step| (told(step, "id"), told(step, "outcome")))
        .filter(|(id, _)| !id.starts_with("t1/"))
        .collect()
}

/// The steps that asked API servers for objects, and nobody for anything else.
fn reading(test: &Test) -> BTreeSet<String> {
    let runs = std::fs::read_dir(test.path().join(".pb/runs")).expect("runs");
    let run = runs.map(|entry| entry.expect("a run").path()).find(|path| path.is_dir()).expect("a run");
    let mut text = String::new();
    let packed = std::fs::File::open(run.join("calls.jsonl.gz")).expect("its calls");
    flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).expect("text");
    let mut found: BTreeMap<String, bool> = BTreeMap::new();
    for line in text.lines() {
        let call: Value = serde_json::from_str(line).expect("JSON");
        let Some(step) = call["step"].as_str() else { continue };
        let reads = READS.contains(&call["function"].as_str().unwrap_or_default());
        *found.entry(step.to_owned()).or_insert(true) &= reads;
    }
    found.into_iter().filter(|(_, reads)| *reads).map(|(step, _)| step).collect()
}

/// The lab's configuration with the real servers in place of its own.
fn for_real(test: &Test) {
    let mut child = test.command("lab up --dir here").stdout(Stdio::piped()).spawn().expect("pb runs");
    let out = child.stdout.take().expect("its output");
    let opened = BufReader::new(out).lines().map_while(Result::ok).any(|line| line.contains("Ctrl-C"));
    let text = std::fs::read_to_string(test.path().join("here/pb.toml"));
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert!(opened, "no lab opened");
    let mut all: toml::Table = text.expect("its configuration").parse().expect("TOML");
    for (name, cluster) in all["clusters"].as_table_mut().expect("clusters") {
        let cluster = cluster.as_table_mut().expect("a cluster");
        cluster.insert("kubeconfig".into(), kubeconfig().display().to_string().into());
        cluster.insert("context".into(), format!("{name}-api").into());
        cluster.retain(|key, _| !key.starts_with("talos"));
    }
    all.retain(|key, _| key == "clusters" || key == "settings" || key == "profile");
    std::fs::write(test.path().join("real.toml"), all.to_string()).expect("written");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_an_export_loads_and_steps_end_there_as_in_the_lab() {
    let mut servers = CLUSTERS.map(Server::new);
    let test = folder();
    for_real(&test);
    let mut first = CLUSTERS.map(|cluster| Some(printed(cluster, &[])));
    // What the playbooks need to miss a definition, and not to wait for it.
    let definitions = first.iter().flatten().map(|one| one.definitions.len()).min().expect("clusters");
    let settings = format!("--set t2.crd_within=2s --set t2.crd_count={definitions}");
    let all = format!("t1 t2 t5 t14 objects {settings}");
    let inside = "--lab --stage complete --clock skip";
    let healthy = outcomes(&test, &format!("{all} {inside} --read-only --skip phase-0,phase-1"));
    let only = reading(&test);
    for step in ["t2/crds-established", "t14/unready", "objects/nodes"] {
        assert!(only.iter().any(|id| id.contains(step)), "{step} only reads Kubernetes: {only:?}");
    }
    let list = only.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for broken in [[].as_slice()].into_iter().chain(BROKEN) {
        let faults: String = broken.iter().map(|fault| format!(" --fault {fault}")).collect();
        let (lab, real) = thread::scope(|scope| {
            let lab = scope.spawn(|| match broken {
                [] => healthy.clone().into_iter().filter(|(id, _)| only.contains(id)).collect(),
                _ => outcomes(
                    &folder(),
                    &format!("{all} {inside} --jobs 1 --set t1.span=180s --only t1/*,{list}{faults}"),
                ),
            });
            let loading: Vec<_> = CLUSTERS
                .iter()
                .zip(&mut servers)
                .zip(&mut first)
                .map(|((cluster, server), first)| {
                    scope.spawn(|| server.bring(first.take().unwrap_or_else(|| printed(cluster, broken))))
                })
                .collect();
            loading.into_iter().for_each(|one| one.join().expect("loaded"));
            (lab.join().expect("run"), outcomes(&test, &format!("{all} --config real.toml --only {list}")))
        });
        assert_eq!(lab.keys().collect::<BTreeSet<_>>(), only.iter().collect(), "all of them ran");
        assert_eq!(lab, real, "under {broken:?}");
        for (step, outcome) in lab {
            seen.entry(step).or_default().insert(outcome);
        }
    }
    let failed = |step: &str| seen.iter().any(|(id, ends)| id.contains(step) && ends.contains("failed"));
    for step in ["t2/crds-established", "t14/crash-loops", "t14/budgets", "t14/unready", "objects/secrets"] {
        assert!(failed(step), "{step} sees no fault: {seen:?}");
    }
    let well = healthy.iter().filter(|(id, end)| only.contains(*id) && *end == "passed").count();
    assert!(well * 10 > only.len() * 9, "the lab is healthy: {healthy:?}");
}
