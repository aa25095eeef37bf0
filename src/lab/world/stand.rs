//! How far each cluster of the world is: the stage that it has reached, and the one that it is being built up to.

use std::sync::PoisonError;

use super::World;
use super::stage::{self, Machines, Stage};
use crate::error::{Error, Kind, Result, did_you_mean};

/// Where one cluster stands. Stages are numbered as the topology has them, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stand {
    /// The last stage that it has reached: everything of it is there and ready.
    pub reached: usize,
    /// The stage that it is to come to. While it is a later one, the one after `reached` is being built.
    pub wanted: usize,
    /// How far its machines are.
    pub machines: Machines,
}

impl World {
    /// Where a cluster stands; a name that no cluster has stands nowhere.
    ///
    /// # Errors
    /// [`Kind::Usage`], with the clusters that there are.
    pub fn stand(&self, cluster: &str) -> Result<Stand> {
        let stands = self.stands.read().unwrap_or_else(PoisonError::into_inner);
        stands.get(cluster).copied().ok_or_else(|| {
            let names: Vec<&str> = stands.keys().map(String::as_str).collect();
            let message = format!("there is no cluster \"{cluster}\" in the lab (there are: {})", names.join(", "));
            Error::new(Kind::Usage, message).maybe_hint(did_you_mean(cluster, names))
        })
    }

    /// The stage that a cluster has reached.
    pub fn stage(&self, cluster: &str) -> Option<&Stage> {
        self.topology.stages.get(self.stand(cluster).ok()?.reached)
    }

    /// Whether a cluster has come to a stage, or beyond.
    pub fn reached(&self, cluster: &str, stage: &str) -> bool {
        let at = stage::find(&self.topology.stages, stage);
        matches!((self.stand(cluster), at), (Ok(stand), Ok(at)) if stand.reached >= at)
    }

    /// Whether a cluster's API server runs.
    pub fn api_runs(&self, cluster: &str) -> bool {
        self.stand(cluster).is_ok_and(|stand| stand.machines == Machines::Running)
    }

    /// Puts a cluster at a stage at once, as if it had stood there for long: how a lab is opened.
    ///
    /// # Errors
    /// [`Kind::Usage`]: no such cluster, no such stage.
    pub fn put_at(&self, cluster: &str, stage: &str) -> Result<()> {
        let at = stage::find(&self.topology.stages, stage)?;
        let machines = self.topology.stages.get(at).map_or(Machines::Running, |stage| stage.machines);
        self.stand(cluster)?;
        self.set(cluster, |stand| *stand = Stand { reached: at, wanted: at, machines });
        Ok(())
    }

    /// Has a cluster built up to a stage, through all that lie between. It takes its time, by the lab's clock: nodes
    /// register, pods start. [`World::arrived`] waits for it. A stage that it has, or is on its way to, changes nothing.
    ///
    /// # Errors
    /// [`Kind::Usage`]: no such cluster, no such stage.
    pub fn advance(&self, cluster: &str, stage: &str) -> Result<()> {
        let to = stage::find(&self.topology.stages, stage)?;
        if self.stand(cluster)?.wanted < to {
            self.set(cluster, |stand| stand.wanted = stand.wanted.max(to));
        }
        Ok(())
    }

    /// Ends when a cluster has come to a stage. It is for ever where something stands against it: the caller has a
    /// deadline.
    ///
    /// # Errors
    /// [`Kind::Usage`]: no such cluster, no such stage.
    pub async fn arrived(&self, cluster: &str, stage: &str) -> Result<()> {
        let at = stage::find(&self.topology.stages, stage)?;
        let mut changes = self.subscribe();
        while self.stand(cluster)?.reached < at {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }

    /// Notes how far a cluster is, and tells those who subscribed.
    pub(crate) fn set(&self, cluster: &str, change: impl FnOnce(&mut Stand)) {
        let mut stands = self.stands.write().unwrap_or_else(PoisonError::into_inner);
        let Some(stand) = stands.get_mut(cluster) else { return };
        let before = *stand;
        change(stand);
        if *stand != before {
            drop(stands);
            self.changed();
        }
    }
}

/// Every cluster of a topology, complete.
pub(super) fn complete(topology: &super::Topology) -> std::collections::BTreeMap<String, Stand> {
    let last = topology.stages.len().saturating_sub(1);
    let stand = Stand { reached: last, wanted: last, machines: Machines::Running };
    topology.clusters.keys().map(|name| (name.clone(), stand)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::world::read;

    fn world() -> Arc<World> {
        World::new(read::embedded("monosense").unwrap(), Arc::new(LabClock::real()))
    }

    #[tokio::test]
    async fn a_cluster_stands_complete_until_it_is_put_elsewhere_and_goes_on_from_there() {
        let world = world();
        assert!(world.reached("infra", stage::COMPLETE) && world.api_runs("infra"));
        world.put_at("infra", "bare").unwrap();
        assert!(!world.api_runs("infra") && world.api_runs("apps"));
        assert_eq!(world.stage("infra").unwrap().name, "bare");
        world.advance("infra", "core").unwrap();
        world.advance("infra", "api").unwrap();
        let stand = world.stand("infra").unwrap();
        assert_eq!((stand.reached, stand.wanted), (0, 4), "it is on its way to core, by api");
        let (own, waiting) = (world.clone(), world.clone());
        let arriving = tokio::spawn(async move { waiting.arrived("infra", "api").await });
        tokio::task::yield_now().await;
        own.set("infra", |stand| stand.reached = 2);
        arriving.await.unwrap().unwrap();
    }

    #[test]
    fn what_there_is_not_is_named_with_what_was_meant() {
        let told = |result: Result<()>| result.unwrap_err().to_string();
        let unknown = world().put_at("infra", "cores").unwrap_err();
        assert!(unknown.message.contains("\"cores\" (there are, in this order: bare, configured, api"), "{unknown}");
        assert_eq!(unknown.hints, ["did you mean \"core\"?"]);
        assert!(told(world().advance("infrared", "core")).contains("no cluster \"infrared\""));
    }
}
