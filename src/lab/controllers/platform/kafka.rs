//! Strimzi: Kafka clusters with their node pools and pods, topics, users.
//!
//! Messages and reasons: github.com/strimzi/strimzi-kafka-operator `cluster-operator`, `topic-operator`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::budgets::{self, Room};
use super::conditions::{Condition, clear};
use super::site::{Site, after, is_ready};
use super::{Hand, Operator, pods};
use crate::lab::kube::store::Place;
use crate::lab::world::objects::names::{hex, uid};

const WATCHES: &[&str] = &[
    "kafkas.kafka.strimzi.io",
    "kafkanodepools.kafka.strimzi.io",
    "strimzipodsets.core.strimzi.io",
    "kafkatopics.kafka.strimzi.io",
    "kafkausers.kafka.strimzi.io",
    "pods",
    "poddisruptionbudgets.policy",
];
const CLUSTER: &str = "strimzi.io/cluster";
/// How long the operator waits for a pod before it says that it is not ready.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn rows() -> Vec<Hand> {
    vec![("strimzi-cluster-operator", WATCHES, Box::new(Kafkas::default()))]
}

#[derive(Debug, Default)]
struct Kafkas {
    /// Since when a cluster is not whole.
    ill: BTreeMap<String, Timestamp>,
    /// Partitions and replicas that the brokers have, by topic, which a later spec is held against.
    made: BTreeMap<String, (i64, i64)>,
}

impl Operator for Kafkas {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(WATCHES[1], "") {
            pool(site, &place, &stored.value);
        }
        for (place, stored) in site.all(WATCHES[0], "") {
            self.kafka(site, &place, &stored.value);
        }
        for (place, stored) in site.all(WATCHES[3], "") {
            topic(site, &mut self.made, &place, &stored.value);
        }
        for (place, stored) in site.all(WATCHES[4], "") {
            user(site, &place, &stored.value);
        }
    }
}

fn label(object: &Value) -> &str {
    object["metadata"]["labels"][CLUSTER].as_str().unwrap_or_default()
}

/// A node pool, its StrimziPodSet, and the pods of that.
fn pool(site: &mut Site<'_>, place: &Place, object: &Value) {
    let cluster = label(object);
    if site.get(WATCHES[0], &place.namespace, cluster).is_none() {
        return;
    }
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(0);
    let set = format!("{cluster}-{}", place.name);
    let name = |number: u64| format!("{set}-{number}");
    let all = pods::of(site, &place.namespace, "strimzi.io/name", &set);
    for number in 0..wanted {
        if !all.iter().any(|(at, _)| at.name == name(number)) {
            pods::again(site, &place.namespace, &name(number), all.first().map(|(_, pod)| pod));
        }
    }
    for (at, _) in &all {
        if !(0..wanted).any(|number| at.name == name(number)) {
            site.delete(at);
        }
    }
    let ready = all.iter().filter(|(_, pod)| is_ready(pod)).count();
    let at = Place::new(WATCHES[2], &place.namespace, &set);
    if site.objects.store.get(&at).is_none() {
        site.create(&json!({
            "apiVersion": "core.strimzi.io/v1beta2", "kind": "StrimziPodSet",
            // The pods of the topology name it as their owner.
            "metadata": { "name": set, "namespace": place.namespace, "generation": 1,
                          "uid": uid(&[site.cluster, "StrimziPodSet", &place.namespace, &set]),
                          "labels": { CLUSTER: cluster, "strimzi.io/kind": "Kafka" } },
            "spec": { "selector": { "matchLabels": { CLUSTER: cluster, "strimzi.io/name": set } }, "pods": [] },
        }));
    }
    if let Some(there) = site.objects.store.get(&at) {
        let mut value = there.value.clone();
        let named: Vec<Value> = (0..wanted)
            .map(|number| json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name(number) } }))
            .collect();
        value["spec"]["pods"] = named.into();
        value["status"] = json!({ "observedGeneration": value["metadata"]["generation"], "pods": wanted, "readyPods": ready, "currentPods": all.len() });
        site.put(&at, value);
    }
    let mut value = object.clone();
    value["status"] = json!({
        "observedGeneration": object["metadata"]["generation"], "replicas": wanted, "roles": object["spec"]["roles"],
        "nodeIds": (0..wanted).collect::<Vec<_>>(), "clusterId": cluster_id(site, &place.namespace, cluster),
        "labelSelector": format!("{CLUSTER}={cluster},strimzi.io/name={set},strimzi.io/pool-name={}", place.name),
    });
    site.put(place, value);
}

fn cluster_id(site: &Site<'_>, namespace: &str, name: &str) -> String {
    STANDARD.encode(hex(&["kafka", site.cluster, namespace, name], 32)).chars().take(22).collect()
}

