//! Spans of time in words: measured ones rounded, limits exactly.

use std::time::Duration;

/// A duration as a person writes it: `250ms`, `1.5s`, `15s`, `2m30s`, `1h5m`.
pub fn short(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1000.0;
    if ms < 1.0 {
        return if span.is_zero() { "0s".into() } else { format!("{}µs", span.as_micros()) };
    }
    if ms < 1000.0 {
        return format!("{}ms", ms.round());
    }
    let seconds = span.as_secs();
    if seconds < 60 {
        let tenths = (span.as_secs_f64() * 10.0).round() / 10.0;
        return format!("{tenths}s");
    }
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (h, m, s) {
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, 0, 0) => format!("{h}h"),
        (h, m, 0) => format!("{h}h{m}m"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

/// A limit in words, with nothing of it rounded away: `1.25s`, `90s`, `5m`.
pub fn exact(span: Duration) -> String {
    let minutes = span.subsec_nanos() == 0 && span.as_secs().is_multiple_of(60);
    if minutes || span > Duration::from_secs(86_400) { short(span) } else { format!("{span:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_said_as_it_is_and_a_measured_time_in_short() {
        let said = |ms| (short(Duration::from_millis(ms)), exact(Duration::from_millis(ms)));
        assert_eq!(said(1_250), ("1.3s".into(), "1.25s".into()));
        assert_eq!(said(90_000), ("1m30s".into(), "90s".into()));
        assert_eq!(said(300_000), ("5m".into(), "5m".into()));
        assert_eq!(exact(Duration::ZERO), "0s");
        assert_eq!(exact(Duration::from_micros(1_500)), "1.5ms");
    }
}
