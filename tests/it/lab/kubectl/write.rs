//! What changes objects: apply, diff, patch, delete, and the commands that change one thing.

use super::Both;

const CONFIG: &str =
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: z}}, data: {one: '1', two: '2'}}";
const CHANGED: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {one: '1', three: '3'}}";
const DATA: [&str; 5] = ["get", "cm", "a", "-o", "jsonpath={.data} {.metadata.labels}"];

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {nonesuch: "1"}
      containers:
      - {name: web, image: "a:1", ports: [{containerPort: 80}]}
      - {name: side, image: "b:1"}
"#;

#[test]
#[ignore = "needs the real clusters"]
fn real_apply_merges_three_ways() {
    let both = Both::new("apply");
    both.apply(CONFIG);
    both.apply(CONFIG);
    both.each(|k| drop(k.ok(&["patch", "cm", "a", "-p", r#"{"data": {"other": "o"}}"#])));
    both.apply(CHANGED);
    let data = both.well(&DATA);
    assert_eq!(data.trim(), r#"{"one":"1","other":"o","three":"3"}"#, "what another added stays");
    both.apply(DEPLOYMENT);
    both.each(|k| drop(k.ok(&["set", "env", "deploy/web", "-c", "side", "ADDED=1"])));
    both.apply(&DEPLOYMENT.replace("a:1", "a:2").replace("replicas: 1", "replicas: 0"));
    let path = "jsonpath={.spec.replicas} {range .spec.template.spec.containers[*]}{.image} {.env} {end}";
    let kept = both.well(&["get", "deploy", "web", "-o", path]);
    assert_eq!(kept.trim(), r#"0 a:2  b:1 [{"name":"ADDED","value":"1"}]"#, "lists merge by their keys");
    let unknown = "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, dota: {}}";
    let said = both.lab.with(unknown, &["apply", "-f", "-"]);
    assert!(said.err.contains("unknown field \"dota\"") && said.code == 1, "{}", said.all());
    let warned = both.lab.with(unknown, &["apply", "--validate=warn", "-f", "-"]);
    assert!(warned.err.contains("Warning: unknown field \"dota\"") && warned.code == 0, "{}", warned.all());
}

#[test]
#[ignore = "needs the real clusters"]
fn real_apply_on_the_server_keeps_owners() {
    let both = Both::new("server");
    let apply = |text: &str, more: &[&str]| {
        let args = [&["apply", "--server-side", "-f", "-"], more].concat();
        both.same_with(text, &args)
    };
    assert_eq!(apply(CONFIG, &[]).code, 0);
    assert_eq!(apply(CONFIG, &["--field-manager=other"]).code, 0);
    let conflict = apply(&CONFIG.replace("'1'", "'9'"), &["--field-manager=other"]);
    assert!(conflict.code == 1 && conflict.err.contains("conflict"), "{}", conflict.all());
    assert_eq!(apply(&CONFIG.replace("'1'", "'9'"), &["--field-manager=other", "--force-conflicts"]).code, 0);
    assert_eq!(apply(CHANGED, &["--dry-run=server"]).code, 1, "another owns it now");
    both.well(&DATA);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_apply_dry_runs() {
    let both = Both::new("dry");
    for how in ["--dry-run=client", "--dry-run=server"] {
        let said = both.same_with(CONFIG, &["apply", how, "-f", "-"]);
        assert_eq!(said.code, 0, "{}", said.all());
        both.same(&["get", "cm", "a"]);
        both.same_with(CONFIG, &["create", how, "-f", "-", "-o", "name"]);
    }
    both.same_with(
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {}}",
        &["apply", "--dry-run=server", "-f", "-"],
    );
}

#[test]
#[ignore = "needs the real clusters"]
fn real_diff_says_what_would_change() {
    let both = Both::new("diff");
    both.apply(CONFIG);
    both.each(|k| assert_eq!(k.with(CONFIG, &["diff", "-f", "-"]).code, 0));
    both.each(|k| {
        let said = k.with(CHANGED, &["diff", "-f", "-"]);
        assert_eq!(said.code, 1, "{}", said.all());
        let lines: Vec<&str> = said.out.lines().filter(|l| l.starts_with(['+', '-']) && l.contains("  t")).collect();
        assert_eq!(lines, ["-  two: \"2\"", "+  three: \"3\""], "{}", said.out);
    });
}

#[test]
#[ignore = "needs the real clusters"]
fn real_patch_in_three_kinds() {
    let both = Both::new("patch");
    both.apply(CONFIG);
    both.well(&["patch", "cm", "a", "-p", r#"{"data": {"four": "4"}}"#]);
    both.well(&["patch", "cm", "a", "--type=merge", "-p", r#"{"data": {"one": null}}"#]);
    both.well(&[
        "patch",
        "cm",
        "a",
        "--type=json",
        "-p",
        r#"[{"op": "replace", "path": "/data/two", "value": "zwei"}]"#,
    ]);
    both.same(&["patch", "cm", "a", "--type=json", "-p", r#"[{"op": "remove", "path": "/data/nonesuch"}]"#]);
    // Until 1.21 a patch that changes nothing wrote a new time into managedFields (kubernetes#100032).
    let nothing = ["patch", "cm", "a", "--type=merge", "-p", r#"{"data": {"four": "4"}}"#];
    assert_eq!(both.lab.ok(&nothing), "configmap/a patched (no change)\n");
    assert!(both.real.ok(&nothing).starts_with("configmap/a patched"));
    assert_eq!(both.well(&DATA).trim(), r#"{"four":"4","two":"zwei"} {"x":"z"}"#);
    both.apply(DEPLOYMENT);
    both.well(&[
        "patch",
        "deploy",
        "web",
        "-p",
        r#"{"spec": {"template": {"spec": {"containers": [{"name": "side", "image": "b:2"}]}}}}"#,
    ]);
    let images = both.well(&["get", "deploy", "web", "-o", "jsonpath={..image}"]);
    assert_eq!(images.trim(), "a:1 b:2");
    both.well(&["patch", "deploy", "web", "--subresource=scale", "--type=merge", "-p", r#"{"spec": {"replicas": 2}}"#]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_delete_waits_and_cascades() {
    let both = Both::new("delete");
    both.apply(CONFIG);
    both.well(&["delete", "cm", "a"]);
    both.same(&["delete", "cm", "a"]);
    both.same(&["delete", "cm", "a", "--ignore-not-found"]);
    both.same_with(CONFIG, &["create", "-f", "-"]);
    both.well(&["delete", "cm", "-l", "x=z", "--wait=false"]);
    both.apply(&CONFIG.replace("name: a", "name: held, finalizers: [example.com/held]"));
    both.well(&["delete", "cm", "held", "--wait=false"]);
    both.same(&["wait", "cm", "held", "--for=delete", "--timeout=1s"]);
    both.well(&["patch", "cm", "held", "--type=merge", "-p", r#"{"metadata": {"finalizers": null}}"#]);
    both.well(&["wait", "cm", "held", "--for=delete", "--timeout=5s"]);
    both.same_with(CONFIG, &["delete", "-f", "-"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_labels_and_annotations() {
    let both = Both::new("label");
    both.apply(CONFIG);
    for verb in ["label", "annotate"] {
        both.well(&[verb, "cm", "a", "new=1"]);
        both.same(&[verb, "cm", "a", "new=2"]);
        both.well(&[verb, "cm", "a", "new=2", "--overwrite"]);
        both.well(&[verb, "cm", "a", "new-"]);
        both.same(&[verb, "cm", "nonesuch", "new=1"]);
    }
    both.same(&["label", "cm", "a", "x=not a label"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_create_makes_each_kind() {
    let both = Both::new("create");
    let image = "--image=docker.io/library/busybox:latest";
    both.well(&["create", "deployment", "web", image, "--replicas=0", "--port=80"]);
    both.well(&["create", "configmap", "c", "--from-literal=a=1", "--from-literal=b=2"]);
    both.well(&["create", "secret", "generic", "s", "--from-literal=password=x"]);
    both.well(&["create", "serviceaccount", "robot"]);
    both.well(&["create", "job", "j", image, "--", "true"]);
    both.well(&["create", "role", "r", "--verb=get", "--resource=pods"]);
    both.well(&["create", "rolebinding", "r", "--role=r", "--user=bob"]);
    both.well(&["create", "service", "clusterip", "svc", "--tcp=80:8080"]);
    both.well(&["create", "quota", "q", "--hard=pods=30"]);
    both.same(&["create", "configmap", "c"]);
    both.same(&["create", "deployment", "Web", image]);
    both.well(&["get", "secret", "s", "-o", "jsonpath={.data.password} {.type}"]);
    both.well(&["get", "configmap", "c", "-o", "jsonpath={.data}"]);
    let said = both.lab.run(&["create", "token", "robot", "--duration=20m"]);
    assert_eq!(said.out.trim().split('.').count(), 3, "{}", said.all());
}

#[test]
#[ignore = "needs the real clusters"]
fn real_set_scale_and_expose() {
    let both = Both::new("set");
    both.apply(DEPLOYMENT);
    both.well(&["set", "image", "deploy/web", "web=a:3"]);
    both.same(&["set", "image", "deploy/web", "nonesuch=a:3"]);
    both.well(&["set", "env", "deploy/web", "-c", "web", "A=1"]);
    both.well(&["set", "resources", "deploy/web", "-c", "web", "--limits=cpu=1,memory=64Mi"]);
    both.well(&["scale", "deploy/web", "--replicas=0"]);
    both.same(&["scale", "deploy/web", "--current-replicas=5", "--replicas=1"]);
    both.well(&["expose", "deploy/web", "--port=80", "--target-port=80", "--name=front"]);
    both.same(&["expose", "deploy/web", "--port=80", "--name=front"]);
    let spec = "jsonpath={.spec.replicas} {.spec.template.spec.containers[0]['image','env','resources']}";
    both.well(&["get", "deploy", "web", "-o", spec]);
    both.well(&["get", "svc", "front", "-o", "jsonpath={.spec.ports} {.spec.selector} {.spec.type}"]);
}

/// Nothing is done to the real cluster's node, which others use.
#[test]
#[ignore = "needs the real clusters"]
fn real_nodes_are_cordoned_tainted_and_drained() {
    let both = Both::new("nodes");
    both.well(&["cordon", "infra-01", "--dry-run=server"]);
    both.same(&["cordon", "nonesuch"]);
    both.well(&["taint", "node", "infra-01", "a=b:NoSchedule", "--dry-run=server"]);
    both.same(&["taint", "node", "infra-01", "nonesuch-"]);
    let lab = &both.lab;
    assert_eq!(lab.ok(&["cordon", "infra-01"]), "node/infra-01 cordoned\n");
    assert_eq!(lab.ok(&["cordon", "infra-01"]), "node/infra-01 already cordoned\n");
    assert!(lab.ok(&["get", "nodes"]).contains("Ready,SchedulingDisabled"));
    assert_eq!(lab.ok(&["uncordon", "infra-01"]), "node/infra-01 uncordoned\n");
    assert_eq!(lab.ok(&["taint", "node", "infra-01", "a=b:PreferNoSchedule"]), "node/infra-01 tainted\n");
    assert_eq!(lab.ok(&["taint", "node", "infra-01", "a-"]), "node/infra-01 untainted\n");
    lab.apply(&super::busybox("guest", r#"["sleep", "1000"]"#));
    lab.ok(&["wait", "pod/guest", "--for=condition=Ready", "--timeout=20s"]);
    let refused = lab.run(&["drain", "infra-01", "--pod-selector=app=guest", "--timeout=20s"]);
    assert!(refused.code == 1 && refused.err.contains("declare no controller"), "{}", refused.all());
    let drained = lab.run(&["drain", "infra-01", "--pod-selector=app=guest", "--force", "--timeout=20s"]);
    assert!(drained.code == 0 && drained.out.contains("node/infra-01 drained"), "{}", drained.all());
    assert_eq!(lab.run(&["get", "pod", "guest"]).code, 1, "it was evicted");
    lab.ok(&["uncordon", "infra-01"]);
}
