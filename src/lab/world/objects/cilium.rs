//! Cilium's objects: pools of addresses, and what is advertised to the router.

use serde_json::{Value, json};

use super::Making;

/// The version that Cilium 1.18 keeps them in.
pub(super) const VERSION: &str = "cilium.io/v2";

pub(super) fn all(making: &Making<'_>) -> Vec<Value> {
    let (cluster, router) = (making.cluster, &making.topology.router);
    let instance = format!("instance-{}", cluster.asn);
    let peer = json!({
        "name": router.name, "peerASN": router.asn, "peerAddress": router.address.to_string(),
        "peerConfigRef": { "name": "upstream" },
    });
    let mut out = vec![
        object(
            making,
            "CiliumBGPPeerConfig",
            "upstream",
            &json!({
                "ebgpMultihop": 1,
                "timers": {
                    "connectRetryTimeSeconds": router.connect_retry.as_secs(),
                    "holdTimeSeconds": router.hold.as_secs(),
                    "keepAliveTimeSeconds": router.keepalive.as_secs(),
                },
                "gracefulRestart": { "enabled": false, "restartTimeSeconds": router.graceful_restart.as_secs() },
                "families": [{ "afi": "ipv4", "safi": "unicast", "advertisements": { "matchLabels": { "advertise": "bgp" } } }],
            }),
        ),
        advertisement(making),
        object(
            making,
            "CiliumBGPClusterConfig",
            "bgp",
            &json!({
                "nodeSelector": { "matchLabels": { "kubernetes.io/os": "linux" } },
                "bgpInstances": [{ "name": instance, "localASN": cluster.asn, "peers": [peer] }],
            }),
        ),
    ];
    for node in &cluster.nodes {
        let mut own = peer.clone();
        own["localAddress"] = node.address.get_ref().to_string().into();
        let mut config = object(
            making,
            "CiliumBGPNodeConfig",
            node.name.get_ref(),
            &json!({
                "bgpInstances": [{ "name": instance, "localASN": cluster.asn, "peers": [own] }],
            }),
        );
        config["status"] = json!({ "bgpInstances": [{
            "name": instance, "localASN": cluster.asn,
            "peers": [{
                "name": router.name, "peerASN": router.asn, "peerAddress": router.address.to_string(),
                "peeringState": "established", "establishedTime": making.born,
                "timers": { "appliedHoldTimeSeconds": router.hold.as_secs(),
                            "appliedKeepaliveSeconds": router.keepalive.as_secs() },
                "routeCount": [{ "afi": "ipv4", "safi": "unicast", "advertised": 3, "received": 0 }],
            }],
        }] });
        out.push(config);
    }
    for (name, ranges) in &cluster.pools {
        let blocks: Vec<Value> = ranges
            .iter()
            .map(|range| json!({ "start": range.first.to_string(), "stop": range.last.to_string() }))
            .collect();
        let mut pool =
            object(making, "CiliumLoadBalancerIPPool", name, &json!({ "blocks": blocks, "disabled": false }));
        let total: usize = ranges.iter().map(|range| range.addresses().count()).sum();
        let used = cluster.services.iter().filter(|service| service.address.is_some()).count();
        pool["status"] = json!({ "conditions": [
            condition(making, "cilium.io/PoolConflict", "False", "resolved", ""),
            condition(making, "cilium.io/IPsTotal", "Unknown", "noreason", &total.to_string()),
            condition(making, "cilium.io/IPsAvailable", "Unknown", "noreason", &total.saturating_sub(used).to_string()),
            condition(making, "cilium.io/IPsUsed", "Unknown", "noreason", &used.to_string()),
        ] });
        out.push(pool);
    }
    out
}

/// Every LoadBalancer address is advertised: no Service is left out by a label.
fn advertisement(making: &Making<'_>) -> Value {
    let mut advertisement = object(
        making,
        "CiliumBGPAdvertisement",
        "services",
        &json!({ "advertisements": [{
        "advertisementType": "Service",
        "service": { "addresses": ["LoadBalancerIP"] },
        "selector": { "matchExpressions": [
            { "key": "somekey", "operator": "NotIn", "values": ["never-used-value"] },
        ] },
    }] }),
    );
    advertisement["metadata"]["labels"] = json!({ "advertise": "bgp" });
    advertisement
}

fn object(making: &Making<'_>, kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": VERSION, "kind": kind, "metadata": making.metadata(kind, "", name, json!({})), "spec": spec })
}

fn condition(making: &Making<'_>, kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": making.born,
        "observedGeneration": 1,
    })
}
