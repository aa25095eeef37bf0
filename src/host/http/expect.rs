//! Which statuses are fine: `200`, `[200, 404]`, `"2xx"`, `"any"`.

use rhai::Dynamic;

use crate::client::http::Answer;
use crate::error::{Error, Kind, Result};
use crate::host::values::to_array;

/// Lines of a body that an error shows.
const LINES: usize = 5;
/// Characters of a body that an error shows.
const CHARACTERS: usize = 400;

/// The statuses that are fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expect {
    /// All.
    Any,
    /// These ranges, both ends included.
    Ranges(Vec<(u16, u16)>),
}

impl Default for Expect {
    fn default() -> Self {
        Self::Ranges(vec![(200, 299)])
    }
}

impl Expect {
    /// Reads the option; `()` is any.
    pub(super) fn parse(function: &str, value: &Dynamic) -> Result<Self> {
        if value.is_unit() {
            return Ok(Self::Any);
        }
        let items = to_array(value).unwrap_or_else(|| vec![value.clone()]);
        let wrong = || {
            let shown = crate::host::values::show(value);
            Error::new(Kind::Script, format!("{function}: option \"expect_status\" is {shown}"))
                .hint("a status (200), a class (\"2xx\"), a list of them, or \"any\"")
        };
        if items.is_empty() {
            return Err(wrong());
        }
        let mut ranges = Vec::new();
        for item in &items {
            let text = item.to_string().to_lowercase();
            if item.is_string() && text == "any" {
                return Ok(Self::Any);
            }
            let class = text.strip_suffix("xx").filter(|_| item.is_string());
            match (class, text.parse::<u16>()) {
                (Some(class), _) => {
                    let class: u16 = class.parse().ok().filter(|c| (1..=5).contains(c)).ok_or_else(wrong)?;
                    ranges.push((class * 100, class * 100 + 99));
                }
                (None, Ok(status)) if (100..=599).contains(&status) && item.is_int() => ranges.push((status, status)),
                _ => return Err(wrong()),
            }
        }
        Ok(Self::Ranges(ranges))
    }

    /// Whether a status is fine.
    pub(super) fn allows(&self, status: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Ranges(ranges) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&status)),
        }
    }

    /// An error with status, URL and the beginning of the body, where the status is not fine.
    pub(super) fn judge(&self, method: &str, answer: &Answer) -> Result<()> {
        if self.allows(answer.status) {
            return Ok(());
        }
        let error = Error::new(
            Kind::Status,
            format!("{method} {}: status {}, expected {self}", answer.url, with_reason(answer.status)),
        );
        let text = answer.body.text();
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).take(LINES).collect();
        if lines.is_empty() {
            return Err(error.because("the body is empty"));
        }
        let begin = crate::error::beginning(&lines.join("\n"), CHARACTERS);
        Err(error.because(format!("it says: {begin}")))
    }
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::Ranges(ranges) = self else { return f.write_str("any") };
        for (at, (from, to)) in ranges.iter().enumerate() {
            if at > 0 {
                f.write_str(" or ")?;
            }
            match from == to {
                true => write!(f, "{from}")?,
                false => write!(f, "{}xx", from / 100)?,
            }
        }
        Ok(())
    }
}

/// `503 Service Unavailable`
pub(super) fn with_reason(status: u16) -> String {
    let reason = ::http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    reason.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_as_number_class_list_or_any() {
        let parse = |value: Dynamic| Expect::parse("http::get", &value);
        assert!(parse(404.into()).unwrap().allows(404));
        let list = parse(vec![Dynamic::from(200_i64), "4xx".into()].into()).unwrap();
        assert!(list.allows(200) && list.allows(451) && !list.allows(201));
        assert_eq!(list.to_string(), "200 or 4xx");
        assert_eq!(parse(Dynamic::UNIT).unwrap(), Expect::Any);
        assert_eq!(parse("any".into()).unwrap(), Expect::Any);
        for wrong in [Dynamic::from(7_i64), "9xx".into(), "200".into(), Dynamic::from_array(vec![])] {
            assert_eq!(parse(wrong).unwrap_err().kind, Kind::Script);
        }
    }
}
