//! What is asked wrongly, or in another form: told as what it is, and answered in the form that was asked for.

use super::{Run, is_true};
use crate::error::Kind;
use crate::event::Effect;

#[test]
#[ignore = "needs the real clusters"]
fn real_raw_tells_a_path_that_is_unknown_from_an_object_that_is_not_there() {
    let run = Run::new();
    let fails = |path: &str| run.eval(Effect::Read, &format!(r#"kube("infra").raw("GET", "{path}")"#)).expect_err(path);
    let error = fails("/apis/nope");
    assert_eq!(
        (error.kind, error.message.as_str()),
        (Kind::UnknownKind, "cluster infra: the API server has no path /apis/nope (GET: 404)")
    );
    assert_eq!(error.causes, ["it lacks the API group nope"]);
    assert_eq!(fails("/api/v1/nods").hints, ["did you mean \"nodes\"?"]);
    let error = fails("/api/v1/namespaces/default/configmaps/no-such");
    assert_eq!(error.kind, Kind::NotFound, "{error:?}");
    assert!(error.message.contains("configmaps \"no-such\" not found"), "{error:?}");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_apply_gives_a_list_for_a_list_whatever_its_length() {
    let run = Run::new();
    let script = r#"let k = kube("infra"); let o = #{ namespace: "default" };
        let cm = |name| #{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ name: name } };
        let of = |items| #{ apiVersion: "v1", kind: "List", items: items };
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shape-test-5}\n";
        let lists = [k.apply(of.call([cm.call("shape-test-1")]), o), k.apply([cm.call("shape-test-2")], o),
            k.create(of.call([cm.call("shape-test-3")]), o)];
        let objects = [k.apply(cm.call("shape-test-4"), o), k.apply(text, o)];
        lists.all(|l| type_of(l) == "list" && l.len() == 1) && objects.all(|o| type_of(o) == "object")
            && k.apply(text + "---\n" + text, o).len() == 2"#;
    assert!(is_true(&run.ok(script)));
}

#[test]
#[ignore = "needs the real clusters"]
fn real_can_i_tells_a_typing_error_from_a_no() {
    let run = Run::new();
    let script = r#"let k = kube("infra");
        k.can_i("list", "pods") && k.can_i("create", "pods/exec") && k.can_i("*", "deploy") && k.can_i("escalate", "clusterroles")
            && k.can_i("update", "deployments/scale", #{ namespace: "default" })"#;
    assert!(is_true(&run.ok(script)));
    for (call, kind, hint) in [
        (r#"can_i("lst", "pods")"#, Kind::Invalid, "did you mean \"list\"?"),
        (r#"can_i("delete", "pods/log")"#, Kind::Invalid, "verbs: get"),
        (r#"can_i("create", "pods/exce")"#, Kind::UnknownKind, "did you mean \"exec\"?"),
        (r#"can_i("get", "deploymnts")"#, Kind::UnknownKind, "did you mean \"deployments\"?"),
        (r#"can_i("get", "namespaces/log")"#, Kind::UnknownKind, "subresources: finalize, status"),
    ] {
        let error = run.eval(Effect::Read, &format!(r#"kube("infra").{call}"#)).expect_err(call);
        assert_eq!(error.kind, kind, "{call}: {error:?}");
        assert!(error.hints.iter().any(|h| h == hint), "{call}: {error:?}");
    }
}
