//! Who owns which fields, by the API server's account (`metadata.managedFields`): what a change takes from whom, and how it
//! is given back once the change is undone. Without that, the next server-side apply of the former owner would conflict
//! with fields that are as it had left them.
//!
//! The account's form is that of `FieldsV1` in Kubernetes' API types: a tree of `f:FIELD`, `k:{KEYS}` and `v:VALUE`, in
//! which a leaf, and a node with `.`, is owned.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::keyed;
use crate::client::kube::FIELD_MANAGER;
use crate::event::Owned;

/// The paths that are owned.
type Paths = BTreeSet<Vec<String>>;

/// Where it stands.
pub(crate) const PLACE: &str = "/metadata/managedFields";

fn entries(object: &Value) -> &[Value] {
    object.pointer(PLACE).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn paths(tree: &Value) -> Paths {
    fn walk(tree: &Value, path: &mut Vec<String>, out: &mut Paths) {
        let Some(fields) = tree.as_object() else { return };
        if !path.is_empty() && (fields.is_empty() || fields.contains_key(".")) {
            out.insert(path.clone());
        }
        for (step, below) in fields.iter().filter(|(step, _)| *step != ".") {
            path.push(step.clone());
            walk(below, path, out);
            path.pop();
        }
    }
    let mut out = Paths::new();
    walk(tree, &mut Vec::new(), &mut out);
    out
}

fn tree(paths: &Paths) -> Value {
    fn put(tree: &mut Map<String, Value>, path: &[String]) {
        if let [step, rest @ ..] = path
            && let Value::Object(below) = tree.entry(step.clone()).or_insert_with(|| json!({}))
        {
            put(below, rest);
        }
    }
    fn mark(tree: &mut Map<String, Value>, path: &[String]) {
        match path {
            [] if !tree.is_empty() => drop(tree.insert(".".into(), json!({}))),
            [] => {}
            [step, rest @ ..] => {
                if let Some(Value::Object(below)) = tree.get_mut(step) {
                    mark(below, rest);
                }
            }
        }
    }
    let mut out = Map::new();
    paths.iter().for_each(|path| put(&mut out, path));
    paths.iter().for_each(|path| mark(&mut out, path));
    Value::Object(out)
}

/// What tells an entry from the others.
fn key(entry: &Value) -> [&str; 4] {
    ["manager", "operation", "apiVersion", "subresource"].map(|name| entry[name].as_str().unwrap_or_default())
}

fn key_of(owned: &Owned) -> [&str; 4] {
    [&owned.manager, &owned.operation, &owned.api_version, owned.subresource.as_deref().unwrap_or_default()]
}

fn is_ours(entry: &Value) -> bool {
    entry["manager"] == FIELD_MANAGER
}

/// What a change took from whom, and what this program got by it. Empty where the server keeps no account.
pub(crate) fn shift(before: &Value, after: &Value) -> Vec<Owned> {
    let (was, is) = (entries(before), entries(after));
    let of = |all: &[Value], wanted: &Value| all.iter().find(|e| key(e) == key(wanted)).map(|e| paths(&e["fieldsV1"]));
    let mut out = Vec::new();
    let new = is.iter().filter(|entry| of(was, entry).is_none());
    for entry in was.iter().chain(new) {
        let (then, now) = (of(was, entry).unwrap_or_default(), of(is, entry).unwrap_or_default());
        let lost: Paths = then.difference(&now).cloned().collect();
        let gained: Paths = now.difference(&then).filter(|&_| is_ours(entry)).cloned().collect();
        if lost.is_empty() && gained.is_empty() {
            continue;
        }
        let some = |paths: &Paths| (!paths.is_empty()).then(|| tree(paths));
        out.push(owned(entry, some(&lost), some(&gained), now.is_empty() && !then.is_empty()));
    }
    out
}

/// What an entry's manager lost and got.
fn owned(entry: &Value, lost: Option<Value>, gained: Option<Value>, all: bool) -> Owned {
    let [manager, operation, api_version, _] = key(entry).map(Into::into);
    let subresource = entry["subresource"].as_str().map(Into::into);
    Owned { manager, operation, api_version, subresource, lost, gained, all }
}

/// What a write through the subresource `scale` takes: its answers have no account, so the object's own, as it was before,
/// tells who has the replicas.
pub(crate) fn of_scaling(object: &Value) -> Vec<Owned> {
    let replicas: Paths = [vec!["f:spec".to_string(), "f:replicas".to_string()]].into();
    let loser = |(entry, has): (&Value, Paths)| owned(entry, Some(tree(&replicas)), None, has == replicas);
    let have = entries(object).iter().map(|entry| (entry, paths(&entry["fieldsV1"])));
    let mut out: Vec<Owned> = have.filter(|(_, has)| has.is_superset(&replicas)).map(loser).collect();
    if out.is_empty() && !entries(object).is_empty() {
        // Nobody had them: then nobody has, afterwards.
        let ours = json!({ "manager": FIELD_MANAGER, "operation": "Update", "subresource": "scale",
            "apiVersion": object["apiVersion"] });
        out.push(owned(&ours, None, Some(tree(&replicas)), false));
    }
    out
}

/// The account once what this program got is given back, to those that have an entry still, or lost their whole entry
/// to the change; none where nothing is to be given.
pub(crate) fn given_back(object: &Value, owners: &[Owned]) -> Option<Value> {
    let told = |tree: &Option<Value>| tree.as_ref().map(paths).unwrap_or_default();
    let touched: Paths =
        owners.iter().flat_map(|owned| told(&owned.lost).into_iter().chain(told(&owned.gained))).collect();
    let (mut all, mut free) = (entries(object).to_vec(), Paths::new());
    for entry in all.iter_mut().filter(|entry| is_ours(entry)) {
        let (given, kept): (Paths, Paths) = paths(&entry["fieldsV1"]).into_iter().partition(|p| touched.contains(p));
        free.extend(given);
        entry["fieldsV1"] = tree(&kept);
    }
    if free.is_empty() {
        return None;
    }
    for owned in owners {
        let back: Paths = told(&owned.lost).intersection(&free).cloned().collect();
        match all.iter_mut().find(|entry| key(entry) == key_of(owned)) {
            Some(entry) => {
                let own = paths(&entry["fieldsV1"]).union(&back).cloned().collect();
                entry["fieldsV1"] = tree(&own);
            }
            None if owned.all && !back.is_empty() => all.push(anew(owned, &back)),
            None => {}
        }
    }
    all.retain(|entry| entry["fieldsV1"].as_object().is_none_or(|fields| !fields.is_empty()));
    // An empty list would mean: as it was.
    Some(if all.is_empty() { json!([{}]) } else { Value::Array(all) })
}

fn anew(owned: &Owned, paths: &Paths) -> Value {
    let mut entry = json!({ "manager": owned.manager, "operation": owned.operation, "apiVersion": owned.api_version,
        "fieldsType": "FieldsV1", "fieldsV1": tree(paths) });
    if let Some(subresource) = &owned.subresource {
        entry["subresource"] = subresource.as_str().into();
    }
    entry
}

/// Whether the account names nobody else as the owner of a field, nor of anything in it; it has to be there.
pub(crate) fn are_ours_or_nobodys(object: &Value, pointer: &str) -> bool {
    let all = entries(object);
    !all.is_empty() && !all.iter().any(|entry| !is_ours(entry) && owns(&entry["fieldsV1"], object, pointer))
}

/// Whether a tree has the field of an object, something in it, or the whole that it is a part of.
fn owns(tree: &Value, object: &Value, pointer: &str) -> bool {
    let (mut tree, mut there, mut list) = (tree, Some(object), String::new());
    for step in pointer.split('/').skip(1) {
        let Some(fields) = tree.as_object() else { return false };
        // A list or a map that counts as one.
        if fields.is_empty() {
            return true;
        }
        let item = there
            .and_then(Value::as_array)
            .map(|items| items.iter().find(|item| keyed::step(&list, item).as_deref() == Some(step)));
        let next = match item {
            Some(item) => {
                there = item;
                let Some(item) = item else { return false };
                fields.iter().find(|(step, _)| is_of(step, item)).map(|(_, below)| below)
            }
            None => {
                list = keyed::plain(step);
                there = there.and_then(|there| there.get(&list));
                fields.get(&format!("f:{list}"))
            }
        };
        let Some(next) = next else { return false };
        tree = next;
    }
    true
}

/// Whether `k:{"name":"main"}` or `v:"word"` means this item.
fn is_of(step: &str, item: &Value) -> bool {
    if let Some(keys) = step.strip_prefix("k:") {
        let Ok(Value::Object(keys)) = serde_json::from_str(keys) else { return false };
        return keys.iter().all(|(key, value)| item.get(key) == Some(value));
    }
    step.strip_prefix("v:").and_then(|value| serde_json::from_str::<Value>(value).ok()).is_some_and(|v| v == *item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, fields: &Value) -> Value {
        json!({ "manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields })
    }

    fn object(entries: &[Value]) -> Value {
        json!({ "metadata": { "managedFields": entries } })
    }

    #[test]
    fn a_tree_of_paths_is_the_tree_that_it_came_from() {
        let all = json!({ "f:data": { ".": {}, "f:a": {} }, "f:spec": { "f:ports": { "k:{\"port\":80}": { ".": {}, "f:port": {} } } } });
        assert_eq!(tree(&paths(&all)), all);
        assert_eq!(paths(&all).len(), 4);
    }

    #[test]
    fn what_a_change_took_is_given_back_to_whom_it_was_taken_from() {
        let theirs = entry("gitops", "Apply", &json!({ "f:data": { "f:a": {}, "f:c": {} } }));
        let before = object(std::slice::from_ref(&theirs));
        let rest = entry("gitops", "Apply", &json!({ "f:data": { "f:c": {} } }));
        let ours = entry("pb", "Update", &json!({ "f:data": { "f:a": {} } }));
        let after = object(&[rest, ours]);
        let owners = shift(&before, &after);
        assert_eq!(owners.len(), 2);
        assert_eq!(given_back(&after, &owners), Some(json!([theirs])));
        assert_eq!(given_back(&before, &owners), None, "nothing of it is ours");
        // Somebody else has it now: nothing of that is touched.
        let others = object(&[entry("them", "Update", &json!({ "f:data": { "f:a": {} } }))]);
        assert_eq!(given_back(&others, &owners), None);
        // The owner has let everything go since, and is not made an owner again.
        let left = object(&[
            entry("pb", "Update", &json!({ "f:data": { "f:a": {} } })),
            entry("x", "Update", &json!({ "f:y": {} })),
        ]);
        assert_eq!(given_back(&left, &owners), Some(json!([entry("x", "Update", &json!({ "f:y": {} }))])));
    }

    #[test]
    fn an_entry_that_the_change_emptied_comes_back_and_what_was_ours_before_stays() {
        let theirs = entry("gitops", "Apply", &json!({ "f:data": { "f:a": {} } }));
        let earlier = json!({ "f:data": { "f:z": {} } });
        let before = object(&[theirs.clone(), entry("pb", "Update", &earlier)]);
        let after = object(&[entry("pb", "Update", &json!({ "f:data": { "f:a": {}, "f:z": {} } }))]);
        let owners = shift(&before, &after);
        assert_eq!(given_back(&after, &owners), Some(json!([entry("pb", "Update", &earlier), theirs])));
        // A field that the run removed and its undo put back.
        let theirs = entry("gitops", "Apply", &json!({ "f:data": { "f:a": {}, "f:b": {} } }));
        let fewer = entry("gitops", "Apply", &json!({ "f:data": { "f:a": {} } }));
        let owners = shift(&object(std::slice::from_ref(&theirs)), &object(std::slice::from_ref(&fewer)));
        let now = object(&[fewer, entry("pb", "Update", &json!({ "f:data": { "f:b": {} } }))]);
        assert_eq!(given_back(&now, &owners), Some(json!([theirs])));
        // Nobody has anything any more.
        let owners = shift(&object(&[]), &object(&[entry("pb", "Update", &json!({ "f:x": {} }))]));
        assert_eq!(given_back(&object(&[entry("pb", "Update", &json!({ "f:x": {} }))]), &owners), Some(json!([{}])));
    }

    #[test]
    fn replicas_that_were_scaled_are_their_former_managers_again() {
        let spec = |fields: &[&str]| {
            let fields: Map<String, Value> = fields.iter().map(|name| ((*name).to_string(), json!({}))).collect();
            json!({ "f:spec": fields })
        };
        let scaled = Value::Object(
            [("subresource".to_string(), json!("scale"))]
                .into_iter()
                .chain(entry("pb", "Update", &spec(&["f:replicas"])).as_object().cloned().unwrap_or_default())
                .collect(),
        );
        let theirs = entry("gitops", "Apply", &spec(&["f:paused", "f:replicas"]));
        let owners = of_scaling(&object(std::slice::from_ref(&theirs)));
        let after = object(&[entry("gitops", "Apply", &spec(&["f:paused"])), scaled.clone()]);
        assert_eq!(given_back(&after, &owners), Some(json!([theirs])));
        // A server that keeps no account of scaling, as before 1.22.
        assert_eq!(given_back(&object(std::slice::from_ref(&theirs)), &owners), None);
        let others = entry("gitops", "Apply", &spec(&["f:paused"]));
        let owners = of_scaling(&object(std::slice::from_ref(&others)));
        assert_eq!(given_back(&object(&[others.clone(), scaled]), &owners), Some(json!([others])));
        assert_eq!(of_scaling(&json!({})), []);
    }

    #[test]
    fn an_owner_of_a_field_is_found_through_lists_and_wholes() {
        let spec = json!({ "ports": [{ "port": 80, "protocol": "TCP", "nodePort": 1 }], "type": "NodePort" });
        let of = |manager: &str, fields: Value| json!({ "metadata": { "managedFields": [entry(manager, "Update", &fields)] }, "spec": spec });
        let port = "/spec/ports/[port=80,protocol=TCP]/nodePort";
        let inside =
            |below: Value| json!({ "f:spec": { "f:ports": { "k:{\"port\":80,\"protocol\":\"TCP\"}": below } } });
        for (manager, fields, expected) in [
            ("pb", inside(json!({ "f:nodePort": {} })), true),
            ("them", inside(json!({ "f:nodePort": {} })), false),
            ("them", inside(json!({ ".": {}, "f:port": {} })), true),
            ("them", json!({ "f:spec": { "f:ports": {} } }), false),
            ("them", json!({ "f:spec": { "f:type": {} } }), true),
        ] {
            assert_eq!(are_ours_or_nobodys(&of(manager, fields.clone()), port), expected, "{manager} {fields}");
        }
        assert!(!are_ours_or_nobodys(&json!({ "spec": spec }), port), "no account, no answer");
    }
}
