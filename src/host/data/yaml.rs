//! `yaml::` — YAML text, one or many documents, to lazy objects and lists, and values to YAML text.

use rhai::Dynamic;
use serde_json::Value;

use super::from_value;
use crate::error::{Error, Kind};
use crate::host::object::List;
use crate::host::values::from_dynamic;
use crate::host::{HostResult, Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "yaml", about: "YAML text, one or many documents", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.path("parse")
        .sig("(text: string) -> object | list | string | number | bool | ()")
        .doc("The value of a YAML text of one document. Objects and lists are lazy, as `json::parse` gives them. The rules are YAML 1.2's: only `true` and `false` are bools, so `no`, `off` and the country code `NO` are strings; Two rules differ, for kubectl's sake: `0644` is octal as `0o644` is, so that a `defaultMode` means the same here and there, and `1_000` is a string. Anchors, aliases and merge keys (`<<`) are resolved. Throws `unreadable` for an empty text, several documents (`yaml::parse_all` takes those), a key given twice, or what is not YAML, with the place.")
        .example(r#"let v = yaml::parse("country: NO\nports: [80, 443]"); v.country == "NO" && v.ports[1] == 443"#)
        .add(|text: &str| -> HostResult<Dynamic> { Ok(parse(text)?) });
    m.path("parse_all")
        .sig("(text: string) -> list")
        .doc("The values of all documents of a YAML text, in order. Documents without content, such as a `---` at the end leaves, are passed over; a text without any document throws `unreadable`.")
        .example(r#"yaml::parse_all("kind: A\n---\nkind: B\n---\n").len() == 2"#)
        .add(|text: &str| -> HostResult<List> { Ok(parse_all(text)?) });
    m.path("stringify")
        .sig("(value: any) -> string")
        .doc("The value as YAML of one document, keys of maps in alphabetical order. Strings that another type could be taken for are quoted. Durations and sizes become their texts, a secret `<secret:1>`.")
        .example(r#"yaml::parse(yaml::stringify(#{ a: "no", b: [1] })) == #{ a: "no", b: [1] }"#)
        .add(|value: Dynamic| -> HostResult<String> { Ok(stringify(&from_dynamic(&value))?) });
}

fn parse(text: &str) -> Result<Dynamic, Error> {
    let mut documents = documents(text)?;
    match (documents.len(), documents.pop()) {
        (1, Some(document)) => from_value(&document, "items of the YAML text"),
        (count, _) => Err(Error::new(Kind::Unreadable, format!("the YAML text holds {count} documents, expected one"))
            .hint("yaml::parse_all gives them as a list")),
    }
}

fn parse_all(text: &str) -> Result<List, Error> {
    let values = documents(text)?;
    let values = values.iter().map(|value| from_value(value, "items")).collect::<Result<Vec<_>, _>>()?;
    Ok(List::new(values, "YAML documents"))
}

/// The documents that have content; at least one.
///
/// # Errors
/// [`Kind::Unreadable`] when there is none or the text is not YAML.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, Error> {
    let documents: Vec<Option<Value>> = serde_saphyr::from_multiple_with_options(text, options()).map_err(|e| {
        let place = e.location().map(|at| format!(": line {}, column {}", at.line(), at.column())).unwrap_or_default();
        Error::new(Kind::Unreadable, format!("the text is not YAML{place}")).because(e)
    })?;
    let documents: Vec<Value> = documents.into_iter().flatten().collect();
    if documents.is_empty() {
        return Err(Error::new(Kind::Unreadable, "the YAML text holds no document"));
    }
    Ok(documents)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    }
}

fn stringify(value: &Value) -> Result<String, Error> {
    serde_saphyr::to_string(value)
        .map_err(|e| Error::new(Kind::Script, "the value cannot be written as YAML").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value {
        documents(text).unwrap().remove(0)
    }

    #[test]
    fn the_norway_problem_is_none_in_yaml_1_2() {
        let text = "a: no\nb: NO\nc: off\nd: y\ne: true\nf: False\ng: ~\nh: null";
        let expected = serde_json::json!(
            {"a": "no", "b": "NO", "c": "off", "d": "y", "e": true, "f": false, "g": null, "h": null}
        );
        assert_eq!(one(text), expected);
    }

    #[test]
    fn numbers_and_what_only_looks_like_one() {
        let text = "[1, -2.5, 0x1F, 0o17, 017, 1_000, '12', 1.20.15, 12:30:45, 2026-01-02, 1e3]";
        assert_eq!(
            one(text),
            serde_json::json!([1, -2.5, 31, 15, 15, "1_000", "12", "1.20.15", "12:30:45", "2026-01-02", 1000.0])
        );
    }

    #[test]
    fn anchors_aliases_and_merge_keys() {
        let text = "base: &b {a: 1, b: 2}\nover:\n  <<: *b\n  b: 3\nsame: *b";
        assert_eq!(one(text)["over"], serde_json::json!({"a": 1, "b": 3}));
        assert_eq!(one(text)["same"]["b"], 2);
    }

    #[test]
    fn block_texts_keep_their_lines() {
        assert_eq!(one("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), serde_json::json!({"a": "x\ny\n", "b": "x y"}));
    }

    #[test]
    fn keys_that_are_no_strings_become_strings() {
        assert_eq!(one("80: web\ntrue: yes"), serde_json::json!({"80": "web", "true": "yes"}));
    }

    #[test]
    fn many_documents_with_empty_ones_between() {
        assert_eq!(documents("---\na: 1\n---\n# nothing\n---\na: 2\n...\n---\n").unwrap().len(), 2);
        assert!(parse("a: 1\n---\nb: 2").unwrap_err().message.contains("2 documents"));
    }

    #[test]
    fn nothing_and_nonsense_are_errors_with_a_place() {
        for text in ["", "  \n", "# only a comment", "---\n---\n"] {
            assert_eq!(documents(text).unwrap_err().message, "the YAML text holds no document", "{text:?}");
        }
        let error = documents("a: 1\nb: [1, 2\nc: 3").unwrap_err();
        assert!(error.message.contains("line "), "{error}");
        let error = documents("a: 1\na: 2").unwrap_err();
        assert!(error.to_string().contains("duplicate"), "{error}");
        assert!(documents("a: *nowhere").is_err());
    }

    #[test]
    fn strings_that_look_like_something_else_survive() {
        let value = serde_json::json!({"a": ["no", "true", "12", "", "~", "null", "x: y", "# c", " s", "a\nb\n", "1e3", "0x1"], "b": {}, "c": []});
        let text = stringify(&value).unwrap();
        assert_eq!(one(&text), value, "{text}");
    }
}
