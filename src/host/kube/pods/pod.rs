//! `pod`: a test pod that lives until the step ends.

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::{Value, json};

use super::create::create;
use super::explain::{self, hidden};
use super::names::{object_name, patience};
use super::spec::{OPTIONS, PodSpec};
use super::{exec, logs, namespace};
use crate::client::kube::Cluster;
use crate::client::kube::pod::{Until, wait};
use crate::error::{Error, Kind, Result};
use crate::event::{Effect, Outcome};
use crate::host::context::{Context, HostResult};
use crate::host::kube::ClusterHandle;
use crate::host::object::{Object, Origin};
use crate::host::options::Options;
use crate::host::registrar::Registrar;
use crate::host::values::from_dynamic;

const FUNCTION: &str = "cluster.pod";
/// As the cluster's method, but for `namespace`.
const OF_EXEC: &[&str] = &["check", "container", "effect", "max_output", "stdin", "within"];
/// The same.
const OF_LOGS: &[&str] = &["container", "grep", "limit_bytes", "previous", "since", "tail", "timestamps", "within"];
/// As long as this a test pod may take to get ready: an image may have to be pulled.
pub(super) const READY: std::time::Duration = std::time::Duration::from_secs(120);

/// A test pod that was ready.
#[derive(Debug, Clone)]
pub struct TestPod {
    cluster: ClusterHandle,
    /// As it was when it became ready.
    object: Object,
}

impl TestPod {
    fn text(&self, pointer: &str) -> String {
        self.object.string(pointer).unwrap_or_default()
    }

    fn exec(&self, ctx: &NativeCallContext, command: &Dynamic, options: Map) -> HostResult<Map> {
        let options = at_home(&self.text("/metadata/namespace"), options, "pod.exec", OF_EXEC)?;
        exec::exec(ctx, &self.cluster, &self.text("/metadata/name"), command, options)
    }

    fn logs(&self, ctx: &NativeCallContext, options: Map) -> HostResult<String> {
        let options = at_home(&self.text("/metadata/namespace"), options, "pod.logs", OF_LOGS)?;
        logs::logs(ctx, &self.cluster, &self.text("/metadata/name"), options)
    }
}

/// The options of a call on a pod, with its namespace: in another there would be another pod.
fn at_home(home: &str, mut options: Map, function: &'static str, known: &[&str]) -> Result<Map> {
    if options.contains_key("namespace") {
        let hint = format!("this pod is in {home}; of another pod the cluster is asked: k.exec, k.logs");
        let error = Error::new(Kind::Script, format!("{function}: there is no option \"namespace\""));
        return Err(error.hint(hint).hint(format!("its options are {}", known.join(", "))));
    }
    options.insert("namespace".into(), home.into());
    Ok(options)
}

