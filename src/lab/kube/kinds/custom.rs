//! Kinds that a CustomResourceDefinition registers: their rows, and their schemas read into [`Schema`].

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use super::kind::{Kind, Scale, Verbs};
use super::schema::{Limits, ListKind, Schema, Type};

/// What a registered kind has besides.
#[derive(Debug)]
pub(crate) struct Custom {
    /// Name, type, format, path, priority, description of each column of its table.
    pub(crate) columns: Vec<Value>,
    /// The schema's text: few of a cluster's kinds are ever judged by it or explained.
    raw: Box<str>,
}

impl Custom {
    /// The schema as it was written, for `kubectl explain`.
    pub(crate) fn raw(&self) -> Value {
        // It was written from a value.
        serde_json::from_str(&self.raw).unwrap_or_default()
    }
}

/// The kinds of a definition: one a served version.
pub(crate) fn kinds(definition: &Value) -> Vec<Kind> {
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let names = &spec["names"];
    let versions = spec["versions"].as_array().into_iter().flatten().filter(|v| v["served"] == true);
    let kind = text(&names["kind"]);
    let or = |given: String, default: String| if given.is_empty() { default } else { given };
    versions
        .map(|version| {
            let raw = version["schema"]["openAPIV3Schema"].to_string().into();
            let scale = &version["subresources"]["scale"];
            let scale = scale.is_object().then(|| Scale {
                spec: text(&scale["specReplicasPath"]),
                status: text(&scale["statusReplicasPath"]),
                selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
            });
            Kind {
                group: text(&spec["group"]),
                version: text(&version["name"]),
                plural: text(&names["plural"]),
                singular: or(text(&names["singular"]), kind.to_lowercase()),
                list_kind: or(text(&names["listKind"]), format!("{kind}List")),
                kind: kind.clone(),
                short: list(&names["shortNames"]),
                categories: list(&names["categories"]),
                namespaced: spec["scope"] == "Namespaced",
                verbs: Verbs::All,
                status: version["subresources"]["status"].is_object(),
                scale,
                generation: true,
                custom: Some(Arc::new(Custom {
                    columns: version["additionalPrinterColumns"].as_array().cloned().unwrap_or_else(|| {
                        vec![json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"})]
                    }),
                    raw,
                })),
                source: None,
                schema: OnceLock::new(),
            }
        })
        .collect()
}

/// The schema of a whole object: `metadata` is every object's.
pub(super) fn root(raw: &Value) -> Arc<Schema> {
    let mut schema = read(raw);
    let string = || Arc::new(Schema { of: Type::String, ..Schema::default() });
    schema.of = Type::Object;
    schema.properties.insert("apiVersion".to_owned(), string());
    schema.properties.insert("kind".to_owned(), string());
    schema.properties.insert("metadata".to_owned(), metadata());
    Arc::new(schema)
}

/// The shape of `metadata`, from a built-in kind.
pub(crate) fn metadata() -> Arc<Schema> {
    static METADATA: OnceLock<Arc<Schema>> = OnceLock::new();
    let shape = METADATA.get_or_init(|| {
        let source = super::typed::source::<k8s_openapi::api::core::v1::ConfigMap>();
        let shape = super::typed::schema(source);
        shape.properties.get("metadata").cloned().unwrap_or_else(|| Arc::new(Schema::anything()))
    });
    Arc::clone(shape)
}

/// Reads a structural schema.
pub(crate) fn read(raw: &Value) -> Schema {
    let mut schema = Schema {
        format: raw["format"].as_str().unwrap_or_default().to_owned(),
        nullable: raw["nullable"] == true,
        default: raw.get("default").cloned(),
        preserve: raw["x-kubernetes-preserve-unknown-fields"] == true,
        embedded: raw["x-kubernetes-embedded-resource"] == true,
        atomic: raw["x-kubernetes-map-type"] == "atomic",
        ..Schema::default()
    };
    schema.of = match raw["type"].as_str().unwrap_or_default() {
        _ if raw["x-kubernetes-int-or-string"] == true => Type::IntOrString,
        "object" if raw["additionalProperties"].is_object() => Type::Map,
        word => Type::of_word(word),
    };
    if raw["additionalProperties"] == true {
        schema.preserve = true;
    }
    for (key, value) in raw["properties"].as_object().into_iter().flatten() {
        schema.properties.insert(key.clone(), Arc::new(read(value)));
    }
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    schema.required = strings(&raw["required"]);
    if raw["additionalProperties"].is_object() {
        schema.values = Some(Arc::new(read(&raw["additionalProperties"])));
    }
    if raw["items"].is_object() {
        schema.items = Some(Arc::new(read(&raw["items"])));
    }
    schema.list = match raw["x-kubernetes-list-type"].as_str() {
        Some("map") => ListKind::Map(strings(&raw["x-kubernetes-list-map-keys"])),
        Some("set") => ListKind::Set,
        _ => ListKind::Atomic,
    };
    schema.limits = limits(raw).map(Arc::new);
    schema
}

fn limits(raw: &Value) -> Option<Limits> {
    const KEYS: [&str; 16] = [
        "enum",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "pattern",
        "multipleOf",
        "uniqueItems",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
    ];
    if !KEYS.iter().any(|key| raw.get(key).is_some()) {
        return None;
    }
    let number = |key: &str, exclusive: &str| raw[key].as_f64().map(|n| (n, raw[exclusive] == true));
    let range = |least: &str, most: &str| (raw[least].as_u64(), raw[most].as_u64());
    let pattern = raw["pattern"].as_str().and_then(|p| Some((p.to_owned(), regex::Regex::new(p).ok()?)));
    let mut junctors = Vec::new();
    for name in ["allOf", "anyOf", "oneOf"] {
        if let Some(schemas) = raw[name].as_array() {
            junctors.push((name, schemas.iter().map(|s| Arc::new(read(s))).collect()));
        }
    }
    if raw["not"].is_object() {
        junctors.push(("not", vec![Arc::new(read(&raw["not"]))]));
    }
    Some(Limits {
        one_of: raw["enum"].as_array().cloned().unwrap_or_default(),
        minimum: number("minimum", "exclusiveMinimum"),
        maximum: number("maximum", "exclusiveMaximum"),
        length: range("minLength", "maxLength"),
        items: range("minItems", "maxItems"),
        fields: range("minProperties", "maxProperties"),
        pattern,
        multiple_of: raw["multipleOf"].as_f64(),
        unique: raw["uniqueItems"] == true,
        junctors,
    })
}
