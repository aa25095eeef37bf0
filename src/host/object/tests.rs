//! What scripts see of objects, lists and missing values.

use crate::error::{Error, Kind};
use crate::host::testing::eval;

const SERVICE: &str = r#"
    let s = object(#{
        kind: "Service", metadata: #{ name: "shop", namespace: "web", labels: #{ "app.kubernetes.io/name": "shop" } },
        spec: #{ type: "LoadBalancer", replicas: 3, ports: [#{ name: "http", port: 80 }, #{ port: 443 }], "for": 1 },
        status: #{ loadBalancer: #{}, note: () },
    });
"#;
const ABSENT: &str =
    "status.loadBalancer.ingress is absent on Service web/shop (wanted status.loadBalancer.ingress[0].ip)";

fn yes(script: &str) {
    match eval(&format!("{SERVICE}{script}")) {
        Ok(value) => assert_eq!(value.as_bool(), Ok(true), "{script}"),
        Err(error) => panic!("{script}: {error:#?}"),
    }
}

fn no(script: &str) -> Error {
    match eval(&format!("{SERVICE}{script}")) {
        Ok(value) => panic!("{script}: {value:?}"),
        Err(error) => error,
    }
}

#[test]
fn fields_are_read_by_name_and_index_at_any_depth() {
    yes(r#"s.spec.ports[1].port == 443 && s.spec.ports[-1].port == 443"#);
    yes(r#"s["spec"]["for"] == 1 && s.metadata.labels["app.kubernetes.io/name"] == "shop""#);
    yes(r#"s.name == "shop" && s.namespace == "web" && s.spec.ports[0].name == "http" && s.kind == "Service""#);
    yes(r#"s.status.note == () && s.spec.ports.len() == 2 && s.spec.ports.len == 2"#);
    yes(r#"`${s}` == "Service web/shop" && type_of(s) == "object" && type_of(s.spec.ports) == "list""#);
}

#[test]
fn a_missing_value_passes_through_and_gives_way_to_the_right_side() {
    yes(r#"(s.status.loadBalancer.ingress[0].ip ?? "none") == "none""#);
    yes(r#"(s?.status?.loadBalancer?.ingress?[0]?.ip ?? "none") == "none""#);
    yes(r#"(s.spec.replicas ?? 1) == 3 && (() ?? 4) == 4 && (s.status.note ?? 5) == 5"#);
    yes(r#"s.nothing ?? 1 + 1 == 2"#);
    yes(r#"s.status.x != 1 && !(s.status.x == "a") && s.status.x == s.status.x && s.status.x == ()"#);
    yes(r#"type_of(s.x) == "missing" && s.spec.ports[7] == s.spec.ports[7]"#);
}

#[test]
fn computing_with_a_missing_value_fails_in_its_words() {
    let ip = "s.status.loadBalancer.ingress[0].ip";
    for script in [
        format!("{ip} + 1"),
        format!("{ip} + \"/32\""),
        format!("\"a\" + {ip}"),
        format!("1 - {ip}"),
        format!("{ip} > 3"),
        format!("3 <= {ip}"),
        format!("\"a\" < {ip}"),
        format!("!{ip}"),
        format!("-{ip}"),
        format!("let t = \"a\"; t += {ip}; t"),
        format!("let t = `${{{ip}}}/32`; t"),
        format!("[1].map(|x| `${{{ip}}}/32`)"),
        format!("list([1]).map(|x| `${{{ip}}}/32`)"),
        format!("{ip}.to_upper()"),
        format!("{ip}.len()"),
        format!("parse_int({ip})"),
        format!("if {ip} {{ 1 }}"),
        format!("{ip} && s.name == \"shop\""),
        format!("s.name == \"shop\" && {ip} && s.name == \"shop\""),
        format!("for x in {ip} {{ let y = x; }}"),
        format!("1 in {ip}"),
        format!("{ip}.to_string()"),
        format!("list([1]).filter(|x| {ip})"),
        format!("list([1]).sort_by(|x| {ip})"),
        format!("list([{ip}]).join(\",\")"),
    ] {
        let error = no(&script);
        assert_eq!(error.message, ABSENT, "{script}: {error:?}");
        assert_eq!(error.kind, Kind::NotFound, "{script}");
        assert!(error.place.is_some(), "{script}: {error:?}");
    }
}

#[test]
fn an_index_beyond_a_list_says_which_and_where() {
    let message = |script| no(script).message;
    assert_eq!(
        message("s.spec.ports[5].port + 1"),
        "spec.ports[5] is absent on Service web/shop (wanted spec.ports[5].port)"
    );
    assert_eq!(message("s.spec.ports[1].name + 1"), "spec.ports[1].name is absent on Service web/shop");
    assert_eq!(message("list([], \"pods in web\")[0].x + 1"), "pods in web has no items; [0] is not among them");
    assert_eq!(
        message("s.condition(\"Ready\").status + 1"),
        "status.conditions[Ready] is absent on Service web/shop (wanted status.conditions[Ready].status)"
    );
}

#[test]
fn objects_are_read_only_and_copies_are_not() {
    for script in [
        "s.spec.replicas = 4",
        "s[\"kind\"] = 1",
        "s.spec.ports[0] = 1",
        "s.spec.ports[0].port = 1",
        "s.spec.replicas += 1",
    ] {
        let error = no(script);
        assert!(error.message.contains("read-only"), "{script}: {error:?}");
        assert!(error.hints.join(" ").contains("to_map()"), "{script}: {error:?}");
    }
    assert_eq!(
        no("s.spec.nothing.x = 1").message,
        "spec.nothing is absent on Service web/shop (wanted spec.nothing.x)"
    );
    yes("let m = s.to_map(); m.spec.replicas = 4; m.spec.replicas == 4 && s.spec.replicas == 3");
}

#[test]
fn equality_is_by_value() {
    yes("s.spec.ports == [#{ name: \"http\", port: 80 }, #{ port: 443 }] && [#{ port: 443 }] != s.spec.ports");
    yes("s.spec.ports[1] == #{ port: 443 } && #{ port: 443.0 } == s.spec.ports[1] && s == s.to_map()");
    yes(
        "#{ a: s.spec.ports[1] } == #{ a: #{ port: 443 } } && #{ port: 443 } in s.spec.ports && !(#{ port: \"443\" } in s.spec.ports)",
    );
}

#[test]
fn a_string_and_a_number_have_no_order() {
    let error = no("\"10\" < 9");
    assert_eq!(error.message, "a string and a number have no order: \"10\" and 9");
    yes("1 < 2 && 1.5 > 1 && \"a\" < \"b\" && 2 ** 3 == 8 && 7 % 4 == 3 && [1, 2] == [1, 2] && #{ a: 1 } == #{ a: 1 }");
}

#[test]
fn a_list_remembers_what_it_was_filtered_from() {
    let list = |script: &str| eval(script).expect(script).cast::<super::List>();
    let none = list("list([1, 2], \"pods\").filter(|x| x > 5).map(|x| x)");
    assert_eq!((none.len(), none.population(), none.what().as_str()), (0, Some(2), "pods"));
    assert_eq!(list("list([]).filter(|x| x > 5)").population(), Some(0));
    assert_eq!(list("list([1])").population(), None);
    for made in [".map(|x| x)", ".flat_map(|x| [x])", ".unique()", ".sort_by(|x| x)", ".names()"] {
        assert_eq!(list(&format!("list([]){made}")).population(), Some(0), "{made}");
        assert_eq!(list(&format!("list([1]).filter(|x| x > 1){made}")).population(), Some(1), "{made}");
    }
    assert_eq!(list("list([1]).map(|x| x)").population(), None);
    assert_eq!(list("list([1, 2]).flat_map(|x| [])").population(), Some(2));
    assert_eq!(list("object(#{ a: [] }).a.filter(|x| x > 5)").population(), None);
    assert_eq!(list("object(#{ a: [1] }).a.filter(|x| x > 5).filter(|x| true)").population(), Some(1));
}

#[test]
fn a_list_reads_objects_that_carry_no_kind_of_their_own() {
    let text = r#"[{"metadata":{"name":"a","namespace":"n"},"x":1},{"metadata":{"name":"b","namespace":"n"}}]"#;
    let middle = text.find(",{\"metadata\":{\"name\":\"b\"").expect("middle");
    let items = vec![1..middle as u32, middle as u32 + 1..text.len() as u32 - 1];
    let origin = super::Origin { kind: Some("Pod".into()), ..super::Origin::default() };
    let list = super::List::of_docs(vec![super::Doc::new(text.into(), items, origin)], "pods");
    assert_eq!(list.len(), 2);
    let second = list.item(1).cast::<super::Object>();
    assert_eq!(second.describe(), "Pod n/b");
    assert_eq!(crate::host::values::show(&second.get("x")), "x is absent on Pod n/b");
}

#[test]
fn managed_fields_are_cut_out_wherever_they_stand() {
    let of =
        |text: &str| super::Object::from_text(text.into(), super::Origin::default()).expect(text).text().to_string();
    assert_eq!(
        of(r#"{"metadata":{"name":"a","managedFields":[{"b":1}]},"c":2}"#),
        r#"{"metadata":{"name":"a"},"c":2}"#
    );
    assert_eq!(of(r#"{"metadata":{"managedFields":[{"b":1}], "name":"a"}}"#), r#"{"metadata":{"name":"a"}}"#);
    assert_eq!(of(r#"{"metadata":{"managedFields":[]}}"#), r#"{"metadata":{}}"#);
    for wrong in ["", "{\"a\":1", "[1]", "x"] {
        let error = super::Object::from_text(wrong.into(), super::Origin::default()).expect_err(wrong);
        assert_eq!(error.kind, Kind::Unreadable);
    }
}

#[test]
fn readiness_follows_the_rules_of_the_kind() {
    let why = |text: &str| {
        let object = super::Object::from_text(text.into(), super::Origin::default()).expect(text);
        let readiness = object.readiness();
        (readiness.ready, readiness.why)
    };
    let of = |ready, why: &str| (ready, why.to_string());
    assert_eq!(
        why(
            r#"{"kind":"Deployment","spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":2,"availableReplicas":1}}"#
        ),
        of(false, "availableReplicas is 1 of 2")
    );
    assert_eq!(
        why(
            r#"{"kind":"Deployment","spec":{"replicas":1},"status":{"replicas":2,"updatedReplicas":1,"availableReplicas":1}}"#
        ),
        of(false, "2 replicas run, 1 are wanted: a rollout goes on")
    );
    assert_eq!(
        why(r#"{"kind":"Deployment","metadata":{"generation":1},"spec":{"replicas":0}}"#),
        of(false, "no controller has seen it yet: it has no status.observedGeneration")
    );
    assert_eq!(
        why(
            r#"{"kind":"Deployment","metadata":{"generation":1},"spec":{"replicas":0},"status":{"observedGeneration":1}}"#
        ),
        of(true, "0 of 0 replicas are ready")
    );
    assert_eq!(
        why(r#"{"kind":"Deployment","metadata":{"generation":3},"spec":{},"status":{"observedGeneration":2}}"#),
        of(false, "its status is of generation 2, the object of 3")
    );
    assert_eq!(
        why(
            r#"{"kind":"DaemonSet","status":{"desiredNumberScheduled":3,"updatedNumberScheduled":3,"numberAvailable":3}}"#
        ),
        of(true, "3 of 3 nodes run it")
    );
    assert_eq!(
        why(
            r#"{"kind":"Pod","status":{"phase":"Running","conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady"}],"containerStatuses":[{"name":"app","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}"#
        ),
        of(false, "condition Ready is \"False\": ContainersNotReady (app: CrashLoopBackOff)")
    );
    assert_eq!(why(r#"{"kind":"Pod","status":{"phase":"Succeeded"}}"#), of(true, "it succeeded"));
    assert_eq!(
        why(r#"{"kind":"Job","status":{"conditions":[{"type":"Complete","status":"True"}]}}"#),
        of(true, "it is complete")
    );
    assert_eq!(
        why(r#"{"kind":"PersistentVolumeClaim","status":{"phase":"Pending"}}"#),
        of(false, "its phase is Pending")
    );
    assert_eq!(
        why(r#"{"kind":"CustomResourceDefinition","status":{"conditions":[{"type":"Established","status":"True"}]}}"#),
        of(true, "condition Established is \"True\"")
    );
    assert_eq!(
        why(r#"{"kind":"Kustomization","status":{}}"#),
        of(false, "it has no condition Ready, Available, Established, Healthy")
    );
}

#[test]
fn durations_and_sizes_compute_among_themselves_only() {
    yes(
        r#"duration("15s") + ms(500) == duration("15.5s") && `${duration("90s")}` == "1m30s" && duration("1m") / duration("20s") == 3.0"#,
    );
    yes(
        r#"size("1Gi") * 2 == size("2Gi") && `${size("2Gi")}` == "2Gi" && size("1Gi") > size("1G") && size("1k") + size("24") == size("1Ki")"#,
    );
    assert_eq!(no("duration(\"15s\") > 10").message, "a duration is not compared with a whole number: >");
    assert_eq!(no("size(\"1Gi\") == \"1Gi\"").message, "a size is not compared with a string: ==");
    assert_eq!(no("ms(1) - ms(2)").message, "1ms is shorter than 2ms: a duration is never negative");
    assert_eq!(no("duration(\"15\")").message, "not a duration: \"15\"");
}

#[test]
fn arrays_have_what_lists_have() {
    for script in [
        "[1, 2].any(|x| x > 1) && [1, 2].none(|x| x > 2)",
        r#"["a", "b"].join(", ") == "a, b""#,
        "[1, 2, 1].unique() == [1, 2] && [3, 1, 2].sort_by(|x| x) == [1, 2, 3]",
        "[1, 2].sum() == 3 && [1, 2].max() == 2 && [1, 2].min() == 1 && [1, 2].first() == 1 && [1, 2].last() == 2",
        "[1, 2].flat_map(|x| [x, x]) == [1, 1, 2, 2]",
    ] {
        assert_eq!(eval(script).map(|v| v.as_bool().ok()), Ok(Some(true)), "{script}");
    }
}

#[test]
fn sorting_with_a_closure_fails_as_the_closure_does() {
    yes("let a = [3, 1, 2]; a.sort(|a, b| a - b); a == [1, 2, 3]");
    yes("let a = [1, 3, 2]; a.sort(|a, b| a > b); a == [1, 2, 3]");
    yes("let m = #{ a: [2, 1] }; m.a.sort(|a, b| b < a); m.a == [1, 2]");
    let error = no(r#"let a = [3, 1, 2]; a.sort(|a, b| { throw "no" }); a"#);
    assert!(error.message.contains("no"), "{error:?}");
    let error = no(r#"let a = [3, 1, 2]; a.sort(|a, b| "x"); a"#);
    assert!(error.message.starts_with("sort: its closure must give"), "{error:?}");
    let error = no("let a = [s, s]; a.sort(|a, b| a.nope); a");
    assert_eq!(error.message, "nope is absent on Service web/shop");
}

#[test]
fn nothing_has_no_fields() {
    let error = no("let x = #{ foo: () }; x.foo.bar");
    assert_eq!(error.message, "() has no field \"bar\"");
    assert!(error.hints.join(" ").contains("?."), "{error:?}");
}

#[test]
fn messages_name_no_type_of_rust() {
    for script in ["if s.status.nope { 1 }", "nosuch(\"a\", 1)", "s.spec.nosuch(\"a\")", "parse_int(s.nope)"] {
        let error = no(script);
        let said = format!("{error:?}");
        assert!(!said.contains("::") && !said.contains("ImmutableString") && !said.contains("i64"), "{script}: {said}");
    }
}
