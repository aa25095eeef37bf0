//! The functions and operators of durations, sizes and secrets, as scripts see them.

use std::time::Duration;

use rhai::{Dynamic, FLOAT, INT, ImmutableString, Module as RhaiModule};

use super::{Secret, Size, parse_duration};
use crate::error::{Error, Kind};
use crate::event::short;
use crate::host::{HostResult, Module, Needs, Registrar};

/// The row of the table.
pub(crate) const MODULE: Module = Module {
    name: "values",
    about: "Durations and sizes: read from texts, computed with, compared; never mixed with plain numbers.",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.global("duration")
        .sig("(text: string) -> duration")
        .doc("A span of time from its text: `15s`, `250ms`, `1h30m`, `7d`. Durations add, subtract and compare with each other, and are multiplied and divided by numbers.")
        .example(r#"duration("1m30s") == duration("90s") && duration("15s") * 2 > duration("20s")"#)
        .add(|text: &str| Ok::<_, Box<rhai::EvalAltResult>>(parse_duration(text)?))
        .add(|span: Duration| Ok::<_, Box<rhai::EvalAltResult>>(span));
    m.global("ms")
        .sig("(milliseconds: number) -> duration")
        .doc("A span of time from a number of milliseconds.")
        .example(r#"ms(1500) == duration("1.5s")"#)
        .add(|count: INT| span(count as FLOAT / 1000.0))
        .add(|count: FLOAT| span(count / 1000.0));
    m.global("size")
        .sig("(text: string) -> size")
        .doc("An amount of data from its text, as Kubernetes writes it: `10Gi`, `500M`, `1024`, or from a number of bytes. Sizes add, subtract and compare with each other, and are multiplied and divided by numbers.")
        .example(r#"size("1Gi") == size("1024Mi") && size("1.5k").bytes == 1500"#)
        .add(|text: &str| Ok::<_, Box<rhai::EvalAltResult>>(text.parse::<Size>()?))
        .add(|bytes: INT| amount(bytes as FLOAT))
        .add(|size: Size| Ok::<_, Box<rhai::EvalAltResult>>(size));
    m.property("duration", "seconds")
        .sig("float")
        .doc("The number of seconds, with fractions.")
        .example(r#"duration("1m30s").seconds == 90.0"#)
        .add(|span: &mut Duration| span.as_secs_f64());
    m.property("duration", "millis")
        .sig("float")
        .doc("The number of milliseconds, with fractions.")
        .example(r#"duration("1.5s").millis == 1500.0"#)
        .add(|span: &mut Duration| span.as_secs_f64() * 1000.0);
    m.property("size", "bytes")
        .sig("int")
        .doc("The number of bytes.")
        .example(r#"size("1Ki").bytes == 1024"#)
        .add(|size: &mut Size| i64::try_from(size.0).unwrap_or(i64::MAX));
    durations(m.raw());
    sizes(m.raw());
    secrets(m.raw());
}

fn span(seconds: FLOAT) -> HostResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|e| Error::new(Kind::Script, format!("no duration of {seconds} seconds")).because(e).into())
}

fn amount(bytes: FLOAT) -> HostResult<Size> {
    Size::from_f64(bytes).ok_or_else(|| Error::new(Kind::Script, format!("no size of {bytes} bytes")).into())
}

fn ratio(a: FLOAT, b: FLOAT) -> HostResult<FLOAT> {
    if b == 0.0 { Err(Error::new(Kind::Script, "division by zero").into()) } else { Ok(a / b) }
}

fn durations(m: &mut RhaiModule) {
    m.set_native_fn("+", |a: Duration, b: Duration| Ok(a.saturating_add(b)));
    m.set_native_fn("-", |a: Duration, b: Duration| {
        a.checked_sub(b).ok_or_else(|| {
            let text = format!("{} is shorter than {}: a duration is never negative", short(a), short(b));
            Error::new(Kind::Script, text).into()
        })
    });
    m.set_native_fn("*", |a: Duration, b: INT| span(a.as_secs_f64() * b as FLOAT));
    m.set_native_fn("*", |a: Duration, b: FLOAT| span(a.as_secs_f64() * b));
    m.set_native_fn("*", |a: INT, b: Duration| span(b.as_secs_f64() * a as FLOAT));
    m.set_native_fn("*", |a: FLOAT, b: Duration| span(b.as_secs_f64() * a));
    m.set_native_fn("/", |a: Duration, b: INT| ratio(a.as_secs_f64(), b as FLOAT).and_then(span));
    m.set_native_fn("/", |a: Duration, b: FLOAT| ratio(a.as_secs_f64(), b).and_then(span));
    m.set_native_fn("/", |a: Duration, b: Duration| ratio(a.as_secs_f64(), b.as_secs_f64()));
    ordered::<Duration>(m);
    refused::<Duration>(m, "a duration", "duration(\"15s\") or ms(250) make one; .seconds and .millis give numbers");
    for name in ["to_string", "print", "to_debug", "debug"] {
        m.set_native_fn(name, |span: &mut Duration| Ok(short(*span)));
    }
}

fn sizes(m: &mut RhaiModule) {
    let too_great = |a: Size, b: Size| Error::new(Kind::Script, format!("{a} and {b}: the result is no size"));
    m.set_native_fn("+", move |a: Size, b: Size| Ok(a.0.checked_add(b.0).map(Size).ok_or_else(|| too_great(a, b))?));
    m.set_native_fn("-", move |a: Size, b: Size| Ok(a.0.checked_sub(b.0).map(Size).ok_or_else(|| too_great(a, b))?));
    m.set_native_fn("*", |a: Size, b: INT| amount(a.0 as FLOAT * b as FLOAT));
    m.set_native_fn("*", |a: Size, b: FLOAT| amount(a.0 as FLOAT * b));
    m.set_native_fn("*", |a: INT, b: Size| amount(b.0 as FLOAT * a as FLOAT));
    m.set_native_fn("*", |a: FLOAT, b: Size| amount(b.0 as FLOAT * a));
    m.set_native_fn("/", |a: Size, b: INT| ratio(a.0 as FLOAT, b as FLOAT).and_then(amount));
    m.set_native_fn("/", |a: Size, b: FLOAT| ratio(a.0 as FLOAT, b).and_then(amount));
    m.set_native_fn("/", |a: Size, b: Size| ratio(a.0 as FLOAT, b.0 as FLOAT));
    ordered::<Size>(m);
    refused::<Size>(m, "a size", "size(\"10Gi\") makes one; .bytes gives a number");
    for name in ["to_string", "print", "to_debug", "debug"] {
        m.set_native_fn(name, |size: &mut Size| Ok(size.to_string()));
    }
}

fn secrets(m: &mut RhaiModule) {
    m.set_native_fn("==", |a: Secret, b: Secret| Ok(a == b));
    m.set_native_fn("!=", |a: Secret, b: Secret| Ok(a != b));
    // A secret put into a text shows its number: whoever sends it must take the secret itself.
    for name in ["to_string", "print", "to_debug", "debug"] {
        m.set_native_fn(name, |secret: &mut Secret| Ok(secret.to_string()));
    }
    m.set_native_fn("+", |_: ImmutableString, _: Secret| glued());
    m.set_native_fn("+", |_: Secret, _: ImmutableString| glued());
    m.set_native_fn("+=", |_: &mut ImmutableString, _: Secret| glued());
}

fn glued() -> HostResult<()> {
    Err(Error::new(Kind::Script, "a secret cannot be made part of a text")
        .hint("pass it as it is, as an option's value: the function that sends it reads it")
        .into())
}

fn ordered<T: rhai::Variant + Clone + PartialOrd>(m: &mut RhaiModule) {
    m.set_native_fn("==", |a: T, b: T| Ok(a == b));
    m.set_native_fn("!=", |a: T, b: T| Ok(a != b));
    m.set_native_fn("<", |a: T, b: T| Ok(a < b));
    m.set_native_fn("<=", |a: T, b: T| Ok(a <= b));
    m.set_native_fn(">", |a: T, b: T| Ok(a > b));
    m.set_native_fn(">=", |a: T, b: T| Ok(a >= b));
}

/// Rhai finds values of different types unordered and unequal without a word; with a number or a text on
/// the other side that is a mistake.
fn refused<T: rhai::Variant + Clone>(m: &mut RhaiModule, what: &'static str, hint: &'static str) {
    for name in ["<", "<=", ">", ">=", "==", "!="] {
        let refuse = move |other: Dynamic| -> HostResult<bool> {
            let text = format!("{what} is not compared with {}: {name}", super::type_name(&other));
            Err(Error::new(Kind::Script, text).hint(hint).into())
        };
        m.set_native_fn(name, move |_: T, b: INT| refuse(b.into()));
        m.set_native_fn(name, move |_: T, b: FLOAT| refuse(b.into()));
        m.set_native_fn(name, move |_: T, b: ImmutableString| refuse(b.into()));
        m.set_native_fn(name, move |a: INT, _: T| refuse(a.into()));
        m.set_native_fn(name, move |a: FLOAT, _: T| refuse(a.into()));
        m.set_native_fn(name, move |a: ImmutableString, _: T| refuse(a.into()));
    }
}
