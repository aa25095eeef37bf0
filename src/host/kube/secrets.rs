//! The values of Secret objects: learnt from what is sent and what is answered, before anything tells of it.

mod env;
mod inside;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rhai::{Dynamic, Map};
use serde_json::{Value, json};

pub(crate) use env::learn_text as learn_env;

use crate::event::{FieldChange, LedgerRow, Undo};
use crate::host::object::Object;
use crate::host::redact::Redactor;
use crate::host::values::{from_dynamic, to_array};

/// What stands in the place of a value that is not told.
const HIDDEN: &str = "<redacted>";
/// The kind whose values are secret.
pub(crate) const KIND: &str = "Secret";
/// What of a Secret is no secret: what every object has, a patch's operation, a watch's event, an answer's status. Any
/// other field is one, misspelt ones too.
const PUBLIC: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "type",
    "immutable",
    "items",
    "object",
    "op",
    "path",
    "from",
    "value",
    "status",
    "message",
    "reason",
    "code",
    "details",
];
/// Where kubectl keeps the whole manifest once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Registers the values of every Secret in a value: an object, a list, a watch's event, a JSON patch. `is` says that
/// it is of the kind Secret where it does not say so itself (items of lists, patches).
pub(crate) fn learn(redactor: &Redactor, value: &Value, is: bool) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| learn(redactor, item, is)),
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str);
            let (is, list) = (is || kind == Some(KIND), kind == Some("SecretList"));
            if let Some(items) = fields.get("items") {
                learn(redactor, items, is || list);
            }
            if let Some(object) = fields.get("object") {
                learn(redactor, object, is);
            }
            if is {
                learn_fields(redactor, value);
            } else {
                env::learn(redactor, value);
            }
        }
        // What is sent as one and is none: the server's answer may quote it.
        other if is => learn_leaves(redactor, other, false),
        _ => {}
    }
}

/// The same for an answer's text: one JSON value or several, one after the other.
pub(crate) fn learn_text(redactor: &Redactor, text: &str, is: bool) {
    if !is && !text.contains(r#""Secret"#) {
        return env::learn_text(redactor, text, None);
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.map_while(Result::ok).for_each(|value| learn(redactor, &value, is));
}

fn learn_fields(redactor: &Redactor, secret: &Value) {
    // The name of its namespace and the cluster's certificate authority stand in every token of a service account:
    // hidden, they would make every output unreadable.
    let of_account = secret["type"] == "kubernetes.io/service-account-token";
    for (field, value) in
        secret.as_object().into_iter().flatten().filter(|(field, _)| !PUBLIC.contains(&field.as_str()))
    {
        let Value::Object(values) = value else {
            learn_leaves(redactor, value, field == "data");
            continue;
        };
        for (key, value) in values {
            if !(of_account && matches!(key.as_str(), "namespace" | "ca.crt")) {
                learn_leaves(redactor, value, field == "data");
            }
        }
    }
    if let Some(applied) = secret.pointer("/metadata/annotations").and_then(|a| a[LAST_APPLIED].as_str()) {
        learn_text(redactor, applied, true);
    }
    // An operation of a JSON patch.
    if let Some(place) = secret["path"].as_str() {
        match &secret["value"] {
            value if place.starts_with("/data") => learn_leaves(redactor, value, true),
            value if place.starts_with("/stringData") => learn_leaves(redactor, value, false),
            value => learn(redactor, value, true),
        }
    }
}

/// Every text and number in what stands where a value should, whatever its shape.
fn learn_leaves(redactor: &Redactor, value: &Value, encoded: bool) {
    match value {
        Value::String(text) => learn_value(redactor, text, encoded),
        Value::Number(number) => learn_value(redactor, &number.to_string(), false),
        Value::Array(items) => items.iter().for_each(|item| learn_leaves(redactor, item, encoded)),
        Value::Object(fields) => fields.values().for_each(|field| learn_leaves(redactor, field, encoded)),
        _ => {}
    }
}

fn learn_value(redactor: &Redactor, text: &str, encoded: bool) {
    if text.is_empty() {
        return;
    }
    let plain =
        if encoded { STANDARD.decode(text).ok().and_then(|b| String::from_utf8(b).ok()) } else { Some(text.into()) };
    if let Some(plain) = &plain {
        redactor.register(plain);
        // Whoever uses it leaves the end of the line away.
        let trimmed = plain.trim();
        if trimmed != plain && !trimmed.is_empty() {
            redactor.register(trimmed);
        }
        inside::learn(redactor, plain);
    }
    if encoded {
        redactor.register(text);
    }
}

/// A value with everything hidden that a Secret in it holds, however short. `is` as with [`learn`].
pub(crate) fn masked(mut value: Value, is: bool) -> Value {
    mask(&mut value, is);
    value
}

fn mask(value: &mut Value, is: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, is)),
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str);
            let is = is || matches!(kind, Some(KIND | "SecretList"));
            if !is {
                env::mask(fields);
                fields.values_mut().for_each(|field| mask(field, false));
                return;
            }
            for (key, field) in fields.iter_mut() {
                match key.as_str() {
                    "items" | "object" => mask(field, true),
                    key if PUBLIC.contains(&key) => {}
                    _ => hide(field),
                }
            }
            if let Some(applied) = value.pointer_mut("/metadata/annotations").and_then(|a| a.get_mut(LAST_APPLIED)) {
                hide(applied);
            }
            let Some(place) = value["path"].as_str().map(String::from) else { return };
            match value.get_mut("value") {
                Some(value) if place.starts_with("/data") || place.starts_with("/stringData") => hide(value),
                Some(value) => mask(value, true),
                None => {}
            }
        }
        _ => {}
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(hide),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Null => {}
        other => *other = HIDDEN.into(),
    }
}

