//! `NAME[@30s]`: a fault, and when it begins by the lab's clock.

use std::sync::Arc;
use std::time::Duration;

use super::{Fault, Faults, named};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// A fault that begins at some time of a lab.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    /// Which.
    pub fault: &'static Fault,
    /// How long after the lab was opened; zero: before anybody looks.
    pub after: Duration,
}

/// Reads `ip-pool-disabled`, or `ip-pool-disabled@30s`.
///
/// # Errors
/// [`Kind::Usage`]: there is no such fault, with what may be meant; or no such time.
pub fn parse(text: &str) -> Result<Timed> {
    let (name, after) = match text.split_once('@') {
        None => (text, Duration::ZERO),
        Some((name, span)) => {
            let after = crate::config::units::duration(span).ok_or_else(|| {
                let message = format!("fault {text}: \"{span}\" is no duration; expected one such as 30s or 5m");
                Error::new(Kind::Usage, message).hint("NAME@30s begins 30 s after the lab was opened")
            })?;
            (name, after)
        }
    };
    Ok(Timed { fault: named(name)?, after })
}

/// Reads all of them.
///
/// # Errors
/// Everything that is wrong.
pub fn all(texts: &[String]) -> Result<Vec<Timed>, Vec<Error>> {
    let (good, bad): (Vec<_>, Vec<_>) = texts.iter().map(|text| parse(text)).partition(Result::is_ok);
    if bad.is_empty() {
        return Ok(good.into_iter().flatten().collect());
    }
    Err(bad.into_iter().filter_map(Result::err).collect())
}

impl Faults {
    /// Breaks what begins at once, and has the others begin when their time comes by the lab's clock.
    ///
    /// # Errors
    /// One is not possible in this platform: told for the later ones, too, before anything begins.
    pub fn begin(&self, all: &[Timed], clock: &Arc<dyn Clock>) -> Result<()> {
        for timed in all {
            self.look(timed.fault).map_err(|why| super::impossible(timed.fault, &why))?;
        }
        for timed in all {
            if timed.after.is_zero() {
                self.on(timed.fault.name)?;
                continue;
            }
            let (faults, name, sleep) = (self.clone(), timed.fault.name, clock.sleep(timed.after));
            tokio::spawn(async move {
                sleep.await;
                // What was possible when the lab was opened, and is not any more, is broken already.
                let _ = faults.on(name);
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_a_time_and_has_to_be_one() {
        let timed = parse("node-cut-off@90s").unwrap();
        assert_eq!((timed.fault.name, timed.after), ("node-cut-off", Duration::from_secs(90)));
        assert_eq!(parse("node-cut-off").unwrap().after, Duration::ZERO);
        let wrong = parse("node-cutoff").unwrap_err();
        assert!(wrong.message.contains("no fault \"node-cutoff\""), "{}", wrong.message);
        assert!(wrong.hints.iter().any(|hint| hint.contains("node-cut-off")), "{:?}", wrong.hints);
        assert!(parse("node-cut-off@soon").unwrap_err().message.contains("\"soon\" is no duration"));
    }
}
