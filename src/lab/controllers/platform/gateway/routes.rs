//! HTTPRoutes: by which Gateways they are accepted, and whether their backends are there.
//!
//! Messages and reasons: github.com/cilium/cilium `operator/pkg/gateway-api/routechecks`.

use serde_json::{Value, json};

use super::super::Operator;
use super::super::conditions::Condition;
use super::super::site::Site;
use super::{CLASSES, CONTROLLER, GATEWAYS, ROUTES, granted, meet, takes};

pub(super) const WATCHES: &[&str] =
    &[ROUTES, GATEWAYS, CLASSES, "services", "namespaces", "referencegrants.gateway.networking.k8s.io"];

/// The controller.
#[derive(Debug)]
pub(super) struct Routes;

impl Operator for Routes {
    fn look(&mut self, site: &mut Site<'_>) {
        for (place, stored) in site.all(ROUTES, "") {
            let (object, stamp) = (&*stored.value, site.stamp());
            let backends = backends(site, object);
            let before = object["status"]["parents"].as_array().cloned().unwrap_or_default();
            // What other controllers say of their own parents is theirs.
            let mut parents: Vec<Value> =
                before.iter().filter(|one| one["controllerName"] != CONTROLLER).cloned().collect();
            for parent in object["spec"]["parentRefs"].as_array().into_iter().flatten() {
                let Some(accepted) = accepted(site, object, parent) else { continue };
                let old = before.iter().find(|one| one["parentRef"] == *parent && one["controllerName"] == CONTROLLER);
                let mut conditions = old.map(|one| one["conditions"].clone()).unwrap_or_default();
                let generation = &object["metadata"]["generation"];
                let mut set = |kind: &str, judged: &Result<(), (&'static str, String)>, right: (&str, &str)| {
                    let condition = match judged {
                        Ok(()) => Condition::new(kind, "True", right.0, right.1),
                        Err((reason, message)) => Condition::new(kind, "False", reason, message),
                    };
                    condition.set_in(&mut conditions, generation, &stamp);
                };
                set("ResolvedRefs", &backends, ("ResolvedRefs", "Service reference is valid"));
                set("Accepted", &accepted, ("Accepted", "Accepted HTTPRoute"));
                parents.push(json!({ "parentRef": parent, "controllerName": CONTROLLER, "conditions": conditions }));
            }
            let mut value = object.clone();
            value["status"]["parents"] = parents.into();
            site.put(&place, value);
        }
    }
}

/// Whether a parent takes the route; none where it is another controller's.
fn accepted(site: &Site<'_>, route: &Value, parent: &Value) -> Option<Result<(), (&'static str, String)>> {
    let own = route["metadata"]["namespace"].as_str().unwrap_or_default();
    let (name, namespace) = (parent["name"].as_str().unwrap_or_default(), parent["namespace"].as_str().unwrap_or(own));
    if parent["kind"].as_str().is_some_and(|kind| kind != "Gateway") {
        return None;
    }
    let Some(gateway) = site.get(GATEWAYS, namespace, name) else {
        return Some(Err(("InvalidHTTPRoute", format!("{GATEWAYS} \"{name}\" not found"))));
    };
    let class = gateway.value["spec"]["gatewayClassName"].as_str().unwrap_or_default();
    if site.get(CLASSES, "", class).is_some_and(|class| class.value["spec"]["controllerName"] != CONTROLLER) {
        return None;
    }
    let all = gateway.value["spec"]["listeners"].as_array().cloned().unwrap_or_default();
    let named: Vec<&Value> = all
        .iter()
        .filter(|one| parent["sectionName"].is_null() || parent["sectionName"] == one["name"])
        .filter(|one| parent["port"].is_null() || parent["port"] == one["port"])
        .collect();
    if named.is_empty() {
        return Some(Err((
            "NoMatchingParent",
            format!("No matching listener with sectionName {}", parent["sectionName"].as_str().unwrap_or_default()),
        )));
    }
    let open: Vec<&&Value> = named.iter().filter(|one| takes(site, one, namespace, own)).collect();
    if open.is_empty() {
        let why = "HTTPRoute is not allowed to attach to this Gateway due to namespace restrictions";
        return Some(Err(("NotAllowedByListeners", why.into())));
    }
    if !open.iter().any(|one| meet(one, route)) {
        return Some(Err(("NoMatchingListenerHostname", "No matching listener hostname".into())));
    }
    Some(Ok(()))
}

/// Whether what the route leads to is there.
fn backends(site: &Site<'_>, route: &Value) -> Result<(), (&'static str, String)> {
    let own = route["metadata"]["namespace"].as_str().unwrap_or_default();
    let rules = route["spec"]["rules"].as_array().into_iter().flatten();
    for backend in rules.flat_map(|rule| rule["backendRefs"].as_array().into_iter().flatten()) {
        let (name, namespace) =
            (backend["name"].as_str().unwrap_or_default(), backend["namespace"].as_str().unwrap_or(own));
        let kind = backend["kind"].as_str().unwrap_or("Service");
        if !granted(site, ("HTTPRoute", own), kind, namespace, name) {
            return Err(("RefNotPermitted", "Cross namespace references are not allowed".into()));
        }
        if kind != "Service" {
            return Err(("InvalidKind", format!("Unsupported backend kind {kind}")));
        }
        if backend["port"].is_null() {
            return Err(("InvalidKind", "Must have port for backend object reference".into()));
        }
        if site.get("services", namespace, name).is_none() {
            return Err(("BackendNotFound", format!("services \"{name}\" not found")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::conditions::text;
    use super::super::super::testing::Bench;
    use super::*;

    fn told(bench: &Bench, kind: &str) -> String {
        let route = bench.get(ROUTES, "observability", "grafana");
        let parent = json!({ "status": route["status"]["parents"][0] });
        format!("{}: {}", text(&parent, kind, "reason"), text(&parent, kind, "message"))
    }

    #[test]
    fn a_route_says_who_takes_it_and_what_it_leads_to() {
        let mut bench = Bench::new("monosense", "infra");
        assert_eq!(told(&bench, "Accepted"), "Accepted: Accepted HTTPRoute");
        assert_eq!(told(&bench, "ResolvedRefs"), "ResolvedRefs: Service reference is valid");
        let change = |bench: &mut Bench, change: fn(&mut Value)| {
            bench.change(ROUTES, "observability", "grafana", |route| change(&mut route["spec"]));
            bench.look();
        };
        change(&mut bench, |spec| spec["rules"][0]["backendRefs"][0]["name"] = "nonesuch".into());
        assert_eq!(told(&bench, "ResolvedRefs"), "BackendNotFound: services \"nonesuch\" not found");
        change(&mut bench, |spec| spec["hostnames"][0] = "grafana.example.org".into());
        assert_eq!(told(&bench, "Accepted"), "NoMatchingListenerHostname: No matching listener hostname");
        change(&mut bench, |spec| spec["parentRefs"][0]["name"] = "nobody".into());
        assert!(told(&bench, "Accepted").ends_with("\"nobody\" not found"));
    }
}
