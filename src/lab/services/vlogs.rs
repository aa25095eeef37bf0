//! VictoriaLogs: what the clusters' containers wrote, as far as their nodes' collectors forwarded it, asked in LogsQL.
//!
//! Source: docs.victoriametrics.com/victorialogs, "Querying", "LogsQL", "Data ingestion".

mod filter;
mod pipes;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::series::{condition, seconds};
use super::{Asked, Reply, Services, Site, metrics, programs, promql, ready};
use filter::Filter;

/// A row: fields with their values; `_time`, `_msg` and `_stream` are among them.
pub(crate) type Row = BTreeMap<String, String>;

/// Rows that are written by hand and kept.
const MOST: usize = 50_000;

/// What was written by hand.
#[derive(Debug, Default)]
pub(crate) struct Written {
    rows: Vec<Row>,
}

/// The fields that make a stream.
const STREAM: [&str; 4] = ["cluster", "container", "namespace", "pod"];

fn refused(status: u16, message: &str) -> Reply {
    Reply::text(status, format!("{message}\n"))
}

pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["health"] | ["-", "healthy"] => Reply::text(200, "OK"),
        ["metrics"] => metrics::of_pod(site),
        ["flags"] => flags(site),
        ["insert", "jsonline"] => insert(site.services, asked),
        ["insert", "ready"] => Reply::json(200, &json!({ "status": "ok" })),
        ["select", "vmui", ..] => Reply::html(200, "<!doctype html><title>vmui</title>\n"),
        ["select", "logsql", what] => match select(site.services, asked, what) {
            Ok(reply) | Err(reply) => reply,
        },
        _ => refused(400, &format!("unsupported path requested: {:?}", asked.path)),
    }
}