/// The brokers of a cluster that run.
pub(crate) fn brokers(site: &Site<'_>, namespace: &str, cluster: &str) -> Vec<(String, bool)> {
    let mut all: Vec<(String, bool)> = pods::of(site, namespace, CLUSTER, cluster)
        .into_iter()
        .filter(|(_, pod)| !pod["metadata"]["labels"]["strimzi.io/pool-name"].is_null())
        .map(|(at, pod)| (at.name, is_ready(&pod)))
        .collect();
    all.sort();
    all
}

impl Kafkas {
    fn kafka(&mut self, site: &mut Site<'_>, place: &Place, object: &Value) {
        let (mut value, stamp) = (object.clone(), site.stamp());
        let key = format!("{}/{}", place.namespace, place.name);
        let all = pods::of(site, &place.namespace, CLUSTER, &place.name);
        let mut own = site.all(WATCHES[1], &place.namespace);
        own.retain(|(_, one)| label(&one.value) == place.name);
        let wanted: u64 = own.iter().filter_map(|(_, one)| one.value["spec"]["replicas"].as_u64()).sum();
        let pools: Vec<String> = own.into_iter().map(|(at, _)| at.name).collect();
        let labels = json!({ CLUSTER: place.name, "strimzi.io/kind": "Kafka", "strimzi.io/name": format!("{}-kafka", place.name) });
        let room = wanted.checked_sub(1).map(Room::Least);
        budgets::keep(site, object, &format!("{}-kafka", place.name), &labels, room);
        if pools.is_empty() {
            let why = "KRaft cluster needs at least one KafkaNodePool with the broker and controller roles";
            Condition::new(
                "Ready",
                "False",
                "InvalidResourceException",
                &format!("The Kafka cluster {} is invalid: [{why}]", place.name),
            )
            .set(&mut value, &stamp);
            site.put(place, value);
            return;
        }
        let ill = all.iter().find(|(_, pod)| !is_ready(pod)).map(|(at, _)| at.name.clone());
        let brokers = brokers(site, &place.namespace, &place.name).len() as u64;
        let ill = ill.or_else(|| (brokers < wanted).then(|| format!("{}-{}-{brokers}", place.name, pools[0])));
        let message = match &ill {
            None => {
                self.ill.remove(&key);
                None
            }
            Some(pod) => {
                let since = *self.ill.entry(key).or_insert(site.now);
                if after(since, PATIENCE) > site.now {
                    site.at(after(since, PATIENCE));
                    return;
                }
                Some(format!(
                    "Exceeded timeout of {}ms while waiting for Pods resource {pod} in namespace {} to be ready",
                    PATIENCE.as_millis(),
                    place.namespace
                ))
            }
        };
        let listeners: Vec<Value> = object["spec"]["kafka"]["listeners"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| {
                let host = format!("{}-kafka-bootstrap.{}.svc", place.name, place.namespace);
                json!({ "name": one["name"], "addresses": [{ "host": host, "port": one["port"] }], "bootstrapServers": format!("{host}:{}", one["port"]) })
            })
            .collect();
        match message {
            Some(why) => Condition::new("Ready", "False", "TimeoutException", &why).set(&mut value, &stamp),
            None => ready(&mut value, &stamp),
        }
        let version = object["spec"]["kafka"]["version"].clone();
        let status = &mut value["status"];
        status["listeners"] = listeners.into();
        status["kafkaVersion"] = version;
        status["kafkaMetadataVersion"] = object["spec"]["kafka"]["metadataVersion"].clone();
        status["kafkaMetadataState"] = "KRaft".into();
        status["kafkaNodePools"] = pools.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>().into();
        status["clusterId"] = cluster_id(site, &place.namespace, &place.name).into();
        status["operatorLastSuccessfulVersion"] = "0.47.0".into();
        status["observedGeneration"] = object["metadata"]["generation"].clone();
        bare(&mut value);
        site.put(place, value);
    }
}

/// `Ready` without reason or message, as Strimzi sets it.
fn ready(value: &mut Value, stamp: &str) {
    Condition::new("Ready", "True", "", "").set(value, stamp);
}

/// Strimzi's conditions have no generation, and no empty texts.
fn bare(value: &mut Value) {
    for one in value["status"]["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        one.remove("observedGeneration");
        one.retain(|_, text| text != "");
    }
}

