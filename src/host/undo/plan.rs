//! What puts fields back: operations on an object as it is now, each only where it has the value that the run gave it.

use serde_json::{Value, json};

use crate::event::FieldChange;
use crate::host::kube::{diff, keyed, owners, secrets};

/// The operations of a JSON patch that restore, and what has to be left alone.
pub(super) fn plan(there: &Value, fields: &[FieldChange], what: &str) -> (Vec<Value>, Vec<String>) {
    let mut plan = Plan { state: there.clone(), patch: Vec::new() };
    let (mut left, mut gone) = (Vec::new(), Vec::new());
    for field in &fields.iter().flat_map(diff::each).collect::<Vec<_>>() {
        let now = keyed::at(&plan.state, &field.pointer).cloned();
        if now == field.before {
            continue;
        }
        let secret = what.starts_with("Secret ") && !field.pointer.starts_with("/metadata/labels");
        if [&field.before, &field.after].into_iter().flatten().any(secrets::is_hidden) {
            let why = "held a secret before or after this run changed it, and records hold none";
            left.push(format!("{} of {what} {why}: put it back by hand", field.pointer));
            continue;
        }
        if now != field.after && !is_the_servers(there, field, now.as_ref()) {
            left.push(if secret {
                format!("{} of {what} is no longer as this run left it", field.pointer)
            } else {
                format!(
                    "{} of {what} is {} now, not {} as this run left it; it was {} before",
                    field.pointer,
                    shown(now.as_ref()),
                    shown(field.after.as_ref()),
                    shown(field.before.as_ref()),
                )
            });
            continue;
        }
        match &field.before {
            Some(before) if !plan.put(field, before) => {
                left.push(format!("{} of {what}: what it stood in is not there any more", field.pointer));
            }
            Some(_) => {}
            None => {
                plan.remove(&field.pointer);
                gone.extend(field.made.iter().map(|made| (field.pointer.clone(), made.clone())));
            }
        }
    }
    plan.remove_emptied(&gone);
    (plan.patch, left)
}

/// Whether a value is one that the server chose for the run, although another than when it was tried out: nobody else
/// has set it. A run that was killed before the answer came knows no better.
fn is_the_servers(there: &Value, field: &FieldChange, now: Option<&Value>) -> bool {
    field.allotted && now.is_some() && owners::are_ours_or_nobodys(there, &field.pointer)
}

/// Operations, and what the object is after them: the places of a list's items move.
struct Plan {
    state: Value,
    patch: Vec<Value>,
}

impl Plan {
    /// Puts a value back, with the maps and lists that it stood in; not where that was an item of a list.
    fn put(&mut self, field: &FieldChange, before: &Value) -> bool {
        let ends = field.pointer.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        for end in ends {
            let (parent, rest) = field.pointer.split_at(end);
            if keyed::at(&self.state, parent).is_some() {
                continue;
            }
            if parent.rsplit('/').next().is_some_and(keyed::is_item) {
                return false;
            }
            let is_list = rest[1..].split('/').next().is_some_and(keyed::is_item);
            let Some(place) = keyed::place(&self.state, parent) else { return false };
            self.add(&place, &if is_list { json!([]) } else { json!({}) });
        }
        let (list, step) = field.pointer.rsplit_once('/').unwrap_or_default();
        let place = match keyed::at(&self.state, list).filter(|_| keyed::is_item(step)) {
            Some(Value::Array(items)) => {
                let at = field.index.unwrap_or(items.len()).min(items.len());
                keyed::place(&self.state, list).map(|list| format!("{list}/{at}"))
            }
            _ => keyed::place(&self.state, &field.pointer),
        };
        place.map(|place| self.add(&place, before)).is_some()
    }

