//! The querying API: instants and ranges, series and labels, in Prometheus' form.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{alerts, error, success, unsupported};
use crate::lab::services::promql::{self, Expr, Labels, Matcher, Outcome, Query, Series, Source};
use crate::lab::services::series::Metrics;
use crate::lab::services::{Asked, Reply, Site};

/// Points that one series of a range may have.
const MOST: f64 = 30_000.0;

/// Answers a path below `/prometheus`. Where the account is another than the one that is written to, nothing is found.
pub(super) fn answer(site: &Site<'_>, asked: &Asked, path: &[&str], own: bool) -> Reply {
    let metrics = Metrics { services: site.services, alerts: true };
    let source: &dyn Source = if own { &metrics } else { &Nothing };
    let now = site.services.now().as_millisecond() as f64 / 1000.0;
    let cluster = || site.services.clusters.get(&site.cluster.name);
    match path {
        ["api", "v1", "query"] => instant(source, asked, now),
        ["api", "v1", "query_range"] => range(source, asked, now),
        ["api", "v1", "series"] => series(source, asked, now),
        ["api", "v1", "labels"] => {
            found(source, asked, now, |all| all.iter().flat_map(|one| one.labels.keys().cloned()).collect())
        }
        ["api", "v1", "label", name, "values"] => {
            found(source, asked, now, |all| all.iter().filter_map(|one| one.labels.get(*name).cloned()).collect())
        }
        // Those that vmalert knows; vmselect asks it by -vmalert.proxyURL.
        ["api", "v1", "alerts"] => cluster().map_or_else(|| unsupported(asked), |c| alerts::api(site.services, c)),
        ["api", "v1", "rules"] => cluster().map_or_else(|| unsupported(asked), |c| alerts::rules(site.services, c)),
        ["api", "v1", "metadata"] => success(&json!({})),
        ["api", "v1", "status", "buildinfo"] => success(&json!({ "version": "2.24.0" })),
        ["api", "v1", "status", "tsdb"] => {
            let all = source.select(&[]);
            let names: BTreeSet<&String> = all.iter().filter_map(|one| one.labels.get("__name__")).collect();
            success(
                &json!({ "totalSeries": all.len(), "totalLabelValuePairs": all.iter().map(|s| s.labels.len()).sum::<usize>(), "seriesCountByMetricName": names.iter().take(10).map(|name| json!({
                "name": name, "count": all.iter().filter(|one| one.labels.get("__name__") == Some(name)).count(),
            })).collect::<Vec<_>>() }),
            )
        }
        ["vmui", ..] | ["graph"] => Reply::html(200, "<!doctype html><title>vmui</title>\n"),
        _ => unsupported(asked),
    }
}

/// A storage with nothing in it.
struct Nothing;

impl Source for Nothing {
    fn select(&self, _: &[Matcher]) -> Vec<Series> {
        Vec::new()
    }
}

/// Seconds of the epoch: a number, or a time as RFC 3339 has it; `-5m` is that long ago.
fn time(text: &str, now: f64) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    if text == "now" {
        return Some(now);
    }
    if let Some(back) = text.trim_start_matches("now").strip_prefix('-').and_then(promql::duration) {
        return Some(now - back);
    }
    text.parse::<Timestamp>().ok().map(|at| at.as_millisecond() as f64 / 1000.0)
}

fn parameter(asked: &Asked, key: &str, now: f64, default: f64) -> Result<f64, Reply> {
    match asked.value(key).filter(|text| !text.is_empty()) {
        Some(text) => time(&text, now).ok_or_else(|| error(422, &format!("cannot parse {key}={text:?}"))),
        None => Ok(default),
    }
}

fn seconds(asked: &Asked, key: &str, default: f64) -> Result<f64, Reply> {
    let Some(text) = asked.value(key).filter(|text| !text.is_empty()) else { return Ok(default) };
    let found = text.parse::<f64>().ok().or_else(|| promql::duration(&text)).filter(|step| *step > 0.0);
    found.ok_or_else(|| error(422, &format!("cannot parse {key}={text:?}")))
}

fn expression(asked: &Asked) -> Result<(String, Expr), Reply> {
    let text = asked.value("query").unwrap_or_default();
    if text.is_empty() {
        return Err(error(422, "missing `query` arg"));
    }
    match promql::parse(&text) {
        Ok(expr) => Ok((text, expr)),
        Err(why) => Err(failed(&text, &why)),
    }
}

fn failed(query: &str, why: &str) -> Reply {
    error(422, &format!("error when executing query={query:?}: cannot parse or execute the query: {why}"))
}

fn either(result: Result<Reply, Reply>) -> Reply {
    result.unwrap_or_else(|refused| refused)
}

