//! StatefulSets: order, volumes, updates.

use serde_json::{Value, json};

use crate::lab::controllers::testing::Stage;

fn stage() -> Stage {
    let mut stage = Stage::new(3);
    stage.create(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "local" },
        "provisioner": "openebs.io/local", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    stage.create(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "db", "namespace": "default" },
        "spec": {
            "replicas": 3, "serviceName": "db", "selector": { "matchLabels": { "app": "db" } },
            "template": { "metadata": { "labels": { "app": "db" } }, "spec": { "containers": [{ "name": "db", "image": "postgres:17",
                "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }] } },
            "volumeClaimTemplates": [{ "metadata": { "name": "data" }, "spec": { "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local", "resources": { "requests": { "storage": "1Gi" } } } }],
        },
    }));
    stage
}

fn names(stage: &Stage, resource: &str) -> Vec<String> {
    stage.list(resource).iter().map(|one| one["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pods_come_one_after_the_other_each_with_its_volume() {
    let mut stage = stage();
    stage.settle();
    assert_eq!(names(&stage, "pods"), ["db-0"]);
    stage.run(20);
    assert_eq!(names(&stage, "pods"), ["db-0", "db-1", "db-2"]);
    assert_eq!(names(&stage, "persistentvolumeclaims"), ["data-db-0", "data-db-1", "data-db-2"]);
    let claim = stage.get("persistentvolumeclaims", "data-db-1");
    assert_eq!((&claim["status"]["phase"], &claim["status"]["capacity"]["storage"]), (&json!("Bound"), &json!("1Gi")));
    let node = stage.get("pods", "db-1")["spec"]["nodeName"].clone();
    assert_eq!(claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"], node);
    let volume = stage.get("persistentvolumes", claim["spec"]["volumeName"].as_str().unwrap());
    assert_eq!(
        volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"][0],
        node
    );
    let told = stage.messages("data-db-1");
    assert_eq!(told[0], "waiting for first consumer to be created before binding");
    assert!(told.last().unwrap().starts_with("Successfully provisioned volume pvc-"), "{told:?}");
    let status = stage.get("statefulsets.apps", "db")["status"].clone();
    assert_eq!(
        ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas"].map(|key| status[key].as_i64()),
        [Some(3); 4]
    );
    assert_eq!(status["currentRevision"], status["updateRevision"]);
    assert_eq!(
        stage.messages("db")[..2],
        ["create Claim data-db-0 Pod db-0 in StatefulSet db success", "create Pod db-0 in StatefulSet db successful"]
    );
}

#[test]
fn the_highest_go_first_and_their_claims_stay() {
    let mut stage = stage();
    stage.run(20);
    stage.patch("statefulsets.apps", "db", |set| set["spec"]["replicas"] = json!(1));
    stage.settle();
    let ending: Vec<bool> =
        stage.list("pods").iter().map(|pod| pod["metadata"]["deletionTimestamp"].is_string()).collect();
    assert_eq!(ending, [false, false, true]);
    stage.run(10);
    assert_eq!((names(&stage, "pods"), stage.count("persistentvolumeclaims")), (vec!["db-0".to_owned()], 3));
}

#[test]
fn an_update_goes_from_the_highest_down_and_may_stop_at_a_partition() {
    let mut stage = stage();
    stage.run(20);
    stage.patch("statefulsets.apps", "db", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("postgres:18");
        set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = json!(1);
    });
    stage.run(30);
    let images = |stage: &Stage| -> Vec<Value> {
        stage.list("pods").iter().map(|pod| pod["spec"]["containers"][0]["image"].clone()).collect()
    };
    assert_eq!(images(&stage), ["postgres:17", "postgres:18", "postgres:18"]);
    let status = stage.get("statefulsets.apps", "db")["status"].clone();
    assert_eq!((&status["currentReplicas"], &status["updatedReplicas"]), (&json!(1), &json!(2)));
    stage
        .patch("statefulsets.apps", "db", |set| set["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = json!(0));
    stage.run(30);
    assert_eq!(images(&stage), ["postgres:18"; 3]);
    assert_eq!(stage.count("controllerrevisions.apps"), 2);
}

#[test]
fn what_was_written_is_there_when_the_pod_comes_back() {
    let mut stage = stage();
    stage.run(20);
    let sh = |stage: &Stage, script: &str| {
        let pod = stage.get("pods", "db-0");
        let words = ["sh", "-c", script].map(str::to_owned);
        crate::lab::pods::programs::run(&stage.cluster.world(), &pod, &words).unwrap().stdout
    };
    sh(&stage, "echo kept > /data/file; echo lost > /tmp/file");
    let uid = stage.get("pods", "db-0")["metadata"]["uid"].clone();
    stage.delete("pods", "db-0", None);
    stage.run(10);
    assert_ne!(stage.get("pods", "db-0")["metadata"]["uid"], uid);
    assert_eq!(sh(&stage, "cat /data/file; cat /tmp/file 2>/dev/null || echo gone"), "kept\ngone\n");
}
