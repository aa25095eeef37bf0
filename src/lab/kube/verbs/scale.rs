//! `/scale`: how many of something there are to be, in the form that every kind shares.

use serde_json::{Value, json};

use super::asked::{Answered, Asked};
use super::change::{Change, change};
use crate::lab::kube::cluster::World;
use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};

fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').filter(|p| !p.is_empty()).fold(object, |value, part| &value[part])
}

/// The scale of an object.
pub(super) fn of(asked: &Asked, object: &Value) -> Value {
    let Some(scale) = &asked.kind.scale else { return Value::Null };
    let metadata = &object["metadata"];
    let mut spec = json!({});
    if let Some(replicas) = at(object, &scale.spec).as_i64().filter(|n| *n != 0) {
        spec["replicas"] = json!(replicas);
    }
    let mut status = json!({ "replicas": at(object, &scale.status).as_i64().unwrap_or(0) });
    if let Some(path) = &scale.selector {
        let selector = match at(object, path) {
            Value::String(text) => text.clone(),
            other => text(other),
        };
        if !selector.is_empty() {
            status["selector"] = json!(selector);
        }
    }
    let mut own = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = metadata.get(key) {
            own[key] = value.clone();
        }
    }
    json!({ "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": own, "spec": spec, "status": status })
}

/// A selector as one line: `a=b,c in (d,e)`.
fn text(selector: &Value) -> String {
    let plain = selector["matchLabels"].as_object().or_else(|| {
        selector.as_object().filter(|s| !s.contains_key("matchExpressions") && !s.contains_key("matchLabels"))
    });
    let mut parts: Vec<String> =
        plain.into_iter().flatten().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({})", values.join(",")),
            Some("NotIn") => format!("{key} notin ({})", values.join(",")),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}

/// Sets the number that is wanted.
pub(super) fn put(world: &mut World, asked: &Asked, wanted: &Value, dry: bool) -> Answer<Answered> {
    let old = asked.find(&world.store)?;
    let Some(scale) = asked.kind.scale.clone() else { return Err(Refusal::no_resource()) };
    let replicas = wanted["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let what = Named { group: "autoscaling", kind: "Scale", name: &asked.name };
        let fault = Fault::invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
        return Err(Refusal::invalid(&what, &[fault]));
    }
    let mut new = asked.shown(&old.value);
    let mut place = &mut new;
    for part in scale.spec.split('.').filter(|p| !p.is_empty()) {
        place = &mut place[part];
    }
    *place = json!(replicas);
    new["metadata"]["resourceVersion"] = wanted["metadata"]["resourceVersion"].clone();
    let value = change(world, asked, &old, new, Change { managers: None, dry, unversioned: false })?;
    Ok(Answered::new(200, of(asked, &value)))
}
