//! The rules, as one table. Each finds one mistake, and is silent where it can't know.

mod addresses;
mod cron;
mod depends;
mod fields;
mod health;
mod nodes;
mod sources;
mod twice;
mod versions;

use super::Options;
use super::files::Files;
use super::finding::Findings;
use super::flux::Cluster;

/// The rules' ids, which playbooks waive by.
pub mod id {
    #![allow(missing_docs)]
    pub const YAML: &str = "yaml-broken";
    pub const NOT_OBJECT: &str = "not-an-object";
    pub const FILE_MISSING: &str = "file-missing";
    pub const COMPONENT_MISSING: &str = "component-missing";
    pub const COMPONENT_KIND: &str = "component-kind";
    pub const EMPTY: &str = "kustomization-empty";
    pub const CIRCLE: &str = "kustomization-circle";
    pub const KUSTOMIZATION_FIELD: &str = "kustomization-field";
    pub const PATCH: &str = "patch-fails";
    pub const TWICE: &str = "resource-twice";
    pub const APPLIED_TWICE: &str = "applied-twice";
    pub const PATH: &str = "path-missing";
    pub const DEPENDS_MISSING: &str = "depends-on-missing";
    pub const DEPENDS_CIRCLE: &str = "depends-on-circle";
    pub const DEPENDS_CHILD: &str = "depends-on-own-child";
    pub const DEPENDS_PARENT: &str = "depends-on-waiting-parent";
    pub const SOURCE_MISSING: &str = "source-missing";
    pub const SOURCE_NAMESPACE: &str = "source-namespace";
    pub const HEALTH: &str = "health-check-of-nothing";
    pub const FIELD: &str = "flux-field-unknown";
    pub const FIELD_MISSING: &str = "flux-field-missing";
    pub const FIELD_VALUE: &str = "flux-field-value";
    pub const VERSION: &str = "api-version-gone";
    pub const VARIABLE: &str = "variable-undefined";
    pub const VARIABLE_BROKEN: &str = "variable-broken";
    pub const VARIABLE_NAME: &str = "variable-name";
    pub const FROM_MISSING: &str = "substitute-from-missing";
    pub const UNSUBSTITUTED: &str = "variable-not-substituted";
    pub const CRON: &str = "cron-invalid";
    pub const ADDRESS: &str = "address-invalid";
    pub const CIDR_OVERLAP: &str = "cidr-overlap";
    pub const OUTSIDE: &str = "address-outside-pools";
    pub const ADDRESS_TWICE: &str = "address-twice";
    pub const POOL_DISABLED: &str = "pool-disabled";
    pub const SERVICE_ADDRESS: &str = "service-address-outside";
    pub const NODE: &str = "node-unknown";
}

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// `build`, `flux`, `substitution`, `versions` or `values`.
    pub group: &'static str,
    /// `error`: something is not applied, or is applied wrongly; `warning`: it is applied, and not as it is meant.
    pub severity: &'static str,
    /// What it finds, in one line.
    pub about: &'static str,
}

const fn row(group: &'static str, id: &'static str, severity: &'static str, about: &'static str) -> Rule {
    Rule { id, group, severity, about }
}

