//! `raw`: any request by method and path, judged by what it would do, like every other call.

use rhai::{Dynamic, NativeCallContext};
use serde_json::{Value, json};

use super::apply::parsed;
use super::change::Trial;
use super::cluster::{ClusterHandle, Spot};
use super::manifest::{self, label_value};
use super::path::{ApiPath, OPAQUE, judged};
use super::{RUN_LABEL, change, judge, secrets};
use crate::client::kube::{Cluster, FIELD_MANAGER, Resource};
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::registrar::Registrar;
use crate::host::values::to_dynamic;

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "raw")
        .sig("(method: string, path: string, body?: map | list | string) -> any")
        .effect(Effect::Destroy)
        .doc(
            "Sends any request to the API server; gives parsed JSON, or text where the answer is none. It is judged by method \
             and path as the function would be that does the same: reading is `read`; creating, and whatever touches only what \
             this run created, `write`; changing others' objects, eviction and binding `disrupt`; deleting others' objects or \
             a whole collection `destroy`. Proxies, `exec` and their like are `write`. A PATCH takes its type from the body: a \
             list is a JSON patch, a map a merge patch. Throws `not_found` for an object that is not there, `unknown_kind` for a path that \
             the server does not have, with the part that it lacks. Label and ledger as with `create` and `patch`.",
        )
        .example(r#"kube("infra").raw("GET", "/api/v1/namespaces/default").metadata.name == "default""#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, method: &str, path: &str| raw(&at, k, method, path, &Dynamic::UNIT))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, method: &str, path: &str, body: Dynamic| raw(&at, k, method, path, &body));
}

fn raw(at: &NativeCallContext, k: &ClusterHandle, method: &str, path: &str, body: &Dynamic) -> HostResult<Dynamic> {
    let cx = Context::current()?;
    let method = method.to_uppercase();
    let mut json = if body.is_string() {
        let text = body.to_string();
        serde_json::from_str(&text).map_err(|e| {
            Box::<rhai::EvalAltResult>::from(Error::new(Kind::Script, "cluster.raw: the body is not JSON").because(e))
        })?
    } else {
        manifest::exposed(body)
    };
    if path
        .split('?')
        .next()
        .is_some_and(|p| p.split('/').any(|part| part == ".." || part.contains("%2F") || part.contains("%2f")))
    {
        return Err(
            Error::new(Kind::Invalid, format!("cluster.raw: the path {path} could mean another than it says")).into()
        );
    }
    let effect = judged(&cx, k.name(), &method, path, &json);
    let api = ApiPath::read(path);
    let creates = method == "POST" && effect == Effect::Write && api.as_ref().is_some_and(|p| p.name.is_none());
    let managed = managed(&method, path, api.as_ref());
    let path = managed.as_str();
    let api = ApiPath::read(path);
    if creates {
        json = labelled(json, &cx)?;
    }
    let secret = api.as_ref().is_some_and(|api| api.group.is_empty() && api.plural == "secrets");
    secrets::learn(&cx.world.redactor, &json, secret);
    let shown = secrets::masked(json.clone(), secret);
    let line = line_of(&method, path, &shown);
    let call = k.call("kube.raw", effect, &line).args(json!({ "method": method, "path": path, "body": shown }));
    cx.check()?;
    cx.admit(&call)?;
    let text = cx.call_with(at, call, |text: &String| format!("{} bytes", text.len()), async {
        let cluster = k.connection(&cx).await?;
        let answer = match api {
            Some(api) if creates => create(&cx, k, &cluster, &api, path, json).await,
            Some(api) if matches!(method.as_str(), "PUT" | "PATCH") && api.name.is_some() => {
                replace(&cx, k, &cluster, &api, &method, path, &json).await
            }
            _ => {
                let body = (!json.is_null()).then(|| ("application/json", json.to_string()));
                cluster.raw(&method, path, body).await
            }
        };
        if let Ok(text) = &answer {
            secrets::learn_text(&cx.world.redactor, text, secret);
        }
        answer
    })?;
    Ok(serde_json::from_str::<Value>(&text).map_or_else(|_| text.into(), |value| to_dynamic(&value)))
}

/// The path with pb as the manager of the fields that are written, where the request names none itself.
fn managed(method: &str, path: &str, api: Option<&ApiPath<'_>>) -> String {
    let writes = matches!(method, "POST" | "PUT" | "PATCH")
        && api.is_some_and(|api| api.subresource.is_none_or(|s| !OPAQUE.contains(&s)));
    match path.split_once('?') {
        _ if !writes => path.into(),
        Some((_, query)) if query.split('&').any(|p| p.starts_with("fieldManager=")) => path.into(),
        Some(_) => format!("{path}&fieldManager={FIELD_MANAGER}"),
        None => format!("{path}?fieldManager={FIELD_MANAGER}"),
    }
}

