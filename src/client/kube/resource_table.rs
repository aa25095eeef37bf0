//! The kinds that every server since 1.19 has at these versions: no discovery is needed to ask for them.

use std::sync::OnceLock;

use super::Resource;

/// Plural, kind, short names, subresources; a leading `-` marks what is not in a namespace.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Group, version and their rows.
const TABLE: &[(&str, &str, &[Row])] = &[
    (
        "",
        "v1",
        &[
            ("configmaps", "ConfigMap", "cm", ""),
            ("endpoints", "Endpoints", "ep", ""),
            ("events", "Event", "ev", ""),
            ("limitranges", "LimitRange", "limits", ""),
            ("-namespaces", "Namespace", "ns", "finalize status"),
            ("-nodes", "Node", "no", "proxy status"),
            ("persistentvolumeclaims", "PersistentVolumeClaim", "pvc", "status"),
            ("-persistentvolumes", "PersistentVolume", "pv", "status"),
            ("pods", "Pod", "po", "attach binding eviction exec log portforward proxy status"),
            ("podtemplates", "PodTemplate", "", ""),
            ("replicationcontrollers", "ReplicationController", "rc", "scale status"),
            ("resourcequotas", "ResourceQuota", "quota", "status"),
            ("secrets", "Secret", "", ""),
            ("serviceaccounts", "ServiceAccount", "sa", "token"),
            ("services", "Service", "svc", "proxy status"),
        ],
    ),
    (
        "apps",
        "v1",
        &[
            ("controllerrevisions", "ControllerRevision", "", ""),
            ("daemonsets", "DaemonSet", "ds", "status"),
            ("deployments", "Deployment", "deploy", "scale status"),
            ("replicasets", "ReplicaSet", "rs", "scale status"),
            ("statefulsets", "StatefulSet", "sts", "scale status"),
        ],
    ),
    ("batch", "v1", &[("jobs", "Job", "", "status")]),
    (
        "networking.k8s.io",
        "v1",
        &[
            ("-ingressclasses", "IngressClass", "", ""),
            ("ingresses", "Ingress", "ing", "status"),
            ("networkpolicies", "NetworkPolicy", "netpol", ""),
        ],
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        &[
            ("-clusterrolebindings", "ClusterRoleBinding", "", ""),
            ("-clusterroles", "ClusterRole", "", ""),
            ("rolebindings", "RoleBinding", "", ""),
            ("roles", "Role", "", ""),
        ],
    ),
    (
        "storage.k8s.io",
        "v1",
        &[
            ("-csidrivers", "CSIDriver", "", ""),
            ("-csinodes", "CSINode", "", ""),
            ("-storageclasses", "StorageClass", "sc", ""),
            ("-volumeattachments", "VolumeAttachment", "", "status"),
        ],
    ),
    ("scheduling.k8s.io", "v1", &[("-priorityclasses", "PriorityClass", "pc", "")]),
    ("coordination.k8s.io", "v1", &[("leases", "Lease", "", "")]),
    ("apiextensions.k8s.io", "v1", &[("-customresourcedefinitions", "CustomResourceDefinition", "crd crds", "status")]),
    ("apiregistration.k8s.io", "v1", &[("-apiservices", "APIService", "", "status")]),
    (
        "admissionregistration.k8s.io",
        "v1",
        &[
            ("-mutatingwebhookconfigurations", "MutatingWebhookConfiguration", "", ""),
            ("-validatingwebhookconfigurations", "ValidatingWebhookConfiguration", "", ""),
        ],
    ),
];