/// The program's command line, as `/flags` shows it: each flag with its value, those that were left out with their default.
fn flags(site: &Site<'_>) -> Reply {
    let given = site.pod["spec"]["containers"][0]["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let given: Vec<(&str, &str)> = given.filter_map(|arg| arg.trim_start_matches('-').split_once('=')).collect();
    let mut lines: String = given.iter().map(|(name, value)| format!("-{name}={value:?}\n")).collect();
    if !given.iter().any(|(name, _)| *name == "retentionPeriod") {
        lines.push_str("-retentionPeriod=\"7d\"\n");
    }
    Reply::text(200, lines)
}

/// A query: a filter, and what is done with the rows that it lets through.
struct Query {
    filter: Filter,
    pipes: Vec<pipes::Pipe>,
}

fn query(text: &str) -> Result<Query, String> {
    let (words, rest) = filter::split(text)?;
    Ok(Query {
        filter: filter::parse(&words)?,
        pipes: rest.iter().map(|words| pipes::parse(words)).collect::<Result<_, _>>()?,
    })
}

fn select(services: &Services, asked: &Asked, what: &str) -> Result<Reply, Reply> {
    let now = services.now();
    let text = asked.value("query").unwrap_or_default();
    if text.is_empty() && what != "streams" {
        return Err(refused(400, "missing `query` arg"));
    }
    let query = query(if text.is_empty() { "*" } else { &text })
        .map_err(|why| refused(400, &format!("cannot parse query [{text}]: {why}")))?;
    let from = time(asked, "start", now)?;
    let until = time(asked, "end", now)?;
    let mut rows: Vec<Row> = rows(services, now, from, until);
    rows.retain(|row| query.filter.lets(row, now));
    match what {
        "query" => {
            let limit = asked
                .value("limit")
                .map(|text| text.parse::<usize>().map_err(|_| refused(400, "cannot parse limit")))
                .transpose()?;
            // Where nobody says how they are sorted, the newest count.
            if let (Some(limit), true) = (limit, query.pipes.is_empty()) {
                let skip = rows.len().saturating_sub(limit);
                rows.drain(..if limit == 0 { 0 } else { skip });
            }
            let rows = query.pipes.iter().fold(rows, |rows, pipe| pipe.apply(rows));
            let lines = rows
                .iter()
                .take(limit.filter(|limit| *limit > 0).unwrap_or(usize::MAX))
                .map(|row| json!(row).to_string() + "\n");
            Ok(Reply::new(200, "application/stream+json", lines.collect::<String>()))
        }
        "stats_query" => {
            let rows = query.pipes.iter().fold(rows, |rows, pipe| pipe.apply(rows));
            let Some(stats) = query.pipes.iter().find_map(pipes::Pipe::by) else {
                return Err(refused(400, "missing `stats` pipe in the query"));
            };
            let at = now.as_second();
            let one = |row: &Row| {
                let labels: BTreeMap<&String, &String> = row.iter().filter(|(key, _)| stats.contains(key)).collect();
                let values: Vec<Value> = row
                    .iter()
                    .filter(|(key, _)| !stats.contains(key))
                    .map(|(key, value)| {
                        let mut metric = json!(labels);
                        metric["__name__"] = key.as_str().into();
                        json!({ "metric": metric, "value": [at, value] })
                    })
                    .collect();
                values
            };
            Ok(Reply::json(
                200,
                &json!({ "status": "success", "data": { "resultType": "vector", "result": rows.iter().flat_map(one).collect::<Vec<_>>() } }),
            ))
        }
        "hits" => {
            let step = asked.value("step").and_then(|text| promql::duration(&text)).unwrap_or(86_400.0).max(1.0) as i64;
            let mut hits: BTreeMap<i64, u64> = BTreeMap::new();
            for row in &rows {
                if let Some(at) = row.get("_time").and_then(|at| at.parse::<Timestamp>().ok()) {
                    *hits.entry(at.as_second().div_euclid(step) * step).or_default() += 1;
                }
            }
            let times: Vec<String> =
                hits.keys().filter_map(|at| Timestamp::from_second(*at).ok()).map(|at| at.to_string()).collect();
            let values: Vec<u64> = hits.values().copied().collect();
            let all = if rows.is_empty() {
                json!([])
            } else {
                json!([{ "fields": {}, "timestamps": times, "values": values, "total": rows.len() }])
            };
            Ok(Reply::json(200, &json!({ "hits": all })))
        }
        "field_names" => {
            let mut names: BTreeMap<&String, u64> = BTreeMap::new();
            rows.iter().flat_map(BTreeMap::keys).for_each(|name| *names.entry(name).or_default() += 1);
            Ok(values(names.into_iter().map(|(name, hits)| (name.clone(), hits))))
        }
        "field_values" | "stream_field_values" => {
            let field = asked
                .value("field")
                .or_else(|| asked.value("field_name"))
                .ok_or_else(|| refused(400, "missing `field` query arg"))?;
            let mut found: BTreeMap<String, u64> = BTreeMap::new();
            rows.iter()
                .filter_map(|row| row.get(&field))
                .for_each(|value| *found.entry(value.clone()).or_default() += 1);
            Ok(values(found.into_iter()))
        }
        "streams" => {
            let mut found: BTreeMap<String, u64> = BTreeMap::new();
            rows.iter()
                .filter_map(|row| row.get("_stream"))
                .for_each(|value| *found.entry(value.clone()).or_default() += 1);
            Ok(values(found.into_iter()))
        }
        _ => Err(refused(400, &format!("unsupported path requested: {:?}", asked.path))),
    }
}

fn values(all: impl Iterator<Item = (String, u64)>) -> Reply {
    Reply::json(
        200,
        &json!({ "values": all.map(|(value, hits)| json!({ "value": value, "hits": hits })).collect::<Vec<_>>() }),
    )
}

fn time(asked: &Asked, key: &str, now: Timestamp) -> Result<Option<Timestamp>, Reply> {
    let Some(text) = asked.value(key).filter(|text| !text.is_empty()) else { return Ok(None) };
    let back = || text.trim_start_matches("now").strip_prefix('-').and_then(promql::duration);
    let number =
        || text.parse::<f64>().ok().and_then(|seconds| Timestamp::from_millisecond((seconds * 1000.0) as i64).ok());
    let found = text.parse().ok().or_else(number).or_else(|| Some(now - SignedDuration::from_secs_f64(back()?)));
    found.map(Some).ok_or_else(|| refused(400, &format!("cannot parse {key}={text:?}")))
}

/// All rows within a time, the oldest first.
fn rows(services: &Services, now: Timestamp, from: Option<Timestamp>, until: Option<Timestamp>) -> Vec<Row> {
    let mut all: Vec<(Timestamp, Row)> = Vec::new();
    let within =
        |at: Timestamp| from.is_none_or(|from| at >= from) && until.is_none_or(|until| at <= until) && at <= now;
    for (name, cluster) in &services.clusters {
        let (pods, logs) = {
            let world = cluster.world();
            let pods: Vec<Value> = world.store.list("pods", "").map(|(_, pod)| pod.value.clone()).collect();
            (pods, world.inside.clone())
        };
        let collectors: BTreeMap<&str, Option<f64>> =
            pods.iter().filter(|pod| collects(pod)).filter_map(collector).collect();
        for pod in &pods {
            let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let Some(stopped) = collectors.get(text("/spec/nodeName")) else { continue };
            let stopped = stopped.and_then(|at| Timestamp::from_millisecond((at * 1000.0) as i64).ok());
            for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
                let container = container["name"].as_str().unwrap_or_default();
                let log = logs.logs.present(text("/metadata/uid"), container);
                for line in log.read(0).lines {
                    if !within(line.time) || stopped.is_some_and(|stopped| line.time > stopped) {
                        continue;
                    }
                    let mut row = Row::new();
                    for (field, value) in [
                        ("cluster", name.as_str()),
                        ("namespace", text("/metadata/namespace")),
                        ("pod", text("/metadata/name")),
                        ("container", container),
                        ("node", text("/spec/nodeName")),
                        ("app", text("/metadata/labels/app.kubernetes.io~1name")),
                    ] {
                        if !value.is_empty() {
                            row.insert(field.into(), value.into());
                        }
                    }
                    row.insert("stream".into(), format!("{:?}", line.stream).to_lowercase());
                    row.insert("_msg".into(), line.text);
                    all.push((line.time, finished(row, line.time, &STREAM)));
                }
            }
        }
    }
    for row in &services.state().written.rows {
        if let Some(at) = row.get("_time").and_then(|at| at.parse::<Timestamp>().ok()).filter(|at| within(*at)) {
            all.push((at, row.clone()));
        }
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, row)| row).collect()
}

