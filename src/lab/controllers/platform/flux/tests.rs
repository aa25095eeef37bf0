//! Flux: what it does when its objects are well, broken, and mended.

use serde_json::{Value, json};

use super::super::testing::Bench;
use crate::lab::world::Cause;
use crate::lab::world::cause::Flaw;

const KS: &str = "kustomizations.kustomize.toolkit.fluxcd.io";
const HR: &str = "helmreleases.helm.toolkit.fluxcd.io";
const GIT: &str = "gitrepositories.source.toolkit.fluxcd.io";
const NS: &str = "flux-system";

fn ask(bench: &Bench, kind: &str, namespace: &str, name: &str, at: &str) {
    bench.change(kind, namespace, name, |object| {
        object["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = at.into();
    });
}

fn spec(bench: &Bench, name: &str, key: &str, value: Value) {
    bench.change(KS, NS, name, |ks| ks["spec"][key] = value);
}

#[test]
fn a_request_is_answered_and_the_revision_stays() {
    let mut bench = Bench::new("monosense", "infra");
    let before = bench.get(KS, NS, "cilium")["status"]["lastAppliedRevision"].clone();
    assert!(before.as_str().is_some_and(|text| text.starts_with("main@sha1:") && text.len() == 50), "{before}");
    ask(&bench, KS, NS, "cilium", "t1");
    bench.look();
    assert!(bench.told(KS, NS, "cilium", "Ready").starts_with("Unknown Progressing"));
    bench.pass(3);
    let ks = bench.get(KS, NS, "cilium");
    assert_eq!(ks["status"]["lastHandledReconcileAt"], "t1");
    assert_eq!(
        bench.told(KS, NS, "cilium", "Ready"),
        format!("True ReconciliationSucceeded: Applied revision: {}", before.as_str().unwrap())
    );
    assert!(super::conditions::find(&ks, "Reconciling").is_none());
    assert_eq!(ks["status"]["lastAppliedRevision"], before);
}

#[test]
fn a_path_that_is_not_there_is_told_and_mended() {
    let mut bench = Bench::new("monosense", "infra");
    spec(&bench, "coredns", "path", json!("./kubernetes/nonesuch"));
    bench.pass(3);
    let told = bench.told(KS, NS, "coredns", "Ready");
    assert!(told.starts_with("False ArtifactFailed: kustomization path not found: stat /tmp/kustomization-"), "{told}");
    assert!(told.contains("kubernetes/nonesuch: no such file or directory"), "{told}");
    spec(&bench, "coredns", "path", json!("./kubernetes/infrastructure/networking/coredns"));
    bench.pass(3);
    assert!(bench.told(KS, NS, "coredns", "Ready").starts_with("True"));
    spec(&bench, "coredns", "components", json!(["../../components/nonesuch"]));
    bench.pass(3);
    assert!(bench.told(KS, NS, "coredns", "Ready").contains("components/nonesuch"));
    spec(&bench, "coredns", "components", json!([]));
    spec(&bench, "coredns", "path", json!("./kubernetes/empty"));
    bench.pass(3);
    assert!(bench.told(KS, NS, "coredns", "Ready").contains("kustomization.yaml is empty"));
}

#[test]
fn dependencies_sources_and_variables_are_looked_at() {
    let mut bench = Bench::new("monosense", "infra");
    spec(&bench, "coredns", "dependsOn", json!([{ "name": "removed" }]));
    bench.pass(3);
    let told = bench.told(KS, NS, "coredns", "Ready");
    assert!(told.starts_with("False DependencyNotReady: dependency 'flux-system/removed' not found"), "{told}");
    spec(&bench, "coredns", "dependsOn", json!([]));
    spec(
        &bench,
        "cilium-bgp",
        "sourceRef",
        json!({ "kind": "GitRepository", "name": "flux-system", "namespace": "default" }),
    );
    bench.pass(3);
    assert!(bench.told(KS, NS, "coredns", "Ready").starts_with("True"));
    let told = bench.told(KS, NS, "cilium-bgp", "Ready");
    assert!(told.contains("unable to get source 'default/flux-system'"), "{told}");
    bench.change("configmaps", NS, "cluster-settings", |map| {
        map["data"].as_object_mut().unwrap().remove("COREDNS_REPLICAS");
    });
    ask(&bench, KS, NS, "coredns", "t2");
    bench.pass(3);
    let told = bench.told(KS, NS, "coredns", "Ready");
    assert!(
        told.starts_with("False BuildFailed") && told.contains("variable not set (strict mode): \"COREDNS_REPLICAS\""),
        "{told}"
    );
}

#[test]
fn a_health_check_on_nothing_runs_into_its_timeout() {
    let mut bench = Bench::new("monosense", "infra");
    let check = json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "nonesuch", "namespace": "default" }]);
    spec(&bench, "coredns", "healthChecks", check);
    bench.pass(60);
    assert!(bench.told(KS, NS, "coredns", "Healthy").starts_with("Unknown Progressing: Running health checks"));
    bench.pass(300);
    assert_eq!(
        bench.told(KS, NS, "coredns", "Ready"),
        "False HealthCheckFailed: timeout waiting for: [Deployment/default/nonesuch status: 'NotFound']"
    );
    spec(&bench, "coredns", "healthChecks", json!([]));
    bench.pass(5);
    assert!(bench.told(KS, NS, "coredns", "Ready").starts_with("True"));
}

