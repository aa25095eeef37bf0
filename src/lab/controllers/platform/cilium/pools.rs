//! What a pool of LoadBalancer addresses says of itself: how many it has, how many are taken, whether it overlaps another.
//!
//! Source: github.com/cilium/cilium `operator/pkg/lbipam`.

use std::net::IpAddr;

use serde_json::Value;

use super::super::Operator;
use super::super::conditions::Condition;
use super::super::site::Site;
use crate::lab::world::range::Range;

pub(super) const WATCHES: &[&str] = &["ciliumloadbalancerippools.cilium.io", "services"];

/// The operator's part.
#[derive(Debug)]
pub(super) struct Pools;

impl Operator for Pools {
    fn look(&mut self, site: &mut Site<'_>) {
        let taken: Vec<IpAddr> = site
            .objects
            .store
            .list("services", "")
            .flat_map(|(_, service)| {
                service.value["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten()
            })
            .filter_map(|one| one["ip"].as_str()?.parse().ok())
            .collect();
        let pools = site.all(WATCHES[0], "");
        let mut before: Vec<(String, Range)> = Vec::new();
        for (place, stored) in pools {
            let own = blocks(&stored.value);
            let clash = own.iter().find_map(|range| {
                let other = before.iter().find(|(_, other)| overlap(range, other));
                other.map(|(name, other)| (*range, name.clone(), *other))
            });
            before.extend(own.iter().map(|range| (place.name.clone(), *range)));
            let total: usize = own.iter().map(|range| count(*range)).sum();
            let used = taken.iter().filter(|ip| own.iter().any(|range| range.contains(**ip))).count();
            let (mut value, stamp) = (stored.value.clone(), site.stamp());
            match clash {
                Some((range, name, other)) => {
                    let why =
                        format!("Pool conflicts since range '{range}' overlaps range '{other}' from IP Pool '{name}'");
                    Condition::new("cilium.io/PoolConflict", "True", "cidr_overlap", &why).set(&mut value, &stamp);
                }
                None => Condition::new("cilium.io/PoolConflict", "False", "resolved", "").set(&mut value, &stamp),
            }
            for (kind, number) in [("IPsTotal", total), ("IPsAvailable", total.saturating_sub(used)), ("IPsUsed", used)]
            {
                let kind = format!("cilium.io/{kind}");
                Condition::new(&kind, "Unknown", "noreason", &number.to_string()).set(&mut value, &stamp);
            }
            site.put(&place, value);
        }
    }
}

fn count(range: Range) -> usize {
    match (range.first, range.last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (u32::from(last) - u32::from(first)) as usize + 1,
        _ => range.addresses().count(),
    }
}

fn overlap(one: &Range, other: &Range) -> bool {
    one.first.is_ipv4() == other.first.is_ipv4() && one.first <= other.last && other.first <= one.last
}

fn blocks(pool: &Value) -> Vec<Range> {
    let one = |block: &Value| {
        let text = match (block["cidr"].as_str(), block["start"].as_str()) {
            (Some(cidr), _) => cidr.to_owned(),
            (None, Some(start)) => format!("{start}-{}", block["stop"].as_str().unwrap_or(start)),
            (None, None) => return None,
        };
        text.parse().ok()
    };
    pool["spec"]["blocks"].as_array().map(|all| all.iter().filter_map(one).collect()).unwrap_or_default()
}