/// A script's value as JSON for a record: Secrets in it without their values, also as items of lists and where only
/// a part of one is given.
pub(crate) fn for_record(value: &Dynamic) -> Value {
    if let Some(object) = value.read_lock::<Object>() {
        let secret = object.whole().kind().as_deref() == Some(KIND);
        let mut json = object.to_json();
        if !secret || object.is_whole() {
            return masked(json, secret);
        }
        if object.describe().starts_with("metadata of ") {
            return masked(json!({ "metadata": json }), true)["metadata"].take();
        }
        hide(&mut json);
        return json;
    }
    if let Some(fields) = value.read_lock::<Map>() {
        let fields: serde_json::Map<_, _> = fields.iter().map(|(k, v)| (k.to_string(), for_record(v))).collect();
        return masked(Value::Object(fields), false);
    }
    if let Some(items) = to_array(value) {
        return items.iter().map(for_record).collect();
    }
    masked(from_dynamic(value), false)
}

/// A row as the record gets it: a Secret's fields without their values, which only the run itself knows.
pub(crate) fn row_for_record(row: &LedgerRow) -> LedgerRow {
    let mut row = row.clone();
    if let Undo::Restore { object, fields, .. } = &mut row.undo
        && object.kind == KIND
    {
        for FieldChange { pointer, before, after, .. } in fields {
            let annotation = pointer.starts_with("/metadata/annotations");
            if annotation || pointer.starts_with("/data") || pointer.starts_with("/stringData") {
                [before, after].into_iter().flatten().for_each(hide);
            }
        }
    }
    row
}

/// Whether a part of a text was hidden when it was recorded: what was there is not known any more.
pub(crate) fn is_hidden_in(text: &str) -> bool {
    text.contains("<secret:") || text.contains("<secret>")
}

