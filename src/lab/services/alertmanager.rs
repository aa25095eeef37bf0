//! Alertmanager: alerts that vmalert or anybody else sent, and silences.
//!
//! Source: Alertmanager 0.28, `api/v2/openapi.yaml`.

use std::collections::BTreeMap;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::promql::Labels;
use super::{Asked, Reply, Site, victoria};

/// An alert whose end was not said is over this long after it was last sent.
const RESOLVED: SignedDuration = SignedDuration::from_mins(5);

/// What was sent to it.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    alerts: BTreeMap<Labels, Sent>,
    silences: BTreeMap<String, Value>,
    counted: u64,
}

#[derive(Debug)]
struct Sent {
    annotations: Value,
    from: Timestamp,
    until: Timestamp,
    updated: Timestamp,
    source: String,
}

pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let now = site.services.now();
    match (&asked.method, parts.as_slice()) {
        (_, ["-", "healthy" | "ready"]) => Reply::text(200, "OK"),
        (_, ["metrics"]) => super::metrics::of_pod(site),
        (&Method::GET, ["api", "v2", "status"]) => Reply::json(
            200,
            &json!({
                "cluster": { "name": site.name(), "peers": [{ "address": format!("{}:9094", site.pod["status"]["podIP"].as_str().unwrap_or_default()), "name": site.name() }], "status": "ready" },
                "config": { "original": "route:\n  receiver: blackhole\nreceivers:\n- name: blackhole\n" },
                "uptime": site.pod["status"]["startTime"],
                "versionInfo": { "version": "0.28.1", "branch": "HEAD", "revision": "", "buildUser": "", "buildDate": "", "goVersion": "go1.24" },
            }),
        ),
        (&Method::GET, ["api", "v2", "receivers"]) => Reply::json(200, &json!([{ "name": "blackhole" }])),
        (&Method::GET, ["api", "v2", "alerts"]) => Reply::json(200, &alerts(site, asked, now).into()),
        (&Method::GET, ["api", "v2", "alerts", "groups"]) => {
            let all = alerts(site, asked, now);
            Reply::json(
                200,
                &if all.is_empty() {
                    json!([])
                } else {
                    json!([{ "labels": {}, "receiver": { "name": "blackhole" }, "alerts": all }])
                },
            )
        }
        (&Method::POST, ["api", "v2", "alerts"]) => post(site, asked, now),
        (&Method::GET, ["api", "v2", "silences"]) => {
            let state = site.services.state();
            Reply::json(200, &state.notices.silences.values().map(|one| aged(one, now)).collect())
        }
        (&Method::POST, ["api", "v2", "silences"]) => silence(site, asked, now),
        (&Method::GET, ["api", "v2", "silence", id]) => {
            let state = site.services.state();
            state.notices.silences.get(*id).map_or_else(|| Reply::empty(404), |one| Reply::json(200, &aged(one, now)))
        }
        (&Method::DELETE, ["api", "v2", "silence", id]) => match site.services.state().notices.silences.get_mut(*id) {
            Some(one) => {
                one["endsAt"] = now.to_string().into();
                Reply::empty(200)
            }
            None => Reply::empty(404),
        },
        (_, ["api", "v1", ..]) => Reply::json(
            410,
            &json!({ "status": "deprecated", "error": "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the equivalent route in the v2 API" }),
        ),
        (_, []) => {
            Reply::html(200, "<!DOCTYPE html>\n<html><head><title>Alertmanager</title></head><body></body></html>\n")
        }
        _ => Reply::json(404, &json!({ "code": 404, "message": format!("path {} was not found", asked.path) })),
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn bad(message: &str) -> Reply {
    Reply::json(400, &json!(message))
}

/// A silence with the state that it has by now.
fn aged(silence: &Value, now: Timestamp) -> Value {
    let mut silence = silence.clone();
    let state = match (time(&silence["startsAt"]), time(&silence["endsAt"])) {
        (_, Some(end)) if end <= now => "expired",
        (Some(start), _) if start > now => "pending",
        _ => "active",
    };
    silence["status"] = json!({ "state": state });
    silence
}

/// Whether a silence's matchers all fit.
fn hushes(silence: &Value, labels: &Labels) -> bool {
    silence["matchers"].as_array().is_some_and(|all| {
        all.iter().all(|one| {
            let own = one["name"].as_str().and_then(|name| labels.get(name)).map(String::as_str).unwrap_or_default();
            let value = one["value"].as_str().unwrap_or_default();
            let fits = if one["isRegex"] == true {
                regex::Regex::new(&format!("^(?:{value})$")).is_ok_and(|regex| regex.is_match(own))
            } else {
                own == value
            };
            fits == (one["isEqual"] != false)
        })
    })
}

fn alerts(site: &Site<'_>, asked: &Asked, now: Timestamp) -> Vec<Value> {
    // vmalert sends what fires to the one of its own cluster.
    let own = site.services.clusters.get(&site.cluster.name);
    let firing = own.map(|cluster| victoria::alerts(site.services, cluster)).unwrap_or_default();
    let state = site.services.state();
    let mut all: Vec<(Labels, Value)> = Vec::new();
    for alert in firing.into_iter().filter(|alert| alert.state == "firing") {
        let from = Timestamp::from_millisecond((alert.since * 1000.0) as i64).unwrap_or(now);
        let shown = json!({
            "annotations": alert.annotations, "startsAt": from.to_string(), "endsAt": (now + RESOLVED).to_string(),
            "updatedAt": now.to_string(), "generatorURL": "", "labels": alert.labels,
        });
        all.push((alert.labels, shown));
    }
    for (labels, sent) in state.notices.alerts.iter().filter(|(_, sent)| sent.until > now) {
        let shown = json!({
            "annotations": sent.annotations, "startsAt": sent.from.to_string(), "endsAt": sent.until.to_string(),
            "updatedAt": sent.updated.to_string(), "generatorURL": sent.source, "labels": labels,
        });
        all.push((labels.clone(), shown));
    }
    let silences: Vec<Value> = state.notices.silences.values().map(|one| aged(one, now)).collect();
    let no = |key: &str| asked.value(key).as_deref() == Some("false");
    let filters: Vec<_> = asked
        .values("filter")
        .iter()
        .filter_map(|text| super::promql::selector(&format!("{{{text}}}")).ok())
        .flatten()
        .collect();
    let mut out = Vec::new();
    for (labels, mut shown) in all {
        let by: Vec<&Value> = silences
            .iter()
            .filter(|one| one["status"]["state"] == "active" && hushes(one, &labels))
            .map(|one| &one["id"])
            .collect();
        let silenced = !by.is_empty();
        if (silenced && no("silenced")) || (!silenced && no("active")) || !filters.iter().all(|one| one.meets(&labels))
        {
            continue;
        }
        shown["status"] = json!({ "state": if silenced { "suppressed" } else { "active" }, "silencedBy": by, "inhibitedBy": [], "mutedBy": [] });
        shown["receivers"] = json!([{ "name": "blackhole" }]);
        shown["fingerprint"] = fingerprint(&labels).into();
        out.push(shown);
    }
    out
}

fn fingerprint(labels: &Labels) -> String {
    let sum = Sha256::digest(json!(labels).to_string().as_bytes());
    sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn post(site: &Site<'_>, asked: &Asked, now: Timestamp) -> Reply {
    let Some(all) = asked.json().and_then(|body| body.as_array().cloned()) else {
        return bad("parsing alerts body failed: an array is expected");
    };
    let mut state = site.services.state();
    for alert in all {
        let labels: Labels = alert["labels"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().into()))
            .collect();
        if labels.is_empty() {
            return bad("at least one label pair required");
        }
        let from = time(&alert["startsAt"]).unwrap_or(now);
        let until = time(&alert["endsAt"]).unwrap_or(now + RESOLVED);
        if until < from {
            return bad("start time must be before end time");
        }
        let source = alert["generatorURL"].as_str().unwrap_or_default().to_string();
        state
            .notices
            .alerts
            .insert(labels, Sent { annotations: alert["annotations"].clone(), from, until, updated: now, source });
    }
    Reply::empty(200)
}

fn silence(site: &Site<'_>, asked: &Asked, now: Timestamp) -> Reply {
    let Some(mut silence) = asked.json() else { return bad("parsing silence body failed") };
    let has = |key: &str| silence[key].as_str().is_some_and(|text| !text.is_empty());
    if !has("createdBy") || !has("comment") {
        return bad("invalid silence: creator information and comment are needed");
    }
    if silence["matchers"].as_array().is_none_or(Vec::is_empty) {
        return bad("invalid silence: at least one matcher required");
    }
    let (Some(from), Some(until)) = (time(&silence["startsAt"]), time(&silence["endsAt"])) else {
        return bad("invalid silence: startsAt and endsAt have to be times");
    };
    if until < from {
        return bad("failed to create silence: end time must be after start time");
    }
    if until <= now {
        return bad("failed to create silence: end time can't be in the past");
    }
    let mut state = site.services.state();
    let known = silence["id"].as_str().filter(|id| state.notices.silences.contains_key(*id)).map(String::from);
    if silence["id"].as_str().is_some_and(|id| !id.is_empty()) && known.is_none() {
        return Reply::json(404, &json!("silence not found"));
    }
    state.notices.counted += 1;
    let id = known.unwrap_or_else(|| format!("{:08x}-0000-4000-8000-000000000000", state.notices.counted));
    silence["id"] = id.clone().into();
    silence["updatedAt"] = now.to_string().into();
    state.notices.silences.insert(id.clone(), silence);
    Reply::json(200, &json!({ "silenceID": id }))
}