pub(super) fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<TestPod>("pod");
    m.method("cluster", "pod")
        .sig("(options: map) -> pod")
        .options(OPTIONS)
        .effect(Effect::Write)
        .doc(
            "Starts a test pod, waits until it is ready, and removes it when the step ends. It stands in the run's own \
             namespace unless `namespace` says otherwise.\n\nOptions: `image` (default: busybox), `command` (a list, or \
             a string for `sh -c`; without image and command the pod just stays), `args`, `env` (a map; secrets are \
             allowed), `files` (a map from absolute path to text), `node` (runs there, past taints and cordon), \
             `namespace`, `name` (gets the run's mark at its end), `labels`, `annotations`, `host_network`, \
             `privileged`, `service_account` (default: none is mounted), `within` (default 120 s).\n\nThe result has \
             `name`, `namespace`, `ip`, `node`, `object`, `exec(command, options)` and `logs(options)`. A pod that \
             can't start (image, configuration, no node for 15 s, admission refuses it) ends the wait early and throws \
             `not_started`, which makes the step errored, not failed: nothing was found out. One whose \
             command ends before it is ready, or at once, throws `exit_code`: one that has a command of its own is looked at for two seconds more. The error has the reason, the pod's conditions, events and last log lines, and what to do \
             next.",
        )
        .example(
            r#"let pod = kube("infra").pod(#{ files: #{ "/etc/app/greeting": "hello" }, env: #{ "WHO": "you" } });
pod.exec("cat /etc/app/greeting; echo \" $WHO\"").stdout == "hello you""#,
        )
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, options: Map| pod(&ctx, k, options));
    property(m, "name", "Its name, with the run's mark at the end.", "/metadata/name");
    property(m, "namespace", "Its namespace.", "/metadata/namespace");
    property(m, "ip", "Its address.", "/status/podIP");
    property(m, "node", "The name of the node that it runs on.", "/spec/nodeName");
    m.property("pod", "object")
        .sig("object")
        .doc("The Pod as it was when it became ready.")
        .example(r#"let pod = kube("infra").pod(#{}); pod.object.metadata.name == pod.name"#)
        .add(|pod: &mut TestPod| pod.object.clone());
    m.method("pod", "exec")
        .sig("(command: string | list, options?: map) -> map")
        .options(OF_EXEC)
        .effect(Effect::Write)
        .doc("Runs a program in it: as `cluster.exec`, in its namespace.")
        .example(r#"let pod = kube("infra").pod(#{}); pod.exec("wc -c", #{ stdin: "12345" }).stdout == "5""#)
        .add(|ctx: NativeCallContext, pod: &mut TestPod, command: Dynamic| pod.exec(&ctx, &command, Map::new()))
        .add(|ctx: NativeCallContext, pod: &mut TestPod, command: Dynamic, options: Map| {
            pod.exec(&ctx, &command, options)
        });
    m.method("pod", "logs")
        .sig("(options?: map) -> string")
        .options(OF_LOGS)
        .effect(Effect::Read)
        .doc("What it wrote: as `cluster.logs`, in its namespace.")
        .example(r#"let pod = kube("infra").pod(#{ command: "sleep 3600" }); pod.logs() == """#)
        .add(|ctx: NativeCallContext, pod: &mut TestPod| pod.logs(&ctx, Map::new()))
        .add(|ctx: NativeCallContext, pod: &mut TestPod, options: Map| pod.logs(&ctx, options));
    m.raw().set_native_fn("to_string", |pod: &mut TestPod| {
        Ok(format!("Pod {}/{}", pod.text("/metadata/namespace"), pod.text("/metadata/name")))
    });
}

fn property(m: &mut Registrar, name: &'static str, doc: &'static str, pointer: &'static str) {
    let example = match name {
        "name" => r#"kube("infra").pod(#{ name: "probe" }).name.starts_with("probe-")"#,
        "namespace" => r#"kube("infra").pod(#{}).namespace.starts_with("pb-")"#,
        "ip" => r#"kube("infra").pod(#{}).ip.contains(".")"#,
        _ => r#"let pod = kube("infra").pod(#{}); pod.node == pod.object.spec.nodeName"#,
    };
    m.property("pod", name).sig("string").doc(doc).example(example).add(move |pod: &mut TestPod| pod.text(pointer));
}

fn pod(ctx: &NativeCallContext, k: &ClusterHandle, options: Map) -> HostResult<TestPod> {
    let cx = Context::current()?;
    let shown = hidden(&cx.world.redactor, &options);
    let args = json!({ "options": from_dynamic(&Dynamic::from(shown.clone())) });
    let spec = PodSpec::read(&Options::new(options, FUNCTION, OPTIONS)?, FUNCTION, true)?;
    let shown = PodSpec::read(&Options::new(shown, FUNCTION, OPTIONS)?, FUNCTION, true)?;
    let name = object_name(&cx.world, spec.name.as_deref(), "pod")?;
    let until = if spec.has_own_program() { Until::Stays } else { Until::Ready };
    let (within, limit) = patience(&cx, spec.within, Some(READY));
    let call = k.call("kube.pod", Effect::Write, &explain::pod(&cx, k, &shown, &name, within)).args(args).limit(limit);
    let ready = cx.call_with(ctx, call, |pod: &Value| summary(pod), async {
        let cluster = k.connection(&cx).await?;
        let namespace = start(&cx, &cluster, &spec, &name).await?;
        let mut pod = wait(&cluster, &namespace, &name, until, within, &*cx.world.clock).await?;
        if let Some(metadata) = pod.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        Ok(pod)
    })?;
    let origin = Origin { cluster: k.name().into(), api_version: Some("v1".into()), kind: Some("Pod".into()) };
    Ok(TestPod { cluster: k.clone(), object: Object::from_text(ready.to_string(), origin)? })
}

/// Creates the pod and what it needs; its namespace.
pub(super) async fn start(cx: &Context, cluster: &Cluster, spec: &PodSpec, name: &str) -> Result<String> {
    let namespace = match &spec.namespace {
        Some(namespace) => namespace.clone(),
        None => namespace::of_run(cx, cluster).await?,
    };
    if let Some(files) = spec.config_map(name, &namespace, &cx.world.run) {
        create(cx, cluster, "configmaps", &files).await.map_err(refused)?;
    }
    create(cx, cluster, "pods", &spec.manifest(name, &namespace, &cx.world.run)).await.map_err(refused)?;
    Ok(namespace)
}

/// A test pod that the server does not take says nothing about what the step looks at: it could not find out.
fn refused(error: Error) -> Error {
    let kind = if error.kind.outcome() == Outcome::Failed { Kind::NotStarted } else { error.kind };
    let hint = match error.kind {
        Kind::NotFound => Some("the option `namespace` has to name one that exists; without it the run makes its own"),
        Kind::Forbidden => {
            Some("where admission forbids such a pod, other options or another `namespace` may be allowed")
        }
        _ => None,
    };
    Error { kind, ..error }.context("a test pod can't be created").maybe_hint(hint.map(Into::into))
}

fn summary(pod: &Value) -> String {
    let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{} on {}, {}", text("/metadata/name"), text("/spec/nodeName"), text("/status/podIP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_pods_calls_take_what_the_clusters_take_but_for_the_namespace() {
        let but = |known: &[&'static str]| known.iter().copied().filter(|key| *key != "namespace").collect::<Vec<_>>();
        assert_eq!((but(exec::OPTIONS), but(logs::OPTIONS)), (OF_EXEC.to_vec(), OF_LOGS.to_vec()));
        let map = |script: &str| rhai::Engine::new().eval::<Map>(script).expect("a map");
        let error = at_home("home", map(r#"#{ namespace: "away" }"#), "pod.exec", OF_EXEC).expect_err("refused");
        assert_eq!(error.message, "pod.exec: there is no option \"namespace\"");
        assert!(error.hints.iter().any(|hint| hint.starts_with("this pod is in home")), "{error:?}");
        let options = at_home("home", map("#{ check: false }"), "pod.exec", OF_EXEC).expect("known");
        assert_eq!(options["namespace"].to_string(), "home");
    }
}