    /// "add" on a member that exists replaces it (RFC 6902, 4.1), and puts an item before the one that stands there.
    fn add(&mut self, place: &str, value: &Value) {
        if let Some((parent, key)) = place.rsplit_once('/') {
            match self.state.pointer_mut(parent) {
                Some(Value::Object(fields)) => drop(fields.insert(keyed::plain(key), value.clone())),
                Some(Value::Array(items)) => {
                    let at = key.parse().unwrap_or(items.len()).min(items.len());
                    items.insert(at, value.clone());
                }
                _ => {}
            }
        }
        self.patch.push(json!({ "op": "add", "path": place, "value": value }));
    }

    fn remove(&mut self, pointer: &str) {
        let Some(place) = keyed::place(&self.state, pointer) else { return };
        if let Some((parent, key)) = place.rsplit_once('/') {
            match self.state.pointer_mut(parent) {
                Some(Value::Object(fields)) => drop(fields.remove(&keyed::plain(key))),
                Some(Value::Array(items)) => drop(key.parse().ok().map(|at: usize| items.remove(at))),
                _ => {}
            }
        }
        self.patch.push(json!({ "op": "remove", "path": place }));
    }

    /// Removes the maps and lists that nothing is left in once fields are gone, the inner ones first: each field comes
    /// with the outermost one that the change made around it.
    fn remove_emptied(&mut self, gone: &[(String, String)]) {
        for (field, made) in gone {
            let mut inner = field.as_str();
            while let Some((outer, _)) = inner.rsplit_once('/').filter(|(outer, _)| outer.len() >= made.len()) {
                let empty = match keyed::at(&self.state, outer) {
                    Some(Value::Object(fields)) => fields.is_empty(),
                    Some(Value::Array(items)) => items.is_empty(),
                    _ => false,
                };
                if empty {
                    self.remove(outer);
                }
                inner = outer;
            }
        }
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".into(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(pointer: &str, before: Value, after: Value) -> FieldChange {
        let some = |v: Value| (!v.is_null()).then_some(v);
        FieldChange {
            pointer: pointer.into(),
            before: some(before),
            after: some(after),
            made: None,
            ..FieldChange::default()
        }
    }

    #[test]
    fn only_what_still_has_the_runs_value_is_put_back() {
        let there = json!({ "spec": { "replicas": 0, "paused": true, "other": 7 } });
        let fields = [
            change("/spec/replicas", json!(3), json!(0)),
            change("/spec/paused", Value::Null, json!(true)),
            change("/spec/other", json!(1), json!(2)),
        ];
        let (patch, left) = plan(&there, &fields, "Deployment web/shop");
        assert_eq!(
            patch,
            [
                json!({ "op": "add", "path": "/spec/replicas", "value": 3 }),
                json!({ "op": "remove", "path": "/spec/paused" })
            ]
        );
        assert_eq!(left, ["/spec/other of Deployment web/shop is 7 now, not 2 as this run left it; it was 1 before"]);
    }

    #[test]
    fn a_field_that_was_removed_comes_back_with_its_parents() {
        let fields = [
            change("/metadata/annotations/a~1b", json!("x"), Value::Null),
            change("/metadata/annotations/c", json!("y"), Value::Null),
        ];
        let (patch, _) = plan(&json!({ "metadata": {} }), &fields, "it");
        assert_eq!(patch.len(), 3, "{patch:?}");
        assert_eq!(patch[0], json!({ "op": "add", "path": "/metadata/annotations", "value": {} }));
    }

    #[test]
    fn a_value_that_the_record_hides_is_never_written() {
        let fields = [change("/data/a", json!("<redacted>"), Value::Null)];
        let (patch, left) = plan(&json!({ "kind": "Secret" }), &fields, "Secret web/s");
        assert!(patch.is_empty() && left[0].contains("put it back by hand"), "{patch:?} {left:?}");
        let (_, left) = plan(
            &json!({ "data": { "a": "b2xk" } }),
            &[change("/data/a", json!("YQ=="), json!("Yg=="))],
            "Secret web/s",
        );
        assert_eq!(left, ["/data/a of Secret web/s is no longer as this run left it"]);
    }

