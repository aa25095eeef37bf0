//! Asks the machines of each cluster their version, where there is a talosconfig for it.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::probe::Probe;
use crate::client::talos::{Ask, Machines, config};
use crate::config::Cluster;
use crate::error::Result;
use crate::host::World;
use crate::host::talos::MachinesOfRun;

/// A question for each cluster of which Talos is configured, or known to the usual talosconfig.
pub(super) fn probes(world: &Arc<World>, limit: Duration) -> Vec<Probe> {
    let one = |(name, cluster): (&String, &Cluster)| {
        let context = world.config.talos_context(name);
        let said = cluster.talosconfig.is_some() || cluster.talos_context.is_some() || !cluster.talos_nodes.is_empty();
        if !said && !config::has(None, context) {
            return None;
        }
        let (what, asked) = (format!("talos context {context}"), (world.clone(), name.clone()));
        let ask = async move {
            let (world, name) = asked;
            let machines = world.part::<MachinesOfRun>().get(&world, &name)?;
            reach(&machines, limit).await
        };
        Some(Probe { name: name.clone(), what, ask: Some(ask.boxed()) })
    };
    world.config.clusters.iter().filter_map(one).collect()
}

/// `v1.11.2, 3 nodes, all answer`; an error that names the node where one does not.
async fn reach(machines: &Machines, limit: Duration) -> Result<String> {
    let nodes = machines.nodes()?;
    let all = nodes.len();
    // So that its own error, which names the node, comes before the doctor's.
    let told = machines.version(&Ask { nodes, limit: limit.mul_f64(0.9) }).await;
    let answered = told.iter().filter(|told| told.answer.is_ok()).count();
    let mut versions: Vec<String> = Vec::new();
    for told in told {
        let version = told.answer.map_err(|e| e.because(format!("{answered} of {all} nodes answered")))?.version;
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    let nodes = if all == 1 { "1 node, which answers".into() } else { format!("{all} nodes, all answer") };
    Ok(format!("{}, {nodes}", versions.join(" and ")))
}
