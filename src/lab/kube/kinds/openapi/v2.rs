//! Version 2: one document of everything, as JSON, and packed as clients want it.

use serde_json::{Map, Value, json};

use super::super::kind::{Kind, Kinds};
use super::v2_wire::{Additional, Any, Definitions, Document, Info, Items, NamedAny, NamedSchema, Schema, Types};
use super::{VERSION, definitions, identity};

/// Whether a client wants it packed.
pub(crate) fn is_packed(accept: &str) -> bool {
    accept.contains("proto-openapi.spec.v2@v1.0+protobuf") || accept.contains("proto-openapi.spec.v2.v1.0+protobuf")
}

/// The document.
pub(crate) fn document(kinds: &Kinds) -> Value {
    let all: Vec<&Kind> = kinds.iter().map(AsRef::as_ref).collect();
    let (names, definitions) = definitions(&all);
    let definitions: Map<String, Value> = definitions.iter().map(|(name, d)| (name.clone(), rewritten(d))).collect();
    let mut paths = Map::new();
    for (kind, name) in all.iter().zip(names) {
        let base = if kind.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", kind.api_version()) };
        let space = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let schema = json!({ "$ref": format!("#/definitions/{name}") });
        let get = json!({
            "produces": ["application/json", "application/yaml"], "x-kubernetes-action": "get",
            "x-kubernetes-group-version-kind": identity(kind),
            "responses": { "200": { "description": "OK", "schema": schema } },
        });
        paths.insert(format!("{base}{space}/{}/{{name}}", kind.plural), json!({ "get": get }));
    }
    json!({
        "swagger": "2.0", "info": { "title": "Kubernetes", "version": VERSION }, "paths": paths,
        "definitions": definitions,
    })
}

/// References as version 2 writes them.
fn rewritten(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let one = |(key, value): (&String, &Value)| match (key.as_str(), value.as_str()) {
                ("$ref", Some(to)) => {
                    let name = to.rsplit('/').next().unwrap_or_default();
                    (key.clone(), json!(format!("#/definitions/{name}")))
                }
                _ => (key.clone(), rewritten(value)),
            };
            Value::Object(object.iter().map(one).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(rewritten).collect()),
        other => other.clone(),
    }
}

/// The document's definitions, packed.
pub(crate) fn packed(kinds: &Kinds) -> Vec<u8> {
    let all: Vec<&Kind> = kinds.iter().map(AsRef::as_ref).collect();
    let (_, definitions) = definitions(&all);
    let document = Document {
        swagger: "2.0".to_owned(),
        info: Some(Info { title: "Kubernetes".to_owned(), version: VERSION.to_owned() }),
        definitions: Some(Definitions {
            all: definitions.iter().map(|(name, d)| named(name, &rewritten(d))).collect(),
        }),
    };
    prost::Message::encode_to_vec(&document)
}

fn named(name: &str, schema: &Value) -> NamedSchema {
    NamedSchema { name: name.to_owned(), value: Some(wire(schema)) }
}

fn wire(schema: &Value) -> Schema {
    let text = |key: &str| schema[key].as_str().unwrap_or_default().to_owned();
    let of = |value: &Value| Any { yaml: value.to_string() };
    let additional = &schema["additionalProperties"];
    let properties = schema["properties"].as_object();
    // A schema that is only that of another may stand in a list, as later drafts have it.
    let names: Vec<String> = match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    let extensions = schema.as_object().into_iter().flatten().filter(|(key, _)| key.starts_with("x-"));
    Schema {
        reference: text("$ref"),
        format: text("format"),
        description: text("description"),
        required: schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|r| r.as_str().map(str::to_owned))
            .collect(),
        choices: schema["enum"].as_array().into_iter().flatten().map(of).collect(),
        additional: match additional {
            Value::Object(_) => Some(Additional { schema: Some(Box::new(wire(additional))), any: None }),
            Value::Bool(any) => Some(Additional { schema: None, any: Some(*any) }),
            _ => None,
        },
        of: (!names.is_empty()).then_some(Types { names }),
        items: schema["items"].is_object().then(|| Items { all: vec![wire(&schema["items"])] }),
        properties: properties.map(|all| Definitions { all: all.iter().map(|(name, s)| named(name, s)).collect() }),
        extensions: extensions.map(|(name, value)| NamedAny { name: name.clone(), value: Some(of(value)) }).collect(),
    }
}
