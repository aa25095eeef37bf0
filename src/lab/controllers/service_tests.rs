//! Services: who is behind them.

use serde_json::{Value, json};

use crate::lab::controllers::testing::Stage;
use crate::lab::kube::store::Place;

#[test]
fn endpoints_follow_the_pods_that_are_ready() {
    let mut stage = Stage::new(2);
    stage.create(json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "default", "labels": { "a": "b" } },
        "spec": { "selector": { "app": "web" }, "ports": [{ "name": "http", "port": 80, "targetPort": "web" }] } }));
    stage.settle();
    assert_eq!(stage.only("endpointslices.discovery.k8s.io")["endpoints"], json!([]));
    let pod = |name: &str| {
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default", "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "c", "image": "busybox", "command": ["httpd", "-f", "-p", "8080"], "ports": [{ "name": "web", "containerPort": 8080 }],
                  "readinessProbe": { "httpGet": { "path": "/", "port": "web" }, "periodSeconds": 1 } }] } })
    };
    stage.create(pod("one"));
    stage.create(pod("two"));
    stage.run(5);
    let ready = |stage: &Stage| -> Vec<bool> {
        let slice = stage.only("endpointslices.discovery.k8s.io");
        slice["endpoints"].as_array().unwrap().iter().map(|one| one["conditions"]["ready"] == true).collect()
    };
    assert_eq!(ready(&stage), [false, false], "there is no file to be shown");
    assert_eq!(stage.get("endpoints", "web")["subsets"][0]["notReadyAddresses"].as_array().map(Vec::len), Some(2));
    let one = stage.get("pods", "one");
    let words = ["sh", "-c", "echo hello > /index.html"].map(str::to_owned);
    crate::lab::pods::programs::run(&stage.cluster.world(), &one, &words).unwrap();
    stage.run(2);
    assert_eq!(ready(&stage), [true, false]);
    let slice = stage.only("endpointslices.discovery.k8s.io");
    assert_eq!(slice["ports"], json!([{ "name": "http", "port": 8080, "protocol": "TCP" }]));
    assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "web");
    assert_eq!(slice["endpoints"][0]["targetRef"]["name"], "one");
    let address = stage.get("services", "web")["spec"]["clusterIP"].as_str().unwrap().to_owned();
    let two = stage.get("pods", "two");
    let words = ["wget".to_owned(), "-qO-".to_owned(), format!("http://{address}")];
    assert_eq!(crate::lab::pods::programs::run(&stage.cluster.world(), &two, &words).unwrap().stdout, "hello\n");
    stage.delete("pods", "one", Some(0));
    stage.settle();
    assert_eq!(ready(&stage), [false]);
    stage.delete("services", "web", None);
    stage.settle();
    assert_eq!((stage.count("endpointslices.discovery.k8s.io"), stage.find("endpoints", "web")), (0, None::<Value>));
}

#[test]
fn claims_and_volumes_are_bound_and_let_go() {
    let mut stage = Stage::new(1);
    let claim = |name: &str, class: Value| {
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "namespace": "default" },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": class, "resources": { "requests": { "storage": "2Gi" } } } })
    };
    stage.create(json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": "ceph" },
        "provisioner": "rook-ceph.rbd.csi.ceph.com", "allowVolumeExpansion": true }));
    stage.create(claim("data", json!("ceph")));
    stage.create(claim("stray", json!("nowhere")));
    stage.run(5);
    let data = stage.get("persistentvolumeclaims", "data");
    assert_eq!(data["status"]["phase"], "Bound");
    let volume = data["spec"]["volumeName"].as_str().unwrap().to_owned();
    assert_eq!(stage.get("persistentvolumes", &volume)["status"]["phase"], "Bound");
    assert_eq!(stage.get("persistentvolumeclaims", "stray")["status"]["phase"], "Pending");
    assert_eq!(stage.messages("stray"), ["storageclass.storage.k8s.io \"nowhere\" not found"]);
    stage.patch("persistentvolumeclaims", "data", |claim| {
        claim["spec"]["resources"]["requests"]["storage"] = json!("3Gi");
    });
    stage.run(2);
    assert_eq!(stage.get("persistentvolumeclaims", "data")["status"]["capacity"]["storage"], "3Gi");
    stage.create(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "user", "namespace": "default" },
        "spec": { "containers": [{ "name": "c", "image": "nginx" }], "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "data" } }] } }));
    stage.run(5);
    stage.delete("persistentvolumeclaims", "data", None);
    stage.run(2);
    assert!(stage.find("persistentvolumeclaims", "data").is_some(), "it is in use");
    stage.delete("pods", "user", None);
    stage.run(2);
    assert_eq!((stage.find("persistentvolumeclaims", "data"), stage.find("persistentvolumes", &volume)), (None, None));
}

