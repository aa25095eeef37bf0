//! What a kustomization adds to every object: namespace, prefix and suffix, labels and annotations.

use crate::gitops::object::Object;
use crate::gitops::yaml::Node;

/// Kinds without a namespace, as far as repositories have them; the others of operators begin with `Cluster`.
const CLUSTER_SCOPED: &[&str] = &[
    "Namespace",
    "CustomResourceDefinition",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
    "IngressClass",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "APIService",
    "CSIDriver",
    "RuntimeClass",
    "GatewayClass",
    "VolumeSnapshotClass",
    "CiliumClusterwideNetworkPolicy",
    "CiliumLoadBalancerIPPool",
    "CiliumBGPPeeringPolicy",
    "CiliumBGPClusterConfig",
    "CiliumBGPPeerConfig",
    "CiliumBGPAdvertisement",
    "CiliumBGPNodeConfigOverride",
    "CiliumL2AnnouncementPolicy",
    "Node",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterIssuer",
    "ClusterSecretStore",
    "ClusterExternalSecret",
    "ClusterPolicy",
];

/// Names get neither prefix nor suffix.
const NAMES_STAY: &[&str] = &["Namespace", "CustomResourceDefinition", "APIService"];

pub(super) fn apply(objects: &mut [Object], node: &Node, namespace: &str) {
    let (prefix, suffix) = (node.text_at("namePrefix"), node.text_at("nameSuffix"));
    for object in objects.iter_mut() {
        if let Some(given) = node.get(namespace).filter(|_| !CLUSTER_SCOPED.contains(&object.kind())) {
            object.node.set(&["metadata", "namespace"], given.clone());
        }
        // kustomize's own rule: a Namespace gets the name of the namespace that everything else is put into.
        if let Some(given) = node.get(namespace).filter(|_| object.is("", "Namespace")) {
            object.node.set(&["metadata", "name"], given.clone());
        }
        let renamed = !prefix.is_empty() || !suffix.is_empty();
        if renamed && !NAMES_STAY.contains(&object.kind()) {
            let (name, at) = (format!("{prefix}{}{suffix}", object.name()), object.at());
            object.node.set(&["metadata", "name"], Node::text(name, at));
        }
        add(object, "labels", node.get("commonLabels"));
        add(object, "labels", node.at_path("commonMetadata.labels"));
        add(object, "annotations", node.get("commonAnnotations"));
        add(object, "annotations", node.at_path("commonMetadata.annotations"));
        for one in node.list("labels") {
            add(object, "labels", one.get("pairs"));
        }
    }
}

fn add(object: &mut Object, field: &str, pairs: Option<&Node>) {
    for (key, value) in pairs.map_or(&[][..], Node::entries) {
        object.node.set(&["metadata", field, &key.text], value.clone());
    }
}
