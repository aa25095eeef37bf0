//! Functions: over ranges, over vectors, and of times.

use std::collections::BTreeMap;

use super::aggregate::quantile;
use super::eval::{Evaluated, Outcome, Query, Ranged, Sample, nameless};
use super::{Expr, Labels};

/// Those over ranges.
const OVER: [&str; 20] = [
    "rate",
    "irate",
    "increase",
    "delta",
    "idelta",
    "deriv",
    "changes",
    "resets",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "stddev_over_time",
    "quantile_over_time",
    "absent_over_time",
    "first_over_time",
    "default_rollup",
];
/// All others.
const OTHERS: [&str; 31] = [
    "abs",
    "ceil",
    "floor",
    "round",
    "sqrt",
    "exp",
    "ln",
    "log2",
    "log10",
    "sgn",
    "clamp",
    "clamp_min",
    "clamp_max",
    "absent",
    "scalar",
    "vector",
    "time",
    "sort",
    "sort_desc",
    "histogram_quantile",
    "label_replace",
    "label_join",
    "timestamp",
    "day_of_week",
    "hour",
    "minute",
    "now",
    "union",
    "keep_metric_names",
    "pi",
    "label_value",
];

/// Whether there is a function of a name.
pub(super) fn known(name: &str) -> bool {
    OVER.contains(&name) || OTHERS.contains(&name)
}

pub(super) fn call(query: &Query<'_>, name: &str, arguments: &[Expr]) -> Evaluated<Outcome> {
    if OVER.contains(&name) {
        return over(query, name, arguments);
    }
    let argument = |at: usize| {
        arguments.get(at).ok_or_else(|| format!("unexpected number of args for {name}(); got {}", arguments.len()))
    };
    let value = |at: usize| query.value(argument(at)?);
    let number = |at: usize| value(at)?.number();
    let each = |map: &dyn Fn(f64) -> f64| -> Evaluated<Outcome> {
        if let Outcome::Scalar(number) = value(0)? {
            return Ok(Outcome::Scalar(map(number)));
        }
        let samples = value(0)?.vector()?.into_iter();
        let samples = samples.map(|s| Sample { labels: nameless(&s.labels), value: map(s.value) });
        Ok(Outcome::Vector(samples.collect()))
    };
    match name {
        "abs" => each(&f64::abs),
        "ceil" => each(&f64::ceil),
        "floor" => each(&f64::floor),
        "sqrt" => each(&f64::sqrt),
        "exp" => each(&f64::exp),
        "ln" => each(&f64::ln),
        "log2" => each(&f64::log2),
        "log10" => each(&f64::log10),
        "sgn" => each(&|v| {
            if v > 0.0 {
                1.0
            } else if v < 0.0 {
                -1.0
            } else {
                0.0
            }
        }),
        "round" => {
            let to = if arguments.len() > 1 { number(1)? } else { 1.0 };
            each(&|v| (v / to + 0.5).floor() * to)
        }
        "clamp" => {
            let (low, high) = (number(1)?, number(2)?);
            each(&|v| v.max(low).min(high))
        }
        "clamp_min" => {
            let low = number(1)?;
            each(&|v| v.max(low))
        }
        "clamp_max" => {
            let high = number(1)?;
            each(&|v| v.min(high))
        }
        "timestamp" => each(&|_| query.time),
        "hour" | "minute" | "day_of_week" => {
            let of = |time: f64| match name {
                "hour" => (time / 3600.0).floor().rem_euclid(24.0),
                "minute" => (time / 60.0).floor().rem_euclid(60.0),
                // The epoch began on a Thursday.
                _ => ((time / 86_400.0).floor() + 4.0).rem_euclid(7.0),
            };
            if arguments.is_empty() { Ok(Outcome::Scalar(of(query.time))) } else { each(&of) }
        }
        "time" | "now" => Ok(Outcome::Scalar(query.time)),
        "pi" => Ok(Outcome::Scalar(std::f64::consts::PI)),
        "vector" => Ok(Outcome::Vector(value(0)?.vector()?)),
        "scalar" => Ok(Outcome::Scalar(value(0)?.number().unwrap_or(f64::NAN))),
        "union" => {
            let mut out: Vec<Sample> = Vec::new();
            for at in 0..arguments.len() {
                let more = value(at)?.vector()?;
                out.extend(
                    more.into_iter().filter(|s| !out.iter().any(|known| known.labels == s.labels)).collect::<Vec<_>>(),
                );
            }
            Ok(Outcome::Vector(out))
        }
        "keep_metric_names" => value(0),
        "absent" => {
            let found = value(0)?.vector()?;
            Ok(Outcome::Vector(if found.is_empty() { vec![none_of(argument(0)?)] } else { Vec::new() }))
        }
        "sort" | "sort_desc" => {
            let mut samples = value(0)?.vector()?;
            samples.sort_by(|a, b| a.value.total_cmp(&b.value));
            if name == "sort_desc" {
                samples.reverse();
            }
            Ok(Outcome::Vector(samples))
        }
        "histogram_quantile" => Ok(Outcome::Vector(histogram(number(0)?, value(1)?.vector()?))),
        "label_replace" => label_replace(value(0)?.vector()?, &texts(query, arguments)?),
        "label_join" => label_join(value(0)?.vector()?, &texts(query, arguments)?),
        "label_value" => {
            let label = value(1)?.text()?.to_string();
            let samples = value(0)?.vector()?.into_iter();
            let samples = samples.filter_map(|s| Some(Sample { value: s.labels.get(&label)?.parse().ok()?, ..s }));
            Ok(Outcome::Vector(samples.collect()))
        }
        _ => Err(format!("unsupported function {name:?}")),
    }
}

