//! A path of the API: what it is about, and what a request to it would do.

use serde_json::Value;

use super::judge;
use crate::event::{Effect, ObjectRef};
use crate::host::context::Context;

/// What a path of the API means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiPath<'a> {
    pub(super) group: &'a str,
    pub(super) version: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) plural: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) subresource: Option<&'a str>,
}

impl<'a> ApiPath<'a> {
    /// None for what is no object or collection: `/version`, `/healthz`, `/apis`.
    pub(super) fn read(path: &'a str) -> Option<Self> {
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
pub(super) const OPAQUE: &[&str] = &["exec", "attach", "portforward", "proxy"];
/// Questions that are asked by creating.
const REVIEWS: &[&str] = &[
    "selfsubjectaccessreviews",
    "selfsubjectrulesreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "tokenreviews",
    "selfsubjectreviews",
];

/// What a request would do.
pub(super) fn judged(cx: &Context, cluster: &str, method: &str, path: &str, body: &Value) -> Effect {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let row = cx.undo("create", Undo::Delete { object: own }).expect("noted");
        cx.created(row.row, "u");
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
