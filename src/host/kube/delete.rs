//! `delete`: of what this run created it is `write`, of anything else `destroy`.

use rhai::{Map, NativeCallContext};
use serde_json::json;

use super::cluster::ClusterHandle;
use super::judge;
use crate::client::kube::{Change, Delete, Meta, Page, Query};
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};
use crate::event::{Effect, What, short};
use crate::host::call::{CALL_LIMIT, Limit};
use crate::host::context::{Context, HostResult};
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const OPTIONS: &[&str] = &["namespace", "wait", "grace", "propagation"];

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "delete")
        .sig("(kind: string, name: string, options?: map)")
        .options(OPTIONS)
        .effect(Effect::Destroy)
        .doc(
            "Deletes an object. `options`: `namespace`; `wait` (true: until it is gone, as long as the step has, or a \
             duration; default false); `grace` (seconds or a duration that a pod gets to end); `propagation` (`background`, \
             `foreground`, `orphan`). Deleting what this run created is `write`, anything else `destroy`, which nothing \
             undoes. Throws `not_found` where it is not there.",
        )
        .example(
            r#"let k = kube("infra");
let cm = k.create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ generateName: "doc-delete-", namespace: "default" } });
k.delete("cm", cm.name, #{ namespace: "default", wait: true });
k.find("cm", cm.name, #{ namespace: "default" }) == ()"#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str| delete(&at, k, kind, name, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, options: Map| delete(&at, k, kind, name, options));
}

fn delete(at: &NativeCallContext, k: &ClusterHandle, kind: &str, name: &str, options: Map) -> HostResult<()> {
    let cx = Context::current()?;
    let options = Options::new(options, "cluster.delete", OPTIONS)?;
    let wait = match options.value("wait")? {
        None => None,
        Some(v) => match v.as_bool() {
            Ok(false) => None,
            Ok(true) => Some(Limit::Step),
            Err(_) => options.duration("wait")?.map(Limit::Within),
        },
    };
    let grace = match options.value("grace")? {
        Some(v) if v.is_int() => options.count("grace")?.map(|s| i64::try_from(s).unwrap_or(i64::MAX)),
        Some(_) => options.duration("grace")?.map(|d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)),
        None => None,
    };
    let propagation = match options.string("propagation")?.as_deref() {
        None => None,
        Some("background") => Some("Background".to_string()),
        Some("foreground") => Some("Foreground".to_string()),
        Some("orphan") => Some("Orphan".to_string()),
        Some(other) => {
            let error = Error::new(Kind::Script, format!("cluster.delete: there is no propagation \"{other}\""));
            return Err(error.hint("background, foreground or orphan").into());
        }
    };
    let spot = k.spot(&cx, at, kind, options.string("namespace")?)?;
    spot.resource.check(spot.namespace.as_deref(), name)?;
    let object = k.object(&spot, name);
    let mut line = format!("delete {} {}", quoted(kind), quoted(name));
    if let Some(namespace) = &spot.namespace {
        line.push_str(&format!(" -n {}", quoted(namespace)));
    }
    line.push_str(&format!(" --wait={}", wait.is_some()));
    if let Some(grace) = grace {
        line.push_str(&format!(" --grace-period={grace}"));
    }
    if let Some(propagation) = &propagation {
        line.push_str(&format!(" --cascade={}", propagation.to_lowercase()));
    }
    let how = Delete { propagation, grace, uid: None };
    let call = k
        .call("kube.delete", judge::deleting(&cx, &object), &line)
        .args(json!({ "resource": spot.resource.qualified(), "namespace": spot.namespace, "name": name, "how": how, "wait": wait.is_some() }))
        .limit(wait.unwrap_or(Limit::Within(CALL_LIMIT)));
    let waits = wait.is_some();
    cx.call_with(at, call, |()| format!("deleted {object}"), async {
        let cluster = k.connection(&cx).await?;
        if !waits {
            return cluster.delete(&spot.resource, spot.namespace.as_deref(), name, &how).await;
        }
        // The uid is what goes: a successor of the same name does not count.
        let before = cluster.get(&spot.resource, spot.namespace.as_deref(), name, None).await?;
        let uid = Meta::of(&before).uid;
        let how = Delete { uid: Some(uid.clone()), ..how };
        cluster.delete(&spot.resource, spot.namespace.as_deref(), name, &how).await?;
        let query = Query {
            namespace: spot.namespace.clone(),
            fields: Some(format!("metadata.name={name}")),
            ..Query::default()
        };
        gone(&cx, cluster.watch(&spot.resource, query), &uid).await
    })?;
    Ok(())
}

/// Ends when no object with this uid is left.
async fn gone(cx: &Context, mut watch: crate::client::kube::Watch, uid: &str) -> Result<()> {
    let started = cx.world.clock.instant();
    let same = |text: &str| Meta::of(text).uid == uid;
    loop {
        let left = match watch.next().await? {
            Change::Listed(pages) => pages.iter().flat_map(Page::texts).any(same),
            Change::Set(text) => same(&text),
            Change::Gone(text) => !same(&text),
        };
        if !left {
            return Ok(());
        }
        let waited = cx.world.clock.instant().saturating_duration_since(started);
        cx.emit(What::Waiting { message: format!("it is still there after {}", short(waited)) });
    }
}