/// The arguments after the first, which are texts.
fn texts(query: &Query<'_>, arguments: &[Expr]) -> Evaluated<Vec<String>> {
    arguments.iter().skip(1).map(|expr| Ok(query.value(expr)?.text()?.to_string())).collect()
}

/// The sample that stands for what is absent: with the labels that were asked for.
fn none_of(expr: &Expr) -> Sample {
    let mut labels = Labels::new();
    if let Expr::Select(selector) = expr {
        for one in selector.matchers.iter().filter(|one| !one.not && one.regex.is_none() && one.label != "__name__") {
            labels.insert(one.label.clone(), one.value.clone());
        }
    }
    Sample { labels, value: 1.0 }
}

fn over(query: &Query<'_>, name: &str, arguments: &[Expr]) -> Evaluated<Outcome> {
    let at = usize::from(name == "quantile_over_time");
    let expr =
        arguments.get(at).ok_or_else(|| format!("unexpected number of args for {name}(); got {}", arguments.len()))?;
    let part = if at == 1 { query.value(&arguments[0])?.number()? } else { 0.0 };
    let ranges = query.ranged(expr)?;
    if name == "absent_over_time" {
        let samples = if ranges.is_empty() { vec![none_of(expr)] } else { Vec::new() };
        return Ok(Outcome::Vector(samples));
    }
    let keeps = matches!(name, "last_over_time" | "first_over_time" | "default_rollup");
    let one = |range: Ranged| {
        let value = rolled(name, part, &range.samples)?;
        Some(Sample { labels: if keeps { range.labels } else { nameless(&range.labels) }, value })
    };
    Ok(Outcome::Vector(ranges.into_iter().filter_map(one).collect()))
}

