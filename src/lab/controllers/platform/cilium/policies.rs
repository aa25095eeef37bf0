//! Whether Cilium understands a policy: the condition `Valid`.
//!
//! Source: github.com/cilium/cilium `operator/pkg/networkpolicy`, `pkg/policy/api` (sanitizing of rules).

use serde_json::Value;

use super::super::Operator;
use super::super::conditions::Condition;
use super::super::site::Site;

pub(super) const WATCHES: &[&str] = &["ciliumclusterwidenetworkpolicies.cilium.io", "ciliumnetworkpolicies.cilium.io"];

/// What a rule can name without labels.
const ENTITIES: [&str; 13] = [
    "all",
    "world",
    "world-ipv4",
    "world-ipv6",
    "cluster",
    "host",
    "init",
    "ingress",
    "unmanaged",
    "remote-node",
    "health",
    "none",
    "kube-apiserver",
];

/// The operator's part.
#[derive(Debug)]
pub(super) struct Policies;

impl Operator for Policies {
    fn look(&mut self, site: &mut Site<'_>) {
        for kind in WATCHES {
            for (place, stored) in site.all(kind, "") {
                let (mut value, stamp) = (stored.value.clone(), site.stamp());
                let listed = value["specs"].as_array().cloned().unwrap_or_default();
                let specs = listed.into_iter().chain([value["spec"].clone()]).filter(Value::is_object);
                let wrong = specs.map(|spec| judge(&spec)).find_map(Result::err);
                match wrong {
                    None => Condition::new("Valid", "True", "", "Policy validation succeeded").set(&mut value, &stamp),
                    Some(why) => Condition::new("Valid", "False", "", &why).set(&mut value, &stamp),
                }
                for one in
                    value["status"]["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut)
                {
                    one.remove("reason");
                    one.remove("observedGeneration");
                }
                site.put(&place, value);
            }
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn judge(spec: &Value) -> Result<(), String> {
    if spec["endpointSelector"].is_object() == spec["nodeSelector"].is_object() {
        return Err("rule must have one of EndpointSelector or NodeSelector".into());
    }
    for rule in ["ingress", "ingressDeny", "egress", "egressDeny"].iter().flat_map(|key| list(&spec[*key])) {
        for entity in list(&rule["toEntities"]).chain(list(&rule["fromEntities"])) {
            if !entity.as_str().is_some_and(|entity| ENTITIES.contains(&entity)) {
                return Err(format!("unsupported entity: {}", entity.as_str().unwrap_or_default()));
            }
        }
        for cidr in list(&rule["toCIDR"]).chain(list(&rule["fromCIDR"])) {
            let text = cidr.as_str().unwrap_or_default();
            if text.parse::<ipnet::IpNet>().is_err() && text.parse::<std::net::IpAddr>().is_err() {
                return Err(format!("Unable to parse CIDR: netip.ParsePrefix({text:?}): no '/'"));
            }
        }
        for port in list(&rule["toPorts"]).flat_map(|one| list(&one["ports"])) {
            let text = port["port"].as_str().unwrap_or_default();
            let named = text.contains(|c: char| c.is_ascii_alphabetic());
            if !named && text.parse::<u16>().is_err() {
                return Err(format!("Unable to parse port: strconv.ParseUint: parsing {text:?}: invalid syntax"));
            }
        }
    }
    Ok(())
}
