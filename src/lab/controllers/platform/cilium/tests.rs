//! Cilium: sessions, pools, endpoints and policies as the objects and causes make them.

use serde_json::json;

use super::super::testing::Bench;
use crate::lab::world::Cause;
use crate::lab::world::cause::BGP;

const NODE: &str = "ciliumbgpnodeconfigs.cilium.io";
const POOL: &str = "ciliumloadbalancerippools.cilium.io";

#[test]
fn sessions_follow_the_configuration_and_the_causes() {
    let mut bench = Bench::new("monosense", "infra");
    let peer = |bench: &Bench, node: &str| bench.get(NODE, "", node)["status"]["bgpInstances"][0]["peers"][0].clone();
    assert_eq!(
        (&peer(&bench, "infra-02")["peeringState"], &peer(&bench, "infra-02")["routeCount"][0]["advertised"]),
        (&json!("established"), &json!(3))
    );
    let shut = Cause::NeighbourShut { neighbour: "10.25.11.12".parse().unwrap() };
    bench.world.put(shut.clone());
    bench.look();
    assert_eq!(
        (&peer(&bench, "infra-02")["peeringState"], &peer(&bench, "infra-01")["peeringState"]),
        (&json!("active"), &json!("established"))
    );
    bench.world.lift(&shut);
    bench.pass(5);
    assert_eq!(peer(&bench, "infra-02")["peeringState"], "established");
    bench.change("ciliumbgpclusterconfigs.cilium.io", "", "bgp", |one| {
        one["spec"]["bgpInstances"][0]["peers"][0]["peerASN"] = 65_000.into();
    });
    bench.pass(5);
    assert_eq!(
        (&peer(&bench, "infra-02")["peeringState"], &peer(&bench, "infra-02")["peerASN"]),
        (&json!("open_sent"), &json!(65_000))
    );
    bench.change("ciliumbgpclusterconfigs.cilium.io", "", "bgp", |one| {
        one["spec"]["nodeSelector"] = json!({ "matchLabels": { "no": "such" } });
    });
    bench.look();
    assert!(bench.get(NODE, "", "infra-01").is_null());
    assert!(bench.told("ciliumbgpclusterconfigs.cilium.io", "", "bgp", "cilium.io/NoMatchingNode").starts_with("True"));
}

#[test]
fn an_agent_that_is_gone_reports_nothing_more() {
    let mut bench = Bench::new("monosense", "infra");
    bench.world.put(Cause::process("infra-02", BGP));
    bench.world.put(Cause::NeighbourShut { neighbour: "10.25.11.12".parse().unwrap() });
    bench.look();
    assert_eq!(bench.get(NODE, "", "infra-02")["status"]["bgpInstances"][0]["peers"][0]["peeringState"], "established");
}

#[test]
fn pools_count_and_say_that_they_overlap() {
    let mut bench = Bench::new("monosense", "infra");
    assert!(bench.told(POOL, "", "infra-pool", "cilium.io/IPsAvailable").ends_with(": 17"));
    bench.create(
        &json!({ "apiVersion": "cilium.io/v2", "kind": "CiliumLoadBalancerIPPool", "metadata": { "name": "other" },
                          "spec": { "blocks": [{ "cidr": "10.25.11.112/30" }] } }),
    );
    bench.look();
    let told = bench.told(POOL, "", "other", "cilium.io/PoolConflict");
    assert!(told.starts_with("True cidr_overlap") && told.ends_with("from IP Pool 'infra-pool'"), "{told}");
}

#[test]
fn endpoints_and_policies_are_told() {
    let mut bench = Bench::new("monosense", "infra");
    let pod = {
        let world = bench.cluster.world();
        let found = world.store.list("ciliumendpoints.cilium.io", "observability").next();
        found
            .map(|(place, one)| (place.name.clone(), one.value["status"]["policy"]["ingress"]["enforcing"].clone()))
            .unwrap()
    };
    assert_eq!(pod.1, true, "a policy selects {}", pod.0);
    bench.delete("pods", "observability", &pod.0);
    bench.look();
    assert!(bench.get("ciliumendpoints.cilium.io", "observability", &pod.0).is_null());
    let policies = "ciliumnetworkpolicies.cilium.io";
    assert_eq!(bench.told(policies, "observability", "default", "Valid"), "True : Policy validation succeeded");
    bench.change(policies, "observability", "default", |one| {
        one["spec"]["ingress"][0]["fromEntities"][0] = "clsuter".into();
    });
    bench.look();
    assert_eq!(bench.told(policies, "observability", "default", "Valid"), "False : unsupported entity: clsuter");
}
