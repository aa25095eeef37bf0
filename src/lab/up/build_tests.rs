//! A cluster that is built up, with the lab's clock walked by hand.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::lab::clock::{LabClock, Pace};
use crate::lab::controllers::{self, network};
use crate::lab::world::{Stand, read, stage};

struct Site {
    world: Arc<World>,
    cluster: Arc<Cluster>,
    clock: LabClock,
    end: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Site {
    /// A cluster at a stage, and what builds it; with nobody who makes pods.
    fn at(stage: &str) -> Self {
        let clock = LabClock::new("2026-11-01T08:00:00Z".parse().unwrap(), Pace::Still);
        let world = World::new(read::embedded("monosense").unwrap(), Arc::new(clock.clone()));
        world.put_at("infra", stage).unwrap();
        let (cluster, _) = crate::lab::up::plant::cluster(&world, "infra");
        let end = CancellationToken::new();
        tokio::spawn(run(world.clone(), cluster.clone(), end.clone()));
        let now = world.clock.clone();
        let look = move |objects: &mut _| network::look(objects, &time(now.now()));
        tokio::spawn(controllers::run(cluster.clone(), end.clone(), look));
        Self { world, cluster, clock, end }
    }

    fn stand(&self) -> Stand {
        self.world.stand("infra").unwrap()
    }

    fn stage(&self) -> &str {
        &self.world.stage("infra").unwrap().name
    }

    fn names(&self, resource: &str) -> Vec<String> {
        self.cluster.world().store.list(resource, "").map(|(place, _)| place.name.clone()).collect()
    }

    /// Has everything of the present objects run, as controllers would.
    fn run_all(&self) {
        let mut world = self.cluster.world();
        let mut run = Vec::new();
        for resource in ["deployments.apps", "statefulsets.apps", "daemonsets.apps"] {
            for (place, stored) in world.store.list(resource, "") {
                let mut value = stored.value.clone();
                let wanted = value["spec"]["replicas"].as_u64().unwrap_or(3);
                value["status"] = json!({ "readyReplicas": wanted, "desiredNumberScheduled": 3, "numberReady": 3 });
                run.push((place.clone(), value));
            }
        }
        run.into_iter().for_each(|(place, value)| drop(world.store.put(place, value)));
        for node in ["infra-01", "infra-02", "infra-03"] {
            let pod = json!({ "apiVersion": "v1", "kind": "Pod", "spec": { "nodeName": node },
                "metadata": { "name": format!("cilium-{node}"), "namespace": "kube-system", "labels": { "k8s-app": "cilium" } },
                "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
            world.plant(&pod, self.world.clock.now());
        }
        let revision = world.store.revision();
        drop(world);
        self.cluster.ring(revision);
    }
}

/// What walks of seconds need.
const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test]
async fn machines_come_first_then_the_api_server_then_one_node_after_the_other() {
    let site = Site::at("bare");
    assert!(!site.world.api_runs("infra"));
    site.world.advance("infra", "api").unwrap();
    site.clock.walk(seconds(44)).await;
    assert_eq!((site.stage(), site.stand().machines), ("bare", Machines::Maintenance));
    site.clock.walk(seconds(2)).await;
    assert_eq!((site.stage(), site.stand().machines), ("configured", Machines::Configured));
    site.clock.walk(seconds(20)).await;
    assert!(site.world.api_runs("infra"));
    assert_eq!(site.names("nodes"), Vec::<String>::new(), "no kubelet has registered");
    site.clock.walk(seconds(2)).await;
    assert_eq!(site.names("nodes"), ["infra-01"]);
    site.clock.walk(seconds(30)).await;
    assert_eq!(site.stage(), "api");
    assert_eq!(site.names("nodes"), ["infra-01", "infra-02", "infra-03"]);
    assert!(site.names("customresourcedefinitions.apiextensions.k8s.io").is_empty());
}

#[tokio::test]
async fn a_stage_is_reached_when_what_it_brings_runs_and_not_before() {
    let site = Site::at("api");
    site.world.advance("infra", "core").unwrap();
    site.clock.walk(seconds(3600)).await;
    assert_eq!(site.stage(), "crds", "nobody starts the pods of the next one");
    assert!(site.names("daemonsets.apps").contains(&"cilium".to_string()));
    assert_eq!(site.names("pods"), Vec::<String>::new(), "they are the controllers' to make");
    site.run_all();
    site.clock.walk(seconds(60)).await;
    assert_eq!(site.stage(), "core");
    let node = site.cluster.world().store.get(&Place::new("nodes", "", "infra-02")).unwrap().value.clone();
    let ready = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
    assert!(node["status"]["conditions"].as_array().unwrap().iter().any(ready), "{node}");
}

#[tokio::test]
async fn what_is_there_at_the_end_is_what_a_complete_cluster_has() {
    let site = Site::at("bare");
    site.world.advance("infra", stage::COMPLETE).unwrap();
    for _ in 0..12 {
        site.clock.walk(seconds(120)).await;
        site.run_all();
    }
    site.clock.walk(seconds(120)).await;
    assert_eq!(site.stage(), "workloads");
    let complete = Site::at(stage::COMPLETE);
    for resource in
        ["namespaces", "services", "deployments.apps", "daemonsets.apps", "ciliumloadbalancerippools.cilium.io"]
    {
        assert_eq!(site.names(resource), complete.names(resource), "{resource}");
    }
    let pool = |site: &Site| {
        let place = Place::new("ciliumloadbalancerippools.cilium.io", "", "infra-pool");
        let value = site.cluster.world().store.get(&place).unwrap().value.clone();
        value["status"]["conditions"].as_array().map(Vec::len)
    };
    assert_eq!(pool(&site), pool(&complete), "what runs has written its status");
}
