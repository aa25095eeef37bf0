//! Scripts, and what they do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::lab::clock::LabClock;
use crate::lab::kube::cluster::Cluster;
use crate::lab::pods::applets::{Context, Takes};

/// Output, errors and code of a script; what it slept.
fn ran(script: &str) -> (String, String, i32, Takes) {
    let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
    let world = cluster.world();
    let pod = json!({ "metadata": { "name": "p", "namespace": "default", "uid": "u" }, "spec": { "containers": [{ "name": "c" }] } });
    let variables = BTreeMap::from([("NAME".to_owned(), "two words".to_owned())]);
    let container = &pod["spec"]["containers"][0];
    let context = Context {
        objects: &world,
        pod: &pod,
        container,
        now: Timestamp::UNIX_EPOCH,
        variables: &variables,
        folder: "/",
        line: None,
    };
    match Machine::new(script, variables.clone(), "/") {
        Ok(mut machine) => {
            let outcome = finish(&mut machine, &context);
            (outcome.out, outcome.err, outcome.code, outcome.takes)
        }
        Err(why) => (String::new(), why, 2, Takes::Nothing),
    }
}

fn out(script: &str) -> String {
    let (out, err, _, _) = ran(script);
    assert_eq!(err, "", "{script}");
    out
}

#[test]
fn lists_and_conditions_are_run_in_order() {
    assert_eq!(out("echo a; echo b && echo c || echo d"), "a\nb\nc\n");
    assert_eq!(out("false || echo d; true && ! false && echo e"), "d\ne\n");
    assert_eq!(out("if [ -f /none ]; then echo no; elif true; then echo yes; else echo no; fi"), "yes\n");
    assert_eq!(ran("exit 3; echo never").2, 3);
    assert_eq!(ran("false").2, 1);
}

#[test]
fn loops_count_and_break() {
    assert_eq!(out("for i in 1 2 3; do echo -n $i; done; echo"), "123\n");
    assert_eq!(out("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done"), "1\n2\n3\n");
    assert_eq!(
        out("i=0; while true; do i=$((i + 1)); if [ $i -gt 2 ]; then break; fi; echo $i; done; echo end"),
        "1\n2\nend\n"
    );
    assert_eq!(out("for i in $(seq 1 3); do [ $i = 2 ] && continue; echo $i; done"), "1\n3\n");
    assert_eq!(out("i=3; until [ $i -eq 0 ]; do i=$((i-1)); done; echo $i"), "0\n");
}

#[test]
fn words_are_expanded_as_a_shell_does() {
    assert_eq!(
        out("echo $NAME; echo \"$NAME\"; echo '$NAME'; echo ${NONE:-else}"),
        "two words\ntwo words\n$NAME\nelse\n"
    );
    assert_eq!(out("x=1 y=2; echo $x$y \"a $(echo b) c\" `echo d`"), "12 a b c d\n");
    assert_eq!(out("echo a#b # a comment"), "a#b\n");
    assert_eq!(out("echo a\\ b 'c  d'"), "a b c  d\n");
    assert_eq!(out("echo $?; false; echo $?"), "0\n1\n");
}

#[test]
fn streams_are_led_elsewhere() {
    assert_eq!(out("echo -e 'b\\na' | sort | head -n 1"), "a\n");
    assert_eq!(
        out("echo x > /tmp/f; echo y >> /tmp/f; cat < /tmp/f; cat /none 2>/dev/null; cat /none 2>&1"),
        "x\ny\ncat: can't open '/none': No such file or directory\n"
    );
    assert_eq!(ran("echo e >&2").1, "e\n");
    assert_eq!(out("{ echo a; echo b; } && (echo c)"), "a\nb\nc\n");
}

#[test]
fn time_passes_in_sleeps_and_servers_go_on() {
    assert_eq!(ran("sleep 2; sleep 3").3, Takes::Sleep(Duration::from_secs(5)));
    assert_eq!(ran("echo up; httpd -f -p 8080").3, Takes::Forever);
    assert_eq!(ran("httpd -f -p 8080 & echo on; wait").0, "on\n");
    assert_eq!(ran("while true; do sleep 1; done").3, Takes::Forever);
    assert_eq!(ran("timeout 5 sleep 9").2, 143);
}

#[test]
fn a_strict_script_ends_at_its_first_failure() {
    assert_eq!(ran("set -e; false; echo never").2, 1);
    assert_eq!(out("set -e; false || true; if false; then echo x; fi; echo on"), "on\n");
}

#[test]
fn what_is_beyond_it_is_an_error() {
    for script in ["case x in esac", "f() { echo; }", "cat <<E\nE", "while true; do echo; done | head", "echo 'open"] {
        assert_ne!(ran(script).1, "", "{script}");
    }
}
