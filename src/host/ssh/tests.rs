//! Tests of `ssh(…)` as a script uses it.

use super::super::testing::{eval_in, world};
use crate::client::ssh::testing::Sshd;
use crate::config::{Config, Host};
use crate::error::Kind;
use crate::event::Effect;
use crate::host::context::Context;

/// The router of the tests as `edge-1`.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.hosts.insert(
        "edge-1".into(),
        Host {
            address: Some("10.99.0.1".into()),
            user: Some("netops".into()),
            key: Some("/var/tmp/pbrouter/id_ed25519".into()),
            known_hosts: Some("/var/tmp/pbrouter/known_hosts".into()),
            ..Host::default()
        },
    );
    config
}

#[test]
fn a_host_that_nobody_configured_is_a_configuration_error() {
    let error = eval_in(config(), r#"ssh("egde-1")"#).unwrap_err();
    assert_eq!(error.kind, Kind::Config);
    assert!(error.message.contains("it has: edge-1"), "{error}");
    assert!(error.hints[0].contains("\"edge-1\"") && error.hints[1].contains("[hosts.egde-1]"), "{error:?}");
    let error = eval_in(Config::default(), r#"ssh("edge-1")"#).unwrap_err();
    assert!(error.message.contains("it names none"), "{error}");
}

#[test]
fn options_that_do_not_exist_are_refused() {
    let error = eval_in(config(), r#"ssh("edge-1").run("x", #{ efect: "read" })"#).unwrap_err();
    assert!(error.to_string().contains("efect"), "{error}");
    let error = eval_in(config(), r#"ssh("edge-1").run("x", #{ effect: "look" })"#).unwrap_err();
    assert!(error.message.contains("\"look\""), "{error}");
}

#[test]
#[ignore = "needs the real router"]
fn real_commands_give_output_and_share_a_session() {
    let script = r#"
        let edge = ssh("edge-1");
        for n in 0..5 {
            if !edge.run("show version", #{ effect: "read" }).stdout.starts_with("FRRouting") { throw "no version" }
        }
        let r = edge.run("show frobnicate", #{ effect: "read", check: false });
        r.code == 1 && r.stdout.starts_with("% Unknown command") && !r.stdout.ends_with("\n")
    "#;
    assert!(eval_in(config(), script).unwrap().as_bool().unwrap());
    let error = eval_in(config(), r#"ssh("edge-1").run("show frobnicate")"#).unwrap_err();
    assert_eq!(error.kind, Kind::ExitCode);
    assert!(error.to_string().contains("% Unknown command"), "{error}");
}

#[test]
#[ignore = "needs an SSH server"]
fn real_the_next_step_uses_the_session_again() {
    let sshd = Sshd::start("");
    let mut config = Config::default();
    let host = Host {
        address: Some("127.0.0.1".into()),
        port: Some(sshd.port),
        user: Some("root".into()),
        key: Some(sshd.dir.join("open")),
        known_hosts: Some(sshd.dir.join("known_hosts")),
        ..Host::default()
    };
    config.hosts.insert("local".into(), host);
    let world = world(config);
    let engine = crate::script::engine::build();
    let ask = |step: &str| {
        let context = Context::new(world.clone(), step, None, Effect::Write, None);
        let _entered = context.enter();
        // The client's port tells one connection from another.
        let script = r#"ssh("local").run("echo $SSH_CONNECTION").stdout"#;
        engine.eval::<String>(script).expect("it answers")
    };
    let first = ask("t/one");
    assert!(first.starts_with("127.0.0.1 "), "{first}");
    assert_eq!(ask("t/two"), first);
    // What runs side by side has a connection of its own.
    let script = r#"parallel([|| ssh("local").run("sleep 1; echo $SSH_CONNECTION").stdout,
                              || ssh("local").run("sleep 1; echo $SSH_CONNECTION").stdout])"#;
    let context = Context::new(world.clone(), "t/three", None, Effect::Write, None);
    let _entered = context.enter();
    let both = engine.eval::<rhai::Array>(script).expect("they answer");
    assert_ne!(both[0].to_string(), both[1].to_string());
}

#[test]
#[ignore = "needs the real router"]
fn real_a_deadline_ends_the_command() {
    let script = r#"ssh("edge-1").run("ping 10.99.0.250", #{ within: "300ms", shell: true })"#;
    let started = std::time::Instant::now();
    let error = eval_in(config(), script).unwrap_err();
    assert!(started.elapsed() < std::time::Duration::from_secs(3));
    assert_eq!(error.kind, Kind::Timeout, "{error}");
}
