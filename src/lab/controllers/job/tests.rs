//! Jobs that succeed, fail, take too long, and go.

use serde_json::{Value, json};

use crate::lab::controllers::testing::Stage;

fn job(spec: Value, script: &str) -> Value {
    let mut spec = spec;
    spec["template"] = json!({ "spec": { "restartPolicy": "Never", "containers": [
        { "name": "c", "image": "busybox", "command": ["sh", "-c", script] }] } });
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "work", "namespace": "default" }, "spec": spec })
}

fn conditions(stage: &Stage) -> Vec<String> {
    let status = stage.get("jobs.batch", "work")["status"].clone();
    let all = status["conditions"].as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|one| ["type", "status", "reason", "message"].map(|key| one[key].as_str().unwrap_or_default()).join(" "))
        .collect()
}

#[test]
fn one_that_succeeds_is_complete() {
    let mut stage = Stage::new(1);
    stage.create(job(json!({ "completions": 3, "parallelism": 2 }), "echo done"));
    stage.settle();
    assert_eq!(stage.get("jobs.batch", "work")["status"]["active"], 2);
    stage.run(20);
    let work = stage.get("jobs.batch", "work");
    assert_eq!(work["status"]["succeeded"], 3);
    assert!(work["status"]["completionTime"].is_string() && work["status"]["active"].is_null(), "{}", work["status"]);
    let met = "CompletionsReached Reached expected number of succeeded pods";
    assert_eq!(conditions(&stage), [format!("SuccessCriteriaMet True {met}"), format!("Complete True {met}")]);
    assert_eq!(stage.events("work").last().unwrap(), "Normal Completed");
    let pod = &stage.list("pods")[0];
    assert_eq!((&pod["status"]["phase"], &pod["metadata"]["finalizers"]), (&json!("Succeeded"), &Value::Null));
}

#[test]
fn one_that_fails_is_tried_again_until_it_is_given_up() {
    let mut stage = Stage::new(1);
    stage.create(job(json!({ "backoffLimit": 2 }), "echo no; exit 3"));
    stage.run(5);
    assert_eq!((stage.count("pods"), stage.get("jobs.batch", "work")["status"]["failed"].clone()), (1, json!(1)));
    stage.run(120);
    assert_eq!(stage.count("pods"), 3);
    let given = "True BackoffLimitExceeded Job has reached the specified backoff limit";
    assert_eq!(conditions(&stage), [format!("FailureTarget {given}"), format!("Failed {given}")]);
    let pod = &stage.list("pods")[0];
    assert_eq!(pod["status"]["phase"], "Failed");
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!((&ended["exitCode"], &ended["reason"]), (&json!(3), &json!("Error")));
}

#[test]
fn one_that_takes_too_long_is_ended_and_goes_in_time() {
    let mut stage = Stage::new(1);
    stage.create(job(json!({ "activeDeadlineSeconds": 20, "ttlSecondsAfterFinished": 60 }), "sleep 1000"));
    stage.run(19);
    assert_eq!(conditions(&stage), Vec::<String>::new());
    stage.run(2);
    assert!(conditions(&stage)[1].starts_with("Failed True DeadlineExceeded"), "{:?}", conditions(&stage));
    stage.run(100);
    assert_eq!((stage.count("jobs.batch"), stage.count("pods")), (0, 0));
}

#[test]
fn indexed_ones_have_their_numbers() {
    let mut stage = Stage::new(1);
    stage.create(job(
        json!({ "completions": 4, "parallelism": 4, "completionMode": "Indexed" }),
        "echo $JOB_COMPLETION_INDEX",
    ));
    stage.run(10);
    assert_eq!(stage.get("jobs.batch", "work")["status"]["completedIndexes"], "0-3");
    let uids: Vec<String> =
        stage.list("pods").iter().map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned()).collect();
    let mut said: Vec<String> = uids
        .iter()
        .map(|uid| stage.cluster.world().inside.logs.present(uid, "c").read(0).lines[0].text.clone())
        .collect();
    said.sort();
    assert_eq!(said, ["0", "1", "2", "3"]);
}
