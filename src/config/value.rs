//! The value of a setting and its type, and how TOML values and command line texts become one.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::units;

/// A setting's value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `64512`
    Int(i64),
    /// `0.9`
    Float(f64),
    /// `true`
    Bool(bool),
    /// `"edge-1"`
    String(String),
    /// `["10.25.11.0/24"]`
    List(Vec<Self>),
    /// `{ a = 1 }`
    Map(BTreeMap<String, Self>),
    /// `duration("15s")`
    Duration(Duration),
    /// `size("10Gi")`, in bytes.
    Size(u64),
}

/// What a setting may hold; it is that of its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A whole number.
    Int,
    /// A number; whole ones are accepted.
    Float,
    /// `true` or `false`.
    Bool,
    /// Text.
    String,
    /// A list; with a type where all items of the default have the same one.
    List(Option<Box<Self>>),
    /// A table of anything.
    Map,
    /// A time span, written as a string.
    Duration,
    /// A number of bytes, written as a string.
    Size,
}

/// Why a value does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// `a duration such as "15s"`
    pub expected: String,
    /// `15 (an integer)`
    pub there: String,
}

impl Value {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::Int(_) => Type::Int,
            Self::Float(_) => Type::Float,
            Self::Bool(_) => Type::Bool,
            Self::String(_) => Type::String,
            Self::Map(_) => Type::Map,
            Self::Duration(_) => Type::Duration,
            Self::Size(_) => Type::Size,
            Self::List(items) => {
                let mut kinds = items.iter().map(Self::kind);
                let first = kinds.next();
                Type::List(first.filter(|first| kinds.all(|kind| kind == *first)).map(Box::new))
            }
        }
    }

    /// As plain data, for reports: durations and sizes as the strings they are written as.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Int(i) => (*i).into(),
            Self::Float(f) => (*f).into(),
            Self::Bool(b) => (*b).into(),
            Self::String(s) => s.as_str().into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(map) => map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect(),
            Self::Duration(d) => units::show_duration(*d).into(),
            Self::Size(s) => units::show_size(*s).into(),
        }
    }

    /// Reads a TOML value as this type.
    ///
    /// # Errors
    /// What was expected and what was there.
    pub fn from_toml(value: &toml::Value, kind: &Type) -> Result<Self, Mismatch> {
        let fits = match (kind, value) {
            (Type::Int, toml::Value::Integer(i)) => Some(Self::Int(*i)),
            #[expect(clippy::cast_precision_loss, reason = "a whole number where a float is wanted")]
            (Type::Float, toml::Value::Integer(i)) => Some(Self::Float(*i as f64)),
            (Type::Float, toml::Value::Float(f)) => Some(Self::Float(*f)),
            (Type::Bool, toml::Value::Boolean(b)) => Some(Self::Bool(*b)),
            (Type::String, toml::Value::String(s)) => Some(Self::String(s.clone())),
            (Type::Duration, toml::Value::String(s)) => units::duration(s).map(Self::Duration),
            (Type::Size, toml::Value::String(s)) => units::size(s).map(Self::Size),
            (Type::List(of), toml::Value::Array(items)) => {
                let items = items.iter().map(|item| match of {
                    Some(of) => Self::from_toml(item, of),
                    None => Self::plain(item),
                });
                return items.collect::<Result<_, _>>().map(Self::List).map_err(|m| Mismatch {
                    expected: format!("{kind}, whose items are each {}", m.expected),
                    there: format!("the item {}", m.there),
                });
            }
            (Type::Map, toml::Value::Table(_)) => return Self::plain(value),
            _ => None,
        };
        fits.ok_or_else(|| Mismatch { expected: kind.to_string(), there: shown(value) })
    }

    /// Reads a text of the command line or the environment as this type.
    ///
    /// # Errors
    /// What was expected and what was there.
    pub fn from_text(text: &str, kind: &Type) -> Result<Self, Mismatch> {
        let mismatch = || Mismatch { expected: kind.to_string(), there: format!("\"{text}\"") };
        match kind {
            Type::String => Ok(Self::String(text.into())),
            Type::Int => text.trim().parse().map(Self::Int).map_err(|_| mismatch()),
            Type::Float => text.trim().parse().map(Self::Float).map_err(|_| mismatch()),
            Type::Bool => text.trim().parse().map(Self::Bool).map_err(|_| mismatch()),
            Type::Duration => units::duration(text).map(Self::Duration).ok_or_else(mismatch),
            Type::Size => units::size(text).map(Self::Size).ok_or_else(mismatch),
            Type::Map => structured(text)
                .filter(toml::Value::is_table)
                .ok_or_else(mismatch)
                .and_then(|value| Self::from_toml(&value, kind)),
            Type::List(_) if text.trim_start().starts_with('[') => {
                structured(text).ok_or_else(mismatch).and_then(|value| Self::from_toml(&value, kind))
            }
            Type::List(of) => {
                let of = of.as_deref().unwrap_or(&Type::String);
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| Self::from_text(item, of)).collect::<Result<_, _>>().map(Self::List)
            }
        }
    }

    /// A value whose type nobody declared: an item of an untyped list, a field of a map.
    fn plain(value: &toml::Value) -> Result<Self, Mismatch> {
        Ok(match value {
            toml::Value::Integer(i) => Self::Int(*i),
            toml::Value::Float(f) => Self::Float(*f),
            toml::Value::Boolean(b) => Self::Bool(*b),
            toml::Value::String(s) => Self::String(s.clone()),
            toml::Value::Array(items) => Self::List(items.iter().map(Self::plain).collect::<Result<_, _>>()?),
            toml::Value::Table(table) => {
                Self::Map(table.iter().map(|(k, v)| Ok((k.clone(), Self::plain(v)?))).collect::<Result<_, Mismatch>>()?)
            }
            toml::Value::Datetime(_) => {
                return Err(Mismatch { expected: "a string, number, list or table".into(), there: shown(value) });
            }
        })
    }
}

