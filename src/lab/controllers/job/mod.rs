//! Jobs: pods that run to their end, as often as it takes, or as often as is allowed.
//!
//! Source: k8s.io/kubernetes `pkg/controller/job`.

mod finish;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fields::{self, number, text, time_at};
use super::index::{Phase, Pod};
use super::manager::{Key, Who};
use super::scene::Scene;
use super::template;
use crate::lab::kube::store::Place;

pub(super) const COMPONENT: &str = "job-controller";
/// By it, a pod is kept until its end is counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// The wait after a pod that failed, and the longest.
const FIRST: SignedDuration = SignedDuration::from_secs(10);
const LONGEST: SignedDuration = SignedDuration::from_secs(600);

/// What is counted of a Job's pods.
#[derive(Debug, Default)]
struct Count {
    succeeded: i64,
    failed: i64,
    done: BTreeSet<i64>,
    last_failure: Option<Timestamp>,
}

/// Brings a Job one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return left(scene, place) };
    let job = &stored.value;
    if finish::is_finished(job) {
        release(scene, job);
        return finish::expire(scene, place, job);
    }
    if fields::is_ending(job) {
        return release(scene, job);
    }
    if text(job, "/status/startTime").is_empty() && job["spec"]["suspend"] != true {
        let stamp = scene.stamp.clone();
        scene.change(place, |job| job["status"]["startTime"] = json!(stamp));
        return;
    }
    let pods: Vec<Arc<Pod>> = scene.index.controlled(fields::uid(job)).cloned().collect();
    let count = count(scene, place, job, &pods);
    let Some(stored) = scene.get(place) else { return };
    let job = &stored.value;
    let active: Vec<Arc<Pod>> = pods.iter().filter(|pod| pod.is_active()).cloned().collect();
    if let Some((reason, message)) = failure(scene, place, job, &count, &active) {
        for pod in &active {
            scene.delete(&pod.place);
        }
        return finish::fail(scene, place, reason, &message, &count_now(&count, &[], &pods));
    }
    if job["spec"]["suspend"] == true {
        return finish::suspend(scene, place, job, &active);
    }
    let wanted = job["spec"]["completions"].as_i64();
    let complete = match wanted {
        Some(wanted) => count.succeeded >= wanted,
        // Without a number, one that succeeded is enough, once the others have ended.
        None => count.succeeded > 0 && active.is_empty(),
    };
    if complete {
        for pod in &active {
            scene.delete(&pod.place);
        }
        return finish::complete(scene, place, &count_now(&count, &[], &pods));
    }
    let made = manage(scene, place, job, &active, &count);
    let Some(stored) = scene.get(place) else { return };
    let status = count_now(&count, &active, &pods);
    finish::write(scene, place, &stored.value, &status, made);
}

/// Counts the pods that ended since the last time, and lets them go.
fn count(scene: &mut Scene<'_>, place: &Place, job: &Value, pods: &[Arc<Pod>]) -> Count {
    let mut count = Count {
        succeeded: number(job, "/status/succeeded"),
        failed: number(job, "/status/failed"),
        done: indexes(text(job, "/status/completedIndexes")),
        last_failure: None,
    };
    let indexed = job["spec"]["completionMode"] == "Indexed";
    for pod in pods {
        let tracked = fields::has_finalizer(&pod.stored.value, TRACKING);
        let gone = pod.ending && !pod.is_over() && pod.node.is_empty();
        if pod.phase == Phase::Failed {
            let ended = last_end(&pod.stored.value).unwrap_or(pod.created);
            count.last_failure = Some(count.last_failure.map_or(ended, |other| other.max(ended)));
        }
        if !tracked || !(pod.is_over() || gone) {
            continue;
        }
        if pod.phase == Phase::Succeeded {
            let own = pod.stored.value["metadata"]["annotations"][INDEX].as_str().and_then(|text| text.parse().ok());
            match own.filter(|_| indexed) {
                Some(own) => {
                    count.done.insert(own);
                    count.succeeded = i64::try_from(count.done.len()).unwrap_or(i64::MAX);
                }
                None => count.succeeded += 1,
            }
        } else {
            count.failed += 1;
        }
        scene.change(&pod.place, untrack);
    }
    let (succeeded, failed, done) = (count.succeeded, count.failed, shown(&count.done));
    scene.change(place, |job| {
        for (key, number) in [("succeeded", succeeded), ("failed", failed)] {
            if number > 0 {
                job["status"][key] = json!(number);
            }
        }
        if indexed && !done.is_empty() {
            job["status"]["completedIndexes"] = json!(done);
        }
    });
    count
}

