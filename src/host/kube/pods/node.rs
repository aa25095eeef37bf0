//! `cordon`, `uncordon`, `drain`: a node's way out of service and back.

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::{Value, json};

use super::line::kubectl;
use super::names::patience;
use crate::client::kube::drain::{DrainOptions, Drained, drain as empty, plan_of};
use crate::client::kube::node;
use crate::error::Result;
use crate::event::{Effect, FieldChange, ObjectRef, Undo};
use crate::host::context::{Context, HostResult};
use crate::host::kube::{ClusterHandle, identity};
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const DRAIN: &str = "cluster.drain";
const OPTIONS: &[&str] = &["delete_emptydir_data", "force", "grace", "within"];

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "cordon")
        .sig("(node: string) -> bool")
        .effect(Effect::Disrupt)
        .doc(
            "Closes a node to new pods. The step's end opens it again. `false` when it was closed already: then it is \
             left so.",
        )
        .example(
            r#"let k = kube("infra");
let node = k.create(#{ apiVersion: "v1", kind: "Node", metadata: #{ generateName: "doc-cordon-" } });
k.cordon(node.name) && k.get("node", node.name).spec.unschedulable"#,
        )
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, node: &str| cordon(&ctx, k, node));
    m.method("cluster", "uncordon")
        .sig("(node: string) -> bool")
        .effect(Effect::Disrupt)
        .doc(
            "Opens a node to new pods. `false` when it was open already. A node that was closed before this run is \
             closed again at the step's end.",
        )
        .example(
            r#"let k = kube("infra");
let node = k.create(#{ apiVersion: "v1", kind: "Node", metadata: #{ generateName: "doc-uncordon-" }, spec: #{ unschedulable: true } });
k.uncordon(node.name) && k.get("node", node.name).spec.unschedulable == ()"#,
        )
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, node: &str| uncordon(&ctx, k, node));
    m.method("cluster", "drain")
        .sig("(node: string, options?: map) -> map")
        .options(OPTIONS)
        .effect(Effect::Disrupt)
        .doc(
            "Closes a node to new pods and evicts those that it has, as disruption budgets allow. The step's end opens \
             the node again. Pods of DaemonSets and static pods stay. Before anything is changed it throws `conflict` \
             when a pod has no controller (unless `force: true`) or an emptyDir volume (unless \
             `delete_emptydir_data: true`).\n\nOptions: those two, `grace` (seconds that each pod has to end; default: \
             its own), `within` (default: the step's time). The result has `evicted` and `skipped`, lists of \
             `namespace/name`. Throws `timeout` with the pods that are left and, for each, the budget that protects it \
             and its numbers.",
        )
        .example(
            r#"let k = kube("infra");
let node = k.create(#{ apiVersion: "v1", kind: "Node", metadata: #{ generateName: "doc-drain-" } });
let pod = k.create(#{ apiVersion: "v1", kind: "Pod", metadata: #{ generateName: "doc-drain-", namespace: "default" },
    spec: #{ nodeName: node.name, containers: [#{ name: "main", image: "busybox" }] } });
let done = k.drain(node.name, #{ force: true, grace: 0, within: "1m" });
done.evicted == [`default/${pod.name}`] && k.get("node", node.name).spec.unschedulable"#,
        )
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, node: &str| drain(&ctx, k, node, Map::new()))
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, node: &str, options: Map| drain(&ctx, k, node, options));
}

fn cordon(ctx: &NativeCallContext, k: &ClusterHandle, name: &str) -> HostResult<bool> {
    let cx = Context::current()?;
    let call = k.call("kube.cordon", Effect::Disrupt, &kubectl(None, ["cordon", name])).args(json!({ "node": name }));
    Ok(cx.call(ctx, call, async {
        let cluster = k.connection(&cx).await?;
        let found = node::get(&cluster, name).await?;
        if node::is_cordoned(&found) {
            return Ok(false);
        }
        identity::know(&cx, &cluster).await?;
        cx.undo(format!("cordon node {name}"), Undo::Uncordon { object: reference(k, &found, name) })?;
        node::cordon(&cluster, name).await.map(|()| true)
    })?)
}

