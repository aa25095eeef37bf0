//! All operators together: a cluster that was just planted is at rest, and everything in it is well.

use std::time::Duration;

use super::testing::Bench;

/// The kinds that say `Ready`.
const READY: &[&str] = &[
    "gitrepositories.source.toolkit.fluxcd.io",
    "ocirepositories.source.toolkit.fluxcd.io",
    "helmcharts.source.toolkit.fluxcd.io",
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "helmreleases.helm.toolkit.fluxcd.io",
    "receivers.notification.toolkit.fluxcd.io",
    "fluxinstances.fluxcd.controlplane.io",
    "clustersecretstores.external-secrets.io",
    "externalsecrets.external-secrets.io",
    "clusterissuers.cert-manager.io",
    "certificates.cert-manager.io",
];

#[test]
fn at_rest_nothing_changes_and_all_is_ready() {
    for (topology, cluster) in [("monosense", "infra"), ("monosense", "apps"), ("spec", "infra"), ("spec", "apps")] {
        let mut bench = Bench::new(topology, cluster);
        for kind in READY {
            let world = bench.cluster.world();
            for (place, stored) in world.store.list(kind, "") {
                assert!(
                    super::site::is_ready(&stored.value),
                    "{topology}/{cluster} {place:?}: {:#}",
                    stored.value["status"]
                );
            }
        }
        let old = bench.cluster.world().store.list("events", "").count();
        assert!(old < 40, "{old} events of long ago");
        let before = bench.cluster.world().store.revision();
        assert!(bench.look().is_some_and(|again| again > Duration::ZERO), "something is looked at from time to time");
        bench.pass(20);
        let world = bench.cluster.world();
        let changed: Vec<String> =
            world.store.since(before).unwrap().map(|change| format!("{:?}", change.place)).collect();
        assert_eq!(changed, Vec::<String>::new(), "{topology}/{cluster}");
        assert!(world.store.list("customresourcedefinitions.apiextensions.k8s.io", "").count() >= 77);
    }
}

#[test]
fn an_operator_without_a_pod_does_nothing() {
    let mut bench = Bench::new("monosense", "infra");
    let pods: Vec<String> = {
        let world = bench.cluster.world();
        let own =
            world.store.list("pods", "flux-system").filter(|(place, _)| place.name.starts_with("kustomize-controller"));
        own.map(|(place, _)| place.name.clone()).collect()
    };
    for name in &pods {
        bench.delete("pods", "flux-system", name);
    }
    bench.change("kustomizations.kustomize.toolkit.fluxcd.io", "flux-system", "coredns", |ks| {
        ks["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = "now".into();
    });
    bench.pass(60);
    let ks = bench.get("kustomizations.kustomize.toolkit.fluxcd.io", "flux-system", "coredns");
    assert!(ks["status"]["lastHandledReconcileAt"].is_null());
}
