//! `drain`: budgets that block it, pods that forbid it, and the node afterwards.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Step;
use crate::client::kube::rest;
use crate::error::Kind;
use crate::host::testing;
use crate::host::undo::Undone;

#[test]
#[ignore = "needs the real clusters"]
fn real_drain_names_the_budget_that_blocks_and_is_undone() {
    let step = Step::new("drnaaa");
    step.holds(r#"kube("apps").run(#{ command: "true" }).code == 0"#);
    let namespace = step.namespace();
    let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "kept" }, "spec": {
        "replicas": 2, "selector": { "matchLabels": { "app": "kept" } },
        "template": { "metadata": { "labels": { "app": "kept" } }, "spec": { "terminationGracePeriodSeconds": 0, "containers": [
            { "name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["sleep", "999"] }] } } } });
    step.post("apps", &format!("/apis/apps/v1/namespaces/{namespace}/deployments"), &deployment);
    let budget = json!({ "apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": { "name": "keep" },
        "spec": { "minAvailable": 2, "selector": { "matchLabels": { "app": "kept" } } } });
    step.post("apps", &format!("/apis/policy/v1beta1/namespaces/{namespace}/poddisruptionbudgets"), &budget);
    let path = format!("/apis/policy/v1beta1/namespaces/{namespace}/poddisruptionbudgets/keep");
    let until = Instant::now() + Duration::from_secs(60);
    while step.find("apps", &path).expect("the budget").pointer("/status/currentHealthy") != Some(&json!(2)) {
        assert!(Instant::now() < until, "the deployment never became healthy");
        std::thread::sleep(Duration::from_millis(200));
    }
    let error = step.fails(r#"kube("apps").drain("apps-01", #{ within: "5s" })"#);
    assert_eq!(error.kind, Kind::Timeout, "{error:#?}");
    let numbers = format!(
        "PodDisruptionBudget {namespace}/keep (minAvailable 2) allows 0 disruptions: 2 of 2 pods are healthy, 2 must be"
    );
    assert!(error.message.contains("2 of 2 pods are left"), "{error:#?}");
    assert!(error.causes.iter().all(|c| c.contains(&numbers)), "{error:#?}");
    let node = || step.find("apps", "/api/v1/nodes/apps-01").expect("the node");
    assert_eq!(node().pointer("/spec/unschedulable"), Some(&json!(true)));
    // Without the budget the same drain goes through; the second row finds the node cordoned and is not written.
    let cluster = step.cluster("apps");
    testing::runtime().block_on(rest::delete(&cluster, &path, &json!({}), "the budget")).expect("deleted");
    step.holds(r#"kube("apps").drain("apps-01", #{ within: "60s" }).evicted.len() >= 2"#);
    let done = step.clean();
    assert!(done.contains(&("drain node apps-01".into(), Undone::Done)), "{done:?}");
    assert_eq!(done.iter().filter(|(change, _)| change.contains("node")).count(), 1, "{done:?}");
    assert_eq!(node().pointer("/spec/unschedulable"), None);
    // A bare pod forbids it before anything is changed.
    let bare = Step::new("drnbbb");
    let error = bare.fails(r#"kube("apps").pod(#{}); kube("apps").drain("apps-01")"#);
    assert_eq!(error.kind, Kind::Conflict, "{error:#?}");
    assert!(error.causes[0].contains("no controller"), "{error:#?}");
    assert_eq!(node().pointer("/spec/unschedulable"), None);
    bare.clean();
}

/// A node that is only an object, so that nothing of the cluster's own moves; deleted when dropped.
struct PaperNode<'a> {
    step: &'a Step,
    name: &'static str,
}

impl<'a> PaperNode<'a> {
    fn new(step: &'a Step, name: &'static str, unschedulable: bool) -> Self {
        let body = json!({ "apiVersion": "v1", "kind": "Node", "spec": { "unschedulable": unschedulable },
            "metadata": { "name": name, "labels": { "pb-paper": name } },
            "status": { "capacity": { "pods": "10" }, "allocatable": { "pods": "10" } } });
        step.post("infra", "/api/v1/nodes", &body);
        Self { step, name }
    }

    fn is_cordoned(&self) -> bool {
        let node = self.step.find("infra", &format!("/api/v1/nodes/{}", self.name)).expect("the node");
        node.pointer("/spec/unschedulable") == Some(&Value::Bool(true))
    }
}

impl Drop for PaperNode<'_> {
    fn drop(&mut self) {
        let cluster = self.step.cluster("infra");
        let path = format!("/api/v1/nodes/{}", self.name);
        let _ = testing::runtime().block_on(rest::delete(&cluster, &path, &json!({}), "the node"));
    }
}

#[test]
#[ignore = "needs the real clusters"]
fn real_drain_refuses_by_name_what_would_be_lost_unless_it_is_allowed() {
    let step = Step::new("drnccc");
    let node = PaperNode::new(&step, "pb-paper-forbids", false);
    step.holds(
        r#"let k = kube("infra"); let ns = #{ namespace: "default" };
        let on = |name, more| {
            let pod = #{ apiVersion: "v1", kind: "Pod", metadata: #{ name: name }, spec: #{ nodeName: "pb-paper-forbids",
                containers: [#{ name: "main", image: "busybox" }] } };
            pod.metadata.mixin(more.metadata); pod.spec.mixin(more.spec); pod
        };
        let owner = k.create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ name: "pb-paper-owner" } }, ns);
        let owned = #{ ownerReferences: [#{ apiVersion: "v1", kind: "ConfigMap", name: owner.name, uid: owner.metadata.uid, controller: true }] };
        k.create(on.call("pb-paper-bare", #{ metadata: #{}, spec: #{} }), ns);
        k.create(on.call("pb-paper-cache", #{ metadata: owned, spec: #{ volumes: [#{ name: "c", emptyDir: #{} }] } }), ns);
        k.create(#{ apiVersion: "apps/v1", kind: "DaemonSet", metadata: #{ name: "pb-paper-daemon" }, spec: #{
            selector: #{ matchLabels: #{ app: "pb-paper-daemon" } }, template: #{ metadata: #{ labels: #{ app: "pb-paper-daemon" } },
            spec: #{ nodeSelector: #{ "pb-paper": "pb-paper-forbids" }, tolerations: [#{ operator: "Exists" }],
                terminationGracePeriodSeconds: 0, containers: [#{ name: "main", image: "busybox" }] } } } }, ns);
        eventually(duration("30s"), || expect(kube("infra").list("pods", #{ labels: "app=pb-paper-daemon", fields: "spec.nodeName=pb-paper-forbids" }).len()).to_equal(1));
        true"#,
    );
    let drain =
        |options: &str| format!(r#"kube("infra").drain("pb-paper-forbids", #{{ grace: 0, within: "20s"{options} }})"#);
    let error = step.fails(&drain(""));
    assert_eq!(error.kind, Kind::Conflict, "{error:#?}");
    assert_eq!(
        error.causes,
        [
            "default/pb-paper-bare has no controller that would start it again elsewhere (force: true)",
            "default/pb-paper-cache would lose the data of its emptyDir (delete_emptydir_data: true)"
        ]
    );
    let error = step.fails(&drain(", force: true"));
    assert_eq!(error.causes.len(), 1, "{error:#?}");
    let error = step.fails(&drain(", delete_emptydir_data: true"));
    assert_eq!(error.causes.len(), 1, "{error:#?}");
    assert!(!node.is_cordoned(), "refused before anything was changed");
    step.holds(&format!(
        r#"let done = {};
        done.evicted == ["default/pb-paper-bare", "default/pb-paper-cache"]
            && done.skipped.len() == 1 && done.skipped[0].starts_with("default/pb-paper-daemon-")"#,
        drain(", force: true, delete_emptydir_data: true")
    ));
    assert!(node.is_cordoned());
    let done = step.clean();
    assert!(done.contains(&("drain node pb-paper-forbids".into(), Undone::Done)), "{done:?}");
    assert!(!node.is_cordoned());
}

#[test]
#[ignore = "needs the real clusters"]
fn real_a_node_that_was_cordoned_before_stays_so() {
    let step = Step::new("drnddd");
    let node = PaperNode::new(&step, "pb-paper-closed", true);
    step.holds(r#"kube("infra").drain("pb-paper-closed", #{ within: "20s" }).evicted == []"#);
    assert_eq!(step.clean(), []);
    assert!(node.is_cordoned(), "after a drain");
    step.holds(r#"kube("infra").cordon("pb-paper-closed") == false"#);
    assert_eq!(step.clean(), []);
    assert!(node.is_cordoned(), "after a cordon");
    // Opened, drained, opened again: at the end it is as it was found.
    step.holds(
        r#"let k = kube("infra");
        let opened = k.uncordon("pb-paper-closed");
        k.drain("pb-paper-closed", #{ within: "20s" });
        opened && k.uncordon("pb-paper-closed")"#,
    );
    assert!(!node.is_cordoned());
    step.clean();
    assert!(node.is_cordoned(), "after it was opened");
}
