//! A run that creates, patches, scales and drains is killed at random moments. Each time the folder opens, the journal
//! agrees with what the API servers have, row by row, `pb clean` leaves the clusters as they were, and `--resume`, killed
//! too or not, ends like a run that was not killed.
//!
//! `PB_KILLS` is how often (5), `PB_SEED` where the moments come from (1): a failure names both.

mod world;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

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
    t.kube.scale("deployment", "shop", 0, place);
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

const RUN: &str = "run kill.rhai --allow disrupt --report json=report.json";

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_run_that_is_killed_at_any_moment_is_told_cleaned_up_after_and_gone_on_with() {
    let real = Real::alone();
    let test = real.test("").file("kill.rhai", PLAYBOOK);
    let _prepared = Prepared::new(&test);
    let before = Snapshot::settled(&runs(&test));
    let mut pace = Pace::measured(&test);
    let unbroken = outcomes(&test);
    assert_eq!(unbroken.len(), 3, "create on both clusters, and change");
    before.is_back("after a run that was not killed", &runs(&test));

    let (kills, seed) = (number("PB_KILLS", 5), number("PB_SEED", 1));
    let (mut state, mut met) = (seed, 0);
    for kill in 1..=kills {
        let moment = pace.moment(kill, &mut state);
        let what = format!("kill {kill} of PB_KILLS={kills} PB_SEED={seed}, {moment:?}");
        eprintln!("{what}");
        let Some((id, was_killed)) = killed_at(&test, RUN, moment, &mut pace, &what) else { continue };
        met += u64::from(was_killed);
        refused_while_something_is_left(&test, &id, &what);
        // A third of the clean-ups are killed, too: the next one goes on.
        let cut = (kill % 3 == 0).then(|| Duration::from_millis(next(&mut state) % 1500));
        cleaned(&test, &id, cut, &what);
        before.is_back(&what, &runs(&test));
        // And another third of what goes on with it: that is cleaned up after, and gone on with in its turn.
        let mut id = id;
        if kill % 3 == 1 {
            let moment = pace.moment(kill + 1, &mut state);
            let what = format!("{what}, gone on with and killed {moment:?}");
            eprintln!("{what}");
            let args = format!("run --resume {id} --report json=report.json");
            if let Some((second, _)) = killed_at(&test, &args, moment, &mut pace, &what) {
                refused_while_something_is_left(&test, &second, &what);
                cleaned(&test, &second, None, &what);
                before.is_back(&what, &runs(&test));
                id = second;
            }
        }
        pb(&test, &format!("run --resume {id} --report json=report.json"), 0);
        assert_eq!(outcomes(&test), unbroken, "{what}: gone on with, it ends otherwise");
        before.is_back(&format!("{what}, gone on with"), &runs(&test));
    }
    // Of a few kills one may come too late where the machine became faster meanwhile.
    assert!((kills - met) * 10 <= kills.max(10), "{met} of {kills} kills met a run");
}

/// When to kill.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after the start.
    Started(Duration),
    /// So long after the run's folder is there.
    Recorded(Duration),
}

/// How long a run takes that nobody kills.
struct Pace {
    /// Until its folder is there.
    start: Duration,
    /// From then on.
    rest: Duration,
}

