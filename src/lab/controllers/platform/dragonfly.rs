//! Dragonfly's operator: a StatefulSet with as many replicas as are wanted, one of them the master.
//!
//! Source: github.com/dragonflydb/dragonfly-operator `internal/controller`.

use serde_json::{Value, json};

use super::site::{Site, is_ready};
use super::{Hand, Operator, pods};
use crate::lab::kube::store::Place;

const WATCHES: &[&str] = &["dragonflies.dragonflydb.io", "statefulsets.apps", "pods", "services"];
const RESOURCE: &str = WATCHES[0];

pub(super) fn rows() -> Vec<Hand> {
    vec![("dragonfly-operator", WATCHES, Box::new(Dragonflies))]
}

#[derive(Debug)]
struct Dragonflies;

impl Operator for Dragonflies {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(RESOURCE, "") {
            let object = &*stored.value;
            let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1);
            let at = Place::new(WATCHES[1], &place.namespace, &place.name);
            let Some(there) = site.objects.store.get(&at).cloned() else {
                let made = set(&place, object, wanted);
                site.create(&made);
                continue;
            };
            let mut set = there.value.clone();
            if set["spec"]["replicas"] != wanted {
                set["spec"]["replicas"] = wanted.into();
                set["metadata"]["generation"] = (set["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
                site.put(&at, set);
            }
            let mut all = pods::of(site, &place.namespace, "app.kubernetes.io/name", &place.name);
            all.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
            let ready: Vec<&(Place, Value)> = all.iter().filter(|(_, pod)| is_ready(pod)).collect();
            // The master stays as long as it lives.
            let master = ready.iter().find(|(_, pod)| pod["metadata"]["labels"]["role"] == "master").or(ready.first());
            let master = master.map(|(at, _)| at.name.clone()).unwrap_or_default();
            for (at, pod) in &all {
                let mut value = pod.clone();
                value["metadata"]["labels"]["role"] = if at.name == master { "master" } else { "replica" }.into();
                site.put(at, value);
            }
            let service = Place::new("services", &place.namespace, &place.name);
            if let Some(there) = site.objects.store.get(&service) {
                let mut value = there.value.clone();
                value["spec"]["selector"] = json!({ "app.kubernetes.io/name": place.name, "role": "master" });
                site.put(&service, value);
            }
            let mut value = object.clone();
            let whole = ready.len() as u64 >= wanted;
            value["status"]["phase"] = if whole { "ready" } else { "resources-created" }.into();
            value["status"]["isRollingUpdate"] = false.into();
            site.put(&place, value);
        }
    }
}

fn set(place: &Place, object: &Value, replicas: u64) -> Value {
    let labels =
        json!({ "app.kubernetes.io/name": place.name, "app": place.name, "app.kubernetes.io/part-of": "dragonfly" });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": place.name, "namespace": place.namespace, "labels": labels, "generation": 1,
                      "ownerReferences": [{ "apiVersion": object["apiVersion"], "kind": "Dragonfly", "name": place.name,
                                            "uid": object["metadata"]["uid"], "controller": true }] },
        "spec": {
            "replicas": replicas, "serviceName": place.name, "selector": { "matchLabels": { "app.kubernetes.io/name": place.name } },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": [
                { "name": "dragonfly", "image": object["spec"]["image"], "ports": [{ "containerPort": 6379, "protocol": "TCP" }] }] } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_master_that_goes_is_replaced_and_replicas_follow_the_spec() {
        let mut bench = Bench::new("spec", "apps");
        let (ns, name) = ("dragonfly-system", "dragonfly");
        let role = |bench: &Bench, pod: &str| bench.get("pods", ns, pod)["metadata"]["labels"]["role"].clone();
        assert_eq!(
            (role(&bench, "dragonfly-0"), bench.get(RESOURCE, ns, name)["status"]["phase"].clone()),
            (json!("master"), json!("ready"))
        );
        bench.change("pods", ns, "dragonfly-0", |pod| pod["status"]["conditions"] = json!([]));
        bench.look();
        assert_eq!((role(&bench, "dragonfly-0"), role(&bench, "dragonfly-1")), (json!("replica"), json!("master")));
        assert_eq!(bench.get(RESOURCE, ns, name)["status"]["phase"], "resources-created");
        bench.change(RESOURCE, ns, name, |one| one["spec"]["replicas"] = 1.into());
        bench.look();
        assert_eq!(bench.get(WATCHES[1], ns, name)["spec"]["replicas"], 1);
    }
}
