//! Deployments in the stories that people know.

use serde_json::{Value, json};

use crate::lab::controllers::testing::Stage;

fn deployment(name: &str, replicas: i64, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": "default" },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } },
                  "template": { "metadata": { "labels": { "app": name } },
                                "spec": { "containers": [{ "name": "web", "image": image }] } } },
    })
}

fn image(stage: &mut Stage, image: &str) {
    stage.patch("deployments.apps", "web", |one| {
        one["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    });
}

/// A condition as `status reason: message`.
fn condition(object: &Value, kind: &str) -> String {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let one = all.iter().find(|one| one["type"] == kind).cloned().unwrap_or_default();
    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}: {}", text("status"), text("reason"), text("message"))
}

fn numbers(stage: &Stage) -> [i64; 5] {
    let status = stage.get("deployments.apps", "web")["status"].clone();
    ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"]
        .map(|key| status[key].as_i64().unwrap_or(0))
}

#[test]
fn one_that_is_applied_becomes_available() {
    let mut stage = Stage::new(2);
    stage.create(deployment("web", 3, "nginx:1.28"));
    stage.settle();
    assert_eq!(numbers(&stage), [3, 3, 0, 0, 3]);
    let web = stage.get("deployments.apps", "web");
    assert_eq!(
        condition(&web, "Available"),
        "False MinimumReplicasUnavailable: Deployment does not have minimum availability."
    );
    let set = stage.only("replicasets.apps");
    let name = set["metadata"]["name"].as_str().unwrap();
    assert_eq!(
        condition(&web, "Progressing"),
        format!("True ReplicaSetUpdated: ReplicaSet \"{name}\" is progressing.")
    );
    stage.run(5);
    assert_eq!(numbers(&stage), [3, 3, 3, 3, 0]);
    let web = stage.get("deployments.apps", "web");
    assert_eq!(condition(&web, "Available"), "True MinimumReplicasAvailable: Deployment has minimum availability.");
    assert_eq!(
        condition(&web, "Progressing"),
        format!("True NewReplicaSetAvailable: ReplicaSet \"{name}\" has successfully progressed.")
    );
    assert_eq!(web["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1");
    assert_eq!(stage.messages("web"), [format!("Scaled up replica set {name} from 0 to 3")]);
    let pod = &stage.list("pods")[0];
    assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "ReplicaSet");
    let told = stage.events(pod["metadata"]["name"].as_str().unwrap());
    assert_eq!(told, ["Normal Scheduled", "Normal Pulling", "Normal Pulled", "Normal Created", "Normal Started"]);
}

#[test]
fn a_bad_image_stands_still_and_is_rolled_back() {
    let mut stage = Stage::new(2);
    stage.create(deployment("web", 4, "nginx:1.28"));
    stage.run(5);
    let good = stage.only("replicasets.apps")["metadata"]["name"].clone();
    image(&mut stage, "nginx:1.161");
    stage.run(60);
    assert_eq!(numbers(&stage), [5, 2, 3, 3, 2], "one too many and one missing is what 25 % allow");
    let bad =
        stage.list("pods").into_iter().find(|pod| pod["spec"]["containers"][0]["image"] == "nginx:1.161").unwrap();
    let state = bad["status"]["containerStatuses"][0]["state"]["waiting"].clone();
    assert_eq!(state["reason"], "ImagePullBackOff");
    assert!(
        state["message"]
            .as_str()
            .unwrap()
            .starts_with("Back-off pulling image \"nginx:1.161\": ErrImagePull: rpc error: code = NotFound"),
        "{state}"
    );
    stage.run(600);
    let web = stage.get("deployments.apps", "web");
    assert!(
        condition(&web, "Progressing").starts_with("False ProgressDeadlineExceeded: ReplicaSet \"web-"),
        "{}",
        condition(&web, "Progressing")
    );
    assert!(condition(&web, "Progressing").ends_with("\" has timed out progressing."));
    image(&mut stage, "nginx:1.28");
    stage.run(10);
    assert_eq!(numbers(&stage), [4, 4, 4, 4, 0]);
    let set = stage.get("replicasets.apps", good.as_str().unwrap());
    assert_eq!(set["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "3");
    assert_eq!(set["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"], "1");
}

#[test]
fn a_rollout_keeps_within_its_bounds() {
    let mut stage = Stage::new(3);
    let mut web = deployment("web", 6, "nginx:1.28");
    web["spec"]["strategy"] =
        json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } });
    stage.create(web);
    stage.run(5);
    image(&mut stage, "nginx:1.29");
    for _ in 0..200 {
        stage.settle();
        let [replicas, _, ready, ..] = numbers(&stage);
        assert!(replicas <= 7 && ready >= 6, "{replicas} pods, {ready} of them ready");
        let wait = stage.manager.look(&stage.world, &mut stage.cluster.world()).again.unwrap_or_default();
        stage.clock.jump(wait.clamp(std::time::Duration::from_millis(1), std::time::Duration::from_secs(1)));
    }
    assert_eq!(numbers(&stage), [6, 6, 6, 6, 0]);
    assert_eq!(stage.count("replicasets.apps"), 2, "the old set is kept for going back");
}

#[test]
fn it_is_scaled_paused_and_recreated() {
    let mut stage = Stage::new(2);
    stage.create(deployment("web", 2, "nginx:1.28"));
    stage.run(5);
    stage.patch("deployments.apps", "web", |one| one["spec"]["replicas"] = json!(5));
    stage.run(5);
    assert_eq!(numbers(&stage), [5, 5, 5, 5, 0]);
    stage.patch("deployments.apps", "web", |one| one["spec"]["paused"] = json!(true));
    image(&mut stage, "nginx:1.29");
    stage.run(5);
    assert_eq!(stage.count("replicasets.apps"), 1, "a paused one is not rolled out");
    assert_eq!(
        condition(&stage.get("deployments.apps", "web"), "Progressing"),
        "Unknown DeploymentPaused: Deployment is paused"
    );
    stage.patch("deployments.apps", "web", |one| {
        one["spec"]["paused"] = json!(null);
        one["spec"]["strategy"] = json!({ "type": "Recreate" });
    });
    stage.settle();
    assert!(stage.list("pods").iter().all(|pod| pod["metadata"]["deletionTimestamp"].is_string()), "the old go first");
    stage.run(5);
    assert_eq!(numbers(&stage), [5, 5, 5, 5, 0]);
    stage.patch("deployments.apps", "web", |one| one["spec"]["replicas"] = json!(0));
    stage.run(5);
    assert_eq!((stage.count("pods"), numbers(&stage)), (0, [0; 5]));
}

#[test]
fn a_pod_of_the_topologys_own_is_replaced() {
    let mut stage = Stage::of(crate::lab::world::read::embedded("monosense").unwrap(), "infra");
    let of = |stage: &Stage| -> Vec<Value> {
        let world = stage.cluster.world();
        let pods = world.store.list("pods", "kube-system").map(|(_, pod)| pod.value.clone());
        pods.filter(|pod| pod["metadata"]["labels"]["k8s-app"] == "kube-dns").collect()
    };
    let before = of(&stage);
    let name = before[0]["metadata"]["name"].as_str().unwrap().to_owned();
    {
        let mut objects = stage.cluster.world();
        let kind = objects.kinds.of(&before[0]).unwrap();
        let asked = crate::lab::kube::verbs::Asked::by_controller(kind, "kube-system", &name, stage.now());
        crate::lab::kube::verbs::by_controller(&mut objects, &asked, None, None).unwrap();
    }
    stage.run(5);
    let after = of(&stage);
    assert_eq!(after.len(), 2);
    assert!(after.iter().all(|pod| pod["metadata"]["name"] != name.as_str() && pod["status"]["phase"] == "Running"));
}
