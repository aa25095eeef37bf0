//! PromQL, as far as platforms are asked in it: selectors, ranges, offsets, aggregations, functions, operators with vector
//! matching.
//!
//! Source: Prometheus' documentation of "Querying", and VictoriaMetrics' MetricsQL where it is laxer (`rate(m)` without a
//! range takes the step's).

mod aggregate;
mod binary;
mod eval;
mod functions;
mod lexer;
mod parse;

use std::collections::BTreeMap;

use regex::Regex;

pub(crate) use eval::{Outcome, Query, Ranged, Sample};
pub(crate) use lexer::duration;
pub(crate) use parse::{parse, selector};

/// A series' labels, its name as `__name__`.
pub(crate) type Labels = BTreeMap<String, String>;

/// A condition on a label.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    pub(crate) value: String,
    /// Whether it must not match.
    pub(crate) not: bool,
    /// Set where the value is an expression, which has to match the whole.
    pub(crate) regex: Option<Regex>,
}

impl Matcher {
    /// Whether a series' labels meet it. A label that is not there is an empty one.
    pub(crate) fn meets(&self, labels: &Labels) -> bool {
        let own = labels.get(&self.label).map(String::as_str).unwrap_or_default();
        let fits = self.regex.as_ref().map_or(own == self.value, |regex| regex.is_match(own));
        fits != self.not
    }
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    Number(f64),
    Text(String),
    Select(Selector),
    Call {
        name: String,
        arguments: Vec<Expr>,
    },
    Aggregate {
        name: String,
        parameter: Option<Box<Expr>>,
        of: Box<Expr>,
        grouping: Grouping,
    },
    Binary(Box<Binary>),
    Negative(Box<Expr>),
    /// An expression over a range: `(…)[5m:1m]`.
    Sub {
        of: Box<Expr>,
        range: f64,
        step: Option<f64>,
        offset: f64,
    },
}

/// `name{…}[range] offset o`
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    /// Alternatives, each a list of conditions that all have to hold.
    pub(crate) matchers: Vec<Matcher>,
    /// Seconds; none for an instant.
    pub(crate) range: Option<f64>,
    /// Seconds back.
    pub(crate) offset: f64,
}

/// `by (…)` or `without (…)`
#[derive(Debug, Clone, Default)]
pub(crate) struct Grouping {
    pub(crate) without: bool,
    pub(crate) labels: Vec<String>,
}

/// Two sides with an operator between.
#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) operator: String,
    pub(crate) left: Expr,
    pub(crate) right: Expr,
    /// Whether a comparison gives 0 and 1 in place of leaving out.
    pub(crate) bool: bool,
    /// By which labels the sides are matched: all, those that are named, or all but those.
    pub(crate) matching: Option<Matching>,
}

/// `on (…)` or `ignoring (…)`, with `group_left` or `group_right`.
#[derive(Debug, Clone)]
pub(crate) struct Matching {
    pub(crate) on: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) group: Option<Group>,
}

/// The side that may have many, and the labels that it takes over from the other.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) left: bool,
    pub(crate) include: Vec<String>,
}

/// Where series come from.
pub(crate) trait Source {
    /// Those that meet all conditions.
    fn select(&self, matchers: &[Matcher]) -> Vec<Series>;
}

/// A series: labels, and a value at each time.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) shape: Shape,
    /// It is there from this time on, in seconds of the epoch.
    pub(crate) born: f64,
    /// And up to this one.
    pub(crate) gone: Option<f64>,
}

/// How a series' value goes with time.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// Always the same.
    Level(f64),
    /// One value, and another from a time on.
    Turned { before: f64, at: f64, after: f64 },
    /// A counter that began at a time with nothing.
    Grows { from: f64, per_second: f64 },
    /// What was sent, in order of time: each value holds for five minutes.
    Samples(Vec<(f64, f64)>),
}

/// How long a sample is looked back for.
pub(crate) const LOOKBACK: f64 = 300.0;

impl Series {
    /// The value at a time.
    pub(crate) fn at(&self, time: f64) -> Option<f64> {
        if time < self.born || self.gone.is_some_and(|gone| time > gone) {
            return None;
        }
        match &self.shape {
            Shape::Level(value) => Some(*value),
            Shape::Turned { before, at, after } => Some(if time < *at { *before } else { *after }),
            Shape::Grows { from, per_second } => Some(((time - from).max(0.0) * per_second).floor()),
            Shape::Samples(samples) => {
                let last = samples.iter().rev().find(|(at, _)| *at <= time)?;
                (time - last.0 <= LOOKBACK).then_some(last.1)
            }
        }
    }

    /// The samples of a window that ends at a time: as scraped every 30 seconds.
    pub(crate) fn window(&self, end: f64, range: f64) -> Vec<(f64, f64)> {
        const SCRAPED: f64 = 30.0;
        if let Shape::Samples(samples) = &self.shape {
            return samples.iter().filter(|(at, _)| *at > end - range && *at <= end).copied().collect();
        }
        let mut at = ((end - range) / SCRAPED).floor() * SCRAPED + SCRAPED;
        let mut out = Vec::new();
        // A range of years would be millions of samples; what is looked at is its end.
        at = at.max(end - 20_000.0 * SCRAPED);
        while at <= end {
            out.extend(self.at(at).map(|value| (at, value)));
            at += SCRAPED;
        }
        out
    }
}

#[cfg(test)]
mod tests;
