//! `kubectl get`, in every form in which it prints.

use std::io::Read as _;
use std::process::Stdio;

use super::{Both, normal};

const CONFIGMAPS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {tier: web, env: test}}
data: {one: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {tier: db}}
data: {two: "2"}
"#;

fn some(test: &str) -> Both {
    let both = Both::new(test);
    both.apply(CONFIGMAPS);
    both
}

const SELECTED: [&str; 4] = ["get", "configmaps", "-l", "tier"];

#[test]
#[ignore = "needs the real clusters"]
fn real_get_as_a_table() {
    let both = some("table");
    both.well(&SELECTED);
    both.well(&["get", "cm", "a", "--no-headers"]);
    both.well(&["get", "configmap/a", "configmap/b"]);
    both.well(&["get", "cm", "-l", "tier", "-o", "wide"]);
    let labels = both.well(&["get", "cm", "-l", "tier", "--show-labels"]);
    assert!(labels.contains("env=test,tier=web"), "{labels}");
    both.well(&["get", "cm", "-l", "tier", "-L", "env"]);
    both.well(&["get", "cm", "-l", "tier", "--show-kind"]);
    both.same(&["get", "cm", "nonesuch"]);
    both.same(&["get", "nonesuches"]);
    both.same(&["get", "secrets", "-l", "nonesuch"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_get_as_yaml_json_and_names() {
    let both = some("forms");
    both.well(&["get", "cm", "-l", "tier", "-o", "name"]);
    let yaml = both.lab.ok(&["get", "cm", "a", "-o", "yaml"]);
    assert!(yaml.starts_with("apiVersion: v1\ndata:\n  one: \"1\"\nkind: ConfigMap\n"), "{yaml}");
    let json: serde_json::Value =
        serde_json::from_str(&both.lab.ok(&["get", "cm", "-l", "tier", "-o", "json"])).expect("JSON");
    assert_eq!((&json["kind"], json["items"][1]["data"]["two"].as_str()), (&"List".into(), Some("2")));
    let fields = both.lab.ok(&["get", "cm", "a", "-o", "yaml", "--show-managed-fields"]);
    assert!(fields.contains("manager: kubectl-client-side-apply") && !yaml.contains("managedFields"), "{fields}");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_get_with_columns_paths_and_templates() {
    let both = some("paths");
    both.well(&[
        "get",
        "cm",
        "-l",
        "tier",
        "-o",
        "custom-columns=NAME:.metadata.name,TIER:.metadata.labels.tier,NONE:.spec",
    ]);
    both.well(&["get", "cm", "-l", "tier", "-o", "jsonpath={range .items[*]}{.metadata.name}{\"\\n\"}{end}"]);
    both.well(&["get", "cm", "a", "-o", "jsonpath={.data}"]);
    both.well(&["get", "cm", "a", "-o", "jsonpath-as-json={.data.one}"]);
    both.well(&["get", "cm", "-l", "tier", "-o", "go-template={{range .items}}{{.metadata.name}} {{end}}"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_get_sorted_and_selected() {
    let both = some("sorted");
    both.well(&["get", "cm", "-l", "tier", "--sort-by=.metadata.labels.tier"]);
    both.well(&["get", "cm", "--selector", "tier in (web, db),env!=test"]);
    both.well(&["get", "cm", "--field-selector", "metadata.name=b"]);
    both.same(&["get", "cm", "--field-selector", "data.one=1"]);
    let all = both.well(&[
        "get",
        "cm",
        "-A",
        "-l",
        "tier",
        "--field-selector",
        &format!("metadata.namespace={}", both.lab.namespace),
    ]);
    assert!(all.starts_with("NAMESPACE"), "{all}");
    both.well(&["get", "cm", "--chunk-size=1", "-l", "tier", "-o", "name"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_get_watches() {
    let both = some("watch");
    let seen = |k: &super::Kubectl| {
        let mut command = k.command(&["get", "cm", "-l", "tier", "-w", "--no-headers", "-o", "name"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("kubectl");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        k.ok(&["create", "cm", "unseen"]);
        k.ok(&["label", "cm", "unseen", "tier=new"]);
        k.ok(&["delete", "cm", "a"]);
        std::thread::sleep(std::time::Duration::from_millis(500));
        // The pod of `timeout` goes with what it watches over.
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
            .expect("ended");
        let mut out = String::new();
        child.stdout.take().expect("its output").read_to_string(&mut out).expect("read");
        child.wait().expect("ended");
        normal(&out)
    };
    let (lab, real) = (seen(&both.lab), seen(&both.real));
    assert_eq!(lab, real);
    assert_eq!(lab, "configmap/a\nconfigmap/b\nconfigmap/unseen\nconfigmap/a\n");
}