/// JSON, or an inline value of TOML.
fn structured(text: &str) -> Option<toml::Value> {
    serde_json::from_str::<toml::Value>(text).ok().or_else(|| {
        let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
        (table.len() == 1).then(|| table.into_iter().next().map(|(_, value)| value)).flatten()
    })
}

/// A value and its type, for messages: `15 (an integer)`.
pub(super) fn shown(value: &toml::Value) -> String {
    let what = match value {
        toml::Value::Integer(_) => "an integer",
        toml::Value::Float(_) => "a float",
        toml::Value::Boolean(_) => "a boolean",
        toml::Value::String(_) => "a string",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a table",
        toml::Value::Datetime(_) => "a date",
    };
    format!("{value} ({what})")
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "a whole number",
            Self::Float => "a number",
            Self::Bool => "true or false",
            Self::String => "a string",
            Self::List(_) => "a list",
            Self::Map => "a table",
            Self::Duration => "a duration such as \"15s\"",
            Self::Size => "a size such as \"10Gi\"",
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration(d) => f.write_str(&units::show_duration(*d)),
            Self::Size(s) => f.write_str(&units::show_size(*s)),
            other => write!(f, "{}", other.to_json()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> toml::Value {
        structured(text).unwrap_or_else(|| panic!("{text} is TOML"))
    }

    fn strings(items: &[&str]) -> Value {
        Value::List(items.iter().map(|s| Value::String((*s).into())).collect())
    }

    #[test]
    fn a_toml_value_fits_its_type_or_says_why_not() {
        let list = Type::List(Some(Box::new(Type::String)));
        for (text, kind, wanted) in [
            ("64512", Type::Int, Ok(Value::Int(64512))),
            ("1", Type::Float, Ok(Value::Float(1.0))),
            ("\"15s\"", Type::Duration, Ok(Value::Duration(Duration::from_secs(15)))),
            ("\"10Gi\"", Type::Size, Ok(Value::Size(10 << 30))),
            ("[\"a\"]", list.clone(), Ok(strings(&["a"]))),
            ("15", Type::Duration, Err("expected a duration such as \"15s\", there is 15 (an integer)")),
            ("\"15\"", Type::Duration, Err("expected a duration such as \"15s\", there is \"15\" (a string)")),
            ("\"3\"", Type::Int, Err("expected a whole number, there is \"3\" (a string)")),
            ("1.5", Type::Int, Err("expected a whole number, there is 1.5 (a float)")),
            ("[1]", list, Err("expected a list, whose items are each a string, there is the item 1 (an integer)")),
            ("2020-01-01", Type::String, Err("expected a string, there is 2020-01-01 (a date)")),
        ] {
            let got = Value::from_toml(&toml(text), &kind)
                .map_err(|m| format!("expected {}, there is {}", m.expected, m.there));
            assert_eq!(got, wanted.map_err(ToString::to_string), "{text}");
        }
    }

    #[test]
    fn a_list_on_the_command_line_is_json_toml_or_separated_by_commas() {
        let list = Value::List(Vec::new()).kind();
        for text in ["a,b", "[\"a\", \"b\"]", "['a', 'b',]", " a , b "] {
            assert_eq!(Value::from_text(text, &list), Ok(strings(&["a", "b"])), "{text}");
        }
        assert_eq!(Value::from_text("", &list), Ok(Value::List(Vec::new())));
        let numbers = Value::List(vec![Value::Int(1)]).kind();
        assert_eq!(Value::from_text("3,4", &numbers), Ok(Value::List(vec![Value::Int(3), Value::Int(4)])));
        assert!(Value::from_text("3,x", &numbers).is_err());
        assert!(Value::from_text("[3", &numbers).is_err());
    }

    #[test]
    fn a_map_on_the_command_line_is_json_or_toml() {
        let wanted = Value::Map([("a".to_string(), Value::Int(1))].into());
        for text in ["{\"a\": 1}", "{ a = 1 }"] {
            assert_eq!(Value::from_text(text, &Type::Map), Ok(wanted.clone()), "{text}");
        }
        assert!(Value::from_text("a=1", &Type::Map).is_err());
    }
}
