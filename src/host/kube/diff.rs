//! What a change makes of an object, field by field: so that it can be put back, field by field.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{keyed, owners};
use crate::event::FieldChange;

/// Fields that the server keeps itself; nobody puts them back.
const SERVERS: &[&str] = &[
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/managedFields",
    "/metadata/creationTimestamp",
    "/metadata/uid",
    "/metadata/selfLink",
];

/// The fields in which two states of an object differ, each by itself also where a whole map came or went: somebody else
/// may have put a field beside it since. So are the items of a list that have keys ([`keyed`]); any other list counts as
/// one field. `status` is left out unless it is what was written.
pub(crate) fn changes(before: &Value, after: &Value, subresource: Option<&str>) -> Vec<FieldChange> {
    let mut out = Vec::new();
    walk(String::new(), (Some(before), Some(after)), None, &mut out);
    out.retain(|f| {
        let server = SERVERS.iter().any(|s| f.pointer == *s || f.pointer.starts_with(&format!("{s}/")));
        let status = f.pointer == "/status" || f.pointer.starts_with("/status/");
        !server && (!status || subresource == Some("status"))
    });
    out
}

/// The fields that a merge patch sets, with their values before: where the server can't try it out first.
pub(crate) fn of_merge(before: &Value, patch: &Value) -> Vec<FieldChange> {
    let mut after = before.clone();
    merge(&mut after, patch);
    changes(before, &after, Some("status"))
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Some(target) = target.as_object_mut() {
        for (key, value) in fields {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

/// The fields of a row by themselves: rows of before it was done so hold a map that came or went as one value, and
/// lists.
pub(crate) fn each(field: &FieldChange) -> Vec<FieldChange> {
    if field.pointer.rsplit('/').next().is_some_and(keyed::is_item) {
        return vec![field.clone()];
    }
    let mut out = Vec::new();
    walk(field.pointer.clone(), (field.before.as_ref(), field.after.as_ref()), field.made.as_deref(), &mut out);
    out.iter_mut().for_each(|one| one.allotted = field.allotted);
    out
}

/// A subresource's answer with what it leaves out: `scale` has no `replicas` where there are none.
pub(crate) fn whole(mut value: Value, subresource: Option<&str>) -> Value {
    if subresource == Some("scale") {
        if !value["spec"].is_object() {
            value["spec"] = json!({});
        }
        if value["spec"]["replicas"].is_null() {
            value["spec"]["replicas"] = json!(0);
        }
    }
    value
}

/// The same for a row of before this was done.
pub(crate) fn whole_field(mut field: FieldChange, subresource: Option<&str>) -> FieldChange {
    if subresource == Some("scale") && field.pointer == "/spec/replicas" {
        [&mut field.before, &mut field.after].into_iter().for_each(|value| {
            value.get_or_insert_with(|| json!(0));
        });
    }
    field
}

/// Marks the fields that the request doesn't ask for as they are: the server allots them, and may allot others when it
/// is not a trial.
pub(crate) fn mark_allotted(fields: &mut [FieldChange], request: &Value) {
    for field in fields {
        let asked = match request {
            Value::Array(operations) => operations.iter().any(|one| touches(one, &field.pointer)),
            map => keyed::at(map, &field.pointer) == field.after.as_ref(),
        };
        field.allotted = field.after.is_some() && !asked;
    }
}

/// Whether an operation of a JSON patch is about a field, whichever item of a list it means.
fn touches(operation: &Value, pointer: &str) -> bool {
    let Some(path) = operation["path"].as_str() else { return false };
    let any = |step: &str| keyed::is_item(step) || step == "-" || step.parse::<usize>().is_ok();
    path.split('/').zip(pointer.split('/')).all(|(a, b)| a == b || (any(a) && any(b)))
}

/// The fields of a row as the server's answer has them, which may have allotted others than when it was tried out
/// (a node port), and those that it allotted then alone. What somebody else owns by its account is not the run's.
pub(crate) fn settled(
    tried: &[FieldChange],
    before: &Value,
    answer: &Value,
    subresource: Option<&str>,
) -> Vec<FieldChange> {
    let (before, answer) = (whole(before.clone(), subresource), whole(answer.clone(), subresource));
    let mut out = Vec::new();
    for field in tried {
        let after = keyed::at(&answer, &field.pointer);
        if after != field.before.as_ref() {
            out.push(FieldChange { after: after.cloned(), allotted: false, ..field.clone() });
        }
    }
    let within = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
    // Whose a subresource's fields are, older servers don't say.
    let whole = if subresource.is_none() { changes(&before, &answer, None) } else { Vec::new() };
    for field in whole {
        let known = tried.iter().any(|t| within(&field.pointer, &t.pointer) || within(&t.pointer, &field.pointer));
        if !known && owners::are_ours_or_nobodys(&answer, &field.pointer) {
            out.push(field);
        }
    }
    out
}

fn walk(pointer: String, states: (Option<&Value>, Option<&Value>), made: Option<&str>, out: &mut Vec<FieldChange>) {
    let (before, after) = states;
    if before == after {
        return;
    }
    let is_map = |state: Option<&Value>| state.and_then(Value::as_object).is_some_and(|fields| !fields.is_empty());
    let (was, is) = (before.is_some_and(Value::is_object), after.is_some_and(Value::is_object));
    let apart = (was && is) || (before.is_none() && is_map(after)) || (is_map(before) && after.is_none());
    if !apart {
        if walk_items(&pointer, states, made, out) {
            return;
        }
        let made = made.map(Into::into);
        let (before, after) = (before.cloned(), after.cloned());
        out.push(FieldChange { pointer, before, after, made, ..FieldChange::default() });
        return;
    }
    let fields = |state: Option<&Value>| state.and_then(Value::as_object).cloned().unwrap_or_default();
    let (b, a) = (fields(before), fields(after));
    // What it stands in was made by the change, too, from here on.
    let made = made.or_else(|| before.is_none().then_some(pointer.as_str()));
    let keys: BTreeSet<&String> = b.keys().chain(a.keys()).collect();
    for key in keys {
        let step = keyed::escaped(key);
        walk(format!("{pointer}/{step}"), (b.get(key), a.get(key)), made, out);
    }
}

/// The same for lists whose items have keys: an item that came or went is one value. Gives whether it was such a list.
fn walk_items(
    pointer: &str,
    (before, after): (Option<&Value>, Option<&Value>),
    made: Option<&str>,
    out: &mut Vec<FieldChange>,
) -> bool {
    let list = |state: Option<&Value>| match state {
        None => Some(Vec::new()),
        Some(Value::Array(items)) => Some(items.clone()),
        Some(_) => None,
    };
    let (Some(b), Some(a)) = (list(before), list(after)) else { return false };
    let Some([was, is]) = keyed::items(&keyed::name_of(pointer), &b, &a) else { return false };
    if b.is_empty() && a.is_empty() {
        return false;
    }
    let made = made.or_else(|| before.is_none().then_some(pointer));
    for (index, (step, item)) in was.iter().enumerate() {
        let pointer = format!("{pointer}/{step}");
        match is.iter().find(|(other, _)| other == step) {
            Some((_, now)) => walk(pointer, (Some(item), Some(now)), made, out),
            None => out.push(FieldChange {
                pointer,
                before: Some((*item).clone()),
                index: Some(index),
                ..FieldChange::default()
            }),
        }
    }
    for (step, item) in is.iter().filter(|(step, _)| !was.iter().any(|(other, _)| other == step)) {
        out.push(FieldChange {
            pointer: format!("{pointer}/{step}"),
            after: Some((*item).clone()),
            made: made.map(Into::into),
            ..FieldChange::default()
        });
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_told_one_by_one_and_the_servers_own_are_left_out() {
        let before = json!({ "metadata": { "resourceVersion": "1", "labels": { "a/b": "1" } }, "spec": { "replicas": 1, "ports": [1] }, "status": { "x": 1 } });
        let after = json!({ "metadata": { "resourceVersion": "2", "labels": { "c": "2" } }, "spec": { "replicas": 2, "ports": [1, 2] }, "status": {} });
        let changes = changes(&before, &after, None);
        let told: Vec<_> = changes.iter().map(|c| (c.pointer.as_str(), c.before.clone(), c.after.clone())).collect();
        assert_eq!(
            told,
            [
                ("/metadata/labels/a~1b", Some(json!("1")), None),
                ("/metadata/labels/c", None, Some(json!("2"))),
                ("/spec/ports", Some(json!([1])), Some(json!([1, 2]))),
                ("/spec/replicas", Some(json!(1)), Some(json!(2))),
            ]
        );
    }

    #[test]
    fn a_merge_patch_says_what_it_changes() {
        let before = json!({ "spec": { "a": 1, "b": { "c": 2 } } });
        let changes = of_merge(&before, &json!({ "spec": { "a": 1, "b": null, "d": { "e": 3 } } }));
        let told: Vec<_> = changes.iter().map(|c| (c.pointer.as_str(), c.after.clone())).collect();
        assert_eq!(told, [("/spec/b/c", None), ("/spec/d/e", Some(json!(3)))]);
    }

    #[test]
    fn a_map_that_came_or_went_is_told_field_by_field() {
        let before = json!({ "metadata": { "annotations": { "x": "1", "y": "2" } }, "spec": { "empty": {} } });
        let after = json!({ "metadata": { "labels": { "a/b": "1", "deep": { "c": 2 }, "none": {} } }, "spec": {} });
        let told = changes(&before, &after, None);
        let told: Vec<_> =
            told.iter().map(|c| (c.pointer.as_str(), c.before.clone(), c.after.clone(), c.made.as_deref())).collect();
        let made = Some("/metadata/labels");
        assert_eq!(
            told,
            [
                ("/metadata/annotations/x", Some(json!("1")), None, None),
                ("/metadata/annotations/y", Some(json!("2")), None, None),
                ("/metadata/labels/a~1b", None, Some(json!("1")), made),
                ("/metadata/labels/deep/c", None, Some(json!(2)), made),
                ("/metadata/labels/none", None, Some(json!({})), made),
                ("/spec/empty", Some(json!({})), None, None),
            ]
        );
    }

    #[test]
    fn items_with_keys_are_told_item_by_item_and_other_lists_whole() {
        let before = json!({ "metadata": { "finalizers": ["a/x"] }, "spec": { "args": ["a"],
            "containers": [{ "name": "main", "env": [{ "name": "A", "value": "1" }, { "name": "B" }] }] } });
        let after = json!({ "metadata": { "finalizers": ["a/x", "b/y"] }, "spec": { "args": ["a", "b"], "taints": [{ "key": "k" }],
            "containers": [{ "name": "main", "image": "i", "env": [{ "name": "A", "value": "2" }] }, { "name": "side" }] } });
        let told = changes(&before, &after, None);
        let told: Vec<_> =
            told.iter().map(|c| (c.pointer.as_str(), c.before.clone(), c.after.clone(), c.index)).collect();
        let main = "/spec/containers/[name=main]";
        assert_eq!(
            told,
            [
                ("/metadata/finalizers/[b~1y]", None, Some(json!("b/y")), None),
                ("/spec/args", Some(json!(["a"])), Some(json!(["a", "b"])), None),
                (&*format!("{main}/env/[name=A]/value"), Some(json!("1")), Some(json!("2")), None),
                (&*format!("{main}/env/[name=B]"), Some(json!({ "name": "B" })), None, Some(1)),
                (&*format!("{main}/image"), None, Some(json!("i")), None),
                ("/spec/containers/[name=side]", None, Some(json!({ "name": "side" })), None),
                ("/spec/taints/[key=k,effect=]", None, Some(json!({ "key": "k" })), None),
            ]
        );
        // A list by itself, as rows of before have it.
        let old = FieldChange {
            pointer: "/spec/env".into(),
            before: Some(json!([{ "name": "A" }])),
            after: Some(json!([])),
            ..FieldChange::default()
        };
        assert_eq!(each(&old)[0].pointer, "/spec/env/[name=A]");
        assert_eq!(each(&each(&old)[0]), each(&old));
    }

    #[test]
    fn what_the_server_allots_is_not_what_was_asked_for_and_the_answer_has_the_last_word() {
        let before = json!({ "spec": { "ports": [{ "port": 80, "protocol": "TCP" }], "type": "ClusterIP" } });
        let of = |node_port: u16| {
            let ports = json!([{ "port": 80, "protocol": "TCP", "nodePort": node_port }]);
            json!({ "spec": { "ports": ports, "type": "NodePort" } })
        };
        for request in [
            json!({ "spec": { "type": "NodePort" } }),
            json!([{ "op": "replace", "path": "/spec/type", "value": "NodePort" }]),
        ] {
            let mut fields = changes(&before, &of(31000), None);
            mark_allotted(&mut fields, &request);
            assert_eq!(fields.iter().map(|f| f.allotted).collect::<Vec<_>>(), [true, false], "{request}");
        }
        let mut fields = changes(&before, &of(31000), None);
        mark_allotted(&mut fields, &json!([{ "op": "add", "path": "/spec/ports/0/nodePort", "value": 31000 }]));
        assert!(!fields[0].allotted && fields[1].allotted);
        // What came with the answer alone: the server's, and somebody else's.
        let mut answer = of(31007);
        answer["spec"]["healthCheckNodePort"] = json!(32000);
        answer["spec"]["theirs"] = json!(1);
        answer["metadata"]["managedFields"] =
            json!([{ "manager": "them", "fieldsV1": { "f:spec": { "f:theirs": {} } } }]);
        let settled = settled(&fields, &before, &answer, None);
        let told: Vec<_> = settled.iter().map(|f| (f.pointer.as_str(), f.after.clone(), f.allotted)).collect();
        assert_eq!(
            told,
            [
                ("/spec/ports/[port=80,protocol=TCP]/nodePort", Some(json!(31007)), false),
                ("/spec/type", Some(json!("NodePort")), false),
                ("/spec/healthCheckNodePort", Some(json!(32000)), false),
            ]
        );
    }

    #[test]
    fn a_scale_of_none_says_so() {
        let none = whole(json!({ "spec": {} }), Some("scale"));
        assert_eq!(none["spec"]["replicas"], 0);
        assert_eq!(whole(json!({ "spec": { "replicas": 2 } }), Some("scale"))["spec"]["replicas"], 2);
        assert_eq!(whole(json!({ "spec": {} }), None), json!({ "spec": {} }));
        let told = settled(
            &changes(&none, &json!({ "spec": { "replicas": 2 } }), None),
            &json!({}),
            &json!({ "spec": { "replicas": 2 } }),
            Some("scale"),
        );
        assert_eq!((told[0].before.clone(), told[0].after.clone(), told.len()), (Some(json!(0)), Some(json!(2)), 1));
    }
}
