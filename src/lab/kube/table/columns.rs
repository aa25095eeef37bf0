//! The columns of built-in kinds after the name: `Name:type`, those that only `-o wide` shows after a bar.
//!
//! Source: k8s.io/kubernetes `pkg/printers/internalversion/printers.go`.

use super::Column;

const COLUMNS: &[(&str, &str)] = &[
    ("pods", "Ready Status Restarts Age | IP Node Nominated_Node Readiness_Gates"),
    ("podtemplates", "Containers Images Pod_Labels"),
    ("services", "Type Cluster-IP External-IP Port(s) Age | Selector"),
    ("endpoints", "Endpoints Age"),
    ("configmaps", "Data Age"),
    ("secrets", "Type Data Age"),
    ("namespaces", "Status Age"),
    ("nodes", "Status Roles Age Version | Internal-IP External-IP OS-Image Kernel-Version Container-Runtime"),
    ("serviceaccounts", "Secrets Age"),
    (
        "persistentvolumes",
        "Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age | VolumeMode",
    ),
    (
        "persistentvolumeclaims",
        "Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age | VolumeMode",
    ),
    ("replicationcontrollers", "Desired:integer Current:integer Ready:integer Age | Containers Images Selector"),
    ("resourcequotas", "Request Limit Age"),
    ("componentstatuses", "Status Message Error"),
    ("deployments.apps", "Ready Up-to-date Available Age | Containers Images Selector"),
    ("replicasets.apps", "Desired:integer Current:integer Ready:integer Age | Containers Images Selector"),
    ("statefulsets.apps", "Ready Age | Containers Images"),
    (
        "daemonsets.apps",
        "Desired:integer Current:integer Ready:integer Up-to-date:integer Available:integer Node_Selector Age | Containers Images Selector",
    ),
    ("controllerrevisions.apps", "Controller Revision Age"),
    ("jobs.batch", "Status Completions Duration Age | Containers Images Selector"),
    (
        "cronjobs.batch",
        "Schedule Timezone Suspend:boolean Active:integer Last_Schedule Age | Containers Images Selector",
    ),
    ("horizontalpodautoscalers.autoscaling", "Reference Targets MinPods MaxPods Replicas Age"),
    ("poddisruptionbudgets.policy", "Min_Available Max_Unavailable Allowed_Disruptions Age"),
    ("ingresses.networking.k8s.io", "Class Hosts Address Ports Age"),
    ("ingressclasses.networking.k8s.io", "Controller Parameters Age"),
    ("networkpolicies.networking.k8s.io", "Pod-Selector Age"),
    ("rolebindings.rbac.authorization.k8s.io", "Role Age | Users Groups ServiceAccounts"),
    ("clusterrolebindings.rbac.authorization.k8s.io", "Role Age | Users Groups ServiceAccounts"),
    ("storageclasses.storage.k8s.io", "Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age"),
    ("volumeattachments.storage.k8s.io", "Attacher PV Node Attached Age"),
    ("csinodes.storage.k8s.io", "Drivers:integer Age"),
    ("leases.coordination.k8s.io", "Holder Age"),
    ("endpointslices.discovery.k8s.io", "AddressType Ports Endpoints Age"),
    ("priorityclasses.scheduling.k8s.io", "Value:integer Global-Default:boolean Age PreemptionPolicy"),
    ("runtimeclasses.node.k8s.io", "Handler Age"),
    ("certificatesigningrequests.certificates.k8s.io", "Age SignerName Requestor RequestedDuration Condition"),
    ("mutatingwebhookconfigurations.admissionregistration.k8s.io", "Webhooks:integer Age"),
    ("validatingwebhookconfigurations.admissionregistration.k8s.io", "Webhooks:integer Age"),
    ("apiservices.apiregistration.k8s.io", "Service Available Age"),
];

/// The columns of a built-in kind; those without any of their own say when they were made.
pub(super) fn builtin(resource: &str) -> Vec<Column> {
    if resource == "events" || resource == "events.events.k8s.io" {
        return events();
    }
    let Some((_, text)) = COLUMNS.iter().find(|(name, _)| *name == resource) else {
        return vec![column("Created At", "date", 0)];
    };
    let mut priority = 0;
    let mut columns = Vec::new();
    for word in text.split_whitespace() {
        if word == "|" {
            priority = 1;
            continue;
        }
        let (name, of) = word.split_once(':').unwrap_or((word, "string"));
        columns.push(column(&name.replace('_', " "), of, priority));
    }
    columns
}

fn events() -> Vec<Column> {
    let rows = [
        ("Last Seen", "string", 0),
        ("Type", "string", 0),
        ("Reason", "string", 0),
        ("Object", "string", 0),
        ("Subobject", "string", 1),
        ("Source", "string", 1),
        ("Message", "string", 0),
        ("First Seen", "string", 1),
        ("Count", "string", 1),
        ("Name", "string", 1),
    ];
    let mut columns: Vec<Column> = rows.iter().map(|(name, of, priority)| column(name, of, *priority)).collect();
    if let Some(name) = columns.last_mut() {
        "name".clone_into(&mut name.format);
    }
    columns
}

fn column(name: &str, of: &str, priority: i64) -> Column {
    Column { name: name.to_owned(), of: of.to_owned(), format: String::new(), priority, description: String::new() }
}
