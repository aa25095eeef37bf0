//! `stats::` — a summary of measured values, exact by sorting.

use std::time::Duration;

use rhai::{Array, Dynamic, Map};

use crate::error::{Error, Kind};
use crate::host::values::{to_array, type_name};
use crate::host::{HostResult, Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "stats", about: "Count, mean and percentiles of measured values", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.path("summary")
        .sig("(values: list of numbers or durations) -> map")
        .doc("What the values come to: `count`, `min`, `mean`, `p50`, `p90`, `p95`, `p99`, `max`, `stddev`. The percentiles are exact by nearest rank: the smallest value that at least so many percent of all values do not exceed, so each is one of the values. `stddev` is that of the values themselves (divided by their count). Durations give durations; of whole numbers min, max and percentiles are whole, mean and stddev are floats; whole numbers mixed with floats give floats. An empty list is inconclusive; numbers mixed with durations, or a value that is not a number, are errors.")
        .example("let s = stats::summary([3, 1, 2, 4]); s.count == 4 && s.p50 == 2 && s.max == 4 && s.mean == 2.5")
        .add(|values: Dynamic| -> HostResult<Map> { Ok(summary(&array(&values, "stats::summary")?)?) });
    m.path("percentile")
        .sig("(values: list of numbers or durations, percent: number) -> number | duration")
        .doc("The value at a percentile from 0 to 100, by nearest rank as in `stats::summary`.")
        .example("stats::percentile([10, 20, 30], 99.9) == 30")
        .add(|values: Dynamic, percent: f64| -> HostResult<Dynamic> {
            Ok(percentile(&array(&values, "stats::percentile")?, percent)?)
        })
        .add(|values: Dynamic, percent: i64| -> HostResult<Dynamic> {
            Ok(percentile(&array(&values, "stats::percentile")?, percent as f64)?)
        });
}

/// Which type the values have, and goes back to.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Int,
    Float,
    Seconds,
}

impl Unit {
    fn value(self, number: f64) -> Dynamic {
        match self {
            Self::Int => (number.round() as i64).into(),
            Self::Float => number.into(),
            Self::Seconds => Dynamic::from(Duration::from_nanos(number.round().max(0.0) as u64)),
        }
    }

    /// For what lies between values: a mean is no whole number.
    fn derived(self, number: f64) -> Dynamic {
        if self == Self::Int { number.into() } else { self.value(number) }
    }
}

/// The values, whether a script made the list or a cluster did.
fn array(values: &Dynamic, function: &str) -> Result<Array, Error> {
    to_array(values).ok_or_else(|| {
        Error::new(
            Kind::Script,
            format!("{function} takes a list of numbers or durations, and got {}", type_name(values)),
        )
    })
}