#[test]
fn what_is_wrong_in_the_repository_comes_with_its_commit() {
    let mut bench = Bench::new("monosense", "infra");
    let path = "./kubernetes/infrastructure/networking/coredns".to_owned();
    let cause = Cause::Manifests { path, flaw: Flaw::Missing("helmrelease.yaml".into()) };
    bench.world.put(cause.clone());
    // The repository is asked each minute, and those before it have to have the new commit first.
    bench.pass(200);
    let told = bench.told(KS, NS, "coredns", "Ready");
    assert!(
        told.starts_with("False BuildFailed: kustomize build failed") && told.contains("helmrelease.yaml"),
        "{told}"
    );
    bench.world.lift(&cause);
    bench.pass(260);
    assert!(bench.told(KS, NS, "coredns", "Ready").starts_with("True"), "{}", bench.told(KS, NS, "coredns", "Ready"));
}

#[test]
fn what_is_suspended_stays_and_what_is_missing_is_made_anew() {
    let mut bench = Bench::new("monosense", "infra");
    let issuers = "clusterissuers.cert-manager.io";
    spec(&bench, "cluster-issuers", "suspend", json!(true));
    bench.delete(issuers, "", "letsencrypt-staging");
    ask(&bench, KS, NS, "cluster-issuers", "t1");
    bench.pass(5);
    assert!(bench.get(issuers, "", "letsencrypt-staging").is_null());
    spec(&bench, "cluster-issuers", "suspend", json!(false));
    bench.pass(5);
    assert_eq!(bench.get(KS, NS, "cluster-issuers")["status"]["lastHandledReconcileAt"], "t1");
    assert!(super::super::site::is_ready(&bench.get(issuers, "", "letsencrypt-staging")));
    // A Kustomization that goes takes along what it has applied.
    bench.change(KS, NS, "certificates", |ks| ks["metadata"]["deletionTimestamp"] = "2026-11-01T08:00:00Z".into());
    bench.pass(1);
    assert!(bench.get(KS, NS, "certificates").is_null());
    assert!(bench.get("certificates.cert-manager.io", "kube-system", "wildcard-tls").is_null());
}

#[test]
fn sources_tell_what_they_can_not_fetch() {
    let mut bench = Bench::new("monosense", "infra");
    bench.change(GIT, NS, NS, |git| git["spec"]["ref"]["branch"] = "gone".into());
    let oci = "ocirepositories.source.toolkit.fluxcd.io";
    bench.change(oci, "kube-system", "cilium", |one| {
        one["spec"]["url"] = "oci://ghcr.io/home-operations/chrats/cilium".into();
    });
    bench.pass(2);
    assert!(bench.told(GIT, NS, NS, "Ready").contains("couldn't find remote ref \"refs/heads/gone\""));
    assert!(bench.told(oci, "kube-system", "cilium", "Ready").contains("NAME_UNKNOWN"));
    ask(&bench, HR, "kube-system", "cilium", "t1");
    bench.pass(2);
    let told = bench.told(HR, "kube-system", "cilium", "Ready");
    assert!(told.starts_with("False SourceNotReady: OCIRepository 'kube-system/cilium' is not ready"), "{told}");
    bench.change(GIT, NS, NS, |git| git["spec"]["ref"]["branch"] = "main".into());
    bench.world.put(Cause::egress("infra", "github.com"));
    bench.pass(2);
    let told = bench.told(GIT, NS, NS, "Ready");
    assert!(told.contains("dial tcp github.com:443: i/o timeout"), "{told}");
}

