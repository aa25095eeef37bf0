//! Steps that create, measure and clean up on the real clusters.

use std::time::{Duration, Instant};

use super::{Real, kubectl};

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_pods_are_started_and_measured_and_nothing_stays() {
    let real = Real::alone();
    let before = real.inventory();
    let ran = real
        .test("pod_samples = 2\n")
        .pb("run t14 --only pod-start --report json=report.json --report junit=report.xml")
        .code(0);
    for cluster in ["infra", "apps"] {
        let step = ran.reported(&format!("t14/pod-start@{cluster}"));
        assert_eq!(step["outcome"], "passed");
        assert_eq!(step["metrics"][0]["summary"]["count"], 2, "{step}");
        assert!(step["metrics"][1]["value"].as_f64().is_some_and(|v| v > 0.1), "a pod takes longer: {step}");
    }
    assert!(ran.read("report.xml").contains("pod-start@infra"));
    assert_eq!(real.inventory(), before);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_load_balancer_that_stays_pending_is_diagnosed() {
    let real = Real::alone();
    let before = real.inventory();
    let ran = real
        .test("lb_within = \"3s\"\n")
        .pb("run t5 --only lb-address --cluster infra --report json=report.json")
        .code(1)
        .says(&["addresses of Service pb-", "it has no events", "at least 1", "not within 3s"]);
    assert_eq!(ran.outcome("t5/lb-address@infra"), "failed");
    assert_eq!(real.inventory(), before);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_crds_and_namespaces_are_counted_by_settings() {
    let real = Real::alone();
    let crd = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"things.pb-test.io"},"spec":{"group":"pb-test.io","scope":"Namespaced","names":{"plural":"things","singular":"thing","kind":"Thing"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}"#;
    let test = real
        .test("crd_count = 1\ncrd_within = \"20s\"\nnamespaces = [\"default\", \"kube-system\"]\n")
        .file("crd.json", crd);
    let path = test.path().join("crd.json").display().to_string();
    kubectl(&["--context", "infra", "apply", "-f", &path]);
    let ran = test.pb("run t2 --only crds-established,namespaces-active --cluster infra --report json=report.json");
    kubectl(&["--context", "infra", "delete", "crd", "things.pb-test.io"]);
    let ran = ran.code(0);
    assert_eq!(ran.outcome("t2/crds-established@infra"), "passed");
    assert_eq!(ran.outcome("t2/namespaces-active@infra"), "passed");
    real.test("namespaces = [\"default\", \"flux-system\"]\n")
        .pb("run t2 --only namespaces-active --cluster infra")
        .code(1)
        .says(&["Namespace flux-system is not there in infra"]);
}

/// Makes one object of each kind that a step may leave, and then does `then`.
fn creating(then: &str) -> String {
    format!(
        r#"playbook(#{{ id: "mess" }});
           step("s", #{{ on: "infra", effect: "write" }}, |t| {{
             let pod = t.kube.pod(#{{ name: "mess", command: ["sleep", "600"], files: #{{ "/x/y": "z" }} }});
             t.kube.create(#{{ apiVersion: "v1", kind: "Secret", metadata: #{{ generateName: "mess-", namespace: pod.namespace }}, stringData: #{{ a: "b" }} }});
             t.kube.create(#{{ apiVersion: "v1", kind: "ConfigMap", metadata: #{{ generateName: "mess-", namespace: "default" }} }});
             {then}
           }});"#
    )
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_step_that_throws_leaves_nothing() {
    let real = Real::alone();
    let before = real.inventory();
    real.test("").file("mess.rhai", creating(r#"throw "enough";"#)).pb("run mess.rhai").code(3).says(&["enough"]);
    assert_eq!(real.inventory(), before);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_an_interrupted_run_leaves_nothing() {
    let real = Real::alone();
    let before = real.inventory();
    let body = creating(r#"file::write("ready", "now"); time::sleep(duration("120s"));"#);
    let test = real.test("").file("mess.rhai", &body);
    let child = test.command("run mess.rhai").stdout(std::process::Stdio::piped()).spawn().expect("started");
    let began = Instant::now();
    while !test.path().join("ready").exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "the step never came that far");
        std::thread::sleep(Duration::from_millis(50));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signalled");
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(real.inventory(), before);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_reading_step_cannot_change_and_a_writing_one_not_what_is_not_its_own() {
    let real = Real::alone();
    let before = real.inventory();
    let step = |effect: &str, body: &str| {
        format!(r#"playbook(#{{ id: "e" }}); step("s", #{{ on: "infra", effect: "{effect}" }}, |t| {{ {body} }});"#)
    };
    for (effect, body, needed) in [
        (
            "read",
            r#"t.kube.create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ name: "x", namespace: "default" } });"#,
            "write",
        ),
        ("write", r#"t.kube.cordon("infra-01");"#, "disrupt"),
        ("write", r#"t.kube.label("node", "infra-01", #{ x: "y" });"#, "disrupt"),
        ("disrupt", r#"t.kube.delete("namespace", "kube-public");"#, "destroy"),
        ("write", r#"t.kube.raw("DELETE", "/api/v1/namespaces/kube-public");"#, "destroy"),
    ] {
        real.test("")
            .file("e.rhai", step(effect, body))
            .pb("run e.rhai --allow disrupt")
            .code(3)
            .says(&[&format!("\"{needed}\"")]);
    }
    assert_eq!(real.inventory(), before);
}

/// Every file below a folder, with its text.
fn texts(folder: &std::path::Path) -> Vec<(std::path::PathBuf, String)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            out.extend(texts(&path));
        } else {
            out.push((path.clone(), String::from_utf8_lossy(&std::fs::read(&path).expect("read")).into_owned()));
        }
    }
    out
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_values_of_secrets_are_told_nowhere_and_come_back() {
    let real = Real::alone();
    let before = real.inventory();
    let make = ["--context", "infra", "-n", "default", "create", "secret", "generic", "pb-test-planted"];
    kubectl(&[&make[..], &["--from-literal=long=planted-value-7", "--from-literal=short=old"]].concat());
    let body = r#"playbook(#{ id: "leak" });
        step("s", #{ on: "infra", effect: "disrupt" }, |t| {
          let at = #{ namespace: "default" };
          let s = t.kube.get("secret", "pb-test-planted", at);
          t.note(`note ${s.data.long}`);
          t.evidence("object", s);
          t.evidence("part", s.data);
          t.evidence("list", t.kube.list("secrets", at));
          t.evidence("raw", t.kube.raw("GET", "/api/v1/namespaces/default/secrets"));
          let path = "/api/v1/namespaces/default/secrets/pb-test-planted";
          t.kube.raw("PATCH", path, #{ stringData: #{ raw: "through-raw-7" } });
          t.kube.patch("secret", "pb-test-planted", #{ data: #{ short: "bmV3ZXI=" } }, at);
          try { t.kube.create(#{ apiVersion: "v1", kind: "Secret", metadata: #{ name: "pb-test-bad", namespace: "default" }, data: #{ a: "refused-value-7!" } }); }
          catch (e) { t.note(`refused: ${e}`); }
          throw `thrown: ${s.data.long}`;
        });"#;
    let test = real.test("").file("leak.rhai", body);
    let folder = test.path().to_path_buf();
    let ran = test.pb("run leak.rhai --allow disrupt -v --report json=report.json --report junit=report.xml");
    let after =
        kubectl(&["--context", "infra", "-n", "default", "get", "secret", "pb-test-planted", "-o", "jsonpath={.data}"]);
    kubectl(&["--context", "infra", "-n", "default", "delete", "secret", "pb-test-planted"]);
    let ran = ran.code(3).says(&["thrown: <secret:"]);
    assert!(after.contains("b2xk") && !after.contains("raw"), "not put back: {after}");
    let mut all = texts(&folder);
    all.retain(|(path, _)| !path.ends_with("leak.rhai"));
    assert!(all.iter().any(|(path, _)| path.to_string_lossy().contains("evidence/")), "no evidence: {all:?}");
    assert!(all.iter().any(|(_, text)| text.contains("undo_recorded")), "no journal");
    all.push(("output".into(), ran.both()));
    let hidden = [
        "planted-value-7",
        "cGxhbnRlZC12YWx1ZS03",
        "\"b2xk\"",
        "through-raw-7",
        "dGhyb3VnaC1yYXctNw",
        "bmV3ZXI=",
        "refused-value-7",
    ];
    for (path, text) in &all {
        for value in hidden {
            assert!(!text.contains(value), "{value} stands in {}: {text}", path.display());
        }
    }
    assert_eq!(real.inventory(), before);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_workloads_in_a_namespace_that_stays_are_gone_with_their_pods_and_claims() {
    let real = Real::alone();
    let before = real.inventory();
    let body = r#"playbook(#{ id: "work" });
        step("s", #{ on: "infra", effect: "write" }, |t| {
          let at = #{ namespace: "default" };
          let template = #{ metadata: #{ labels: #{ app: "pb-test-work" } }, spec: #{ terminationGracePeriodSeconds: 45, containers: [
            #{ name: "c", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"] }] } };
          let selector = #{ matchLabels: #{ app: "pb-test-work" } };
          let d = t.kube.create(#{ apiVersion: "apps/v1", kind: "Deployment", metadata: #{ generateName: "pb-test-" },
            spec: #{ replicas: 2, selector: selector, template: template } }, at);
          let sts = t.kube.create(#{ apiVersion: "apps/v1", kind: "StatefulSet", metadata: #{ generateName: "pb-test-sts-" },
            spec: #{ replicas: 1, serviceName: "none", selector: selector, template: template, volumeClaimTemplates: [#{ metadata: #{ name: "data" },
              spec: #{ accessModes: ["ReadWriteOnce"], resources: #{ requests: #{ storage: "1Mi" } } } }] } }, at);
          let once = template; once.spec.restartPolicy = "Never"; once.metadata = #{};
          let job = t.kube.create(#{ apiVersion: "batch/v1", kind: "Job", metadata: #{ generateName: "pb-test-job-" }, spec: #{ template: once } }, at);
          t.kube.wait("deploy", d.name, #{ namespace: "default", wants: "status.readyReplicas=2", within: duration("60s") });
          t.kube.wait("pvc", `data-${sts.name}-0`, #{ namespace: "default", wants: "create", within: duration("20s") });
          throw "enough";
        });"#;
    let ran = real.test("").file("work.rhai", body).pb("run work.rhai");
    let after = real.inventory();
    ran.code(3).says(&["enough"]);
    assert_eq!(after, before);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_an_init_container_in_a_crash_loop_is_named_with_its_pod() {
    let real = Real::alone();
    let before = real.inventory();
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pb-test-loop"},"spec":{"terminationGracePeriodSeconds":0,
        "initContainers":[{"name":"broken","image":"busybox","imagePullPolicy":"IfNotPresent","command":["sh","-c","exit 1"]}],
        "containers":[{"name":"main","image":"busybox","imagePullPolicy":"IfNotPresent","command":["sleep","600"]}]}}"#;
    let test = real.test("crash_restarts = 1\n").file("pod.json", pod);
    let path = test.path().join("pod.json").display().to_string();
    kubectl(&["--context", "infra", "-n", "default", "apply", "-f", &path]);
    let restarts = "jsonpath={.status.initContainerStatuses[0].restartCount}";
    let began = Instant::now();
    while kubectl(&["--context", "infra", "-n", "default", "get", "pod", "pb-test-loop", "-o", restarts])
        .parse::<u32>()
        .unwrap_or(0)
        == 0
        && began.elapsed() < Duration::from_secs(60)
    {
        std::thread::sleep(Duration::from_millis(200));
    }
    let ran = test.pb("run t14 --only crash-loops --cluster infra --report json=report.json");
    kubectl(&["--context", "infra", "-n", "default", "delete", "pod", "pb-test-loop", "--grace-period=0", "--force"]);
    let ran = ran.code(1).says(&["Pod default/pb-test-loop, init container broken", "exit code 1"]);
    assert_eq!(ran.outcome("t14/crash-loops@infra"), "failed");
    assert_eq!(real.inventory(), before);
}
