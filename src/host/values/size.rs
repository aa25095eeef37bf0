//! Amounts of data: `10Gi`, `500M`, as Kubernetes writes its quantities.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind};

/// An amount of data, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

/// Suffixes and what they stand for, greatest first.
const UNITS: [(&str, u64); 12] = [
    ("Ei", 1 << 60),
    ("E", 1_000_000_000_000_000_000),
    ("Pi", 1 << 50),
    ("P", 1_000_000_000_000_000),
    ("Ti", 1 << 40),
    ("T", 1_000_000_000_000),
    ("Gi", 1 << 30),
    ("G", 1_000_000_000),
    ("Mi", 1 << 20),
    ("M", 1_000_000),
    ("Ki", 1 << 10),
    ("k", 1000),
];

impl FromStr for Size {
    type Err = Error;

    /// Reads `10Gi`, `1.5G`, `500k`, `1024`, also with a `B` behind: `10GiB`, `512B`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(Kind::Script, format!("not a size: \"{text}\""))
                .hint("write a number and a unit: \"10Gi\", \"500M\", \"64k\", \"1024\"")
        };
        let bare = text.trim();
        let bare = bare.strip_suffix('B').unwrap_or(bare);
        let digits = bare.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &bare[digits.len()..] {
            "" => 1,
            "K" => 1000,
            suffix => UNITS.iter().find(|(name, _)| *name == suffix).map(|(_, factor)| *factor).ok_or_else(wrong)?,
        };
        let digits = digits.trim_end();
        if let Ok(whole) = digits.parse::<u64>() {
            return whole.checked_mul(unit).map(Self).ok_or_else(wrong);
        }
        let number: f64 = digits.parse().map_err(|_| wrong())?;
        Self::from_f64(number * unit as f64).ok_or_else(wrong)
    }
}

impl Size {
    /// A number of bytes, rounded; none where it is negative or too great.
    pub fn from_f64(bytes: f64) -> Option<Self> {
        (bytes >= 0.0 && bytes < u64::MAX as f64).then(|| Self(bytes.round() as u64))
    }
}

impl fmt::Display for Size {
    /// In the greatest unit that divides it (`10Gi`, `1536Mi`), else in bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 {
            for (name, factor) in UNITS {
                if self.0 % factor == 0 {
                    return write!(f, "{}{name}", self.0 / factor);
                }
            }
        }
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_as_kubernetes_does() {
        for (text, bytes, shown) in [
            ("10Gi", 10 << 30, "10Gi"),
            ("1.5Gi", 3 << 29, "1536Mi"),
            ("500M", 500_000_000, "500M"),
            ("64k", 64_000, "64k"),
            ("64K", 64_000, "64k"),
            ("1024", 1024, "1Ki"),
            ("10GiB", 10 << 30, "10Gi"),
            ("17B", 17, "17"),
            ("0", 0, "0"),
        ] {
            let size: Size = text.parse().expect(text);
            assert_eq!((size.0, size.to_string().as_str()), (bytes, shown), "{text}");
        }
        for text in ["", "Gi", "10Qi", "-1", "ten", "99999999Ei", "1e400", "NaN", "inf"] {
            let error = text.parse::<Size>().expect_err(text);
            assert!(error.message.contains(&format!("\"{text}\"")), "{error}");
        }
    }
}
