//! The rules of CustomResourceDefinitions, and the status that the server gives them.

use serde_json::{Value, json};

use super::names;
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::patch::{Managers, Owner};
use crate::lab::kube::refusal::Fault;

/// What is wrong with a definition.
pub(super) fn rules(object: &Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    if object["metadata"]["name"] != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        faults.push(Fault::invalid("metadata.name", &object["metadata"]["name"], why));
    }
    if group.is_empty() {
        faults.push(Fault::required("spec.group"));
    } else {
        for why in names::subdomain(&group) {
            faults.push(Fault::invalid("spec.group", &json!(group), why));
        }
    }
    if !matches!(spec["scope"].as_str(), Some("Cluster" | "Namespaced")) {
        let scope = json!(text(&spec["scope"]));
        faults.push(Fault::unsupported("spec.scope", &scope, &["Cluster", "Namespaced"]));
    }
    if plural.is_empty() {
        faults.push(Fault::required("spec.names.plural"));
    }
    if text(&spec["names"]["kind"]).is_empty() {
        faults.push(Fault::required("spec.names.kind"));
    }
    let versions: Vec<&Value> = spec["versions"].as_array().into_iter().flatten().collect();
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        faults.push(Fault::invalid("spec.versions", &json!(versions), why));
    }
    for (at, version) in versions.iter().enumerate() {
        let schema = &version["schema"]["openAPIV3Schema"];
        let path = format!("spec.versions[{at}].schema.openAPIV3Schema");
        if schema.is_null() {
            faults.push(Fault::required(path).detail("schemas are required"));
        } else {
            let path = if versions.len() == 1 { "spec.validation.openAPIV3Schema".to_owned() } else { path };
            structural(schema, &path, true, &mut faults);
        }
    }
    faults
}

/// A schema has to say the type of everything.
fn structural(schema: &Value, path: &str, root: bool, faults: &mut Vec<Fault>) {
    let free = schema["x-kubernetes-int-or-string"] == true || schema["x-kubernetes-preserve-unknown-fields"] == true;
    if schema["type"].is_null() && !free {
        let where_ = if path.ends_with(']') && path.contains(".items") { "array items" } else { "object fields" };
        let why = if root {
            "must not be empty at the root".to_owned()
        } else {
            format!("must not be empty for specified {where_}")
        };
        faults.push(Fault::required(format!("{path}.type")).detail(why));
    } else if root && schema["type"] != "object" {
        let why = "must be object at the root";
        faults.push(Fault::invalid(format!("{path}.type"), &schema["type"], why));
    }
    contents(schema, path, faults);
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        structural(below, &format!("{path}.properties[{key}]"), false, faults);
    }
    if schema["items"].is_object() {
        structural(&schema["items"], &format!("{path}.items"), false, faults);
    } else if schema["type"] == "array" {
        faults.push(Fault::required(format!("{path}.items")).detail("must be specified"));
    }
    if schema["additionalProperties"].is_object() {
        structural(&schema["additionalProperties"], &format!("{path}.additionalProperties"), false, faults);
    }
}