fn instant(source: &dyn Source, asked: &Asked, now: f64) -> Reply {
    let inner = || {
        let (text, expr) = expression(asked)?;
        let at = parameter(asked, "time", now, now)?;
        let step = seconds(asked, "step", 300.0)?;
        let query = Query { source, time: at, step };
        let outcome = query.value(&expr).map_err(|why| failed(&text, &why))?;
        let data = match outcome {
            Outcome::Scalar(number) => json!({ "resultType": "scalar", "result": [at, shown(number)] }),
            Outcome::Text(text) => json!({ "resultType": "string", "result": [at, text] }),
            Outcome::Ranges(ranges) => {
                let one = |range: &promql::Ranged| json!({ "metric": range.labels, "values": pairs(&range.samples) });
                json!({ "resultType": "matrix", "result": ranges.iter().map(one).collect::<Vec<_>>() })
            }
            Outcome::Vector(samples) => {
                let one = |s: &promql::Sample| json!({ "metric": s.labels, "value": [at, shown(s.value)] });
                json!({ "resultType": "vector", "result": samples.iter().map(one).collect::<Vec<_>>() })
            }
        };
        Ok(whole(&data))
    };
    either(inner())
}

fn whole(data: &Value) -> Reply {
    let fetched = data["result"].as_array().map_or(0, Vec::len);
    Reply::json(
        200,
        &json!({
            "status": "success", "isPartial": false, "data": data,
            "stats": { "seriesFetched": fetched.to_string(), "executionTimeMsec": 1 },
        }),
    )
}

fn pairs(samples: &[(f64, f64)]) -> Vec<Value> {
    samples.iter().map(|(at, value)| json!([at, shown(*value)])).collect()
}

/// A value as Prometheus writes it.
fn shown(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        value.to_string()
    }
}

fn range(source: &dyn Source, asked: &Asked, now: f64) -> Reply {
    let inner = || {
        let (text, expr) = expression(asked)?;
        let end = parameter(asked, "end", now, now)?;
        let start = parameter(asked, "start", now, end - 300.0)?;
        let step = seconds(asked, "step", 300.0)?;
        if end < start {
            return Err(error(422, "start can't be bigger than end"));
        }
        if (end - start) / step > MOST {
            return Err(error(
                422,
                &format!(
                    "too many points for the given start={start}, end={end} and step={step}: the maximum is {MOST}"
                ),
            ));
        }
        let mut out: Vec<(Labels, Vec<(f64, f64)>)> = Vec::new();
        let mut at = start;
        while at <= end + step / 1000.0 {
            let query = Query { source, time: at, step };
            let samples = query.value(&expr).and_then(Outcome::vector).map_err(|why| failed(&text, &why))?;
            for sample in samples {
                match out.iter_mut().find(|(labels, _)| *labels == sample.labels) {
                    Some((_, values)) => values.push((at, sample.value)),
                    None => out.push((sample.labels, vec![(at, sample.value)])),
                }
            }
            at += step;
        }
        let one = |(labels, values): &(Labels, Vec<(f64, f64)>)| json!({ "metric": labels, "values": pairs(values) });
        Ok(whole(&json!({ "resultType": "matrix", "result": out.iter().map(one).collect::<Vec<_>>() })))
    };
    either(inner())
}

/// The series of `match[]` that are there now or were within the times asked for.
fn matched(source: &dyn Source, asked: &Asked, now: f64) -> Result<Vec<Series>, Reply> {
    let end = parameter(asked, "end", now, now)?;
    let mut all = Vec::new();
    let selectors = asked.values("match[]");
    for text in &selectors {
        let matchers =
            promql::selector(text).map_err(|why| error(422, &format!("cannot parse match[]={text:?}: {why}")))?;
        all.extend(source.select(&matchers));
    }
    if selectors.is_empty() {
        all = source.select(&[]);
    }
    all.retain(|series| series.at(end).is_some());
    Ok(all)
}

fn series(source: &dyn Source, asked: &Asked, now: f64) -> Reply {
    if asked.values("match[]").is_empty() {
        return error(422, "missing `match[]` arg");
    }
    match matched(source, asked, now) {
        Ok(all) => success(&all.iter().map(|one| json!(one.labels)).collect::<Vec<_>>().into()),
        Err(refused) => refused,
    }
}

fn found(source: &dyn Source, asked: &Asked, now: f64, of: impl Fn(&[Series]) -> BTreeSet<String>) -> Reply {
    match matched(source, asked, now) {
        Ok(all) => success(&of(&all).into_iter().collect::<Vec<_>>().into()),
        Err(refused) => refused,
    }
}
