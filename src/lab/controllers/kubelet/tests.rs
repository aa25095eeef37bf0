//! Pods on their nodes.

use serde_json::{Value, json};

use crate::lab::controllers::testing::Stage;
use crate::lab::world::Cause;

fn pod(spec: Value) -> Value {
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "default", "labels": { "app": "p" } } });
    pod["spec"] = spec;
    pod
}

fn sh(script: &str) -> Value {
    json!({ "containers": [{ "name": "c", "image": "busybox", "command": ["sh", "-c", script] }] })
}

fn container(stage: &Stage) -> Value {
    stage.get("pods", "p")["status"]["containerStatuses"][0].clone()
}

fn lines(stage: &Stage) -> Vec<String> {
    let uid = stage.get("pods", "p")["metadata"]["uid"].as_str().unwrap().to_owned();
    stage.cluster.world().inside.logs.present(&uid, "c").read(0).lines.into_iter().map(|line| line.text).collect()
}

#[test]
fn a_pod_starts_writes_and_ends() {
    let mut stage = Stage::new(1);
    stage.create(pod(sh("echo begun; i=0; while true; do i=$((i+1)); echo $i; sleep 10; done")));
    stage.settle();
    let waiting = stage.get("pods", "p");
    assert_eq!((&waiting["status"]["phase"], &waiting["spec"]["nodeName"]), (&json!("Pending"), &json!("node-1")));
    assert_eq!(waiting["status"]["containerStatuses"][0]["state"]["waiting"]["reason"], "ContainerCreating");
    stage.run(25);
    let running = stage.get("pods", "p");
    assert_eq!(running["status"]["phase"], "Running");
    assert_eq!(running["status"]["podIP"], "10.244.0.2");
    assert!(
        running["status"]["conditions"].as_array().unwrap().iter().all(|one| one["status"] == "True"),
        "{}",
        running["status"]
    );
    assert_eq!(lines(&stage), ["begun", "1", "2", "3"]);
    stage.delete("pods", "p", None);
    stage.run(29);
    assert!(stage.find("pods", "p").is_some(), "a shell as the first process does not heed SIGTERM");
    assert_eq!(stage.events("p").last().unwrap(), "Normal Killing");
    stage.run(2);
    assert!(stage.find("pods", "p").is_none());
}

#[test]
fn who_heeds_its_end_goes_at_once() {
    let mut stage = Stage::new(1);
    stage.create(pod(json!({ "containers": [{ "name": "c", "image": "nginx" }] })));
    stage.run(5);
    stage.delete("pods", "p", None);
    stage.run(1);
    assert!(stage.find("pods", "p").is_none());
}

#[test]
fn a_container_that_crashes_comes_back_later_and_later() {
    let mut stage = Stage::new(1);
    stage.create(pod(sh("echo no; exit 7")));
    stage.run(6);
    let status = container(&stage);
    assert_eq!(status["restartCount"], 1, "{status}");
    assert_eq!(status["state"]["waiting"]["reason"], "CrashLoopBackOff");
    let uid = stage.get("pods", "p")["metadata"]["uid"].clone();
    let message = format!("back-off 10s restarting failed container=c pod=p_default({})", uid.as_str().unwrap());
    assert_eq!(status["state"]["waiting"]["message"], message);
    assert_eq!(
        (&status["lastState"]["terminated"]["exitCode"], &status["lastState"]["terminated"]["reason"]),
        (&json!(7), &json!("Error"))
    );
    assert_eq!(stage.get("pods", "p")["status"]["phase"], "Running");
    stage.run(120);
    assert_eq!(container(&stage)["restartCount"], 4);
    assert!(stage.events("p").contains(&"Warning BackOff".into()));
    let uid = uid.as_str().unwrap();
    assert!(stage.cluster.world().inside.logs.previous(uid, "c").is_some());
}

#[test]
fn policies_decide_how_a_pod_ends() {
    for (policy, script, phase) in
        [("Never", "exit 0", "Succeeded"), ("Never", "exit 1", "Failed"), ("OnFailure", "true", "Succeeded")]
    {
        let mut stage = Stage::new(1);
        let mut spec = sh(script);
        spec["restartPolicy"] = json!(policy);
        stage.create(pod(spec));
        stage.run(10);
        assert_eq!(stage.get("pods", "p")["status"]["phase"], phase, "{policy} {script}");
    }
}

