//! Cilium: what its agents and its operator write of nodes, endpoints, BGP, pools and policies.

mod bgp;
mod nodes;
mod policies;
mod pools;
#[cfg(test)]
mod tests;

use super::Hand;

pub(super) fn rows() -> Vec<Hand> {
    vec![
        ("cilium-operator", pools::WATCHES, Box::new(pools::Pools)),
        ("cilium-operator", bgp::WATCHES, Box::new(bgp::Configs)),
        ("cilium", bgp::NODES, Box::new(bgp::Sessions::default())),
        ("cilium", nodes::WATCHES, Box::new(nodes::Nodes)),
        ("cilium-operator", policies::WATCHES, Box::new(policies::Policies)),
    ]
}
