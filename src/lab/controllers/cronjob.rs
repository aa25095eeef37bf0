//! CronJobs: a Job at each time of a schedule.
//!
//! Source: k8s.io/kubernetes `pkg/controller/cronjob`.

use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fields::{self, holds, owner_reference, text, time_at};
use super::manager::{Key, Who};
use super::scene::Scene;
use crate::lab::kube::store::{Place, Stored};

const COMPONENT: &str = "cronjob-controller";

/// Brings a CronJob one step on.
pub(super) fn look(scene: &mut Scene<'_>, place: &Place) {
    let Some(stored) = scene.get(place) else { return };
    let cron = &stored.value;
    if fields::is_ending(cron) {
        return;
    }
    let jobs = jobs(scene, cron);
    forget(scene, cron, &jobs);
    note(scene, place, cron, &jobs);
    if cron["spec"]["suspend"] == true {
        return;
    }
    let zone = cron["spec"]["timeZone"].as_str().and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let Some(schedule) = Schedule::of(text(cron, "/spec/schedule")) else {
        let message = format!("unparseable schedule: {}", text(cron, "/spec/schedule"));
        return scene.warning(cron, COMPONENT, "UnparseableSchedule", &message);
    };
    let Some(stored) = scene.get(place) else { return };
    let cron = &stored.value;
    let last = time_at(cron, "/status/lastScheduleTime").or_else(|| time_at(cron, "/metadata/creationTimestamp"));
    let mut due = last.and_then(|last| schedule.after(last, &zone));
    // Of several that were missed, the last one counts.
    while let Some(next) = due.and_then(|at| schedule.after(at, &zone)).filter(|next| *next <= scene.now) {
        due = Some(next);
    }
    let key = Key { who: Who::CronJob, place: place.clone() };
    match due {
        Some(due) if due <= scene.now => {
            start(scene, place, cron, &jobs, due);
            if let Some(next) = schedule.after(scene.now, &zone) {
                scene.at(next, key);
            }
        }
        Some(due) => scene.at(due, key),
        None => {}
    }
}

fn jobs(scene: &Scene<'_>, cron: &Value) -> Vec<Arc<Stored>> {
    let places = scene.index.owned(fields::uid(cron)).filter(|place| place.resource == "jobs.batch");
    let mut jobs: Vec<Arc<Stored>> = places.filter_map(|place| scene.get(place)).collect();
    jobs.sort_by_key(|job| text(&job.value, "/metadata/creationTimestamp").to_owned());
    jobs
}

/// Starts the Job of a time.
fn start(scene: &mut Scene<'_>, place: &Place, cron: &Value, jobs: &[Arc<Stored>], due: Timestamp) {
    let late = cron["spec"]["startingDeadlineSeconds"].as_i64();
    if late.is_some_and(|seconds| scene.now > due + SignedDuration::from_secs(seconds)) {
        let message = format!("Missed scheduled time to start a job: {}", due.strftime("%Y-%m-%d %H:%M:%S"));
        return scene.warning(cron, COMPONENT, "MissSchedule", &message);
    }
    let active: Vec<&Arc<Stored>> =
        jobs.iter().filter(|job| !holds(&job.value, "Complete") && !holds(&job.value, "Failed")).collect();
    match text(cron, "/spec/concurrencyPolicy") {
        "Forbid" if !active.is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            return scene.normal(cron, COMPONENT, "JobAlreadyActive", message);
        }
        "Replace" => {
            for job in &active {
                scene.delete(&fields::place("jobs.batch", &job.value));
                scene.normal(cron, COMPONENT, "SuccessfulDelete", &format!("Deleted job {}", fields::name(&job.value)));
            }
        }
        _ => {}
    }
    let template = &cron["spec"]["jobTemplate"];
    let name = format!("{}-{}", fields::name(cron), due.as_second() / 60);
    let mut annotations = template["metadata"]["annotations"].clone();
    annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] =
        json!(due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {
            "name": name, "namespace": place.namespace, "labels": template["metadata"]["labels"], "annotations": annotations,
            "ownerReferences": [owner_reference(cron)],
        },
        "spec": template["spec"],
    });
    match scene.create(job) {
        Ok(_) => scene.normal(cron, COMPONENT, "SuccessfulCreate", &format!("Created job {name}")),
        Err(why) if why.contains("already exists") || why.contains("being terminated") => {}
        Err(why) => return scene.warning(cron, COMPONENT, "FailedCreate", &format!("Error creating job: {why}")),
    }
    scene.change(place, |cron| {
        cron["status"]["lastScheduleTime"] = json!(due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    });
}