fn uncordon(ctx: &NativeCallContext, k: &ClusterHandle, name: &str) -> HostResult<bool> {
    let cx = Context::current()?;
    let call =
        k.call("kube.uncordon", Effect::Disrupt, &kubectl(None, ["uncordon", name])).args(json!({ "node": name }));
    Ok(cx.call(ctx, call, async {
        let cluster = k.connection(&cx).await?;
        let found = node::get(&cluster, name).await?;
        if !node::is_cordoned(&found) {
            return Ok(false);
        }
        if !cordoned_here(&cx, k, name) {
            let pointer = "/spec/unschedulable".into();
            let change = FieldChange {
                pointer,
                before: Some(Value::Bool(true)),
                after: None,
                made: None,
                ..FieldChange::default()
            };
            let object = reference(k, &found, name);
            identity::know(&cx, &cluster).await?;
            cx.undo(
                format!("uncordon node {name}"),
                Undo::Restore { object, subresource: None, fields: vec![change], owners: Vec::new() },
            )?;
        }
        node::uncordon(&cluster, name).await.map(|()| true)
    })?)
}

/// Whether this run cordoned the node, so that opening it needs no undo of its own.
fn cordoned_here(cx: &Context, k: &ClusterHandle, name: &str) -> bool {
    cx.world
        .ledger
        .open_rows()
        .iter()
        .any(|row| matches!(&row.undo, Undo::Uncordon { object } if object.cluster == k.name() && object.name == name))
}

fn drain(ctx: &NativeCallContext, k: &ClusterHandle, name: &str, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let options = Options::new(options, DRAIN, OPTIONS)?;
    let how = DrainOptions {
        force: options.bool("force")?.unwrap_or(false),
        delete_emptydir_data: options.bool("delete_emptydir_data")?.unwrap_or(false),
        grace: grace(&options)?,
    };
    let (within, limit) = patience(&cx, options.duration("within")?, None);
    let call = k
        .call("kube.drain", Effect::Disrupt, &explain(name, &how))
        .args(json!({ "node": name, "force": how.force, "delete_emptydir_data": how.delete_emptydir_data,
            "grace": how.grace }))
        .limit(limit);
    let summary = |d: &Drained| format!("{} evicted, {} stay", d.evicted.len(), d.skipped.len());
    let drained = cx.call_with(ctx, call, summary, async {
        let cluster = k.connection(&cx).await?;
        let found = node::get(&cluster, name).await?;
        // What forbids the drain is found before anything is written, also into the ledger.
        plan_of(&cluster, name, &how).await?;
        if !node::is_cordoned(&found) {
            identity::know(&cx, &cluster).await?;
            cx.undo(format!("drain node {name}"), Undo::Uncordon { object: reference(k, &found, name) })?;
        }
        empty(&cluster, name, &how, within, &*cx.world.clock).await
    })?;
    let list = |pods: Vec<String>| Dynamic::from_array(pods.into_iter().map(Dynamic::from).collect());
    let mut map = Map::new();
    map.insert("evicted".into(), list(drained.evicted));
    map.insert("skipped".into(), list(drained.skipped));
    Ok(map)
}

/// Seconds, or a duration.
fn grace(options: &Options) -> Result<Option<u64>> {
    match options.value("grace")? {
        Some(value) if value.is_int() => options.count("grace"),
        Some(_) => Ok(options.duration("grace")?.map(|span| span.as_secs())),
        None => Ok(None),
    }
}

fn explain(name: &str, how: &DrainOptions) -> String {
    let mut words = vec!["drain", name, "--ignore-daemonsets"];
    if how.force {
        words.push("--force");
    }
    if how.delete_emptydir_data {
        words.push("--delete-emptydir-data");
    }
    let grace = how.grace.map(|grace| format!("--grace-period={grace}"));
    words.extend(grace.as_deref());
    kubectl(None, words)
}

fn reference(k: &ClusterHandle, node: &Value, name: &str) -> ObjectRef {
    ObjectRef {
        cluster: k.name().into(),
        api_version: "v1".into(),
        kind: "Node".into(),
        plural: "nodes".into(),
        namespace: None,
        name: name.into(),
        uid: node.pointer("/metadata/uid").and_then(Value::as_str).map(Into::into),
    }
}
