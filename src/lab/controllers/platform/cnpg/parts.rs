//! Poolers with the Deployments behind them, and Databases within a cluster.

use serde_json::{Value, json};

use super::super::Operator;
use super::super::site::{Site, is_ready};
use super::CLUSTERS;
use crate::lab::kube::store::Place;

pub(super) const POOLERS: &[&str] = &["poolers.postgresql.cnpg.io", "deployments.apps"];
pub(super) const DATABASES: &[&str] = &["databases.postgresql.cnpg.io", CLUSTERS];

/// The controller of poolers.
#[derive(Debug)]
pub(super) struct Poolers;

impl Operator for Poolers {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(POOLERS[0], "") {
            let object = &*stored.value;
            let cluster = object["spec"]["cluster"]["name"].as_str().unwrap_or_default();
            if site.get(CLUSTERS, &place.namespace, cluster).is_none() {
                continue;
            }
            let wanted = object["spec"]["instances"].as_u64().unwrap_or(1);
            let at = Place::new(POOLERS[1], &place.namespace, &place.name);
            let mut ready = 0;
            if let Some(there) = site.objects.store.get(&at) {
                let mut deployment = there.value.clone();
                ready = deployment["status"]["readyReplicas"].as_u64().unwrap_or(0);
                if deployment["spec"]["replicas"] != wanted {
                    deployment["spec"]["replicas"] = wanted.into();
                    deployment["metadata"]["generation"] =
                        (deployment["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
                    site.put(&at, deployment);
                }
            } else {
                let made = deployment(&place, object, wanted);
                site.create(&made);
            }
            let mut value = object.clone();
            value["status"]["instances"] = ready.into();
            value["status"]["secrets"] =
                json!({ "pgBouncerSecrets": { "authQuery": { "name": format!("{cluster}-pooler") } } });
            site.put(&place, value);
        }
    }
}

fn deployment(place: &Place, pooler: &Value, replicas: u64) -> Value {
    let labels = json!({
        "app.kubernetes.io/name": place.name, "cnpg.io/poolerName": place.name, "cnpg.io/podRole": "pooler",
        "cnpg.io/cluster": pooler["spec"]["cluster"]["name"],
    });
    let image = pooler["spec"]["pgbouncer"]["image"].as_str().unwrap_or("ghcr.io/cloudnative-pg/pgbouncer:1.24.1");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": place.name, "namespace": place.namespace, "labels": labels, "generation": 1,
            "ownerReferences": [{ "apiVersion": pooler["apiVersion"], "kind": "Pooler", "name": place.name,
                                  "uid": pooler["metadata"]["uid"], "controller": true }],
        },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "cnpg.io/poolerName": place.name } },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": [
                { "name": "pgbouncer", "image": image, "ports": [{ "containerPort": 5432, "name": "pgbouncer", "protocol": "TCP" }] }] } },
        },
    })
}

/// What applies Databases: the primary of their cluster.
#[derive(Debug)]
pub(super) struct Databases;

impl Operator for Databases {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(DATABASES[0], "") {
            let object = &*stored.value;
            let cluster = object["spec"]["cluster"]["name"].as_str().unwrap_or_default();
            let Some(cluster) = site.get(CLUSTERS, &place.namespace, cluster) else { continue };
            let primary = cluster.value["status"]["currentPrimary"].as_str().unwrap_or_default();
            if site.get("pods", &place.namespace, primary).is_none_or(|pod| !is_ready(&pod.value)) {
                continue;
            }
            let mut value = object.clone();
            let name = object["spec"]["name"].as_str().unwrap_or_default();
            let reserved = ["postgres", "template0", "template1"].contains(&name);
            // Two that want the same database: the first has it.
            let first = site.all(DATABASES[0], &place.namespace).into_iter().find(|(_, other)| {
                other.value["spec"]["name"] == name && other.value["spec"]["cluster"] == object["spec"]["cluster"]
            });
            let taken = first.filter(|(other, _)| other.name != place.name).map(|(other, _)| other.name);
            match (reserved, taken) {
                (true, _) => refuse(&mut value, &format!("name {name} is reserved")),
                (_, Some(other)) => refuse(
                    &mut value,
                    &format!("reconciliation error: database {name} is already managed by object {other}"),
                ),
                _ => {
                    value["status"]["applied"] = true.into();
                    value["status"].as_object_mut().map(|status| status.remove("message"));
                }
            }
            value["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
            site.put(&place, value);
        }
    }
}

fn refuse(value: &mut Value, message: &str) {
    value["status"]["applied"] = false.into();
    value["status"]["message"] = message.into();
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::Bench;
    use super::*;

    #[test]
    fn a_pooler_scales_its_deployment_and_databases_are_applied() {
        let mut bench = Bench::new("spec", "apps");
        let (ns, name) = ("cnpg-system", "gitlab-pooler-rw");
        assert_eq!(bench.get(POOLERS[0], ns, name)["status"]["instances"], 2);
        bench.change(POOLERS[0], ns, name, |pooler| pooler["spec"]["instances"] = 0.into());
        bench.look();
        assert_eq!(bench.get(POOLERS[1], ns, name)["spec"]["replicas"], 0);
        assert_eq!(bench.get(DATABASES[0], ns, "gitlab")["status"]["applied"], true);
        bench.change(DATABASES[0], ns, "harbor", |one| one["spec"]["name"] = "gitlabhq_production".into());
        bench.look();
        let told = bench.get(DATABASES[0], ns, "harbor")["status"]["message"].to_string();
        assert!(told.contains("already managed by object gitlab"), "{told}");
    }
}
