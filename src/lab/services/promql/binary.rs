//! Operators, and which samples of two sides belong together.

use super::eval::{Evaluated, Outcome, Sample, nameless};
use super::{Binary, Labels};

pub(super) fn of(both: &Binary, left: Outcome, right: Outcome) -> Evaluated<Outcome> {
    let operator = both.operator.as_str();
    if let (Outcome::Scalar(a), Outcome::Scalar(b)) = (&left, &right) {
        let compared = compare(operator, *a, *b);
        let value = match compared {
            Some(holds) => f64::from(u8::from(holds)),
            None => arithmetic(operator, *a, *b).ok_or_else(|| format!("{operator} is for vectors"))?,
        };
        return Ok(Outcome::Scalar(value));
    }
    let samples = match (&left, &right) {
        (Outcome::Scalar(number), _) if !matches!(operator, "and" | "or" | "unless") => {
            let number = *number;
            right.vector()?.into_iter().filter_map(|s| with_number(both, number, s, true)).collect()
        }
        (_, Outcome::Scalar(number)) if !matches!(operator, "and" | "or" | "unless") => {
            let number = *number;
            left.vector()?.into_iter().filter_map(|s| with_number(both, number, s, false)).collect()
        }
        _ => {
            let (left, right) = (left.vector()?, right.vector()?);
            match operator {
                "and" | "or" | "unless" => sets(both, left, right),
                _ => vectors(both, &left, &right)?,
            }
        }
    };
    Ok(Outcome::Vector(samples))
}

fn compare(operator: &str, a: f64, b: f64) -> Option<bool> {
    Some(match operator {
        "==" => a == b,
        "!=" => a != b,
        "<" => a < b,
        ">" => a > b,
        "<=" => a <= b,
        ">=" => a >= b,
        _ => return None,
    })
}

fn arithmetic(operator: &str, a: f64, b: f64) -> Option<f64> {
    Some(match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "%" => a % b,
        "^" => a.powf(b),
        "atan2" => a.atan2(b),
        _ => return None,
    })
}

fn with_number(both: &Binary, number: f64, sample: Sample, number_first: bool) -> Option<Sample> {
    let (a, b) = if number_first { (number, sample.value) } else { (sample.value, number) };
    match compare(&both.operator, a, b) {
        Some(holds) if both.bool => {
            Some(Sample { labels: nameless(&sample.labels), value: f64::from(u8::from(holds)) })
        }
        Some(holds) => holds.then_some(sample),
        None => Some(Sample { labels: nameless(&sample.labels), value: arithmetic(&both.operator, a, b)? }),
    }
}

/// The labels by which a sample is matched.
fn key(both: &Binary, labels: &Labels) -> Labels {
    match &both.matching {
        Some(matching) if matching.on => {
            matching.labels.iter().filter_map(|label| Some((label.clone(), labels.get(label)?.clone()))).collect()
        }
        Some(matching) => {
            let mut labels = nameless(labels);
            matching.labels.iter().for_each(|label| {
                labels.remove(label);
            });
            labels
        }
        None => nameless(labels),
    }
}

fn sets(both: &Binary, left: Vec<Sample>, right: Vec<Sample>) -> Vec<Sample> {
    let keys = |samples: &[Sample]| samples.iter().map(|s| key(both, &s.labels)).collect::<Vec<_>>();
    let (of_left, of_right) = (keys(&left), keys(&right));
    match both.operator.as_str() {
        "or" => {
            let more = right.into_iter().filter(|s| !of_left.contains(&key(both, &s.labels)));
            let more: Vec<Sample> = more.collect();
            left.into_iter().chain(more).collect()
        }
        "and" => left.into_iter().filter(|s| of_right.contains(&key(both, &s.labels))).collect(),
        _ => left.into_iter().filter(|s| !of_right.contains(&key(both, &s.labels))).collect(),
    }
}

fn vectors(both: &Binary, left: &[Sample], right: &[Sample]) -> Evaluated<Vec<Sample>> {
    let group = both.matching.as_ref().and_then(|matching| matching.group.as_ref());
    let many_left = group.is_none_or(|group| group.left);
    let (many, one) = if many_left { (left, right) } else { (right, left) };
    let mut out: Vec<Sample> = Vec::new();
    let mut used: Vec<Labels> = Vec::new();
    for sample in many {
        let wanted = key(both, &sample.labels);
        let mut partners = one.iter().filter(|other| key(both, &other.labels) == wanted);
        let Some(partner) = partners.next() else { continue };
        if partners.next().is_some() {
            return Err("duplicate time series on the right side of the operator".into());
        }
        if group.is_none() {
            if used.contains(&wanted) {
                return Err("duplicate time series on the left side of the operator".into());
            }
            used.push(wanted.clone());
        }
        let (a, b) = if many_left { (sample.value, partner.value) } else { (partner.value, sample.value) };
        let mut labels = match (group, &both.matching) {
            (Some(_), _) | (None, None) => nameless(&sample.labels),
            (None, Some(_)) => wanted,
        };
        for label in group.iter().flat_map(|group| &group.include) {
            match partner.labels.get(label) {
                Some(value) => labels.insert(label.clone(), value.clone()),
                None => labels.remove(label),
            };
        }
        match compare(&both.operator, a, b) {
            Some(holds) if both.bool => out.push(Sample { labels, value: f64::from(u8::from(holds)) }),
            Some(true) => out.push(Sample { labels: sample.labels.clone(), value: a }),
            Some(false) => {}
            None => out.extend(arithmetic(&both.operator, a, b).map(|value| Sample { labels, value })),
        }
    }
    Ok(out)
}
