//! OpenAPI, as far as `kubectl explain` and `kubectl apply` ask for it: version 3, one document a group's version.
//!
//! Texts of built-in kinds come from the typed library.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::kind::{Kind, Kinds};
use super::typed;

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

/// `/openapi/v2`: who asks for it has to do without.
pub(crate) fn v2() -> Value {
    json!({ "swagger": "2.0", "info": { "title": "Kubernetes", "version": "v1.34.1" }, "paths": {}, "definitions": {} })
}

/// The document of a group's version.
pub(crate) fn v3(kinds: &Kinds, group: &str, version: &str) -> Option<Value> {
    let served: Vec<_> = kinds.iter().filter(|k| k.group == group && k.version == version).collect();
    if served.is_empty() {
        return None;
    }
    let sources: Vec<typed::Source> = served.iter().filter_map(|k| k.source).collect();
    let (roots, definitions) = typed::raw(&sources);
    let mut schemas: Map<String, Value> = definitions.iter().map(|(name, d)| (name.clone(), rewritten(d))).collect();
    let mut paths = Map::new();
    let mut roots = roots.iter();
    for kind in &served {
        let name = match kind.source {
            Some(_) => roots.next().and_then(typed::reference).unwrap_or_default().to_owned(),
            None => {
                let name = registered(kind);
                schemas.insert(name.clone(), custom(kind));
                name
            }
        };
        let identity = json!({ "group": kind.group, "version": kind.version, "kind": kind.kind });
        if let Some(schema) = schemas.get_mut(&name) {
            schema["x-kubernetes-group-version-kind"] = json!([identity]);
        }
        describe(kind, &name, &identity, &mut paths);
    }
    Some(json!({
        "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": "v1.34.1" }, "paths": paths,
        "components": { "schemas": schemas },
    }))
}

/// `com.example.v1.Widget`.
fn registered(kind: &Kind) -> String {
    let group: Vec<&str> = kind.group.rsplit('.').collect();
    format!("{}.{}.{}", group.join("."), kind.version, kind.kind)
}

fn custom(kind: &Kind) -> Value {
    let mut schema = kind.custom.as_ref().map_or(Value::Null, |c| c.raw.clone());
    if !schema.is_object() {
        schema = json!({ "type": "object" });
    }
    for (key, text) in [
        ("apiVersion", "APIVersion defines the versioned schema of this representation of an object."),
        ("kind", "Kind is a string value representing the REST resource this object represents."),
    ] {
        schema["properties"][key] = json!({ "type": "string", "description": text });
    }
    schema["properties"]["metadata"] = json!({ "type": "object", "description": "Standard object's metadata." });
    schema
}

/// The addresses of a kind, with what each does.
fn describe(kind: &Kind, name: &str, identity: &Value, paths: &mut Map<String, Value>) {
    let base =
        if kind.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}/{}", kind.group, kind.version) };
    let space = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    let place = format!("{base}{space}/{}", kind.plural);
    let body =
        json!({ "content": { "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } } });
    let operation = |action: &str, change: bool| {
        let mut operation = json!({
            "responses": { "200": body }, "x-kubernetes-action": action, "x-kubernetes-group-version-kind": identity,
        });
        if change {
            let parameter = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } });
            operation["parameters"] =
                json!([parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")]);
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
