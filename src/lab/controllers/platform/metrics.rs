//! VictoriaMetrics' operator: its objects are operational as long as what they run is ready.
//!
//! Source: github.com/VictoriaMetrics/operator `api/operator/v1beta1` (`updateStatus`).

use serde_json::{Value, json};

use super::site::Site;
use super::{Hand, Operator};

const WATCHES: &[&str] = &[
    "vmagents.operator.victoriametrics.com",
    "vmclusters.operator.victoriametrics.com",
    "vmauths.operator.victoriametrics.com",
    "vmalerts.operator.victoriametrics.com",
    "vmalertmanagers.operator.victoriametrics.com",
    "vmusers.operator.victoriametrics.com",
    "vmrules.operator.victoriametrics.com",
    "vmservicescrapes.operator.victoriametrics.com",
    "vmpodscrapes.operator.victoriametrics.com",
    "secrets",
    "deployments.apps",
    "statefulsets.apps",
];

pub(super) fn rows() -> Vec<Hand> {
    vec![("victoria-metrics-operator", WATCHES, Box::new(Metrics))]
}

#[derive(Debug)]
struct Metrics;

impl Operator for Metrics {
    fn look(&mut self, site: &mut Site<'_>) {
        for kind in &WATCHES[..9] {
            for (place, stored) in site.all(kind, "") {
                let (mut value, object) = (stored.value.clone(), &stored.value);
                let judged = match object["kind"].as_str() {
                    Some("VMCluster") => ["vminsert", "vmselect", "vmstorage"].iter().try_for_each(|part| {
                        let wanted = object["spec"][part]["replicaCount"].as_u64().unwrap_or(0);
                        if wanted == 0 { Ok(()) } else { runs(site, &place.namespace, part, wanted) }
                    }),
                    Some("VMUser") => user(site, &place.namespace, object),
                    Some("VMRule") => rule(object),
                    Some("VMServiceScrape" | "VMPodScrape") => Ok(()),
                    _ => {
                        let wanted = object["spec"]["replicaCount"].as_u64().unwrap_or(1);
                        runs(site, &place.namespace, &place.name, wanted)
                    }
                };
                let status = &mut value["status"];
                match judged {
                    Ok(()) => {
                        status["updateStatus"] = "operational".into();
                        status.as_object_mut().map(|status| status.remove("reason"));
                    }
                    Err((state, why)) => {
                        status["updateStatus"] = state.into();
                        status["reason"] = why.into();
                    }
                }
                status["observedGeneration"] = object["metadata"]["generation"].clone();
                if object["kind"] == "VMAgent" {
                    status["replicas"] = object["spec"]["replicaCount"].as_u64().unwrap_or(1).into();
                    status["shards"] = 1.into();
                }
                site.put(&place, value);
            }
        }
    }
}

/// Whether a part has as many ready as are wanted; more or fewer are asked of its workload.
fn runs(site: &mut Site<'_>, namespace: &str, name: &str, wanted: u64) -> Result<(), (&'static str, String)> {
    for kind in ["deployments.apps", "statefulsets.apps"] {
        let Some(there) = site.get(kind, namespace, name) else { continue };
        if there.value["spec"]["replicas"] != wanted {
            let mut value = there.value.clone();
            value["spec"]["replicas"] = wanted.into();
            value["metadata"]["generation"] = (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
            site.put(&crate::lab::kube::store::Place::new(kind, namespace, name), value);
        }
        let ready = there.value["status"]["readyReplicas"].as_u64().unwrap_or(0);
        return if ready >= wanted {
            Ok(())
        } else {
            Err(("expanding", format!("waiting for {namespace}/{name}: {ready} of {wanted} replicas are ready")))
        };
    }
    Err(("failed", format!("cannot get workload {namespace}/{name}: not found")))
}

fn user(site: &Site<'_>, namespace: &str, object: &Value) -> Result<(), (&'static str, String)> {
    let reference = &object["spec"]["passwordRef"];
    let Some(name) = reference["name"].as_str() else { return Ok(()) };
    let key = reference["key"].as_str().unwrap_or("password");
    match site.get("secrets", namespace, name) {
        Some(secret) if !secret.value["data"][key].is_null() => Ok(()),
        _ => Err((
            "failed",
            format!(
                "cannot get secret for passwordRef: secret \"{namespace}/{name}\" has no key \"{key}\" or is missing"
            ),
        )),
    }
}

/// Every rule has an expression, and is either an alert or a record.
fn rule(object: &Value) -> Result<(), (&'static str, String)> {
    for group in object["spec"]["groups"].as_array().into_iter().flatten() {
        for rule in group["rules"].as_array().into_iter().flatten() {
            let named = rule["alert"].is_string() != rule["record"].is_string();
            let expression = rule["expr"].as_str().unwrap_or_default();
            let open = expression.matches(['(', '{', '[']).count();
            if !named || expression.is_empty() || open != expression.matches([')', '}', ']']).count() {
                let name = rule["alert"].as_str().or(rule["record"].as_str()).unwrap_or("rule");
                return Err((
                    "failed",
                    format!(
                        "validation failed: group {}: invalid expression for rule {name:?}: {}",
                        group["name"],
                        json!(expression)
                    ),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::Bench;
    use super::*;

    #[test]
    fn objects_are_operational_as_long_as_they_run() {
        let mut bench = Bench::new("monosense", "infra");
        let of = |bench: &Bench| bench.get(WATCHES[1], "observability", "victoria-metrics")["status"].clone();
        assert_eq!(of(&bench)["updateStatus"], "operational");
        bench
            .change("statefulsets.apps", "observability", "vmstorage", |one| one["status"]["readyReplicas"] = 2.into());
        bench.look();
        assert_eq!(of(&bench)["reason"], "waiting for observability/vmstorage: 2 of 3 replicas are ready");
        bench.change(WATCHES[6], "observability", "flux", |one| {
            one["spec"]["groups"][0]["rules"][0]["expr"] = "up{".into();
        });
        bench.look();
        assert_eq!(bench.get(WATCHES[6], "observability", "flux")["status"]["updateStatus"], "failed");
    }
}
