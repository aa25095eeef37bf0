//! Claims and volumes: bound to each other, made by a class's provisioner, and let go.
//!
//! Source: k8s.io/kubernetes `pkg/controller/volume/persistentvolume`, sigs.k8s.io/sig-storage-lib-external-provisioner.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::amounts::milli;
use super::fields::{self, list, set, text};
use super::manager::{Key, Who};
use super::scene::Scene;
use crate::lab::kube::select;
use crate::lab::kube::store::Place;
use crate::lab::kube::verbs::endings;

const COMPONENT: &str = "persistentvolume-controller";
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
const BOUND: &str = "pv.kubernetes.io/bound-by-controller";
const DONE: &str = "pv.kubernetes.io/bind-completed";
/// What a provisioner takes to make a volume.
const MAKING: SignedDuration = SignedDuration::from_millis(800);

/// Brings a claim one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let claim = &stored.value;
    if fields::is_ending(claim) {
        endings::unprotect(scene.objects, place);
        return;
    }
    let volume = text(claim, "/spec/volumeName").to_owned();
    if !volume.is_empty() {
        return bound(scene, place, claim, &volume);
    }
    if let Some(volume) = matching(scene, claim) {
        return bind(scene, place, claim, &volume);
    }
    let Some(name) = class_name(scene, place, claim) else {
        let message = "no persistent volumes available for this claim and no storage class is set";
        return scene.normal(claim, COMPONENT, "FailedBinding", message);
    };
    if name.is_empty() {
        return;
    }
    let Some(class) = scene.get(&Place::new("storageclasses.storage.k8s.io", "", &name)) else {
        let message = format!("storageclass.storage.k8s.io \"{name}\" not found");
        scene.warning(claim, COMPONENT, "ProvisioningFailed", &message);
        return;
    };
    let waits = class.value["volumeBindingMode"] == "WaitForFirstConsumer";
    let node = text(claim, "/metadata/annotations/volume.kubernetes.io~1selected-node").to_owned();
    if waits && node.is_empty() {
        let message = "waiting for first consumer to be created before binding";
        return scene.normal(claim, COMPONENT, "WaitForFirstConsumer", message);
    }
    provision(scene, place, claim, &class.value, &node);
}

/// The class of a claim; the default one where it names none. None where there is none at all, empty where it was set now.
fn class_name(scene: &mut Scene<'_>, place: &Place, claim: &Value) -> Option<String> {
    if let Some(name) = claim["spec"]["storageClassName"].as_str() {
        return Some(name.to_owned()).filter(|name| !name.is_empty());
    }
    let is_default = |class: &Value| class["metadata"]["annotations"][DEFAULT] == "true";
    let name = {
        let mut classes = scene.objects.store.list("storageclasses.storage.k8s.io", "");
        classes.find(|(_, class)| is_default(&class.value)).map(|(at, _)| at.name.clone())?
    };
    scene.change(place, |claim| claim["spec"]["storageClassName"] = json!(name));
    Some(String::new())
}

/// A free volume that has what the claim asks for, the smallest of them.
fn matching(scene: &Scene<'_>, claim: &Value) -> Option<Value> {
    let wanted = milli(&claim["spec"]["resources"]["requests"]["storage"]).unwrap_or(0);
    let selector = &claim["spec"]["selector"];
    let class = text(claim, "/spec/storageClassName");
    let volumes = scene.objects.store.list("persistentvolumes", "").map(|(_, volume)| &*volume.value);
    let fits = |volume: &&Value| {
        let reference = &volume["spec"]["claimRef"];
        let own = reference["name"] == claim["metadata"]["name"]
            && reference["namespace"] == claim["metadata"]["namespace"]
            && (reference["uid"].is_null() || reference["uid"] == claim["metadata"]["uid"]);
        let modes = list(volume, "/spec/accessModes");
        (own || (reference.is_null() && matches!(text(volume, "/status/phase"), "Available" | "Pending")))
            && !fields::is_ending(volume)
            && text(volume, "/spec/storageClassName") == class
            && milli(&volume["spec"]["capacity"]["storage"]).unwrap_or(0) >= wanted
            && list(claim, "/spec/accessModes").iter().all(|mode| modes.contains(mode))
            && text(volume, "/spec/volumeMode") == text(claim, "/spec/volumeMode")
            && (selector.is_null() || select::of_selector(selector).holds(&volume["metadata"]["labels"]))
    };
    let best = volumes.filter(fits).min_by_key(|volume| {
        let reserved = volume["spec"]["claimRef"].is_null();
        (reserved, milli(&volume["spec"]["capacity"]["storage"]), fields::name(volume).to_owned())
    });
    best.cloned()
}

fn reference(claim: &Value) -> Value {
    json!({
        "kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": fields::namespace(claim), "name": fields::name(claim),
        "uid": fields::uid(claim), "resourceVersion": text(claim, "/metadata/resourceVersion"),
    })
}

