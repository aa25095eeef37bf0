//! API versions that are no longer served: by Kubernetes, by the operators that the repository pins, or by the
//! definitions that it applies itself.

use super::{View, id};
use crate::gitops::finding::Findings;
use crate::gitops::flux::{Cluster, HELM, SOURCE};
use crate::gitops::object::Object;

/// What Kubernetes stopped to serve, and in which release: its deprecated API migration guide.
const KUBERNETES: &[(&str, &[&str], &str)] = &[
    ("extensions/v1beta1", &["Deployment", "DaemonSet", "ReplicaSet", "NetworkPolicy", "PodSecurityPolicy"], "1.16"),
    ("apps/v1beta1", &["Deployment", "StatefulSet"], "1.16"),
    ("apps/v1beta2", &["Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"], "1.16"),
    ("extensions/v1beta1", &["Ingress"], "1.22"),
    ("networking.k8s.io/v1beta1", &["Ingress", "IngressClass"], "1.22"),
    ("rbac.authorization.k8s.io/v1beta1", &["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"], "1.22"),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"], "1.22"),
    ("apiregistration.k8s.io/v1beta1", &["APIService"], "1.22"),
    (
        "admissionregistration.k8s.io/v1beta1",
        &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"],
        "1.22",
    ),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"], "1.22"),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"], "1.22"),
    ("batch/v1beta1", &["CronJob"], "1.25"),
    ("discovery.k8s.io/v1beta1", &["EndpointSlice"], "1.25"),
    ("policy/v1beta1", &["PodDisruptionBudget", "PodSecurityPolicy"], "1.25"),
    ("node.k8s.io/v1beta1", &["RuntimeClass"], "1.25"),
    ("autoscaling/v2beta1", &["HorizontalPodAutoscaler"], "1.25"),
    ("autoscaling/v2beta2", &["HorizontalPodAutoscaler"], "1.26"),
    ("storage.k8s.io/v1beta1", &["CSIStorageCapacity"], "1.27"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"], "1.26"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", &["FlowSchema", "PriorityLevelConfiguration"], "1.29"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", &["FlowSchema", "PriorityLevelConfiguration"], "1.32"),
];

/// What operators stopped to serve: version, kinds (none: all), operator as its chart is named, the release that has it no
/// more, and what to write. External Secrets: notes of 0.17.0; cert-manager: of 1.6; Flux: of 2.7 and 2.8.
const OPERATORS: &[(&str, &[&str], &str, &str, &str)] = &[
    ("external-secrets.io/v1alpha1", SECRETS, "external-secrets", "0.17.0", "v1"),
    ("external-secrets.io/v1beta1", SECRETS, "external-secrets", "0.17.0", "v1"),
    ("cert-manager.io/v1alpha2", CERTIFICATES, "cert-manager", "1.6.0", "v1"),
    ("cert-manager.io/v1alpha3", CERTIFICATES, "cert-manager", "1.6.0", "v1"),
    ("cert-manager.io/v1beta1", CERTIFICATES, "cert-manager", "1.6.0", "v1"),
    ("kustomize.toolkit.fluxcd.io/v1beta1", &[], "flux", "2.7.0", "v1"),
    ("kustomize.toolkit.fluxcd.io/v1beta2", &[], "flux", "2.8.0", "v1"),
    ("source.toolkit.fluxcd.io/v1beta1", &[], "flux", "2.7.0", "v1"),
    ("source.toolkit.fluxcd.io/v1beta2", &[], "flux", "2.8.0", "v1"),
    ("helm.toolkit.fluxcd.io/v2beta1", &[], "flux", "2.7.0", "v2"),
    ("helm.toolkit.fluxcd.io/v2beta2", &[], "flux", "2.8.0", "v2"),
];
/// Kinds of External Secrets that have a v1; others, such as PushSecret, stay at older versions.
const SECRETS: &[&str] = &["ExternalSecret", "ClusterExternalSecret", "SecretStore", "ClusterSecretStore"];
const CERTIFICATES: &[&str] = &["Certificate", "CertificateRequest", "Issuer", "ClusterIssuer"];

pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    let pinned = pinned(view.cluster);
    let definitions: Vec<&Object> =
        view.cluster.of("apiextensions.k8s.io", "CustomResourceDefinition").map(|(_, object)| object).collect();
    for (unit, object) in view.cluster.objects() {
        let version = object.node.text_at("apiVersion");
        let why = kubernetes(version, object.kind(), &view.options.kubernetes)
            .or_else(|| operators(version, object.kind(), &pinned))
            .or_else(|| defined(object, &definitions));
        let Some(why) = why.filter(|_| unit.elsewhere().is_empty()) else { continue };
        let words = object.words();
        let at = object.node.get("apiVersion").map_or(object.at(), |node| node.at);
        findings.add(id::VERSION, at, &words, format!("{words} is of {version}, {why}"), &object.chain);
    }
}

