//! A user with groups; and whom a request claims to act for.
//!
//! Source: k8s.io/apiserver `pkg/endpoints/filters/impersonation.go`.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::{Value, json};

use super::{Attributes, allowed};
use crate::lab::kube::cluster::World;
use crate::lab::kube::refusal::{Answer, Refusal};

/// Those who did not say who they are.
const ANONYMOUS: &str = "system:anonymous";
/// What everybody who is known belongs to.
const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) user: String,
    /// Empty for users who are known by name alone.
    pub(crate) uid: String,
    pub(crate) groups: Vec<String>,
    pub(crate) extra: BTreeMap<String, Vec<String>>,
}

impl Who {
    /// Nobody known.
    pub(crate) fn anonymous() -> Self {
        Self { user: ANONYMOUS.to_owned(), groups: vec![UNAUTHENTICATED.to_owned()], ..Self::default() }
    }

    /// Somebody known, with the group that all of them have.
    pub(crate) fn known(user: &str, groups: impl IntoIterator<Item = String>) -> Self {
        let mut who = Self { user: user.to_owned(), groups: groups.into_iter().collect(), ..Self::default() };
        who.complete();
        who
    }

    /// A ServiceAccount.
    pub(crate) fn account(namespace: &str, name: &str) -> Self {
        Self::known(&format!("system:serviceaccount:{namespace}:{name}"), account_groups(namespace))
    }

    /// Whether nothing is asked of roles.
    pub(crate) fn is_master(&self) -> bool {
        self.is_in("system:masters")
    }

    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// As reviews tell it.
    pub(crate) fn to_json(&self) -> Value {
        let mut info = json!({ "username": self.user });
        if !self.uid.is_empty() {
            info["uid"] = json!(self.uid);
        }
        info["groups"] = json!(self.groups);
        if !self.extra.is_empty() {
            info["extra"] = json!(self.extra);
        }
        info
    }

    fn complete(&mut self) {
        let group = if self.user == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
        if !self.is_in(group) {
            self.groups.push(group.to_owned());
        }
    }
}

fn account_groups(namespace: &str) -> [String; 2] {
    ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
}

/// Namespace and name of a ServiceAccount's user.
fn account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix("system:serviceaccount:")?.split_once(':').filter(|(_, name)| !name.contains(':'))
}

/// Whom a request acts for: its own user, or the one of `Impersonate-…` headers, if that user may.
pub(crate) fn impersonated(world: &World, own: Who, headers: &HeaderMap, path: &str) -> Answer<Who> {
    let all = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    };
    let (users, groups, uids) = (all("impersonate-user"), all("impersonate-group"), all("impersonate-uid"));
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in headers.keys() {
        if let Some(key) = name.as_str().strip_prefix("impersonate-extra-") {
            extra.insert(crate::lab::kube::verbs::decoded(key), all(name.as_str()));
        }
    }
    let Some(user) = users.first().filter(|user| !user.is_empty()) else {
        if groups.is_empty() && uids.is_empty() && extra.is_empty() {
            return Ok(own);
        }
        let asked: Vec<String> = groups.iter().map(|group| format!("{{Group  {group}    }}")).collect();
        let why =
            format!("Internal Server Error: {path:?}: requested [{}] without impersonating a user\n", asked.join(" "));
        let mut refusal = Refusal::new(500, "", why);
        refusal.plain = true;
        return Err(refusal);
    };
    let may = |resource: &str, sub: &str, group: &str, namespace: &str, name: &str| {
        let what = Attributes::of_resource("impersonate", group, resource, namespace, name).part(sub);
        match allowed(world, &own, &what) {
            Some(_) => Ok(()),
            None => Err(what.forbidden(&own)),
        }
    };
    match account(user) {
        Some((namespace, name)) => may("serviceaccounts", "", "", namespace, name)?,
        None => may("users", "", "", "", user)?,
    }
    for group in &groups {
        may("groups", "", "", "", group)?;
    }
    for uid in &uids {
        may("uids", "", "authentication.k8s.io", "", uid)?;
    }
    for (key, values) in &extra {
        for value in values {
            may("userextras", key, "authentication.k8s.io", "", value)?;
        }
    }
    let mut who = Who { user: user.clone(), uid: uids.into_iter().next().unwrap_or_default(), groups, extra };
    if let (Some((namespace, _)), true) = (account(user), who.groups.is_empty()) {
        who.groups = account_groups(namespace).into();
    }
    who.complete();
    Ok(who)
}