    #[test]
    fn what_is_as_before_needs_nothing() {
        let (patch, left) = plan(&json!({ "a": 1 }), &[change("/a", json!(1), json!(2))], "it");
        assert!(patch.is_empty() && left.is_empty());
    }

    #[test]
    fn a_map_that_the_run_made_goes_only_when_nobody_else_uses_it() {
        let before = json!({ "metadata": { "name": "a" } });
        let after = json!({ "metadata": { "name": "a", "labels": { "x/y": "1", "z": "2" } } });
        let remove = |path: &str| json!({ "op": "remove", "path": path });
        // As rows are now, and as they were when a map was one value.
        let whole = change("/metadata/labels", Value::Null, after["metadata"]["labels"].clone());
        for fields in [diff::changes(&before, &after, None), vec![whole]] {
            let (patch, left) = plan(&after, &fields, "it");
            let all = [remove("/metadata/labels/x~1y"), remove("/metadata/labels/z"), remove("/metadata/labels")];
            assert_eq!((patch.as_slice(), left.len()), (all.as_slice(), 0));
            let mut others = after.clone();
            others["metadata"]["labels"]["theirs"] = json!("3");
            let (patch, left) = plan(&others, &fields, "it");
            assert_eq!((patch.as_slice(), left.len()), (&all[..2], 0));
            others["metadata"]["labels"]["z"] = json!("4");
            let (patch, left) = plan(&others, &fields, "it");
            assert_eq!((patch.as_slice(), left.len()), (&all[..1], 1), "{left:?}");
            assert!(left[0].starts_with("/metadata/labels/z of it is \"4\" now"), "{left:?}");
        }
        // An empty map of before is not the run's to remove.
        let before = json!({ "data": {}, "spec": {} });
        let after = json!({ "data": { "a": "1" }, "spec": { "b": { "c": { "d": 1 } } } });
        let (patch, _) = plan(&after, &diff::changes(&before, &after, None), "it");
        assert_eq!(patch, [remove("/data/a"), remove("/spec/b/c/d"), remove("/spec/b/c"), remove("/spec/b")]);
    }

    #[test]
    fn a_map_that_the_run_removed_comes_back_beside_what_was_put_there_since() {
        let before = json!({ "metadata": { "labels": { "a": "1", "b": "2" } } });
        let fields = diff::changes(&before, &json!({ "metadata": {} }), None);
        let (patch, left) = plan(&json!({ "metadata": { "labels": { "c": "3" } } }), &fields, "it");
        let add = |path: &str, value: &str| json!({ "op": "add", "path": path, "value": value });
        assert_eq!(patch, [add("/metadata/labels/a", "1"), add("/metadata/labels/b", "2")]);
        assert!(left.is_empty(), "{left:?}");
    }

    /// `patch` done to `there`, by the plan's own idea of it.
    fn after(there: &Value, fields: &[FieldChange]) -> (Value, Vec<String>) {
        let mut done = Plan { state: there.clone(), patch: Vec::new() };
        let (patch, left) = plan(there, fields, "it");
        for operation in &patch {
            let path = operation["path"].as_str().expect("a path");
            match operation["op"].as_str() {
                Some("add") => done.add(path, &operation["value"]),
                _ => done.remove(path),
            }
        }
        (done.state, left)
    }

    #[test]
    fn an_item_of_a_list_is_put_back_beside_what_others_did_to_the_list() {
        let container = |env: Value, policy: &str| json!({ "spec": { "containers": [{ "name": "main", "imagePullPolicy": policy, "env": env }] } });
        let env = |a: &str| json!([{ "name": "A", "value": a }, { "name": "B", "value": "2" }]);
        let before = container(env("1"), "Always");
        let fields = diff::changes(&before, &container(env("run"), "Always"), None);
        assert_eq!(after(&container(env("run"), "Never"), &fields), (container(env("1"), "Never"), vec![]));
        let (now, left) = after(&container(env("theirs"), "Never"), &fields);
        assert_eq!((now, left.len()), (container(env("theirs"), "Never"), 1));
        assert!(
            left[0].starts_with("/spec/containers/[name=main]/env/[name=A]/value of it is \"theirs\" now"),
            "{left:?}"
        );
        // The item is gone with all that was in it.
        let fields = diff::changes(
            &container(env("1"), "Always"),
            &container(json!([{ "name": "B", "value": "2" }]), "Always"),
            None,
        );
        let (now, left) = after(&json!({ "spec": { "containers": [] } }), &fields);
        assert_eq!((now, left.len()), (json!({ "spec": { "containers": [] } }), 1), "{left:?}");
        assert!(left[0].ends_with("what it stood in is not there any more"), "{left:?}");
    }

