//! Spans of time: read from texts such as `15s` or `1h30m`, and written so that they can be read again.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

use crate::error::{Error, Kind};

/// Reads `15s`, `1h30m`, `250ms`, `1.5s`, `7d`.
///
/// # Errors
/// [`Kind::Script`] when it is no span, is negative or lacks a unit.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let wrong = |why: &str| {
        Error::new(Kind::Script, format!("not a duration: \"{text}\""))
            .because(why)
            .hint("write numbers with units: \"15s\", \"250ms\", \"1h30m\", \"7d\"")
    };
    if text.trim().is_empty() {
        return Err(wrong("it is empty"));
    }
    let span: Span = text.trim().parse().map_err(|e: jiff::Error| wrong(&e.to_string()))?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|e| wrong(&e.to_string()))?;
    Duration::try_from(span).map_err(|_| wrong("it is negative"))
}

/// A span as a text that says exactly how long it is and that [`parse_duration`] reads: `1m30s`, `1s500ms`.
pub fn exact(span: Duration) -> String {
    if span.is_zero() {
        return "0s".into();
    }
    let seconds = span.as_secs();
    let nanos = span.subsec_nanos();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(nanos / 1_000_000), "ms"),
        (u64::from(nanos / 1000 % 1000), "us"),
        (u64::from(nanos % 1000), "ns"),
    ];
    parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written_back_exactly() {
        for (text, nanos, shown) in [
            ("15s", 15_000_000_000, "15s"),
            ("1h30m", 5_400_000_000_000, "1h30m"),
            ("250ms", 250_000_000, "250ms"),
            ("1.5s", 1_500_000_000, "1s500ms"),
            ("7d", 604_800_000_000_000, "168h"),
            ("2m 30s", 150_000_000_000, "2m30s"),
            ("350us", 350_000, "350us"),
            ("0s", 0, "0s"),
        ] {
            let span = parse_duration(text).expect(text);
            assert_eq!((span.as_nanos(), exact(span).as_str()), (nanos, shown), "{text}");
            assert_eq!(parse_duration(&exact(span)), Ok(span), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused_by_its_text() {
        for text in ["", "15", "15 parsecs", "-3s", "1mo", "s"] {
            let error = parse_duration(text).expect_err(text);
            assert_eq!(error.message, format!("not a duration: \"{text}\""));
        }
    }
}