/// A window's value. A single sample has neither rate nor difference.
fn rolled(name: &str, part: f64, samples: &[(f64, f64)]) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    let values = || samples.iter().map(|(_, value)| *value);
    let count = samples.len() as f64;
    let steps = || samples.windows(2).map(|pair| (pair[0], pair[1]));
    // A counter that fell began anew.
    let grown = |from: f64, to: f64| if to < from { to } else { to - from };
    let span = last.0 - first.0;
    Some(match name {
        "rate" | "increase" => {
            let increase: f64 = steps().map(|(a, b)| grown(a.1, b.1)).sum();
            if span <= 0.0 {
                return None;
            }
            if name == "rate" { increase / span } else { increase }
        }
        "irate" => {
            let (a, b) = steps().next_back()?;
            grown(a.1, b.1) / (b.0 - a.0)
        }
        "delta" if span > 0.0 => last.1 - first.1,
        "idelta" => {
            let (a, b) = steps().next_back()?;
            b.1 - a.1
        }
        "deriv" if span > 0.0 => (last.1 - first.1) / span,
        "delta" | "deriv" => return None,
        "changes" => steps().filter(|(a, b)| a.1 != b.1).count() as f64,
        "resets" => steps().filter(|(a, b)| b.1 < a.1).count() as f64,
        "avg_over_time" => values().sum::<f64>() / count,
        "sum_over_time" => values().sum(),
        "min_over_time" => values().fold(f64::NAN, f64::min),
        "max_over_time" => values().fold(f64::NAN, f64::max),
        "count_over_time" => count,
        "present_over_time" => 1.0,
        "first_over_time" => first.1,
        "stddev_over_time" => {
            let mean = values().sum::<f64>() / count;
            (values().map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt()
        }
        "quantile_over_time" => quantile(part, values().collect()),
        _ => last.1,
    })
}

/// The quantile of histograms, by their buckets' label `le`.
fn histogram(part: f64, samples: Vec<Sample>) -> Vec<Sample> {
    let mut all: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in samples {
        let Some(bound) = sample.labels.get("le").and_then(|le| le.replace("+Inf", "inf").parse().ok()) else {
            continue;
        };
        let mut labels = nameless(&sample.labels);
        labels.remove("le");
        all.entry(labels).or_default().push((bound, sample.value));
    }
    let one = |(labels, mut buckets): (Labels, Vec<(f64, f64)>)| {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = buckets.last()?.1;
        if total <= 0.0 || !buckets.last()?.0.is_infinite() {
            return None;
        }
        let rank = part * total;
        let at = buckets.iter().position(|(_, count)| *count >= rank)?;
        let (from, below) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
        let (to, count) = buckets[at];
        let value = match to.is_infinite() {
            true => from,
            false if count > below => from + (to - from) * (rank - below) / (count - below),
            false => to,
        };
        Some(Sample { labels, value })
    };
    all.into_iter().filter_map(one).collect()
}

fn label_replace(samples: Vec<Sample>, texts: &[String]) -> Evaluated<Outcome> {
    let [to, replacement, from, pattern] = texts else { return Err("label_replace() takes 5 args".into()) };
    let regex = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|e| format!("cannot parse regexp: {e}"))?;
    let one = |mut sample: Sample| {
        let own = sample.labels.get(from).cloned().unwrap_or_default();
        if let Some(found) = regex.captures(&own) {
            let mut value = String::new();
            found.expand(replacement, &mut value);
            if value.is_empty() {
                sample.labels.remove(to);
            } else {
                sample.labels.insert(to.clone(), value);
            }
        }
        sample
    };
    Ok(Outcome::Vector(samples.into_iter().map(one).collect()))
}

fn label_join(samples: Vec<Sample>, texts: &[String]) -> Evaluated<Outcome> {
    let [to, between, from @ ..] = texts else { return Err("label_join() takes at least 3 args".into()) };
    let one = |mut sample: Sample| {
        let parts: Vec<String> =
            from.iter().map(|label| sample.labels.get(label).cloned().unwrap_or_default()).collect();
        sample.labels.insert(to.clone(), parts.join(between));
        sample
    };
    Ok(Outcome::Vector(samples.into_iter().map(one).collect()))
}
