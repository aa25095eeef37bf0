//! What the typed library's schemas leave out: how the lists and maps of built-in kinds merge.
//!
//! From the API's own definitions (`x-kubernetes-list-type`, `x-kubernetes-list-map-keys`, `x-kubernetes-map-type`,
//! `x-kubernetes-patch-merge-key`, `x-kubernetes-patch-strategy`).

use super::schema::ListKind;

/// How one field merges.
#[derive(Debug)]
pub(crate) struct Fact {
    place: &'static str,
    /// Applied: the keys of items, separated by blanks; `*` for a set; empty for one value.
    keys: &'static str,
    /// Strategic merge: the key of items.
    pub(super) merge_key: Option<&'static str>,
    /// Strategic merge: plain values that are a set.
    pub(super) merge_values: bool,
    pub(super) retain_keys: bool,
    /// A map that is one value.
    pub(super) atomic: bool,
}

impl Fact {
    /// The same as OpenAPI's extensions say it.
    pub(super) fn extensions(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut all = serde_json::Map::new();
        let mut add = |key: &str, value: serde_json::Value| all.insert(format!("x-kubernetes-{key}"), value);
        match self.list() {
            ListKind::Map(keys) => {
                add("list-type", "map".into());
                add("list-map-keys", keys.into());
            }
            ListKind::Set => drop(add("list-type", "set".into())),
            ListKind::Atomic => {}
        }
        if let Some(key) = self.merge_key {
            add("patch-merge-key", key.into());
        }
        let merges = self.merge_key.is_some() || self.merge_values;
        match (merges, self.retain_keys) {
            (true, true) => drop(add("patch-strategy", "merge,retainKeys".into())),
            (true, false) => drop(add("patch-strategy", "merge".into())),
            (false, true) => drop(add("patch-strategy", "retainKeys".into())),
            (false, false) => {}
        }
        if self.atomic {
            add("map-type", "atomic".into());
        }
        all
    }

    pub(super) fn list(&self) -> ListKind {
        match self.keys {
            "" => ListKind::Atomic,
            "*" => ListKind::Set,
            keys => ListKind::Map(keys.split(' ').map(str::to_owned).collect()),
        }
    }
}

/// What is known of a definition's field.
pub(super) fn field(definition: &str, field: &str) -> Option<&'static Fact> {
    FIELDS.iter().find(|f| f.place.strip_prefix(definition).and_then(|rest| rest.strip_prefix('.')) == Some(field))
}

/// Whether a definition is one value when it is applied.
pub(super) fn atomic(definition: &str) -> bool {
    ATOMIC.contains(&definition)
}

/// Whether a field's object is there even when it is empty, so that nobody adds or removes it as a whole.
pub(super) fn by_value(definition: &str, field: &str) -> bool {
    if definition == "core.v1.ReplicationControllerSpec" {
        return false;
    }
    match field {
        "containers" => definition == "core.v1.PodSpec",
        "metadata" | "spec" | "status" | "template" | "jobTemplate" | "strategy" | "updateStrategy" => true,
        "loadBalancer" | "nodeInfo" | "daemonEndpoints" => definition.ends_with("Status"),
        "resources" => definition == "core.v1.PersistentVolumeClaimSpec",
        "podSelector" => definition == "networking.v1.NetworkPolicySpec",
        "involvedObject" | "source" => definition.ends_with("Event"),
        "roleRef" => true,
        "names" | "acceptedNames" => definition.starts_with("apiextensions."),
        _ => false,
    }
}

const fn map(place: &'static str, keys: &'static str, merge_key: &'static str) -> Fact {
    Fact { place, keys, merge_key: Some(merge_key), merge_values: false, retain_keys: false, atomic: false }
}

const fn keyed(place: &'static str, keys: &'static str) -> Fact {
    Fact { place, keys, merge_key: None, merge_values: false, retain_keys: false, atomic: false }
}

const fn merged(place: &'static str, merge_key: &'static str) -> Fact {
    Fact { place, keys: "", merge_key: Some(merge_key), merge_values: false, retain_keys: false, atomic: false }
}

const fn set(place: &'static str) -> Fact {
    Fact { place, keys: "*", merge_key: None, merge_values: true, retain_keys: false, atomic: false }
}

const fn one_value(place: &'static str) -> Fact {
    Fact { place, keys: "", merge_key: None, merge_values: false, retain_keys: false, atomic: true }
}

const fn retained(place: &'static str, keys: &'static str, merge_key: Option<&'static str>) -> Fact {
    Fact { place, keys, merge_key, merge_values: false, retain_keys: true, atomic: false }
}

