//! How a router tells times: spans as FRR writes them, and dates as C does.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Seen;

/// `00:09:06`, `1d02h03m`, `01w2d03h`
pub fn uptime(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60 % 60, seconds / 3600, seconds / 86400);
    if days == 0 {
        format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)
    } else if days < 7 {
        format!("{days}d{:02}h{minutes:02}m", hours % 24)
    } else {
        format!("{:02}w{}d{:02}h", days / 7, days % 7, hours % 24)
    }
}

/// Whole seconds, in milliseconds, as FRR has it in its JSON.
pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_secs() * 1000).unwrap_or(i64::MAX)
}

impl Seen<'_> {
    /// How long ago something was.
    pub fn ago(&self, then: Instant) -> Duration {
        self.now.saturating_duration_since(then)
    }

    /// When it was, in seconds since 1970.
    pub fn epoch(&self, then: Instant) -> i64 {
        self.wall.as_second() - i64::try_from(self.ago(then).as_secs()).unwrap_or(0)
    }

    /// `Mon Nov 23 12:28:16 2026`
    pub fn date(&self, then: Instant) -> String {
        let at = Timestamp::from_second(self.epoch(then)).unwrap_or(Timestamp::UNIX_EPOCH);
        at.strftime("%a %b %e %H:%M:%S %Y").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_the_router_does() {
        let shown = |seconds| uptime(Duration::from_secs(seconds));
        assert_eq!(shown(546), "00:09:06");
        assert_eq!(shown(86_399), "23:59:59");
        assert_eq!(shown(86_400 + 2 * 3600 + 180), "1d02h03m");
        assert_eq!(shown(9 * 86_400 + 3 * 3600), "01w2d03h");
    }
}
