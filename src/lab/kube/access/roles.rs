//! The roles that every cluster has, and to whom they are bound.
//!
//! `roles.txt` has a line a rule, `VERBS | GROUPS | RESOURCES` or `VERBS | PATHS`, under the role's name; `bound` names
//! who has it. Source: the roles that a cluster shows after its start, <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>.

use serde_json::{Map, Value, json};

use super::rbac::aggregated;

const TABLE: &str = include_str!("roles.txt");
const API: &str = "rbac.authorization.k8s.io";
/// Roles that are made up of others: their names, and whose rules they have.
const AGGREGATED: [(&str, &[&str]); 3] =
    [("admin", &["admin", "edit", "view"]), ("edit", &["edit", "view"]), ("view", &["view"])];

/// ClusterRoles and ClusterRoleBindings, to be planted.
pub(crate) fn defaults() -> Vec<Value> {
    let mut roles: Vec<Value> = Vec::new();
    let mut bindings = Vec::new();
    for line in TABLE.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(' ') {
            Some(("role", name)) => roles.push(object("ClusterRole", name, label(name))),
            Some(("bound", subjects)) => {
                let Some(name) = roles.last().and_then(|role| role["metadata"]["name"].as_str()) else { continue };
                bindings.push(binding(name, subjects));
            }
            _ => {
                if let Some(rules) = roles.last_mut().map(|role| &mut role["rules"]).and_then(Value::as_array_mut) {
                    rules.push(rule(line));
                }
            }
        }
    }
    for (name, of) in AGGREGATED {
        let selectors: Vec<Value> = of.iter().map(|one| json!({ "matchLabels": { aggregate(one): "true" } })).collect();
        let mut role = object("ClusterRole", name, None);
        role["rules"] = aggregated(roles.iter(), &selectors).into();
        role["aggregationRule"] = json!({ "clusterRoleSelectors": selectors });
        roles.push(role);
    }
    roles.append(&mut bindings);
    roles
}

fn aggregate(to: &str) -> String {
    format!("{API}/aggregate-to-{to}")
}

/// The label by which other roles take a role's rules.
fn label(name: &str) -> Option<String> {
    name.strip_prefix("system:aggregate-to-").map(aggregate)
}

fn object(kind: &str, name: &str, label: Option<String>) -> Value {
    let mut labels = Map::new();
    labels.insert("kubernetes.io/bootstrapping".to_owned(), json!("rbac-defaults"));
    if let Some(label) = label {
        labels.insert(label, json!("true"));
    }
    json!({
        "apiVersion": format!("{API}/v1"), "kind": kind,
        "metadata": {
            "name": name, "labels": labels, "annotations": { "rbac.authorization.kubernetes.io/autoupdate": "true" },
        },
        "rules": [],
    })
}

/// `Group/system:masters User/x`; a ServiceAccount is one of kube-system.
fn binding(role: &str, subjects: &str) -> Value {
    let mut binding = object("ClusterRoleBinding", role, None);
    if let Some(binding) = binding.as_object_mut() {
        binding.remove("rules");
    }
    binding["roleRef"] = json!({ "apiGroup": API, "kind": "ClusterRole", "name": role });
    let subject = |text: &str| {
        let (kind, name) = text.split_once('/').unwrap_or(("User", text));
        match kind {
            "ServiceAccount" => json!({ "kind": kind, "name": name, "namespace": "kube-system" }),
            _ => json!({ "apiGroup": API, "kind": kind, "name": name }),
        }
    };
    binding["subjects"] = subjects.split(' ').map(subject).collect::<Vec<_>>().into();
    binding
}

fn rule(line: &str) -> Value {
    let list = |text: &str| -> Vec<String> {
        // The group without a name is written `core`.
        let named = text.trim().split(',').map(|one| if one == "core" { "" } else { one });
        named.map(str::to_owned).collect()
    };
    let parts: Vec<&str> = line.split('|').collect();
    match parts.as_slice() {
        [verbs, groups, resources] => {
            json!({ "verbs": list(verbs), "apiGroups": list(groups), "resources": list(resources) })
        }
        [verbs, paths] => json!({ "verbs": list(verbs), "nonResourceURLs": list(paths) }),
        _ => Value::Null,
    }
}
