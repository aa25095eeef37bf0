//! `exec`, `logs` and `forward`: what comes out of a container, whole and in order, or an error.

use std::time::{Duration, Instant};

use rhai::Map;
use serde_json::json;

use super::{Step, text};
use crate::error::Kind;

#[test]
#[ignore = "needs the real clusters"]
fn real_exec_gives_both_outputs_and_the_code_and_takes_input() {
    let step = Step::new("execaa");
    step.holds(
        r#"let pod = kube("infra").pod(#{});
        let r = pod.exec("echo out; echo err >&2; exit 3", #{ check: false });
        r.stdout == "out" && r.stderr == "err" && r.code == 3
            && pod.exec(["echo", "a b", "$HOME"]).stdout == "a b $HOME"
            && pod.exec("wc -c", #{ stdin: "12345" }).stdout == "5"
            && pod.exec(["cat"], #{ stdin: "one\ntwo\n" }).stdout == "one\ntwo"
            && pod.exec(["wc", "-c"], #{ stdin: "" }).stdout == "0"
            && pod.exec("head -c 3", #{ stdin: "x".to_upper() + "yzzz" }).stdout == "Xyz"
            && pod.exec("exit 7", #{ stdin: "unread", check: false }).code == 7"#,
    );
    let pod = r#"let pod = kube("infra").pod(#{}); "#;
    let error = step.fails(&format!(r#"{pod} pod.exec("echo why >&2; exit 3")"#));
    assert_eq!((error.kind, error.causes.as_slice()), (Kind::ExitCode, ["why".to_string()].as_slice()), "{error:#?}");
    let error = step.fails(&format!(r#"{pod} pod.exec(["no-such-program"])"#));
    assert_eq!(error.kind, Kind::MissingTool, "{error:#?}");
    assert!(error.hints[0].contains("check: false"), "{error:#?}");
    step.holds(&format!(
        r#"{pod}
        let missing = pod.exec(["no-such-program"], #{{ check: false }});
        let by_path = pod.exec(["/no/such/program"], #{{ check: false }});
        let unrunnable = pod.exec(["/etc"], #{{ check: false }});
        let in_shell = pod.exec("no-such-program", #{{ check: false }});
        missing.code == 127 && missing.stderr.contains("no-such-program") && missing.stdout == ""
            && by_path.code == 127 && unrunnable.code == 126 && in_shell.code == 127"#
    ));
    let error = step.fails(r#"kube("infra").exec("no-such-pod", "true", #{ namespace: "default" })"#);
    assert_eq!(error.kind, Kind::NotFound, "{error:#?}");
    let error = step.fails(&format!(r#"{pod} pod.exec("true", #{{ container: "nope" }})"#));
    assert_eq!(error.kind, Kind::Invalid, "{error:#?}");
    step.clean();
}

#[test]
#[ignore = "needs the real clusters"]
fn real_exec_of_a_megabyte_of_input_and_a_gigabyte_of_output() {
    let step = Step::new("execbb");
    step.holds(
        r#"let pod = kube("infra").pod(#{});
        let big = ""; big.pad(1000000, "x");
        pod.exec("wc -c", #{ stdin: big }).stdout == "1000000""#,
    );
    let started = Instant::now();
    let error = step.fails(r#"kube("infra").pod(#{}).exec("head -c 1000000000 /dev/zero | tr '\\0' x")"#);
    assert_eq!(error.kind, Kind::Unreadable, "{error:#?}");
    assert!(error.message.contains("more than the limit of 16777216 bytes"), "{error:#?}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    let started = Instant::now();
    let error = step.fails(r#"kube("infra").pod(#{}).exec("sleep 60", #{ within: "1s" })"#);
    assert_eq!(error.kind, Kind::Timeout, "{error:#?}");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    step.clean();
}

#[test]
#[ignore = "needs the real clusters"]
fn real_logs_of_a_pod_and_of_a_workload() {
    let step = Step::new("logsaa");
    step.holds(
        r#"let pod = kube("infra").pod(#{ command: "for i in 1 2 3 4 5; do echo line $i; done; echo other; exec sleep 999" });
        let tries = 0;
        while !pod.logs().contains("other") && tries < 100 { pod.exec("sleep 0.1"); tries += 1; }
        pod.logs() == "line 1\nline 2\nline 3\nline 4\nline 5\nother"
            && pod.logs(#{ tail: 2 }) == "line 5\nother"
            && pod.logs(#{ grep: "[35]$" }) == "line 3\nline 5"
            && pod.logs(#{ since: "1h", limit_bytes: 6 }) == "line 1""#,
    );
    let namespace = step.namespace();
    let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "talk" }, "spec": {
        "replicas": 2, "selector": { "matchLabels": { "app": "talk" } },
        "template": { "metadata": { "labels": { "app": "talk" } }, "spec": { "terminationGracePeriodSeconds": 0, "containers": [
            { "name": "main", "image": "busybox", "imagePullPolicy": "IfNotPresent",
              "command": ["sh", "-c", "echo hello; exec sleep 999"] }] } } } });
    step.post("infra", &format!("/apis/apps/v1/namespaces/{namespace}/deployments"), &deployment);
    let script = format!(r#"kube("infra").logs("deploy/talk", #{{ namespace: "{namespace}" }})"#);
    let until = Instant::now() + Duration::from_secs(30);
    let lines = loop {
        let lines = step.eval(&script).map(|t| t.to_string()).unwrap_or_default();
        if lines.matches("] hello").count() == 2 || Instant::now() > until {
            break lines;
        }
        std::thread::sleep(Duration::from_millis(300));
    };
    assert_eq!(lines.matches("/main] hello").count(), 2, "{lines}");
    let error = step.fails(&format!(r#"kube("infra").logs("deploy/nope", #{{ namespace: "{namespace}" }})"#));
    assert_eq!(error.kind, Kind::NotFound, "{error:#?}");
    step.clean();
}

#[test]
#[ignore = "needs the real clusters"]
fn real_forward_to_a_pod_and_to_a_service_with_a_named_port() {
    let step = Step::new("fwdaaa");
    let handle = step
        .eval(
            r#"let k = kube("infra");
            let pod = k.pod(#{ command: "mkdir /w; echo hi > /w/index.html; httpd -f -p 8080 -h /w", labels: #{ app: "web" } });
            let f = k.forward(pod.name, 8080, #{ namespace: pod.namespace });
            #{ url: f.url, address: f.address }"#,
        )
        .expect("a forward");
    let map = handle.cast::<Map>();
    let address = text(&map, "address");
    let fetch = |address: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        // Half closed, as nc does it: the answer must come all the same.
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..5).map(|_| scope.spawn(|| fetch(&address))).collect();
        for one in all {
            let answer = one.join().expect("no panic").expect("an answer");
            assert!(answer.ends_with("hi\n"), "{answer}");
        }
    });
    let namespace = step.namespace();
    let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
        "spec": { "selector": { "app": "web" }, "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] } });
    step.post("infra", &format!("/api/v1/namespaces/{namespace}/services"), &service);
    // At once: what the endpoints do not name yet the selector finds.
    let by_service = step
        .eval(&format!(r#"kube("infra").forward("svc/web", "http", #{{ namespace: "{namespace}" }}).address"#))
        .expect("a forward to a service")
        .to_string();
    assert!(fetch(&by_service).expect("an answer").ends_with("hi\n"));
    let error = step.fails(&format!(r#"kube("infra").forward("svc/web", 81, #{{ namespace: "{namespace}" }})"#));
    assert!(error.message.contains("it has: 80 http"), "{error:#?}");
    let lonely = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "lonely" },
        "spec": { "selector": { "app": "nobody" }, "ports": [{ "port": 80 }] } });
    step.post("infra", &format!("/api/v1/namespaces/{namespace}/services"), &lonely);
    let error = step.fails(&format!(r#"kube("infra").forward("svc/lonely", 80, #{{ namespace: "{namespace}" }})"#));
    let why = ["its endpoints name no pod, and its selector is app=nobody", "no pod has these labels"];
    assert_eq!((error.kind, error.causes), (Kind::NotFound, why.map(String::from).to_vec()));
    // Nothing listens on that port of the pod: the connection ends, and the forward knows why.
    let script = r#"let k = kube("infra"); let pod = k.pod(#{}); let f = k.forward(pod.name, 9, #{ namespace: pod.namespace }); f"#;
    let refused = step.eval(script).expect("a forward").cast::<crate::host::kube::pods::ForwardHandle>();
    assert_eq!(fetch(&refused.address).unwrap_or_default(), "");
    step.clean();
    std::thread::sleep(Duration::from_millis(200));
    assert!(fetch(&address).is_err(), "the forward is closed with the step");
}
