//! `cilium`: status, connectivity test, bgp peers and routes, clustermesh status, hubble port-forward, version.
//!
//! Source: docs.cilium.io, "cilium CLI".

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::words::{Words, columns};
use super::{Bench, Call, Say, act, not_simulated};
use crate::lab::kube::cluster::Cluster;
use crate::lab::services::series::{Out, Scope};
use crate::lab::services::{ready, series};
use crate::lab::world::Cause;

const VALUED: [&str; 9] = ["context", "n", "namespace", "wait-duration", "test", "timeout", "o", "output", "node"];

pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    let cluster = match bench.cluster(words.value(&["context"])) {
        Ok(cluster) => cluster,
        Err(why) => {
            say.err(format!("Error: unable to create Kubernetes client: {why}\n"));
            return 1;
        }
    };
    match words.plain().as_slice() {
        ["status"] => status(bench, cluster, &words, say).await,
        ["connectivity", "test"] => connectivity(bench, cluster, &words, say),
        ["bgp", "peers"] => peers(bench, cluster, say),
        ["clustermesh", "status"] => mesh(bench, cluster, say),
        ["version"] => {
            say.out(format!(
                "cilium-cli: v0.18.7 compiled with go1.25 on linux/amd64\ncilium image (running): {}\n",
                running(cluster)
            ));
            0
        }
        ["hubble", "port-forward"] => {
            if !part(cluster, "Deployment", "hubble-relay").1 {
                say.err("Error: Unable to port forward: no pods found for hubble-relay\n");
                return 1;
            }
            say.out("ℹ️  Hubble Relay is available at 127.0.0.1:4245\n");
            // For as long as it is not interrupted.
            std::future::pending().await
        }
        _ => not_simulated(say, call),
    }
}

fn running(cluster: &Cluster) -> String {
    let set = act::get(cluster, "daemonsets.apps", "kube-system", "cilium");
    let image = set
        .as_ref()
        .and_then(|set| set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().map(String::from));
    image
        .and_then(|image| image.rsplit_once(':').map(|(_, tag)| tag.trim_start_matches('v').to_string()))
        .unwrap_or_else(|| "unknown".into())
}

/// Whether a workload is there, whether it is whole, and how many pods it wants and has ready.
fn part(cluster: &Cluster, kind: &str, name: &str) -> (bool, bool, i64, i64) {
    let (resource, wanted, has) = match kind {
        "DaemonSet" => ("daemonsets.apps", "/status/desiredNumberScheduled", "/status/numberReady"),
        _ => ("deployments.apps", "/spec/replicas", "/status/readyReplicas"),
    };
    let Some(object) = act::get(cluster, resource, "kube-system", name) else { return (false, false, 0, 0) };
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    (true, number(has) >= number(wanted) && number(wanted) > 0, number(wanted), number(has))
}

const PARTS: [(&str, &str, &str); 6] = [
    ("Cilium", "DaemonSet", "cilium"),
    ("Operator", "Deployment", "cilium-operator"),
    ("Envoy DaemonSet", "DaemonSet", "cilium-envoy"),
    ("Hubble Relay", "Deployment", "hubble-relay"),
    ("Hubble UI", "Deployment", "hubble-ui"),
    ("ClusterMesh", "Deployment", "clustermesh-apiserver"),
];

/// What is wrong, as `cilium status` says it.
fn errors(bench: &Bench, cluster: &Cluster) -> Vec<String> {
    let mut out = Vec::new();
    for (_, kind, name) in PARTS {
        let (there, whole, wanted, has) = part(cluster, kind, name);
        if !there && matches!(name, "cilium" | "cilium-operator") {
            out.push(format!("{name}                 {name}    {}s.apps {name:?} not found", kind.to_lowercase()));
        } else if there && !whole {
            out.push(format!("{name}                 {name}    {} pods of {kind} {name} are not ready", wanted - has));
        }
    }
    for node in act::list(cluster, "nodes", None) {
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        for (cause, what) in [
            (Cause::process(name, "cilium-agent"), "the agent does not answer"),
            (Cause::link(name), "the node can't be reached"),
        ] {
            if bench.services.world.has(&cause) {
                out.push(format!(
                    "cilium                   cilium-agent of {name}    unable to retrieve cilium status: {what}"
                ));
            }
        }
    }
    out
}