/// Binds a claim to a volume.
fn bind(scene: &mut Scene<'_>, place: &Place, claim: &Value, volume: &Value) {
    let name = fields::name(volume).to_owned();
    let at = Place::new("persistentvolumes", "", &name);
    let stamp = scene.stamp.clone();
    scene.change(&at, |volume| {
        if volume["spec"]["claimRef"]["uid"] != claim["metadata"]["uid"] {
            volume["spec"]["claimRef"] = reference(claim);
            set(volume, "metadata/annotations", BOUND, "yes");
        }
        if volume["status"]["phase"] != "Bound" {
            volume["status"]["phase"] = json!("Bound");
            volume["status"]["lastPhaseTransitionTime"] = json!(stamp);
        }
    });
    let Some(volume) = scene.get(&at) else { return };
    scene.change(place, |claim| {
        claim["spec"]["volumeName"] = json!(name);
        set(claim, "metadata/annotations", DONE, "yes");
        set(claim, "metadata/annotations", BOUND, "yes");
        claim["status"]["phase"] = json!("Bound");
        claim["status"]["accessModes"] = volume.value["spec"]["accessModes"].clone();
        claim["status"]["capacity"] = volume.value["spec"]["capacity"].clone();
    });
}

/// A claim that names its volume: lost where that is gone, larger where it may be.
fn bound(scene: &mut Scene<'_>, place: &Place, claim: &Value, name: &str) {
    let Some(volume) = scene.get(&Place::new("persistentvolumes", "", name)) else {
        if text(claim, "/status/phase") == "Bound" {
            scene.change(place, |claim| claim["status"]["phase"] = json!("Lost"));
            scene.warning(
                claim,
                COMPONENT,
                "ClaimLost",
                "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
            );
        }
        return;
    };
    if text(claim, "/status/phase") != "Bound" {
        let free = volume.value["spec"]["claimRef"].is_null()
            || volume.value["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
            || (volume.value["spec"]["claimRef"]["uid"].is_null()
                && volume.value["spec"]["claimRef"]["name"] == claim["metadata"]["name"]);
        if free {
            bind(scene, place, claim, &volume.value);
        }
        return;
    }
    grow(scene, place, claim, &volume.value);
}

/// A claim that asks for more than it has gets it, where its class allows that.
fn grow(scene: &mut Scene<'_>, place: &Place, claim: &Value, volume: &Value) {
    let wanted = &claim["spec"]["resources"]["requests"]["storage"];
    let has = &claim["status"]["capacity"]["storage"];
    if milli(wanted).unwrap_or(0) <= milli(has).unwrap_or(0) {
        return;
    }
    let class = scene.get(&Place::new("storageclasses.storage.k8s.io", "", text(claim, "/spec/storageClassName")));
    if class.is_none_or(|class| class.value["allowVolumeExpansion"] != true) {
        return;
    }
    let at = fields::place("persistentvolumes", volume);
    let wanted = wanted.clone();
    scene.change(&at, |volume| volume["spec"]["capacity"]["storage"] = wanted.clone());
    scene.change(place, |claim| claim["status"]["capacity"]["storage"] = wanted);
    let host = "external-resizer";
    scene.normal(claim, host, "VolumeResizeSuccessful", "Resize volume succeeded");
}

/// Lets a class's provisioner make a volume.
fn provision(scene: &mut Scene<'_>, place: &Place, claim: &Value, class: &Value, node: &str) {
    let provisioner = text(class, "/provisioner").to_owned();
    if provisioner == "kubernetes.io/no-provisioner" {
        let message = format!("no volume plugin matched name: {provisioner}");
        return scene.warning(claim, COMPONENT, "ProvisioningFailed", &message);
    }
    let begun = text(claim, "/metadata/annotations/volume.kubernetes.io~1storage-provisioner").is_empty();
    if begun {
        let own = provisioner.clone();
        scene.change(place, |claim| {
            set(claim, "metadata/annotations", "volume.beta.kubernetes.io/storage-provisioner", own.as_str());
            set(claim, "metadata/annotations", "volume.kubernetes.io/storage-provisioner", own.as_str());
        });
        let message = format!(
            "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the system \
             administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
        );
        scene.normal(claim, COMPONENT, "ExternalProvisioning", &message);
        let message =
            format!("External provisioner is provisioning volume for claim \"{}/{}\"", place.namespace, place.name);
        scene.normal(claim, &provisioner, "Provisioning", &message);
        scene.at(scene.now + MAKING, Key { who: Who::Claim, place: place.clone() });
        return;
    }
    // A change in between does not hurry it.
    let key = Key { who: Who::Claim, place: place.clone() };
    if scene.is_due(&key) {
        return;
    }
    let snapshot = match snapshot(scene, place, claim) {
        Ok(snapshot) => snapshot,
        Err(why) => {
            let message = format!("failed to provision volume with StorageClass \"{}\": {why}", fields::name(class));
            scene.warning(claim, &provisioner, "ProvisioningFailed", &message);
            return scene.at(scene.now + SignedDuration::from_secs(5), key);
        }
    };
    if idle(scene, &provisioner) {
        return scene.at(scene.now + SignedDuration::from_secs(5), key);
    }
    let name = format!("pvc-{}", fields::uid(claim));
    let mut spec = json!({
        "accessModes": claim["spec"]["accessModes"], "capacity": { "storage": claim["spec"]["resources"]["requests"]["storage"] },
        "claimRef": reference(claim), "persistentVolumeReclaimPolicy": class["reclaimPolicy"].as_str().unwrap_or("Delete"),
        "storageClassName": fields::name(class), "volumeMode": claim["spec"]["volumeMode"].as_str().unwrap_or("Filesystem"),
    });
    let local = ["local", "hostpath"].iter().any(|word| provisioner.contains(word));
    if local {
        spec["local"] = json!({ "path": format!("/var/openebs/local/{name}") });
        let rule = json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": [node] });
        if !node.is_empty() {
            spec["nodeAffinity"] = json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": [rule] }] } });
        }
    } else {
        spec["csi"] = json!({ "driver": provisioner, "volumeHandle": format!("0001-0009-{}", fields::uid(claim)), "fsType": "ext4" });
    }
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": { "name": name, "annotations": { "pv.kubernetes.io/provisioned-by": provisioner } }, "spec": spec,
    });
    match scene.create(volume) {
        Ok(volume) => {
            if let Some(snapshot) = snapshot {
                scene.objects.inside.disks.restore(&snapshot, fields::uid(claim));
            }
            scene.normal(
                claim,
                &provisioner,
                "ProvisioningSucceeded",
                &format!("Successfully provisioned volume {name}"),
            );
            let Some(now) = scene.get(place) else { return };
            bind(scene, place, &now.value, &volume.value);
        }
        Err(why) => {
            let message = format!("failed to provision volume with StorageClass \"{}\": {why}", fields::name(class));
            scene.warning(claim, &provisioner, "ProvisioningFailed", &message);
            scene.at(scene.now + SignedDuration::from_secs(10), key);
        }
    }
}

