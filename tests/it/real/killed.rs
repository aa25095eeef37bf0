//! A run that creates, patches, scales and drains is killed at random moments. Each time the folder opens, the journal
//! agrees with what the API servers have, and `pb clean` leaves the clusters as they were.
//!
//! `PB_KILLS` is how often (5), `PB_SEED` where the moments come from (1): a failure names both.

mod world;

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Real, kubectl, kubectl_command};
use crate::Test;
use world::{Ledger, Snapshot};

const PLAYBOOK: &str = r#"
playbook(#{ id: "kill", title: "Everything that leaves something behind" });

step("create", #{ on: "each cluster", effect: "write" }, |t| {
    let map = |n| #{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ generateName: "kill-", namespace: "default" } };
    for n in 0..4 { t.kube.create(map.call(n)); }
    let pod = t.kube.pod(#{ name: "kill", command: ["sleep", "600"], files: #{ "/x/y": "z" } });
    let both = t.kube.apply(`apiVersion: v1
kind: ConfigMap
metadata: { generateName: kill-a-, namespace: ${pod.namespace} }
---
apiVersion: v1
kind: Service
metadata: { generateName: kill-b-, namespace: ${pod.namespace} }
spec: { ports: [{ port: 80, protocol: TCP }] }
`);
    expect(both.len(), "applied").to_be(2);
});

step("change", #{ on: "infra", effect: "disrupt" }, |t| {
    let place = #{ namespace: "kill-test" };
    t.kube.patch("cm", "settings", #{ data: #{ a: "2", b: "3" } }, place);
    t.kube.scale("deployment", "shop", 2, place);
    t.kube.label("node", "kill-test", #{ "kill-test/changed": "yes" });
    let pod = t.kube.create(#{ apiVersion: "v1", kind: "Pod", metadata: #{ generateName: "kill-", namespace: "kill-test" },
        spec: #{ nodeName: "kill-test", terminationGracePeriodSeconds: 0, containers: [#{ name: "main", image: "busybox" }] } });
    let done = t.kube.drain("kill-test", #{ force: true, grace: 0, within: "1m" });
    expect(done.evicted, "evicted").to_contain(`kill-test/${pod.name}`);
    t.kube.patch("cm", "settings", #{ data: #{ a: "4" } }, place);
});
"#;

/// What the run changes and did not make.
const PREPARED: &str = r#"
apiVersion: v1
kind: Namespace
metadata: { name: kill-test }
---
apiVersion: v1
kind: Node
metadata: { name: kill-test }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: kill-test }
data: { a: "1" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop, namespace: kill-test }
spec:
  replicas: 0
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{ name: main, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "600"] }]
"#;

/// What the run changes, there for as long as this lives.
struct Prepared<'a>(&'a Test);

impl<'a> Prepared<'a> {
    fn new(test: &'a Test) -> Self {
        kubectl(&Self::REMOVE);
        let file = test.path().join("prepared.yaml");
        std::fs::write(&file, PREPARED).expect("written");
        kubectl(&["--context", "infra", "apply", "-f", &file.display().to_string()]);
        Self(test)
    }

    const REMOVE: [&'static str; 6] =
        ["--context", "infra", "delete", "--ignore-not-found", "ns/kill-test", "node/kill-test"];
}

impl Drop for Prepared<'_> {
    /// Also where the test failed, as far as it goes: the clusters are others' too, and the record goes with the test.
    #[expect(clippy::print_stderr, reason = "what it could not remove is for whoever reads the test's output")]
    fn drop(&mut self) {
        for mut command in [self.0.command("clean --all --yes"), kubectl_command(&Self::REMOVE)] {
            match command.output() {
                Ok(output) if output.status.success() => {}
                other => eprintln!("{command:?}: {other:?}"),
            }
        }
    }
}

/// A number of the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")))
}

/// The next of a row of random numbers (SplitMix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn pb(test: &Test, args: &str, code: i32) -> String {
    let output = test.command(args).output().expect("pb runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "pb {args}\n{out}{err}");
    out.into_owned()
}

const RUN: &str = "run kill.rhai --allow disrupt";

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_run_that_is_killed_at_any_moment_is_told_and_cleaned_up_after() {
    let real = Real::alone();
    let test = real.test("").file("kill.rhai", PLAYBOOK);
    let _prepared = Prepared::new(&test);
    let before = Snapshot::settled();
    let began = Instant::now();
    pb(&test, RUN, 0);
    let whole = began.elapsed();
    before.is_back("after a run that was not killed");

    let (kills, seed) = (number("PB_KILLS", 5), number("PB_SEED", 1));
    let (mut state, mut met) = (seed, 0);
    for kill in 1..=kills {
        // Half of them while it changes things, which is early; the others up to somewhat beyond the end.
        let all = u64::try_from(whole.as_micros()).expect("a short run");
        let span = if kill % 2 == 0 { all / 4 } else { all * 11 / 10 };
        let moment = Duration::from_micros(next(&mut state) % span);
        let what = format!("kill {kill} of PB_KILLS={kills} PB_SEED={seed}, after {moment:?}");
        eprintln!("{what}");
        if killed_after(&test, moment, &what) {
            met += 1;
        }
        before.is_back(&what);
        // The place of `--resume`: a second run is killed here, resumed, and its outcomes compared with the whole run's.
    }
    assert!(met * 2 >= kills, "{met} of {kills} kills met a run");
}

/// Kills a run, looks, cleans up; whether the run had begun and not ended.
fn killed_after(test: &Test, moment: Duration, what: &str) -> bool {
    let runs = test.path().join(".pb");
    std::fs::remove_dir_all(&runs).unwrap_or_else(|e| panic!("{}: {e}", runs.display()));
    let mut run = test.command(RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pb runs");
    std::thread::sleep(moment);
    run.kill().expect("killed");
    let ended = run.wait().expect("ended").code();
    assert!(matches!(ended, None | Some(0)), "{what}: the run itself ended with {ended:?}");
    // Before it had a folder it had done nothing.
    let has_folder = std::fs::read_dir(runs.join("runs"))
        .is_ok_and(|mut entries| entries.any(|e| e.is_ok_and(|e| !e.file_name().to_string_lossy().starts_with('.'))));
    if !has_folder {
        return false;
    }
    let shown = pb(test, "show latest", 0);
    assert_eq!(shown.contains("UNFINISHED"), ended.is_none(), "{what}: {shown}");
    let id = pb(test, "runs --latest", 0).trim().to_string();
    let folder = runs.join("runs").join(&id);
    Ledger::read(&folder).agrees(&id, what);
    let cleaned = pb(test, "clean latest --yes", 0);
    assert!(cleaned.contains("nothing is left"), "{what}: {cleaned}");
    let again = pb(test, "clean latest --yes", 0);
    assert!(again.contains("nothing is left to undo"), "{what}: {again}");
    ended.is_none()
}