/// Marks what is about to be created as the run's; it needs a name that is known before.
fn labelled(mut json: Value, cx: &Context) -> Result<Value> {
    if !json.is_object() {
        return Err(Error::new(Kind::Invalid, "cluster.raw: a POST to a collection needs an object as its body"));
    }
    manifest::generate_name(&mut json, &cx.world);
    let named = json.pointer("/metadata/name").and_then(Value::as_str).is_some_and(|n| !n.is_empty());
    if !named {
        return Err(Error::new(Kind::Invalid, "cluster.raw: the object needs metadata.name")
            .hint("or metadata.generateName, of which pb makes a name that it knows before the server does"));
    }
    if !json["metadata"]["labels"].is_object() {
        json["metadata"]["labels"] = json!({});
    }
    json["metadata"]["labels"][RUN_LABEL] = label_value(&cx.world.run).into();
    Ok(json)
}

async fn spot_of(cluster: &Cluster, api: &ApiPath<'_>) -> Result<Spot> {
    let resource: Resource = cluster.resolve_path(api.group, api.version, api.plural).await?;
    Ok(Spot { resource, namespace: api.namespace.map(Into::into) })
}

async fn create(
    cx: &Context,
    k: &ClusterHandle,
    cluster: &Cluster,
    api: &ApiPath<'_>,
    path: &str,
    json: Value,
) -> Result<String> {
    let spot = spot_of(cluster, api).await?;
    let object = k.object(&spot, json["metadata"]["name"].as_str().unwrap_or_default());
    let row = change::creating(cx, cluster, &object).await?;
    let result = cluster.raw("POST", path, Some(("application/json", json.to_string()))).await;
    change::created(cx, &row, &result);
    result
}

async fn replace(
    cx: &Context,
    k: &ClusterHandle,
    cluster: &Cluster,
    api: &ApiPath<'_>,
    method: &str,
    path: &str,
    json: &Value,
) -> Result<String> {
    let spot = spot_of(cluster, api).await?;
    let name = api.name.unwrap_or_default();
    let object = k.object(&spot, name);
    let content = match (method, json) {
        ("PATCH", Value::Array(_)) => "application/json-patch+json",
        ("PATCH", _) => "application/merge-patch+json",
        _ => "application/json",
    };
    let send = |path: String| async move { cluster.raw(method, &path, Some((content, json.to_string()))).await };
    let harmless = method == "PATCH" && judge::only_refreshes(json);
    let secret = spot.resource.kind == secrets::KIND;
    let row = if harmless || cx.world.ledger.is_ours(&object) {
        None
    } else {
        let before = cluster.get_whole(&spot.resource, spot.namespace.as_deref(), name, api.subresource).await?;
        let joint = if path.contains('?') { '&' } else { '?' };
        secrets::learn_text(&cx.world.redactor, &before, secret);
        let after = send(format!("{path}{joint}dryRun=All")).await?;
        let trial = Trial::of(parsed(&before)?, parsed(&after)?, json, api.subresource);
        let verb = if method == "PUT" { "replace" } else { "patch" };
        let row = change::changing(cx, cluster, verb, &object, api.subresource, &trial).await?;
        row.map(|row| (row, trial))
    };
    let result = send(path.to_string()).await;
    if let Some((row, trial)) = &row {
        change::changed(cx, Some(row), &trial.before, &result);
    }
    result
}

/// kubectl has `--raw` for reading, creating, replacing and deleting; a patch goes through its proxy.
fn line_of(method: &str, path: &str, body: &Value) -> String {
    let input = if body.is_null() { String::new() } else { format!(" -f - <<< {}", quoted(&body.to_string())) };
    match method {
        "GET" => format!("get --raw {}", quoted(path)),
        "POST" => format!("create --raw {}{input}", quoted(path)),
        "PUT" => format!("replace --raw {}{input}", quoted(path)),
        "DELETE" => format!("delete --raw {}{input}", quoted(path)),
        _ => {
            let data = if body.is_null() { String::new() } else { format!(" -d {}", quoted(&body.to_string())) };
            format!("proxy --port=8001 & curl -X {method}{data} {}", quoted(&format!("http://127.0.0.1:8001{path}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_path_says_who_writes_it() {
        for (method, path, expected) in [
            ("POST", "/api/v1/namespaces/web/configmaps", "/api/v1/namespaces/web/configmaps?fieldManager=pb"),
            ("PATCH", "/api/v1/nodes/n?dryRun=All", "/api/v1/nodes/n?dryRun=All&fieldManager=pb"),
            ("PUT", "/api/v1/nodes/n?fieldManager=me", "/api/v1/nodes/n?fieldManager=me"),
            ("POST", "/api/v1/namespaces/web/services/a/proxy/x", "/api/v1/namespaces/web/services/a/proxy/x"),
            ("GET", "/api/v1/nodes/n", "/api/v1/nodes/n"),
            ("POST", "/anything", "/anything"),
        ] {
            assert_eq!(managed(method, path, ApiPath::read(path).as_ref()), expected);
        }
    }
}
