//! An expression's value at a time.

use super::{Expr, LOOKBACK, Labels, Series, Shape, Source, aggregate, binary, functions};

/// A series' value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// What an expression gives.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Scalar(f64),
    Text(String),
    Vector(Vec<Sample>),
    /// Series with their window, which functions over ranges take.
    Ranges(Vec<Ranged>),
}

/// A series over a window.
#[derive(Debug, Clone)]
pub(crate) struct Ranged {
    pub(crate) labels: Labels,
    pub(crate) samples: Vec<(f64, f64)>,
}

/// A query at work.
pub(crate) struct Query<'s> {
    pub(crate) source: &'s dyn Source,
    /// Seconds of the epoch.
    pub(crate) time: f64,
    /// The step of a range of times; what a function over ranges takes where its argument has none.
    pub(crate) step: f64,
}

pub(super) type Evaluated<T> = Result<T, String>;

impl Query<'_> {
    fn shifted(&self, back: f64) -> Query<'_> {
        Query { source: self.source, time: self.time - back, step: self.step }
    }

    /// An expression's value.
    ///
    /// # Errors
    /// It can't be worked out.
    pub(crate) fn value(&self, expr: &Expr) -> Evaluated<Outcome> {
        Ok(match expr {
            Expr::Number(number) => Outcome::Scalar(*number),
            Expr::Text(text) => Outcome::Text(text.clone()),
            Expr::Negative(inner) => match self.value(inner)? {
                Outcome::Scalar(number) => Outcome::Scalar(-number),
                other => Outcome::Vector(
                    other
                        .vector()?
                        .into_iter()
                        .map(|s| Sample { labels: nameless(&s.labels), value: -s.value })
                        .collect(),
                ),
            },
            Expr::Select(selector) => {
                let time = self.time - selector.offset;
                let series = self.source.select(&selector.matchers);
                match selector.range {
                    None => Outcome::Vector(instants(&series, time)),
                    Some(range) => Outcome::Ranges(ranges(series, time, range)),
                }
            }
            Expr::Sub { of, range, step, offset } => {
                let step = step.unwrap_or(60.0).max(1.0);
                self.shifted(*offset).over(of, *range, step)?
            }
            Expr::Aggregate { name, parameter, of, grouping } => {
                let parameter = match parameter {
                    Some(expr) => Some(self.value(expr)?),
                    None => None,
                };
                Outcome::Vector(aggregate::of(name, parameter.as_ref(), self.value(of)?.vector()?, grouping)?)
            }
            Expr::Binary(both) => binary::of(both, self.value(&both.left)?, self.value(&both.right)?)?,
            Expr::Call { name, arguments } => functions::call(self, name, arguments)?,
        })
    }

    /// An expression over a range, step by step.
    pub(super) fn over(&self, of: &Expr, range: f64, step: f64) -> Evaluated<Outcome> {
        let mut out: Vec<Ranged> = Vec::new();
        let mut at = self.time - range + step;
        if range / step > 11_000.0 {
            return Err("too many points for the given range and step".into());
        }
        while at <= self.time + step / 1000.0 {
            let then = Query { source: self.source, time: at, step: self.step };
            for sample in then.value(of)?.vector()? {
                match out.iter_mut().find(|known| known.labels == sample.labels) {
                    Some(known) => known.samples.push((at, sample.value)),
                    None => out.push(Ranged { labels: sample.labels, samples: vec![(at, sample.value)] }),
                }
            }
            at += step;
        }
        Ok(Outcome::Ranges(out))
    }

    /// What a function over ranges takes: a range, or whatever else over the step.
    pub(super) fn ranged(&self, expr: &Expr) -> Evaluated<Vec<Ranged>> {
        if let Expr::Select(selector) = expr
            && selector.range.is_none()
        {
            let series = self.source.select(&selector.matchers);
            return Ok(ranges(series, self.time - selector.offset, self.step.max(LOOKBACK)));
        }
        match self.value(expr)? {
            Outcome::Ranges(ranges) => Ok(ranges),
            _ => match self.over(expr, self.step.max(LOOKBACK), 60.0)? {
                Outcome::Ranges(ranges) => Ok(ranges),
                _ => Err("a range is expected".into()),
            },
        }
    }
}

impl Outcome {
    /// A vector; a scalar is one without labels.
    ///
    /// # Errors
    /// It is a text.
    pub(crate) fn vector(self) -> Evaluated<Vec<Sample>> {
        match self {
            Self::Vector(samples) => Ok(samples),
            Self::Scalar(value) => Ok(vec![Sample { labels: Labels::new(), value }]),
            // MetricsQL takes the last value of a range where an instant is expected.
            Self::Ranges(ranges) => {
                let last = |one: Ranged| {
                    one.samples.last().map(|(_, value)| Sample { labels: one.labels.clone(), value: *value })
                };
                Ok(ranges.into_iter().filter_map(last).collect())
            }
            Self::Text(text) => Err(format!("a vector is expected; got the string {text:?}")),
        }
    }

    /// A number.
    pub(super) fn number(&self) -> Evaluated<f64> {
        match self {
            Self::Scalar(number) => Ok(*number),
            Self::Vector(samples) if samples.len() == 1 => Ok(samples[0].value),
            _ => Err("a number is expected".into()),
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Evaluated<&str> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("a string is expected".into()),
        }
    }
}

/// Labels without the name.
pub(super) fn nameless(labels: &Labels) -> Labels {
    let mut labels = labels.clone();
    labels.remove("__name__");
    labels
}

fn instants(series: &[Series], time: f64) -> Vec<Sample> {
    let one = |series: &Series| Some(Sample { labels: series.labels.clone(), value: series.at(time)? });
    series.iter().filter_map(one).collect()
}

fn ranges(series: Vec<Series>, time: f64, range: f64) -> Vec<Ranged> {
    let one = |series: Series| {
        let mut samples = series.window(time, range);
        // The end of the window belongs to it, whenever the last scrape was.
        if !matches!(series.shape, Shape::Samples(_)) && samples.last().is_none_or(|(at, _)| *at < time) {
            samples.extend(series.at(time).map(|value| (time, value)));
        }
        (!samples.is_empty()).then_some(Ranged { labels: series.labels, samples })
    };
    series.into_iter().filter_map(one).collect()
}
