//! The form of a kustomization file: its fields, its kind.

use super::build::Builder;
use crate::error::nearest;
use crate::gitops::rules::id;
use crate::gitops::yaml::Node;

/// What a kustomization file can have (kustomize 5, `api/types`).
const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "openapi",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "crds",
    "bases",
    "configMapGenerator",
    "secretGenerator",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "generatorOptions",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "inventory",
    "buildMetadata",
];

impl Builder<'_> {
    /// Tells of what kustomize would refuse in the file itself.
    pub(super) fn fields(&mut self, node: &Node, component: bool) {
        for (key, _) in node.entries() {
            if !FIELDS.contains(&key.text.as_str()) {
                let near = nearest(&key.text, FIELDS.iter().copied()).map(|near| format!(", {near} is meant?"));
                let message =
                    format!("kustomize knows no field \"{}\"{}: the build fails", key.text, near.unwrap_or_default());
                self.found(id::KUSTOMIZATION_FIELD, key.at, message);
            }
        }
        let (kind, version) = (node.text_at("kind"), node.text_at("apiVersion"));
        let fits = match kind {
            "" | "Kustomization" => matches!(version, "" | "kustomize.config.k8s.io/v1beta1"),
            "Component" => matches!(version, "" | "kustomize.config.k8s.io/v1alpha1"),
            _ => false,
        };
        if !fits {
            let message = format!("kind \"{kind}\" of \"{version}\" is none of kustomize's: the build fails");
            self.found(id::KUSTOMIZATION_FIELD, node.at, message);
        } else if component != (kind == "Component") {
            let message = match component {
                true => "the folder is included as a component, and its kind is not Component: the build fails",
                false => "the folder is a Component, and is included as a resource: the build fails",
            };
            self.found(id::COMPONENT_KIND, node.at, message);
        }
    }
}
