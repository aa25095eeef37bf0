//! What controllers and kubelets make of objects: rollouts, logs, jobs, programs that are run once.

use std::io::Write;
use std::process::Stdio;

use super::{Both, Kubectl, busybox, normal};

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      automountServiceAccountToken: false
      containers:
      - name: main
        image: docker.io/library/busybox:latest
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "echo started; sleep 1000"]
"#;
const STATUS: [&str; 4] = ["rollout", "status", "deploy/web", "--timeout=50s"];

/// The last line of what a rollout says; those before it depend on how quick it was.
fn rolled(both: &Both) {
    both.each(|k| {
        let said = k.ok(&STATUS);
        assert!(said.ends_with("deployment \"web\" successfully rolled out\n"), "{said}");
    });
}

#[test]
#[ignore = "needs the real clusters"]
fn real_rollout_status_restart_history_undo() {
    let both = Both::new("rollout");
    both.apply(WEB);
    rolled(&both);
    both.well(&["get", "deploy", "web"]);
    both.well(&[
        "get",
        "rs",
        "-l",
        "app=web",
        "--no-headers",
        "-o",
        "custom-columns=N:.spec.replicas,R:.status.readyReplicas",
    ]);
    both.well(&["rollout", "history", "deploy/web"]);
    both.well(&["set", "env", "deploy/web", "VERSION=2"]);
    rolled(&both);
    both.well(&["rollout", "history", "deploy/web"]);
    both.well(&["rollout", "undo", "deploy/web"]);
    rolled(&both);
    both.well(&["rollout", "history", "deploy/web"]);
    both.well(&["get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env}"]);
    both.well(&["rollout", "restart", "deploy/web"]);
    rolled(&both);
    both.same(&["rollout", "undo", "deploy/web", "--to-revision=99"]);
    both.well(&["rollout", "pause", "deploy/web"]);
    both.same(&["rollout", "restart", "deploy/web"]);
    both.well(&["rollout", "resume", "deploy/web"]);
    both.well(&["get", "pods", "-l", "app=web", "--no-headers", "-o", "custom-columns=P:.status.phase"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_scale_wait_and_cascades() {
    let both = Both::new("scale");
    both.apply(WEB);
    rolled(&both);
    both.well(&["scale", "deploy/web", "--replicas=3"]);
    both.well(&["wait", "deploy/web", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=40s"]);
    both.well(&["wait", "deploy/web", "--for=condition=Available", "--timeout=40s"]);
    both.same(&["wait", "deploy/web", "--for=condition=Nonesuch", "--timeout=1s"]);
    both.well(&["delete", "deploy", "web", "--cascade=orphan"]);
    both.well(&["get", "rs", "-l", "app=web", "-o", "jsonpath={.items[*].metadata.ownerReferences}"]);
    both.well(&["delete", "rs", "-l", "app=web", "--cascade=foreground"]);
    both.well(&["get", "pods", "-l", "app=web", "-o", "name"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_logs_in_every_form() {
    let both = Both::new("logs");
    both.apply(&busybox("p", r#"["sh", "-c", "echo one; echo two; sleep 1; echo three >&2; sleep 1000"]"#));
    both.well(&["wait", "pod/p", "--for=condition=Ready", "--timeout=40s"]);
    both.until(&["logs", "p"], |out| out.lines().count() == 3);
    both.well(&["logs", "p"]);
    both.well(&["logs", "p", "--tail=1"]);
    both.well(&["logs", "p", "--timestamps"]);
    both.well(&["logs", "p", "--since=1h"]);
    both.well(&["logs", "p", "--limit-bytes=5"]);
    both.well(&["logs", "-l", "app=p", "--all-containers", "--prefix"]);
    both.same(&["logs", "p", "--previous"]);
    both.same(&["logs", "p", "-c", "nonesuch"]);
    both.same(&["logs", "nonesuch"]);
    both.apply(WEB);
    rolled(&both);
    let of_workload = |k: &Kubectl| normal(&k.run(&["logs", "deploy/web"]).out);
    assert_eq!(of_workload(&both.lab), of_workload(&both.real));
    let crashing = busybox("crash", r#"["sh", "-c", "echo ended; exit 3"]"#).replace("Never", "Always");
    both.apply(&crashing);
    both.until(&["get", "pod", "crash", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"], |out| {
        out.parse::<u32>().is_ok_and(|count| count > 0)
    });
    both.until(&["logs", "crash", "--previous"], |out| out == "ended\n");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_logs_are_followed() {
    let both = Both::new("follow");
    both.apply(&busybox("p", r#"["sh", "-c", "for i in 1 2 3 4; do echo line $i; sleep 1; done"]"#));
    both.until(&["get", "pod", "p", "-o", "jsonpath={.status.phase}"], |out| out == "Running");
    let said = both.well(&["logs", "-f", "p"]);
    assert_eq!(said, "line 1\nline 2\nline 3\nline 4\n");
    both.well(&["wait", "pod/p", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s"]);
    both.well(&["get", "pod", "p", "-o", "jsonpath={.status.containerStatuses[0].state.terminated.reason}"]);
    both.same(&["exec", "p", "--", "true"]);
    both.same(&["attach", "p"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_run_once_and_away() {
    let both = Both::new("run");
    let image = ["--image=docker.io/library/busybox:latest", "--image-pull-policy=IfNotPresent", "--restart=Never"];
    let run = |k: &Kubectl, command: &[&str]| {
        let args = [&["run", "once", "-i", "--rm"], &image[..], &["--"], command].concat();
        let mut kubectl = k.command(&args);
        let output = kubectl.stdin(Stdio::null()).output().expect("kubectl");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    };
    both.each(|k| {
        let (said, code) = run(k, &["sh", "-c", "sleep 3; echo hello"]);
        assert!(said.contains("hello\n") && said.contains("pod \"once\" deleted"), "{said}");
        assert_eq!(code, Some(0));
        assert_eq!(run(k, &["sh", "-c", "sleep 3; exit 3"]).1, Some(3));
    });
    both.same(&["get", "pod", "once"]);
    // A program that is told what to do by whoever attaches.
    let told = |k: &Kubectl, command: &str, words: &str| {
        let args = [&["run", "told", "-i", "--rm"], &image[..], &["--", command]].concat();
        let mut child = k.command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("kubectl");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(words.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("kubectl");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    };
    both.each(|k| {
        let (said, code) = told(k, "sh", "x=five\necho $x\nexit 3\n");
        assert!(said.contains("five\n") && said.contains("pod \"told\" deleted"), "{said}");
        assert_eq!(code, Some(3));
        let (said, code) = told(k, "cat", "as it came\n");
        assert!(said.contains("as it came\n"), "{said}");
        assert_eq!(code, Some(0));
    });
}

#[test]
#[ignore = "needs the real clusters"]
fn real_jobs_complete() {
    let both = Both::new("jobs");
    both.apply(
        r#"
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      containers:
      - {name: main, image: "docker.io/library/busybox:latest", imagePullPolicy: IfNotPresent, command: [echo, done]}
"#,
    );
    both.well(&["wait", "job/once", "--for=condition=Complete", "--timeout=40s"]);
    both.well(&["logs", "job/once"]);
    both.well(&["get", "job", "once", "-o", "jsonpath={.status.succeeded}"]);
    both.well(&["get", "pods", "-l", "job-name=once", "--no-headers", "-o", "custom-columns=P:.status.phase"]);
    both.well(&["delete", "job", "once"]);
    both.until(&["get", "pods", "-l", "job-name=once", "-o", "name"], str::is_empty);
}
