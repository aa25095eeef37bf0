//! notification-controller's Receivers, and flux-operator's FluxInstances and ResourceSets.

use super::super::Operator;
use super::super::site::Site;
use super::super::upstream::Item;
use super::health::{self, Health};
use super::{conditions, handled, instance, ready};
use crate::lab::world::objects::names::hex;

pub(super) const RECEIVERS: &[&str] = &["receivers.notification.toolkit.fluxcd.io", "secrets"];
pub(super) const INSTANCES: &[&str] =
    &["fluxinstances.fluxcd.controlplane.io", "resourcesets.fluxcd.controlplane.io", "deployments.apps"];

/// notification-controller.
#[derive(Debug)]
pub(super) struct Receivers;

impl Operator for Receivers {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(RECEIVERS[0], "") {
            if stored.value["spec"]["suspend"] == true {
                continue;
            }
            let (mut object, stamp) = (stored.value.clone(), site.stamp());
            let (namespace, name) = (place.namespace.as_str(), place.name.as_str());
            let secret = object["spec"]["secretRef"]["name"].as_str().unwrap_or_default().to_owned();
            if site.get("secrets", namespace, &secret).is_none() {
                let why = format!(
                    "unable to read token from secret '{namespace}/{secret}' error: Secret \"{secret}\" not found"
                );
                ready(&mut object, "False", "TokenNotFound", &why, &stamp);
            } else {
                let path = format!("/hook/{}", hex(&["hook", name, namespace, &secret], 64));
                ready(&mut object, "True", "Succeeded", &format!("Receiver initialized for path: {path}"), &stamp);
                object["status"]["webhookPath"] = path.into();
            }
            object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
            handled(&mut object);
            site.put(&place, object);
        }
    }
}

/// flux-operator.
#[derive(Debug)]
pub(super) struct Instances;

impl Operator for Instances {
    fn look(&mut self, site: &mut Site<'_>) {
        let all: Vec<_> = INSTANCES[..2].iter().flat_map(|kind| site.all(kind, "")).collect();
        for (place, stored) in all {
            let (mut object, stamp) = (stored.value.clone(), site.stamp());
            if object["metadata"]["annotations"]["fluxcd.controlplane.io/reconcile"] == "disabled" {
                continue;
            }
            let components: Vec<String> = object["spec"]["components"]
                .as_array()
                .map(|all| all.iter().filter_map(|one| one.as_str().map(String::from)).collect())
                .unwrap_or_default();
            let is_instance = object["kind"] == "FluxInstance";
            if is_instance {
                instance::manage(site, &place.namespace, &mut object, &components);
            }
            let item = |name: &String| Item {
                version: "apps/v1".into(),
                kind: "Deployment".into(),
                namespace: place.namespace.clone(),
                name: name.clone(),
            };
            let ill = components
                .iter()
                .map(|name| (name, health::of(site, &item(name))))
                .find(|(_, how)| *how != Health::Current);
            match ill {
                Some((_, Health::InProgress)) if is_instance && instance::upgrades(&object) => {
                    ready(&mut object, "Unknown", "Progressing", "Reconciliation in progress", &stamp);
                }
                Some((name, how)) => {
                    let why = format!(
                        "timeout waiting for: [Deployment/{}/{name} status: '{}']",
                        place.namespace,
                        how.word()
                    );
                    ready(&mut object, "False", "HealthCheckFailed", &why, &stamp);
                }
                None => {
                    ready(&mut object, "True", "ReconciliationSucceeded", "Reconciliation finished in 2s", &stamp);
                    if is_instance {
                        instance::applied(site, &place.namespace, &mut object, &components);
                    }
                    object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
                }
            }
            if conditions::text(&object, "Ready", "status") != conditions::text(&stored.value, "Ready", "status") {
                let (reason, message) = (
                    conditions::text(&object, "Ready", "reason").to_owned(),
                    conditions::text(&object, "Ready", "message").to_owned(),
                );
                let warning = conditions::text(&object, "Ready", "status") == "False";
                site.event(&stored.value, warning, &reason, &message, "flux-operator");
            }
            handled(&mut object);
            site.put(&place, object);
        }
    }
}
