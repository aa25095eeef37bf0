//! The series that the clusters' exporters would show: worked out from the objects when somebody asks.
//!
//! A metric is a row of a table: its name and the function that makes its series. A cluster's series get to where they are
//! asked for by its agent and the storage's insert; where one of them stopped, they end, as they do in reality.

mod kube;
mod network;
mod nodes;
mod operators;
mod platform;
pub(crate) mod targets;

pub(crate) use network::sessions;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::promql::{LOOKBACK, Labels, Matcher, Series, Shape, Source};
use super::{Services, programs, ready, victoria};
use crate::lab::kube::cluster::Cluster;
use crate::lab::world::Cause;

/// Makes the series of one metric or of several that belong together.
type Maker = fn(&Scope<'_>, &mut Out);

/// All tables: names of metrics with what makes them.
const TABLES: [&[(&[&str], Maker)]; 6] =
    [targets::TABLE, kube::TABLE, nodes::TABLE, network::TABLE, operators::TABLE, platform::TABLE];

/// A cluster whose series are made.
pub(crate) struct Scope<'a> {
    pub(crate) services: &'a Services,
    pub(crate) cluster: &'a Arc<Cluster>,
    /// Seconds of the epoch.
    pub(crate) now: f64,
}

/// Where series are put.
#[derive(Default)]
pub(crate) struct Out {
    all: Vec<Series>,
}

impl Out {
    /// A series with its labels, which is there since a time.
    pub(crate) fn add(&mut self, name: &str, labels: &[(&str, &str)], born: f64, shape: Shape) {
        let mut all: Labels = labels
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(label, value)| ((*label).to_string(), (*value).to_string()))
            .collect();
        all.insert("__name__".into(), name.into());
        self.all.push(Series { labels: all, shape, born, gone: None });
    }

    /// The value of the series of a name that has a label's value.
    pub(crate) fn value(&self, name: &str, label: &str, value: &str) -> Option<f64> {
        let fits = |own: &&Series| {
            own.labels.get("__name__").is_some_and(|own| own == name)
                && own.labels.get(label).is_some_and(|own| own == value)
        };
        self.all.iter().find(fits)?.at(f64::MAX / 2.0)
    }

    /// One that has a value now and had it before.
    pub(crate) fn level(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.add(name, labels, 0.0, Shape::Level(value));
    }

    /// One that is 1 or 0.
    pub(crate) fn flag(&mut self, name: &str, labels: &[(&str, &str)], holds: bool) {
        self.level(name, labels, f64::from(u8::from(holds)));
    }

    /// A counter that has grown since a time.
    pub(crate) fn counter(&mut self, name: &str, labels: &[(&str, &str)], from: f64, per_second: f64) {
        self.add(name, labels, from, Shape::Grows { from, per_second });
    }

    /// The buckets, sum and count of a histogram: so many observations a second, with the parts that lie below bounds.
    pub(crate) fn histogram(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        from: f64,
        per_second: f64,
        buckets: &[(&str, f64)],
        mean: f64,
    ) {
        for (bound, part) in buckets.iter().chain(&[("+Inf", 1.0)]) {
            let mut labels = labels.to_vec();
            labels.push(("le", bound));
            self.counter(&format!("{name}_bucket"), &labels, from, per_second * part);
        }
        self.counter(&format!("{name}_count"), labels, from, per_second);
        self.counter(&format!("{name}_sum"), labels, from, per_second * mean);
    }
}

impl Scope<'_> {
    /// The objects of a kind.
    pub(crate) fn list(&self, resource: &str) -> Vec<Value> {
        self.cluster.world().store.list(resource, "").map(|(_, stored)| stored.value.clone()).collect()
    }

    /// The pods that run a program.
    pub(crate) fn pods(&self, program: &str) -> Vec<Value> {
        let world = self.cluster.world();
        let pods = world.store.list("pods", "").map(|(_, stored)| &*stored.value);
        pods.filter(|pod| programs::name_of(pod) == Some(program)).cloned().collect()
    }

    /// Whether a pod of a program is ready, without which its metrics are not there.
    pub(crate) fn shown(&self, program: &str) -> bool {
        self.pods(program).iter().any(ready)
    }

    /// A cause's beginning, in seconds of the epoch; none where it is not there.
    pub(crate) fn since(&self, cause: &Cause) -> Option<f64> {
        let since = self.services.world.since(cause)?;
        Some(self.now - (self.services.world.clock.instant() - since).as_secs_f64())
    }
}

