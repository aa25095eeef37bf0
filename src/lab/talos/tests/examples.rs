//! The examples of the host module `talos`, and what scripts see of machines that are not well.

use super::*;
use crate::config::{Cluster, Config};
use crate::host::Needs;
use crate::host::testing::{eval_in, runtime};
use crate::script::examples_tests::Examples;

/// A lab, and the configuration that leads there.
fn configured() -> (Lab, Config) {
    let lab = runtime().block_on(Lab::new());
    drop(lab.admin());
    let cluster = Cluster { talosconfig: Some(lab.folder.path().join("talosconfig")), ..Cluster::default() };
    let mut config = Config::default();
    config.clusters.insert("infra".into(), cluster);
    (lab, config)
}

fn bool(config: &Config, script: &str) -> bool {
    let value = eval_in(config.clone(), script).unwrap_or_else(|e| panic!("{e} {:?}\n{script}", e.hints));
    value.as_bool().unwrap_or_else(|other| panic!("{other}\n{script}"))
}

fn error(config: &Config, script: &str) -> Error {
    eval_in(config.clone(), script).expect_err(script)
}

#[test]
fn every_example_of_the_module_runs() {
    let (lab, configured) = configured();
    let examples = Examples::new(|config| config.clusters = configured.clusters.clone());
    let wrong = examples.run(&[Needs::Machines]);
    assert!(wrong.is_empty(), "{} examples:\n{}", wrong.len(), wrong.join("\n"));
    drop(lab);
}

#[test]
fn a_node_that_does_not_answer_throws_or_is_a_row_of_its_own() {
    let (lab, config) = configured();
    assert!(lab.talos.change("infra-02", |machine| machine.power = Power::Off));
    let thrown = error(&config, r#"talos("infra").services()"#);
    assert_eq!(thrown.kind, Kind::Unreachable);
    let text = whole(&thrown);
    assert!(text.contains("node 10.25.11.12") && text.contains("2 of 3 nodes answered"), "{text}");
    assert!(text.contains("check: false"), "{text}");
    assert!(bool(
        &config,
        r#"let rows = talos("infra").version(#{ check: false });
           let failed = rows.filter(|r| r.error != ());
           rows.len() == 3 && failed.len() == 1 && failed[0].node == "10.25.11.12" && failed[0].error.contains("no route")
             && rows[0].name == "infra-01" && rows[0].error == ()"#
    ));
    assert!(bool(&config, r#"talos("infra").version(#{ nodes: "infra-03" })[0].node == "infra-03""#));
}

#[test]
fn what_is_wrong_is_seen_by_scripts() {
    let (lab, config) = configured();
    assert!(lab.talos.change("infra-03", |m| {
        m.stop("kubelet", Timestamp::now());
        m.etcd.iter_mut().for_each(|etcd| (etcd.leader, etcd.alarm) = (0, 2));
    }));
    assert!(bool(
        &config,
        r#"let talos = talos("infra");
           let status = talos.etcd_status(#{ nodes: ["10.25.11.13"] })[0];
           let alarms = talos.alarms();
           let health = talos.health(#{ wait: "50ms" });
           let failed = health.filter(|c| c.state == "failed");
           status.leader == () && status.errors == ["etcdserver: no leader"] && status.db_size > size("1Mi")
             && alarms.len() == 3 && alarms.all(|a| a.alarm == "CORRUPT" && a.member == status.member)
             && failed.len() == 1 && failed[0].condition == "etcd members to be consistent across nodes"
             && failed[0].message.contains("10.25.11.13") && failed[0].node == "10.25.11.11"
             && health.len() == 16 && health[15].state == "not_reached" && !health[15].ok"#
    ));
    let thrown = error(&config, r#"expect(talos("infra").health(#{ wait: "50ms" }), "conditions").all(|c| c.ok)"#);
    assert_eq!(thrown.kind, Kind::Expectation);
}

#[test]
fn wrong_options_and_names_are_told() {
    let (lab, config) = configured();
    for (script, part) in [
        (r#"talos("infra").version(#{ node: "x" })"#, "did you mean \"nodes\"?"),
        (r#"talos("infra").version(#{ nodes: [] })"#, "must be a node, or a list of at least one"),
        (r#"talos("infra").logs("")"#, "the service has no name"),
        (r#"talos("infar").version()"#, "did you mean \"infra\"?"),
        (r#"talos("infra").logs("kublet")"#, "log \"kublet\" was not registered"),
        (r#"talos("infra").members(#{ nodes: "10.25.11.14" })"#, "only available on control plane nodes"),
    ] {
        let text = whole(&error(&config, script));
        assert!(text.contains(part), "{script}: {text}");
    }
    drop(lab);
}

#[test]
fn a_talosconfig_that_is_not_there_is_the_calls_own_error() {
    let mut config = Config::default();
    let cluster = Cluster { talosconfig: Some("/nowhere/talosconfig".into()), ..Cluster::default() };
    config.clusters.insert("infra".into(), cluster);
    let thrown = error(&config, r#"talos("infra").version()"#);
    assert_eq!((thrown.kind, thrown.message.contains("/nowhere/talosconfig")), (Kind::Config, true), "{thrown}");
}
