//! Against real clusters: what a script asks for really happens, and nothing of it stays.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Map};
use serde_json::{Value, json};

use crate::client::kube::{Cluster, rest};
use crate::clock::System;
use crate::config::{self, Config};
use crate::error::{Error, Kind};
use crate::event::{Bus, Effect};
use crate::host::context::Context;
use crate::host::kube::Clusters;
use crate::host::redact::Redactor;
use crate::host::testing;
use crate::host::undo::{self, Undone};
use crate::host::world::{Permissions, World};

mod drain;
mod streams;
mod test_pods;

/// A step on the real clusters, which cleans up after itself as the runner does.
struct Step {
    world: Arc<World>,
    context: Arc<Context>,
}

impl Step {
    fn new(mark: &str) -> Self {
        let cluster = |context: &str| config::Cluster {
            kubeconfig: Some(PathBuf::from("/var/tmp/realkube/kubeconfig")),
            context: Some(context.into()),
            ..Default::default()
        };
        let mut config = Config::default();
        for name in ["infra", "apps"] {
            config.clusters.insert(name.into(), cluster(name));
        }
        let clock = Arc::new(System);
        let runtime = testing::runtime().handle().clone();
        let run = format!("20260101-000000-{mark}");
        let world = World::new(
            run,
            None,
            Arc::new(config),
            runtime,
            Bus::silent(clock.clone()),
            clock,
            Arc::new(Redactor::default()),
            Permissions { read_only: false, disrupt: true, destroy: Default::default() },
        );
        let context = Context::new(world.clone(), "real/step", None, Effect::Disrupt, Some(Duration::from_secs(120)));
        Self { world, context }
    }

    /// What a script gives. The test clusters' kubelets share one machine's /var/log/pods, and each removes, once a
    /// minute, what is not its own: a script that meets this is asked again.
    fn eval(&self, script: &str) -> Result<Dynamic, Error> {
        let _entered = self.context.enter();
        let engine = crate::script::engine::build();
        let eval = || engine.eval::<Dynamic>(script).map_err(|e| crate::script::diagnose::from_rhai(&e, None));
        let lost = |e: &Error| e.kind == Kind::Unreadable && e.message.ends_with("its kubelet can't read it");
        let mut told = eval();
        for _ in 0..2 {
            if told.as_ref().is_err_and(lost) {
                told = eval();
            }
        }
        told
    }

    fn holds(&self, script: &str) {
        match self.eval(script) {
            Ok(value) => assert_eq!(value.as_bool(), Ok(true), "{script}"),
            Err(e) => panic!("{script}\n{e:#?}"),
        }
    }

    fn fails(&self, script: &str) -> Error {
        self.eval(script).expect_err(script)
    }

    fn cluster(&self, name: &str) -> Cluster {
        let clusters = self.world.part::<Clusters>();
        testing::runtime().block_on(clusters.get(&self.world, name)).expect("the cluster")
    }

    fn post(&self, cluster: &str, path: &str, body: &Value) {
        let cluster = self.cluster(cluster);
        testing::runtime().block_on(rest::post(&cluster, path, body, "a test object")).expect("created");
    }

    fn find(&self, cluster: &str, path: &str) -> Option<Value> {
        let cluster = self.cluster(cluster);
        testing::runtime().block_on(rest::find(&cluster, path, "a test object")).expect("an answer")
    }

    /// The run's namespace on a cluster, made by a first pod.
    fn namespace(&self) -> String {
        format!("pb-{}", self.world.mark())
    }

    fn clean(&self) -> Vec<(String, Undone)> {
        self.context.state().kept.clear();
        let mut done = Vec::new();
        for owner in [Some("real/step"), None] {
            for row in self.world.ledger.take(owner) {
                let undone = testing::runtime().block_on(undo::perform(&self.world, &row.undo));
                done.push((row.change.clone(), undone.unwrap_or_else(|e| panic!("{}: {e:#?}", row.change))));
            }
        }
        done
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        // A failed test must not leave its pods behind either; what can't be undone now shows in the next run.
        for owner in [Some("real/step"), None] {
            for row in self.world.ledger.take(owner) {
                let _ = testing::runtime().block_on(undo::perform(&self.world, &row.undo));
            }
        }
    }
}

fn text(map: &Map, key: &str) -> String {
    map[key].to_string()
}

#[test]
#[ignore = "needs the real clusters"]
fn real_undo_leaves_alone_what_is_not_the_runs() {
    let step = Step::new("undoaa");
    step.holds(r#"kube("infra").run(#{ command: "true" }).code == 0"#);
    let namespace = step.namespace();
    let map = |name: &str, labels: Value| {
        let body = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "labels": labels },
            "data": { "a": "run", "b": "other" } });
        step.post("infra", &format!("/api/v1/namespaces/{namespace}/configmaps"), &body);
    };
    map("foreign", json!({}));
    map("ours", json!({ "pb.run": step.world.run }));
    let object = |name: &str| crate::event::ObjectRef {
        cluster: "infra".into(),
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        plural: "configmaps".into(),
        namespace: Some(namespace.clone()),
        name: name.into(),
        uid: None,
    };
    let perform = |undo| testing::runtime().block_on(undo::perform(&step.world, &undo)).expect("an answer");
    let delete = |name: &str| crate::event::Undo::Delete { object: object(name) };
    assert!(matches!(perform(delete("foreign")), Undone::LeftAlone(_)));
    assert_eq!(perform(delete("ours")), Undone::Done);
    assert_eq!(perform(delete("ours")), Undone::Already);
    let change = |pointer: &str, before: Value, after: Value| crate::event::FieldChange {
        pointer: pointer.into(),
        before: Some(before),
        after: Some(after),
        ..crate::event::FieldChange::default()
    };
    let restore = crate::event::Undo::Restore {
        object: object("foreign"),
        subresource: None,
        fields: vec![change("/data/a", json!("was"), json!("run")), change("/data/b", json!("was"), json!("run"))],
        owners: Vec::new(),
    };
    let Undone::LeftAlone(why) = perform(restore) else { panic!("b is somebody else's") };
    assert!(why[0].contains("/data/b") && why.len() == 1, "{why:?}");
    let now = step.find("infra", &format!("/api/v1/namespaces/{namespace}/configmaps/foreign")).expect("it");
    assert_eq!(now["data"], json!({ "a": "was", "b": "other" }));
    let done = perform(crate::event::Undo::Command { program: "true".into(), args: vec![] });
    assert_eq!(done, Undone::Done);
    step.clean();
}
