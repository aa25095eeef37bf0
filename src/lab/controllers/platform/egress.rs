//! Whether a pod's traffic may leave: NetworkPolicies, Cilium's policies, and Cilium's default.
//!
//! A policy that selects a pod and speaks of egress denies all that no rule allows; rules of all policies count
//! together, and what one of Cilium's denies is denied. Source: kubernetes.io and docs.cilium.io, network policies.

use serde_json::Value;

use super::site::Site;
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;
use crate::lab::pods::policy;
use crate::lab::router::advertise::selects;

/// What becomes of traffic to a host outside of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It arrives.
    Open,
    /// The cluster's DNS can't be asked.
    NoNames,
    /// The name is known, and packets are dropped.
    Dropped,
}

/// Traffic of an operator, by its pods' label `app.kubernetes.io/name`, to a host at port 443.
pub(crate) fn way(site: &Site<'_>, app: &str, host: &str) -> Way {
    match site.ready_pods(app).first() {
        Some(pod) => of_pod(site.objects, &pod.value, host),
        // Nobody sends anything.
        None => Way::Open,
    }
}

/// Traffic of a pod to a host outside.
pub(crate) fn of_pod(objects: &Objects, pod: &Value, host: &str) -> Way {
    if pod["spec"]["hostNetwork"] == true {
        return Way::Open;
    }
    if !may_ask_names(objects, pod) {
        return Way::NoNames;
    }
    if may(objects, pod, &Target::Host(host)) { Way::Open } else { Way::Dropped }
}

/// Whether a pod may ask the cluster's DNS.
pub(crate) fn may_ask_names(objects: &Objects, pod: &Value) -> bool {
    if pod["spec"]["hostNetwork"] == true {
        return true;
    }
    // The servers have to let it in, too.
    let mut servers = objects.store.list("pods", "kube-system").map(|(_, server)| &*server.value);
    let refused = |server: &Value| !policy::lets_in(objects, pod, server, 53);
    let dns = |server: &&Value| server["metadata"]["labels"]["k8s-app"] == "kube-dns";
    may(objects, pod, &Target::Names) && servers.find(dns).is_none_or(|server| !refused(server))
}

/// Whether anything is enforced for a pod: on what comes in, and on what goes out.
pub(crate) fn enforced(objects: &Objects, pod: &Value) -> (bool, bool) {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let (mut ingress, mut egress) = (always(objects), always(objects));
    for (_, policy) in objects.store.list("networkpolicies.networking.k8s.io", namespace) {
        let spec = &policy.value["spec"];
        if selects(&spec["podSelector"], &pod["metadata"]["labels"]) {
            let types = spec["policyTypes"].as_array();
            ingress |= types.is_none_or(|types| types.contains(&Value::from("Ingress")));
            egress |= types.map_or(spec["egress"].is_array(), |types| types.contains(&Value::from("Egress")));
        }
    }
    let own = objects.store.list("ciliumnetworkpolicies.cilium.io", namespace);
    for (_, policy) in own.chain(objects.store.list("ciliumclusterwidenetworkpolicies.cilium.io", "")) {
        let listed = policy.value["specs"].as_array().into_iter().flatten();
        for spec in listed.chain([&policy.value["spec"]]).filter(|spec| spec["endpointSelector"].is_object()) {
            if endpoint(&spec["endpointSelector"], pod, namespace) {
                ingress |= spec["ingress"].is_array() && spec["enableDefaultDeny"]["ingress"] != false;
                egress |= spec["egress"].is_array() && spec["enableDefaultDeny"]["egress"] != false;
            }
        }
    }
    (ingress, egress)
}

#[derive(Debug)]
enum Target<'t> {
    Names,
    Host(&'t str),
}

impl Target<'_> {
    fn port(&self) -> u64 {
        match self {
            Self::Names => 53,
            Self::Host(_) => 443,
        }
    }
}

fn may(objects: &Objects, pod: &Value, target: &Target<'_>) -> bool {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let (mut denied, mut allowed) = (always(objects), false);
    for (_, policy) in objects.store.list("networkpolicies.networking.k8s.io", namespace) {
        let spec = &policy.value["spec"];
        let speaks = spec["policyTypes"]
            .as_array()
            .map_or(spec["egress"].is_array(), |types| types.contains(&Value::from("Egress")));
        if speaks && selects(&spec["podSelector"], &pod["metadata"]["labels"]) {
            denied = true;
            allowed |= rules(&spec["egress"]).any(|rule| plain(rule, target));
        }
    }
    let own = objects.store.list("ciliumnetworkpolicies.cilium.io", namespace);
    for (_, policy) in own.chain(objects.store.list("ciliumclusterwidenetworkpolicies.cilium.io", "")) {
        let listed = policy.value["specs"].as_array().into_iter().flatten();
        for spec in listed.chain([&policy.value["spec"]]).filter(|spec| spec["endpointSelector"].is_object()) {
            if !endpoint(&spec["endpointSelector"], pod, namespace) {
                continue;
            }
            if rules(&spec["egressDeny"]).any(|rule| cilium(rule, target)) {
                return false;
            }
            if spec["egress"].is_array() {
                denied |= spec["enableDefaultDeny"]["egress"] != false;
                allowed |= rules(&spec["egress"]).any(|rule| cilium(rule, target));
            }
        }
    }
    allowed || !denied
}