fn untrack(pod: &mut Value) {
    if let Some(all) = pod["metadata"]["finalizers"].as_array_mut() {
        all.retain(|one| one != TRACKING);
    }
    if fields::list(pod, "/metadata/finalizers").is_empty() {
        fields::unset(pod, "/metadata", "finalizers");
    }
}

/// A Job that is over holds no pod any more.
fn release(scene: &mut Scene<'_>, job: &Value) {
    let pods: Vec<Arc<Pod>> = scene.index.controlled(fields::uid(job)).cloned().collect();
    for pod in pods.iter().filter(|pod| fields::has_finalizer(&pod.stored.value, TRACKING)) {
        scene.change(&pod.place, untrack);
    }
}

/// Pods of a Job that is gone are held by nobody.
fn left(scene: &mut Scene<'_>, place: &Place) {
    let of_job = |pod: &&Arc<Pod>| {
        let owner = pod.controller.as_ref();
        owner.is_some_and(|(kind, name, _)| kind == "Job" && *name == place.name)
            && fields::has_finalizer(&pod.stored.value, TRACKING)
    };
    let pods = scene.objects.store.list("pods", &place.namespace);
    let pods: Vec<Arc<Pod>> = pods.filter_map(|(at, _)| scene.index.pod(at)).filter(of_job).cloned().collect();
    for pod in pods {
        scene.change(&pod.place, untrack);
    }
}

/// When the last of a pod's containers ended.
fn last_end(pod: &Value) -> Option<Timestamp> {
    let statuses = fields::list(pod, "/status/containerStatuses").iter();
    statuses.filter_map(|one| time_at(one, "/state/terminated/finishedAt")).max()
}

/// `0-2,5`
fn indexes(text: &str) -> BTreeSet<i64> {
    let part = |part: &str| -> Option<std::ops::RangeInclusive<i64>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.split(',').filter_map(part).flatten().collect()
}

fn shown(done: &BTreeSet<i64>) -> String {
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for index in done {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => parts.push((*index, *index)),
        }
    }
    let part = |(first, last): &(i64, i64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}

/// Why a Job has failed, if it has.
fn failure(
    scene: &mut Scene<'_>,
    place: &Place,
    job: &Value,
    count: &Count,
    active: &[Arc<Pod>],
) -> Option<(&'static str, String)> {
    let limit = job["spec"]["backoffLimit"].as_i64().unwrap_or(6);
    // Containers that are started again within their pods count, too.
    let restarts: i64 = if text(job, "/spec/template/spec/restartPolicy") == "OnFailure" {
        active.iter().map(|pod| pod.restarts).sum()
    } else {
        0
    };
    if count.failed > limit || (restarts > 0 && restarts >= limit.max(1)) {
        return Some(("BackoffLimitExceeded", "Job has reached the specified backoff limit".into()));
    }
    let seconds = job["spec"]["activeDeadlineSeconds"].as_i64()?;
    let end = time_at(job, "/status/startTime")? + SignedDuration::from_secs(seconds);
    if scene.now >= end {
        return Some(("DeadlineExceeded", "Job was active longer than specified deadline".into()));
    }
    scene.at(end, Key { who: Who::Job, place: place.clone() });
    None
}

