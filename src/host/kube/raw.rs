//! `raw`: any request by method and path, judged by what it would do, like every other call.

use rhai::{Dynamic, NativeCallContext};
use serde_json::{Value, json};

use super::apply::parsed;
use super::cluster::{ClusterHandle, Spot};
use super::manifest::{self, label_value};
use super::{RUN_LABEL, change, diff, judge};
use crate::client::kube::{Cluster, Resource, quoted};
use crate::error::{Error, Kind, Result};
use crate::event::{Effect, ObjectRef};
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
             list is a JSON patch, a map a merge patch. Label and ledger as with `create` and `patch`.",
        )
        .example(r#"kube("infra").raw("GET", "/api/v1/namespaces/default").metadata.name == "default""#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, method: &str, path: &str| raw(&at, k, method, path, &Dynamic::UNIT))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, method: &str, path: &str, body: Dynamic| raw(&at, k, method, path, &body));
}

/// What a path of the API means.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ApiPath<'a> {
    group: &'a str,
    version: &'a str,
    namespace: Option<&'a str>,
    plural: &'a str,
    name: Option<&'a str>,
    subresource: Option<&'a str>,
}

impl<'a> ApiPath<'a> {
    /// None for what is no object or collection: `/version`, `/healthz`, `/apis`.
    fn read(path: &'a str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or(path);
        let mut parts = path.trim_start_matches('/').split('/').filter(|p| !p.is_empty());
        let (group, version) = match parts.next()? {
            "api" => ("", parts.next()?),
            "apis" => (parts.next()?, parts.next()?),
            _ => return None,
        };
        let rest: Vec<&str> = parts.collect();
        let (namespace, rest) = match rest.as_slice() {
            // /namespaces/NAME/status is the namespace's own subresource, not a kind in it.
            ["namespaces", namespace, plural, rest @ ..] if !matches!(*plural, "status" | "finalize") => {
                (Some(*namespace), [&[*plural], rest].concat())
            }
            all => (None, all.to_vec()),
        };
        let mut rest = rest.into_iter();
        Some(Self { group, version, namespace, plural: rest.next()?, name: rest.next(), subresource: rest.next() })
    }

    fn object(&self, cluster: &str) -> Option<ObjectRef> {
        let api_version =
            if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) };
        Some(ObjectRef {
            cluster: cluster.into(),
            api_version,
            kind: self.plural.into(),
            plural: self.plural.into(),
            namespace: self.namespace.map(Into::into),
            name: self.name?.into(),
            uid: None,
        })
    }
}

/// Subresources behind which anything may happen.
const OPAQUE: &[&str] = &["exec", "attach", "portforward", "proxy"];
/// Questions that are asked by creating.
const REVIEWS: &[&str] = &[
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "tokenreviews",
    "selfsubjectreviews",
];

fn judged(cx: &Context, cluster: &str, method: &str, path: &str, body: &Value) -> Effect {
    let api = ApiPath::read(path);
    let opaque = api.as_ref().and_then(|p| p.subresource).is_some_and(|s| OPAQUE.contains(&s));
    let object = api.as_ref().and_then(|p| p.object(cluster));
    match (method, &api, &object) {
        // A proxied path counts as what is asked of it; only its object is known here.
        (_, Some(_), _) if opaque => Effect::Write,
        ("GET" | "HEAD" | "OPTIONS", ..) => Effect::Read,
        ("POST", Some(p), None) if REVIEWS.contains(&p.plural) => Effect::Read,
        ("POST", Some(_), None) => Effect::Write,
        ("PATCH", _, Some(object)) if body.is_object() => judge::merging(cx, object, body),
        ("PUT", Some(ApiPath { subresource: Some("finalize"), .. }), Some(object)) => judge::deleting(cx, object),
        ("POST" | "PUT" | "PATCH", _, Some(object)) => judge::changing(cx, object),
        ("DELETE", _, Some(object)) => judge::deleting(cx, object),
        // Whole collections: the run's own only in a namespace that the run created.
        ("DELETE", Some(p), None) => match p.namespace {
            Some(namespace) => judge::deleting(cx, &collection_in(cluster, p, namespace)),
            None => Effect::Destroy,
        },
        ("POST", None, _) => Effect::Disrupt,
        _ => Effect::Destroy,
    }
}

fn collection_in(cluster: &str, path: &ApiPath<'_>, namespace: &str) -> ObjectRef {
    ObjectRef {
        cluster: cluster.into(),
        api_version: path.version.into(),
        kind: path.plural.into(),
        plural: path.plural.into(),
        namespace: Some(namespace.into()),
        name: String::new(),
        uid: None,
    }
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
    if creates {
        json = labelled(json, &cx)?;
    }
    let line = line_of(&method, path, &json);
    let call = k.call("kube.raw", effect, &line).args(json!({ "method": method, "path": path, "body": json }));
    cx.check()?;
    cx.admit(&call)?;
    let text = cx.call_with(at, call, |text: &String| format!("{} bytes", text.len()), async {
        let cluster = k.connection(&cx).await?;
        match api {
            Some(api) if creates => create(&cx, k, &cluster, &api, path, json).await,
            Some(api) if matches!(method.as_str(), "PUT" | "PATCH") && api.name.is_some() => {
                replace(&cx, k, &cluster, &api, &method, path, &json).await
            }
            _ => {
                let body = (!json.is_null()).then(|| ("application/json", json.to_string()));
                cluster.raw(&method, path, body).await
            }
        }
    })?;
    Ok(serde_json::from_str::<Value>(&text).map_or_else(|_| text.into(), |value| to_dynamic(&value)))
}

