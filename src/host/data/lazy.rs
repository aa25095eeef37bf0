//! Parsed data as scripts see it: objects and lists stay text and are read where they lie.

use rhai::Dynamic;
use serde_json::value::RawValue;

use crate::error::{Error, Kind};
use crate::host::object::{Doc, List, Object, Origin};
use crate::host::values::to_dynamic;

/// The value of a JSON text: a lazy object, a list (of lazy objects), or a plain scalar. `what` says
/// what a list holds.
///
/// # Errors
/// [`Kind::Unreadable`] when the text is not one JSON value, with the place and the line there.
pub(crate) fn from_text(text: &str, what: &str) -> Result<Dynamic, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::new(Kind::Unreadable, "the JSON text is empty"));
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|e| not_json(text, &e))?;
            Ok(Dynamic::from(Object::from_text(text.to_string(), Origin::default())?))
        }
        Some(b'[') => list(text, what).map(Dynamic::from),
        _ => Ok(to_dynamic(&serde_json::from_str(text).map_err(|e| not_json(text, &e))?)),
    }
}

/// The same for a parsed value.
pub(crate) fn from_value(value: &serde_json::Value, what: &str) -> Result<Dynamic, Error> {
    if value.is_object() || value.is_array() { from_text(&value.to_string(), what) } else { Ok(to_dynamic(value)) }
}

fn list(text: &str, what: &str) -> Result<List, Error> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| not_json(text, &e))?;
    let place = |item: &RawValue| {
        // Each item is a slice of the text itself.
        let start = item.get().as_ptr() as usize - text.as_ptr() as usize;
        Some(u32::try_from(start).ok()?..u32::try_from(start + item.get().len()).ok()?)
    };
    if !items.is_empty() && items.iter().all(|item| item.get().starts_with('{')) {
        let places = items.iter().map(|item| place(item)).collect::<Option<Vec<_>>>();
        let places = places.ok_or_else(|| Error::new(Kind::Unreadable, "a JSON array of more than 4 GB"))?;
        return Ok(List::of_docs(vec![Doc::new(text.to_string(), places, Origin::default())], what));
    }
    let items = items.iter().map(|item| from_text(item.get(), what)).collect::<Result<Vec<_>, _>>()?;
    Ok(List::new(items, what))
}

/// The error of a text that is not JSON: where, and what stands there.
pub(super) fn not_json(text: &str, e: &serde_json::Error) -> Error {
    let line = text.lines().nth(e.line().saturating_sub(1)).unwrap_or_default();
    let shown = crate::error::beginning(line, 200);
    Error::new(Kind::Unreadable, format!("the text is not JSON: line {}, column {}", e.line(), e.column()))
        .because(e)
        .because(format!("the line: {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_lists_and_scalars() {
        assert!(from_text(r#" {"a": 1} "#, "x").unwrap().is::<Object>());
        let list = from_text(r#"[{"a": 1}, {"a": 2}]"#, "rows").unwrap().cast::<List>();
        assert_eq!((list.len(), list.what().as_str()), (2, "rows"));
        assert_eq!(list.items()[1].clone().cast::<Object>().pointer("/a"), Some(2.into()));
        let mixed = from_text(r#"[1, [2], {"a": 3}, null]"#, "x").unwrap().cast::<List>();
        assert_eq!(mixed.len(), 4);
        assert!(mixed.items()[1].is::<List>() && mixed.items()[2].is::<Object>() && mixed.items()[3].is_unit());
        assert!(from_text("[]", "x").unwrap().cast::<List>().is_empty());
        assert_eq!(from_text("12", "x").unwrap().as_int().unwrap(), 12);
    }

    #[test]
    fn an_error_shows_line_and_column() {
        let error = from_text("{\n \"a\": x\n}", "x").unwrap_err();
        assert_eq!(error.message, "the text is not JSON: line 2, column 7");
        assert!(error.causes[1].ends_with("\"a\": x"));
        assert_eq!(from_text("  \n", "x").unwrap_err().message, "the JSON text is empty");
        assert_eq!(from_text(r#"{"a": 1} trailing"#, "x").unwrap_err().kind, Kind::Unreadable);
        assert_eq!(from_text("[1, 2", "x").unwrap_err().kind, Kind::Unreadable);
    }
}
