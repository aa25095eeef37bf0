//! Asks the same many times, some at once, and says how long it took: an HDR histogram's percentiles.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::error::{Error, Kind, Result};

/// Questions that may be asked in one go.
pub const MOST: u64 = 1_000_000;
/// Questions that may be under way at once.
pub const MOST_AT_ONCE: u64 = 1_000;

/// How long the answers took. Errors are counted, and not among the latencies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Good answers.
    pub count: u64,
    /// Failures.
    pub errors: u64,
    /// Failures by what they were: `timeout`, `status 503`.
    pub error_kinds: BTreeMap<String, u64>,
    /// The first failure, in full.
    pub first_error: Option<String>,
    /// The fastest answer.
    pub min: Duration,
    /// The mean.
    pub mean: Duration,
    /// Half are as fast or faster.
    pub p50: Duration,
    /// 90 %
    pub p90: Duration,
    /// 95 %
    pub p95: Duration,
    /// 99 %
    pub p99: Duration,
    /// The slowest answer.
    pub max: Duration,
    /// Wall time.
    pub time: Duration,
    /// Good answers a second.
    pub per_second: f64,
}

struct Tally {
    latencies: Histogram<u64>,
    errors: BTreeMap<String, u64>,
    first: Option<Error>,
}

impl Tally {
    fn new() -> Result<Self> {
        // A microsecond to an hour, three significant digits.
        let latencies = Histogram::new_with_bounds(1, 3_600_000_000, 3)
            .map_err(|e| Error::new(Kind::Script, "the histogram can't be made").because(e))?;
        Ok(Self { latencies, errors: BTreeMap::new(), first: None })
    }

    fn add(&mut self, result: Result<(), (String, Error)>, took: Duration) {
        match result {
            Ok(()) => self.latencies.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1)),
            Err((kind, error)) => {
                *self.errors.entry(kind).or_default() += 1;
                self.first.get_or_insert(error);
            }
        }
    }
}

/// Asks `requests` times, `concurrency` at once. `ask` returns a failure with the word it is counted under.
///
/// Dropping the future stops it: the workers are aborted.
///
/// # Errors
/// [`Kind::Script`] when the numbers are out of bounds; the first failure when all failed.
pub async fn run<F, W>(requests: u64, concurrency: u64, ask: F) -> Result<Summary>
where
    F: Fn() -> W + Send + Sync + 'static,
    W: Future<Output = Result<(), (String, Error)>> + Send + 'static,
{
    bounds("requests", requests, MOST)?;
    bounds("concurrency", concurrency, MOST_AT_ONCE)?;
    let (ask, asked) = (Arc::new(ask), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.min(requests) {
        let (ask, asked, mut tally) = (ask.clone(), asked.clone(), Tally::new()?);
        workers.spawn(async move {
            while asked.fetch_add(1, Ordering::Relaxed) < requests {
                let begun = Instant::now();
                let result = ask().await;
                tally.add(result, begun.elapsed());
            }
            tally
        });
    }
    let mut all = Tally::new()?;
    while let Some(done) = workers.join_next().await {
        let tally = done.map_err(|e| Error::new(Kind::Script, "a worker of the measurement broke").because(e))?;
        all.latencies
            .add(&tally.latencies)
            .map_err(|e| Error::new(Kind::Script, "the histograms can't be added").because(e))?;
        for (kind, count) in tally.errors {
            *all.errors.entry(kind).or_default() += count;
        }
        all.first = all.first.or(tally.first);
    }
    summary(&all, started.elapsed())
}

fn bounds(what: &str, value: u64, most: u64) -> Result<()> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::new(Kind::Script, format!("{what} is {value}: expected 1 to {most}")))
}

fn summary(all: &Tally, time: Duration) -> Result<Summary> {
    let (count, errors) = (all.latencies.len(), all.errors.values().sum::<u64>());
    if count == 0 {
        let first = all.first.clone().unwrap_or_else(|| Error::new(Kind::Unreadable, "nothing was asked"));
        return Err(first.context(format!("all {errors} requests failed; the first")));
    }
    let at = |quantile: f64| Duration::from_micros(all.latencies.value_at_quantile(quantile).min(all.latencies.max()));
    Ok(Summary {
        count,
        errors,
        error_kinds: all.errors.clone(),
        first_error: all.first.as_ref().map(ToString::to_string),
        min: Duration::from_micros(all.latencies.min()),
        mean: Duration::from_secs_f64(all.latencies.mean() / 1e6),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        max: Duration::from_micros(all.latencies.max()),
        time,
        per_second: count as f64 / time.as_secs_f64().max(1e-9),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failures_are_counted_by_kind_and_are_no_latencies() {
        let number = Arc::new(AtomicU64::new(0));
        let summary = run(100, 4, move || {
            let n = number.fetch_add(1, Ordering::Relaxed);
            async move {
                if n.is_multiple_of(10) {
                    return Err(("timeout".to_string(), Error::new(Kind::Timeout, "too late")));
                }
                Ok(())
            }
        })
        .await
        .unwrap();
        assert_eq!((summary.count, summary.errors, summary.error_kinds["timeout"]), (90, 10, 10));
        assert!(summary.min <= summary.p50 && summary.p50 <= summary.p99 && summary.p99 <= summary.max);
        assert_eq!(summary.first_error.as_deref(), Some("too late"));
    }

    #[tokio::test]
    async fn nothing_but_failures_is_an_error() {
        let refused = || async { Err(("unreachable".to_string(), Error::new(Kind::Unreachable, "nobody there"))) };
        let error = run(3, 2, refused).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable);
        assert_eq!(error.to_string(), "all 3 requests failed; the first: nobody there");
    }

    #[test]
    fn percentiles_come_from_the_histogram() {
        let mut tally = Tally::new().unwrap();
        (1..=100).for_each(|ms| tally.add(Ok(()), Duration::from_millis(ms)));
        let summary = summary(&tally, Duration::from_secs(2)).unwrap();
        let near = |got: Duration, ms: f64| (got.as_secs_f64() * 1000.0 - ms).abs() < 0.2;
        assert!(near(summary.p50, 50.0) && near(summary.p90, 90.0) && near(summary.p99, 99.0), "{summary:?}");
        assert!(near(summary.mean, 50.5) && near(summary.max, 100.0) && near(summary.min, 1.0), "{summary:?}");
        assert!((summary.per_second - 50.0).abs() < 1e-9);
    }

    #[tokio::test]
    async fn numbers_out_of_bounds_are_refused() {
        let fine = || async { Ok(()) };
        assert!(run(0, 1, fine).await.unwrap_err().to_string().contains("requests is 0"));
        assert!(run(5, 5_000, fine).await.unwrap_err().to_string().contains("1 to 1000"));
    }
}
