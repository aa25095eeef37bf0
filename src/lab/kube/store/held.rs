//! What is kept of an object: its value, or its text until somebody looks.

use std::ops::Deref;
use std::sync::OnceLock;

use serde_json::Value;

/// Definitions are large, many, and seldom looked at: as values they take thirteen times what their texts take.
const AS_TEXT: &str = "CustomResourceDefinition";

/// An object's value, read from its text when it is looked at for the first time.
#[derive(Debug)]
pub(crate) struct Held {
    text: Option<Box<str>>,
    value: OnceLock<Value>,
}

impl Held {
    pub(super) fn new(value: Value) -> Self {
        if value["kind"] == AS_TEXT {
            return Self { text: Some(value.to_string().into()), value: OnceLock::new() };
        }
        Self { text: None, value: OnceLock::from(value) }
    }

    /// A copy, which leaves a text that nobody has looked at as it is.
    pub(crate) fn copy(&self) -> Value {
        self.value.get().cloned().unwrap_or_else(|| self.read())
    }

    fn read(&self) -> Value {
        // It was written from a value.
        self.text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

impl Deref for Held {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value.get_or_init(|| self.read())
    }
}

impl PartialEq<Value> for Held {
    fn eq(&self, other: &Value) -> bool {
        **self == *other
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_definition_is_a_text_until_somebody_looks_at_it() {
        let definition =
            json!({ "kind": AS_TEXT, "metadata": { "name": "widgets.example.org" }, "spec": { "versions": [1.5] } });
        let held = Held::new(definition.clone());
        assert_eq!(held.copy(), definition);
        assert!(held.value.get().is_none());
        assert_eq!(held["metadata"]["name"], "widgets.example.org");
        assert_eq!(held, definition);
        let pod = json!({ "kind": "Pod" });
        assert_eq!((Held::new(pod.clone()).text, Held::new(pod.clone()).copy()), (None, pod));
    }
}