/// Whether Cilium is told to deny what no policy speaks of.
pub(crate) fn always(objects: &Objects) -> bool {
    let config = objects.store.get(&Place::new("configmaps", "kube-system", "cilium-config"));
    config.is_some_and(|config| config.value["data"]["enable-policy"] == "always")
}

pub(crate) fn rules(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A rule of a NetworkPolicy.
fn plain(rule: &Value, target: &Target<'_>) -> bool {
    let ports = rule["ports"].as_array().filter(|ports| !ports.is_empty());
    let port =
        ports.is_none_or(|ports| ports.iter().any(|port| port["port"].is_null() || port["port"] == target.port()));
    let peers = rule["to"].as_array().filter(|peers| !peers.is_empty());
    port && peers.is_none_or(|peers| {
        peers.iter().any(|peer| match target {
            Target::Names => peer["ipBlock"].is_null(),
            Target::Host(_) => peer["ipBlock"]["cidr"] == "0.0.0.0/0",
        })
    })
}

/// A rule of one of Cilium's policies.
fn cilium(rule: &Value, target: &Target<'_>) -> bool {
    let ports: Vec<&Value> = rules(&rule["toPorts"]).flat_map(|one| rules(&one["ports"])).collect();
    let wanted = target.port().to_string();
    let port = ports.is_empty() || ports.iter().any(|port| port["port"] == wanted.as_str() || port["port"] == "0");
    let entities =
        |names: &[&str]| rules(&rule["toEntities"]).any(|one| one.as_str().is_some_and(|one| names.contains(&one)));
    // A rule with ports alone is for everybody; one with nothing in it is for nobody.
    let empty = rule.as_object().is_some_and(|rule| !rule.is_empty() && rule.keys().all(|key| key == "toPorts"));
    let peer = match target {
        Target::Names => rule["toEndpoints"].is_array() || entities(&["all", "cluster", "kube-dns"]),
        Target::Host(host) => {
            let named = rules(&rule["toFQDNs"]).any(|one| {
                one["matchName"] == *host || one["matchPattern"].as_str().is_some_and(|pattern| fits(pattern, host))
            });
            let everywhere = rules(&rule["toCIDR"]).any(|one| one == "0.0.0.0/0")
                || rules(&rule["toCIDRSet"]).any(|one| one["cidr"] == "0.0.0.0/0");
            named || everywhere || entities(&["all", "world"])
        }
    };
    port && (peer || empty)
}

/// A name against a pattern with stars.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
    }
}

/// Whether one of Cilium's selectors takes a pod; its labels may say where they come from.
pub(crate) fn endpoint(selector: &Value, pod: &Value, namespace: &str) -> bool {
    let mut labels = pod["metadata"]["labels"].clone();
    labels["io.kubernetes.pod.namespace"] = namespace.into();
    let bare = |key: &str| key.trim_start_matches("k8s:").trim_start_matches("any:").to_owned();
    let mut selector = selector.clone();
    if let Some(wanted) = selector["matchLabels"].as_object_mut() {
        *wanted = wanted.iter().map(|(key, value)| (bare(key), value.clone())).collect();
    }
    for rule in selector["matchExpressions"].as_array_mut().into_iter().flatten() {
        rule["key"] = bare(rule["key"].as_str().unwrap_or_default()).into();
    }
    selects(&selector, &labels)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::controllers::platform::testing::definitions;
    use crate::lab::kube::cluster::Cluster;

    #[test]
    fn policies_close_and_open_the_way() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let mut objects = cluster.world();
        definitions(&mut objects, "cilium");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let pod = json!({ "metadata": { "namespace": "x", "labels": { "app": "a" } } });
        let host = "vault.example";
        assert_eq!(of_pod(&objects, &pod, host), Way::Open);
        let policy = |name: &str, egress: Value| {
            json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "namespace": "x" },
                    "spec": { "podSelector": {}, "policyTypes": ["Egress"], "egress": egress } })
        };
        objects.plant(&policy("deny", json!([])), now);
        assert_eq!(of_pod(&objects, &pod, host), Way::NoNames);
        objects.plant(&policy("dns", json!([{ "to": [{ "namespaceSelector": {} }], "ports": [{ "port": 53 }] }])), now);
        assert_eq!(of_pod(&objects, &pod, host), Way::Dropped);
        let own = json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": { "name": "vault", "namespace": "x" },
                          "spec": { "endpointSelector": { "matchLabels": { "k8s:app": "a" } },
                                    "egress": [{ "toFQDNs": [{ "matchPattern": "*.example" }] }] } });
        objects.plant(&own, now);
        assert_eq!(of_pod(&objects, &pod, host), Way::Open);
        assert_eq!(of_pod(&objects, &pod, "elsewhere.org"), Way::Dropped);
        let other = json!({ "metadata": { "namespace": "y", "labels": {} } });
        let config = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "cilium-config", "namespace": "kube-system" },
                             "data": { "enable-policy": "always" } });
        assert_eq!(of_pod(&objects, &other, host), Way::Open);
        objects.plant(&config, now);
        assert_eq!(of_pod(&objects, &other, host), Way::NoNames);
    }
}
