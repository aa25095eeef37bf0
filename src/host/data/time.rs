//! `time::` — points in time, the run's clock, and waiting.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rhai::{FuncRegistration, NativeCallContext};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::config::units::show_duration;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::{Call, Context, HostResult, Limit, Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "time", about: "Points in time, the clock, and waiting", needs: Needs::Nothing, register };

/// A point in time, to the nanosecond; scripts know it as `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Time(pub(crate) Timestamp);

impl fmt::Display for Time {
    /// RFC 3339 in UTC: `2026-11-23T06:30:42Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn register(m: &mut Registrar) {
    m.path("now")
        .sig("() -> time")
        .effect(Effect::Read)
        .doc("The time of day, by the run's clock. It prints as RFC 3339 in UTC. Two times compare with `<`, `==` and so on; their difference is a duration, and a time plus or minus a duration is a time.")
        .example(r#"let t = time::now(); t + duration("1s") > t && (t + duration("1s")) - t == duration("1s")"#)
        .add(|at: NativeCallContext| -> HostResult<Time> { Ok(now(&at, "time::now")?) });
    m.path("since")
        .sig("(start: time | string) -> duration")
        .effect(Effect::Read)
        .doc("How long ago a time was, by the run's clock; a string is read as `time::parse` reads it, so that `metadata.creationTimestamp` fits. A time that is still to come gives the duration 0: clocks of two machines differ.")
        .example(r#"time::since("2020-01-01T00:00:00Z") > duration("1000h")"#)
        .add(|at: NativeCallContext, start: Time| -> HostResult<Duration> { Ok(since(&at, start)?) })
        .add(|at: NativeCallContext, start: &str| -> HostResult<Duration> { Ok(since(&at, parse(start)?)?) });
    m.path("sleep")
        .sig("(span: duration) -> ()")
        .effect(Effect::Read)
        .doc("Waits, by the run's clock. An interruption or the step's deadline ends it at once. To wait for something use `eventually` or `k.wait`, which end as soon as it has come.")
        .example(r#"let t = time::now(); time::sleep(duration("2ms")); time::since(t) >= duration("2ms")"#)
        .add(|at: NativeCallContext, span: Duration| -> HostResult<()> {
            let cx = Context::current()?;
            let clock = cx.world.clock.clone();
            let call = Call::new("time::sleep", format!("sleep {}", span.as_secs_f64()))
                .args(json!({ "span": show_duration(span) }))
                .limit(Limit::Step);
            Ok(cx.call(&at, call, async move {
                clock.sleep(span).await;
                Ok(())
            })?)
        });
    m.path("parse")
        .sig("(text: string) -> time")
        .doc("The time that a text in RFC 3339 says: `2026-11-23T06:30:42Z`, also with fractions of a second and an offset such as `+02:00`. A text without an offset is an error: nobody knows which time it means.")
        .example(r#"time::parse("2026-01-01T02:00:00+02:00") == time::parse("2026-01-01T00:00:00Z")"#)
        .add(|text: &str| -> HostResult<Time> { Ok(parse(text)?) });
    m.path("from_unix")
        .sig("(seconds: number) -> time")
        .doc("The time so many seconds after 1970 began.")
        .example(r#"time::from_unix(0) == time::parse("1970-01-01T00:00:00Z")"#)
        .add(|seconds: i64| -> HostResult<Time> {
            Ok(Timestamp::from_second(seconds).map(Time).map_err(|e| outside(&e))?)
        })
        .add(|seconds: f64| -> HostResult<Time> { Ok(from_seconds(seconds)?) });
    m.property("time", "unix")
        .sig("int")
        .doc("Whole seconds since 1970 began.")
        .example(r#"time::parse("1970-01-02T00:00:00Z").unix == 86400"#)
        .add(|time: &mut Time| time.0.as_second());
    m.method("time", "format")
        .sig("(pattern: string) -> string")
        .doc("The time in UTC by a pattern of strftime: `%Y-%m-%d`, `%H:%M:%S`, `%F`, `%T` … A pattern that is not understood is an error.")
        .example(r#"time::parse("2026-11-23T06:30:42Z").format("%Y%m%d-%H%M") == "20261123-0630""#)
        .add(|time: &mut Time, pattern: &str| -> HostResult<String> { Ok(format(*time, pattern)?) });
    operators(m);
}

/// Comparison, arithmetic and printing, which scripts write without a function's name.
fn operators(m: &mut Registrar) {
    let raw = m.raw();
    raw.set_custom_type::<Time>("time");
    macro_rules! operator {
        ($name:literal, $function:expr) => {
            FuncRegistration::new($name).in_global_namespace().with_purity(true).set_into_module(raw, $function);
        };
    }
    operator!("==", |a: Time, b: Time| a == b);
    operator!("!=", |a: Time, b: Time| a != b);
    operator!("<", |a: Time, b: Time| a < b);
    operator!("<=", |a: Time, b: Time| a <= b);
    operator!(">", |a: Time, b: Time| a > b);
    operator!(">=", |a: Time, b: Time| a >= b);
    operator!("+", |time: Time, span: Duration| -> HostResult<Time> {
        Ok(time.0.checked_add(span).map(Time).map_err(|e| outside(&e))?)
    });
    operator!("-", |time: Time, span: Duration| -> HostResult<Time> {
        Ok(time.0.checked_sub(span).map(Time).map_err(|e| outside(&e))?)
    });
    operator!("-", |later: Time, earlier: Time| -> HostResult<Duration> { Ok(between(earlier, later)?) });
    operator!("to_string", |time: &mut Time| time.to_string());
    operator!("to_debug", |time: &mut Time| time.to_string());
}

fn now(at: &NativeCallContext, function: &'static str) -> Result<Time, Error> {
    let cx = Context::current()?;
    let clock = cx.world.clock.clone();
    cx.call_with(at, Call::new(function, "date -u +%FT%T.%NZ"), Time::to_string, async move { Ok(Time(clock.now())) })
}

fn since(at: &NativeCallContext, start: Time) -> Result<Duration, Error> {
    let now = now(at, "time::since")?;
    Ok(now.0.duration_since(start.0).try_into().unwrap_or(Duration::ZERO))
}

fn between(earlier: Time, later: Time) -> Result<Duration, Error> {
    Duration::try_from(later.0.duration_since(earlier.0)).map_err(|_| {
        Error::new(Kind::Script, format!("{later} - {earlier} is negative, and durations are not"))
            .hint("compare the two first, and take the earlier from the later")
    })
}

fn parse(text: &str) -> Result<Time, Error> {
    text.trim().parse::<Timestamp>().map(Time).map_err(|e| {
        Error::new(Kind::Script, format!("{text:?} is no time in RFC 3339, such as \"2026-11-23T06:30:42Z\""))
            .because(e)
    })
}

fn from_seconds(seconds: f64) -> Result<Time, Error> {
    let span = jiff::SignedDuration::try_from_secs_f64(seconds)
        .map_err(|e| Error::new(Kind::Script, format!("{seconds} seconds since 1970 are no time")).because(e))?;
    Timestamp::from_duration(span).map(Time).map_err(|e| outside(&e))
}

fn outside(e: &jiff::Error) -> Error {
    Error::new(Kind::Script, "a time before the year -9999 or after 9999").because(e)
}

fn format(time: Time, pattern: &str) -> Result<String, Error> {
    // The timestamp itself knows no calendar fields beyond UTC's; a zoned time in UTC has them all.
    let zoned = time.0.to_zoned(jiff::tz::TimeZone::UTC);
    jiff::fmt::strtime::format(pattern, &zoned)
        .map_err(|e| Error::new(Kind::Script, format!("{pattern:?} is no pattern for a time")).because(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    fn holds(script: &str) {
        assert!(eval(script).unwrap().as_bool().unwrap(), "{script}");
    }

    #[test]
    fn arithmetic_and_order() {
        let two = r#"let a = time::parse("2026-01-01T00:00:00Z"); let b = time::parse("2026-01-01T00:01:30.5Z"); "#;
        holds(&format!(
            "{two} b - a == duration(\"90.5s\") && a < b && a != b && a + (b - a) == b && b - (b - a) == a"
        ));
        holds(&format!("{two} `${{a}}` == \"2026-01-01T00:00:00Z\" && b.to_string() == \"2026-01-01T00:01:30.5Z\""));
        let error = eval(&format!("{two} a - b")).unwrap_err();
        assert!(error.message.contains("is negative"), "{error}");
    }

    #[test]
    fn a_text_without_an_offset_is_no_time() {
        for text in ["2026-01-01T00:00:00", "2026-01-01", "yesterday", ""] {
            assert_eq!(parse(text).unwrap_err().kind, Kind::Script, "{text}");
        }
    }

    #[test]
    fn what_is_to_come_was_no_time_ago() {
        holds(r#"time::since(time::now() + duration("1h")) == duration("0s")"#);
        holds(r#"time::from_unix(1.5).to_string() == "1970-01-01T00:00:01.5Z""#);
    }

    #[test]
    fn a_bad_pattern_is_an_error() {
        assert!(eval(r#"time::now().format("%!")"#).unwrap_err().message.contains("no pattern"));
    }

    #[test]
    fn sleeping_ends_with_the_run() {
        let world = crate::host::testing::world(crate::config::Config::default());
        let engine = crate::script::engine::build();
        let context = Context::new(world.clone(), "test/step", None, Effect::Read, None);
        let started = std::time::Instant::now();
        let stopper = std::thread::spawn({
            let world = world.clone();
            move || {
                std::thread::sleep(Duration::from_millis(50));
                world.cancel.cancel();
            }
        });
        let _entered = context.enter();
        let error = engine.eval::<()>(r#"time::sleep(duration("60s"))"#).unwrap_err();
        assert_eq!(crate::script::diagnose::from_rhai(&error, None).kind, Kind::Cancelled);
        assert!(started.elapsed() < Duration::from_secs(10));
        stopper.join().unwrap();
    }
}
