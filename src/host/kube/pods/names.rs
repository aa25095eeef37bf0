//! How long a call may wait inside its deadline, and what its results are called.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::host::call::Limit;
use crate::host::context::Context;
use crate::host::world::World;

/// What is kept back of the step's time, so that a wait can end with its own words before the gate ends it.
const MARGIN: Duration = Duration::from_secs(2);

/// The time for a wait: what the script said or the default, within what the step has left; and the gate's limit.
pub(super) fn patience(cx: &Context, wanted: Option<Duration>, default: Option<Duration>) -> (Duration, Limit) {
    let left = cx.remaining().map(|left| left.saturating_sub(MARGIN.min(left / 5)));
    let own = wanted.or(default);
    let within = match (own, left) {
        (Some(own), Some(left)) => own.min(left),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => crate::host::call::STEP_LIMIT,
    };
    (within, Limit::Step)
}

#[derive(Debug, Default)]
struct Counter(AtomicU64);

/// `probe-1a2b3c` for a name that the script chose, else `pod-1a2b3c-4`.
pub(crate) fn object_name(world: &World, chosen: Option<&str>, base: &str) -> Result<String> {
    let mark = world.mark();
    let name = match chosen {
        Some(chosen) => format!("{chosen}-{mark}"),
        None => format!("{base}-{mark}-{}", world.part::<Counter>().0.fetch_add(1, Ordering::Relaxed) + 1),
    };
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if name.len() <= 63 && name.chars().all(fine) && name.starts_with(edges) && name.ends_with(edges) {
        return Ok(name);
    }
    Err(Error::new(Kind::Script, format!("\"{name}\" can't be a pod's name"))
        .hint("lower-case letters, digits and \"-\", at most 63 with the run's mark at the end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::Effect;
    use crate::host::testing;

    #[test]
    fn names_carry_the_runs_mark() {
        let world = testing::world(Config::default());
        assert_eq!(object_name(&world, Some("probe"), "pod"), Ok("probe-abc123".into()));
        assert_eq!(object_name(&world, None, "pod"), Ok("pod-abc123-1".into()));
        assert_eq!(object_name(&world, None, "pod"), Ok("pod-abc123-2".into()));
        assert_eq!(object_name(&world, Some("Probe"), "pod").map_err(|e| e.kind), Err(Kind::Script));
    }

    #[test]
    fn a_wait_ends_before_the_step_does() {
        let world = testing::world(Config::default());
        let cx = Context::new(world, "t/s", None, Effect::Read, Some(Duration::from_secs(10)));
        let (within, _) = patience(&cx, Some(Duration::from_secs(60)), None);
        assert!(within < Duration::from_secs(9), "{within:?}");
        assert_eq!(patience(&cx, Some(Duration::from_secs(1)), None).0, Duration::from_secs(1));
    }
}
