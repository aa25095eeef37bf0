//! Roles and bindings, evaluated: nothing is allowed that no rule allows.
//!
//! Source: k8s.io/kubernetes `plugin/pkg/auth/authorizer/rbac`, `pkg/registry/rbac/validation/rule.go`.

use serde_json::{Value, json};

use super::{Attributes, Who};
use crate::lab::kube::cluster::World;
use crate::lab::kube::select;
use crate::lab::kube::store::Place;

/// Why a user may do something; none where nothing allows it. The reason is empty where no role was asked.
pub(crate) fn allowed(world: &World, who: &Who, what: &Attributes) -> Option<String> {
    if who.is_master() {
        return Some(String::new());
    }
    bindings(world, who, &what.namespace)
        .find(|bound| role(world, bound).iter().any(|rule| takes(rule, what)))
        .map(|bound| format!("RBAC: allowed by {}", bound.told()))
}

/// Every rule that a user has in a namespace: those of resources, and those of paths.
pub(crate) fn rules(world: &World, who: &Who, namespace: &str) -> (Vec<Value>, Vec<Value>) {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in bindings(world, who, namespace).flat_map(|bound| role(world, &bound)) {
        let mut kept = json!({ "verbs": rule["verbs"] });
        if rule["resources"].is_array() {
            for key in ["apiGroups", "resources", "resourceNames"] {
                if rule[key].is_array() {
                    kept[key] = rule[key].clone();
                }
            }
            resources.push(kept);
        } else if rule["nonResourceURLs"].is_array() {
            kept["nonResourceURLs"] = rule["nonResourceURLs"].clone();
            paths.push(kept);
        }
    }
    (resources, paths)
}

/// A binding that names the user.
struct Bound<'a> {
    binding: &'a Value,
    subject: &'a Value,
    /// Of a RoleBinding; empty for one of the whole cluster.
    namespace: &'a str,
}

impl Bound<'_> {
    fn told(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, role) = (text(&self.binding["metadata"]["name"]), &self.binding["roleRef"]);
        let binding = match self.namespace {
            "" => format!("ClusterRoleBinding {name:?}"),
            namespace => format!("RoleBinding {:?}", format!("{name}/{namespace}")),
        };
        let (kind, mut subject) = (text(&self.subject["kind"]), text(&self.subject["name"]));
        if kind == "ServiceAccount" {
            let namespace = self.subject["namespace"].as_str().unwrap_or(self.namespace);
            subject = format!("{subject}/{namespace}");
        }
        format!("{binding} of {} {:?} to {kind} {subject:?}", text(&role["kind"]), text(&role["name"]))
    }
}

/// The bindings that name a user: the cluster's, then those of a namespace.
fn bindings<'a>(world: &'a World, who: &'a Who, namespace: &'a str) -> impl Iterator<Item = Bound<'a>> {
    let of = move |resource: &'static str, namespace: &'a str| {
        world.store.list(resource, namespace).filter_map(move |(_, stored)| {
            let subjects = stored.value["subjects"].as_array()?;
            let subject = subjects.iter().find(|subject| names(subject, who, namespace))?;
            Some(Bound { binding: &stored.value, subject, namespace })
        })
    };
    let own = (!namespace.is_empty()).then(|| of("rolebindings.rbac.authorization.k8s.io", namespace));
    of("clusterrolebindings.rbac.authorization.k8s.io", "").chain(own.into_iter().flatten())
}

/// Whether a subject is this user.
fn names(subject: &Value, who: &Who, namespace: &str) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => who.user == name,
        Some("Group") => who.is_in(name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or(namespace);
            who.user == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

/// The rules of the role that is bound; one that is made up of others has theirs.
fn role(world: &World, bound: &Bound<'_>) -> Vec<Value> {
    let reference = &bound.binding["roleRef"];
    let name = reference["name"].as_str().unwrap_or_default();
    let place = match reference["kind"].as_str() {
        Some("Role") => Place::new("roles.rbac.authorization.k8s.io", bound.namespace, name),
        _ => Place::new(CLUSTER_ROLES, "", name),
    };
    let Some(role) = world.store.get(&place) else { return Vec::new() };
    match role.value["aggregationRule"]["clusterRoleSelectors"].as_array() {
        Some(selectors) => aggregated(world.store.list(CLUSTER_ROLES, "").map(|(_, role)| &*role.value), selectors),
        None => role.value["rules"].as_array().cloned().unwrap_or_default(),
    }
}

const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";

/// The rules of all roles that one of the selectors takes.
pub(super) fn aggregated<'a>(roles: impl Iterator<Item = &'a Value>, selectors: &[Value]) -> Vec<Value> {
    let selectors: Vec<_> = selectors.iter().map(select::of_selector).collect();
    let of = roles.filter(|role| selectors.iter().any(|s| s.holds(&role["metadata"]["labels"])));
    of.filter_map(|role| role["rules"].as_array()).flatten().cloned().collect()
}

/// Whether a rule allows something.
fn takes(rule: &Value, what: &Attributes) -> bool {
    let list = |key: &str| rule[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    if !list("verbs").any(|verb| verb == "*" || verb == what.verb) {
        return false;
    }
    if what.resource.is_empty() {
        return list("nonResourceURLs").any(|path| match path.strip_suffix('*') {
            Some(start) => what.path.starts_with(start),
            None => path == what.path,
        });
    }
    let combined = what.combined();
    let part = |resource: &str| !what.sub.is_empty() && resource.strip_prefix("*/") == Some(&what.sub);
    let mut named = list("resourceNames").peekable();
    list("apiGroups").any(|group| group == "*" || group == what.group)
        && list("resources").any(|resource| resource == "*" || resource == combined || part(resource))
        && (named.peek().is_none() || named.any(|name| name == what.name))
}
