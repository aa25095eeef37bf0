//! Numbers as the record keeps them: JSON has no word for infinite ones and for what is no number.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

impl Written {
    fn value<E: serde::de::Error>(self) -> Result<f64, E> {
        match self {
            Self::Number(value) => Ok(value),
            Self::Word(word) => word.parse().map_err(|_| E::custom(format!("\"{word}\" is no number"))),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { to.serialize_f64(*value) } else { to.serialize_str(&value.to_string()) }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Written::deserialize(from)?.value()
}

/// The same for a number that may be missing.
pub(super) mod maybe {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Written};

    struct Shown<'a>(&'a f64);

    impl Serialize for Shown<'_> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            super::serialize(self.0, to)
        }
    }

    #[expect(clippy::ref_option, reason = "serde hands a reference")]
    pub(in crate::event) fn serialize<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Shown).serialize(to)
    }

    pub(in crate::event) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
        Option::<Written>::deserialize(from)?.map(Written::value).transpose()
    }
}
