//! The machines of an open lab, as playbooks reach them: by the files that the lab writes, under causes that come and go.

use std::collections::BTreeMap;

use crate::config::{Config, Environment, Overrides, load};
use crate::error::Kind;
use crate::host::testing::{eval_in, runtime};
use crate::lab::clock::LabClock;
use crate::lab::up::Lab;
use crate::lab::world::{Cause, read, stage};

fn open() -> (Lab, Config, tempfile::TempDir) {
    open_at(stage::COMPLETE, LabClock::real())
}

pub(super) fn open_at(stage: &str, clock: LabClock) -> (Lab, Config, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let topology = read::embedded("monosense").expect("a topology");
    let lab = runtime().block_on(Lab::open_at(topology, clock, dir.path(), stage)).expect("an open lab");
    let overrides = Overrides { config: Some(dir.path().join("pb.toml")), ..Overrides::default() };
    let environment = Environment { dir: dir.path().into(), home: None, variables: BTreeMap::new() };
    let config = load(&overrides, &environment).unwrap_or_else(|e| panic!("{e:?}"));
    (lab, config, dir)
}

pub(super) fn text(config: &Config, script: &str) -> String {
    eval_in(config.clone(), script).unwrap_or_else(|e| panic!("{e} {:?}\n{script}", e.hints)).to_string()
}

/// What does not hold, as `condition: message`.
pub(super) const UNMET: &str = r#"
    let unmet = talos("infra").health(#{ wait: "50ms" }).filter(|c| c.state == "failed");
    if unmet.len() == 0 { "" } else { `${unmet[0].condition}: ${unmet[0].message}` }
"#;

#[test]
fn both_clusters_are_well_and_a_kubeconfig_leads_to_the_lab() {
    let (lab, config, _dir) = open();
    for cluster in ["infra", "apps"] {
        let script = format!(
            "let t = talos(\"{cluster}\"); let health = t.health();\n\
             if !health.all(|c| c.ok) {{ throw health.filter(|c| !c.ok).to_string(); }}\n\
             let members = t.members(#{{ nodes: t.nodes[0] }});\n\
             `${{members.len()}} ${{t.version().len()}} ${{t.alarms().len()}} ${{t.kubeconfig().server}}`"
        );
        let server = &lab.accesses.iter().find(|access| access.cluster == cluster).expect("an API server").url;
        assert_eq!(text(&config, &script), format!("3 3 0 {server}"));
    }
}

#[test]
fn a_cause_is_seen_on_the_machine_that_it_breaks_and_goes_as_it_came() {
    let (lab, config, _dir) = open();
    let kubelet = Cause::process("infra-02", "kubelet");
    assert!(lab.world.put(kubelet.clone()));
    let unmet = text(&config, UNMET);
    assert!(
        unmet.starts_with("kubelet to be healthy: 10.25.11.12: service \"kubelet\" not in expected state"),
        "{unmet}"
    );
    assert!(lab.world.lift(&kubelet));
    assert_eq!(text(&config, UNMET), "");

    let cable = Cause::link("infra-03");
    assert!(lab.world.put(cable.clone()));
    let error = eval_in(config.clone(), r#"talos("infra").version()"#).expect_err("cut off");
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.contains("node 10.25.11.13"), "{error}");
    assert!(text(&config, UNMET).contains("from node \"10.25.11.13\""));
    assert!(lab.world.lift(&cable));

    let etcd = ["infra-01", "infra-02"].map(|node| Cause::process(node, "etcd"));
    assert!(etcd.iter().all(|cause| lab.world.put(cause.clone())));
    let script = r#"talos("infra").etcd_status(#{ nodes: "infra-03" })[0].leader == ()"#;
    assert_eq!(text(&config, script), "true", "two of three are no majority");
    assert!(etcd.iter().all(|cause| lab.world.lift(cause)));
    assert_eq!(text(&config, UNMET), "");
}
