//! Amounts of data: `10Gi`, `500M`, as Kubernetes writes its quantities.

use std::fmt;
use std::str::FromStr;

use crate::config::units;
use crate::error::{Error, Kind};

/// An amount of data, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = Error;

    /// Reads `10Gi`, `1.5G`, `500k`, `1024`, also with a `B` behind: `10GiB`, `512B`.
    fn from_str(text: &str) -> Result<Self, Error> {
        units::size(text).map(Self).ok_or_else(|| {
            Error::new(Kind::Script, format!("not a size: \"{text}\""))
                .hint("write a number and a unit: \"10Gi\", \"500M\", \"64k\", \"1024\"")
        })
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
        f.write_str(&units::show_size(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_may_end_in_b_and_what_is_none_is_refused_by_its_text() {
        for (text, bytes, shown) in [("10GiB", 10 << 30, "10Gi"), ("17B", 17, "17"), ("64k", 64_000, "64k")] {
            let size: Size = text.parse().expect(text);
            assert_eq!((size.0, size.to_string().as_str()), (bytes, shown), "{text}");
        }
        for text in ["", "Gi", "10Qi", "-1", "ten", "99999999Ei", "1e400", "NaN", "inf"] {
            let error = text.parse::<Size>().expect_err(text);
            assert!(error.message.contains(&format!("\"{text}\"")), "{error}");
        }
    }
}
