//! What the nodes tell the router, by the objects of their cluster and by what is wrong with the world.

use std::time::Duration;

use super::super::fixed::Fixed;
use super::super::live::Live;
use super::*;
use crate::clock::Clock;
use crate::lab::clock::{LabClock, Pace};
use crate::lab::ssh::console::Console;
use crate::lab::world::{objects, read};

/// The default topology with its objects, and a clock that stands.
struct Bench {
    world: Arc<World>,
    clock: LabClock,
    infra: Arc<Fixed>,
    live: Arc<Live>,
}

impl Bench {
    fn new() -> Self {
        let topology = read::embedded("monosense").unwrap();
        let clock = LabClock::new("2026-11-23T12:00:00Z".parse().unwrap(), Pace::Still);
        let made = |cluster: &str| Arc::new(Fixed::new(objects::all(&topology, cluster, clock.now())));
        let (infra, apps) = (made("infra"), made("apps"));
        let world = World::new(topology.clone(), Arc::new(clock.clone()));
        let source = |name: &str, objects: &Arc<Fixed>| Source { cluster: name.into(), objects: objects.clone() };
        let live = Live::new(world.clone(), vec![source("infra", &infra), source("apps", &apps)]);
        Self { world, clock, infra, live }
    }

    /// The prefixes that the table has from a node.
    fn from(&self, node: &str) -> Vec<String> {
        self.live.look();
        let table = self.live.answer(&format!("show ip bgp neighbors {node} routes json"), false).text;
        if table.is_empty() {
            return Vec::new();
        }
        let table: Value = serde_json::from_str(&table).unwrap();
        table["routes"].as_object().unwrap().keys().cloned().collect()
    }

    fn change(&self, kind: &str, name: &str, how: impl Fn(&mut Value)) {
        self.infra.change(|all| {
            let wanted = |object: &&mut Value| object["kind"] == kind && object["metadata"]["name"] == name;
            how(all.iter_mut().find(wanted).unwrap());
        });
    }

    fn after(&self, seconds: u64) {
        self.live.look();
        self.clock.jump(Duration::from_secs(seconds));
    }
}

const ALL: [&str; 3] = ["10.25.11.100/32", "10.25.11.110/32", "10.25.11.111/32"];
const GATEWAY: &str = "cilium-gateway-cilium-gateway-external";

#[test]
fn in_a_healthy_world_every_node_tells_of_every_address() {
    let bench = Bench::new();
    for node in ["10.25.11.11", "10.25.11.12", "10.25.11.13"] {
        assert_eq!(bench.from(node), ALL, "{node}");
    }
    let summary = bench.live.answer("show ip bgp summary", false).text;
    assert_eq!(summary.lines().filter(|line| line.contains("3d07h41m")).count(), 6, "{summary}");
}

#[test]
fn a_node_that_is_drained_takes_its_addresses_back_and_keeps_its_session() {
    let bench = Bench::new();
    bench.change("Node", "infra-02", |node| node["spec"]["unschedulable"] = true.into());
    assert!(bench.from("10.25.11.12").is_empty());
    let line = bench.live.answer("show ip bgp summary | include infra-02", false).text;
    assert_eq!(line.split_whitespace().nth(9), Some("0"), "{line}");
    bench.change("Node", "infra-02", |node| node["spec"]["unschedulable"] = false.into());
    assert_eq!(bench.from("10.25.11.12"), ALL);
}

#[test]
fn a_killed_agent_is_missed_after_the_hold_time() {
    let bench = Bench::new();
    let cause = Cause::process("infra-01", BGP);
    bench.world.put(cause.clone());
    bench.after(8);
    assert_eq!(bench.from("10.25.11.11"), ALL);
    bench.after(1);
    assert!(bench.from("10.25.11.11").is_empty());
    bench.world.lift(&cause);
    bench.after(2);
    assert_eq!(bench.from("10.25.11.11"), ALL);
}

#[test]
fn a_service_that_no_advertisement_selects_is_not_told_of() {
    let bench = Bench::new();
    bench.change("CiliumBGPAdvertisement", "services", |advertisement| {
        let selector = &mut advertisement["spec"]["advertisements"][0]["selector"];
        *selector = serde_json::json!({ "matchLabels": { "app.kubernetes.io/name": GATEWAY } });
    });
    assert_eq!(bench.from("10.25.11.12"), ["10.25.11.110/32"]);
}

#[test]
fn traffic_that_stays_on_its_node_is_told_of_where_pods_are() {
    let bench = Bench::new();
    bench.change("Service", "clustermesh-apiserver", |service| {
        service["spec"]["externalTrafficPolicy"] = "Local".into();
    });
    let with = |node: &str| bench.from(node).contains(&"10.25.11.100/32".to_string());
    assert_eq!((with("10.25.11.11"), with("10.25.11.12"), with("10.25.11.13")), (true, false, false));
}

#[test]
fn without_a_configuration_there_is_no_session_and_with_a_wrong_as_neither() {
    let bench = Bench::new();
    bench.change("CiliumBGPClusterConfig", "bgp", |config| {
        config["spec"]["nodeSelector"] = serde_json::json!({ "matchLabels": { "rack": "none" } });
    });
    let state = |name: &str| {
        bench.live.look();
        let line = bench.live.answer(&format!("show ip bgp summary | include {name}"), false).text;
        line.split_whitespace().nth(9).unwrap().to_string()
    };
    assert_eq!((state("infra-03"), state("apps-01")), ("Idle".into(), "3".into()));
    let bench = Bench::new();
    bench.world.put(Cause::Asn { node: "infra-03".into(), asn: 64999 });
    bench.after(5);
    let line = bench.live.answer("show ip bgp summary | include infra-03", false).text;
    assert_eq!(line.split_whitespace().nth(9), Some("Active"), "{line}");
}

#[tokio::test]
async fn what_changes_is_heard_by_itself() {
    let bench = Bench::new();
    let end = CancellationToken::new();
    let task = tokio::spawn(bench.live.clone().listen(end.clone()));
    tokio::task::yield_now().await;
    bench.world.put(Cause::NeighbourShut { neighbour: "10.25.11.13".parse().unwrap() });
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while !bench.live.answer("show ip bgp summary", false).text.contains("Idle (Admin)") {
        assert!(std::time::Instant::now() < until, "the change was not heard");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    end.cancel();
    task.await.unwrap();
}

use tokio_util::sync::CancellationToken;
