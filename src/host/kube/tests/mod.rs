//! The module against the real clusters of `realkube`: what it reads, waits for, changes and says when it can't.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rhai::{Dynamic, Scope};

use crate::client::kube::{Cluster, Delete, Query};
use crate::config::{self, Config};
use crate::error::{Error, Kind};
use crate::event::{Effect, Undo};
use crate::host::context::Context;
use crate::host::kube::Clusters;
use crate::host::step::Step;
use crate::host::testing;
use crate::host::world::World;

mod asking;
mod population;
mod reach;
mod undoing;

const KUBECONFIG: &str = "/var/tmp/realkube/kubeconfig";

/// The configuration of realkube, with one more cluster if wanted.
fn config(more: Option<(&str, PathBuf, &str)>) -> Config {
    let mut config = Config { dir: std::env::temp_dir(), ..Config::default() };
    let mut add = |name: &str, kubeconfig: PathBuf, context: &str| {
        let cluster = config::Cluster {
            kubeconfig: Some(kubeconfig),
            context: Some(context.into()),
            ..config::Cluster::default()
        };
        config.clusters.insert(name.into(), cluster);
    };
    add("infra", KUBECONFIG.into(), "infra");
    add("apps", KUBECONFIG.into(), "apps");
    if let Some((name, kubeconfig, context)) = more {
        add(name, kubeconfig, context);
    }
    config
}

/// A run of its own on the real clusters; what it made is deleted when it is dropped.
struct Run {
    world: Arc<World>,
}

impl Run {
    fn new() -> Self {
        Self { world: testing::world(config(None)) }
    }

    fn eval(&self, effect: Effect, script: &str) -> Result<Dynamic, Error> {
        let engine = crate::script::engine::build();
        let context = Context::new(self.world.clone(), "test/step@infra", Some("infra".into()), effect, None);
        let _entered = context.enter();
        let mut scope = Scope::new();
        scope.push("t", Step);
        let mut ast = engine.compile_with_scope(&scope, script).expect("a script");
        ast.set_source("test.rhai");
        engine
            .eval_ast_with_scope::<Dynamic>(&mut scope, &ast)
            .map_err(|e| crate::script::diagnose::from_rhai(&e, Some("test.rhai")))
    }

    /// A namespace of the run's own, and a script that may write, with `k` and `ns` set.
    fn ok(&self, script: &str) -> Dynamic {
        match self.eval(Effect::Write, script) {
            Ok(value) => value,
            Err(e) => panic!("{e} {:?}\n{script}", e.hints),
        }
    }

    fn cluster(&self) -> Cluster {
        testing::runtime().block_on(self.world.part::<Clusters>().get(&self.world, "infra")).expect("connected")
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let cluster = self.cluster();
        for row in self.world.ledger.open_rows().into_iter().rev() {
            let Undo::Delete { object } = row.undo else { continue };
            testing::runtime().block_on(async {
                let Ok(resource) = cluster.resolve_object(&object.api_version, &object.kind).await else { return };
                let how = Delete { grace: Some(0), uid: object.uid.clone(), ..Delete::default() };
                let _ = cluster.delete(&resource, object.namespace.as_deref(), &object.name, &how).await;
            });
        }
    }
}

fn is_true(value: &Dynamic) -> bool {
    value.as_bool() == Ok(true)
}