/// Every rule.
pub const RULES: &[Rule] = &[
    row("build", id::YAML, "error", "a file that is read is not YAML, or has a key twice"),
    row("build", id::NOT_OBJECT, "error", "a document among the resources has no apiVersion, kind or name"),
    row("build", id::FILE_MISSING, "error", "a kustomization names a file or folder that is not there"),
    row("build", id::COMPONENT_MISSING, "error", "a kustomization names a component that is not there"),
    row("build", id::COMPONENT_KIND, "error", "a component is included as a resource, or a resource as a component"),
    row("build", id::EMPTY, "error", "a kustomization has nothing in it"),
    row("build", id::CIRCLE, "error", "a kustomization includes itself"),
    row(
        "build",
        id::KUSTOMIZATION_FIELD,
        "error",
        "a kustomization has a field, kind or version that kustomize does not know",
    ),
    row("build", id::PATCH, "error", "a patch is for an object or a field that is not there"),
    row("build", id::TWICE, "error", "a build has the same object twice"),
    row("flux", id::APPLIED_TWICE, "error", "two Flux Kustomizations apply the same object"),
    row("flux", id::PATH, "error", "a Flux Kustomization's path is not in the repository"),
    row("flux", id::DEPENDS_MISSING, "error", "dependsOn names something that is not there"),
    row("flux", id::DEPENDS_CIRCLE, "error", "dependsOn leads back to its beginning"),
    row("flux", id::DEPENDS_CHILD, "error", "dependsOn names a Kustomization that only this one applies"),
    row(
        "flux",
        id::DEPENDS_PARENT,
        "error",
        "dependsOn names the Kustomization that applies this one and waits for it",
    ),
    row("flux", id::SOURCE_MISSING, "error", "a source that is named is not there"),
    row("flux", id::SOURCE_NAMESPACE, "error", "a source that is named is in another namespace"),
    row("flux", id::HEALTH, "error", "a health check is on an object that nothing makes"),
    row("flux", id::FIELD, "error", "an object of Flux has a field that its kind does not know"),
    row("flux", id::FIELD_MISSING, "error", "an object of Flux lacks a field that its kind needs"),
    row("flux", id::FIELD_VALUE, "error", "a field of an object of Flux has a value that its kind refuses"),
    row("versions", id::VERSION, "error", "an API version that Kubernetes or the pinned operator no longer serves"),
    row("substitution", id::VARIABLE, "error", "a variable has neither a value nor a default, and becomes empty"),
    row("substitution", id::VARIABLE_BROKEN, "error", "a ${ that Flux can't read"),
    row("substitution", id::VARIABLE_NAME, "error", "a name among the variables that Flux refuses"),
    row("substitution", id::FROM_MISSING, "error", "substituteFrom names a ConfigMap that is not there"),
    row("substitution", id::UNSUBSTITUTED, "error", "a variable of the cluster is used where nothing is substituted"),
    row("values", id::CRON, "error", "a schedule has the wrong number of fields, or a field out of range"),
    row("values", id::ADDRESS, "error", "an address or a range that is none"),
    row(
        "values",
        id::CIDR_OVERLAP,
        "error",
        "ranges of pods and Services overlap, within a cluster or between clusters",
    ),
    row("values", id::OUTSIDE, "error", "a LoadBalancer address is in none of the cluster's pools"),
    row("values", id::ADDRESS_TWICE, "error", "two Services ask for the same LoadBalancer address without sharing it"),
    row("values", id::POOL_DISABLED, "warning", "an IP pool is disabled"),
    row("values", id::SERVICE_ADDRESS, "error", "a Service's cluster address is not in the cluster's range"),
    row("values", id::NODE, "error", "an object names a node that no Talos configuration has"),
];

/// What the rules look at.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) all: &'a [Cluster],
    pub(super) options: &'a Options,
    /// The nodes of the Talos configurations; none where there are no such.
    pub(super) nodes: Option<&'a [String]>,
}

/// Reads the nodes of the Talos configurations.
pub(super) fn nodes(files: &mut Files, options: &Options) -> Option<Vec<String>> {
    nodes::read(files, &options.talos)
}

/// Judges a cluster by all rules that look at what was built.
pub(super) fn judge(view: &View<'_>, findings: &mut Findings) {
    type Judge = fn(&View<'_>, &mut Findings);
    const JUDGES: &[Judge] = &[
        twice::judge,
        depends::judge,
        sources::judge,
        health::judge,
        fields::judge,
        versions::judge,
        sources::unsubstituted,
        cron::judge,
        addresses::judge,
        nodes::judge,
    ];
    JUDGES.iter().for_each(|judge| judge(view, findings));
}