/// Makes or deletes pods, so that as many run as may. What came of it is how many are on their way.
fn manage(scene: &mut Scene<'_>, place: &Place, job: &Value, active: &[Arc<Pod>], count: &Count) -> i64 {
    let parallel = job["spec"]["parallelism"].as_i64().unwrap_or(1);
    let running = i64::try_from(active.len()).unwrap_or(0);
    let left = match job["spec"]["completions"].as_i64() {
        Some(wanted) => (wanted - count.succeeded).max(0).min(parallel),
        None if count.succeeded > 0 => running,
        None => parallel,
    };
    if running > left {
        for pod in active.iter().rev().take(usize::try_from(running - left).unwrap_or(0)) {
            scene.delete(&pod.place);
            scene.normal(job, COMPONENT, "SuccessfulDelete", &format!("Deleted pod: {}", pod.place.name));
        }
        return 0;
    }
    if running == left {
        return 0;
    }
    // After a failure, the next one waits, longer each time.
    if count.failed > 0
        && let Some(last) = count.last_failure
    {
        let doubled = 1_i32 << u32::try_from((count.failed - 1).clamp(0, 10)).unwrap_or(0);
        let due = last + (FIRST * doubled).min(LONGEST);
        if scene.now < due {
            scene.at(due, Key { who: Who::Job, place: place.clone() });
            return 0;
        }
    }
    let indexed = job["spec"]["completionMode"] == "Indexed";
    let taken: BTreeSet<i64> = active
        .iter()
        .filter_map(|pod| pod.stored.value["metadata"]["annotations"][INDEX].as_str()?.parse().ok())
        .chain(count.done.iter().copied())
        .collect();
    let mut free = (0..).filter(|index| !taken.contains(index));
    let mut made = 0;
    for _ in running..left {
        let index = if indexed { free.next() } else { None };
        match scene.create(pod(job, index)) {
            Ok(pod) => {
                made += 1;
                scene.normal(job, COMPONENT, "SuccessfulCreate", &format!("Created pod: {}", fields::name(&pod.value)));
            }
            Err(why) if why.contains("being terminated") => break,
            Err(why) => {
                scene.warning(job, COMPONENT, "FailedCreate", &format!("Error creating: {why}"));
                scene.at(scene.now + SignedDuration::from_secs(5), Key { who: Who::Job, place: place.clone() });
                break;
            }
        }
    }
    made
}

fn pod(job: &Value, index: Option<i64>) -> Value {
    let mut pod = template::pod(job, &job["spec"]["template"]);
    pod["metadata"]["finalizers"] = json!([TRACKING]);
    if let Some(index) = index {
        let own = index.to_string();
        pod["metadata"]["annotations"][INDEX] = json!(own);
        pod["metadata"]["labels"][INDEX] = json!(own);
        pod["metadata"]["generateName"] = json!(format!("{}-{index}-", fields::name(job)));
        pod["spec"]["hostname"] = json!(format!("{}-{index}", fields::name(job)));
        for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
            let variable = json!({ "name": "JOB_COMPLETION_INDEX", "valueFrom": { "fieldRef": {
                "apiVersion": "v1", "fieldPath": format!("metadata.annotations['{INDEX}']") } } });
            match container["env"].as_array_mut() {
                Some(all) => all.push(variable),
                None => container["env"] = json!([variable]),
            }
        }
    }
    pod
}

/// The numbers of a status.
fn count_now(count: &Count, active: &[Arc<Pod>], all: &[Arc<Pod>]) -> Value {
    json!({
        "active": active.len(), "ready": active.iter().filter(|pod| pod.ready.is_some()).count(),
        "terminating": all.iter().filter(|pod| pod.ending && !pod.is_over()).count(),
        "succeeded": count.succeeded, "failed": count.failed, "uncountedTerminatedPods": {},
        "completedIndexes": shown(&count.done),
    })
}
