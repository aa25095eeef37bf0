//! Pods and the nodes that they get.

use serde_json::{Value, json};

use crate::lab::controllers::testing::Stage;

fn pod(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["containers"] = json!([{ "name": "c", "image": "busybox", "resources": spec["resources"] }]);
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default", "labels": { "app": "x" } }, "spec": spec })
}

fn why(stage: &Stage, name: &str) -> String {
    stage.get("pods", name)["status"]["conditions"][0]["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn pods_spread_over_the_nodes_that_take_them() {
    let mut stage = Stage::new(3);
    stage.patch("nodes", "node-3", |node| node["spec"]["unschedulable"] = json!(true));
    for name in ["one", "two"] {
        stage.create(pod(name, json!({})));
    }
    stage.create(pod("three", json!({ "nodeSelector": { "kubernetes.io/hostname": "node-3" } })));
    stage.settle();
    let mut nodes = ["one", "two"].map(|name| stage.get("pods", name)["spec"]["nodeName"].to_string());
    nodes.sort();
    assert_eq!(nodes, ["\"node-1\"", "\"node-2\""]);
    assert_eq!(
        why(&stage, "three"),
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector. preemption: \
         0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    );
    assert_eq!(stage.events("three"), ["Warning FailedScheduling"]);
    stage.patch("nodes", "node-3", |node| node["spec"]["unschedulable"] = json!(null));
    stage.settle();
    assert_eq!(stage.get("pods", "three")["spec"]["nodeName"], "node-3", "a node that comes back is heard of");
}

#[test]
fn a_pod_that_asks_for_too_much_waits_until_there_is_room() {
    let mut stage = Stage::new(1);
    let ask = |cpu: &str| json!({ "resources": { "requests": { "cpu": cpu } } });
    stage.create(pod("large", ask("5")));
    stage.create(pod("second", ask("4")));
    stage.create(pod("giant", ask("100")));
    stage.settle();
    assert_eq!(
        why(&stage, "second"),
        "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for \
         incoming pod."
    );
    assert!(why(&stage, "giant").ends_with("1 Preemption is not helpful for scheduling."), "{}", why(&stage, "giant"));
    stage.delete("pods", "large", Some(0));
    stage.settle();
    assert_eq!(stage.get("pods", "second")["spec"]["nodeName"], "node-1");
}

#[test]
fn others_keep_a_pod_off_and_taints_do() {
    let mut stage = Stage::new(2);
    let apart = json!({ "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [
        { "labelSelector": { "matchLabels": { "app": "x" } }, "topologyKey": "kubernetes.io/hostname" }] } } });
    stage.patch("nodes", "node-2", |node| {
        node["spec"]["taints"] = json!([{ "key": "gpu", "value": "yes", "effect": "NoSchedule" }]);
    });
    stage.create(pod("a", apart.clone()));
    stage.create(pod("b", apart.clone()));
    let mut tolerant = apart;
    tolerant["tolerations"] = json!([{ "key": "gpu", "operator": "Exists" }]);
    stage.create(pod("c", tolerant));
    stage.settle();
    assert_eq!(stage.get("pods", "a")["spec"]["nodeName"], "node-1");
    assert!(
        why(&stage, "b").starts_with(
            "0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) had untolerated taint {gpu: yes}."
        ),
        "{}",
        why(&stage, "b")
    );
    assert_eq!(stage.get("pods", "c")["spec"]["nodeName"], "node-2");
}
