//! The table of messages.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    Integer,
    Boolean,
    Double,
    /// Seconds since 1970.
    Time,
    /// The same, with parts of a second.
    MicroTime,
    Quantity,
    IntOrString,
    /// JSON in bytes.
    Raw,
    Duration,
    Message(&'static str),
}

/// How often, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Many,
    Map,
    Flat,
}

/// A field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) kind: Kind,
}

type Messages = BTreeMap<&'static str, BTreeMap<u64, Field>>;

static MESSAGES: LazyLock<Messages> =
    LazyLock::new(|| include_str!("messages.txt").lines().filter_map(message).collect());

/// The fields of a message, by number.
pub(super) fn fields(name: &str) -> Option<&'static BTreeMap<u64, Field>> {
    MESSAGES.get(name)
}

fn message(line: &'static str) -> Option<(&'static str, BTreeMap<u64, Field>)> {
    let (name, rest) = line.split_once(':')?;
    let fields = rest.split(',').filter_map(|field| {
        let mut words = field.split_whitespace();
        let (name, number, of) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
        let (shape, of) = match of.split_at(1) {
            ("*", rest) => (Shape::Many, rest),
            ("{", rest) => (Shape::Map, rest),
            ("~", rest) => (Shape::Flat, rest),
            _ => (Shape::One, of),
        };
        Some((number, Field { name, shape, kind: kind(of) }))
    });
    Some((name, fields.collect()))
}

fn kind(of: &'static str) -> Kind {
    match of {
        "s" => Kind::Text,
        "y" => Kind::Bytes,
        "i" => Kind::Integer,
        "b" => Kind::Boolean,
        "d" => Kind::Double,
        "T" => Kind::Time,
        "U" => Kind::MicroTime,
        "q" => Kind::Quantity,
        "x" => Kind::IntOrString,
        "r" => Kind::Raw,
        "D" => Kind::Duration,
        message => Kind::Message(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_is_named_is_there() {
        assert!(MESSAGES.len() > 300);
        for (name, fields) in MESSAGES.iter() {
            assert!(!fields.is_empty() || !name.is_empty());
            for field in fields.values() {
                if let Kind::Message(other) = field.kind {
                    assert!(MESSAGES.contains_key(other), "{name}.{}: {other}", field.name);
                }
            }
        }
    }
}
