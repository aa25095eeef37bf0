//! The procedures: what takes something back, or builds it anew. They are run only where they are named, and say first what
//! they are about to do.

use crate::Test;

/// Their ids, and the setting that has to be said besides the cluster.
const ALL: [&str; 5] =
    ["rollback-helmrelease", "rollback-kustomization", "rollback-core", "rollback-crds", "recover-cluster"];

#[test]
fn each_is_right_and_none_is_a_part_of_all() {
    for id in ALL {
        Test::new().pb(&format!("check {id}")).code(0).says(&["1 playbook"]);
        Test::new().pb("list").code(0).says(&[id]);
    }
    Test::new().pb("plan all").code(0).says(&["t14/flow-cicd@apps"]).says_nothing_of(&["rollback-", "recover-"]);
}

#[cfg(feature = "lab")]
#[test]
fn a_helm_release_is_rolled_back_where_it_was_said_twice() {
    let run = "run rollback-helmrelease --lab --set release=kube-system/cilium --set version=1.17.0 --allow disrupt";
    let refused = Test::new();
    let output = refused.command(run).output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_ne!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("goes from 1.18.2 to 1.17.0"), "the danger is said: {text}");
    assert!(text.contains("--set confirm=kube-system/cilium") && !text.contains("PASS"), "{text}");
    let output = Test::new().command(&format!("{run} --set confirm=kube-system/cilium")).output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("rollback-helmrelease/rollback@infra") && text.contains("PASS"), "{text}");
}

#[cfg(feature = "lab")]
#[test]
fn the_core_is_taken_away_and_comes_back() {
    let run = "run rollback-core --lab --set confirm=infra --allow disrupt";
    let test = Test::new();
    let output = test.command(&format!("{run} --allow destroy=infra")).output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Test::new().pb(run).code(4).says(&["--allow destroy=infra"]);
}
