//! What a router printed and where it came from, and the refusal to guess at it.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use regex::Regex;
use rhai::Map;

use crate::error::{Error, Kind, Result};
use crate::host::options::Options;

/// What is told of a text.
pub(super) const ABOUT: &[&str] = &["host", "command", "dialect", "family", "json", "neighbours", "networks", "paths"];

/// How a router speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// FRRouting's vtysh.
    Frr,
    /// Cisco IOS and IOS XE.
    Ios,
    /// Arista EOS.
    Eos,
}

impl Dialect {
    /// The dialects' names, as `pb.toml` writes them.
    pub(super) const NAMES: &[&str] = &["frr", "ios", "eos"];

    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "frr" => Some(Self::Frr),
            "ios" => Some(Self::Ios),
            "eos" => Some(Self::Eos),
            _ => None,
        }
    }
}

/// A text with everything that is needed to judge it.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a> {
    /// What was printed.
    pub(super) text: &'a str,
    pub(super) host: String,
    pub(super) command: String,
    pub(super) dialect: Dialect,
    /// `ipv4` or `ipv6`.
    pub(super) family: String,
    pub(super) json: bool,
    /// How many neighbours the router has, when the text itself does not say.
    pub(super) neighbours: Option<u64>,
    /// How many networks and paths it has, when the text itself does not say.
    pub(super) networks: Option<u64>,
    pub(super) paths: Option<u64>,
}

impl<'a> Reader<'a> {
    /// Takes the map that the script gives beside a text.
    pub(super) fn new(function: &'static str, text: &'a str, about: Map) -> Result<Self> {
        let about = Options::new(about, function, ABOUT)?;
        let dialect = about.string("dialect")?.unwrap_or_default();
        Ok(Self {
            text,
            host: about.string("host")?.unwrap_or_else(|| "the router".into()),
            command: about.string("command")?.unwrap_or_default(),
            dialect: Dialect::named(&dialect).ok_or_else(|| {
                let names = Dialect::NAMES.join(", ");
                Error::new(Kind::Script, format!("{function}: the dialect \"{dialect}\" is none of {names}"))
            })?,
            family: about.string("family")?.unwrap_or_else(|| "ipv4".into()),
            json: about.bool("json")?.unwrap_or(false),
            neighbours: about.count("neighbours")?,
            networks: about.count("networks")?,
            paths: about.count("paths")?,
        })
    }

    /// The error that shows the text.
    pub(super) fn unreadable(&self, what: impl std::fmt::Display) -> Error {
        Error::new(
            Kind::Unreadable,
            format!("{}: the answer to \"{}\" can't be relied on: {what}", self.host, self.command),
        )
        .because(format!("it printed: {}", excerpt(self.text)))
    }

    /// Passes a text on that is an answer at all: not empty, no refusal, not paged.
    pub(super) fn check(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(self.unreadable("it printed nothing"));
        }
        if let Some(line) = self.text.lines().find(|l| l.starts_with('%')) {
            return Err(self.unreadable(format!("the router says \"{}\"", line.trim())));
        }
        if self.text.contains("--More--") {
            return Err(self.unreadable("it stops at a pager"));
        }
        Ok(())
    }

    /// The text as JSON.
    pub(super) fn to_json(&self) -> Result<serde_json::Value> {
        self.check()?;
        let value: serde_json::Value =
            serde_json::from_str(self.text).map_err(|e| self.unreadable(format!("it is no whole JSON ({e})")))?;
        match value.as_object() {
            Some(map) if map.is_empty() => {
                Err(self.unreadable("the JSON is empty: the router has no BGP, or none for this address family"))
            }
            Some(_) => Ok(value),
            None => Err(self.unreadable("the JSON is no object")),
        }
    }

    /// Fails unless a count is what was announced. Without any announcement the text can't be relied on.
    pub(super) fn agree(&self, what: &str, announced: Option<u64>, read: usize) -> Result<()> {
        match announced {
            Some(n) if n == read as u64 => Ok(()),
            Some(n) => Err(self.unreadable(format!("the router has {n} {what}, and {read} can be read"))),
            None => {
                Err(self.unreadable(format!("nothing says how many {what} there are, so that it may be cut short")))
            }
        }
    }

    /// Fails where the last line is not ended: it may be half of one.
    pub(super) fn whole_lines(&self) -> Result<()> {
        if self.text.ends_with('\n') { Ok(()) } else { Err(self.unreadable("it stops in the middle of a line")) }
    }

    /// The first group of the first match.
    pub(super) fn find(&self, pattern: &str) -> Option<&'a str> {
        first(self.text, pattern)
    }
}

/// The first group of the first match in a text.
pub(super) fn first<'t>(text: &'t str, pattern: &str) -> Option<&'t str> {
    // The patterns are few and fixed; making one takes longer than using it.
    static MADE: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !made.contains_key(pattern) {
        made.insert(pattern.into(), Regex::new(pattern).ok()?);
    }
    made.get(pattern)?.captures(text)?.get(1).map(|m| m.as_str())
}

/// An AS number, also in the dotted notation (RFC 5396).
pub(super) fn asn(text: &str) -> Option<i64> {
    match text.split_once('.') {
        Some((high, low)) => Some((i64::from(high.parse::<u16>().ok()?) << 16) | i64::from(low.parse::<u16>().ok()?)),
        None => text.parse::<u32>().ok().map(i64::from),
    }
}

/// `00:15:33`, `1d02h03m`, `2w3d`, `1y05w`; none for `never`.
pub(super) fn uptime(text: &str) -> Option<Duration> {
    if let [h, m, s] = text.split(':').collect::<Vec<_>>().as_slice() {
        let number = |t: &str| t.parse::<u64>().ok();
        return Some(Duration::from_secs(number(h)? * 3600 + number(m)? * 60 + number(s)?));
    }
    let mut seconds = 0;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            'y' => 365 * 86_400,
            'w' => 7 * 86_400,
            'd' => 86_400,
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        seconds += std::mem::take(&mut number).parse::<u64>().ok()? * unit;
    }
    (number.is_empty() && !text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// The beginning and the end of a long text.
fn excerpt(text: &str) -> String {
    const HEAD: usize = 900;
    const TAIL: usize = 300;
    let chars: Vec<char> = text.trim_end().chars().collect();
    if chars.len() <= HEAD + TAIL {
        return chars.into_iter().collect();
    }
    let head: String = chars[..HEAD].iter().collect();
    // From the beginning of a word on: the end of one that was cut may be that of a secret, which nothing would know.
    let tail: String = chars[chars.len() - TAIL..].iter().skip_while(|c| !c.is_whitespace()).collect();
    format!("{head}… ({} characters left out)\n{tail}", chars.len() - HEAD - TAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes_of_every_form() {
        let seconds = |text: &str| uptime(text).map(|d| d.as_secs());
        assert_eq!(seconds("00:15:33"), Some(933));
        assert_eq!(seconds("1d02h03m"), Some(93_780));
        assert_eq!(seconds("2w3d"), Some(1_468_800));
        assert_eq!(seconds("123d12h"), Some(10_670_400));
        assert_eq!(seconds("never"), None);
        assert_eq!(seconds("12"), None);
    }

    #[test]
    fn as_numbers_in_both_notations() {
        assert_eq!(asn("64512"), Some(64512));
        assert_eq!(asn("1.10"), Some(65546));
        assert_eq!(asn("4294967296"), None);
        assert_eq!(asn("i"), None);
    }
}
