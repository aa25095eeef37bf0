//! `pod` and `run`: test pods that start, end, and say why they can't.

use std::time::{Duration, Instant};

use super::Step;
use crate::error::Kind;
use crate::event::Outcome;
use crate::host::undo::Undone;

#[test]
#[ignore = "needs the real clusters"]
fn real_pod_has_files_and_environment_and_ends_with_the_step() {
    let step = Step::new("podaaa");
    step.holds(
        r#"let pod = kube("infra").pod(#{ name: "probe", files: #{ "/etc/app/a.conf": "alpha", "/srv/b": "beta" },
            env: #{ WHO: "you" }, node: "infra-01", labels: #{ app: "x" } });
        pod.name == "probe-podaaa" && pod.namespace == "pb-podaaa" && pod.node == "infra-01" && pod.ip.contains(".")
            && pod.object.metadata.labels.app == "x" && pod.object.spec.nodeName == pod.node
            && pod.exec("cat /etc/app/a.conf /srv/b; echo $WHO").stdout == "alphabetayou""#,
    );
    let path = "/api/v1/namespaces/pb-podaaa";
    let namespace = step.find("infra", path).expect("the namespace");
    let labels = namespace.pointer("/metadata/labels").expect("labels");
    assert_eq!(labels["pod-security.kubernetes.io/enforce"], "privileged");
    assert_eq!(labels["pb.run"], "20260101-000000-podaaa");
    let done = step.clean();
    let changes: Vec<&str> = done.iter().map(|(change, _)| change.as_str()).collect();
    assert_eq!(
        changes,
        ["create Pod pb-podaaa/probe-podaaa", "create ConfigMap pb-podaaa/probe-podaaa", "create Namespace pb-podaaa"]
    );
    assert!(done.iter().all(|(_, undone)| *undone == Undone::Done), "{done:?}");
    assert_eq!(step.find("infra", path), None);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_pods_of_steps_at_the_same_time_share_one_namespace() {
    let step = Step::new("podbbb");
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| step.eval(r#"kube("infra").pod(#{}).namespace"#))).collect();
        for one in all {
            assert_eq!(one.join().expect("no panic").expect("a pod").to_string(), "pb-podbbb");
        }
    });
    let done = step.clean();
    assert_eq!(done.iter().filter(|(change, _)| change == "create Namespace pb-podbbb").count(), 1, "{done:?}");
    assert_eq!(done.len(), 5);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_pod_that_can_not_start_says_why_at_once() {
    let step = Step::new("podccc");
    let started = Instant::now();
    let error = step.fails(r#"kube("infra").pod(#{ image: "no.such.registry.invalid/x:1" })"#);
    assert_eq!((error.kind, error.kind.outcome()), (Kind::NotStarted, Outcome::Errored), "{error:#?}");
    assert!(error.message.contains("ImagePullBackOff"), "{error:#?}");
    for part in ["event: Warning Failed", "condition Ready is False: ContainersNotReady", "no.such.registry.invalid"] {
        assert!(error.causes.iter().any(|c| c.contains(part)), "{part}: {error:#?}");
    }
    assert!(error.hints[0].contains("pull no.such.registry.invalid/x:1"), "{error:#?}");
    for script in [
        r#"kube("infra").pod(#{ command: ["no-such-program"] })"#,
        r#"kube("infra").run(#{ command: ["no-such-program"] })"#,
    ] {
        let error = step.fails(script);
        assert_eq!(error.kind, Kind::NotStarted, "{error:#?}");
        assert!(error.causes.iter().any(|c| c.contains("no-such-program")), "{error:#?}");
    }
    step.holds(r#"kube("infra").run(#{ command: ["no-such-program"], check: false }).code != 0"#);
    let error = step.fails(r#"kube("infra").pod(#{ node: "infra-02x" })"#);
    assert_eq!(error.kind, Kind::NotStarted, "{error:#?}");
    assert!(error.message.contains("finds no node"), "{error:#?}");
    assert!(error.causes.iter().any(|c| c == "cluster infra has no node infra-02x"), "{error:#?}");
    assert!(error.hints.iter().any(|h| h.starts_with("its nodes: infra-01")), "{error:#?}");
    for script in [
        r#"kube("infra").pod(#{ namespace: "no-such-namespace" })"#,
        r#"kube("infra").run(#{ command: "true", namespace: "no-such-namespace" })"#,
        r#"kube("infra").pod(#{ service_account: "no-such-account" })"#,
        r#"kube("infra").pod(#{ labels: #{ "a b": "x" } })"#,
    ] {
        let error = step.fails(script);
        assert_eq!(error.kind.outcome(), Outcome::Errored, "{error:#?}");
        assert!(error.message.starts_with("a test pod can't be created"), "{error:#?}");
    }
    let error = step.fails(r#"kube("infra").pod(#{ imgae: "x" })"#);
    assert_eq!(error.hints[0], "did you mean \"image\"?");
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
    step.clean();
}

#[test]
#[ignore = "needs the real clusters"]
fn real_pod_whose_command_ends_at_once_is_never_taken_for_one_that_stays() {
    let step = Step::new("podddd");
    std::thread::scope(|scope| {
        // What the kubelet has seen of them when it is asked differs from one to the next.
        let fails = || step.fails(r#"kube("infra").pod(#{ command: "echo dying; exit 4" })"#);
        let all: Vec<_> = (0..6).map(|_| scope.spawn(fails)).collect();
        for one in all {
            let error = one.join().expect("no panic");
            assert_eq!(error.kind, Kind::ExitCode, "{error:#?}");
            assert!(error.message.contains("ready: exit code 4"), "{error:#?}");
        }
    });
    step.clean();
}

#[test]
#[ignore = "needs the real clusters"]
fn real_run_gives_logs_and_code_and_leaves_no_pod() {
    let step = Step::new("runaaa");
    step.holds(
        r#"let r = kube("infra").run(#{ command: "echo one; echo two >&2; exit 3", check: false });
        // Two pipes lead out of a container, and which is read first is chance.
        let logs = r.logs.split("\n");
        logs.sort();
        r.code == 3 && logs == ["one", "two"] && kube("infra").run(#{ command: ["true"] }).code == 0"#,
    );
    let pods = step.find("infra", "/api/v1/namespaces/pb-runaaa/pods").expect("a list");
    assert_eq!(pods["items"].as_array().map(Vec::len), Some(0));
    let error = step.fails(r#"kube("infra").run(#{ command: "echo bad; exit 1" })"#);
    assert_eq!((error.kind, error.causes[0].as_str()), (Kind::ExitCode, "bad"), "{error:#?}");
    let error = step.fails(r#"kube("infra").run(#{ command: "sleep 60", within: "3s" })"#);
    assert_eq!(error.kind, Kind::Timeout, "{error:#?}");
    step.clean();
}
