//! Errors as data: a kind, a message, the causes behind it, hints, and the place in the script.
//!
//! The [`Kind`] alone decides the exit code and the outcome of the step it ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{Failure, Outcome};

/// What went wrong, in the terms that decide what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// `pb.toml`, a kubeconfig or another configuration file is wrong.
    Config,
    /// The playbook is wrong: syntax, an unknown function, a wrong type, a host call at top level.
    Playbook,
    /// An expectation did not hold.
    Expectation,
    /// Nothing was asserted, or the population was empty.
    Inconclusive,
    /// The object that was asked for does not exist.
    NotFound,
    /// A program or a remote command ended with an exit code that was not expected.
    ExitCode,
    /// An HTTP answer had a status that was not expected.
    Status,
    /// The server refused: the object changed meanwhile or exists already.
    Conflict,
    /// The server refused the content (422, 400).
    Invalid,
    /// The server knows who asks and says no (403).
    Forbidden,
    /// The server does not accept the credentials (401, a certificate, an SSH key).
    Unauthorized,
    /// The server lacks this kind of object.
    UnknownKind,
    /// Nobody answered at the address, or the connection broke.
    Unreachable,
    /// A deadline struck.
    Timeout,
    /// A program that is needed is not installed.
    MissingTool,
    /// What a step needs of the platform for its own looking, such as a test pod, could not be had.
    NotStarted,
    /// The answer came and could not be understood; it is shown.
    Unreadable,
    /// A call stronger than what the step declared or the operator allowed.
    Refused,
    /// The script threw a value of its own, or used a value wrongly while it ran.
    Script,
    /// Interrupted by the operator.
    Cancelled,
    /// A file could not be read or written.
    Io,
}

impl Kind {
    /// The outcome of a step that ends with an error of this kind.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Expectation | Self::NotFound | Self::ExitCode | Self::Status => Outcome::Failed,
            Self::Inconclusive => Outcome::Inconclusive,
            _ => Outcome::Errored,
        }
    }

    /// The exit code of a command that ends with an error of this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Cancelled => 130,
            Self::Usage | Self::Config | Self::Playbook => 2,
            Self::Expectation | Self::NotFound | Self::ExitCode | Self::Status => 1,
            Self::Inconclusive => 4,
            _ => 3,
        }
    }

    /// Whether asking again may help: the transport failed, not the thing that was asked.
    pub fn is_transport(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout)
    }
}

/// A place in a playbook or another text file, with the line itself when it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// The file, as it was named or found.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1; 0 where only the line is known.
    pub column: usize,
    /// The text of that line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        Ok(())
    }
}

/// An error: what, why, where, and what to do next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Error {
    /// Decides exit code and outcome.
    pub kind: Kind,
    /// Names the thing, what was expected and what was there.
    pub message: String,
    /// What lies behind it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// Where in the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The script calls that led there, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<String>,
    /// The expectation that did not hold, when that is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
}

impl Error {
    /// An error of a kind with its message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            place: None,
            stack: Vec::new(),
            failure: None,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a hint when there is one.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds what lies behind it.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds the whole chain of a standard error's sources, leaving out what only repeats.
    #[must_use]
    pub fn caused_by(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if !self.causes.iter().any(|c| c.contains(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Puts the error at a place, unless it has one already.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// Puts words before the message: `reading pb.toml: …`.
    #[must_use]
    pub fn context(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// The result of whatever can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The beginning of a text of any length, for a message: so many characters, and `…` where there is more. The mark also
/// tells redaction that a secret may have been cut there.
pub fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

/// `did you mean "x"?`, for the nearest of the known names, if one is near enough.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|name| format!("did you mean \"{name}\"?"))
}

/// The nearest of the known names: at most a third of the word's letters differ; else the only one that begins like it, for
/// four letters at least and two thirds of the word.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let known: Vec<&str> = known.into_iter().collect();
    let near = known.iter().map(|name| {
        let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &word.to_lowercase());
        (distance, *name)
    });
    let nearest = near.filter(|(distance, _)| *distance <= (length / 3).max(1)).min();
    let alike = |name: &str| name.chars().zip(word.chars()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let begins: Vec<&&str> = known.iter().filter(|name| alike(name) >= 4.max((2 * length).div_ceil(3))).collect();
    nearest.map(|(_, name)| name).or(match begins.as_slice() {
        [one] => Some(**one),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_says_that_there_is_more() {
        assert_eq!((beginning("äöü", 3), beginning("äöü", 2)), ("äöü".into(), "äö…".into()));
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        assert_eq!(nearest("bgp_sesions", ["bgp_asn", "bgp_sessions"]), Some("bgp_sessions"));
        assert_eq!(nearest("frobnicate", ["bgp_asn", "bgp_sessions"]), None);
    }

    #[test]
    fn a_chain_of_causes_says_nothing_twice() {
        let io = std::io::Error::other("connection refused");
        let error = Error::new(Kind::Unreachable, "cannot reach it").because("connection refused").caused_by(&io);
        assert_eq!(error.to_string(), "cannot reach it: connection refused");
    }
}