/// Forgets Jobs that are over, but for as many as the history keeps.
fn forget(scene: &mut Scene<'_>, cron: &Value, jobs: &[Arc<Stored>]) {
    for (kind, limit, default) in
        [("Complete", "successfulJobsHistoryLimit", 3), ("Failed", "failedJobsHistoryLimit", 1)]
    {
        let over: Vec<&Arc<Stored>> = jobs.iter().filter(|job| holds(&job.value, kind)).collect();
        let keep = usize::try_from(cron["spec"][limit].as_i64().unwrap_or(default)).unwrap_or(0);
        for job in over.iter().take(over.len().saturating_sub(keep)) {
            scene.delete(&fields::place("jobs.batch", &job.value));
            scene.normal(cron, COMPONENT, "SuccessfulDelete", &format!("Deleted job {}", fields::name(&job.value)));
        }
    }
}

/// Notes which Jobs run, tells of those that ended, and when the last one succeeded.
fn note(scene: &mut Scene<'_>, place: &Place, cron: &Value, jobs: &[Arc<Stored>]) {
    let is_over = |job: &Value| holds(job, "Complete") || holds(job, "Failed");
    for known in fields::list(cron, "/status/active") {
        let job = jobs.iter().find(|job| job.value["metadata"]["uid"] == known["uid"]);
        if let Some(job) = job.filter(|job| is_over(&job.value)) {
            let how = if holds(&job.value, "Complete") { "Complete" } else { "Failed" };
            let message = format!("Saw completed job: {}, condition: {how}", fields::name(&job.value));
            scene.normal(cron, COMPONENT, "SawCompletedJob", &message);
        }
    }
    let active: Vec<Value> = jobs
        .iter()
        .filter(|job| !is_over(&job.value))
        .map(|job| {
            json!({ "kind": "Job", "apiVersion": "batch/v1", "namespace": place.namespace, "name": fields::name(&job.value),
                    "uid": fields::uid(&job.value), "resourceVersion": text(&job.value, "/metadata/resourceVersion") })
        })
        .collect();
    let last = jobs.iter().filter_map(|job| job.value["status"]["completionTime"].as_str()).max().map(str::to_owned);
    let uids = |all: &[Value]| all.iter().map(|one| one["uid"].clone()).collect::<Vec<_>>();
    scene.change(place, |cron| {
        if uids(fields::list(cron, "/status/active")) != uids(&active) {
            if active.is_empty() {
                fields::unset(cron, "/status", "active");
            } else {
                cron["status"]["active"] = active.into();
            }
        }
        if let Some(last) = last.filter(|last| last.as_str() > text(cron, "/status/lastSuccessfulTime")) {
            cron["status"]["lastSuccessfulTime"] = json!(last);
        }
    });
}

/// Five fields, each the numbers that it allows.
#[derive(Debug)]
struct Schedule {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    days: Vec<i8>,
    months: Vec<i8>,
    weekdays: Vec<i8>,
    /// Whether day and weekday are both restricted: then either will do.
    either: bool,
}

