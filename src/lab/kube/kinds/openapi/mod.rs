//! OpenAPI, as far as clients ask for it: what fields there are, what they are for, and how they merge.
//!
//! Texts of built-in kinds come from the typed library; how lists merge from [`super::facts`]; a registered kind brings its
//! own schema.

mod v2;
mod v2_wire;
mod v3;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::kind::Kind;
use super::{facts, typed};

pub(crate) use v2::{document as v2, is_packed, packed as v2_packed};
pub(crate) use v3::{document as v3, index};

/// The version that documents name.
const VERSION: &str = "v1.34.1";
/// Where the library's names begin that are served as they are.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Group, version and kind, as extensions name them.
fn identity(kind: &Kind) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}

/// The definitions of some kinds and of what they refer to; and the names of the kinds' own, in their order.
///
/// References are `{"$ref": ".../NAME"}`.
fn definitions(kinds: &[&Kind]) -> (Vec<String>, BTreeMap<String, Value>) {
    let mut sources: Vec<typed::Source> = kinds.iter().filter_map(|kind| kind.source).collect();
    // Registered kinds have metadata, too.
    sources.push(typed::source::<ConfigMap>());
    let (roots, mut all) = typed::raw(&sources);
    let own = roots.last().and_then(typed::reference).unwrap_or_default();
    let asked = kinds.iter().any(|kind| kind.group.is_empty() && kind.plural == "configmaps");
    if !asked {
        all.remove(own);
    }
    for (name, definition) in &mut all {
        complete(name, definition);
    }
    let mut roots = roots.iter();
    let mut names = Vec::new();
    for kind in kinds {
        let name = match kind.source {
            Some(_) => roots.next().and_then(typed::reference).unwrap_or_default().to_owned(),
            None => registered(kind),
        };
        if kind.source.is_none() {
            all.insert(name.clone(), custom(kind));
        }
        if let Some(definition) = all.get_mut(&name) {
            definition["x-kubernetes-group-version-kind"] = json!([identity(kind)]);
        }
        names.push(name);
    }
    (names, all)
}

/// Adds how lists and maps merge, and gives what is no plain value the form that the API has for it.
fn complete(name: &str, definition: &mut Value) {
    let short = typed::short(name);
    if definition["x-kubernetes-int-or-string"] == true {
        let quantity = name.ends_with("Quantity");
        let description = definition["description"].take();
        *definition =
            if quantity { json!({ "type": "string" }) } else { json!({ "type": "string", "format": "int-or-string" }) };
        definition["description"] = description;
    }
    if facts::atomic(&short) {
        definition["x-kubernetes-map-type"] = json!("atomic");
    }
    for (field, value) in definition["properties"].as_object_mut().into_iter().flatten() {
        if let (Some(fact), Some(value)) = (facts::field(&short, field), value.as_object_mut()) {
            value.extend(fact.extensions());
        }
    }
}

/// `com.example.v1.Widget`.
fn registered(kind: &Kind) -> String {
    let group: Vec<&str> = kind.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), kind.version, kind.kind)
}

fn custom(kind: &Kind) -> Value {
    let mut schema = kind.custom.as_ref().map_or(Value::Null, |c| c.raw());
    if !schema.is_object() {
        schema = json!({ "type": "object" });
    }
    let more = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";
    for (key, text) in [
        ("apiVersion", "APIVersion defines the versioned schema of this representation of an object."),
        ("kind", "Kind is a string value representing the REST resource this object represents."),
    ] {
        schema["properties"][key] = json!({ "type": "string", "description": format!("{text} More info: {more}") });
    }
    schema["properties"]["metadata"] = json!({
        "$ref": format!("#/definitions/{OBJECT_META}"),
        "description": format!("Standard object's metadata. More info: {more}#metadata"),
    });
    schema
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kinds;
    use super::*;

    #[test]
    fn how_lists_merge_stands_beside_what_they_are() {
        let kinds = Kinds::builtin();
        let document = v3(&kinds, "apps", "v1").unwrap();
        let spec = &document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(spec["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(spec["x-kubernetes-patch-strategy"], "merge");
        assert_eq!(spec["x-kubernetes-list-map-keys"], json!(["name"]));
        let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
        assert!(v3(&kinds, "nonesuch", "v1").is_none());
        let all = v2(&kinds);
        let pod = &all["definitions"]["io.k8s.api.core.v1.Pod"];
        assert_eq!(pod["x-kubernetes-group-version-kind"][0]["kind"], "Pod");
        assert_eq!(pod["properties"]["spec"]["$ref"], "#/definitions/io.k8s.api.core.v1.PodSpec");
    }

    #[test]
    fn version_2_is_packed_as_its_clients_want_it() {
        use prost::Message as _;
        let packed = v2_packed(&Kinds::builtin());
        let read = v2_wire::Document::decode(packed.as_slice()).unwrap();
        let all = read.definitions.unwrap().all;
        let spec = all.iter().find(|one| one.name == "io.k8s.api.core.v1.PodSpec").unwrap().value.as_ref().unwrap();
        let node = spec.properties.as_ref().unwrap().all.iter().find(|one| one.name == "nodeName").unwrap();
        assert_eq!(node.value.as_ref().unwrap().of.as_ref().unwrap().names, ["string"]);
        assert!(all.len() > 300, "{}", all.len());
    }
}
