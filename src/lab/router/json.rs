//! JSON in the router's own layout: keys in its order, and the line breaks of the library that it uses.

use std::fmt::Write as _;

/// A value whose keys keep their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `true`
    Bool(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object.
    Map(Vec<(String, Json)>),
}

/// An object of such pairs.
pub fn map<const N: usize>(pairs: [(&str, Json); N]) -> Json {
    Json::Map(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

impl Json {
    /// Adds pairs at the end of an object.
    pub fn and<const N: usize>(mut self, pairs: [(&str, Json); N]) -> Self {
        if let Self::Map(own) = &mut self {
            own.extend(pairs.into_iter().map(|(key, value)| (key.to_string(), value)));
        }
        self
    }

    /// Over many lines, as most commands print it.
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0), false);
        out
    }

    /// The same with `\/` for a slash, as the command for neighbours prints it.
    pub fn pretty_escaped(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, Some(0), true);
        out
    }

    /// On one line.
    pub fn plain(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, None, false);
        out
    }

    fn write(&self, out: &mut String, depth: Option<usize>, slashes: bool) {
        match self {
            Self::Bool(yes) => {
                let _ = write!(out, "{yes}");
            }
            Self::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Self::Text(text) => out.push_str(&quoted(text, slashes)),
            Self::List(items) => {
                all(out, depth, ('[', ']'), items, |item, out, inner| item.write(out, inner, slashes));
            }
            Self::Map(pairs) => all(out, depth, ('{', '}'), pairs, |(key, value), out, inner| {
                out.push_str(&quoted(key, slashes));
                out.push(':');
                value.write(out, inner, slashes);
            }),
        }
    }
}

/// The items between their brackets, each on a line of its own where there are lines.
fn all<T>(
    out: &mut String,
    depth: Option<usize>,
    brackets: (char, char),
    items: &[T],
    mut write: impl FnMut(&T, &mut String, Option<usize>),
) {
    let inner = depth.map(|depth| depth + 1);
    let line = |out: &mut String, depth: Option<usize>| {
        if let Some(depth) = depth {
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
        }
    };
    out.push(brackets.0);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(out, inner);
        write(item, out, inner);
    }
    line(out, depth);
    out.push(brackets.1);
}

fn quoted(text: &str, slashes: bool) -> String {
    let text = serde_json::Value::from(text).to_string();
    if slashes { text.replace('/', "\\/") } else { text }
}

impl From<bool> for Json {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Json {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_routers() {
        let json = map([("b", "n/a".into()), ("a", map([])), ("l", Json::List(vec![1_i64.into()]))]);
        assert_eq!(json.pretty(), "{\n  \"b\":\"n/a\",\n  \"a\":{\n  },\n  \"l\":[\n    1\n  ]\n}");
        assert!(json.pretty_escaped().contains(r#""n\/a""#));
        assert_eq!(json.plain(), r#"{"b":"n/a","a":{},"l":[1]}"#);
    }
}