/// Whether the provisioner has a Deployment here, and no pod of it is ready. What it is called follows from the driver:
/// `rook-ceph.rbd.csi.ceph.com` is `csi-rbdplugin-provisioner` of Rook's namespace, `openebs.io/local` OpenEBS' provisioner.
fn idle(scene: &Scene<'_>, driver: &str) -> bool {
    let of_rook = driver.strip_suffix(".rbd.csi.ceph.com");
    let vendor = driver.split('.').next().unwrap_or(driver);
    let own = |place: &Place| {
        place.name.contains("provisioner")
            && of_rook.map_or_else(
                || place.name.starts_with(vendor),
                |rook| place.namespace == rook && place.name.contains("rbd"),
            )
    };
    let mut all = scene.objects.store.list("deployments.apps", "").filter(|(place, _)| own(place)).peekable();
    all.peek().is_some() && all.all(|(_, one)| one.value["status"]["readyReplicas"].as_u64().unwrap_or(0) == 0)
}

/// The uid of the snapshot that a claim is to be filled from; none where it names none.
fn snapshot(scene: &Scene<'_>, place: &Place, claim: &Value) -> Result<Option<String>, String> {
    let source = if claim["spec"]["dataSource"].is_null() { "dataSourceRef" } else { "dataSource" };
    let source = &claim["spec"][source];
    if source["kind"] != "VolumeSnapshot" {
        return Ok(None);
    }
    let name = text(source, "/name");
    let told = |why: &str| format!("error getting handle for DataSource Type VolumeSnapshot by Name {name}: {why}");
    let kept = scene.get(&Place::new("volumesnapshots.snapshot.storage.k8s.io", &place.namespace, name));
    let kept = kept.ok_or_else(|| told(&format!("volumesnapshots.snapshot.storage.k8s.io \"{name}\" not found")))?;
    match kept.value["status"]["readyToUse"] == true {
        true => Ok(Some(fields::uid(&kept.value).to_owned())),
        false => Err(told(&format!("snapshot {name} is not Ready"))),
    }
}

/// Brings a volume one step on: free, bound, released, and gone.
pub(super) fn volume(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let volume = &stored.value;
    let reference = &volume["spec"]["claimRef"];
    let claim =
        scene.get(&Place::new("persistentvolumeclaims", text(reference, "/namespace"), text(reference, "/name")));
    let held =
        claim.is_some_and(|claim| reference["uid"].is_null() || reference["uid"] == claim.value["metadata"]["uid"]);
    let phase = text(volume, "/status/phase").to_owned();
    let wanted = match (reference.is_null(), held) {
        (true, _) => "Available",
        (false, true) if phase == "Bound" => "Bound",
        // A volume that was kept for a claim waits for it.
        (false, _) if reference["uid"].is_null() => "Available",
        (false, true) => return,
        (false, false) => "Released",
    };
    if fields::is_ending(volume) && wanted != "Bound" {
        scene.change(place, |volume| volume["status"]["phase"] = json!(wanted));
        endings::unprotect(scene.objects, place);
        return;
    }
    if phase != wanted {
        let stamp = scene.stamp.clone();
        scene.change(place, |volume| {
            volume["status"]["phase"] = json!(wanted);
            volume["status"]["lastPhaseTransitionTime"] = json!(stamp);
        });
    }
    if wanted == "Released" && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
        scene.delete(place);
        endings::unprotect(scene.objects, place);
    }
}