#[test]
fn what_comes_first_comes_in_order() {
    let mut stage = Stage::new(1);
    let one = |name: &str, script: &str| {
        json!({ "name": name, "image": "busybox", "command": ["sh", "-c", script],
        "volumeMounts": [{ "name": "shared", "mountPath": "/shared" }] })
    };
    let mut main = one("c", "cat /shared/said; sleep infinity");
    main["readinessProbe"] = json!({ "exec": { "command": ["test", "-f", "/shared/ready"] }, "periodSeconds": 1 });
    stage.create(pod(json!({
        "initContainers": [one("a", "echo -n first >> /shared/said; sleep 5"), one("b", "echo ' second' >> /shared/said")],
        "containers": [main], "volumes": [{ "name": "shared", "emptyDir": {} }],
    })));
    stage.run(3);
    let status = stage.get("pods", "p")["status"].clone();
    assert!(status["initContainerStatuses"][0]["state"]["running"].is_object(), "{status}");
    assert_eq!(status["containerStatuses"][0]["state"]["waiting"]["reason"], "PodInitializing");
    stage.run(10);
    assert_eq!(lines(&stage), ["first second"]);
    let status = stage.get("pods", "p")["status"].clone();
    let ready = status["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap().clone();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("ContainersNotReady")));
    assert_eq!(ready["message"], "containers with unready status: [c]");
    {
        let world = stage.cluster.world();
        let object = world.store.list("pods", "default").next().unwrap().1.value.clone();
        let touch = ["touch".to_owned(), "/shared/ready".to_owned()];
        assert_eq!(crate::lab::pods::programs::run(&world, &object, &touch).unwrap().code, 0);
    }
    stage.run(2);
    assert_eq!(container(&stage)["ready"], true);
}

#[test]
fn a_container_that_does_not_live_is_started_again() {
    let mut stage = Stage::new(1);
    let mut spec = sh("sleep infinity");
    spec["terminationGracePeriodSeconds"] = json!(1);
    spec["containers"][0]["livenessProbe"] =
        json!({ "httpGet": { "path": "/healthz", "port": 8080 }, "periodSeconds": 5, "failureThreshold": 2 });
    stage.create(pod(spec));
    stage.run(20);
    assert!(container(&stage)["restartCount"].as_i64().unwrap() >= 1, "{}", container(&stage));
    let messages = stage.messages("p");
    let refused = "Liveness probe failed: Get \"http://10.244.0.2:8080/healthz\": dial tcp 10.244.0.2:8080: connect: connection refused";
    assert!(messages.iter().any(|message| message == refused), "{messages:?}");
    assert!(
        messages.iter().any(|message| message == "Container c failed liveness probe, will be restarted"),
        "{messages:?}"
    );
}

#[test]
fn what_is_missing_is_told_and_waited_for() {
    let mut stage = Stage::new(1);
    let mut spec = sh("cat /etc/settings/colour; sleep infinity");
    spec["containers"][0]["volumeMounts"] = json!([{ "name": "settings", "mountPath": "/etc/settings" }]);
    spec["volumes"] = json!([{ "name": "settings", "configMap": { "name": "settings" } }]);
    stage.create(pod(spec));
    stage.run(5);
    assert_eq!(container(&stage)["state"]["waiting"]["reason"], "ContainerCreating");
    assert!(
        stage.messages("p").contains(
            &"MountVolume.SetUp failed for volume \"settings\" : configmap \"settings\" not found".to_owned()
        )
    );
    stage.create(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "default" }, "data": { "colour": "blue" } }));
    stage.run(5);
    assert_eq!(lines(&stage), ["blue"]);
}

#[test]
fn a_program_that_is_not_there_cannot_be_started() {
    let mut stage = Stage::new(1);
    stage.create(pod(
        json!({ "restartPolicy": "Never", "containers": [{ "name": "c", "image": "busybox", "command": ["emacs"] }] }),
    ));
    stage.run(5);
    let ended = container(&stage)["state"]["terminated"].clone();
    assert_eq!((&ended["exitCode"], &ended["reason"]), (&json!(128), &json!("StartError")));
    assert!(
        ended["message"].as_str().unwrap().ends_with("exec: \"emacs\": executable file not found in $PATH"),
        "{ended}"
    );
}

#[test]
fn nobody_ends_a_pod_while_its_kubelet_is_gone() {
    let mut stage = Stage::new(2);
    let mut spec = json!({ "containers": [{ "name": "c", "image": "nginx" }] });
    spec["nodeSelector"] = json!({ "kubernetes.io/hostname": "node-1" });
    stage.create(pod(spec));
    stage.run(5);
    stage.world.put(Cause::process("node-1", "kubelet"));
    stage.run(39);
    let ready = |stage: &Stage| {
        let node = stage.get("nodes", "node-1");
        let one =
            node["status"]["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap().clone();
        format!("{} {}", one["status"].as_str().unwrap(), one["message"].as_str().unwrap())
    };
    assert_eq!(ready(&stage), "True kubelet is posting ready status");
    stage.run(2);
    assert_eq!(ready(&stage), "Unknown Kubelet stopped posting node status.");
    assert_eq!(stage.get("nodes", "node-1")["spec"]["taints"].as_array().unwrap().len(), 2);
    assert!(
        stage.get("pods", "p")["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["type"] == "Ready" && one["status"] == "False")
    );
    assert_eq!(stage.events("p").last().unwrap(), "Warning NodeNotReady");
    stage.run(290);
    assert!(stage.get("pods", "p")["metadata"]["deletionTimestamp"].is_null(), "it tolerates that for five minutes");
    stage.run(20);
    assert!(stage.get("pods", "p")["metadata"]["deletionTimestamp"].is_string());
    stage.run(100);
    assert!(stage.find("pods", "p").is_some(), "nobody is there who could end it");
    stage.world.lift(&Cause::process("node-1", "kubelet"));
    stage.run(2);
    assert!(stage.find("pods", "p").is_none());
    assert_eq!(ready(&stage), "True kubelet is posting ready status");
    assert!(stage.get("nodes", "node-1")["spec"]["taints"].is_null());
}

#[test]
fn a_kubelet_that_comes_back_in_time_finds_its_pods_ready() {
    let mut stage = Stage::new(1);
    stage.create(pod(json!({ "containers": [{ "name": "c", "image": "nginx" }] })));
    stage.run(5);
    stage.world.put(Cause::link("node-1"));
    stage.run(60);
    stage.world.lift(&Cause::link("node-1"));
    stage.run(2);
    assert!(
        stage.get("pods", "p")["status"]["conditions"].as_array().unwrap().iter().all(|one| one["status"] == "True")
    );
    assert_eq!(container(&stage)["restartCount"], 0);
}
