//! What a pod's claims decide: whether they are there and bound, and from which nodes their volumes are reached.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Why;
use crate::lab::controllers::fields::{self, text};
use crate::lab::controllers::fit;
use crate::lab::controllers::index::Pod;
use crate::lab::controllers::route;
use crate::lab::controllers::scene::Scene;
use crate::lab::kube::store::{Place, Stored};

/// A node that a claim's volume is made for.
pub(crate) const SELECTED: &str = "volume.kubernetes.io/selected-node";

/// The claims of a pod.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The volumes that are bound.
    volumes: Vec<Arc<Stored>>,
    /// Claims that wait for a pod that wants them.
    waiting: Vec<Place>,
}

/// A pod's claims; what is wrong with them, where no node could help.
pub(super) fn of(scene: &Scene<'_>, pod: &Arc<Pod>) -> Result<Claims, String> {
    let mut claims = Claims::default();
    for place in route::claims(Some(pod)) {
        let Some(claim) = scene.get(&place) else {
            return Err(format!("persistentvolumeclaim \"{}\" not found", place.name));
        };
        if fields::is_ending(&claim.value) {
            return Err(format!("persistentvolumeclaim \"{}\" is being deleted", place.name));
        }
        let volume = text(&claim.value, "/spec/volumeName");
        if !volume.is_empty() {
            claims.volumes.extend(scene.get(&Place::new("persistentvolumes", "", volume)));
            if text(&claim.value, "/status/phase") == "Lost" {
                return Err(format!(
                    "persistentvolumeclaim \"{}\" bound to non-existent persistentvolume \"{volume}\"",
                    place.name
                ));
            }
        } else if waits(scene, &claim.value) {
            claims.waiting.push(place);
        } else {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
    }
    Ok(claims)
}

/// Whether a claim's class makes volumes only for pods that want them.
fn waits(scene: &Scene<'_>, claim: &Value) -> bool {
    let class = Place::new("storageclasses.storage.k8s.io", "", text(claim, "/spec/storageClassName"));
    scene.get(&class).is_some_and(|class| class.value["volumeBindingMode"] == "WaitForFirstConsumer")
}

impl Claims {
    /// Why a node does not reach a volume.
    pub(super) fn fault(&self, node: &Value) -> Option<Vec<Why>> {
        let reached = self.volumes.iter().all(|volume| fit::reachable(node, &volume.value));
        (!reached).then(|| vec![Why::never("node(s) didn't match PersistentVolume's node affinity")])
    }

    /// Tells the claims that wait which node they are for. Whether any still waits.
    pub(super) fn select(&self, scene: &mut Scene<'_>, node: &str) -> bool {
        for place in &self.waiting {
            let node = node.to_owned();
            scene.change(place, |claim| {
                if claim["metadata"]["annotations"][SELECTED].is_null() {
                    claim["metadata"]["annotations"][SELECTED] = json!(node);
                }
            });
        }
        !self.waiting.is_empty()
    }
}