/// A text of an object; empty where it has none.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number of an object; 0 where it has none.
pub(crate) fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_default()
}

/// A condition of an object by its type.
pub(crate) fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    object["status"]["conditions"].as_array()?.iter().find(|one| one["type"] == kind)
}

/// Seconds of the epoch, of a time of the API.
pub(crate) fn seconds(value: &Value) -> Option<f64> {
    Some(value.as_str()?.parse::<Timestamp>().ok()?.as_millisecond() as f64 / 1000.0)
}

/// Since when an object is there.
pub(crate) fn born(object: &Value) -> f64 {
    seconds(&object["metadata"]["creationTimestamp"]).unwrap_or(0.0)
}

/// A value that a condition decides: 1 while it holds, 0 else, turned when the condition last changed.
pub(crate) fn turned(object: &Value, kind: &str, holds: f64, not: f64) -> Shape {
    let Some(condition) = condition(object, kind) else { return Shape::Level(not) };
    let (before, after) = if condition["status"] == "True" { (not, holds) } else { (holds, not) };
    match seconds(&condition["lastTransitionTime"]) {
        Some(at) if at > born(object) => Shape::Turned { before, at, after },
        _ => Shape::Level(after),
    }
}

/// All series that the platform's storage has, of all clusters or of one.
pub(crate) struct Metrics<'a> {
    pub(crate) services: &'a Services,
    /// With those of alerts, which are worked out from all others.
    pub(crate) alerts: bool,
}

impl Metrics<'_> {
    /// Whether a metric's table has to be asked, by the conditions on its name.
    fn wanted(names: &[&str], matchers: &[Matcher]) -> bool {
        let conditions = || matchers.iter().filter(|one| one.label == "__name__");
        names.iter().any(|name| {
            let labels = Labels::from([("__name__".to_string(), (*name).to_string())]);
            conditions().all(|one| one.meets(&labels))
        })
    }
}

impl Source for Metrics<'_> {
    fn select(&self, matchers: &[Matcher]) -> Vec<Series> {
        let services = self.services;
        let now = services.now().as_millisecond() as f64 / 1000.0;
        let mut found = Vec::new();
        for (name, cluster) in &services.clusters {
            let gone = match victoria::flow(services, cluster) {
                victoria::Flow::Never => continue,
                victoria::Flow::Running => None,
                victoria::Flow::Stopped(at) => Some(at + LOOKBACK),
            };
            let scope = Scope { services, cluster, now };
            let mut out = Out::default();
            for (_, make) in TABLES
                .iter()
                .flat_map(|table| table.iter())
                .filter(|(names, _)| Self::wanted(names, matchers) && (self.alerts || *names != ["ALERTS"]))
            {
                make(&scope, &mut out);
            }
            found.extend(out.all.into_iter().map(|mut series| {
                series.labels.entry("cluster".into()).or_insert_with(|| name.clone());
                series.gone = gone;
                series
            }));
        }
        found.extend(services.state().imported.all());
        found.retain(|series| matchers.iter().all(|one| one.meets(&series.labels)));
        found
    }
}

/// What a pod shows at `/metrics`, in the text format: the series that name it.
pub(crate) fn exposed(scope: &Scope<'_>, pod: &str) -> String {
    let mut out = Out::default();
    for (_, make) in TABLES.iter().flat_map(|table| table.iter()) {
        make(scope, &mut out);
    }
    let mut lines: Vec<String> = Vec::new();
    for series in out.all.iter().filter(|series| series.labels.get("pod").is_some_and(|own| own == pod)) {
        let Some(value) = series.at(scope.now) else { continue };
        let own = series.labels.get("__name__").map(String::as_str).unwrap_or_default();
        // Labels of the target are added by who scrapes.
        let added = ["__name__", "pod", "namespace", "job", "instance", "node", "cluster"];
        let labels = series.labels.iter().filter(|(label, _)| !added.contains(&label.as_str()));
        let labels: Vec<String> = labels.map(|(label, value)| format!("{label}={value:?}")).collect();
        if !matches!(own, "up" | "scrape_duration_seconds" | "scrape_samples_scraped") && !own.starts_with("kube_pod_")
        {
            let braces = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            lines.push(format!("{own}{braces} {value}"));
        }
    }
    lines.sort();
    let mut text = String::new();
    let mut last = "";
    for line in &lines {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        if name != last {
            let kind = if name.ends_with("_total") || name.ends_with("_bucket") { "counter" } else { "gauge" };
            text.push_str(&format!("# TYPE {name} {kind}\n"));
            last = name;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}