const VERBS: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The table as kinds.
pub(crate) fn well_known() -> &'static [Resource] {
    static ALL: OnceLock<Vec<Resource>> = OnceLock::new();
    ALL.get_or_init(|| {
        let words = |text: &str| text.split_whitespace().map(String::from).collect::<Vec<_>>();
        let mut all = Vec::new();
        for (group, version, rows) in TABLE {
            for (plural, kind, short, subresources) in *rows {
                all.push(Resource {
                    group: (*group).into(),
                    version: (*version).into(),
                    kind: (*kind).into(),
                    plural: plural.trim_start_matches('-').into(),
                    singular: kind.to_lowercase(),
                    short: words(short),
                    namespaced: !plural.starts_with('-'),
                    verbs: VERBS.iter().map(|v| (*v).into()).collect(),
                    subresources: words(subresources),
                });
            }
        }
        all
    })
}

/// Groups that come with add-ons, and some of their kinds: so that a missing one can be named.
const ADDONS: &[(&str, &str, &[&str])] = &[
    (
        "cilium.io",
        "Cilium",
        &[
            "ciliumbgpclusterconfigs",
            "ciliumbgppeerconfigs",
            "ciliumbgpadvertisements",
            "ciliumbgppeeringpolicies",
            "ciliumbgpnodeconfigs",
            "ciliumloadbalancerippools",
            "ciliumnetworkpolicies",
            "ciliumclusterwidenetworkpolicies",
            "ciliumendpoints",
            "ciliumidentities",
            "ciliumnodes",
        ],
    ),
    ("kustomize.toolkit.fluxcd.io", "Flux", &["kustomizations"]),
    ("helm.toolkit.fluxcd.io", "Flux", &["helmreleases"]),
    (
        "source.toolkit.fluxcd.io",
        "Flux",
        &["gitrepositories", "helmrepositories", "ocirepositories", "helmcharts", "buckets"],
    ),
    ("ceph.rook.io", "Rook", &["cephclusters", "cephblockpools", "cephfilesystems", "cephobjectstores"]),
    ("postgresql.cnpg.io", "CloudNativePG", &["clusters", "backups", "scheduledbackups", "poolers"]),
    ("external-secrets.io", "External Secrets", &["externalsecrets", "secretstores", "clustersecretstores"]),
    ("cert-manager.io", "cert-manager", &["certificates", "certificaterequests", "issuers", "clusterissuers"]),
    ("gateway.networking.k8s.io", "the Gateway API", &["gateways", "gatewayclasses", "httproutes", "grpcroutes"]),
    ("kafka.strimzi.io", "Strimzi", &["kafkas", "kafkatopics", "kafkausers", "kafkanodepools"]),
    (
        "monitoring.coreos.com",
        "the Prometheus operator",
        &["servicemonitors", "podmonitors", "prometheusrules", "prometheuses", "alertmanagers"],
    ),
    (
        "operator.victoriametrics.com",
        "VictoriaMetrics",
        &["vmclusters", "vmagents", "vmalerts", "vmrules", "vmservicescrapes", "vmpodscrapes"],
    ),
    ("metrics.k8s.io", "metrics-server", &["podmetrics", "nodemetrics"]),
    (
        "snapshot.storage.k8s.io",
        "the snapshot controller",
        &["volumesnapshots", "volumesnapshotclasses", "volumesnapshotcontents"],
    ),
];

/// The add-on that brings a kind of this name, and its group.
pub(crate) fn addon_of(word: &str) -> Option<(&'static str, &'static str)> {
    let word = word.to_lowercase();
    let is = |plural: &&str| {
        *plural == word
            || plural.strip_suffix('s') == Some(&word)
            || plural.strip_suffix("ies").is_some_and(|p| word == format!("{p}y"))
    };
    ADDONS.iter().find(|(_, _, kinds)| kinds.iter().any(is)).map(|(group, addon, _)| (*group, *addon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_addon_is_known_by_its_kinds_in_singular_and_plural() {
        assert_eq!(addon_of("kustomization"), Some(("kustomize.toolkit.fluxcd.io", "Flux")));
        assert_eq!(addon_of("ciliumbgppeeringpolicy"), Some(("cilium.io", "Cilium")));
        assert_eq!(addon_of("pods"), None);
    }
}
