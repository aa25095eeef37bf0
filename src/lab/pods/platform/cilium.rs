//! The agent's own programs: `cilium`/`cilium-dbg` (`status`, `bgp peers`, `clustermesh status`) and `hubble`.
//!
//! Source: github.com/cilium/cilium `cilium-dbg/cmd`, `pkg/client`.

use serde_json::{Value, json};

use super::{At, Said, is_ready, table};
use crate::lab::kube::store::Place;
use crate::lab::pods::mesh;
use crate::lab::world::Cause;
use crate::lab::world::cause::BGP;

pub(super) fn run(at: &At<'_>, name: &str) -> Said {
    let node = at.pod["spec"]["nodeName"].as_str().unwrap_or_default();
    if at.world().is_some_and(|(_, world)| world.has(&Cause::process(node, BGP))) {
        let why = "Cannot get status/probe: Get \"http://localhost/v1/healthz\": dial unix /var/run/cilium/cilium.sock: connect: connection refused\nIs the agent running?\n";
        return (String::new(), why.into(), 1);
    }
    let words = at.operands(&["-o", "--output", "--last", "--namespace", "-n", "--pod", "--verdict"]);
    let as_json = matches!(at.flag(&["-o", "--output"]), Some("json" | "jsonpb"));
    match (name, words.as_slice()) {
        ("hubble", ["observe"]) => flows(at, node, as_json || at.has(&["--json"])),
        ("hubble", ["status"]) => ("Healthcheck (via unix:///var/run/cilium/hubble.sock): Ok\nCurrent/Max Flows: 4,095/4,095 (100.00%)\nFlows/s: 41.27\n".into(), String::new(), 0),
        (_, ["status"]) if at.has(&["--brief"]) => {
            let well = wrong(at).is_none();
            (if well { "OK\n" } else { "error in controllers: 1\n" }.into(), String::new(), i32::from(!well))
        }
        (_, ["status"]) => status(at, node, as_json),
        (_, ["bgp", "peers"]) => peers(at, node, as_json),
        (_, ["clustermesh", "status"] | ["troubleshoot", "clustermesh"]) => mesh(at),
        (_, ["version"]) => {
            let image = at.pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
            let version = image.rsplit(":v").next().unwrap_or_default();
            (format!("Client: {version} go version go1.24.7 linux/amd64\nDaemon: {version} go version go1.24.7 linux/amd64\n"), String::new(), 0)
        }
        (_, other) => (String::new(), format!("Error: unknown command \"{}\" for \"{name}\"\n", other.join(" ")), 1),
    }
}

/// The node's sessions, as the agent has reported them.
fn config<'a>(at: &At<'a>, node: &str) -> Option<&'a Value> {
    at.objects.store.get(&Place::new("ciliumbgpnodeconfigs.cilium.io", "", node)).map(|one| &*one.value)
}

fn sessions(config: &Value) -> Vec<(u64, &Value)> {
    let instances = config["status"]["bgpInstances"].as_array().into_iter().flatten();
    instances
        .flat_map(|one| {
            one["peers"].as_array().into_iter().flatten().map(move |peer| (one["localASN"].as_u64().unwrap_or(0), peer))
        })
        .collect()
}

fn peers(at: &At<'_>, node: &str, as_json: bool) -> Said {
    let Some(config) = config(at, node) else { return ("No BGP peers found\n".into(), String::new(), 0) };
    let all = sessions(config);
    if as_json {
        let rows: Vec<Value> = all
            .iter()
            .map(|(local, peer)| {
                json!({ "local-asn": local, "peer-asn": peer["peerASN"], "peer-address": peer["peerAddress"], "peer-port": 179, "session-state": peer["peeringState"],
                        "families": [{ "afi": "ipv4", "safi": "unicast", "advertised": peer["routeCount"][0]["advertised"], "received": peer["routeCount"][0]["received"] }],
                        "applied-hold-time-seconds": peer["timers"]["appliedHoldTimeSeconds"], "applied-keep-alive-time-seconds": peer["timers"]["appliedKeepaliveSeconds"] })
            })
            .collect();
        return (json!(rows).to_string() + "\n", String::new(), 0);
    }
    let text = |words: [&str; 7]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut rows =
        vec![text(["Local AS", "Peer AS", "Peer Address", "Session", "Uptime", "Family", "Received   Advertised"])];
    for (local, peer) in all {
        let up = peer["establishedTime"].as_str().unwrap_or("0s");
        let counts = format!(
            "{:<10} {}",
            peer["routeCount"][0]["received"].as_u64().unwrap_or(0),
            peer["routeCount"][0]["advertised"].as_u64().unwrap_or(0)
        );
        let address = format!("{}:179", peer["peerAddress"].as_str().unwrap_or_default());
        rows.push(text([
            &local.to_string(),
            &peer["peerASN"].to_string(),
            &address,
            peer["peeringState"].as_str().unwrap_or("idle"),
            up,
            "ipv4/unicast",
            &counts,
        ]));
    }
    (table(&rows), String::new(), 0)
}

