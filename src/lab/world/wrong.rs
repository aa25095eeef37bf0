//! The ways in which things can be wrong that several causes have in common: an object that was changed, an answer that
//! is not right.

use std::fmt;

use serde_json::Value;

/// An object of a cluster, as its manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// `v1`, `cilium.io/v2`
    pub api_version: String,
    /// `Service`
    pub kind: String,
    /// Empty for kinds without.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Object {
    /// The object that a manifest, or a whole object, is about.
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            api_version: text(&object["apiVersion"]),
            kind: text(&object["kind"]),
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name, .. } = self;
        if namespace.is_empty() { write!(f, "{kind} {name}") } else { write!(f, "{kind} {namespace}/{name}") }
    }
}

/// What somebody did to an object of a cluster: through the API server, with everything that it checks, and taken back
/// in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// A JSON merge patch (RFC 7386), as JSON text. Taken back, each field has what it had.
    Merge(String),
    /// A JSON merge patch of the status alone.
    Status(String),
    /// The object was made: the manifest as JSON text. Taken back, it is deleted.
    Create(String),
    /// The object was deleted. Taken back, it is made as it was, a definition with all its objects.
    Delete,
}

/// What is wrong with the answers of a service or an API server. Of the numbers, durations are milliseconds of the lab's
/// time, and times to come back seconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Wrong {
    /// Nothing listens.
    Down,
    /// Connections are taken, and nothing is ever said.
    Hangs,
    /// Each answer comes this much later.
    Slow(u32),
    /// Each answer is this status, with an empty or an error's body: 500, 401 …
    Status(u16),
    /// 429, to be tried again after so many seconds.
    TooMany(u32),
    /// 503, to be tried again after so many seconds.
    Unavailable(u32),
    /// Bodies break off in the middle, with a reset of the connection.
    Reset,
    /// Answers are right in form, and have nothing in them: no series, no rows, no items.
    Empty,
    /// What is named, a metric, a field, a record, has another value: `name=value`.
    Value(String),
    /// Watches stay open, and tell nothing any more.
    SilentWatch,
    /// Clients' certificates are past their end, and so nobody's.
    Expired,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("does not listen"),
            Self::Hangs => f.write_str("takes connections and says nothing"),
            Self::Slow(ms) => write!(f, "answers {ms} ms late"),
            Self::Status(code) => write!(f, "answers {code}"),
            Self::TooMany(s) => write!(f, "answers 429, with Retry-After {s}"),
            Self::Unavailable(s) => write!(f, "answers 503, with Retry-After {s}"),
            Self::Reset => f.write_str("breaks off in the middle of its answers"),
            Self::Empty => f.write_str("answers with nothing in it"),
            Self::Value(what) => write!(f, "answers with {what}"),
            Self::SilentWatch => f.write_str("tells watches nothing any more"),
            Self::Expired => f.write_str("refuses clients' certificates, which are past their end"),
        }
    }
}
