//! DaemonSets: a pod a node, node by node.

use serde_json::{Value, json};

use crate::lab::controllers::testing::Stage;

fn stage(strategy: Value) -> Stage {
    let mut stage = Stage::new(3);
    stage.patch("nodes", "node-3", |node| node["spec"]["taints"] = json!([{ "key": "own", "effect": "NoSchedule" }]));
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": { "name": "agent", "namespace": "default" },
        "spec": { "selector": { "matchLabels": { "app": "agent" } },
                  "template": { "metadata": { "labels": { "app": "agent" } }, "spec": { "containers": [{ "name": "a", "image": "nginx:1.28" }] } } },
    });
    set["spec"]["updateStrategy"] = strategy;
    stage.create(set);
    stage.run(5);
    stage
}

fn images(stage: &Stage) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = stage
        .list("pods")
        .iter()
        .map(|pod| (text(&pod["spec"]["nodeName"]), text(&pod["spec"]["containers"][0]["image"])))
        .collect();
    all.sort();
    all
}

fn of(nodes: &[&str], image: &str) -> Vec<(String, String)> {
    nodes.iter().map(|node| ((*node).to_owned(), image.to_owned())).collect()
}

#[test]
fn every_node_that_takes_one_has_one() {
    let mut stage = stage(json!({ "type": "RollingUpdate" }));
    assert_eq!(images(&stage), of(&["node-1", "node-2"], "nginx:1.28"));
    let status = stage.get("daemonsets.apps", "agent")["status"].clone();
    assert_eq!(
        (&status["desiredNumberScheduled"], &status["numberAvailable"], &status["numberMisscheduled"]),
        (&json!(2), &json!(2), &json!(0))
    );
    stage.patch("nodes", "node-3", |node| node["spec"]["taints"] = json!(null));
    stage.run(5);
    assert_eq!(images(&stage).len(), 3, "a taint that goes lets one come");
    stage.patch("nodes", "node-1", |node| node["spec"]["unschedulable"] = json!(true));
    let name =
        stage.list("pods").iter().find(|pod| pod["spec"]["nodeName"] == "node-1").unwrap()["metadata"]["name"].clone();
    stage.delete("pods", name.as_str().unwrap(), None);
    stage.run(5);
    assert_eq!(images(&stage).len(), 3, "a cordon does not keep it away");
}

#[test]
fn an_update_goes_node_by_node_or_waits_for_deletions() {
    let change = |stage: &mut Stage| {
        stage.patch("daemonsets.apps", "agent", |set| {
            set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:1.29");
        });
    };
    let mut rolling = stage(json!({ "type": "RollingUpdate" }));
    change(&mut rolling);
    rolling.settle();
    let ending = rolling.list("pods").iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_string()).count();
    assert_eq!(ending, 1, "one may be missing");
    rolling.run(20);
    assert_eq!(images(&rolling), of(&["node-1", "node-2"], "nginx:1.29"));
    assert_eq!(rolling.get("daemonsets.apps", "agent")["status"]["updatedNumberScheduled"], 2);
    let mut waiting = stage(json!({ "type": "OnDelete" }));
    change(&mut waiting);
    waiting.run(20);
    assert_eq!(images(&waiting), of(&["node-1", "node-2"], "nginx:1.28"));
}