/// Nodes that this one's health probes do not reach.
fn unreached<'a>(at: &At<'a>) -> Vec<&'a str> {
    let node = at.pod["spec"]["nodeName"].as_str().unwrap_or_default();
    let nodes = at.objects.store.list("nodes", "").map(|(place, _)| place.name.as_str());
    nodes
        .filter(|other| {
            at.world().is_some_and(|(_, world)| {
                *other != node
                    && (world.has(&Cause::link(other)) || world.has(&Cause::link(node)) || !world.passes(node, other))
            })
        })
        .collect()
}

fn wrong(at: &At<'_>) -> Option<String> {
    let lost = unreached(at);
    (!lost.is_empty()).then(|| format!("unreachable nodes: {}", lost.join(", ")))
}

/// The other cluster's name, and why its control plane can't be reached.
fn remote(at: &At<'_>) -> Option<(String, Option<String>)> {
    let (own, world) = at.world()?;
    let other = world.topology.clusters.keys().find(|name| *name != own)?.clone();
    let config = at.objects.store.get(&Place::new("deployments.apps", "kube-system", "clustermesh-apiserver"))?;
    let _ = config;
    let address =
        world.topology.clusters[&other].services.iter().find(|one| one.name.get_ref() == "clustermesh-apiserver");
    let ip = address.and_then(|one| one.address.as_ref()).map(|ip| ip.get_ref().to_string()).unwrap_or_default();
    let why = (!mesh::hears(world, own, &other))
        .then(|| format!("failed to connect to etcd at {ip}:2379: context deadline exceeded"));
    Some((other, why))
}

fn mesh(at: &At<'_>) -> Said {
    let Some((other, wrong)) = remote(at) else {
        return ("ClusterMesh:   0/0 remote clusters ready, 0 global-services\n".into(), String::new(), 0);
    };
    let global = at
        .objects
        .store
        .list("services", "")
        .filter(|(_, one)| one.value["metadata"]["annotations"]["service.cilium.io/global"] == "true")
        .count();
    let nodes = at.world().map_or(0, |(_, world)| world.topology.clusters[&other].nodes.len());
    match wrong {
        None => (
            format!(
                "ClusterMesh:   1/1 remote clusters ready, {global} global-services\n   {other}: ready, {nodes} nodes, 42 endpoints, 31 identities, {global} services, 0 MCS-API service exports, 0 reconnections (last: never)\n"
            ),
            String::new(),
            0,
        ),
        Some(why) => (
            format!(
                "ClusterMesh:   0/1 remote clusters ready, {global} global-services\n   {other}: not-ready, 0 nodes, 0 endpoints, 0 identities, 0 services, 0 MCS-API service exports, 4 reconnections (last: 12s ago)\n   └  {why}\n"
            ),
            String::new(),
            0,
        ),
    }
}