async fn status(bench: &Bench, cluster: &Arc<Cluster>, words: &Words, say: &Say) -> i32 {
    let limit =
        words.value(&["wait-duration"]).and_then(crate::config::units::duration).unwrap_or(Duration::from_secs(300));
    if words.has(&["wait"]) && !act::until(cluster, limit, || errors(bench, cluster).is_empty()).await {
        say.err("timeout while waiting for status to become successful: context deadline exceeded\n");
    }
    let errors = errors(bench, cluster);
    let mut text = String::from("    /¯¯\\\n /¯¯\\__/¯¯\\\n \\__/¯¯\\__/\n /¯¯\\__/¯¯\\\n \\__/¯¯\\__/\n    \\__/\n\n");
    for (title, kind, name) in PARTS {
        let (there, whole, ..) = part(cluster, kind, name);
        let agents = name != "cilium" || !errors.iter().any(|error| error.starts_with("cilium  "));
        let word = match (there, whole && agents) {
            (false, _) => "disabled".to_string(),
            (true, true) => "OK".into(),
            (true, false) => format!("{} errors", errors.iter().filter(|error| error.starts_with(name)).count().max(1)),
        };
        text.push_str(&format!("{title}:{:width$}{word}\n", "", width = 20usize.saturating_sub(title.len() + 1)));
    }
    text.push('\n');
    for (_, kind, name) in PARTS {
        let (there, whole, wanted, has) = part(cluster, kind, name);
        if there {
            let word = if whole {
                format!("Ready: {has}/{wanted}, Available: {has}/{wanted}")
            } else {
                format!("Ready: {has}/{wanted}, Unavailable: {}/{wanted}", wanted - has)
            };
            text.push_str(&format!("{kind:<24} {name:<24} Desired: {wanted}, {word}\n"));
        }
    }
    let pods = act::list(cluster, "pods", None);
    let managed =
        pods.iter().filter(|pod| pod["spec"]["hostNetwork"] != true && pod["status"]["phase"] == "Running").count();
    text.push_str(&format!(
        "Cluster Pods:            {managed}/{managed} managed by Cilium\nHelm chart version:      {}\n",
        running(cluster)
    ));
    for error in &errors {
        text.push_str(&format!("Errors:                  {error}\n"));
    }
    say.out(text);
    i32::from(!errors.is_empty())
}

/// The tests that are known: their names, and what they need.
const TESTS: [(&str, &str); 8] = [
    ("no-policies", "pods"),
    ("pod-to-pod", "pods"),
    ("pod-to-service", "dns"),
    ("pod-to-host", "nodes"),
    ("pod-to-world", "world"),
    ("client-egress", "pods"),
    ("dns-only", "dns"),
    ("north-south-loadbalancing", "nodes"),
];

fn connectivity(bench: &Bench, cluster: &Cluster, words: &Words, say: &Say) -> i32 {
    let wanted: Vec<&str> = words.values(&["test"]).into_iter().flat_map(|text| text.split(',')).collect();
    let chosen: Vec<&(&str, &str)> =
        TESTS.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|one| name.contains(one))).collect();
    if chosen.is_empty() {
        say.err(format!("no tests match {:?}\n", wanted.join(",")));
        return 1;
    }
    let world = &bench.services.world;
    let nodes = act::list(cluster, "nodes", None);
    let names: Vec<&str> = nodes.iter().filter_map(|node| node["metadata"]["name"].as_str()).collect();
    let broken = errors(bench, cluster);
    let policies = act::list(cluster, "ciliumclusterwidenetworkpolicies.cilium.io", None);
    let dns = act::list(cluster, "pods", Some("kube-system"))
        .iter()
        .any(|pod| pod["metadata"]["labels"]["k8s-app"] == "kube-dns" && ready(pod));
    say.out(format!("ℹ️  Monitor aggregation detected, will skip some flow validation steps\n✨ [{}] Creating namespace cilium-test-1 for connectivity check...\n", cluster.name));
    let mut failed = Vec::new();
    for (index, (name, needs)) in chosen.iter().enumerate() {
        let mut why = broken.clone();
        for one in &names {
            for other in names.iter().filter(|other| *other != one) {
                if !world.passes(one, other) {
                    why.push(format!("{one} -> {other}: curl: (28) Connection timed out after 2000 milliseconds"));
                }
            }
        }
        // A policy that selects every pod and lets nothing in cuts all of them off.
        for policy in &policies {
            let all = policy["spec"]["endpointSelector"].as_object().is_some_and(serde_json::Map::is_empty);
            let nothing = ["ingress", "egress"].iter().any(|way| {
                policy["spec"][*way].as_array().is_some_and(|rules| {
                    rules.is_empty() || rules.iter().all(|rule| rule.as_object().is_some_and(serde_json::Map::is_empty))
                })
            });
            if all && nothing {
                why.push(format!(
                    "policy denied by CiliumClusterwideNetworkPolicy {}",
                    policy["metadata"]["name"].as_str().unwrap_or_default()
                ));
            }
        }
        if *needs == "dns" && !dns {
            why.push("curl: (6) Could not resolve host: echo-same-node".into());
        }
        if *needs == "world" && !world.reaches(&cluster.name, "*") {
            why.push("one.one.one.one: curl: (28) Connection timed out".into());
        }
        say.out(format!("[=] [cilium-test-1] Test [{name}] [{}/{}]\n", index + 1, chosen.len()));
        if why.is_empty() {
            say.out("...\n");
        } else {
            why.sort();
            why.dedup();
            say.out(why.iter().map(|line| format!("  ❌ {line}\n")).collect::<String>());
            failed.push(*name);
        }
    }
    if failed.is_empty() {
        say.out(format!(
            "✅ [cilium-test-1] All {} tests ({} actions) successful, 0 tests skipped, 0 scenarios skipped.\n",
            chosen.len(),
            chosen.len() * 6
        ));
        return 0;
    }
    say.out(format!(
        "📋 Test Report [cilium-test-1]\n❌ {}/{} tests failed: {}\n",
        failed.len(),
        chosen.len(),
        failed.join(", ")
    ));
    say.err(format!("[cilium-test-1] {} tests failed\n", failed.len()));
    1
}

