//! Whether the keys of a JSON text's objects are there once: of two values of one key nobody knows which is meant.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Kind};

/// # Errors
/// [`Kind::Unreadable`] with key, line and column where an object has a key twice. A text that is not JSON is right
/// here: its reader tells more.
pub(super) fn keys(text: &str) -> Result<(), Error> {
    match serde_json::from_str::<Once>(text) {
        Err(e) if e.is_data() => {
            let said = e.to_string();
            let said = said.split(" at line ").next().unwrap_or(&said);
            Err(Error::new(Kind::Unreadable, format!("{said}: line {}, column {}", e.line(), e.column()))
                .hint("of two values of one key nobody knows which is meant: mend what writes the text"))
        }
        _ => Ok(()),
    }
}

/// A value of which nothing is kept.
struct Once;

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Seen)
    }
}

struct Seen;

impl<'de> Visitor<'de> for Seen {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_str<E>(self, _: &str) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        while items.next_element::<Once>()?.is_some() {}
        Ok(Once)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Once, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("the JSON text has the key {key:?} twice in one object")));
            }
            fields.next_value::<Once>()?;
            keys.insert(key);
        }
        Ok(Once)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_there_twice_is_named_with_its_place() {
        let error = keys("[{\"a\": 1},\n {\"b\": {\"a\": 1, \"a\": 2}}]").unwrap_err();
        assert_eq!(error.kind, Kind::Unreadable);
        assert!(error.message.starts_with("the JSON text has the key \"a\" twice in one object: line 2,"), "{error:?}");
    }

    #[test]
    fn the_same_key_in_two_objects_is_fine_and_what_is_no_json_is_for_others_to_tell() {
        for text in [
            "{\"a\": {\"a\": 1}, \"b\": [{\"a\": null}, 1.5, -2, true, \"x\"]}",
            "{\"a\": ",
            "",
            "18446744073709551616",
        ] {
            assert!(keys(text).is_ok(), "{text}");
        }
    }
}