#[test]
#[ignore = "needs the real clusters"]
fn real_lists_come_in_pages_and_keep_their_order() {
    let run = Run::new();
    let _ = run.ok(r#"let k = kube("infra");
        for i in 0..7 { k.create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ name: `page-${i}`, namespace: "default", labels: #{ test: "pages" } } }); }"#);
    let cluster = run.cluster();
    let query =
        |limit| Query { namespace: Some("default".into()), labels: Some("test=pages".into()), fields: None, limit };
    let names = |limit, size| {
        testing::runtime().block_on(async {
            let resource = cluster.resolve("cm").await.expect("known");
            let listed = cluster.list_by(&resource, &query(limit), size).await.expect("listed");
            let names: Vec<String> = listed
                .pages
                .iter()
                .flat_map(|p| {
                    p.items
                        .iter()
                        .map(|i| crate::client::kube::Meta::of(&p.text[i.start as usize..i.end as usize]).name)
                })
                .collect();
            assert!(!listed.version.is_empty() && listed.pages.iter().all(|p| !p.text.contains("managedFields")));
            (listed.pages.len(), names)
        })
    };
    let (pages, all) = names(None, 500);
    assert_eq!((pages, all.len()), (1, 7));
    assert_eq!(names(None, 2), (4, all.clone()));
    assert_eq!(names(Some(3), 2), (2, all[..3].to_vec()));
    assert_eq!(names(Some(2), 500), (1, all[..2].to_vec()));
    let script = r#"let l = kube("infra").list("ConfigMap", #{ namespace: "default", labels: "test=pages" }); l.len() == 7 && l[0].kind == "ConfigMap""#;
    assert!(is_true(&run.ok(script)));
}

const POD: &str = r#"let k = kube("infra");
let pod = k.create(#{ apiVersion: "v1", kind: "Pod", metadata: #{ name: `wait-${t.run}-CASE`, namespace: "default" }, spec: #{
    terminationGracePeriodSeconds: 0, restartPolicy: "Never",
    containers: [#{ name: "c", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sh", "-c", COMMAND] }] } });
"#;

fn pod(case: &str, command: &str) -> String {
    POD.replace("CASE", case).replace("COMMAND", &format!("{command:?}"))
}

#[test]
#[ignore = "needs the real clusters"]
fn real_wait_sees_readiness_a_closures_word_and_deletion() {
    let run = Run::new();
    let script = pod("ready", "sleep 600")
        + r#"let o = #{ namespace: "default", within: duration("60s") };
        let ready = k.wait("pod", pod.name, o);
        if ready.status.phase != "Running" { throw "phase" }
        // A closure may ask the cluster itself.
        k.wait("pod", pod.name, #{ namespace: "default", within: duration("5s"), "for": |o| kube("infra").get("ns", "default").name == "default" && o.status.phase == "Running" });
        if k.events(pod).len() == 0 { throw "no events" }
        k.delete("pod", pod.name, #{ namespace: "default", grace: 0 });
        k.wait("pod", pod.name, #{ namespace: "default", wants: "delete", within: duration("30s") }) == ()"#;
    assert!(is_true(&run.ok(&script)));
}

#[test]
#[ignore = "needs the real clusters"]
fn real_wait_says_what_it_saw_last_and_ends_early_on_a_terminal_failure() {
    let run = Run::new();
    let script = pod("ends", "exit 3")
        + r#"k.wait("pod", pod.name, #{ namespace: "default", within: duration("60s"), fails_on: "status.phase=Failed" })"#;
    let started = Instant::now();
    let failed = run.eval(Effect::Write, &script).expect_err("it fails");
    assert_eq!(failed.kind, Kind::Expectation, "{failed}");
    assert!(failed.message.ends_with("it can't become so any more: status.phase=Failed"), "{failed}");
    assert!(started.elapsed() < Duration::from_secs(50));
    let late = run
        .eval(Effect::Read, r#"kube("infra").wait("cm", "no-such", #{ namespace: "default", wants: "create", within: duration("1s") })"#)
        .expect_err("it does not come");
    assert_eq!(late.kind, Kind::Expectation);
    assert!(
        late.message.starts_with(
            "waited for ConfigMap default/no-such: to exist: not within 1s; last seen: it does not exist, for "
        ),
        "{late}"
    );
    let nothing = run
        .eval(Effect::Read, r#"kube("infra").wait("pods", "app=no-such", #{ namespace: "default", within: "1s" })"#)
        .expect_err("an empty selection never passes");
    assert!(nothing.message.contains("nothing is selected"), "{nothing}");
    let thrown = run
        .eval(Effect::Read, r#"kube("infra").wait("ns", "default", #{ wants: |o| throw "mine" })"#)
        .expect_err("the closure throws");
    assert_eq!((thrown.kind, thrown.message.as_str()), (Kind::Script, "the script threw: mine"));
}

#[test]
#[ignore = "needs the real clusters"]
fn real_apply_over_anothers_field_conflicts_until_it_is_forced() {
    let run = Run::new();
    let cluster = run.cluster();
    let path = "/api/v1/namespaces/default/configmaps/conflict-test";
    let body = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"conflict-test"},"data":{"a":"theirs"}}"#;
    let raw = |method: &str, path: &str, body: Option<(&str, String)>| {
        testing::runtime().block_on(cluster.raw(method, path, body))
    };
    raw("PATCH", &format!("{path}?fieldManager=other&force=true"), Some(("application/apply-patch+yaml", body.into())))
        .expect("applied");
    let apply = |options: &str| {
        format!(
            r#"kube("infra").apply(#{{ apiVersion: "v1", kind: "ConfigMap", metadata: #{{ name: "conflict-test" }}, data: #{{ a: "ours" }} }}, #{{ namespace: "default"{options} }})"#
        )
    };
    let refused = run.eval(Effect::Write, &apply("")).expect_err("not ours");
    assert_eq!(refused.kind, Kind::Refused, "{refused}");
    let conflict = run.eval(Effect::Disrupt, &apply("")).expect_err("theirs");
    assert_eq!(conflict.kind, Kind::Conflict, "{conflict}");
    assert!(
        conflict.to_string().contains(r#"conflict with "other""#) && conflict.to_string().contains(".data.a"),
        "{conflict}"
    );
    assert!(conflict.hints.iter().any(|h| h.contains("force: true")), "{:?}", conflict.hints);
    assert_eq!(run.world.ledger.open_rows(), []);
    let _ = run.eval(Effect::Disrupt, &apply(", force: true")).expect("forced");
    let rows = run.world.ledger.open_rows();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    let Undo::Restore { fields, .. } = &row.undo else { panic!("{row:?}") };
    let told: Vec<_> = fields.iter().map(|f| (f.pointer.as_str(), f.before.clone(), f.after.clone())).collect();
    assert_eq!(told, [("/data/a", Some("theirs".into()), Some("ours".into()))]);
    let labels = raw("GET", path, None).expect("there");
    assert!(!labels.contains(super::RUN_LABEL), "what was there before is not the run's");
    raw("DELETE", path, None).expect("deleted");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_changes_are_judged_by_whose_the_object_is() {
    let theirs = Run::new();
    let _ = theirs.ok(r#"kube("infra").create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ name: "judge-test", namespace: "default" }, data: #{ a: "1" } })"#);
    let run = Run::new();
    let calls = [
        (r#"k.patch("cm", "judge-test", #{ data: #{ a: "2" } }, o)"#, Effect::Disrupt),
        (
            r#"k.patch("cm", "judge-test", [#{ op: "add", path: "/data/b", value: "2" }], #{ namespace: "default", type: "json" })"#,
            Effect::Disrupt,
        ),
        (r#"k.label("cm", "judge-test", #{ x: "y" }, o)"#, Effect::Disrupt),
        (r#"k.annotate("cm", "judge-test", #{ "reconcile.fluxcd.io/requestedAt": "now" }, o)"#, Effect::Write),
        (
            r#"k.raw("PATCH", "/api/v1/namespaces/default/configmaps/judge-test", #{ data: #{ a: "3" } })"#,
            Effect::Disrupt,
        ),
        (r#"k.delete("cm", "judge-test", o)"#, Effect::Destroy),
    ];
    let mut rows = 0;
    for (call, effect) in calls {
        let script = format!(r#"let k = kube("infra"); let o = #{{ namespace: "default" }}; {call}"#);
        let weaker = Effect::ALL.into_iter().rfind(|e| *e < effect).expect("one is weaker");
        assert_eq!(run.eval(weaker, &script).expect_err(call).kind, Kind::Refused, "{call}");
        assert_eq!(run.world.ledger.open_rows().len(), rows, "a refused call leaves no row: {call}");
        if effect < Effect::Destroy {
            let _ = run.eval(effect, &script).unwrap_or_else(|e| panic!("{call}: {e}"));
            rows += usize::from(effect == Effect::Disrupt);
            assert_eq!(run.world.ledger.open_rows().len(), rows, "{call}");
        }
    }
    let value = theirs.ok(r#"let k = kube("infra"); let o = #{ namespace: "default" };
        k.delete("cm", "judge-test", #{ namespace: "default", wait: true }); k.find("cm", "judge-test", o) == ()"#);
    assert!(is_true(&value));
}

#[test]
#[ignore = "needs the real clusters"]
fn real_a_kind_that_appears_during_the_run_is_found() {
    let run = Run::new();
    let unknown = run.eval(Effect::Read, r#"kube("infra").list("pbgizmos")"#).expect_err("not yet");
    assert_eq!((unknown.kind, unknown.message.as_str()), (Kind::UnknownKind, "cluster infra has no kind \"pbgizmos\""));
    let script = r#"let k = kube("infra");
        k.create(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pbgizmos.test.pb.run}
spec:
  group: test.pb.run
  scope: Namespaced
  names: {plural: pbgizmos, singular: pbgizmo, kind: PbGizmo, listKind: PbGizmoList, shortNames: [pbg]}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
`);
        k.wait("crd", "pbgizmos.test.pb.run", #{ wants: "Established", within: duration("20s") });
        k.create("apiVersion: test.pb.run/v1\nkind: PbGizmo\nmetadata: {name: g1, namespace: default}\n");
        k.list("pbg").len() == 1 && k.get("pbgizmos.v1.test.pb.run", "g1", #{ namespace: "default" }).kind == "PbGizmo""#;
    assert!(is_true(&run.ok(script)));
    for (script, words) in [
        (
            r#"kube("infra").list("kustomizations")"#,
            "it lacks the API group kustomize.toolkit.fluxcd.io: is Flux installed there?",
        ),
        (r#"kube("infra").list("ciliumnodes.cilium.io")"#, "it lacks the API group cilium.io altogether"),
    ] {
        let error = run.eval(Effect::Read, script).expect_err(script);
        assert!(error.causes.iter().any(|c| c == words), "{error:?}");
    }
    let near = run.eval(Effect::Read, r#"kube("infra").list("deploymnts")"#).expect_err("no kind");
    assert!(near.hints.iter().any(|h| h == "did you mean \"deployments\"?"), "{near:?}");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_a_nodes_events_are_found_though_the_kubelet_writes_no_uid() {
    let run = Run::new();
    let script = r#"let k = kube("infra");
        k.create(#{ apiVersion: "v1", kind: "Event", metadata: #{ name: "pb-test-node-event", namespace: "default" }, reason: "PbTest", type: "Normal",
            message: "as a kubelet writes it", involvedObject: #{ kind: "Node", name: "infra-01", uid: "infra-01" } });
        let found = k.events(k.get("node", "infra-01")).filter(|e| e.reason == "PbTest").len();
        k.delete("events", "pb-test-node-event", #{ namespace: "default" });
        found == 1"#;
    assert!(is_true(&run.ok(script)));
}