fn peers(bench: &Bench, cluster: &Arc<Cluster>, say: &Say) -> i32 {
    let world = &bench.services.world;
    let router = &world.topology.router;
    let Some(described) = world.topology.clusters.get(&cluster.name) else { return 1 };
    let now = bench.services.now().as_millisecond() as f64 / 1000.0;
    let mut out = Out::default();
    series::sessions(&Scope { services: &bench.services, cluster, now }, &mut out);
    let mut rows = vec![
        ["Node", "Local AS", "Peer AS", "Peer Address", "Session State", "Uptime", "Family", "Received", "Advertised"]
            .map(String::from)
            .to_vec(),
    ];
    let mut down = false;
    for node in &described.nodes {
        let name = node.name.get_ref();
        let of = |metric: &str| out.value(metric, "node", name);
        let up = of("cilium_bgp_control_plane_session_state") == Some(1.0);
        let advertised = of("cilium_bgp_control_plane_advertised_routes").unwrap_or(0.0);
        down |= !up;
        rows.push(vec![
            name.clone(),
            described.asn.to_string(),
            router.asn.to_string(),
            router.address.to_string(),
            if up { "established" } else { "active" }.into(),
            if up { "80h0m0s" } else { "0s" }.into(),
            "ipv4/unicast".into(),
            "0".into(),
            format!("{advertised}"),
        ]);
    }
    say.out(columns(&rows, "   "));
    i32::from(down && described.nodes.is_empty())
}

fn mesh(bench: &Bench, cluster: &Cluster, say: &Say) -> i32 {
    let (there, whole, ..) = part(cluster, "Deployment", "clustermesh-apiserver");
    if !there {
        say.err("Error: Unable to determine status: ClusterMesh is not enabled: deployments.apps \"clustermesh-apiserver\" not found\n");
        return 1;
    }
    let world = &bench.services.world;
    let service = act::get(cluster, "services", "kube-system", "clustermesh-apiserver");
    let address = service
        .as_ref()
        .and_then(|service| service["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().map(String::from));
    if !whole {
        say.err("Error: Unable to determine status: deployment clustermesh-apiserver is not ready\n");
        return 1;
    }
    let mut text = match &address {
        Some(address) => format!(
            "✅ Service \"clustermesh-apiserver\" of type \"LoadBalancer\" found\n✅ Cluster access information is available:\n  - {address}:2379\n✅ Deployment clustermesh-apiserver is ready\nℹ️  KVStoreMesh is enabled\n"
        ),
        None => {
            say.err("Error: Unable to determine status: cluster access information is not available: no IP available to reach cluster\n");
            return 1;
        }
    };
    let nodes = act::list(cluster, "nodes", None).len();
    let mut bad = false;
    let others: Vec<&String> = bench.services.clusters.keys().filter(|name| **name != cluster.name).collect();
    let mut lines = String::new();
    for other in &others {
        let Some(remote) = bench.services.clusters.get(*other) else { continue };
        let silent = world.has(&Cause::silent(&format!("clustermesh/{other}")));
        let reached =
            part(remote, "Deployment", "clustermesh-apiserver").1 && world.passes(&cluster.name, other) && !silent;
        bad |= !reached;
        let connected = if reached { nodes } else { 0 };
        lines.push_str(&format!("  - {other}: {connected}/{nodes} configured, {connected}/{nodes} connected - KVStoreMesh: {}/1 configured, {}/1 connected\n", 1, i32::from(reached)));
    }
    text.push_str(if bad {
        "\n❌ Some nodes are not connected to all clusters\n"
    } else {
        "\n✅ All nodes are connected to all clusters\n"
    });
    text.push_str(&format!("🔌 Cluster Connections:\n{lines}\n"));
    let global = act::list(cluster, "services", None)
        .iter()
        .filter(|one| one["metadata"]["annotations"]["service.cilium.io/global"] == "true")
        .count();
    text.push_str(&format!("🔀 Global services: [ min:{global} / avg:{global}.0 / max:{global} ]\n"));
    say.out(text);
    i32::from(bad)
}