impl Schedule {
    fn of(text: &str) -> Option<Self> {
        let text = match text {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            text => text,
        };
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else { return None };
        let open = |part: &str| part.starts_with('*') || part == "?";
        let mut weekdays = numbers(weekday, 0, 7, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"])?;
        if weekdays.contains(&7) && !weekdays.contains(&0) {
            weekdays.push(0);
        }
        let names = ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        Some(Self {
            minutes: numbers(minute, 0, 59, &[])?,
            hours: numbers(hour, 0, 23, &[])?,
            days: numbers(day, 1, 31, &[])?,
            months: numbers(month, 1, 12, &names)?,
            weekdays,
            either: !open(day) && !open(weekday),
        })
    }

    /// The first time after another.
    fn after(&self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut at: DateTime = time.to_zoned(zone.clone()).datetime();
        at = at.with().second(0).subsec_nanosecond(0).build().ok()?.checked_add(SignedDuration::from_mins(1)).ok()?;
        for _ in 0..100_000 {
            let fits_day = {
                let day = self.days.contains(&at.day());
                let weekday = self.weekdays.contains(&at.weekday().to_sunday_zero_offset());
                if self.either { day || weekday } else { day && weekday }
            };
            if !self.months.contains(&at.month()) || !fits_day {
                at = at.date().tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight());
            } else if !self.hours.contains(&at.hour()) {
                at = at.with().minute(0).build().ok()?.checked_add(SignedDuration::from_hours(1)).ok()?;
            } else if !self.minutes.contains(&at.minute()) {
                at = at.checked_add(SignedDuration::from_mins(1)).ok()?;
            } else {
                return Some(at.to_zoned(zone.clone()).ok()?.timestamp());
            }
        }
        None
    }
}

/// `*`, `*/5`, `1-5`, `1,3`, `mon`
fn numbers(text: &str, first: i8, last: i8, names: &[&str]) -> Option<Vec<i8>> {
    let number = |text: &str| -> Option<i8> {
        let name = names.iter().position(|name| !name.is_empty() && name.eq_ignore_ascii_case(text));
        name.map_or_else(|| text.parse().ok(), |at| i8::try_from(at).ok())
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) =
            part.split_once('/').map_or((part, Some(1)), |(range, step)| (range, step.parse::<usize>().ok()));
        let (from, to) = match range {
            "*" | "?" => (first, last),
            range => match range.split_once('-') {
                Some((from, to)) => (number(from)?, number(to)?),
                None if part.contains('/') => (number(range)?, last),
                None => (number(range)?, number(range)?),
            },
        };
        if from < first || to > last || from > to {
            return None;
        }
        all.extend((from..=to).step_by(step.filter(|step| *step > 0)?));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        let at: Timestamp = after.parse().unwrap();
        Schedule::of(schedule).unwrap().after(at, &TimeZone::UTC).unwrap().to_string()
    }

    #[test]
    fn the_next_time_of_a_schedule() {
        let begin = "2026-01-01T00:00:30Z"; // a Thursday
        assert_eq!(next("* * * * *", begin), "2026-01-01T00:01:00Z");
        assert_eq!(next("*/15 * * * *", begin), "2026-01-01T00:15:00Z");
        assert_eq!(next("0 2 * * *", begin), "2026-01-01T02:00:00Z");
        assert_eq!(next("30 4 1,15 * 5", begin), "2026-01-01T04:30:00Z");
        assert_eq!(next("0 0 * * mon-wed", begin), "2026-01-05T00:00:00Z");
        assert_eq!(next("0 0 29 2 *", begin), "2028-02-29T00:00:00Z");
        assert_eq!(next("@weekly", begin), "2026-01-04T00:00:00Z");
        assert!(Schedule::of("* * * *").is_none() && Schedule::of("61 * * * *").is_none());
    }

    #[test]
    fn a_job_is_made_at_each_time() {
        let mut stage = crate::lab::controllers::testing::Stage::new(1);
        stage.create(json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "tick", "namespace": "default" },
            "spec": { "schedule": "* * * * *", "jobTemplate": { "spec": { "template": { "spec": {
                "restartPolicy": "Never", "containers": [{ "name": "c", "image": "busybox", "command": ["true"] }] } } } } },
        }));
        stage.run(30);
        assert_eq!(stage.count("jobs.batch"), 0, "the minute is not over");
        stage.run(320);
        assert_eq!(stage.count("jobs.batch"), 3, "of five, three are remembered");
        let cron = stage.get("cronjobs.batch", "tick");
        assert!(cron["status"]["lastSuccessfulTime"].is_string(), "{}", cron["status"]);
        let events = stage.events("tick");
        assert!(events.iter().any(|event| event == "Normal SawCompletedJob"), "{events:?}");
    }
}
