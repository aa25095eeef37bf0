//! Durations (`15s`, `1h30m`) and sizes (`10Gi`) as they are written in `pb.toml` and on the command line.

use std::time::Duration;

/// Units of time and their length in nanoseconds, longest first.
const TIMES: [(&str, u128); 8] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("µs", 1_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Kubernetes' suffixes of quantities, largest first, binary before decimal.
const SIZES: [(&str, u64); 12] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("P", 1_000_000_000_000_000),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
    ("K", 1_000),
];

/// Reads a duration: numbers with a unit each (`d h m s ms us ns`), `1h30m`, `1.5s`. None where it is not one.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let (_, length) = TIMES.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(scaled(number, *length)?)?;
        rest = next;
    }
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    let nanos = u32::try_from(total % 1_000_000_000).ok()?;
    Some(Duration::new(seconds, nanos))
}

/// Reads a size in bytes: a number with one of Kubernetes' suffixes (`Ki Mi Gi Ti Pi Ei k M G T P`) or none, also with
/// a `B` behind: `10GiB`, `512B`.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = split_number(text.strip_suffix('B').unwrap_or(text))?;
    if unit.is_empty() {
        return number.parse().ok();
    }
    let (_, factor) = SIZES.iter().find(|(name, _)| *name == unit)?;
    u64::try_from(scaled(number, u128::from(*factor))?).ok()
}

/// Writes a duration so that [`duration`] reads the same again.
pub fn show_duration(value: Duration) -> String {
    let mut left = value.as_nanos();
    let mut out = String::new();
    for (unit, length) in TIMES.iter().filter(|(unit, _)| *unit != "us") {
        let count = left / length;
        if count > 0 {
            out.push_str(&format!("{count}{unit}"));
            left %= length;
        }
    }
    if out.is_empty() { "0s".into() } else { out }
}

/// Writes a size with the largest suffix that divides it.
pub fn show_size(bytes: u64) -> String {
    match SIZES.iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

fn split_number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// `1.5` times a unit, exactly: the fraction is taken digit by digit, not through a float.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number.ends_with('.') || whole.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let mut total = whole.parse::<u128>().ok()?.checked_mul(unit)?;
    if !fraction.is_empty() {
        let parts = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        total = total.checked_add(fraction.parse::<u128>().ok()?.checked_mul(unit)? / parts)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_back() {
        for (text, millis, shown) in [
            ("15s", 15_000, "15s"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1.5s", 1_500, "1s500ms"),
            ("90s", 90_000, "1m30s"),
            ("250ms", 250, "250ms"),
            ("2d", 172_800_000, "2d"),
            ("0s", 0, "0s"),
        ] {
            let read = duration(text).unwrap_or_else(|| panic!("{text} is a duration"));
            assert_eq!((read, show_duration(read).as_str()), (Duration::from_millis(millis), shown), "{text}");
            assert_eq!(duration(shown), Some(read), "{shown}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "15", "s", "15 s", "-3s", "1.s", "1.2.3s", "15x", "99999999999999999999999999999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_those_of_kubernetes() {
        for (text, bytes, shown) in [
            ("10Gi", 10 << 30, "10Gi"),
            ("1.5Gi", 3 << 29, "1536Mi"),
            ("500M", 500_000_000, "500M"),
            ("10GiB", 10 << 30, "10Gi"),
            ("512B", 512, "512"),
            ("4096", 4096, "4Ki"),
            ("0", 0, "0"),
            ("7", 7, "7"),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
            assert_eq!(show_size(bytes), shown, "{text}");
        }
        for text in ["", "Gi", "B", "10GiBB", "-1Gi", "10 Gi", "99999999999Ei"] {
            assert_eq!(size(text), None, "{text}");
        }
    }
}