fn kubernetes(version: &str, kind: &str, running: &str) -> Option<String> {
    let row = KUBERNETES.iter().find(|(gone, kinds, _)| *gone == version && kinds.contains(&kind))?;
    let stands = numbers(running)? >= numbers(row.2)?;
    stands.then(|| format!("which Kubernetes does not serve since {}, and {running} runs", row.2))
}

fn operators(version: &str, kind: &str, pinned: &[(String, String)]) -> Option<String> {
    let of = |row: &&(&str, &[&str], &str, &str, &str)| row.0 == version && (row.1.is_empty() || row.1.contains(&kind));
    let (_, _, operator, since, instead) = OPERATORS.iter().find(of)?;
    let (_, running) = pinned.iter().find(|(name, _)| name == operator)?;
    let gone = numbers(running)? >= numbers(since)?;
    gone.then(|| format!("which {operator} does not serve since {since}, and {running} is pinned: write {instead}"))
}

/// A definition that the repository applies serves other versions.
fn defined(object: &Object, definitions: &[&Object]) -> Option<String> {
    let of = |definition: &&&Object| {
        definition.node.text_at("spec.group") == object.group()
            && definition.node.text_at("spec.names.kind") == object.kind()
    };
    let definition = definitions.iter().find(of).filter(|_| !object.group().is_empty())?;
    let served: Vec<&str> = definition
        .node
        .list("spec.versions")
        .iter()
        .filter(|version| version.is_true("served"))
        .map(|version| version.text_at("name"))
        .collect();
    let gone = !served.is_empty() && !served.contains(&object.version());
    gone.then(|| format!("and the {} that is applied serves {}", definition.words(), served.join(", ")))
}

/// Operators and their versions, as far as the cluster's objects pin them.
fn pinned(cluster: &Cluster) -> Vec<(String, String)> {
    let mut pinned = Vec::new();
    for (_, release) in cluster.of(HELM, "HelmRelease") {
        let chart = release.node.text_at("spec.chart.spec.chart");
        if !chart.is_empty() {
            pinned.push((chart.to_owned(), release.node.text_at("spec.chart.spec.version").to_owned()));
        }
        let reference = release.node.at_path("spec.chartRef").filter(|one| one.text_at("kind") == "OCIRepository");
        let Some(reference) = reference else { continue };
        let home = reference.at_path("namespace").and_then(crate::gitops::yaml::Node::as_text);
        let home = home.unwrap_or(release.namespace());
        let is = |object: &&Object| object.is(SOURCE, "OCIRepository") && object.namespace() == home;
        if let Some(source) = cluster.named(reference.text_at("name")).map(|(_, object)| object).find(is) {
            let chart = source.node.text_at("spec.url").rsplit('/').next().unwrap_or_default();
            pinned.push((chart.to_owned(), source.node.text_at("spec.ref.tag").to_owned()));
        }
    }
    for (_, object) in cluster.objects() {
        if object.kind() == "FluxInstance" {
            let version = object.node.text_at("spec.distribution.version").trim_start_matches('=');
            pinned.push(("flux".into(), version.trim_end_matches(".x").to_owned()));
        }
        let labels = object.node.at_path("metadata.labels").filter(|_| object.kind() == "Namespace");
        let part = labels.and_then(|labels| labels.get("app.kubernetes.io/part-of"));
        if part.and_then(crate::gitops::yaml::Node::as_text) == Some("flux") {
            let version = labels.and_then(|labels| labels.get("app.kubernetes.io/version"));
            pinned.extend(version.and_then(|node| node.as_text()).map(|text| ("flux".into(), text.to_owned())));
        }
    }
    pinned
}

/// The numbers of a plain version, at least two: `v0.17.0`, `1.34`. None of a range, which may mean anything.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut numbers = [0; 3];
    let parts: Vec<&str> = version.trim_start_matches('v').split('.').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for (number, part) in numbers.iter_mut().zip(parts) {
        *number = part.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_gone() {
        let pinned = [("external-secrets".to_owned(), "v0.17.1".to_owned()), ("flux".to_owned(), "2".to_owned())];
        assert!(operators("external-secrets.io/v1beta1", "ExternalSecret", &pinned).unwrap().contains("write v1"));
        assert_eq!(
            operators("external-secrets.io/v1beta1", "ExternalSecret", &[("external-secrets".into(), ">=0.1".into())]),
            None
        );
        assert_eq!(operators("kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", &pinned), None);
        assert_eq!(operators("external-secrets.io/v1alpha1", "PushSecret", &pinned), None);
        assert!(kubernetes("policy/v1beta1", "PodDisruptionBudget", "1.34").unwrap().contains("1.25"));
        assert_eq!(kubernetes("batch/v1beta1", "CronJob", "1.24"), None);
        assert_eq!(kubernetes("networking.k8s.io/v1beta1", "ServiceCIDR", "1.34"), None);
    }
}
