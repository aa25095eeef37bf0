//! `hubble`: status, and the flows between the cluster's pods.
//!
//! Source: docs.cilium.io, "Network Observability with Hubble".

use serde_json::{Value, json};

use super::words::Words;
use super::{Bench, Call, Say, act, not_simulated};
use crate::lab::services::ready;

const VALUED: [&str; 11] =
    ["context", "last", "n", "namespace", "pod", "verdict", "o", "output", "server", "since", "protocol"];

pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    let cluster = match bench.cluster(words.value(&["context"])) {
        Ok(cluster) => cluster,
        Err(why) => {
            say.err(format!("{why}\n"));
            return 1;
        }
    };
    let pods = act::list(cluster, "pods", None);
    let relay = pods.iter().any(|pod| pod["metadata"]["labels"]["k8s-app"] == "hubble-relay" && ready(pod));
    if !relay && !matches!(words.plain().as_slice(), ["version"]) {
        say.err("failed to connect to 'localhost:4245': connection error: desc = \"transport: error while dialing: dial tcp 127.0.0.1:4245: connect: connection refused\"\n");
        return 1;
    }
    let agents = pods.iter().filter(|pod| pod["metadata"]["labels"]["k8s-app"] == "cilium" && ready(pod)).count();
    match words.plain().as_slice() {
        ["status"] => {
            let nodes = act::list(cluster, "nodes", None).len();
            say.out(format!("Healthcheck (via localhost:4245): Ok\nCurrent/Max Flows: {0}/{0} (100.00%)\nFlows/s: {1:.2}\nConnected Nodes: {agents}/{nodes}\n", agents * 4095, agents as f64 * 180.0));
            i32::from(agents < nodes)
        }
        ["observe"] => {
            let last = words.value(&["last"]).and_then(|n| n.parse::<usize>().ok()).unwrap_or(20);
            observe(bench, &pods, &words, last, say);
            0
        }
        ["list", "nodes"] => {
            say.out("NAME   STATUS   AGE   FLOWS/S   CURRENT/MAX-FLOWS\n");
            for pod in pods.iter().filter(|pod| pod["metadata"]["labels"]["k8s-app"] == "cilium") {
                let word = if ready(pod) { "Connected" } else { "Unavailable" };
                say.out(format!(
                    "{}   {word}   80h   180.00   4095/4095 (100.00%)\n",
                    pod["spec"]["nodeName"].as_str().unwrap_or_default()
                ));
            }
            0
        }
        _ => not_simulated(say, call),
    }
}

/// Flows between each pod and the cluster's DNS, which every pod asks, and of health checks from its node.
fn observe(bench: &Bench, pods: &[Value], words: &Words, last: usize, say: &Say) {
    let text =
        |pod: &Value, pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
    let dns = pods.iter().find(|pod| pod["metadata"]["labels"]["k8s-app"] == "kube-dns" && ready(pod));
    let running: Vec<&Value> = pods.iter().filter(|pod| pod["spec"]["hostNetwork"] != true && ready(pod)).collect();
    let fits = |pod: &Value| {
        words.value(&["n", "namespace"]).is_none_or(|space| text(pod, "/metadata/namespace") == space)
            && words.value(&["pod"]).is_none_or(|wanted| {
                let name = wanted.rsplit('/').next().unwrap_or_default();
                text(pod, "/metadata/name").starts_with(name)
            })
    };
    let chosen: Vec<&&Value> = running.iter().filter(|pod| fits(pod)).collect();
    if chosen.is_empty() || words.value(&["verdict"]).is_some_and(|verdict| verdict != "FORWARDED") {
        return;
    }
    let now = bench.services.now();
    let json_out = words.value(&["o", "output"]).is_some_and(|format| matches!(format, "json" | "jsonpb"));
    for index in 0..last {
        let pod = chosen[index % chosen.len()];
        let at = now - jiff::SignedDuration::from_millis(((last - index) * 40) as i64);
        let (space, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        let (peer, port, protocol) = match dns {
            Some(dns) if index % 2 == 0 => (format!("kube-system/{}", text(dns, "/metadata/name")), 53, "UDP"),
            _ => ("host".into(), 8080, "TCP Flags: ACK"),
        };
        if json_out {
            let flow = json!({ "flow": { "time": at.to_string(), "verdict": "FORWARDED", "source": { "namespace": space, "pod_name": name }, "destination": { "name": peer }, "Type": "L3_L4", "node_name": text(pod, "/spec/nodeName") } });
            say.out(flow.to_string() + "\n");
        } else {
            let time = at.strftime("%b %e %H:%M:%S.%3f");
            say.out(format!(
                "{time}: {space}/{name}:{} ({}) -> {peer}:{port} to-endpoint FORWARDED ({protocol})\n",
                32_768 + index % 20_000,
                1000 + index % chosen.len()
            ));
        }
    }
}