impl Pace {
    /// Runs it once.
    fn measured(test: &Test) -> Self {
        let before = runs(test);
        let began = Instant::now();
        let mut run = test.command(RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pb runs");
        wait_for_folder(test, &before, &mut run);
        let start = began.elapsed();
        assert_eq!(run.wait().expect("ended").code(), Some(0), "a run that nobody kills");
        Self { start, rest: began.elapsed().saturating_sub(start) }
    }

    /// Half of them while it changes things, which is early; the others up to nearly its end; one of twenty before
    /// anything is recorded.
    fn moment(&self, kill: u64, state: &mut u64) -> Moment {
        let random = next(state);
        let within =
            |span: Duration| Duration::from_micros(random % u64::try_from(span.as_micros()).expect("short").max(1));
        match kill % 20 {
            19 => Moment::Started(within(self.start)),
            n if n % 2 == 0 => Moment::Recorded(within(self.rest / 4)),
            _ => Moment::Recorded(within(self.rest * 9 / 10)),
        }
    }
}

/// Returns when the run has a folder, or has ended without one.
fn wait_for_folder(test: &Test, before: &BTreeSet<String>, run: &mut Child) {
    let until = Instant::now() + Duration::from_secs(60);
    while runs(test).difference(before).next().is_none() && run.try_wait().expect("asked").is_none() {
        assert!(Instant::now() < until, "the run does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The ids of the test's runs.
fn runs(test: &Test) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(test.path().join(".pb/runs")) else { return BTreeSet::new() };
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// Kills a run and looks at what it left. Gives its id and whether it had not ended; none where it had not begun.
fn killed_at(test: &Test, args: &str, moment: Moment, pace: &mut Pace, what: &str) -> Option<(String, bool)> {
    let before = runs(test);
    let mut run = test.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pb runs");
    match moment {
        Moment::Started(moment) => std::thread::sleep(moment),
        Moment::Recorded(moment) => {
            wait_for_folder(test, &before, &mut run);
            std::thread::sleep(moment);
            if args == RUN && run.try_wait().expect("asked").is_some() {
                // The machine is faster now than it was.
                pace.rest = pace.rest.min(moment);
            }
        }
    }
    run.kill().expect("killed");
    let ended = run.wait().expect("ended").code();
    assert!(matches!(ended, None | Some(0)), "{what}: the run itself ended with {ended:?}");
    // Before it had a folder it had done nothing.
    let id = runs(test).difference(&before).next()?.clone();
    let shown = pb(test, &format!("show {id}"), 0);
    assert_eq!(shown.contains("UNFINISHED"), ended.is_none(), "{what}: {shown}");
    assert_eq!(pb(test, "runs --latest", 0).trim(), id);
    Ledger::read(&folder(test, &id)).agrees(&id, what);
    Some((id, ended.is_none()))
}

fn folder(test: &Test, id: &str) -> PathBuf {
    test.path().join(".pb/runs").join(id)
}

/// Nobody goes on over changes that are left.
fn refused_while_something_is_left(test: &Test, id: &str, what: &str) {
    let left = Ledger::read(&folder(test, id)).left();
    if left == 0 {
        return;
    }
    let before = runs(test);
    let output = test.command(&format!("run --resume {id}")).output().expect("pb runs");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{what}: {err}");
    let count = if left == 1 { "1 change".into() } else { format!("{left} changes") };
    assert!(err.contains(&count) && err.contains(&format!("pb clean {id}")), "{what}: {err}");
    assert_eq!(runs(test), before, "{what}: what is refused leaves no folder");
}

/// Cleans up, where `cut` is given at the second go.
fn cleaned(test: &Test, id: &str, cut: Option<Duration>, what: &str) {
    let args = format!("clean {id} --yes");
    if let Some(cut) = cut {
        let mut first = test.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("pb runs");
        std::thread::sleep(cut);
        first.kill().expect("killed");
        let ended = first.wait().expect("ended").code();
        assert!(matches!(ended, None | Some(0)), "{what}: pb clean, cut after {cut:?}, ended with {ended:?}");
    }
    let said = pb(test, &args, 0);
    assert!(said.contains("nothing is left"), "{what}: {said}");
    let again = pb(test, &args, 0);
    assert!(again.contains("nothing is left to undo"), "{what}: {again}");
    assert_eq!(Ledger::read(&folder(test, id)).left(), 0, "{what}");
}

/// The steps of the report and how they ended.
fn outcomes(test: &Test) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(test.path().join("report.json")).expect("a report");
    std::fs::remove_file(test.path().join("report.json")).expect("removed");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["exit_code"], 0, "{report}");
    let word = |value: &Value| value.as_str().expect("a word").to_string();
    report["steps"].as_array().expect("steps").iter().map(|s| (word(&s["id"]), word(&s["outcome"]))).collect()
}