fn topic(site: &mut Site<'_>, made: &mut BTreeMap<String, (i64, i64)>, place: &Place, object: &Value) {
    let cluster = label(object).to_owned();
    if site.get(WATCHES[0], &place.namespace, &cluster).is_none() {
        return;
    }
    let (mut value, stamp) = (object.clone(), site.stamp());
    let all = brokers(site, &place.namespace, &cluster);
    let name = object["spec"]["topicName"].as_str().unwrap_or(&place.name).to_owned();
    let (partitions, replicas) =
        (object["spec"]["partitions"].as_i64().unwrap_or(1), object["spec"]["replicas"].as_i64().unwrap_or(1));
    let key = format!("{cluster} {name}");
    let before = made.get(&key).copied().unwrap_or((partitions, replicas));
    let other = site
        .all(WATCHES[3], &place.namespace)
        .into_iter()
        .find(|(_, one)| one.value["spec"]["topicName"].as_str() == Some(&name) && label(&one.value) == cluster);
    let wrong = if let Some((at, _)) = other.filter(|(at, _)| at.name != place.name) {
        Some(("ResourceConflict", format!("Managed by Ref{{namespace='{}', name='{}'}}", at.namespace, at.name)))
    } else if all.iter().all(|(_, up)| !up) {
        Some(("KafkaError", "org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. Call: describeTopics".into()))
    } else if replicas > all.len() as i64 {
        Some((
            "KafkaError",
            format!(
                "org.apache.kafka.common.errors.InvalidReplicationFactorException: Unable to replicate the partition {replicas} time(s): The target replication factor of {replicas} cannot be reached because only {} broker(s) are registered.",
                all.len()
            ),
        ))
    } else if partitions < before.0 {
        Some(("NotSupported", "Decreasing partitions not supported".into()))
    } else if replicas != before.1 {
        let list: Vec<String> = (0..before.0).map(|n| n.to_string()).collect();
        Some((
            "NotSupported",
            format!("Replication factor change not supported, but required for partitions [{}]", list.join(", ")),
        ))
    } else {
        None
    };
    match wrong {
        Some((reason, message)) => Condition::new("Ready", "False", reason, &message).set(&mut value, &stamp),
        None => {
            clear(&mut value, "Unmanaged");
            ready(&mut value, &stamp);
            value["status"]["topicId"] = hex(&["topic", &name], 22).into();
            value["status"]["topicName"] = name.into();
            made.insert(key, (partitions, replicas));
        }
    }
    value["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
    bare(&mut value);
    site.put(place, value);
}

fn user(site: &mut Site<'_>, place: &Place, object: &Value) {
    if site.get(WATCHES[0], &place.namespace, label(object)).is_none() {
        return;
    }
    let (mut value, stamp) = (object.clone(), site.stamp());
    let tls = object["spec"]["authentication"]["type"] == "tls";
    let secret = |key: &str| STANDARD.encode(hex(&["kafka-user", &place.name, key], 48));
    let data = if tls {
        json!({ "user.crt": secret("crt"), "user.key": secret("key") })
    } else {
        json!({ "password": secret("password") })
    };
    site.create(&json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
        "metadata": { "name": place.name, "namespace": place.namespace, "labels": { CLUSTER: label(object), "strimzi.io/kind": "KafkaUser" },
                      "ownerReferences": [{ "apiVersion": object["apiVersion"], "kind": "KafkaUser", "name": place.name, "uid": object["metadata"]["uid"] }] },
    }));
    ready(&mut value, &stamp);
    value["status"]["username"] = if tls { format!("CN={}", place.name) } else { place.name.clone() }.into();
    value["status"]["secret"] = place.name.as_str().into();
    value["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
    bare(&mut value);
    site.put(place, value);
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn brokers_and_topics_say_what_is_wrong() {
        let mut bench = Bench::new("spec", "apps");
        let ns = "messaging";
        assert!(bench.told(WATCHES[0], ns, "kafka-cluster", "Ready").starts_with("True"));
        assert_eq!(bench.get(WATCHES[1], ns, "kafka")["status"]["nodeIds"], json!([0, 1, 2]));
        bench.change(WATCHES[3], ns, "test-topic", |topic| topic["spec"]["replicas"] = 5.into());
        bench.change(WATCHES[3], ns, "perf-test", |topic| topic["spec"]["partitions"] = 1.into());
        bench.look();
        assert!(bench.told(WATCHES[3], ns, "test-topic", "Ready").contains("only 3 broker(s) are registered"));
        assert_eq!(
            bench.told(WATCHES[3], ns, "perf-test", "Ready"),
            "False NotSupported: Decreasing partitions not supported"
        );
        bench.change("pods", ns, "kafka-cluster-kafka-1", |pod| pod["status"]["conditions"] = json!([]));
        bench.pass(200);
        assert!(bench.told(WATCHES[0], ns, "kafka-cluster", "Ready").starts_with("True"), "it waits first");
        bench.pass(200);
        assert!(
            bench
                .told(WATCHES[0], ns, "kafka-cluster", "Ready")
                .contains("Pods resource kafka-cluster-kafka-1 in namespace messaging")
        );
        bench.delete("pods", ns, "kafka-cluster-kafka-1");
        bench.look();
        assert_eq!(bench.get("pods", ns, "kafka-cluster-kafka-1")["metadata"]["labels"][CLUSTER], "kafka-cluster");
    }
}
