//! T5's BGP steps against the real router: they pass, and they fail when a speaker is gone.

use super::{Real, kubectl, router, router_script};

const RUN: &str = "run t5 --report json=report.json";

/// Brings a speaker back, whatever the test does.
struct Withdrawn;

impl Withdrawn {
    fn speaker(name: &str) -> Self {
        router(&["withdraw", name]);
        Self
    }
}

impl Drop for Withdrawn {
    fn drop(&mut self) {
        router(&[]);
    }
}

/// The sessions come back within some seconds after a speaker does.
fn settled(real: &Real) {
    real.test("")
        .file(
            "settled.rhai",
            r#"playbook(#{ id: "settled" });
               step("s", #{ on: "none" }, |t| {
                 eventually(duration("60s"), || { expect(bgp::routes(ssh("edge-1")).prefixes().len(), "prefixes").to_be(8); });
               });"#,
        )
        .pb("run settled.rhai")
        .code(0);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_sessions_table_and_failover_pass_and_leave_nothing() {
    let real = Real::alone();
    router(&[]);
    settled(&real);
    let before = real.inventory();
    let script = router_script();
    let settings = format!(
        "failover_command = \"bash {script} withdraw infra-02\"\nfailover_undo = \"bash {script}\"\nfailover_next_hop = \"10.99.0.11\"\n",
        script = script.display()
    );
    let ran = real.test(&settings).pb(&format!("{RUN} --only 'bgp-*' --cluster infra --allow disrupt")).code(0);
    for step in ["bgp-sessions", "bgp-table", "bgp-failover"] {
        assert_eq!(ran.outcome(&format!("t5/{step}@infra")), "passed");
    }
    let metrics = ran.reported("t5/bgp-failover@infra")["metrics"].clone();
    assert_eq!(metrics[0]["name"], "withdrawn after");
    assert!(metrics[0]["value"].as_f64().is_some_and(|v| v > 0.0 && v < 15.0), "{metrics}");
    let both = real.test("").pb(&format!("{RUN} --only bgp-sessions,bgp-table")).code(0);
    assert_eq!(both.outcome("t5/bgp-table@apps"), "passed");
    assert_eq!(real.inventory(), before);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_failover_that_fails_brings_the_speaker_back() {
    let real = Real::alone();
    router(&[]);
    settled(&real);
    let run = format!("{RUN} --only bgp-failover --cluster infra --allow disrupt");
    // Another node's routes are waited for than those that leave.
    let settings = format!(
        "failover_command = \"bash {script} withdraw infra-02\"\nfailover_undo = \"bash {script}\"\n\
         failover_next_hop = \"10.99.0.10\"\nbgp_withdraw_within = \"3s\"\n",
        script = router_script().display()
    );
    real.test(&settings).pb(&run).code(1).says(&["next hops of AS 64512 after the failover", "not within 3s"]);
    settled(&real);
    // Without a way back nothing is taken off the network.
    real.test("failover_command = \"false\"\n").pb(&run).code(3).says(&["nothing would bring the node back"]);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_speaker_that_is_gone_is_named_with_its_prefix() {
    let real = Real::alone();
    router(&[]);
    settled(&real);
    let _gone = Withdrawn::speaker("infra-02");
    let ran = real.test("").pb(&format!("{RUN} --only bgp-sessions,bgp-table")).code(1).says(&[
        "infra-02 (10.99.0.11) is",
        "1 of 4 not there: \"10.25.11.111/32\"",
        "no session with infra-02",
    ]);
    assert_eq!(ran.outcome("t5/bgp-sessions@infra"), "failed");
    assert_eq!(ran.outcome("t5/bgp-table@infra"), "failed");
    // The other cluster's are not touched by it.
    assert_eq!(ran.outcome("t5/bgp-sessions@apps"), "passed");
    assert_eq!(ran.outcome("t5/bgp-table@apps"), "passed");
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_each_call_is_explained_as_a_line_that_a_person_can_type() {
    let real = Real::alone();
    router(&[]);
    settled(&real);
    real.test("").pb("run t5 --only bgp-sessions --cluster infra --explain").code(0).says(&[
        "$ ssh ",
        "netops@10.99.0.1",
        "show bgp ipv4 unicast summary json",
    ]);
}

/// What a cluster with Cilium has: the kinds, an advertisement with a selector, and two Services with addresses.
const CILIUM: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ciliumbgpclusterconfigs.cilium.io }
spec:
  group: cilium.io
  scope: Cluster
  names: { plural: ciliumbgpclusterconfigs, singular: ciliumbgpclusterconfig, kind: CiliumBGPClusterConfig }
  versions: [{ name: v2alpha1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ciliumbgpadvertisements.cilium.io }
spec:
  group: cilium.io
  scope: Cluster
  names: { plural: ciliumbgpadvertisements, singular: ciliumbgpadvertisement, kind: CiliumBGPAdvertisement }
  versions: [{ name: v2alpha1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: ciliumbgpnodeconfigs.cilium.io }
spec:
  group: cilium.io
  scope: Cluster
  names: { plural: ciliumbgpnodeconfigs, singular: ciliumbgpnodeconfig, kind: CiliumBGPNodeConfig }
  versions: [{ name: v2alpha1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }]
---
apiVersion: v1
kind: Service
metadata: { name: pb-advertised, namespace: default, labels: { advertise: bgp } }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: pb-silent, namespace: default }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
"#;

const BGP: &str = r#"
apiVersion: cilium.io/v2alpha1
kind: CiliumBGPClusterConfig
metadata: { name: pb-test }
spec: { bgpInstances: [{ name: infra, localASN: 64512 }] }
---
apiVersion: cilium.io/v2alpha1
kind: CiliumBGPAdvertisement
metadata: { name: pb-test }
spec: { advertisements: [{ advertisementType: Service, service: { addresses: [LoadBalancerIP] }, selector: { matchExpressions: [{ key: advertise, operator: In, values: [bgp] }] } }] }
"#;

/// Takes Cilium's kinds and the Services away again, whatever the test does.
struct Cilium;

impl Drop for Cilium {
    fn drop(&mut self) {
        kubectl(&["--context", "infra", "delete", "--ignore-not-found", "service", "pb-advertised", "pb-silent"]);
        let crds = ["clusterconfigs", "advertisements", "nodeconfigs"].map(|kind| format!("ciliumbgp{kind}.cilium.io"));
        let crds: Vec<&str> = crds.iter().map(String::as_str).collect();
        kubectl(&[&["--context", "infra", "delete", "--ignore-not-found", "crd"], &crds[..]].concat());
    }
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_without_settings_the_clusters_own_objects_say_what_is_advertised() {
    let real = Real::alone();
    router(&[]);
    settled(&real);
    let test = real.test("").file("cilium.yaml", CILIUM).file("bgp.yaml", BGP);
    let path = |name: &str| test.path().join(name).display().to_string();
    let _gone = Cilium;
    kubectl(&["--context", "infra", "apply", "-f", &path("cilium.yaml")]);
    kubectl(&[
        "--context",
        "infra",
        "wait",
        "--for=condition=Established",
        "crd/ciliumbgpadvertisements.cilium.io",
        "crd/ciliumbgpclusterconfigs.cilium.io",
        "crd/ciliumbgpnodeconfigs.cilium.io",
    ]);
    kubectl(&["--context", "infra", "apply", "-f", &path("bgp.yaml")]);
    for (name, address) in [("pb-advertised", "10.25.11.110"), ("pb-silent", "10.9.9.9")] {
        let url = format!("/api/v1/namespaces/default/services/{name}");
        let service = kubectl(&["--context", "infra", "get", "--raw", &url]);
        let mut service: serde_json::Value = serde_json::from_str(&service).expect("a Service");
        service["status"] = serde_json::json!({ "loadBalancer": { "ingress": [{ "ip": address }] } });
        std::fs::write(path("status.json"), service.to_string()).expect("written");
        kubectl(&["--context", "infra", "replace", "--raw", &format!("{url}/status"), "-f", &path("status.json")]);
    }
    let toml = std::fs::read_to_string(path("pb.toml")).expect("pb.toml");
    let asks = toml
        .lines()
        .filter(|l| !l.starts_with("bgp_asn") && !l.starts_with("bgp_prefixes"))
        .collect::<Vec<_>>()
        .join("\n");
    let test = test.toml(&format!("{asks}\nbgp_asn = 0\n"));
    let run = "run t5 --only bgp-table --cluster infra --report json=report.json --explain";
    // One Service is advertised; the other is named, and its address is not looked for in the router's table.
    let ran =
        test.pb(run).code(1).says(&["ciliumbgpadvertisements.cilium.io", "1 item: [\"Service default/pb-silent\"]"]);
    assert_eq!(ran.outcome("t5/bgp-table@infra"), "failed");
    kubectl(&["--context", "infra", "delete", "service", "pb-silent"]);
    let ran = ran.again(run).code(0);
    assert_eq!(ran.outcome("t5/bgp-table@infra"), "passed");
}
