//! Which value is in force, layer by layer, and what is wrong with the others.

use std::time::Duration;

use super::*;
use crate::config::{Config, Environment, Overrides, load};

fn config(toml: &str, variables: &[(&str, &str)], profile: Option<&str>, set: &[&str]) -> Config {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("pb.toml"), toml).expect("written");
    let variables = variables.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string())).collect();
    let environment = Environment { dir: folder.path().into(), home: None, variables };
    let set = set.iter().map(ToString::to_string).collect();
    let overrides = Overrides { profile: profile.map(Into::into), set, ..Default::default() };
    load(&overrides, &environment).unwrap_or_else(|e| panic!("{e:?}"))
}

fn text(value: &str) -> Value {
    Value::String(value.into())
}

fn declared(playbook: &str, name: &str, default: Value) -> Declared {
    Declared { playbook: playbook.into(), name: name.into(), default: Some(default) }
}

const LAYERS: &str = r#"
[clusters.infra.settings]
c = "cluster"
d = "cluster"
"t5.d" = "cluster t5"
e = "cluster"
[clusters.apps]
[settings]
a = "plain"
b = "plain"
"t5.b" = "t5"
"t6.a" = "t6"
c = "plain"
"t5.c" = "t5"
e = "plain"
f = "plain"
[profiles.p.settings]
e = "profile"
f = "profile"
g = "profile"
[profiles.p.clusters.infra.settings]
f = "profile cluster"
[profiles.q.settings]
a = "another profile"
"#;

#[test]
fn each_layer_stands_above_the_one_before() {
    let variables = [("PB_SET_G", "variable"), ("PB_SET_BGP_ASN", "1"), ("PB_SETTINGS", "x")];
    let config = config(LAYERS, &variables, Some("p"), &["h=flag", "infra:i=flag infra", "i=flag", "h=flag again"]);
    for (name, cluster, value, origin) in [
        ("z", Some("infra"), "default", "default"),
        ("a", Some("infra"), "plain", "pb.toml"),
        ("b", Some("infra"), "t5", "pb.toml"),
        ("c", Some("infra"), "cluster", "pb.toml (cluster infra)"),
        ("c", Some("apps"), "t5", "pb.toml"),
        ("c", None, "t5", "pb.toml"),
        ("d", Some("infra"), "cluster t5", "pb.toml (cluster infra)"),
        ("d", Some("apps"), "default", "default"),
        ("e", Some("infra"), "profile", "profile p"),
        ("f", Some("infra"), "profile cluster", "profile p (cluster infra)"),
        ("f", Some("apps"), "profile", "profile p"),
        ("g", None, "variable", "PB_SET_G"),
        ("h", Some("infra"), "flag again", "--set"),
        ("i", Some("infra"), "flag infra", "--set"),
        ("i", Some("apps"), "flag", "--set"),
    ] {
        let resolved = config.settings.resolve("t5", name, cluster, &text("default")).expect("of the right type");
        assert_eq!((resolved.value, resolved.origin.to_string().as_str()), (text(value), origin), "{name} {cluster:?}");
    }
}

#[test]
fn a_wrong_type_names_setting_place_and_both_types() {
    let file = "[settings]\nbgp_withdraw_within = 15\n";
    let config = config(file, &[("PB_SET_NODES", "three")], None, &["infra:bgp_asn=64k"]);
    let default = Value::Duration(Duration::from_secs(15));
    let error = config.settings.resolve("t5", "bgp_withdraw_within", None, &default).expect_err("an integer");
    assert_eq!(
        error.to_string(),
        "the setting bgp_withdraw_within of t5 takes a duration such as \"15s\"; [settings] has 15 (an integer)"
    );
    let place = error.place.expect("a place");
    assert_eq!(
        (place.to_string().as_str(), place.source.as_deref()),
        ("pb.toml:2:1", Some("bgp_withdraw_within = 15"))
    );
    let error = config.settings.resolve("t5", "bgp_asn", Some("infra"), &Value::Int(1)).expect_err("text");
    assert_eq!(
        error.to_string(),
        "the setting bgp_asn of t5 takes a whole number; --set infra:bgp_asn=64k has \"64k\""
    );
    let error = config.settings.resolve("t2", "nodes", None, &Value::Int(3)).expect_err("text");
    assert_eq!(error.to_string(), "the setting nodes of t2 takes a whole number; PB_SET_NODES has \"three\"");
    assert_eq!(error.kind, Kind::Config);
}

#[test]
fn what_no_playbook_declares_is_told_with_the_nearest_name() {
    let file = r#"
[settings]
ruoter = "x"
"t9.router" = "x"
"t5.bgp_sesions" = 3
"t5.pod_image" = "x"
t5 = { router = "x" }
router = "fine"
frobnicate = 1
"#;
    let config = config(file, &[("PB_SET_ROUTR", "x"), ("PB_SET_ROUTER", "fine")], None, &["bgp_session=x"]);
    let declared = [
        declared("t5", "router", text("edge-1")),
        declared("t5", "bgp_sessions", Value::Int(3)),
        declared("t14", "pod_image", text("busybox")),
    ];
    let told: Vec<String> = config
        .settings
        .check(&declared)
        .iter()
        .map(|e| format!("{} {} {:?}", e.place.as_ref().map_or(0, |p| p.line), e.message, e.hints))
        .collect();
    assert_eq!(
        told,
        [
            "9 [settings]: no playbook declares a setting frobnicate []",
            "3 [settings]: no playbook declares a setting ruoter [\"did you mean \\\"router\\\" (of t5)?\"]",
            "7 [settings]: no playbook declares a setting t5 [\"a playbook's own setting is written in quotes: \\\"t5.router\\\"\"]",
            "5 [settings]: t5 declares no setting bgp_sesions [\"did you mean \\\"bgp_sessions\\\"?\"]",
            "6 [settings]: t5 declares no setting pod_image [\"t14 declares it: \\\"t14.pod_image\\\"\"]",
            "4 [settings]: no playbook t9 declares settings, so not router [\"did you mean \\\"t5\\\"?\"]",
            "0 PB_SET_ROUTR: no playbook declares such a setting [\"did you mean \\\"PB_SET_ROUTER\\\"?\"]",
            "0 --set bgp_session=x: no playbook declares a setting bgp_session [\"did you mean \\\"bgp_sessions\\\" (of t5)?\"]",
        ]
    );
}

#[test]
fn a_wrong_type_is_told_even_where_it_is_not_in_force() {
    let config = config("[clusters.infra.settings]\nn = \"x\"\n[settings]\nn = 1\n", &[], None, &["n=2"]);
    let problems = config.settings.check(&[declared("t1", "n", Value::Int(0)), declared("t2", "n", Value::Int(5))]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(
        problems[0].message,
        "the setting n of t1 takes a whole number; [clusters.infra.settings] has \"x\" (a string)"
    );
}

#[test]
fn the_argument_of_set_has_one_form() {
    let clusters = ["infra", "apps"];
    let row = from_flag("infra:t5.lb_pools=a:1,b=2", clusters.iter().copied()).expect("fine");
    assert_eq!(
        (row.cluster.as_deref(), row.playbook.as_deref(), row.name.as_str(), row.raw),
        (Some("infra"), Some("t5"), "lb_pools", Raw::Text("a:1,b=2".into()))
    );
    for wrong in ["", "=x", "a b=x", "t5.=x", "a.b.c=x", ":a=x"] {
        assert_eq!(from_flag(wrong, clusters.iter().copied()).expect_err(wrong).kind, Kind::Usage);
    }
}
