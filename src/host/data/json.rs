//! `json::` — JSON text to lazy objects and lists, and values to JSON text.

use rhai::Dynamic;

use super::{from_text, unique};
use crate::error::{Error, Kind};
use crate::host::object::List;
use crate::host::values::from_dynamic;
use crate::host::{HostResult, Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "json", about: "JSON text, and JSON lines", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.path("parse")
        .sig("(text: string) -> object | list | string | number | bool | ()")
        .doc("The value of a JSON text. Objects and arrays are as lazy as those of a cluster: read-only, compared by value, `.to_map()` gives a copy. `null` is `()`; whole numbers beyond 64 bits become floats. Throws `unreadable` with line and column when the text is empty or not exactly one JSON value, and where an object has a key twice.")
        .example(r#"let v = json::parse(`{"items": [{"name": "a"}, {"name": "b"}]}`); v.items[1].name == "b""#)
        .add(|text: &str| -> HostResult<Dynamic> {
            unique::keys(text)?;
            Ok(from_text(text, "items of the JSON text")?)
        });
    m.path("lines")
        .sig("(text: string) -> list")
        .doc("The values of JSON lines: one JSON value a line, blank lines passed over. Throws `unreadable` with the line's number for a line that is not JSON, and for a text without any value: test `text` first where that is expected.")
        .example(r#"json::lines("{\"a\": 1}\n{\"a\": 2}\n")[1].a == 2"#)
        .add(|text: &str| -> HostResult<List> { Ok(lines(text)?) });
    m.path("stringify")
        .sig("(value: any) -> string")
        .doc("The value as JSON on one line, keys of maps in alphabetical order. Durations and sizes become their texts (`\"1m30s\"`, `\"10Gi\"`), `()` becomes `null`, a secret `\"<secret:1>\"`.")
        .example(r#"json::stringify(#{ b: [1, 2.5], a: () }) == `{"a":null,"b":[1,2.5]}`"#)
        .add(|value: Dynamic| from_dynamic(&value).to_string());
    m.path("pretty")
        .sig("(value: any) -> string")
        .doc("The value as JSON over several lines, indented by two spaces.")
        .example(r#"json::pretty(#{ a: 1 }) == "{\n  \"a\": 1\n}""#)
        .add(|value: Dynamic| format!("{:#}", from_dynamic(&value)));
}

fn lines(text: &str) -> Result<List, Error> {
    let mut items = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        unique::keys(line).map_err(|e| e.context(format!("line {}", number + 1)))?;
        let value = from_text(line, "items").map_err(|mut e| {
            e.message = format!("line {} is not JSON", number + 1);
            e
        })?;
        items.push(value);
    }
    if items.is_empty() {
        return Err(Error::new(Kind::Unreadable, "the text of JSON lines is empty")
            .hint("where no line is a fair answer, look at the text first: if text == \"\" { … }"));
    }
    Ok(List::new(items, "JSON lines"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    #[test]
    fn lines_name_the_one_that_is_broken() {
        let error = lines("{}\n\n{\"a\": }\n").unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (Kind::Unreadable, "line 3 is not JSON"));
        assert_eq!(lines(" \n").unwrap_err().kind, Kind::Unreadable);
        assert_eq!(lines("1\n\"x\"\n").unwrap().len(), 2);
    }

    #[test]
    fn a_key_that_is_there_twice_is_no_value() {
        let error = eval(r#"json::parse(`{"a": 1, "a": 2}`)"#).unwrap_err();
        assert!(error.message.contains("has the key \"a\" twice"), "{error:?}");
        assert!(
            lines("{}\n{\"a\": 1, \"a\": 2}").unwrap_err().message.starts_with("line 2: the JSON text has the key")
        );
    }

    #[test]
    fn a_value_survives_the_way_there_and_back() {
        let text = eval(r#"json::stringify(json::parse(`{"z": [1, {"y": null}], "a": "é\n"}`))"#).unwrap();
        assert_eq!(text.into_string().unwrap(), r#"{"a":"é\n","z":[1,{"y":null}]}"#);
    }

    #[test]
    fn parsing_is_allowed_at_top_level() {
        let engine = crate::script::engine::build();
        assert_eq!(engine.eval::<i64>(r#"json::parse("41") + 1"#).unwrap(), 42);
    }
}
