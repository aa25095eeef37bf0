//! What Flux, cert-manager, External Secrets and VolSync show of their objects.

use super::{Maker, Out, Scope, born, condition, seconds, text, turned};
use crate::lab::services::promql::Shape;

pub(super) const TABLE: &[(&[&str], Maker)] = &[
    (&["gotk_resource_info", "gotk_reconcile_condition", "gotk_suspend_status"], flux),
    (
        &[
            "gotk_reconcile_duration_seconds_bucket",
            "gotk_reconcile_duration_seconds_count",
            "gotk_reconcile_duration_seconds_sum",
        ],
        durations,
    ),
    (&["certmanager_certificate_expiration_timestamp_seconds", "certmanager_certificate_ready_status"], certificates),
    (
        &["externalsecret_status_condition", "externalsecret_sync_calls_total", "externalsecret_sync_calls_error"],
        secrets,
    ),
    (&["volsync_volume_out_of_sync", "volsync_missed_intervals_total"], volsync),
];

/// Flux' kinds, with the controller that shows them.
const FLUX: [(&str, &str, &str); 6] = [
    ("kustomizations.kustomize.toolkit.fluxcd.io", "Kustomization", "kustomize-controller"),
    ("helmreleases.helm.toolkit.fluxcd.io", "HelmRelease", "helm-controller"),
    ("gitrepositories.source.toolkit.fluxcd.io", "GitRepository", "source-controller"),
    ("helmrepositories.source.toolkit.fluxcd.io", "HelmRepository", "source-controller"),
    ("ocirepositories.source.toolkit.fluxcd.io", "OCIRepository", "source-controller"),
    ("helmcharts.source.toolkit.fluxcd.io", "HelmChart", "source-controller"),
];

fn runs(scope: &Scope<'_>, controller: &str) -> bool {
    let world = scope.cluster.world();
    let mut pods = world.store.list("pods", "flux-system").map(|(_, pod)| &*pod.value);
    pods.any(|pod| {
        let image = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        crate::lab::services::programs::bare(image) == controller && crate::lab::services::ready(pod)
    })
}

fn flux(scope: &Scope<'_>, out: &mut Out) {
    for (resource, kind, controller) in FLUX {
        if !runs(scope, controller) {
            continue;
        }
        for object in scope.list(resource) {
            let own = [
                ("customresource_kind", kind),
                ("exported_namespace", text(&object, "/metadata/namespace")),
                ("name", text(&object, "/metadata/name")),
            ];
            let ready =
                condition(&object, "Ready").map_or("Unknown", |one| one["status"].as_str().unwrap_or("Unknown"));
            let suspended = if object["spec"]["suspend"] == true { "true" } else { "false" };
            let revision = text(&object, "/status/lastAppliedRevision");
            out.level(
                "gotk_resource_info",
                &[own[0], own[1], own[2], ("ready", ready), ("suspended", suspended), ("revision", revision)],
                1.0,
            );
            let own = [("kind", kind), own[1], own[2]];
            out.flag("gotk_suspend_status", &own, suspended == "true");
            for status in ["True", "False", "Unknown"] {
                let shape = match status {
                    "True" => turned(&object, "Ready", 1.0, 0.0),
                    _ => Shape::Level(f64::from(u8::from(ready == status))),
                };
                out.add(
                    "gotk_reconcile_condition",
                    &[own[0], own[1], own[2], ("type", "Ready"), ("status", status)],
                    born(&object),
                    shape,
                );
            }
        }
    }
}

fn durations(scope: &Scope<'_>, out: &mut Out) {
    for (resource, kind, controller) in FLUX {
        if !runs(scope, controller) {
            continue;
        }
        for object in scope.list(resource) {
            let own = [
                ("kind", kind),
                ("exported_namespace", text(&object, "/metadata/namespace")),
                ("name", text(&object, "/metadata/name")),
            ];
            let buckets = [("0.5", 0.5), ("1", 0.8), ("5", 0.97), ("10", 0.99), ("60", 1.0)];
            out.histogram("gotk_reconcile_duration_seconds", &own, born(&object), 1.0 / 600.0, &buckets, 0.9);
        }
    }
}

fn certificates(scope: &Scope<'_>, out: &mut Out) {
    if !scope.shown("cert-manager") {
        return;
    }
    for object in scope.list("certificates.cert-manager.io") {
        let own = [
            ("exported_namespace", text(&object, "/metadata/namespace")),
            ("name", text(&object, "/metadata/name")),
            ("issuer_name", text(&object, "/spec/issuerRef/name")),
        ];
        if let Some(end) = seconds(&object["status"]["notAfter"]) {
            out.level("certmanager_certificate_expiration_timestamp_seconds", &own, end);
        }
        for (word, holds) in [("True", 1.0), ("False", 0.0)] {
            let shape = turned(&object, "Ready", holds, 1.0 - holds);
            out.add(
                "certmanager_certificate_ready_status",
                &[own[0], own[1], own[2], ("condition", word)],
                born(&object),
                shape,
            );
        }
    }
}

fn secrets(scope: &Scope<'_>, out: &mut Out) {
    for object in scope.list("externalsecrets.external-secrets.io") {
        let own =
            [("exported_namespace", text(&object, "/metadata/namespace")), ("name", text(&object, "/metadata/name"))];
        let good = condition(&object, "Ready").is_some_and(|one| one["status"] == "True");
        for (status, holds) in [("True", 1.0), ("False", 0.0)] {
            let shape = turned(&object, "Ready", holds, 1.0 - holds);
            out.add(
                "externalsecret_status_condition",
                &[own[0], own[1], ("condition", "Ready"), ("status", status)],
                born(&object),
                shape,
            );
        }
        out.counter("externalsecret_sync_calls_total", &own, born(&object), 1.0 / 3600.0);
        let bad = condition(&object, "Ready").and_then(|one| seconds(&one["lastTransitionTime"]));
        out.counter("externalsecret_sync_calls_error", &own, bad.unwrap_or(scope.now), if good { 0.0 } else { 0.1 });
    }
}

fn volsync(scope: &Scope<'_>, out: &mut Out) {
    for (resource, role) in
        [("replicationsources.volsync.backube", "source"), ("replicationdestinations.volsync.backube", "destination")]
    {
        for object in scope.list(resource) {
            let own = [
                ("obj_namespace", text(&object, "/metadata/namespace")),
                ("obj_name", text(&object, "/metadata/name")),
                ("role", role),
            ];
            let synced = object["status"]["lastSyncTime"].is_string();
            out.flag("volsync_volume_out_of_sync", &own, !synced);
            out.counter("volsync_missed_intervals_total", &own, born(&object), 0.0);
        }
    }
}
