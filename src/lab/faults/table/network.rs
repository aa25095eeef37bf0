//! Routes and addresses: BGP between nodes and router, pools of LoadBalancer addresses, the mesh between clusters.

use serde_json::json;

use crate::lab::faults::fault::{Broken, Fault};
use crate::lab::world::Cause;
use crate::lab::world::cause::BGP;

const POOLS: &str = "ciliumloadbalancerippools.cilium.io";
const CONFIGS: &str = "ciliumbgpclusterconfigs.cilium.io";
const ADVERTISEMENTS: &str = "ciliumbgpadvertisements.cilium.io";

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "bgp-agent-killed",
        about: "the Cilium agent of a node is killed, and its BGP session dies without a word",
        risk: "R7",
        effect: "after the hold time the router has the session down and the node's routes gone",
        wrong: |ground| {
            let node = ground.node(1)?;
            Ok(node.broken(vec![Cause::process(node.name, BGP)]))
        },
    },
    Fault {
        name: "bgp-wrong-as",
        about: "a node's speaker says another AS number than the router expects",
        risk: "R7",
        effect: "the router refuses the session; the node's routes are missing",
        wrong: |ground| {
            let (node, asn) = (ground.node(1)?, ground.first()?.asn);
            Ok(node.broken(vec![Cause::Asn { node: node.name.into(), asn: asn + 400 }]))
        },
    },
    Fault {
        name: "bgp-neighbour-shut",
        about: "somebody shut a neighbour down in the router's configuration",
        risk: "R7",
        effect: "the session is Idle (Admin), the node's routes are gone",
        wrong: |ground| {
            let node = ground.node(0)?;
            Ok(node.broken(vec![Cause::NeighbourShut { neighbour: node.address }]))
        },
    },
    Fault {
        name: "bgp-selects-no-node",
        about: "the BGP configuration of a cluster selects a label that no node has",
        risk: "R7",
        effect: "no node of the cluster speaks with the router, and none of its addresses is reached",
        wrong: |ground| {
            let config = ground.object(CONFIGS)?;
            let patch = json!({ "spec": { "nodeSelector": { "matchLabels": { "bgp": "enabled" } } } });
            let cause = config.merged(&patch);
            // The router knows no configuration, only which neighbours are silent.
            let asn = ground.topology().clusters.get(&config.cluster).map(|cluster| cluster.asn.to_string());
            let mut broken = config.broken(vec![cause]);
            broken.names.extend(asn.map(|asn| format!("AS {asn}")));
            Ok(broken)
        },
    },
    Fault {
        name: "bgp-advertisement-gone",
        about: "the advertisement of Services' addresses was pruned",
        risk: "R7",
        effect: "sessions stand, and the router has no prefix of the cluster",
        wrong: |ground| {
            let advertisement = ground.object(ADVERTISEMENTS)?;
            Ok(advertisement.broken(vec![advertisement.deleted()]))
        },
    },
    Fault {
        name: "bgp-advertisement-selects-none",
        about: "the advertisement selects a label that no Service has",
        risk: "R7",
        effect: "sessions stand, and the router has no prefix of the cluster",
        wrong: |ground| {
            let advertisement = ground.object(ADVERTISEMENTS)?;
            let patch = json!({ "spec": { "advertisements": [{
                "advertisementType": "Service", "service": { "addresses": ["LoadBalancerIP"] },
                "selector": { "matchLabels": { "exposed": "yes" } },
            }] } });
            Ok(advertisement.broken(vec![advertisement.merged(&patch)]))
        },
    },
    Fault {
        name: "ip-pool-disabled",
        about: "an IP pool was left disabled",
        risk: "—",
        effect: "Services keep the addresses that they have; a new one waits for its address",
        wrong: |ground| {
            let pool = ground.object(POOLS)?;
            Ok(pool.broken(vec![pool.merged(&json!({ "spec": { "disabled": true } }))]))
        },
    },
    Fault {
        name: "ip-pool-unknown-field",
        about: "the pool's ranges are under a field that the CRD does not know",
        risk: "—",
        effect: "the server drops the field, the pool has no range, a new Service waits for its address",
        wrong: |ground| {
            let pool = ground.object(POOLS)?;
            let cidrs = pool.value["spec"]["blocks"].clone();
            Ok(pool.broken(vec![pool.merged(&json!({ "spec": { "blocks": [], "cidrs": cidrs } }))]))
        },
    },
    Fault {
        name: "ip-pool-exhausted",
        about: "the pool is as small as the number of addresses that are taken",
        risk: "—",
        effect: "a new Service waits for its address: out of IPs",
        wrong: |ground| {
            let pool = ground.object(POOLS)?;
            let taken = ground.all(&pool.cluster, "services").into_iter().find_map(|service| {
                service.value["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().map(String::from)
            });
            let taken = taken.ok_or("no Service has an address")?;
            let patch = json!({ "spec": { "blocks": [{ "start": taken, "stop": taken }] } });
            Ok(pool.broken(vec![pool.merged(&patch)]))
        },
    },
    Fault {
        name: "service-selects-no-pod",
        about: "the selector of a Service with an address was changed to a label that no pod has",
        risk: "—",
        effect: "its EndpointSlice is empty, and nobody answers at its address",
        wrong: |ground| {
            let (service, _) = ground.balanced("gateway")?;
            let patch = json!({ "spec": { "selector": { "app.kubernetes.io/name": "nobody" } } });
            Ok(service.broken(vec![service.merged(&patch)]))
        },
    },
    Fault {
        name: "node-cut-off",
        about: "the cable of a node is pulled",
        risk: "R7",
        effect: "nothing reaches the node; it becomes NotReady, and its routes leave the router after the hold time",
        wrong: |ground| {
            let node = ground.node(2)?;
            Ok(node.broken(vec![Cause::link(node.name)]))
        },
    },
    Fault {
        name: "pods-cut-between-nodes",
        about: "a switch drops what pods of two nodes send to each other",
        risk: "R10",
        effect: "both nodes are Ready, and pods of one don't reach those of the other",
        wrong: |ground| {
            let (one, other) = (ground.node(0)?, ground.node(1)?);
            if one.name == other.name {
                return Err("the first cluster has one node only".into());
            }
            let cut = Cause::Cut { from: one.name.into(), to: other.name.into() };
            Ok(Broken::new(
                format!("network between {} and {}", one.name, other.name),
                &[one.name, other.name],
                vec![cut],
            ))
        },
    },
    Fault {
        name: "clusters-cut",
        about: "a firewall drops what the clusters' pods send to each other",
        risk: "R8",
        effect: "the mesh is not connected: global services have no endpoints of the other cluster",
        wrong: |ground| {
            let (one, (other, _)) = (ground.cluster()?, ground.other()?);
            let cut = Cause::Cut { from: one.into(), to: other.into() };
            Ok(Broken::new(format!("network between {one} and {other}"), &[one, other], vec![cut]))
        },
    },
    Fault {
        name: "mesh-server-times-out",
        about: "the ClusterMesh API server takes connections and says nothing",
        risk: "R8",
        effect: "whoever connects to its address waits until his own deadline; the other cluster's agents are not connected",
        wrong: |ground| {
            let (service, address) = ground.balanced("clustermesh-apiserver")?;
            let cause = Cause::silent(&format!("clustermesh/{}", service.cluster));
            let mut broken = service.broken(vec![cause]);
            broken.names.push(address);
            Ok(broken)
        },
    },
    Fault {
        name: "mesh-server-scaled-down",
        about: "the ClusterMesh API server has no replicas",
        risk: "R8",
        effect: "nobody answers at its address; the other cluster's agents are not connected",
        wrong: |ground| {
            let mesh = ground.named("deployments.apps", "clustermesh-apiserver")?;
            Ok(mesh.broken(vec![mesh.merged(&json!({ "spec": { "replicas": 0 } }))]))
        },
    },
];
