//! Clusters of PostgreSQL: the instances there should be, who of them is the primary, and what happens when it goes.
//!
//! Phases and conditions: github.com/cloudnative-pg/cloudnative-pg `api/v1/cluster_types.go`, `internal/controller`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::budgets::{self, Room};
use super::super::conditions::Condition;
use super::super::site::{Site, after, is_ready};
use super::super::{Operator, pods};
use super::CLUSTERS;
use crate::lab::kube::store::Place;

pub(super) const WATCHES: &[&str] = &[CLUSTERS, "pods", "services", "nodes", "poddisruptionbudgets.policy"];
/// What a switch from one primary to another takes.
const SWITCH: Duration = Duration::from_secs(3);
const HEALTHY: &str = "Cluster in healthy state";

/// The controller.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    /// Since when a switch is under way, by cluster.
    switching: BTreeMap<String, Timestamp>,
}

impl Operator for Clusters {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(CLUSTERS, "") {
            if stored.value["metadata"]["deletionTimestamp"].is_null() {
                self.cluster(site, &place, &stored.value);
            }
        }
    }
}

/// The number at the end of an instance's name.
fn number(name: &str) -> u64 {
    name.rsplit('-').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl Clusters {
    fn cluster(&mut self, site: &mut Site<'_>, place: &Place, object: &Value) {
        let (mut value, stamp) = (object.clone(), site.stamp());
        let wanted = object["spec"]["instances"].as_u64().unwrap_or(1);
        let mut instances = pods::of(site, &place.namespace, "cnpg.io/cluster", &place.name);
        instances.retain(|(at, _)| number(&at.name) > 0 && at.name.starts_with(&format!("{}-", place.name)));
        instances.retain(|(at, pod)| {
            pod["metadata"]["labels"]["cnpg.io/podRole"] != "pooler" && !at.name.contains("pooler")
        });
        instances.sort_by_key(|(at, _)| number(&at.name));
        let alive: Vec<&str> =
            instances.iter().filter(|(_, pod)| is_ready(pod)).map(|(at, _)| at.name.as_str()).collect();
        let text = |key: &str| object["status"][key].as_str().unwrap_or_default().to_owned();
        let (mut primary, mut target) = (text("currentPrimary"), text("targetPrimary"));
        if primary.is_empty() {
            primary = alive.first().copied().unwrap_or_default().to_owned();
            target.clone_from(&primary);
            value["status"]["currentPrimaryTimestamp"] = stamp.as_str().into();
            value["status"]["timelineID"] = 1.into();
        }
        let mut phase = (HEALTHY, "");
        if !alive.contains(&primary.as_str()) && !alive.is_empty() && target == primary {
            target = alive[0].to_owned();
        }
        if target == primary
            && let Some(other) = refuge(site, &instances, &alive, &primary)
        {
            target = other;
        }
        if target != primary {
            // A primary that lives hands over; from one that is gone the standby takes over.
            let over = alive.contains(&primary.as_str());
            phase = if over {
                ("Switchover in progress", "Switching over to ")
            } else {
                ("Failing over", "Failing over to ")
            };
            let begun = *self.switching.entry(format!("{}/{}", place.namespace, place.name)).or_insert(site.now);
            if after(begun, SWITCH) > site.now {
                site.at(after(begun, SWITCH));
            } else if alive.contains(&target.as_str()) {
                primary.clone_from(&target);
                value["status"]["currentPrimaryTimestamp"] = stamp.as_str().into();
                value["status"]["timelineID"] = (value["status"]["timelineID"].as_u64().unwrap_or(1) + 1).into();
                phase = (HEALTHY, "");
            } else {
                target.clone_from(&primary);
            }
        }
        if target == primary {
            self.switching.remove(&format!("{}/{}", place.namespace, place.name));
        }
        let there: Vec<u64> = instances.iter().map(|(at, _)| number(&at.name)).collect();
        let missing = (1..).find(|number| !there.contains(number)).filter(|_| (there.len() as u64) < wanted);
        if let Some(number) = missing {
            let name = format!("{}-{number}", place.name);
            pods::again(site, &place.namespace, &name, instances.first().map(|(_, pod)| pod));
            if phase.0 == HEALTHY {
                phase = ("Creating a new replica", "Creating replica ");
            }
        }
        if there.len() as u64 > wanted
            && let Some((at, _)) = instances.iter().rev().find(|(at, _)| at.name != primary)
        {
            site.delete(at);
        }
        if phase.0 == HEALTHY && (alive.len() as u64) < wanted {
            phase = ("Waiting for the instances to become active", "Some instances are not yet active. Please wait.");
        }
        let well = alive.len() as u64 >= wanted && phase.0 == HEALTHY;
        let reason = match phase.0 {
            "Creating a new replica" => format!("{}{}-{}", phase.1, place.name, missing.unwrap_or(0)),
            "Failing over" | "Switchover in progress" => format!("{}{target}", phase.1),
            _ => phase.1.to_owned(),
        };
        if text("phase") != phase.0 && !text("phase").is_empty() {
            let kind = if well { "ClusterIsReady" } else { phase.0 };
            site.event(object, !well, &kind.replace(' ', ""), &format!("{}: {reason}", phase.0), "cloudnative-pg");
        }
        roles(site, &instances, &primary);
        services(site, place);
        budget(site, place, object, wanted);
        let names: Vec<&str> = instances.iter().map(|(at, _)| at.name.as_str()).collect();
        let failed: Vec<&&str> = names.iter().filter(|name| !alive.contains(*name)).collect();
        let status = &mut value["status"];
        status["phase"] = phase.0.into();
        status["instances"] = names.len().into();
        status["readyInstances"] = alive.len().into();
        status["currentPrimary"] = primary.into();
        status["targetPrimary"] = target.into();
        status["instanceNames"] = json!(names);
        status["instancesStatus"] =
            if failed.is_empty() { json!({ "healthy": alive }) } else { json!({ "healthy": alive, "failed": failed }) };
        status["image"] = object["spec"]["imageName"].clone();
        status["readService"] = format!("{}-r", place.name).into();
        status["writeService"] = format!("{}-rw", place.name).into();
        status["selector"] = format!("cnpg.io/cluster={},cnpg.io/podRole=instance", place.name).into();
        match reason.is_empty() {
            true => drop(status.as_object_mut().map(|status| status.remove("phaseReason"))),
            false => status["phaseReason"] = reason.into(),
        }
        let ready = if well {
            ("True", "ClusterIsReady", "Cluster is Ready")
        } else {
            ("False", "ClusterIsNotReady", "Cluster Is Not Ready")
        };
        Condition::new("Ready", ready.0, ready.1, ready.2).set(&mut value, &stamp);
        if object["spec"]["backup"]["barmanObjectStore"].is_object() {
            archiving(site, &mut value, &stamp);
        }
        for one in value["status"]["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            one.remove("observedGeneration");
        }
        site.put(place, value);
    }
}

/// An instance to hand over to, where the primary's node is about to be drained: one on a node that is not.
fn refuge(site: &Site<'_>, instances: &[(Place, Value)], alive: &[&str], primary: &str) -> Option<String> {
    let closed = |pod: &Value| {
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        site.get("nodes", "", node).is_some_and(|node| node.value["spec"]["unschedulable"] == true)
    };
    let (_, own) = instances.iter().find(|(at, _)| at.name == primary).filter(|(_, pod)| closed(pod))?;
    let others = instances.iter().filter(|(at, pod)| alive.contains(&at.name.as_str()) && !closed(pod));
    let node = &own["spec"]["nodeName"];
    others.filter(|(_, pod)| pod["spec"]["nodeName"] != *node).map(|(at, _)| at.name.clone()).next()
}

/// The primary has to be there, and of its replicas all but one.
fn budget(site: &mut Site<'_>, place: &Place, object: &Value, instances: u64) {
    let labels = |role: &str| json!({ "cnpg.io/cluster": place.name, "cnpg.io/instanceRole": role });
    let wanted = object["spec"]["enablePDB"] != false;
    let primary = format!("{}-primary", place.name);
    budgets::keep(site, object, &primary, &labels("primary"), wanted.then_some(Room::Least(1)));
    let room = instances.checked_sub(2).filter(|least| wanted && *least > 0).map(Room::Least);
    budgets::keep(site, object, &place.name, &labels("replica"), room);
}

/// Whether the write-ahead log arrives at the object store.
fn archiving(site: &Site<'_>, object: &mut Value, stamp: &str) {
    let wrong = super::backups::store(site, object);
    let condition = match &wrong {
        None => ("True", "ContinuousArchivingSuccess", "Continuous archiving is working"),
        Some(why) => ("False", "ContinuousArchivingFailing", why.as_str()),
    };
    Condition::new("ContinuousArchiving", condition.0, condition.1, condition.2).set(object, stamp);
}

/// Labels that say who is what.
fn roles(site: &mut Site<'_>, instances: &[(Place, Value)], primary: &str) {
    for (at, _) in instances {
        let role = if at.name == primary { "primary" } else { "replica" };
        // As it is now: it may be on its way out since a moment.
        let Some(there) = site.objects.store.get(at) else { continue };
        let mut value = there.value.clone();
        for (key, label) in [("cnpg.io/instanceRole", role), ("role", role), ("cnpg.io/instanceName", at.name.as_str())]
        {
            value["metadata"]["labels"][key] = label.into();
        }
        site.put(at, value);
    }
}

/// Services lead to the roles that their names stand for.
fn services(site: &mut Site<'_>, place: &Place) {
    for (end, role) in [("rw", Some("primary")), ("ro", Some("replica")), ("r", None)] {
        let at = Place::new("services", &place.namespace, &format!("{}-{end}", place.name));
        let Some(there) = site.objects.store.get(&at) else { continue };
        let mut value = there.value.clone();
        value["spec"]["selector"] = json!({ "cnpg.io/cluster": place.name, "cnpg.io/podRole": "instance" });
        if let Some(role) = role {
            value["spec"]["selector"]["cnpg.io/instanceRole"] = role.into();
        }
        site.put(&at, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    const NS: &str = "cnpg-system";

    fn unready(bench: &Bench, name: &str) {
        bench.change("pods", NS, name, |pod| {
            pod["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
        });
    }

    #[test]
    fn a_primary_that_goes_is_replaced() {
        let mut bench = Bench::new("spec", "apps");
        let of = |bench: &Bench| bench.get(CLUSTERS, NS, "shared-postgres")["status"].clone();
        let status = of(&bench);
        assert_eq!(
            (&status["phase"], &status["readyInstances"], &status["currentPrimary"]),
            (&json!(HEALTHY), &json!(3), &json!("shared-postgres-1"))
        );
        assert_eq!(
            bench.get("services", NS, "shared-postgres-rw")["spec"]["selector"]["cnpg.io/instanceRole"],
            "primary"
        );
        unready(&bench, "shared-postgres-1");
        bench.look();
        assert_eq!(of(&bench)["phase"], "Failing over");
        bench.pass(5);
        assert_eq!(of(&bench)["currentPrimary"], "shared-postgres-2");
        assert_eq!(of(&bench)["phase"], "Waiting for the instances to become active");
        assert_eq!(bench.get("pods", NS, "shared-postgres-2")["metadata"]["labels"]["role"], "primary");
        bench.delete("pods", NS, "shared-postgres-1");
        bench.look();
        let again = bench.get("pods", NS, "shared-postgres-1");
        assert_eq!(again["metadata"]["labels"]["cnpg.io/cluster"], "shared-postgres");
        assert!(again["spec"]["nodeName"].is_null(), "the scheduler has to find it a node");
    }

    #[test]
    fn fewer_instances_are_wanted() {
        let mut bench = Bench::new("spec", "apps");
        bench.change(CLUSTERS, NS, "shared-postgres", |one| one["spec"]["instances"] = 1.into());
        bench.look();
        let gone = bench.get("pods", NS, "shared-postgres-3");
        assert!(!gone["metadata"]["deletionTimestamp"].is_null());
    }
}
