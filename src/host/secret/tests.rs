//! Secrets as scripts hold them: read, hidden, told apart, missing.

use super::*;
use crate::config::{Cluster, Config};
use crate::host::testing::{eval, runtime, world};

#[test]
fn the_value_is_not_in_reach_of_scripts() {
    let text =
        eval(r#"let s = secret::env("PATH"); `${s} ` + json::stringify(#{ s: s })"#).unwrap().into_string().unwrap();
    assert_eq!(text, r#"<secret:1> {"s":"<secret:1>"}"#);
}

#[test]
fn what_is_not_there_is_an_error() {
    let error = eval(r#"secret::env("PB_TEST_NOT_SET")"#).unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (Kind::Config, "the environment variable PB_TEST_NOT_SET is not set")
    );
    assert_eq!(eval(r#"secret::file("/etc/no-such-file")"#).unwrap_err().kind, Kind::Io);
    assert_eq!(eval(r#"secret::op("env:HOME")"#).unwrap_err().kind, Kind::Script);
}

#[test]
fn references_of_the_configuration_are_read_and_registered() {
    let world = world(Config::default());
    let read = |reference: &str| {
        Configured::parse(&world, reference, "[endpoints.web] token")
            .and_then(|secret| runtime().block_on(secret.read(&world)))
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "a-long-token\n").unwrap();
    let reference = format!("file:{}", file.display());
    let secret = read(&reference).unwrap();
    assert_eq!((secret.expose(), secret.to_string().as_str()), ("a-long-token", "<secret:1>"));
    assert_eq!(world.redactor.redact("x a-long-token y"), "x <secret:1> y");
    std::fs::write(&file, "\n").unwrap();
    let error = read(&reference).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    assert!(error.message.starts_with("[endpoints.web] token: "), "{error}");
    let error = read("hunter2").unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn each_reference_has_a_line_that_prints_it() {
    let mut config = Config { dir: "/srv".into(), ..Config::default() };
    config.clusters.insert("infra".into(), Cluster { context: Some("lab".into()), ..Cluster::default() });
    let world = world(config);
    for (reference, line) in [
        ("env:TOKEN", r#""$(printenv TOKEN)""#),
        ("file:my token", r#""$(cat '/srv/my token')""#),
        (
            "kube:infra/web/db/tls.crt",
            r#""$(kubectl --context lab get secret db -n web -o jsonpath='{.data.tls\.crt}' | base64 -d)""#,
        ),
        ("op://vault/item/field", r#""$(op read op://vault/item/field)""#),
    ] {
        assert_eq!(Configured::parse(&world, reference, "it").unwrap().in_shell(&world), line, "{reference}");
    }
}

#[test]
fn without_op_the_tool_is_named() {
    if crate::client::sh::which("op").is_some() {
        return;
    }
    let error = eval(r#"secret::op("op://vault/item/field")"#).unwrap_err();
    assert_eq!(error.kind, Kind::MissingTool);
    assert!(error.message.contains("\"op\""), "{error}");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_a_key_of_a_cluster_s_secret() {
    let mut config = Config::default();
    let cluster = Cluster { kubeconfig: Some("/var/tmp/realkube/kubeconfig".into()), ..Cluster::default() };
    config.clusters.insert("infra".into(), cluster);
    let script = r#"
        let k = kube("infra");
        let found = k.list("secrets", #{ namespace: "kube-system" }).filter(|s| s.data?["ca.crt"] ?? () != ());
        let s = found[0];
        [secret::kube(k, "kube-system", s.metadata.name, "ca.crt").to_string(), s.metadata.name]"#;
    let found = crate::host::testing::eval_in(config.clone(), script).unwrap().into_array().unwrap();
    // Listing the Secrets has hidden all of their values already: the number is any.
    let shown = found[0].to_string();
    assert!(shown.starts_with("<secret:") && shown.ends_with('>'), "{shown}");
    let script = format!(r#"secret::kube(kube("infra"), "kube-system", "{}", "ca.cert")"#, found[1]);
    let error = crate::host::testing::eval_in(config, &script).unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.causes[0].contains("ca.crt"), "{error}");
}