fn status(at: &At<'_>, node: &str, as_json: bool) -> Said {
    let nodes = at.objects.store.list("nodes", "").count();
    let lost = unreached(at);
    let pods = at
        .objects
        .store
        .list("pods", "")
        .filter(|(_, pod)| pod.value["spec"]["nodeName"] == node && pod.value["spec"]["hostNetwork"] != true)
        .count();
    let (cluster, version) = at.world().map_or(("default", "1.34"), |(name, world)| {
        (name, world.topology.clusters.get(name).map_or("1.34", |one| one.kubernetes.trim_start_matches('v')))
    });
    let cidr = at
        .objects
        .store
        .get(&Place::new("nodes", "", node))
        .and_then(|one| one.value["spec"]["podCIDR"].as_str())
        .unwrap_or_default();
    let remote = remote(at);
    if as_json {
        let mesh = remote.iter().map(|(name, wrong)| json!({ "name": name, "connected": wrong.is_none(), "ready": wrong.is_none(), "status": wrong.clone().unwrap_or_else(|| "connected".into()) })).collect::<Vec<_>>();
        let state = |well: bool| if well { "Ok" } else { "Warning" };
        let body = json!({
            "cilium": { "state": "Ok", "msg": format!("{} (v{})", at.pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default(), "1.18.2") },
            "kubernetes": { "state": "Ok", "msg": format!("{version} (v{version}) [linux/amd64]") },
            "kube-proxy-replacement": { "mode": "True", "deviceList": [{ "name": "bond0", "ip": [] }] },
            "cluster": { "name": cluster, "ciliumHealth": { "state": state(lost.is_empty()), "msg": format!("{}/{nodes} reachable", nodes - lost.len()) }, "nodes": [] },
            "cluster-mesh": { "clusters": mesh, "num-global-services": 0 },
            "hubble": { "state": "Ok", "observer": { "current-flows": 4095, "max-flows": 4095, "seen-flows": 1_204_418, "uptime": "80h0m0s" } },
            "ipam": { "ipv4": [], "status": format!("{pods}/254 allocated from {cidr}") },
            "controllers": [], "proxy": { "ip": "", "total-ports": 0 }, "stale": {},
        });
        return (body.to_string() + "\n", String::new(), 0);
    }
    let mut rows: Vec<(&str, String)> = vec![
        ("KVStore:", "Disabled".into()),
        ("Kubernetes:", format!("Ok         {version} (v{version}) [linux/amd64]")),
        ("Kubernetes APIs:", "[\"EndpointSliceOrEndpoint\", \"cilium/v2::CiliumClusterwideNetworkPolicy\", \"cilium/v2::CiliumEndpoint\", \"cilium/v2::CiliumNode\", \"core/v1::Namespace\", \"core/v1::Pods\", \"core/v1::Service\"]".into()),
        ("KubeProxyReplacement:", "True   [bond0]".into()),
        ("Cilium:", "Ok   1.18.2".into()),
        ("NodeMonitor:", "Listening for events on 8 CPUs with 64x4096 of shared memory".into()),
        ("IPAM:", format!("IPv4: {pods}/254 allocated from {cidr}, ")),
    ];
    if let Some((_, wrong)) = &remote {
        rows.push((
            "ClusterMesh:",
            format!("{}/1 remote clusters ready, 0 global-services", u8::from(wrong.is_none())),
        ));
    }
    rows.push(("Controller Status:", "62/62 healthy".into()));
    rows.push(("Hubble:", "Ok   Current/Max Flows: 4095/4095 (100.00%), Flows/s: 41.27   Metrics: Ok".into()));
    rows.push(("Cluster health:", format!("{}/{nodes} reachable   (2026-01-01T00:00:00Z)", nodes - lost.len())));
    let mut out: String = rows.iter().map(|(name, text)| format!("{name:<24}{text}\n")).collect();
    for name in &lost {
        out.push_str(&format!("  Name    IP   Node   Endpoints\n  {cluster}/{name}   -   unreachable   unreachable\n"));
    }
    (out, String::new(), i32::from(!lost.is_empty()))
}

/// Flows of the pods on this node: each asks the DNS, and is probed by its kubelet.
fn flows(at: &At<'_>, node: &str, as_json: bool) -> Said {
    let last = at.flag(&["--last"]).and_then(|text| text.parse::<usize>().ok()).unwrap_or(20);
    let pods = at.objects.store.list("pods", "").map(|(_, pod)| &*pod.value);
    let here: Vec<&Value> = pods
        .filter(|pod| pod["spec"]["nodeName"] == node && pod["spec"]["hostNetwork"] != true && is_ready(pod))
        .collect();
    if here.is_empty() {
        return (String::new(), String::new(), 0);
    }
    let dns = at
        .objects
        .store
        .list("pods", "kube-system")
        .map(|(_, pod)| &*pod.value)
        .find(|pod| pod["metadata"]["labels"]["k8s-app"] == "kube-dns");
    let name = |pod: &Value| {
        format!(
            "{}/{}",
            pod["metadata"]["namespace"].as_str().unwrap_or_default(),
            pod["metadata"]["name"].as_str().unwrap_or_default()
        )
    };
    let mut out = String::new();
    for number in 0..last {
        let pod = here[number % here.len()];
        let open = crate::lab::controllers::platform::egress::may_ask_names(at.objects, pod);
        let verdict = if open { "FORWARDED" } else { "DROPPED" };
        let server = dns.map_or_else(|| "kube-system/coredns".to_owned(), name);
        let ip =
            |pod: Option<&Value>| pod.and_then(|pod| pod["status"]["podIP"].as_str()).unwrap_or_default().to_owned();
        let port = 40_000 + number;
        if as_json {
            let part =
                |pod: &Value| json!({ "namespace": pod["metadata"]["namespace"], "pod_name": pod["metadata"]["name"] });
            let mut flow = json!({
                "verdict": verdict, "IP": { "source": ip(Some(pod)), "destination": ip(dns), "ipVersion": "IPv4" },
                "l4": { "UDP": { "source_port": port, "destination_port": 53 } }, "source": part(pod), "destination": dns.map(part),
                "Type": "L3_L4", "node_name": node, "Summary": "UDP",
            });
            if !open {
                flow["drop_reason_desc"] = "POLICY_DENIED".into();
            }
            out.push_str(&(json!({ "flow": flow, "node_name": node }).to_string() + "\n"));
        } else {
            let what = if open {
                "to-endpoint FORWARDED (UDP)"
            } else {
                "policy-verdict:none EGRESS DENIED (UDP)\n    Policy denied DROPPED (UDP)"
            };
            out.push_str(&format!(
                "Jan  1 00:00:00.000: {}:{port} (ID:4711) -> {server}:53 (ID:1342) {what}\n",
                name(pod)
            ));
        }
    }
    (out, String::new(), 0)
}
