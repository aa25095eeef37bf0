//! The platform's operators in the lab, as a client of the API servers sees them.

use serde_json::Value;

use crate::Test;

/// Runs a playbook in the lab: its outcomes, and what it wrote.
fn run(playbook: &str) -> (Vec<String>, String) {
    let test = Test::new().playbook(playbook);
    let output =
        test.command("run p.rhai --lab=spec --allow disrupt --report json=report.json").output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref();
    let report =
        std::fs::read_to_string(test.path().join("report.json")).unwrap_or_else(|_| panic!("no report\n{text}"));
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let word = |step: &Value, key: &str| step[key].as_str().expect("a text").to_string();
    let mut all: Vec<String> = report["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| format!("{} {}", word(step, "id"), word(step, "outcome")))
        .collect();
    all.sort();
    (all, text)
}

#[test]
fn operators_answer_through_the_api() {
    let (outcomes, text) = run(r#"
step("ready", #{}, |t| {
    for kind in ["kustomizations", "helmreleases", "gitrepositories", "externalsecrets", "clustersecretstores", "certificates", "clusterissuers"] {
        expect(t.kube.list(kind), kind).all(|o| o.condition("Ready").status == "True");
    }
    expect(t.kube.list("gateways"), "gateways").all(|g| g.condition("Programmed").status == "True");
    expect(t.kube.list("cephclusters"), "Ceph").all(|c| c.status.ceph.health == "HEALTH_OK");
    expect(t.kube.list("crds").len(), "CRDs").to_be_at_least(77);
});
step("reconcile", #{ effect: "write", needs: ["ready"] }, |t| {
    let asked = #{ "reconcile.fluxcd.io/requestedAt": "now" };
    t.kube.annotate("kustomization", "coredns", asked, #{ namespace: "flux-system" });
    eventually(duration("20s"), || {
        let ks = t.kube.get("kustomization", "coredns", #{ namespace: "flux-system" });
        expect(ks.status.lastHandledReconcileAt ?? "", "the handled request").to_be("now");
        expect(ks.condition("Ready").status, "Ready").to_be("True");
    });
});
step("break-and-mend", #{ effect: "disrupt", on: "apps", needs: ["ready"] }, |t| {
    let path = t.kube.get("kustomization", "kafka-topics", #{ namespace: "flux-system" }).spec.path;
    t.kube.patch("kustomization", "kafka-topics", #{ spec: #{ path: "./nowhere" } }, #{ namespace: "flux-system" });
    eventually(duration("20s"), || {
        let told = t.kube.get("kustomization", "kafka-topics", #{ namespace: "flux-system" }).condition("Ready");
        expect(told.reason, "the reason").to_be("ArtifactFailed");
        expect(told.message, "the message").to_contain("nowhere: no such file or directory");
    });
    t.kube.patch("kustomization", "kafka-topics", #{ spec: #{ path: path } }, #{ namespace: "flux-system" });
    eventually(duration("20s"), || {
        expect(t.kube.get("kustomization", "kafka-topics", #{ namespace: "flux-system" }).condition("Ready").status, "Ready").to_be("True");
    });
});
step("programs", #{ effect: "write", on: "apps" }, |t| {
    let ask = |pod, ns, words| t.kube.exec(pod, words, #{ namespace: ns, effect: "read" }).stdout;
    expect(ask.call("shared-postgres-1", "cnpg-system", ["psql", "-U", "postgres", "-c", "SELECT * FROM pg_stat_replication;"]), "replication").to_contain("shared-postgres-2");
    expect(ask.call("kafka-cluster-kafka-0", "messaging", ["bin/kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--list"]), "topics").to_contain("_schemas");
    let toolbox = t.kube.list("pods", #{ namespace: "rook-ceph", labels: "app=rook-ceph-tools" }).first();
    expect(ask.call(toolbox.name, "rook-ceph", ["ceph", "health"]), "the health of Ceph").to_be("HEALTH_OK");
});
step("refused", #{ effect: "write", on: "infra" }, |t| {
    let pool = #{ apiVersion: "cilium.io/v2", kind: "CiliumLoadBalancerIPPool", metadata: #{ name: "bad" }, spec: #{ disabled: "no" } };
    let why = "";
    try { t.kube.create(pool); } catch (e) { why = e.message; }
    expect(why, "what the server says of a pool of the wrong form").to_contain("spec.disabled");
});
"#);
    let passed = |id: &str, clusters: &[&str]| {
        clusters.iter().map(|cluster| format!("p/{id}@{cluster} passed")).collect::<Vec<_>>()
    };
    let both = ["apps", "infra"];
    let mut wanted: Vec<String> = [
        passed("ready", &both),
        passed("reconcile", &both),
        passed("break-and-mend", &["apps"]),
        passed("programs", &["apps"]),
        passed("refused", &["infra"]),
    ]
    .concat();
    wanted.sort();
    assert_eq!(outcomes, wanted, "{text}");
}
