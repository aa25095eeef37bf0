//! LoadBalancer addresses out of Cilium's pools: Services that want one get one, as long as a pool has any.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::Looked;
use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;
use crate::lab::world::range::Range;

/// Cilium's condition of a Service that wants an address.
const CONDITION: &str = "cilium.io/IPAMRequestSatisfied";

/// Gives every Service that lacks an address one, and takes those back from what is no LoadBalancer any more.
pub(crate) fn look(world: &mut World, now: &str) -> Looked {
    let pools: Vec<Value> =
        world.store.list("ciliumloadbalancerippools.cilium.io", "").map(|(_, pool)| pool.value.clone()).collect();
    let mut taken: BTreeSet<IpAddr> = world.store.list("services", "").flat_map(|(_, s)| addresses(&s.value)).collect();
    let mut changed: Vec<(Place, Value)> = Vec::new();
    for (place, stored) in world.store.list("services", "") {
        let mut service = stored.value.clone();
        if judge(&mut service, &pools, &mut taken, now) {
            changed.push((place.clone(), service));
        }
    }
    let any = !changed.is_empty();
    for (place, service) in changed {
        world.store.put(place, service);
    }
    Looked { changed: any, again: None }
}

/// Brings a Service's status into order; whether that changed it.
fn judge(service: &mut Value, pools: &[Value], taken: &mut BTreeSet<IpAddr>, now: &str) -> bool {
    let wants = service["spec"]["type"] == "LoadBalancer" && service["metadata"]["deletionTimestamp"].is_null();
    let has = addresses(service);
    if !wants {
        // One that became another type gives its address back.
        let stale = !has.is_empty() && service["spec"]["type"] != "LoadBalancer";
        if stale {
            service["status"] = json!({ "loadBalancer": {} });
            has.iter().for_each(|address| {
                taken.remove(address);
            });
        }
        return stale;
    }
    if !has.is_empty() {
        return false;
    }
    let asked = service["metadata"]["annotations"]["lbipam.cilium.io/ips"].as_str().map(str::to_string);
    let found = find(asked.as_deref(), pools, taken);
    let (status, reason, message) = match found {
        Ok(_) => ("True", "satisfied", ""),
        Err(reason) => ("False", reason, ""),
    };
    if let Ok(address) = found {
        taken.insert(address);
        service["status"]["loadBalancer"] = json!({ "ingress": [{ "ip": address.to_string(), "ipMode": "VIP" }] });
    }
    let same = service["status"]["conditions"].as_array().is_some_and(|all| {
        all.iter().any(|one| one["type"] == CONDITION && one["status"] == status && one["reason"] == reason)
    });
    if same {
        return false;
    }
    let mut conditions = service["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.retain(|one| one["type"] != CONDITION);
    conditions.push(json!({
        "type": CONDITION, "status": status, "reason": reason, "message": message, "lastTransitionTime": now,
        "observedGeneration": service["metadata"]["generation"],
    }));
    service["status"]["conditions"] = conditions.into();
    true
}

/// An address: the one that was asked for, or the first that is free. Else the reason that Cilium gives.
fn find(asked: Option<&str>, pools: &[Value], taken: &BTreeSet<IpAddr>) -> Result<IpAddr, &'static str> {
    let open = pools.iter().filter(|pool| pool["spec"]["disabled"] != true);
    let ranges: Vec<Range> = open.flat_map(blocks).collect();
    if ranges.is_empty() {
        return Err("no_pool");
    }
    if let Some(asked) = asked.and_then(|asked| asked.split(',').next()?.trim().parse::<IpAddr>().ok()) {
        return match (taken.contains(&asked), ranges.iter().any(|range| range.contains(asked))) {
            (false, true) => Ok(asked),
            (true, _) => Err("already_allocated"),
            (false, false) => Err("not_in_pool"),
        };
    }
    ranges.into_iter().flat_map(Range::addresses).find(|address| !taken.contains(address)).ok_or("out_of_ips")
}

fn blocks(pool: &Value) -> Vec<Range> {
    let one = |block: &Value| {
        let text = match (block["cidr"].as_str(), block["start"].as_str()) {
            (Some(cidr), _) => cidr.to_string(),
            (None, Some(start)) => format!("{start}-{}", block["stop"].as_str().unwrap_or(start)),
            (None, None) => return None,
        };
        text.parse().ok()
    };
    pool["spec"]["blocks"].as_array().map(|all| all.iter().filter_map(one).collect()).unwrap_or_default()
}

fn addresses(service: &Value) -> Vec<IpAddr> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    ingress.map(|all| all.iter().filter_map(|one| one["ip"].as_str()?.parse().ok()).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(disabled: bool) -> Value {
        json!({ "spec": { "disabled": disabled, "blocks": [{ "start": "10.0.0.1", "stop": "10.0.0.2" }] } })
    }

    /// Reason and address that Services get one after the other.
    fn given(services: &mut [Value], pools: &[Value]) -> Vec<String> {
        let mut taken = BTreeSet::new();
        let mut told = Vec::new();
        for service in services {
            judge(service, pools, &mut taken, "2026-01-01T00:00:00Z");
            let reason = service["status"]["conditions"][0]["reason"].as_str().unwrap_or("none");
            told.push(format!("{reason} {}", service["status"]["loadBalancer"]["ingress"][0]["ip"]));
        }
        told
    }

    fn service() -> Value {
        json!({ "metadata": { "name": "web" }, "spec": { "type": "LoadBalancer" } })
    }

    #[test]
    fn services_get_addresses_until_the_pool_is_empty() {
        let mut services = [service(), service(), service()];
        let told = given(&mut services, &[pool(false)]);
        assert_eq!(told, ["satisfied \"10.0.0.1\"", "satisfied \"10.0.0.2\"", "out_of_ips null"]);
        let before = services.clone();
        assert!(!judge(&mut services[0], &[pool(false)], &mut BTreeSet::new(), "later"));
        assert_eq!(services[0], before[0], "what has an address keeps it");
    }

    #[test]
    fn a_disabled_pool_gives_none_and_an_address_can_be_asked_for() {
        assert_eq!(given(&mut [service()], &[pool(true)]), ["no_pool null"]);
        let mut asking = service();
        asking["metadata"]["annotations"] = json!({ "lbipam.cilium.io/ips": "10.0.0.2" });
        assert_eq!(given(&mut [asking.clone()], &[pool(false)]), ["satisfied \"10.0.0.2\""]);
        asking["metadata"]["annotations"] = json!({ "lbipam.cilium.io/ips": "10.0.9.9" });
        assert_eq!(given(&mut [asking], &[pool(false)]), ["not_in_pool null"]);
        let mut inner = json!({ "spec": { "type": "ClusterIP" } });
        assert!(!judge(&mut inner, &[pool(false)], &mut BTreeSet::new(), "now"));
    }
}
