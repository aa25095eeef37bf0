//! What a step changes in the lab and its end undoes: everything is as before, with whom it belonged to. The lab keeps the
//! account of fields as servers since 1.22 do, also of what is scaled.

use crate::Test;

const STEPS: &str = r##"
fn look(k) {
    let n = #{ namespace: "kube-system" };
    let owners = [];
    let d = k.raw("GET", "/apis/apps/v1/namespaces/kube-system/deployments/coredns");
    let s = k.raw("GET", "/api/v1/namespaces/kube-system/services/kube-dns");
    for o in [d, s] {
        let all = if "managedFields" in o.metadata { o.metadata.managedFields } else { [] };
        for e in all {
            // A controller's own, of the status, moves meanwhile; an empty one is nobody's.
            if "manager" in e && e.manager != "kube-controller-manager" { owners.push([e.manager, e.operation, e.fieldsV1]); }
        }
    }
    [d.spec, s.spec, owners]
}
step("before", #{ on: "infra" }, |t| { t.publish("state", look(t.kube)); expect(1, "x").to_be(1); });
step("changed", #{ on: "infra", effect: "disrupt", needs: ["before"] }, |t| {
    let k = t.kube; let n = #{ namespace: "kube-system" };
    let before = k.get("deploy", "coredns", n).spec.replicas;
    k.scale("deploy", "coredns", 0, n);
    k.patch("svc", "kube-dns", #{ spec: #{ type: "NodePort" } }, n);
    let c = k.get("deploy", "coredns", n).spec.template.spec.containers[0].name;
    k.patch("deploy", "coredns", #{ spec: #{ template: #{ spec: #{ containers: [#{ name: c, env: [#{ name: "A", value: "run" }] }] } } } }, #{ namespace: "kube-system", type: "strategic" });
    expect(k.get("deploy", "coredns", n).spec.replicas, "replicas").to_be(0);
    expect(before, "before").to_be_at_least(1);
    expect(k.get("svc", "kube-dns", n).spec.type, "type").to_be("NodePort");
});
step("after", #{ on: "infra", needs: ["changed"] }, |t| {
    expect(look(t.kube), "the state").to_be(t.value("p/before", "state"));
});
"##;

#[test]
fn what_a_step_changes_is_as_it_was_after_it() {
    let test = Test::new().playbook(STEPS).toml("[clusters.infra]");
    let ran = test.command("run p.rhai --lab=one-node --allow disrupt").output().expect("pb runs");
    let text = [ran.stdout, ran.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(ran.status.code(), Some(0), "{text}");
    assert!(text.contains("3 passed") && !text.contains("NOT UNDONE"), "{text}");
}
