//! Aggregations: `sum by (cluster) (…)` and their like.

use std::collections::BTreeMap;

use super::eval::{Evaluated, Outcome, Sample, nameless};
use super::{Grouping, Labels};

/// All of them.
pub(super) const NAMES: [&str; 13] = [
    "sum",
    "avg",
    "min",
    "max",
    "count",
    "group",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
    "limitk",
];
/// Those with a parameter before the vector.
pub(super) const PARAMETER: [&str; 5] = ["topk", "bottomk", "quantile", "count_values", "limitk"];

pub(super) fn of(
    name: &str,
    parameter: Option<&Outcome>,
    samples: Vec<Sample>,
    grouping: &Grouping,
) -> Evaluated<Vec<Sample>> {
    let mut groups: BTreeMap<Labels, Vec<Sample>> = BTreeMap::new();
    for sample in samples {
        let key = key(&sample.labels, grouping);
        groups.entry(key).or_default().push(sample);
    }
    let mut out = Vec::new();
    for (labels, all) in groups {
        let values: Vec<f64> = all.iter().map(|sample| sample.value).collect();
        let count = values.len() as f64;
        let sum: f64 = values.iter().sum();
        let variance = || values.iter().map(|v| (v - sum / count).powi(2)).sum::<f64>() / count;
        let value = match name {
            "sum" => sum,
            "avg" => sum / count,
            "min" => values.iter().copied().fold(f64::NAN, f64::min),
            "max" => values.iter().copied().fold(f64::NAN, f64::max),
            "count" => count,
            "group" => 1.0,
            "stdvar" => variance(),
            "stddev" => variance().sqrt(),
            "quantile" => quantile(parameter.map_or(Ok(0.5), Outcome::number)?, values.clone()),
            "count_values" => {
                let label = parameter.map_or(Ok("value"), Outcome::text)?;
                let mut counts: BTreeMap<String, f64> = BTreeMap::new();
                values.iter().for_each(|value| *counts.entry(value.to_string()).or_default() += 1.0);
                for (text, count) in counts {
                    let mut labels = labels.clone();
                    labels.insert(label.into(), text);
                    out.push(Sample { labels, value: count });
                }
                continue;
            }
            _ => {
                let most = parameter.map_or(Ok(1.0), Outcome::number)?.max(0.0) as usize;
                let mut all = all;
                match name {
                    "topk" => all.sort_by(|a, b| b.value.total_cmp(&a.value)),
                    "bottomk" => all.sort_by(|a, b| a.value.total_cmp(&b.value)),
                    _ => {}
                }
                out.extend(all.into_iter().take(most));
                continue;
            }
        };
        out.push(Sample { labels, value });
    }
    Ok(out)
}

fn key(labels: &Labels, grouping: &Grouping) -> Labels {
    if grouping.without {
        let mut labels = nameless(labels);
        grouping.labels.iter().for_each(|label| {
            labels.remove(label);
        });
        return labels;
    }
    let own = grouping.labels.iter().filter_map(|label| Some((label.clone(), labels.get(label)?.clone())));
    own.collect()
}

/// The value below which a part of the values lies, between neighbours as Prometheus has it.
pub(super) fn quantile(part: f64, mut values: Vec<f64>) -> f64 {
    if values.is_empty() || part.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&part) {
        return if part < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    values.sort_by(f64::total_cmp);
    let rank = part * (values.len() - 1) as f64;
    let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
    low + (high - low) * (rank - rank.floor())
}