/// Marks what is about to be created as the run's; it needs a name that is known before.
fn labelled(mut json: Value, cx: &Context) -> Result<Value> {
    if !json.is_object() {
        return Err(Error::new(Kind::Invalid, "cluster.raw: a POST to a collection needs an object as its body"));
    }
    let named = json.pointer("/metadata/name").and_then(Value::as_str).is_some_and(|n| !n.is_empty());
    if !named {
        return Err(Error::new(Kind::Invalid, "cluster.raw: the object needs metadata.name")
            .hint("create() takes generateName, and knows the name before the server does"));
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
    let row = change::creating(cx, &object);
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
    let row = if harmless || cx.world.ledger.is_ours(&object) {
        None
    } else {
        let before = cluster.get(&spot.resource, spot.namespace.as_deref(), name, api.subresource).await?;
        let joint = if path.contains('?') { '&' } else { '?' };
        let after = send(format!("{path}{joint}dryRun=All")).await?;
        let fields = diff::changes(&parsed(&before)?, &parsed(&after)?, api.subresource);
        change::changing(cx, if method == "PUT" { "replace" } else { "patch" }, &object, api.subresource, fields)
    };
    let result = send(path.to_string()).await;
    change::settle(cx, row.as_ref(), result.as_ref().err());
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
    use crate::event::Undo;
    use crate::host::testing;

    #[test]
    fn a_path_says_what_it_is_about() {
        let pod = ApiPath::read("/api/v1/namespaces/web/pods/a/eviction?x=1").expect("an object");
        assert_eq!(
            (pod.namespace, pod.plural, pod.name, pod.subresource),
            (Some("web"), "pods", Some("a"), Some("eviction"))
        );
        let namespace = ApiPath::read("/api/v1/namespaces/web").expect("an object");
        assert_eq!((namespace.namespace, namespace.plural, namespace.name), (None, "namespaces", Some("web")));
        let status = ApiPath::read("/api/v1/namespaces/web/finalize").expect("a subresource");
        assert_eq!((status.plural, status.subresource), ("namespaces", Some("finalize")));
        assert_eq!(ApiPath::read("/version"), None);
    }

    #[test]
    fn a_request_is_judged_by_what_it_does() {
        let world = testing::world(crate::config::Config::default());
        let cx = Context::new(world.clone(), "t/s", None, Effect::Destroy, None);
        let own = ApiPath::read("/api/v1/namespaces/pb-x").and_then(|p| p.object("infra")).expect("a namespace");
        let row = cx.undo("create", Undo::Delete { object: own });
        world.ledger.created(row.row, "u");
        let refresh = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
        let none = Value::Null;
        let cases = [
            ("GET", "/api/v1/pods", &none, Effect::Read),
            ("GET", "/api/v1/namespaces/web/pods/a/exec?command=rm", &none, Effect::Write),
            ("GET", "/api/v1/namespaces/web/services/a:80/proxy/x", &none, Effect::Write),
            ("POST", "/api/v1/namespaces/web/pods", &none, Effect::Write),
            ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &none, Effect::Read),
            ("POST", "/api/v1/namespaces/web/pods/a/eviction", &none, Effect::Disrupt),
            ("POST", "/api/v1/namespaces/pb-x/pods/a/eviction", &none, Effect::Write),
            ("PATCH", "/api/v1/namespaces/web/pods/a", &none, Effect::Disrupt),
            ("PATCH", "/apis/x.io/v1/namespaces/web/things/a", &refresh, Effect::Write),
            ("PUT", "/api/v1/namespaces/web/finalize", &none, Effect::Destroy),
            ("PUT", "/api/v1/nodes/n1/status", &none, Effect::Disrupt),
            ("DELETE", "/api/v1/namespaces/web/pods/a", &none, Effect::Destroy),
            ("DELETE", "/api/v1/namespaces/pb-x/pods/a", &none, Effect::Write),
            ("DELETE", "/api/v1/namespaces/pb-x/pods", &none, Effect::Write),
            ("DELETE", "/api/v1/namespaces/web/pods", &none, Effect::Destroy),
            ("DELETE", "/api/v1/nodes", &none, Effect::Destroy),
            ("CONNECT", "/api/v1/nodes", &none, Effect::Destroy),
        ];
        for (method, path, body, effect) in cases {
            assert_eq!(judged(&cx, "infra", method, path, body), effect, "{method} {path}");
        }
        assert_eq!(judged(&cx, "apps", "DELETE", "/api/v1/namespaces/pb-x/pods/a", &none), Effect::Destroy);
    }
}
