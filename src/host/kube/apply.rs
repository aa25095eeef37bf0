//! `apply` and `create`: manifests become objects, labelled with the run, their deletion in the ledger first.

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::{Value, json};

use super::answer::{Found, one_or_list};
use super::change::Trial;
use super::cluster::{ClusterHandle, Spot, namespace_of};
use super::manifest::{self, Manifest};
use super::read::find_object;
use super::{change, judge, secrets};
use crate::client::kube::known_object;
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::object::Object;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const OF_APPLY: &[&str] = &["namespace", "force"];
const OF_CREATE: &[&str] = &["namespace"];

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "apply")
        .sig("(manifest: string | map | list, options?: map) -> object | list")
        .options(OF_APPLY)
        .effect(Effect::Disrupt)
        .doc(
            "Applies manifests on the server's side, as field manager `pb`: YAML text (one or many documents), the name of a \
             file beside the playbook, a map, or a list of these. `options`: `namespace` for manifests that name none, `force` \
             to take fields over from other managers. Creating is `write`, and so is changing what this run created; applying \
             over what was there before is `disrupt`. What is created gets the label `pb.run`, and its deletion is in the \
             ledger before; for what was there, the fields' former values are. `generateName` becomes a name that ends with \
             the run's mark. Gives the object; a list for what is one: a list, a `kind: List` or \
             text of several documents, even with a single object in it.",
        )
        .example(
            r#"let cm = kube("infra").apply(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ generateName: "doc-apply-" }, data: #{ a: "1" } },
    #{ namespace: "default" });
cm.data.a == "1""#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, manifest: Dynamic| apply(&at, k, &manifest, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, manifest: Dynamic, options: Map| apply(&at, k, &manifest, options));
    m.method("cluster", "create")
        .sig("(manifest: string | map | list, options?: map) -> object | list")
        .options(OF_CREATE)
        .effect(Effect::Write)
        .doc(
            "Creates objects from manifests (as `apply` takes them), and throws `conflict` where one exists. `options`: \
             `namespace` for manifests that name none. Label, ledger and `generateName` as with `apply`. Clean-up waits until \
             the object is gone; a workload's pods end at once, and a StatefulSet's volume claims go with it.",
        )
        .example(
            r#"let cm = kube("infra").create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ generateName: "doc-create-", namespace: "default" } });
cm.name.starts_with("doc-create-")"#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, manifest: Dynamic| create(&at, k, &manifest, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, manifest: Dynamic, options: Map| create(&at, k, &manifest, options));
}

fn apply(at: &NativeCallContext, k: &ClusterHandle, value: &Dynamic, options: Map) -> HostResult<Dynamic> {
    let cx = Context::current()?;
    let options = Options::new(options, "cluster.apply", OF_APPLY)?;
    let (namespace, force) = (options.string("namespace")?, options.bool("force")?.unwrap_or(false));
    let mut objects = Vec::new();
    let manifests = manifest::read(&cx, at, value, "cluster.apply")?;
    for manifest in manifests.all {
        let (spot, manifest) = settled(&cx, at, k, manifest, namespace.clone())?;
        objects.push(apply_one(&cx, at, k, &spot, manifest, force)?);
    }
    Ok(one_or_list(objects, manifests.listed, &format!("applied objects on {}", k.name())))
}

fn create(at: &NativeCallContext, k: &ClusterHandle, value: &Dynamic, options: Map) -> HostResult<Dynamic> {
    let cx = Context::current()?;
    let namespace = Options::new(options, "cluster.create", OF_CREATE)?.string("namespace")?;
    let mut objects = Vec::new();
    let manifests = manifest::read(&cx, at, value, "cluster.create")?;
    for manifest in manifests.all {
        let (spot, manifest) = settled(&cx, at, k, manifest, namespace.clone())?;
        objects.push(create_one(&cx, at, k, &spot, manifest)?);
    }
    Ok(one_or_list(objects, manifests.listed, &format!("created objects on {}", k.name())))
}

/// Finds the kind and the namespace of a manifest.
fn settled(
    cx: &Context,
    at: &NativeCallContext,
    k: &ClusterHandle,
    mut manifest: Manifest,
    default: Option<String>,
) -> Result<(Spot, Manifest)> {
    if let (Some(own), Some(wanted)) = (&manifest.namespace, &default)
        && own != wanted
    {
        return Err(Error::new(
            Kind::Invalid,
            format!(
                "{} {}: the manifest names the namespace {own}, the options {wanted}",
                manifest.kind, manifest.name
            ),
        ));
    }
    let namespace = manifest.namespace.clone().or(default);
    let spot = match known_object(&manifest.api_version, &manifest.kind) {
        Some(resource) if namespace.is_some() || !resource.namespaced => {
            let namespace = namespace.filter(|_| resource.namespaced);
            Spot { resource, namespace }
        }
        _ => {
            let line = format!("explain {} --api-version {}", quoted(&manifest.kind), quoted(&manifest.api_version));
            let args = json!({ "api_version": manifest.api_version, "kind": manifest.kind, "namespace": namespace });
            cx.call(at, k.call("kube.resolve", Effect::Read, &line).args(args), async {
                let cluster = k.connection(cx).await?;
                let resource = cluster.resolve_object(&manifest.api_version, &manifest.kind).await?;
                let namespace = namespace_of(&cluster, &resource, namespace);
                Ok(Spot { resource, namespace })
            })?
        }
    };
    spot.resource.check(spot.namespace.as_deref(), &manifest.name)?;
    manifest.settle(spot.namespace.as_deref());
    Ok((spot, manifest))
}

/// Creates one object. Other host functions that make objects of their own go through here too.
pub(crate) fn create_one(
    cx: &Context,
    at: &NativeCallContext,
    k: &ClusterHandle,
    spot: &Spot,
    mut manifest: Manifest,
) -> Result<Object> {
    manifest.label(&cx.world);
    let object = k.object(spot, &manifest.name);
    let call = k
        .call("kube.create", Effect::Write, &line("create -f -", &manifest))
        .args(json!({ "manifest": shown(&manifest) }));
    cx.check()?;
    cx.admit(&call)?;
    let found = cx.call_with(at, call, |_: &Found| format!("created {object}"), async {
        let cluster = k.connection(cx).await?;
        let row = change::creating(cx, &cluster, &object).await?;
        let body = manifest.json.to_string();
        let result = cluster.create(&spot.resource, spot.namespace.as_deref(), &manifest.name, body).await;
        change::created(cx, &row, &result);
        Ok(Found::new(cx, result?, &spot.resource))
    })?;
    found.object(k.name())
}

fn apply_one(
    cx: &Context,
    at: &NativeCallContext,
    k: &ClusterHandle,
    spot: &Spot,
    mut manifest: Manifest,
    force: bool,
) -> Result<Object> {
    let object = k.object(spot, &manifest.name);
    let before = find_object(cx, at, k, &qualified(spot), &manifest.name, spot.namespace.clone())?;
    let ours = cx.world.ledger.is_ours(&object);
    // The label makes an object the run's to delete: what was there before does not get it.
    if before.is_none() || ours {
        manifest.label(&cx.world);
    }
    let effect = if before.is_none() { Effect::Write } else { judge::changing(cx, &object) };
    let forced = if force { " --force-conflicts" } else { "" };
    let call = k
        .call("kube.apply", effect, &line(&format!("apply --server-side --field-manager=pb{forced} -f -"), &manifest))
        .args(json!({ "manifest": shown(&manifest), "force": force }));
    cx.check()?;
    cx.admit(&call)?;
    let body = manifest.json.to_string();
    let found = cx.call_with(at, call, |_: &Found| format!("applied {object}"), async {
        let cluster = k.connection(cx).await?;
        let send =
            |dry| cluster.apply(&spot.resource, spot.namespace.as_deref(), &manifest.name, body.clone(), force, dry);
        let result = match before {
            None => {
                let row = change::creating(cx, &cluster, &object).await?;
                let result = send(false).await.map(|applied| applied.text);
                change::created(cx, &row, &result);
                result
            }
            Some(_) if ours => send(false).await.map(|applied| applied.text),
            Some(before) => {
                // Tried out first: the server alone knows what an apply makes of the object. Whose fields it takes the
                // account says, which is read once more, for what a script gets has none.
                let after = parsed(&send(true).await?.text)?;
                let namespace = spot.namespace.as_deref();
                let before = match cluster.get_whole(&spot.resource, namespace, &manifest.name, None).await {
                    Ok(whole) => parsed(&whole)?,
                    Err(_) => parsed(&before.text)?,
                };
                let trial = Trial::of(before, after, &manifest.json, None);
                let row = change::changing(cx, &cluster, "apply", &object, None, &trial).await?;
                let result = send(false).await.map(|applied| applied.text);
                change::changed(cx, row.as_ref(), &trial.before, &result);
                result
            }
        };
        Found::changed(cx, result?, &spot.resource)
    });
    found.map_err(|e| conflict_hint(e, force))?.object(k.name())
}

fn conflict_hint(error: Error, force: bool) -> Error {
    if error.kind == Kind::Conflict && !force && error.hints.is_empty() {
        return error.hint("#{ force: true } takes the fields over from their managers");
    }
    error
}

pub(super) fn parsed(text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|e| Error::new(Kind::Unreadable, "the answer is not an object in JSON").because(e))
}

/// A name of the kind that leaves no doubt about group and version.
fn qualified(spot: &Spot) -> String {
    let r = &spot.resource;
    format!("{}.{}.{}", r.plural, r.version, r.group)
}

fn line(verb: &str, manifest: &Manifest) -> String {
    format!("{verb} <<< {}", quoted(&shown(manifest).to_string()))
}

/// The manifest as events and `--explain` show it: a Secret's content is left out.
fn shown(manifest: &Manifest) -> Value {
    secrets::masked(manifest.json.clone(), false)
}