    #[test]
    fn items_come_back_to_their_places_and_the_runs_go() {
        let node = |taints: Value| json!({ "spec": { "taints": taints } });
        let taint = |key: &str| json!({ "key": key, "effect": "NoExecute" });
        let before = node(json!([taint("a"), taint("b"), taint("c")]));
        let fields = diff::changes(&before, &node(json!([taint("b"), taint("mine")])), None);
        // A controller adds its own.
        let there = node(json!([taint("b"), taint("mine"), taint("controllers")]));
        assert_eq!(
            after(&there, &fields),
            (node(json!([taint("a"), taint("b"), taint("c"), taint("controllers")])), vec![])
        );
        // A list that the run made, and one that it removed.
        let none = json!({ "spec": {} });
        let made = diff::changes(&none, &node(json!([taint("mine")])), None);
        assert_eq!(after(&node(json!([taint("mine")])), &made), (none.clone(), vec![]));
        assert_eq!(after(&there, &made), (node(json!([taint("b"), taint("controllers")])), vec![]));
        let removed = diff::changes(&before, &none, None);
        assert_eq!(after(&none, &removed), (before.clone(), vec![]));
        let whole = [change("/spec/taints", before["spec"]["taints"].clone(), json!([]))];
        assert_eq!(after(&node(json!([])), &whole), (before, vec![]), "as rows of before have it");
        let words = |words: &[&str]| json!({ "metadata": { "finalizers": words } });
        let fields = diff::changes(&words(&["a"]), &words(&["a", "run/x"]), None);
        assert_eq!(after(&words(&["theirs", "run/x"]), &fields), (words(&["theirs"]), vec![]));
    }

    #[test]
    fn what_the_server_chose_is_the_runs_where_nobody_else_set_it() {
        let service = |port: u16, manager: &str| {
            json!({ "metadata": { "managedFields": [{ "manager": manager, "fieldsV1": { "f:spec": { "f:nodePort": {} } } }] },
                "spec": { "nodePort": port } })
        };
        let mut field = change("/spec/nodePort", Value::Null, json!(31000));
        let fields = |field: &FieldChange| [field.clone()];
        assert_eq!(plan(&service(31007, "pb"), &fields(&field), "it").1.len(), 1, "asked for as it was");
        field.allotted = true;
        let (patch, left) = plan(&service(31007, "pb"), &fields(&field), "it");
        assert_eq!((patch, left), (vec![json!({ "op": "remove", "path": "/spec/nodePort" })], vec![]));
        assert_eq!(plan(&service(31007, "them"), &fields(&field), "it").1.len(), 1);
    }

    #[test]
    fn a_scale_without_replicas_has_none() {
        let there = diff::whole(json!({ "spec": {} }), Some("scale"));
        let down = change("/spec/replicas", json!(3), json!(0));
        let (patch, left) = plan(&there, &[down], "it");
        assert_eq!((patch, left), (vec![json!({ "op": "add", "path": "/spec/replicas", "value": 3 })], vec![]));
        // A row of before, that says absent where there were none.
        let up = diff::whole_field(change("/spec/replicas", Value::Null, json!(2)), Some("scale"));
        let (patch, _) = plan(&json!({ "spec": { "replicas": 2 } }), &[up], "it");
        assert_eq!(patch, [json!({ "op": "add", "path": "/spec/replicas", "value": 0 })]);
    }
}
