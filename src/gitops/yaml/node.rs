//! A value of a YAML document, with its place.

/// Where something stands: a file by its number in [`super::super::files::Files`], and a line, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At {
    /// The file's number.
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub at: At,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string, a number, a bool or null.
    Scalar(Scalar),
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Debug, Clone)]
pub struct Key {
    /// The key.
    pub text: String,
    /// Its place.
    pub at: At,
}

/// A value that has no parts.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// Its text, escapes resolved.
    pub text: String,
    /// Whether it stood without quotes, so that it may be a number, a bool or null.
    pub plain: bool,
    /// Whether each line of the text is a line of the file, from that of the place on: a block (`|`).
    pub block: bool,
    /// Whether a part of it comes from outside of the repository, so that nothing can be said of it.
    pub unknown: bool,
}

impl Node {
    /// A text that was made, not read.
    pub fn text(text: impl Into<String>, at: At) -> Self {
        let scalar = Scalar { text: text.into(), plain: false, block: false, unknown: false };
        Self { at, value: Value::Scalar(scalar) }
    }

    /// An empty map.
    pub fn map(at: At) -> Self {
        Self { at, value: Value::Map(Vec::new()) }
    }

    /// The value of a key, unless it is null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, node)| node).filter(|node| !node.is_null())
    }

    /// The value at a path of keys, `spec.sourceRef.name`.
    pub fn at_path(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |node, key| node.get(key))
    }

    /// Sets the value at a path of keys; what is no map on the way becomes one.
    pub fn set(&mut self, path: &[&str], node: Node) {
        let [key, rest @ ..] = path else {
            *self = node;
            return;
        };
        let at = self.at;
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        if let Value::Map(entries) = &mut self.value {
            let index = entries.iter().position(|(known, _)| known.text == *key).unwrap_or_else(|| {
                entries.push((Key { text: (*key).into(), at }, Node::map(at)));
                entries.len() - 1
            });
            entries[index].1.set(rest, node);
        }
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The items of the list at a path.
    pub fn list(&self, path: &str) -> &[Node] {
        self.at_path(path).map_or(&[], Node::items)
    }

    /// The text of a value without parts.
    pub fn as_text(&self) -> Option<&str> {
        self.scalar().map(|scalar| scalar.text.as_str())
    }

    /// The text at a path; empty where there is none.
    pub fn text_at(&self, path: &str) -> &str {
        self.at_path(path).and_then(Node::as_text).unwrap_or_default()
    }

    /// Whether the value at a path is `true`.
    pub fn is_true(&self, path: &str) -> bool {
        self.text_at(path) == "true"
    }

    /// The value, if it has no parts.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|s| s.plain && matches!(s.text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Whether a part of it comes from outside of the repository.
    pub fn is_unknown(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.unknown)
    }

    /// The place of a line of its text, counted from 0.
    pub fn line(&self, nth: usize) -> At {
        let block = self.scalar().is_some_and(|scalar| scalar.block);
        let more = if block { u32::try_from(nth).unwrap_or(0) } else { 0 };
        At { line: self.at.line + more, ..self.at }
    }

    /// Calls a function with every value in it, itself first.
    pub fn walk<'a>(&'a self, see: &mut impl FnMut(&'a Node)) {
        see(self);
        match &self.value {
            Value::Seq(items) => items.iter().for_each(|node| node.walk(see)),
            Value::Map(entries) => entries.iter().for_each(|(_, node)| node.walk(see)),
            Value::Scalar(_) => {}
        }
    }
}
