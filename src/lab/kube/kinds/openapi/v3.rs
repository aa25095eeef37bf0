//! Version 3: one document a group's version.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::kind::{Kind, Kinds};
use super::{VERSION, definitions};

/// `/openapi/v3`: where each document is.
pub(crate) fn index(kinds: &Kinds) -> Value {
    let mut paths = Map::new();
    for (group, versions) in kinds.groups() {
        for version in versions {
            let place = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let names: String =
                kinds.iter().filter(|k| k.group == group).map(|k| format!("{}{:?}", k.plural, k.custom)).collect();
            let hash: String = Sha256::digest(names).iter().map(|b| format!("{b:02X}")).collect();
            let url = format!("/openapi/v3/{place}?hash={hash}");
            paths.insert(place, json!({ "serverRelativeURL": url }));
        }
    }
    json!({ "paths": paths })
}

/// The document of a group's version.
pub(crate) fn document(kinds: &Kinds, group: &str, version: &str) -> Option<Value> {
    let served: Vec<&Kind> =
        kinds.iter().map(AsRef::as_ref).filter(|k| k.group == group && k.version == version).collect();
    if served.is_empty() {
        return None;
    }
    let (names, definitions) = definitions(&served);
    let schemas: Map<String, Value> =
        definitions.iter().map(|(name, d)| (name.clone(), rewritten(&choices(name, d)))).collect();
    let mut paths = Map::new();
    for (kind, name) in served.iter().zip(&names) {
        describe(kind, name, &mut paths);
    }
    Some(json!({
        "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": VERSION }, "paths": paths,
        "components": { "schemas": schemas },
    }))
}

/// The addresses of a kind, with what each does.
fn describe(kind: &Kind, name: &str, paths: &mut Map<String, Value>) {
    let identity = super::identity(kind);
    let base =
        if kind.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}/{}", kind.group, kind.version) };
    let space = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    let place = format!("{base}{space}/{}", kind.plural);
    let body =
        json!({ "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } } });
    let content = json!({ "schema": { "type": "object" } });
    let mut patches = json!({});
    for (media, taken) in [
        ("application/apply-patch+yaml", true),
        ("application/json-patch+json", true),
        ("application/merge-patch+json", true),
        ("application/strategic-merge-patch+json", kind.strategic()),
    ] {
        if taken {
            patches[media] = content.clone();
        }
    }
    let operation = |action: &str, change: bool| {
        let mut operation = json!({
            "responses": { "200": body }, "x-kubernetes-action": action, "x-kubernetes-group-version-kind": identity,
        });
        if change {
            let parameter = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } });
            operation["parameters"] =
                json!([parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")]);
            let taken = if action == "patch" { &patches } else { &body["content"] };
            operation["requestBody"] = json!({ "required": true, "content": taken });
        }
        operation
    };
    paths.insert(place.clone(), json!({ "get": operation("list", false), "post": operation("post", true) }));
    paths.insert(
        format!("{place}/{{name}}"),
        json!({
            "get": operation("get", false), "put": operation("put", true), "patch": operation("patch", true),
            "delete": operation("delete", false),
        }),
    );
}

/// Values that are of several kinds, which version 2 can't say.
fn choices(name: &str, definition: &Value) -> Value {
    let of = |kinds: [&str; 2]| json!(kinds.map(|kind| json!({ "type": kind })));
    let kinds = match name.rsplit('.').next() {
        Some("IntOrString") => of(["integer", "string"]),
        Some("Quantity") => of(["string", "number"]),
        _ => return definition.clone(),
    };
    let mut definition = definition.clone();
    if let Some(definition) = definition.as_object_mut() {
        definition.remove("type");
        definition.insert("oneOf".to_owned(), kinds);
    }
    definition
}

/// References as version 3 writes them: `allOf` beside a description.
fn rewritten(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let mut out = Map::new();
            for (key, value) in object {
                if key == "$ref" {
                    let name = value.as_str().and_then(|r| r.rsplit('/').next()).unwrap_or_default();
                    out.insert("allOf".to_owned(), json!([{ "$ref": format!("#/components/schemas/{name}") }]));
                    out.insert("default".to_owned(), json!({}));
                } else {
                    out.insert(key.clone(), rewritten(value));
                }
            }
            Value::Object(out)
        }
        Value::Array(list) => Value::Array(list.iter().map(rewritten).collect()),
        other => other.clone(),
    }
}