/// Whether a pod forwards logs.
fn collects(pod: &Value) -> bool {
    let images = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    images.iter().any(|one| {
        matches!(programs::bare(one["image"].as_str().unwrap_or_default()), "fluent-bit" | "vector" | "vlagent")
    })
}

/// Its node, and since when it does not.
fn collector(pod: &Value) -> Option<(&str, Option<f64>)> {
    let stopped = if ready(pod) {
        None
    } else {
        Some(condition(pod, "Ready").and_then(|one| seconds(&one["lastTransitionTime"])).unwrap_or(0.0))
    };
    Some((pod["spec"]["nodeName"].as_str()?, stopped))
}

/// A row with its time and its stream.
fn finished(mut row: Row, at: Timestamp, stream: &[&str]) -> Row {
    let labels = stream.iter().filter_map(|field| Some(format!("{field}={:?}", row.get(*field)?)));
    row.insert("_stream".into(), format!("{{{}}}", labels.collect::<Vec<_>>().join(",")));
    row.insert("_time".into(), at.to_string());
    row
}

/// `/insert/jsonline?_stream_fields=…&_msg_field=…&_time_field=…`
fn insert(services: &Services, asked: &Asked) -> Reply {
    let now = services.now();
    let own =
        |key: &str, default: &str| asked.value(key).filter(|text| !text.is_empty()).unwrap_or_else(|| default.into());
    let (message, time) = (own("_msg_field", "_msg"), own("_time_field", "_time"));
    let fields = own("_stream_fields", "");
    let stream: Vec<&str> = fields.split(',').filter(|field| !field.is_empty()).collect();
    let mut rows = Vec::new();
    let text = String::from_utf8_lossy(&asked.body);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Ok(Value::Object(fields)) = serde_json::from_str(line) else {
            return refused(400, &format!("cannot parse json-encoded line: {line:?}"));
        };
        let mut row = Row::new();
        for (key, value) in fields {
            let value = value.as_str().map_or_else(|| value.to_string(), String::from);
            row.insert(if key == message { "_msg".into() } else { key }, value);
        }
        let at = row.remove(&time).filter(|text| text != "0").map(|text| text.parse::<Timestamp>());
        let at = match at {
            None => now,
            Some(Ok(at)) => at,
            Some(Err(_)) => return refused(400, &format!("cannot parse the time in {line:?}")),
        };
        rows.push(finished(row, at, &stream));
    }
    let mut state = services.state();
    state.written.rows.extend(rows);
    let over = state.written.rows.len().saturating_sub(MOST);
    state.written.rows.drain(..over);
    Reply::empty(200)
}

#[cfg(test)]
mod tests;
