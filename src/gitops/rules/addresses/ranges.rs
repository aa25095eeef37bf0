//! Texts that have to be addresses or ranges.

use std::net::IpAddr;

use ipnet::IpNet;

use super::pools::pool_blocks;
use super::{add, id, known};
use crate::gitops::finding::Findings;
use crate::gitops::object::Object;
use crate::gitops::yaml::Node;

/// Where ranges are written: kind, and keys below which the texts are ranges.
const RANGES: &[(&str, &[&str])] = &[
    ("NetworkPolicy", &["cidr"]),
    ("CiliumNetworkPolicy", &["cidr", "toCIDR", "fromCIDR"]),
    ("CiliumClusterwideNetworkPolicy", &["cidr", "toCIDR", "fromCIDR"]),
    ("CiliumLoadBalancerIPPool", &["cidr"]),
];

pub(super) fn ranges(object: &Object, findings: &mut Findings) {
    let Some((_, keys)) = RANGES.iter().find(|(kind, _)| *kind == object.kind()) else { return };
    object.node.walk(&mut |node| {
        for (key, value) in node.entries().iter().filter(|(key, _)| keys.contains(&key.text.as_str())) {
            for one in std::iter::once(value).chain(value.items()) {
                let Some(text) = known(one) else { continue };
                if text.parse::<IpNet>().is_err() && !(text.parse::<IpAddr>().is_ok() && key.text != "cidr") {
                    let message = format!("{} of {} is \"{text}\", which is no range", key.text, object.words());
                    add(findings, id::ADDRESS, one.at, object, message);
                }
            }
        }
    });
    for block in pool_blocks(object) {
        let ends = ["start", "stop"].map(|end| block.get(end));
        for end in ends.iter().flatten() {
            if let Some(text) = known(end).filter(|text| text.parse::<IpAddr>().is_err()) {
                let message = format!("an end of a range of {} is \"{text}\", which is no address", object.words());
                add(findings, id::ADDRESS, end.at, object, message);
            }
        }
        let [start, stop] = ends.map(|end| end.and_then(known).and_then(|text| text.parse::<IpAddr>().ok()));
        if let Some((start, stop)) = start.zip(stop).filter(|(start, stop)| start > stop) {
            let message =
                format!("a range of {} goes from {start} to {stop}: its end is before its start", object.words());
            add(findings, id::ADDRESS, block.at, object, message);
        }
    }
}

/// Values of ConfigMaps whose names say that they are an address or a range, and which have the look of one.
pub(super) fn variables(object: &Object, findings: &mut Findings) {
    if object.kind() != "ConfigMap" {
        return;
    }
    for (key, value) in object.node.get("data").map_or(&[][..], Node::entries) {
        let name = key.text.to_uppercase();
        let Some(text) = known(value) else { continue };
        let looks =
            text.matches('.').count() >= 2 && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '/'));
        let range = ["_CIDR", "_SUBNET", "_NETWORK"].iter().any(|end| name.ends_with(end));
        let address = ["_IP", "_ADDRESS", "_VIP"].iter().any(|end| name.ends_with(end));
        let fits = text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok();
        if looks && (range || address) && !fits {
            let what = if range { "range" } else { "address" };
            let message = format!("{} of {} is \"{text}\", which is no {what}", key.text, object.words());
            add(findings, id::ADDRESS, value.at, object, message);
        }
    }
}
