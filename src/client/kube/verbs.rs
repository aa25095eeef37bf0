//! What can be asked about a kind: its subresources and verbs, as the server lists them.
//!
//! An access review answers "no" to any word, so that a typing error looks like a missing permission.

use std::collections::BTreeSet;

use http::Method;

use super::discovery_wire::LegacyList;
use super::request::request;
use super::{Cluster, Resource};
use crate::error::{Error, Kind, Result, did_you_mean};

impl Cluster {
    /// Whether a verb makes sense on a kind, or on a subresource of it. Asks for the one list of its group version,
    /// which servers of every age have, with the verbs of subresources too.
    ///
    /// # Errors
    /// [`Kind::UnknownKind`] for a subresource that the kind lacks, [`Kind::Invalid`] for a verb that it does not have;
    /// both with the nearest word and those that there are.
    pub async fn check_verb(&self, verb: &str, resource: &Resource, subresource: Option<&str>) -> Result<()> {
        let version = resource.api_version();
        let root = if resource.group.is_empty() { "api" } else { "apis" };
        let what = format!("the kinds of {version}");
        let text = self.ask(request(Method::GET, &format!("/{root}/{version}")).empty()?, &what, 32 << 10).await?.text;
        let list: LegacyList = serde_json::from_str(&text).map_err(|e| {
            Error::new(Kind::Unreadable, format!("cluster {}: {what} can't be read", self.name())).because(e)
        })?;
        judge(&list, verb, resource, subresource).map_err(|e| e.context(format!("cluster {}", self.name())))
    }
}

fn judge(list: &LegacyList, verb: &str, resource: &Resource, subresource: Option<&str>) -> Result<()> {
    let plural = &resource.plural;
    let name = subresource.map_or_else(|| plural.clone(), |sub| format!("{plural}/{sub}"));
    let verbs: BTreeSet<&str> =
        list.resources.iter().filter(|r| r.name == name).flat_map(|r| r.verbs.iter().map(String::as_str)).collect();
    if verbs.is_empty() && !list.resources.iter().any(|r| r.name == name) {
        let prefix = format!("{plural}/");
        let known: Vec<&str> = list.resources.iter().filter_map(|r| r.name.strip_prefix(&prefix)).collect();
        let sub = subresource.unwrap_or_default();
        let error = match subresource {
            Some(_) => Error::new(Kind::UnknownKind, format!("{plural} have no subresource \"{sub}\"")),
            None => Error::new(Kind::UnknownKind, format!("{} has no {plural}", resource.api_version())),
        };
        let has = if known.is_empty() { "none".to_string() } else { known.join(", ") };
        return Err(error.maybe_hint(did_you_mean(sub, known.iter().copied())).hint(format!("subresources: {has}")));
    }
    if verbs.contains(verb) || of_rules_alone(verb, resource, subresource) {
        return Ok(());
    }
    let known = verbs.iter().copied().collect::<Vec<_>>().join(", ");
    Err(Error::new(Kind::Invalid, format!("{name} have no verb \"{verb}\""))
        .maybe_hint(did_you_mean(verb, verbs.iter().copied()))
        .hint(format!("verbs: {known}")))
}

/// Verbs that only permissions know: no request has them, so that no list of kinds does.
/// <https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb>
fn of_rules_alone(verb: &str, resource: &Resource, subresource: Option<&str>) -> bool {
    // Whoever defines kinds may define verbs for their permissions.
    let foreign = resource.group.contains('.') && !resource.group.ends_with(".k8s.io");
    match verb {
        "*" => true,
        _ if subresource.is_some() => false,
        "impersonate" => resource.group.is_empty() && resource.plural == "serviceaccounts",
        "bind" | "escalate" => resource.group == "rbac.authorization.k8s.io" && resource.plural.ends_with("roles"),
        "use" => foreign || resource.plural == "podsecuritypolicies",
        "approve" | "attest" | "sign" => foreign,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::kube::known;

    fn asked(verb: &str, kind: &str, subresource: Option<&str>) -> Result<()> {
        let list = r#"{"resources":[
            {"name":"pods","kind":"Pod","namespaced":true,"verbs":["create","delete","get","list","watch"]},
            {"name":"pods/exec","kind":"PodExecOptions","namespaced":true,"verbs":["create","get"]},
            {"name":"pods/log","kind":"Pod","namespaced":true,"verbs":["get"]},
            {"name":"serviceaccounts","kind":"ServiceAccount","namespaced":true,"verbs":["get"]}]}"#;
        let list: LegacyList = serde_json::from_str(list).expect("a list");
        judge(&list, verb, &known(kind).expect("known"), subresource)
    }

    #[test]
    fn a_typing_error_is_no_missing_permission() {
        for (verb, kind, sub) in
            [("list", "pods", None), ("*", "pods", None), ("create", "po", Some("exec")), ("impersonate", "sa", None)]
        {
            assert_eq!(asked(verb, kind, sub), Ok(()), "{verb} {kind} {sub:?}");
        }
        let error = asked("lsit", "pods", None).expect_err("no such verb");
        assert_eq!((error.kind, error.message.as_str()), (Kind::Invalid, "pods have no verb \"lsit\""));
        assert_eq!(error.hints, ["did you mean \"list\"?", "verbs: create, delete, get, list, watch"]);
        let error = asked("create", "pods", Some("exce")).expect_err("no such subresource");
        assert_eq!((error.kind, error.message.as_str()), (Kind::UnknownKind, "pods have no subresource \"exce\""));
        assert_eq!(error.hints, ["did you mean \"exec\"?", "subresources: exec, log"]);
        // A verb that the kind has, but not this part of it.
        assert_eq!(asked("delete", "pods", Some("log")).expect_err("only read").hints, ["verbs: get"]);
        assert_eq!(asked("impersonate", "pods", None).map_err(|e| e.kind), Err(Kind::Invalid));
    }
}
