//! Alerts: the rules that a cluster's objects say, worked out now and at the beginning of their `for`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Flow, part, success};
use crate::lab::kube::cluster::Cluster;
use crate::lab::services::promql::{self, Labels, Outcome, Query, Sample};
use crate::lab::services::series::Metrics;
use crate::lab::services::{Reply, Services};

/// The kinds that have rules.
const RULES: [&str; 2] = ["prometheusrules.monitoring.coreos.com", "vmrules.operator.victoriametrics.com"];

/// An alert that is pending or fires.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) name: String,
    /// `pending`, `firing`
    pub(crate) state: &'static str,
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) value: f64,
    /// Seconds of the epoch.
    pub(crate) since: f64,
    pub(crate) expression: String,
}

/// A rule as its object says it.
struct Rule {
    file: String,
    group: String,
    body: Value,
}

fn all(cluster: &Cluster) -> Vec<Rule> {
    let world = cluster.world();
    let objects = RULES.iter().flat_map(|resource| world.store.list(resource, ""));
    let mut out = Vec::new();
    for (place, object) in objects {
        for group in object.value["spec"]["groups"].as_array().into_iter().flatten() {
            for rule in group["rules"].as_array().into_iter().flatten() {
                out.push(Rule {
                    file: format!("{}-{}", place.namespace, place.name),
                    group: group["name"].as_str().unwrap_or_default().into(),
                    body: rule.clone(),
                });
            }
        }
    }
    out
}

/// The alerts of a cluster's rules; none where no vmalert runs there.
pub(crate) fn alerts(services: &Services, cluster: &Arc<Cluster>) -> Vec<Alert> {
    if part(services, cluster, &["vmalert"]) != Flow::Running {
        return Vec::new();
    }
    all(cluster).iter().flat_map(|rule| of_rule(services, rule).unwrap_or_default()).collect()
}

/// A rule's alerts.
///
/// # Errors
/// Its expression is none.
fn of_rule(services: &Services, rule: &Rule) -> Result<Vec<Alert>, String> {
    let (Some(name), Some(expression)) = (rule.body["alert"].as_str(), expression(&rule.body)) else {
        return Ok(Vec::new());
    };
    let expr = promql::parse(&expression)?;
    let now = services.now().as_millisecond() as f64 / 1000.0;
    let span = rule.body["for"].as_str().and_then(promql::duration).unwrap_or(0.0);
    // An alert may not be asked for its own series.
    let metrics = Metrics { services, alerts: false };
    let then = |time: f64| -> Result<Vec<Sample>, String> {
        Query { source: &metrics, time, step: 60.0 }.value(&expr).and_then(Outcome::vector)
    };
    let (present, past) = (then(now)?, if span > 0.0 { then(now - span)? } else { Vec::new() });
    let one = |sample: Sample| {
        let stood = span == 0.0 || past.iter().any(|before| before.labels == sample.labels);
        let mut labels = sample.labels.clone();
        labels.remove("__name__");
        labels.insert("alertname".into(), name.into());
        labels.insert("alertgroup".into(), rule.group.clone());
        let own = |key: &str| {
            let fields = rule.body[key].as_object().into_iter().flatten();
            fields.map(|(k, v)| (k.clone(), filled(v.as_str().unwrap_or_default(), &sample))).collect::<Labels>()
        };
        labels.extend(own("labels"));
        Alert {
            name: name.into(),
            state: if stood { "firing" } else { "pending" },
            labels,
            annotations: own("annotations"),
            value: sample.value,
            since: if stood { now - span } else { now },
            expression: expression.clone(),
        }
    };
    Ok(present.into_iter().map(one).collect())
}

fn expression(rule: &Value) -> Option<String> {
    rule["expr"].as_str().map(String::from).or_else(|| rule["expr"].as_f64().map(|number| number.to_string()))
}

/// A template with its labels and its value.
fn filled(template: &str, sample: &Sample) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (inner, after) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(before);
        let first = inner.split('|').next().unwrap_or_default().trim();
        match first.strip_prefix("$labels.") {
            Some(label) => out.push_str(sample.labels.get(label.trim()).map(String::as_str).unwrap_or_default()),
            None if first == "$value" => out.push_str(&sample.value.to_string()),
            None => out.push_str(inner.trim()),
        }
        rest = after;
    }
    out + rest
}

fn time(seconds: f64) -> String {
    Timestamp::from_millisecond((seconds * 1000.0) as i64).map(|at| at.to_string()).unwrap_or_default()
}

fn shown(alert: &Alert) -> Value {
    json!({
        "state": alert.state, "name": alert.name, "value": alert.value.to_string(), "labels": alert.labels,
        "annotations": alert.annotations, "activeAt": time(alert.since), "expression": alert.expression,
    })
}

/// `/api/v1/alerts`
pub(super) fn api(services: &Services, cluster: &Arc<Cluster>) -> Reply {
    let all = alerts(services, cluster);
    success(&json!({ "alerts": all.iter().map(shown).collect::<Vec<_>>() }))
}

/// `/api/v1/rules`
pub(super) fn rules(services: &Services, cluster: &Arc<Cluster>) -> Reply {
    let mut groups: Vec<Value> = Vec::new();
    let now = services.now().to_string();
    for rule in all(cluster) {
        let found = of_rule(services, &rule);
        let alerting = rule.body["alert"].is_string();
        let alerts = found.as_ref().map(|all| all.iter().map(shown).collect::<Vec<_>>()).unwrap_or_default();
        let state = match &found {
            Ok(all) if all.iter().any(|one| one.state == "firing") => "firing",
            Ok(all) if !all.is_empty() => "pending",
            Ok(_) => "inactive",
            Err(_) => "error",
        };
        let shown = json!({
            "name": if alerting { &rule.body["alert"] } else { &rule.body["record"] },
            "type": if alerting { "alerting" } else { "recording" }, "query": expression(&rule.body),
            "duration": rule.body["for"].as_str().and_then(promql::duration).unwrap_or(0.0),
            "labels": rule.body["labels"], "annotations": rule.body["annotations"], "state": state,
            "health": if found.is_ok() { "ok" } else { "err" }, "lastError": found.err().unwrap_or_default(),
            "lastEvaluation": now, "evaluationTime": 0.001, "alerts": alerts,
        });
        let known = groups.iter_mut().find(|group| group["name"] == rule.group && group["file"] == rule.file);
        match known.and_then(|group| group["rules"].as_array_mut()) {
            Some(rules) => rules.push(shown),
            None => groups.push(json!({
                "name": rule.group, "file": rule.file, "interval": 30, "rules": [shown], "lastEvaluation": now,
            })),
        }
    }
    success(&json!({ "groups": groups }))
}