#[test]
fn a_release_is_upgraded_and_fails_in_too_short_a_time() {
    let mut bench = Bench::new("monosense", "infra");
    let version =
        |bench: &Bench| bench.get(HR, "observability", "grafana")["status"]["history"][0]["version"].as_u64().unwrap();
    assert_eq!(version(&bench), 1);
    assert!(bench.told(HR, "observability", "grafana", "Ready").starts_with(
        "True InstallSucceeded: Helm install succeeded for release observability/grafana.v1 with chart grafana@"
    ));
    bench.change(HR, "observability", "grafana", |hr| hr["spec"]["values"] = json!({ "replicas": 1 }));
    bench.look();
    assert!(
        bench
            .told(HR, "observability", "grafana", "Reconciling")
            .contains("Running 'upgrade' action with timeout of 15m0s")
    );
    bench.pass(20);
    assert_eq!(version(&bench), 2);
    assert!(bench.told(HR, "observability", "grafana", "Ready").starts_with("True UpgradeSucceeded"));
    bench.change(HR, "observability", "grafana", |hr| {
        hr["spec"]["values"] = json!({ "replicas": 2 });
        hr["spec"]["timeout"] = "2s".into();
        hr["spec"]["upgrade"]["remediation"]["retries"] = 0.into();
    });
    bench.pass(20);
    let told = bench.told(HR, "observability", "grafana", "Ready");
    assert!(told.starts_with("False UpgradeFailed") && told.ends_with("context deadline exceeded"), "{told}");
    assert!(
        bench
            .told(HR, "observability", "grafana", "Stalled")
            .contains("RetriesExceeded: Failed to upgrade after 1 attempt(s)")
    );
    bench.change(HR, "observability", "grafana", |hr| {
        hr["spec"]["timeout"] = "5m".into();
    });
    bench.pass(20);
    assert!(bench.told(HR, "observability", "grafana", "Ready").starts_with("True UpgradeSucceeded"));
}

#[test]
fn a_chart_repository_in_another_namespace_has_to_be_named_so() {
    let mut bench = Bench::new("monosense", "apps");
    assert!(bench.told(HR, "harbor", "harbor", "Ready").starts_with("True"));
    bench.change(HR, "harbor", "harbor", |hr| {
        hr["spec"]["chart"]["spec"]["sourceRef"].as_object_mut().unwrap().remove("namespace");
    });
    bench.pass(5);
    let told = bench.told(HR, "harbor", "harbor", "Ready");
    assert!(told.contains("HelmRepository.source.toolkit.fluxcd.io \"harbor\" not found"), "{told}");
}

#[test]
fn an_instance_says_which_controller_is_ill() {
    let mut bench = Bench::new("monosense", "infra");
    bench.change("deployments.apps", NS, "helm-controller", |one| one["status"]["readyReplicas"] = 0.into());
    bench.look();
    let told = bench.told("fluxinstances.fluxcd.controlplane.io", NS, "flux", "Ready");
    assert!(told.contains("Deployment/flux-system/helm-controller status: 'InProgress'"), "{told}");
}

#[test]
fn an_instance_with_another_version_rolls_its_controllers_once() {
    let mut bench = Bench::new("monosense", "infra");
    let flux = "fluxinstances.fluxcd.controlplane.io";
    let image = |bench: &Bench| {
        bench.get("deployments.apps", NS, "helm-controller")["spec"]["template"]["spec"]["containers"][0]["image"]
            .clone()
    };
    let before = image(&bench);
    bench.change(flux, NS, "flux", |one| one["spec"]["distribution"]["version"] = "2.7.3".into());
    bench.look();
    let after = image(&bench);
    assert!(before != after && after.as_str().unwrap().ends_with(".3"), "{before} {after}");
    bench.look();
    assert_eq!(image(&bench), after);
    let labels = bench.get("deployments.apps", NS, "helm-controller")["metadata"]["labels"].clone();
    assert_eq!(labels["app.kubernetes.io/managed-by"], "flux-operator");
}