fn summary(values: &[Dynamic]) -> Result<Map, Error> {
    let (sorted, unit) = sorted(values, "stats::summary")?;
    let count = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / count;
    let variance = sorted.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    let mut map = Map::new();
    map.insert("count".into(), (sorted.len() as i64).into());
    map.insert("mean".into(), unit.derived(mean));
    map.insert("stddev".into(), unit.derived(variance.sqrt()));
    for (name, percent) in [("min", 0.0), ("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("max", 100.0)] {
        map.insert(name.into(), unit.value(rank(&sorted, percent)));
    }
    Ok(map)
}

fn percentile(values: &[Dynamic], percent: f64) -> Result<Dynamic, Error> {
    if !(0.0..=100.0).contains(&percent) {
        return Err(Error::new(
            Kind::Script,
            format!("stats::percentile takes a percentage from 0 to 100, and got {percent}"),
        ));
    }
    let (sorted, unit) = sorted(values, "stats::percentile")?;
    Ok(unit.value(rank(&sorted, percent)))
}

/// The value of nearest rank; `sorted` is not empty.
fn rank(sorted: &[f64], percent: f64) -> f64 {
    // The rank is computed from a decimal percentage: 99.9 % of 1000 must not become rank 1000 by rounding.
    let exact = percent * sorted.len() as f64 / 100.0;
    let rank = (exact - 1e-9).ceil().max(1.0) as usize;
    sorted[rank.min(sorted.len()) - 1]
}

/// The values in order as floats (durations in nanoseconds, exact up to 104 days).
fn sorted(values: &[Dynamic], function: &str) -> Result<(Vec<f64>, Unit), Error> {
    if values.is_empty() {
        return Err(Error::new(Kind::Inconclusive, format!("{function}: there are no values to sum up")));
    }
    let mut unit = None;
    let mut numbers = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let (number, own) = if let Ok(n) = value.as_int() {
            (n as f64, Unit::Int)
        } else if let Ok(n) = value.as_float() {
            (n, Unit::Float)
        } else if let Some(d) = value.read_lock::<Duration>() {
            (d.as_nanos() as f64, Unit::Seconds)
        } else {
            return Err(Error::new(
                Kind::Script,
                format!("{function}: value {} is {}, expected a number or a duration", at + 1, type_name(value)),
            ));
        };
        if !number.is_finite() {
            return Err(Error::new(
                Kind::Script,
                format!("{function}: value {} is {number}, not a number to sum up", at + 1),
            ));
        }
        unit = Some(match (unit, own) {
            (None, own) => own,
            (Some(unit), own) if unit == own => unit,
            (Some(Unit::Int | Unit::Float), Unit::Int | Unit::Float) => Unit::Float,
            _ => {
                return Err(Error::new(
                    Kind::Script,
                    format!("{function}: value {} mixes numbers with durations", at + 1),
                ));
            }
        });
        numbers.push(number);
    }
    numbers.sort_by(f64::total_cmp);
    Ok((numbers, unit.unwrap_or(Unit::Float)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(values: &[i64]) -> Array {
        values.iter().map(|v| (*v).into()).collect()
    }

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let hundred: Vec<i64> = (1..=100).collect();
        let s = summary(&ints(&hundred)).unwrap();
        let int = |key: &str| s[key].as_int().unwrap();
        assert_eq!([int("min"), int("p50"), int("p90"), int("p95"), int("p99"), int("max")], [1, 50, 90, 95, 99, 100]);
        assert_eq!(s["mean"].as_float().unwrap(), 50.5);
        let thousand: Vec<i64> = (1..=1000).collect();
        assert_eq!(percentile(&ints(&thousand), 99.9).unwrap().as_int().unwrap(), 999);
        assert_eq!(percentile(&ints(&[7]), 50.0).unwrap().as_int().unwrap(), 7);
    }

    #[test]
    fn durations_stay_durations() {
        let values: Array = [30, 10, 20].map(|ms| Dynamic::from(Duration::from_millis(ms))).into();
        let s = summary(&values).unwrap();
        let time = |key: &str| s[key].clone().cast::<Duration>();
        assert_eq!(
            (time("min"), time("p50"), time("mean")),
            (Duration::from_millis(10), Duration::from_millis(20), Duration::from_millis(20))
        );
        assert!((time("stddev").as_secs_f64() - 0.008_164_966).abs() < 1e-8);
    }

    #[test]
    fn mixed_numbers_are_floats_and_other_mixtures_errors() {
        assert_eq!(summary(&[1_i64.into(), 2.5.into()]).unwrap()["max"].as_float().unwrap(), 2.5);
        assert_eq!(summary(&[1_i64.into(), Dynamic::from(Duration::ZERO)]).unwrap_err().kind, Kind::Script);
        assert!(summary(&["x".into()]).unwrap_err().message.contains("value 1"));
        assert_eq!(summary(&[f64::NAN.into()]).unwrap_err().kind, Kind::Script);
    }

    #[test]
    fn nothing_to_sum_up_is_inconclusive() {
        assert_eq!(summary(&[]).unwrap_err().kind, Kind::Inconclusive);
    }
}
