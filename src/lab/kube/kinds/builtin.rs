//! The built-in kinds: one row each. Group, version, kind, address and scope come from the typed library.

use std::sync::OnceLock;

use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, authentication::v1 as authn, authorization::v1 as authz,
    autoscaling::v2 as autoscaling, batch::v1 as batch, certificates::v1 as certificates,
    coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery, events::v1 as events,
    flowcontrol::v1 as flowcontrol, networking::v1 as networking, node::v1 as node, policy::v1 as policy,
    rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource, schemars::JsonSchema};

use super::kind::{Kind, Scale, Verbs};
use super::typed;

/// What else a kind has: flags of a row.
const STATUS: u8 = 1;
const SCALE: u8 = 2;
const GENERATION: u8 = 4;
const ALL: u8 = 8;
const REVIEW: u8 = 16;
const WORKLOAD: u8 = STATUS | SCALE | GENERATION | ALL;

/// Every built-in kind.
pub(super) fn all() -> Vec<Kind> {
    vec![
        row::<core::ConfigMap>("cm", 0),
        row::<core::Endpoints>("ep", 0),
        row::<core::Event>("ev", 0),
        row::<core::LimitRange>("limits", 0),
        row::<core::Namespace>("ns", STATUS),
        row::<core::Node>("no", STATUS),
        row::<core::PersistentVolumeClaim>("pvc", STATUS),
        row::<core::PersistentVolume>("pv", STATUS),
        row::<core::Pod>("po", STATUS | ALL | GENERATION),
        row::<core::PodTemplate>("", 0),
        row::<core::ReplicationController>("rc", WORKLOAD),
        row::<core::ResourceQuota>("quota", STATUS),
        row::<core::Secret>("", 0),
        row::<core::ServiceAccount>("sa", 0),
        row::<core::Service>("svc", STATUS | ALL),
        row::<admission::MutatingWebhookConfiguration>("", GENERATION),
        row::<admission::ValidatingWebhookConfiguration>("", GENERATION),
        row::<admission::ValidatingAdmissionPolicy>("", STATUS | GENERATION),
        row::<admission::ValidatingAdmissionPolicyBinding>("", GENERATION),
        row::<apiextensions::CustomResourceDefinition>("crd crds", STATUS | GENERATION),
        row::<apiregistration::APIService>("", STATUS),
        row::<apps::ControllerRevision>("", 0),
        row::<apps::DaemonSet>("ds", STATUS | GENERATION | ALL),
        row::<apps::Deployment>("deploy", WORKLOAD),
        row::<apps::ReplicaSet>("rs", WORKLOAD),
        row::<apps::StatefulSet>("sts", WORKLOAD),
        row::<authn::SelfSubjectReview>("", REVIEW),
        row::<authn::TokenReview>("", REVIEW),
        row::<authz::LocalSubjectAccessReview>("", REVIEW),
        row::<authz::SelfSubjectAccessReview>("", REVIEW),
        row::<authz::SelfSubjectRulesReview>("", REVIEW),
        row::<authz::SubjectAccessReview>("", REVIEW),
        row::<autoscaling::HorizontalPodAutoscaler>("hpa", STATUS | ALL),
        row::<batch::CronJob>("cj", STATUS | GENERATION | ALL),
        row::<batch::Job>("", STATUS | GENERATION | ALL),
        row::<certificates::CertificateSigningRequest>("csr", STATUS),
        row::<coordination::Lease>("", 0),
        row::<discovery::EndpointSlice>("", GENERATION),
        row::<events::Event>("ev", 0),
        row::<flowcontrol::FlowSchema>("", STATUS | GENERATION),
        row::<flowcontrol::PriorityLevelConfiguration>("", STATUS | GENERATION),
        row::<networking::IngressClass>("", GENERATION),
        row::<networking::Ingress>("ing", STATUS | GENERATION),
        row::<networking::NetworkPolicy>("netpol", GENERATION),
        row::<node::RuntimeClass>("", 0),
        row::<policy::PodDisruptionBudget>("pdb", STATUS | GENERATION),
        row::<rbac::ClusterRoleBinding>("", 0),
        row::<rbac::ClusterRole>("", 0),
        row::<rbac::RoleBinding>("", 0),
        row::<rbac::Role>("", 0),
        row::<scheduling::PriorityClass>("pc", GENERATION),
        row::<storage::CSIDriver>("", 0),
        row::<storage::CSINode>("", 0),
        row::<storage::CSIStorageCapacity>("", 0),
        row::<storage::StorageClass>("sc", 0),
        row::<storage::VolumeAttachment>("", STATUS),
    ]
    .into_iter()
    .chain([row::<networking::ServiceCIDR>("", STATUS), row::<networking::IPAddress>("ip", 0)])
    .chain([row::<core::ComponentStatus>("cs", 0), row::<core::Binding>("", REVIEW)])
    .collect()
}

/// Whether a kind lives in namespaces.
trait Scoped {
    const NAMESPACED: bool;
}

impl Scoped for NamespaceResourceScope {
    const NAMESPACED: bool = true;
}

impl Scoped for ClusterResourceScope {
    const NAMESPACED: bool = false;
}

fn row<T>(short: &str, flags: u8) -> Kind
where
    T: Resource + JsonSchema + 'static,
    T::Scope: Scoped,
{
    let has = |flag: u8| flags & flag != 0;
    let scale = Scale {
        spec: ".spec.replicas".to_owned(),
        status: ".status.replicas".to_owned(),
        selector: Some(".spec.selector".to_owned()),
    };
    Kind {
        group: T::GROUP.to_owned(),
        version: T::VERSION.to_owned(),
        plural: T::URL_PATH_SEGMENT.to_owned(),
        singular: T::KIND.to_lowercase(),
        kind: T::KIND.to_owned(),
        list_kind: format!("{}List", T::KIND),
        short: short.split_whitespace().map(str::to_owned).collect(),
        categories: if has(ALL) { vec!["all".to_owned()] } else { Vec::new() },
        namespaced: T::Scope::NAMESPACED,
        verbs: if has(REVIEW) { Verbs::Review } else { Verbs::All },
        status: has(STATUS),
        scale: has(SCALE).then_some(scale),
        generation: has(GENERATION),
        custom: None,
        source: Some(typed::source::<T>()),
        schema: OnceLock::new(),
    }
}
