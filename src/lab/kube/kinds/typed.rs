//! The shapes of built-in kinds, from the typed library's schemas and what they leave out ([`super::facts`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::schemars::generate::{SchemaGenerator, SchemaSettings};
use k8s_openapi::schemars::{self, JsonSchema};
use serde_json::Value;

use super::facts;
use super::schema::{ListKind, Schema, Type};

/// Gives a kind's schema, and its definitions, to a generator.
pub(crate) type Source = fn(&mut SchemaGenerator) -> schemars::Schema;

/// The source of a type's schema.
pub(super) fn source<T: JsonSchema>() -> Source {
    |generator| generator.subschema_for::<T>()
}

/// Shapes that were built already, by name, shared among kinds and clusters.
static BUILT: Mutex<BTreeMap<String, Arc<Schema>>> = Mutex::new(BTreeMap::new());

/// The shape of a kind's objects.
pub(super) fn schema(source: Source) -> Arc<Schema> {
    let (root, definitions) = raw(&[source]);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut builder = Builder { definitions: &definitions, built: &mut built };
    builder.build(&root[0], "")
}

/// The library's schemas: one root a source, and the definitions that they name.
pub(crate) fn raw(sources: &[Source]) -> (Vec<Value>, BTreeMap<String, Value>) {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let roots = sources.iter().map(|source| source(&mut generator).to_value()).collect();
    (roots, generator.take_definitions(false).into_iter().collect())
}

/// The name of the definition that a schema refers to.
pub(crate) fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|r| r.rsplit('/').next())
}

/// `io.k8s.api.core.v1.PodSpec` → `core.v1.PodSpec`; of `apimachinery` only the last two parts.
pub(crate) fn short(name: &str) -> String {
    let name = name.strip_prefix("io.k8s.api.").unwrap_or(name);
    match name.strip_prefix("io.k8s.") {
        Some(rest) => {
            let parts: Vec<&str> = rest.rsplit('.').take(3).collect();
            parts.into_iter().rev().collect::<Vec<_>>().join(".")
        }
        None => name.to_owned(),
    }
}

struct Builder<'a> {
    definitions: &'a BTreeMap<String, Value>,
    built: &'a mut BTreeMap<String, Arc<Schema>>,
}

impl Builder<'_> {
    fn build(&mut self, raw: &Value, name: &str) -> Arc<Schema> {
        if let Some(target) = reference(raw) {
            let target = short(target);
            if let Some(done) = self.built.get(&target) {
                return Arc::clone(done);
            }
            // Schemas of schemas refer to themselves; what is in there is kept as it is.
            if target == "apiextensions.v1.JSONSchemaProps" || target.ends_with("runtime.RawExtension") {
                return Arc::new(Schema { name: target, ..Schema::anything() });
            }
            let definition = self.definitions.iter().find(|(full, _)| short(full) == target).map(|(_, d)| d.clone());
            let built = self.build(&definition.unwrap_or(Value::Null), &target);
            self.built.insert(target, Arc::clone(&built));
            return built;
        }
        Arc::new(self.plain(raw, name))
    }

    fn plain(&mut self, raw: &Value, name: &str) -> Schema {
        let mut schema = Schema { name: name.to_owned(), ..Schema::default() };
        schema.format = raw["format"].as_str().unwrap_or_default().to_owned();
        schema.atomic = facts::atomic(name);
        if raw["x-kubernetes-int-or-string"] == true {
            schema.of = if name.ends_with("Quantity") { Type::Quantity } else { Type::IntOrString };
            return schema;
        }
        schema.of = match raw["type"].as_str().unwrap_or_default() {
            "object" if raw["properties"].is_object() => Type::Object,
            "object" if raw["additionalProperties"].is_object() => Type::Map,
            // Whatever comes: `FieldsV1`, `JSON`.
            "object" => Type::Anything,
            word => Type::of_word(word),
        };
        if let Some(properties) = raw["properties"].as_object() {
            for (key, value) in properties {
                let built = self.build(value, "");
                let mut built = match facts::field(name, key) {
                    Some(fact) => Arc::new(with(&built, fact)),
                    None => built,
                };
                if facts::by_value(name, key) {
                    Arc::make_mut(&mut built).by_value = true;
                }
                schema.properties.insert(key.clone(), built);
            }
        }
        if let Some(required) = raw["required"].as_array() {
            schema.required = required.iter().filter_map(|r| r.as_str().map(str::to_owned)).collect();
        }
        if raw["additionalProperties"].is_object() {
            schema.values = Some(self.build(&raw["additionalProperties"], ""));
        }
        if raw["items"].is_object() {
            schema.items = Some(self.build(&raw["items"], ""));
        }
        schema
    }
}

/// A list's or map's shape with what is known of the field that holds it.
fn with(schema: &Schema, fact: &facts::Fact) -> Schema {
    let mut schema = schema.clone();
    schema.list = fact.list();
    schema.atomic = schema.atomic || fact.atomic;
    schema.merge_key = fact.merge_key.map(str::to_owned);
    schema.merge_values = fact.merge_values;
    schema.retain_keys = fact.retain_keys;
    debug_assert!(schema.list == ListKind::Atomic || schema.of == Type::Array);
    schema
}
