//! Images: pulled where they are not on the node, and tried again where no registry has them.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::Node;
use super::cell::{Cell, State};
use crate::lab::controllers::fields::text;
use crate::lab::controllers::index::Pod;
use crate::lab::pods::images::Reference;
use crate::lab::world::{Cause, Wrong};

/// What a pull takes, and asking a registry whether an image is still the same.
const PULL: SignedDuration = SignedDuration::from_millis(400);
const ASK: SignedDuration = SignedDuration::from_millis(200);
/// What a container takes to be made.
pub(super) const MAKE: SignedDuration = SignedDuration::from_millis(300);
/// The mirror that nodes are told, and where nothing listens: the port that Spegel would have on them.
const MIRROR: &str = "127.0.0.1:29999";
/// How long the error itself stands before the wait does.
const SHOWN: SignedDuration = SignedDuration::from_secs(3);

/// Whether an image is on the node: it was pulled, or a pod that was there from the beginning has it.
fn is_there(node: &Node<'_, '_>, image: &str) -> bool {
    let whole = Reference::of(image).whole();
    let key = (node.name.to_owned(), whole.clone());
    let known: &HashSet<_> = node.images;
    known.contains(&key)
        || node.scene.index.on_node(node.name).any(|pod| {
            let statuses = crate::lab::controllers::fields::list(&pod.stored.value, "/status/containerStatuses");
            statuses.iter().any(|one| {
                let runs = one["state"]["running"].is_object() || one["state"]["terminated"].is_object();
                runs && Reference::of(text(one, "/image")).whole() == whole
            })
        })
}

/// Begins with a container: its image is looked for.
pub(super) fn begin(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell) {
    let now = node.scene.now;
    let image = text(&cell.spec, "/image").to_owned();
    let there = is_there(node, &image);
    match text(&cell.spec, "/imagePullPolicy") {
        "Never" if !there => {
            let message = format!("Container image \"{image}\" is not present with pull policy of Never");
            node.tell(pod, Some(&cell.name), "Warning", "ErrImageNeverPull", &message);
            let again = now + SignedDuration::from_secs(10);
            cell.state = State::Refused { reason: "ErrImageNeverPull", message, again };
        }
        policy if there && policy != "Always" => {
            let message = format!("Container image \"{image}\" already present on machine");
            node.tell(pod, Some(&cell.name), "Normal", "Pulled", &message);
            cell.state = State::Starting { until: now + MAKE };
        }
        _ => {
            node.tell(pod, Some(&cell.name), "Normal", "Pulling", &format!("Pulling image \"{image}\""));
            cell.state = State::Pulling { until: now + if there { ASK } else { PULL } };
        }
    }
}

/// What stands between a node and an image, as its container runtime says it.
fn unreached(node: &Node<'_, '_>, image: &str) -> Option<String> {
    let world = node.scene.world;
    let reference = Reference::of(image);
    let (whole, host) = (reference.whole(), reference.repository.split('/').next().unwrap_or_default().to_owned());
    let of_node =
        world.topology.nodes().find(|(_, one)| *one.name.get_ref() == node.name).map(|(name, _)| name.to_owned());
    let failed = |code: &str, why: &str| {
        format!(
            "rpc error: code = {code} desc = failed to pull and unpack image \"{whole}\": failed to resolve reference \"{whole}\": {why}"
        )
    };
    let own = node.scene.objects.inside.images.is_own(image);
    let unwell = own.then(|| world.service("harbor")).into_iter().flatten().find_map(|wrong| {
        let code = match wrong {
            Wrong::Down => return Some("connect: connection refused".to_owned()),
            Wrong::Hangs => return Some("net/http: TLS handshake timeout".to_owned()),
            Wrong::Status(code) => code,
            Wrong::TooMany(_) => 429,
            Wrong::Unavailable(_) => 503,
            _ => return None,
        };
        let reason = http::StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()).unwrap_or_default();
        Some(format!("unexpected status: {code} {reason}"))
    });
    if let Some(why) = unwell {
        return Some(failed("Unknown", &format!("failed to do request: Head \"https://{host}/v2/\": {why}")));
    }
    world.causes().into_iter().find_map(|(cause, _)| match cause {
        Cause::Image { image: gone } if image.starts_with(&gone) || whole.starts_with(&gone) => {
            Some(failed("NotFound", &format!("{whole}: not found")))
        }
        Cause::Mirror { cluster } if Some(&cluster) == of_node.as_ref() => {
            let path = reference.repository.split_once('/').map_or("", |(_, path)| path);
            let asked = format!("http://{MIRROR}/v2/{path}/manifests/{}?ns={host}", reference.tag);
            let dial =
                format!("failed to do request: Head \"{asked}\": dial tcp {MIRROR}: connect: connection refused");
            Some(failed("Unavailable", &dial))
        }
        Cause::Egress { cluster, .. } if Some(&cluster) == of_node.as_ref() && !world.reaches(&cluster, &host) => {
            let dial =
                format!("failed to do request: Head \"https://{host}/v2/\": dial tcp: lookup {host}: i/o timeout");
            Some(failed("Unknown", &dial))
        }
        _ => None,
    })
}

/// A pull has come to its end.
pub(super) fn pulled(node: &mut Node<'_, '_>, pod: &Pod, cell: &mut Cell) {
    let now = node.scene.now;
    let image = text(&cell.spec, "/image").to_owned();
    let reached = unreached(node, &image).map_or(Ok(()), Err);
    let secrets = pod.stored.value["spec"]["imagePullSecrets"].as_array().is_some_and(|all| !all.is_empty());
    match reached.and_then(|()| node.scene.objects.inside.images.pull(&image, secrets)) {
        Ok(()) => {
            let whole = Reference::of(&image).whole();
            let fresh = node.images.insert((node.name.to_owned(), whole.clone()));
            let took = if fresh { PULL } else { ASK }.as_millis();
            // The same image is of the same size each time.
            let size = 1_000_000 + whole.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 90_000_000);
            let message = format!(
                "Successfully pulled image \"{image}\" in {took}ms ({took}ms including waiting). Image size: {size} bytes."
            );
            node.tell(pod, Some(&cell.name), "Normal", "Pulled", &message);
            cell.state = State::Starting { until: now + MAKE };
        }
        Err(why) => {
            node.tell(pod, Some(&cell.name), "Warning", "Failed", &format!("Failed to pull image \"{image}\": {why}"));
            node.tell(pod, Some(&cell.name), "Warning", "Failed", "Error: ErrImagePull");
            let again = cell.next_pull(now);
            cell.told_pull = false;
            cell.state = State::PullFailed { message: why, since: now, again };
        }
    }
}

/// A pull has failed: after a moment the wait is told, and after the wait it is tried again. When to look again.
pub(super) fn failed(
    node: &mut Node<'_, '_>,
    pod: &Pod,
    cell: &mut Cell,
    since: Timestamp,
    again: Timestamp,
) -> Timestamp {
    let now = node.scene.now;
    if now >= again {
        begin(node, pod, cell);
        return now;
    }
    if now < since + SHOWN {
        return (since + SHOWN).min(again);
    }
    if !cell.told_pull {
        cell.told_pull = true;
        let image = text(&cell.spec, "/image").to_owned();
        node.tell(pod, Some(&cell.name), "Normal", "BackOff", &format!("Back-off pulling image \"{image}\""));
        node.tell(pod, Some(&cell.name), "Warning", "Failed", "Error: ImagePullBackOff");
    }
    again
}

/// Whether the wait is told, and no longer the error.
pub(super) fn waits(cell: &Cell) -> bool {
    cell.told_pull
}