const FIELDS: &[Fact] = &[
    map("meta.v1.ObjectMeta.ownerReferences", "uid", "uid"),
    set("meta.v1.ObjectMeta.finalizers"),
    map("core.v1.PodSpec.containers", "name", "name"),
    map("core.v1.PodSpec.initContainers", "name", "name"),
    map("core.v1.PodSpec.ephemeralContainers", "name", "name"),
    retained("core.v1.PodSpec.volumes", "name", Some("name")),
    map("core.v1.PodSpec.imagePullSecrets", "name", "name"),
    map("core.v1.PodSpec.hostAliases", "ip", "ip"),
    map("core.v1.PodSpec.topologySpreadConstraints", "topologyKey whenUnsatisfiable", "topologyKey"),
    map("core.v1.PodSpec.schedulingGates", "name", "name"),
    retained("core.v1.PodSpec.resourceClaims", "name", Some("name")),
    one_value("core.v1.PodSpec.nodeSelector"),
    map("core.v1.Container.ports", "containerPort protocol", "containerPort"),
    map("core.v1.Container.env", "name", "name"),
    map("core.v1.Container.volumeMounts", "mountPath", "mountPath"),
    map("core.v1.Container.volumeDevices", "devicePath", "devicePath"),
    map("core.v1.EphemeralContainer.ports", "containerPort protocol", "containerPort"),
    map("core.v1.EphemeralContainer.env", "name", "name"),
    map("core.v1.EphemeralContainer.volumeMounts", "mountPath", "mountPath"),
    map("core.v1.EphemeralContainer.volumeDevices", "devicePath", "devicePath"),
    keyed("core.v1.ResourceRequirements.claims", "name"),
    map("core.v1.PodStatus.conditions", "type", "type"),
    map("core.v1.PodStatus.podIPs", "ip", "ip"),
    merged("core.v1.PodStatus.hostIPs", "ip"),
    retained("core.v1.PodStatus.resourceClaimStatuses", "name", Some("name")),
    map("core.v1.ServiceSpec.ports", "port protocol", "port"),
    one_value("core.v1.ServiceSpec.selector"),
    map("core.v1.ServiceStatus.conditions", "type", "type"),
    map("core.v1.ServiceAccount.secrets", "name", "name"),
    map("core.v1.NodeStatus.conditions", "type", "type"),
    map("core.v1.NodeStatus.addresses", "type", "type"),
    set("core.v1.NodeSpec.podCIDRs"),
    map("core.v1.NamespaceStatus.conditions", "type", "type"),
    map("core.v1.PersistentVolumeClaimStatus.conditions", "type", "type"),
    map("core.v1.ReplicationControllerStatus.conditions", "type", "type"),
    one_value("core.v1.ReplicationControllerSpec.selector"),
    retained("apps.v1.DeploymentSpec.strategy", "", None),
    map("apps.v1.DeploymentStatus.conditions", "type", "type"),
    map("apps.v1.ReplicaSetStatus.conditions", "type", "type"),
    map("apps.v1.StatefulSetStatus.conditions", "type", "type"),
    map("apps.v1.DaemonSetStatus.conditions", "type", "type"),
    merged("batch.v1.JobStatus.conditions", "type"),
    keyed("autoscaling.v2.HorizontalPodAutoscalerStatus.conditions", "type"),
    keyed("networking.v1.ServiceCIDRStatus.conditions", "type"),
    map("policy.v1.PodDisruptionBudgetStatus.conditions", "type", "type"),
    keyed("certificates.v1.CertificateSigningRequestStatus.conditions", "type"),
    map("admissionregistration.v1.MutatingWebhookConfiguration.webhooks", "name", "name"),
    map("admissionregistration.v1.ValidatingWebhookConfiguration.webhooks", "name", "name"),
    keyed("apiextensions.v1.CustomResourceDefinitionStatus.conditions", "type"),
    map("apiregistration.v1.APIServiceStatus.conditions", "type", "type"),
    map("flowcontrol.v1.FlowSchemaStatus.conditions", "type", "type"),
    map("storage.v1.CSINodeSpec.drivers", "name", "name"),
];

const ATOMIC: &[&str] = &[
    "meta.v1.LabelSelector",
    "core.v1.NodeSelector",
    "core.v1.NodeSelectorTerm",
    "core.v1.ObjectReference",
    "core.v1.LocalObjectReference",
    "core.v1.TypedLocalObjectReference",
    "core.v1.SecretReference",
    "core.v1.SecretKeySelector",
    "core.v1.ConfigMapKeySelector",
    "core.v1.ObjectFieldSelector",
    "core.v1.ResourceFieldSelector",
    "core.v1.TopologySelectorTerm",
    "core.v1.ScopeSelector",
    "networking.v1.IngressServiceBackend",
    "rbac.v1.RoleRef",
    "rbac.v1.Subject",
    "storage.v1.VolumeNodeResources",
];