#[test]
fn a_claim_waits_for_its_provisioner_and_for_the_snapshot_that_fills_it() {
    let mut stage = Stage::of(crate::lab::world::read::embedded("monosense").unwrap(), "apps");
    let claim = |name: &str, source: Value| {
        json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "namespace": "default" },
        "spec": { "accessModes": ["ReadWriteOnce"], "storageClassName": "rook-ceph-block", "dataSource": source,
                  "resources": { "requests": { "storage": "1Gi" } } } })
    };
    let snapshot = json!({ "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "nonesuch" });
    let scale = |stage: &Stage, replicas: u64| {
        let place = Place::new("deployments.apps", "rook-ceph", "csi-rbdplugin-provisioner");
        let mut objects = stage.cluster.world();
        let mut value = objects.store.get(&place).unwrap().value.copy();
        value["spec"]["replicas"] = replicas.into();
        value["metadata"]["generation"] = (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
        objects.store.put(place, value);
    };
    stage.create(claim("filled", snapshot));
    scale(&stage, 0);
    stage.run(5);
    stage.create(claim("plain", Value::Null));
    stage.run(10);
    let phase = |stage: &Stage, name: &str| stage.get("persistentvolumeclaims", name)["status"]["phase"].clone();
    assert_eq!((phase(&stage, "plain"), phase(&stage, "filled")), (json!("Pending"), json!("Pending")));
    let told = stage.messages("filled").concat();
    assert!(told.contains("\"nonesuch\" not found"), "{told}");
    scale(&stage, 2);
    stage.run(20);
    assert_eq!(phase(&stage, "plain"), json!("Bound"));
}

#[test]
fn a_drained_node_is_left_by_all_but_its_daemons() {
    let mut stage = Stage::of(crate::lab::world::read::embedded("monosense").unwrap(), "infra");
    stage.patch("nodes", "infra-02", |node| node["spec"]["unschedulable"] = json!(true));
    stage.settle();
    assert_eq!(stage.get("nodes", "infra-02")["spec"]["taints"][0]["key"], "node.kubernetes.io/unschedulable");
    let on_node = |stage: &Stage| -> Vec<Value> {
        let world = stage.cluster.world();
        let pods = world.store.list("pods", "").map(|(_, pod)| pod.value.clone());
        pods.filter(|pod| pod["spec"]["nodeName"] == "infra-02").collect()
    };
    let movable = |pod: &Value| pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet";
    for _ in 0..5 {
        for pod in on_node(&stage).iter().filter(|pod| movable(pod)) {
            let text = |key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
            // A budget may stand against one of several at once: it is asked again later.
            let (now, world) = (stage.now(), &mut stage.cluster.world());
            let _ = crate::lab::pods::evict::evict(world, &text("namespace"), &text("name"), &json!({}), now);
        }
        stage.run(10);
    }
    let left = on_node(&stage);
    assert!(!left.is_empty() && !left.iter().any(movable), "{left:?}");
    let world = stage.cluster.world();
    let pods = world.store.list("pods", "").filter(|(_, pod)| movable(&pod.value));
    let unready = pods.filter(|(_, pod)| pod.value["status"]["phase"] != "Running").count();
    assert_eq!(unready, 0, "they run elsewhere");
}
