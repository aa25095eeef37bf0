//! What a cluster says of itself and of its objects: explain, describe, api-resources, version …

use super::{Both, busybox};

#[test]
#[ignore = "needs the real clusters"]
fn real_explain_by_both_versions() {
    let both = Both::new("explain");
    let lab = &both.lab;
    let field = lab.ok(&["explain", "pod.spec.nodeName"]);
    assert!(field.contains("KIND:       Pod") && field.contains("FIELD: nodeName <string>"), "{field}");
    let all = lab.ok(&["explain", "deployment.spec", "--recursive"]);
    assert!(all.contains("maxSurge\t<IntOrString>") && all.contains("replicas\t<integer>"), "{all}");
    let old = lab.ok(&["explain", "--output=plaintext-openapiv2", "pod.spec.containers"]);
    assert!(old.contains("RESOURCE: containers <[]Object>") && old.contains("image\t<string>"), "{old}");
    both.same(&["explain", "pod.spec.nonesuch", "--output=plaintext-openapiv2"]);
    both.same(&["explain", "nonesuch"]);
    let registered = lab.ok(&["explain", "ciliumloadbalancerippools.metadata.name"]);
    assert!(registered.contains("FIELD: name <string>"), "{registered}");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_describe_each_kind() {
    let both = Both::new("describe");
    both.apply(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {x: z}, annotations: {n: v}}, data: {one: '1'}}",
    );
    both.well(&["describe", "configmap", "a"]);
    both.same(&["describe", "configmap", "nonesuch"]);
    both.each(|k| drop(k.ok(&["create", "secret", "generic", "s", "--from-literal=password=12345"])));
    both.well(&["describe", "secret", "s"]);
    both.each(|k| drop(k.ok(&["create", "role", "r", "--verb=get", "--resource=pods"])));
    both.well(&["describe", "role", "r"]);
    let lab = &both.lab;
    lab.apply(&busybox("p", r#"["sleep", "1000"]"#));
    lab.ok(&["wait", "pod/p", "--for=condition=Ready", "--timeout=20s"]);
    let pod = lab.ok(&["describe", "pod", "p"]);
    for line in [
        "Name:             p",
        "State:          Running",
        "Ready             True",
        "Command:",
        "QoS Class:                   BestEffort",
    ] {
        assert!(super::normal(&pod).contains(super::normal(line).trim()), "{line}: {pod}");
    }
    let node = lab.ok(&["describe", "node", "infra-01"]);
    for line in ["Roles:", "Non-terminated Pods:", "Allocated resources:", "Kubelet Version:"] {
        assert!(node.contains(line), "{line}: {node}");
    }
    lab.ok(&["create", "service", "clusterip", "front", "--tcp=80:8080"]);
    assert!(lab.ok(&["describe", "svc", "front"]).contains("TargetPort:               8080/TCP"));
    let claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {storageClassName: nonesuch, \
                 accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}";
    lab.apply(claim);
    let claim = lab.ok(&["describe", "pvc", "data"]);
    assert!(claim.contains("StorageClass:  nonesuch") && claim.contains("Status:        Pending"), "{claim}");
    let pools = lab.ok(&["describe", "ciliumloadbalancerippools"]);
    assert!(pools.contains("Kind:         CiliumLoadBalancerIPPool"), "{pools}");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_what_the_server_has() {
    let both = Both::new("about");
    let core = ["api-resources", "--api-group=", "--no-headers", "-o", "name"];
    both.well(&core);
    both.well(&["api-resources", "--api-group=apps", "-o", "wide"]);
    both.well(&["api-resources", "--api-group=rbac.authorization.k8s.io"]);
    both.well(&["api-resources", "--namespaced=false", "--api-group=", "--verbs=watch"]);
    let versions = both.lab.ok(&["api-versions"]);
    for one in ["apps/v1", "batch/v1", "cilium.io/v2", "policy/v1", "v1"] {
        assert!(versions.lines().any(|line| line == one), "{one}: {versions}");
    }
    for path in ["/healthz", "/livez", "/readyz", "/api"] {
        let said = both.lab.run(&["get", "--raw", path]);
        assert_eq!(said.code, 0, "{path}: {}", said.all());
    }
    both.well(&["get", "--raw", "/healthz"]);
    both.same(&["get", "--raw", "/nonesuch"]);
    both.same(&["get", "--raw", "/api/v1/namespaces/nonesuch"]);
    let info = both.lab.ok(&["cluster-info"]);
    assert!(info.contains("Kubernetes control plane") && info.contains("https://127.0.0.1:"), "{info}");
    let version: serde_json::Value = serde_json::from_str(&both.lab.ok(&["version", "-o", "json"])).expect("JSON");
    assert_eq!(version["serverVersion"]["major"], "1");
    let view = both.lab.ok(&["config", "view", "--minify", "-o", "jsonpath={.contexts[0].name} {.users[0].name}"]);
    assert_eq!(view, "infra infra-admin");
    assert_eq!(both.lab.ok(&["config", "get-contexts", "-o", "name"]).lines().count(), open_clusters(&both));
}

fn open_clusters(both: &Both) -> usize {
    both.lab.ok(&["config", "view", "-o", "jsonpath={.clusters[*].name}"]).split_whitespace().count()
}

#[test]
#[ignore = "needs the real clusters"]
fn real_events_are_listed() {
    let both = Both::new("events");
    both.each(|k| {
        k.apply(&format!(
            "{{apiVersion: v1, kind: Event, metadata: {{name: e1}}, type: Warning, reason: Broken, message: it is broken, count: 3, \
             firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:01:00Z', source: {{component: test}}, \
             involvedObject: {{apiVersion: v1, kind: Pod, name: p, namespace: {}}}}}",
            k.namespace
        ));
    });
    both.well(&["get", "events"]);
    both.well(&["get", "events", "--field-selector", "reason=Broken,type=Warning", "-o", "name"]);
    both.well(&["get", "events", "--field-selector", "involvedObject.name=other"]);
    both.well(&["get", "events", "--sort-by=.lastTimestamp", "-o", "wide"]);
    both.well(&["events"]);
    both.well(&["events", "--types=Warning", "--for", "pod/p"]);
}