/// Whether a value of a row is not the real one: it was hidden when it was recorded.
pub(crate) fn is_hidden(value: &Value) -> bool {
    match value {
        Value::String(text) => text == HIDDEN || is_hidden_in(text),
        Value::Array(items) => items.iter().any(is_hidden),
        Value::Object(fields) => fields.values().any(is_hidden),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_learnt_from_objects_lists_and_patches() {
        let encoded = |text: &str| STANDARD.encode(text);
        let list = json!({ "kind": "SecretList", "items": [{ "data": { "a": encoded("first-value\n") } }] });
        let text = r#"{"type":"ADDED","object":{"kind":"Secret","data":{"b":"/////////w=="}}}{"kind":"List","items":[{"kind":"Secret","stringData":{"c":"third-value"}}]}"#;
        let redactor = Redactor::default();
        learn(&redactor, &list, false);
        learn_text(&redactor, text, false);
        learn(&redactor, &json!([{ "op": "add", "path": "/data/d", "value": encoded("fourth-value") }]), true);
        for value in ["first-value", &encoded("first-value\n"), "/////////w==", "third-value", "fourth-value"] {
            assert!(redactor.redact(&format!("x {value} y")).starts_with("x <secret:"), "{value}");
        }
    }

    #[test]
    fn what_is_sent_as_a_secret_is_learnt_whatever_its_shape() {
        let redactor = Redactor::default();
        for secret in [
            json!({ "kind": "Secret", "metadata": { "name": "of-no-value" }, "stringData": ["shape-first"] }),
            json!({ "kind": "Secret", "data": { "a": { "b": ["shape-second"] }, "c": 1_234_567_890_u64 } }),
            json!({ "kind": "Secret", "stringdata": { "a": "shape-third" }, "data": "shape-fourth" }),
        ] {
            learn(&redactor, &secret, false);
            let shown = masked(secret, false).to_string();
            assert!(!shown.contains("shape-") && !shown.contains("1234567890"), "{shown}");
        }
        let said = "expected map, got &{[shape-first shape-second shape-third shape-fourth 1234567890]}; of-no-value";
        let shown = redactor.redact(said);
        assert!(!shown.contains("shape-") && !shown.contains("123456") && shown.ends_with("of-no-value"), "{shown}");
    }

    #[test]
    fn other_kinds_and_what_every_token_names_stay_readable() {
        let redactor = Redactor::default();
        learn(&redactor, &json!({ "kind": "ConfigMap", "data": { "a": "plain-value" } }), false);
        let token = json!({ "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "data": { "namespace": STANDARD.encode("kube-system"), "token": STANDARD.encode("a-real-token") } });
        learn(&redactor, &token, false);
        assert_eq!(redactor.redact("plain-value kube-system"), "plain-value kube-system");
        assert!(!redactor.redact("a-real-token").contains("real"));
    }

    #[test]
    fn a_record_holds_no_value_however_short() {
        let secret = json!({ "kind": "Secret", "metadata": { "name": "s" }, "data": { "a": "b2xk" } });
        assert_eq!(masked(json!([secret]), false)[0]["data"]["a"], HIDDEN);
        assert_eq!(masked(json!([{ "op": "add", "path": "/data/a", "value": "b2xk" }]), true)[0]["value"], HIDDEN);
        let map = json!({ "kind": "ConfigMap", "data": { "a": "b" } });
        assert_eq!(masked(map.clone(), false), map);
    }

    #[test]
    fn the_recorded_row_hides_what_the_ledgers_keeps() {
        let object = crate::event::ObjectRef {
            cluster: "infra".into(),
            api_version: "v1".into(),
            kind: KIND.into(),
            plural: "secrets".into(),
            namespace: Some("web".into()),
            name: "s".into(),
            uid: None,
        };
        let field = FieldChange {
            pointer: "/data/a".into(),
            before: Some(json!("b2xk")),
            after: None,
            made: None,
            ..FieldChange::default()
        };
        let undo = Undo::Restore { object, subresource: None, fields: vec![field], owners: Vec::new() };
        let row = LedgerRow { row: 1, change: "patch".into(), undo, cluster_id: None };
        let shown = row_for_record(&row);
        assert!(!serde_json::to_string(&shown).expect("JSON").contains("b2xk"));
        assert!(serde_json::to_string(&row).expect("JSON").contains("b2xk"));
        let Undo::Restore { fields, .. } = shown.undo else { panic!("a restoration") };
        assert!(fields[0].before.as_ref().is_some_and(is_hidden));
    }
}
