//! What is written: JSON lines and the text format, kept as samples; Prometheus' remote write is taken and not looked into.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lab::services::promql::{Labels, Series, Shape};
use crate::lab::services::{Asked, Reply, Services};

/// Series that are kept, and samples of each.
const MOST: (usize, usize) = (10_000, 1_000);

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    samples: BTreeMap<Labels, Vec<(f64, f64)>>,
}

impl Imported {
    fn add(&mut self, labels: Labels, at: f64, value: f64) {
        if self.samples.len() >= MOST.0 && !self.samples.contains_key(&labels) {
            return;
        }
        let own = self.samples.entry(labels).or_default();
        let place = own.partition_point(|(time, _)| *time <= at);
        own.insert(place, (at, value));
        if own.len() > MOST.1 {
            own.remove(0);
        }
    }

    /// All of it.
    pub(crate) fn all(&self) -> Vec<Series> {
        let one = |(labels, samples): (&Labels, &Vec<(f64, f64)>)| Series {
            labels: labels.clone(),
            shape: Shape::Samples(samples.clone()),
            born: 0.0,
            gone: None,
        };
        self.samples.iter().map(one).collect()
    }
}

/// Answers a path below `/prometheus` that writes; none where it does not.
pub(super) fn answer(services: &Services, asked: &Asked, path: &[&str]) -> Option<Reply> {
    let now = services.now().as_millisecond() as f64 / 1000.0;
    let read = match path {
        ["api", "v1", "write"] | ["write"] => return Some(Reply::empty(204)),
        ["api", "v1", "import"] => lines,
        ["api", "v1", "import", "prometheus"] => exposition,
        _ => return None,
    };
    let text = String::from_utf8_lossy(&asked.body);
    Some(match read(&text, now) {
        Ok(samples) => {
            let mut state = services.state();
            for (mut labels, at, value) in samples {
                for extra in asked.values("extra_label") {
                    if let Some((name, value)) = extra.split_once('=') {
                        labels.insert(name.into(), value.into());
                    }
                }
                state.imported.add(labels, at, value);
            }
            Reply::empty(204)
        }
        Err(why) => Reply::text(400, format!("{why}\n")),
    })
}

type Samples = Result<Vec<(Labels, f64, f64)>, String>;

/// `{"metric":{"__name__":"up"},"values":[1],"timestamps":[1700000000000]}`, a line each.
fn lines(text: &str, now: f64) -> Samples {
    let mut out = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("cannot parse json line {line:?}: {e}"))?;
        let metric = value["metric"].as_object().ok_or_else(|| format!("missing `metric` object in {line:?}"))?;
        let labels: Labels =
            metric.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_string())).collect();
        let values = value["values"].as_array().ok_or_else(|| format!("missing `values` array in {line:?}"))?;
        let times = value["timestamps"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !times.is_empty() && times.len() != values.len() {
            return Err(format!(
                "`timestamps` array must contain the same number of items as `values` array in {line:?}"
            ));
        }
        for (index, value) in values.iter().enumerate() {
            let at = times.get(index).and_then(Value::as_f64).map_or(now, |ms| ms / 1000.0);
            out.push((labels.clone(), at, value.as_f64().unwrap_or(f64::NAN)));
        }
    }
    Ok(out)
}

/// `name{label="value"} 1 1700000000000`
fn exposition(text: &str, now: f64) -> Samples {
    let mut out = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let wrong = || format!("cannot unmarshal Prometheus line {line:?}");
        let (name, rest) = line.split_at(line.find(['{', ' ', '\t']).ok_or_else(wrong)?);
        let mut labels = Labels::from([("__name__".to_string(), name.to_string())]);
        let rest = match rest.strip_prefix('{') {
            Some(inner) => {
                let (inner, after) = inner.split_at(inner.rfind('}').ok_or_else(wrong)?);
                let matchers =
                    crate::lab::services::promql::selector(&format!("{name}{{{inner}}}")).map_err(|_| wrong())?;
                labels.extend(matchers.into_iter().map(|one| (one.label, one.value)));
                &after[1..]
            }
            None => rest,
        };
        let mut words = rest.split_whitespace();
        let value: f64 = words.next().and_then(|word| word.replace("+Inf", "inf").parse().ok()).ok_or_else(wrong)?;
        let at = words.next().and_then(|word| word.parse::<f64>().ok()).map_or(now, |ms| ms / 1000.0);
        out.push((labels, at, value));
    }
    Ok(out)
}
