//! What a request asks for, as an authorizer sees it: verb, resource, namespace, name; or a path.
//!
//! Source: k8s.io/apiserver `pkg/endpoints/request/requestinfo.go`, `pkg/endpoints/handlers/responsewriters/errors.go`.

use http::Method;
use serde_json::{Value, json};

use super::Who;
use crate::lab::kube::refusal::{Named, Refusal};
use crate::lab::kube::verbs::Query;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// Empty where a path is asked for.
    pub(crate) resource: String,
    pub(crate) sub: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The address, where it is none of a resource.
    pub(crate) path: String,
}

impl Attributes {
    pub(crate) fn of_resource(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The same of a part of the resource.
    pub(crate) fn part(self, sub: &str) -> Self {
        Self { sub: sub.to_owned(), ..self }
    }

    /// What the `spec` of a review asks for.
    pub(crate) fn of_review(spec: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let plain = &spec["nonResourceAttributes"];
        if plain.is_object() {
            return Self { verb: text(&plain["verb"]), path: text(&plain["path"]), ..Self::default() };
        }
        let of = &spec["resourceAttributes"];
        Self {
            verb: text(&of["verb"]),
            group: text(&of["group"]),
            resource: text(&of["resource"]),
            sub: text(&of["subresource"]),
            namespace: text(&of["namespace"]),
            name: text(&of["name"]),
            path: String::new(),
        }
    }

    /// What a request asks for.
    pub(crate) fn of_request(method: &Method, path: &[String], query: &Query) -> Self {
        let whole =
            || Self { verb: method.as_str().to_lowercase(), path: format!("/{}", path.join("/")), ..Self::default() };
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] if !rest.is_empty() => ("", rest),
            ["apis", group, _, rest @ ..] if !rest.is_empty() => (*group, rest),
            _ => return whole(),
        };
        let (watched, rest) = match rest {
            ["watch", rest @ ..] if !rest.is_empty() => (true, rest),
            rest => (false, rest),
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace] => (*namespace, rest),
            ["namespaces", namespace, "status" | "finalize", ..] => (*namespace, rest),
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let at = |place: usize| rest.get(place).copied().unwrap_or_default();
        let mut name = at(1);
        let selected = query.get("fieldSelector").and_then(|fields| fields.strip_prefix("metadata.name="));
        let verb = match *method {
            _ if watched => "watch",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if name.is_empty() => "deletecollection",
            Method::DELETE => "delete",
            _ if name.is_empty() && query.is("watch") => "watch",
            _ if name.is_empty() => "list",
            _ => "get",
        };
        if let (true, "list" | "watch", Some(selected)) = (name.is_empty(), verb, selected) {
            name = selected;
        }
        Self::of_resource(verb, group, at(0), namespace, name).part(at(2))
    }

    /// The resource, with the part of it: `pods/log`.
    pub(crate) fn combined(&self) -> String {
        if self.sub.is_empty() { self.resource.clone() } else { format!("{}/{}", self.resource, self.sub) }
    }

    /// The server's words for no.
    pub(crate) fn forbidden(&self, who: &Who) -> Box<Refusal> {
        let (user, verb) = (&who.user, &self.verb);
        if self.resource.is_empty() {
            let why = format!("forbidden: User {user:?} cannot {verb} path {:?}", self.path);
            let mut refusal = Refusal::new(403, "Forbidden", why);
            refusal.details = Some(json!({}));
            return refusal;
        }
        let place = match self.namespace.as_str() {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {namespace:?}"),
        };
        let (combined, group) = (self.combined(), &self.group);
        let why = format!("User {user:?} cannot {verb} resource {combined:?} in API group {group:?} {place}");
        Refusal::forbidden(&Named { group, kind: &self.resource, name: &self.name }, &why)
    }
}