/// What a schema says has to be something that it can say, and to fit together.
fn contents(schema: &Value, path: &str, faults: &mut Vec<Fault>) {
    const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    const LISTS: [&str; 3] = ["atomic", "set", "map"];
    let of = schema["type"].as_str().unwrap_or_default();
    if !of.is_empty() && !TYPES.contains(&of) {
        faults.push(Fault::unsupported(format!("{path}.type"), &schema["type"], &TYPES));
    }
    if let Some(list) = schema["x-kubernetes-list-type"].as_str() {
        if !LISTS.contains(&list) {
            let field = format!("{path}.x-kubernetes-list-type");
            faults.push(Fault::unsupported(field, &schema["x-kubernetes-list-type"], &LISTS));
        } else if of != "array" {
            let why = "must be array if x-kubernetes-list-type is specified";
            faults.push(Fault::invalid(format!("{path}.type"), &schema["type"], why));
        } else if list == "map" && schema["x-kubernetes-list-map-keys"].as_array().is_none_or(Vec::is_empty) {
            let why = "must not be empty if x-kubernetes-list-type is map";
            faults.push(Fault::required(format!("{path}.x-kubernetes-list-map-keys")).detail(why));
        }
    }
    if schema["properties"].as_object().is_some_and(|all| !all.is_empty()) && schema["additionalProperties"].is_object()
    {
        let why = "additionalProperties and properties are mutual exclusive";
        faults.push(Fault::forbidden(format!("{path}.additionalProperties"), why));
    }
    let word = match &schema["default"] {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => of,
    };
    if TYPES.contains(&of) && word != of && !(of == "number" && word == "integer") {
        let why = format!(" in body must be of type {of}: {word:?}");
        faults.push(Fault::invalid(format!("{path}.default"), &json!(word), why));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && let Err(why) = regex::Regex::new(pattern)
    {
        let why = why.to_string();
        let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let why = format!("must be a valid regular expression, but isn't: error parsing regexp: {last}: `{pattern}`");
        faults.push(Fault::invalid(format!("{path}.pattern"), &schema["pattern"], why));
    }
}

/// What the server says of a definition that it serves.
pub(crate) fn established(kind: &Kind, definition: &Value, now: &str) -> Value {
    let mut object = definition.clone();
    establish(&mut object, now);
    let owner = Owner {
        manager: "kube-apiserver".to_owned(),
        operation: "Update",
        api_version: kind.api_version(),
        subresource: "status".to_owned(),
        time: now.to_owned(),
    };
    let managers = Managers::of(definition).updated(kind.schema(), definition, &object, &owner, None);
    managers.write(&mut object);
    object
}

/// What another definition of the same group has taken of a definition's names: the reason and the message of its
/// condition. Source: k8s.io/apiextensions-apiserver `pkg/controller/status/naming_controller.go`.
pub(crate) fn conflict<'o>(
    definition: &Value,
    others: impl Iterator<Item = &'o Value>,
) -> Option<(&'static str, String)> {
    let (own, group) = (&definition["spec"]["names"], &definition["spec"]["group"]);
    let mut taken: Vec<&str> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    let beside = others.filter(|other| {
        other["spec"]["group"] == *group && other["metadata"]["name"] != definition["metadata"]["name"]
    });
    for accepted in beside.map(|other| &other["status"]["acceptedNames"]) {
        taken.extend(["plural", "singular"].iter().filter_map(|key| accepted[*key].as_str()));
        taken.extend(accepted["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str));
        kinds.extend(["kind", "listKind"].iter().filter_map(|key| accepted[*key].as_str()));
    }
    let used = |name: &str| format!("{name:?} is already in use");
    for (key, reason) in [("plural", "PluralConflict"), ("singular", "SingularConflict")] {
        if let Some(name) = own[key].as_str().filter(|name| taken.contains(name)) {
            return Some((reason, used(name)));
        }
    }
    let short = own["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(name) = short.into_iter().find(|name| taken.contains(name)) {
        return Some(("ShortNamesConflict", used(name)));
    }
    for (key, reason) in [("kind", "KindConflict"), ("listKind", "ListKindConflict")] {
        if let Some(name) = own[key].as_str().filter(|name| kinds.contains(name)) {
            return Some((reason, used(name)));
        }
    }
    None
}

/// What the server says of a definition whose names are taken: it does not serve it.
pub(crate) fn refused(definition: &Value, (reason, message): &(&'static str, String), now: &str) -> Value {
    let mut object = definition.clone();
    object["status"]["conditions"] = json!([
        {"type": "NamesAccepted", "status": "False", "lastTransitionTime": now, "reason": reason, "message": message},
        {"type": "Established", "status": "False", "lastTransitionTime": now, "reason": "NotAccepted",
         "message": "not all names are accepted"},
    ]);
    object
}

fn establish(object: &mut Value, now: &str) {
    let established = object["status"]["conditions"]
        .as_array()
        .is_some_and(|c| c.iter().any(|c| c["type"] == "Established" && c["status"] == "True"));
    object["status"]["acceptedNames"] = object["spec"]["names"].clone();
    if !established {
        object["status"]["conditions"] = json!([
            {"type": "NamesAccepted", "status": "True", "lastTransitionTime": now, "reason": "NoConflicts",
             "message": "no conflicts found"},
            {"type": "Established", "status": "True", "lastTransitionTime": now, "reason": "InitialNamesAccepted",
             "message": "the initial names have been accepted"},
        ]);
    }
}
