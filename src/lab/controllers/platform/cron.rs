//! Schedules as cron writes them: with five fields from the minute on, or with the seconds in front.
//!
//! CloudNativePG reads them as `robfig/cron` does, with the seconds first and the day of the week left out where there are
//! only five fields: what was meant as "02:00 each day" is then two minutes past each hour.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Second, minute, hour, day, month, day of the week: what each may be.
    fields: [Vec<i8>; 6],
}

const BOUNDS: [(i8, i8); 6] = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];

impl Schedule {
    /// Minute, hour, day, month, day of the week.
    pub(crate) fn standard(text: &str) -> Option<Self> {
        let text = match text {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            other => other,
        };
        Self::read(&["0"], text, 5)
    }

    /// Second, minute, hour, day, month, and the day of the week, which may be left out.
    pub(crate) fn with_seconds(text: &str) -> Option<Self> {
        if text.starts_with('@') {
            return Self::standard(text);
        }
        let fields = text.split_whitespace().count();
        if fields == 5 { Self::read(&[], &format!("{text} *"), 6) } else { Self::read(&[], text, 6) }
    }

    fn read(first: &[&str], text: &str, count: usize) -> Option<Self> {
        let words: Vec<&str> = first.iter().copied().chain(text.split_whitespace()).collect();
        if words.len() != first.len() + count {
            return None;
        }
        let mut fields = [const { Vec::new() }; 6];
        for ((field, word), bounds) in fields.iter_mut().zip(words).zip(BOUNDS) {
            *field = read_field(word, bounds)?;
        }
        Some(Self { fields })
    }

    /// The first time after one, in UTC; none within four years.
    pub(crate) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut at: DateTime = after.to_zoned(TimeZone::UTC).datetime().with().subsec_nanosecond(0).build().ok()?;
        at = at.checked_add(1.second()).ok()?;
        let end = at.checked_add(4.years()).ok()?;
        let [seconds, minutes, hours, days, months, weekdays] = &self.fields;
        while at < end {
            let midnight = |at: DateTime| at.with().hour(0).minute(0).second(0).build().ok();
            if !months.contains(&at.month())
                || !days.contains(&at.day())
                || !weekdays.contains(&at.weekday().to_sunday_zero_offset())
            {
                at = midnight(at)?.checked_add(1.day()).ok()?;
            } else if !hours.contains(&at.hour()) {
                at = at.with().minute(0).second(0).build().ok()?.checked_add(1.hour()).ok()?;
            } else if !minutes.contains(&at.minute()) {
                at = at.with().second(0).build().ok()?.checked_add(1.minute()).ok()?;
            } else if !seconds.contains(&at.second()) {
                at = at.checked_add(1.second()).ok()?;
            } else {
                return at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
            }
        }
        None
    }
}

/// `*`, `5`, `1-5`, `*/6`, `1,3`
fn read_field(text: &str, (least, most): (i8, i8)) -> Option<Vec<i8>> {
    let mut all = Vec::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step: usize = step.parse().ok().filter(|step| *step > 0)?;
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (least, most),
            Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
            None => {
                let one = range.parse().ok()?;
                (one, if part.contains('/') { most } else { one })
            }
        };
        if from < least || to > most || from > to {
            return None;
        }
        all.extend((from..=to).step_by(step));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: Option<Schedule>) -> Vec<String> {
        let schedule = schedule.unwrap();
        let mut at: Timestamp = "2026-11-01T08:30:00Z".parse().unwrap();
        let mut step = || {
            at = schedule.next(at).unwrap();
            at.to_string()
        };
        vec![step(), step()]
    }

    #[test]
    fn five_and_six_fields_are_read_as_their_readers_do() {
        assert_eq!(next(Schedule::with_seconds("0 0 2 * * *")), ["2026-11-02T02:00:00Z", "2026-11-03T02:00:00Z"]);
        assert_eq!(next(Schedule::with_seconds("0 2 * * *")), ["2026-11-01T09:02:00Z", "2026-11-01T10:02:00Z"]);
        assert_eq!(next(Schedule::standard("0 */6 * * *")), ["2026-11-01T12:00:00Z", "2026-11-01T18:00:00Z"]);
        assert_eq!(next(Schedule::standard("30 4 * * 1-5")), ["2026-11-02T04:30:00Z", "2026-11-03T04:30:00Z"]);
        assert_eq!(Schedule::standard("0 0 2 * * *"), None);
        assert_eq!(Schedule::with_seconds("61 0 0 * * *"), None);
    }
}
