//! Variables of containers that are named like secrets: `env: [{ name: DB_PASSWORD, value: … }]`, in a pod as in
//! whatever makes pods.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::hide;
use crate::host::redact::{Redactor, programs};

/// So much of an answer is looked at: of a long list, its beginning, as the record keeps it.
const LOOKED_AT: usize = 1024 * 1024;

/// What holds the files of programs; a secret in one of them is known by its name in the file.
const CONFIG_MAP: &str = "ConfigMap";

/// The name and the value of a variable with a secret's name.
fn secret(item: &Value) -> Option<(&str, &str)> {
    let (name, value) = (item["name"].as_str()?, item["value"].as_str()?);
    programs::holds(name).then_some((name, value))
}

/// Learns the variables in an object, or in a part of one.
pub(super) fn learn(redactor: &Redactor, value: &Value) {
    match value {
        Value::Object(fields) => {
            let env = fields.get("env").and_then(Value::as_array).into_iter().flatten();
            for (name, value) in env.filter_map(secret) {
                programs::variable(redactor, name, value);
            }
            if fields.get("kind").is_some_and(|kind| kind == CONFIG_MAP) {
                learn_config(redactor, fields);
            }
            // Lists have their items looked at one by one.
            fields.iter().filter(|(key, _)| *key != "items").for_each(|(_, field)| learn(redactor, field));
        }
        Value::Array(items) => items.iter().for_each(|item| learn(redactor, item)),
        _ => {}
    }
}

/// A ConfigMap's entries.
fn learn_config(redactor: &Redactor, map: &Map<String, Value>) {
    let data = map.get("data").and_then(Value::as_object).into_iter().flatten();
    data.for_each(|(key, text)| learn_entry(redactor, key, text));
}

/// An entry: a file, or a value under a secret's name.
fn learn_entry(redactor: &Redactor, key: &str, text: &Value) {
    let Some(text) = text.as_str() else { return };
    programs::printed(redactor, text);
    // A file is none, whatever its name is: `token.sh`.
    if !text.trim_end().contains('\n') {
        programs::variable(redactor, key, text.trim_end());
    }
}

/// The same for the text of an answer: objects, one after the other, of this kind where they do not say theirs.
pub(crate) fn learn_text(redactor: &Redactor, text: &str, kind: Option<&str>) {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    let values = || serde_json::Deserializer::from_str(text).into_iter::<Value>().map_while(Result::ok);
    if kind == Some(CONFIG_MAP) {
        values().filter_map(|value| Some(value.as_object()?.clone())).for_each(|map| learn_config(redactor, &map));
    } else if text.contains("\"ConfigMap\"") {
        values().for_each(|value| learn(redactor, &value));
    }
    if !text.contains("\"env\"") {
        return;
    }
    for found in VARIABLE.captures_iter(text) {
        let (_, [name, value]) = found.extract();
        if let (true, Ok(value)) = (programs::holds(name), serde_json::from_str::<String>(value)) {
            programs::variable(redactor, name, &value);
        }
    }
}

/// Hides the values of variables in a map that has some.
pub(super) fn mask(fields: &mut Map<String, Value>) {
    let env = fields.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten();
    for item in env.filter(|item| secret(item).is_some()) {
        hide(&mut item["value"]);
    }
}

/// As servers write it.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    crate::host::redact::pattern(r#""name":\s*"([A-Za-z_][A-Za-z0-9_.-]*)",\s*"value":\s*("(?:[^"\\]|\\.)*")"#)
});

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::kube::secrets::masked;

    #[test]
    fn what_stands_in_the_files_of_a_config_map_is_learnt_by_its_name() {
        let map = json!({ "kind": "ConfigMap", "metadata": { "name": "c" }, "data": {
            "config.json": "{\"password\":\"planted-one\"}", "app.conf": "# a file\nDB_PASSWORD=planted-two\nmode=planted-mode\n",
            "api_token": "planted-three=" } });
        let mut item = map.clone();
        item.as_object_mut().expect("a map").remove("kind");
        for text in ["sent", "read", "listed"] {
            let redactor = Redactor::default();
            match text {
                "sent" => super::super::learn(&redactor, &map, false),
                "read" => super::super::learn_text(&redactor, &map.to_string(), false),
                _ => learn_text(&redactor, &format!("{item}\n{item}\n"), Some(CONFIG_MAP)),
            }
            let shown = redactor.redact("planted-one planted-two planted-three= planted-mode");
            assert!(!shown.contains("one") && !shown.contains("two") && !shown.contains("three"), "{text}: {shown}");
            assert!(shown.ends_with("planted-mode"), "{shown}");
        }
    }

    #[test]
    fn variables_are_learnt_from_objects_and_texts_and_not_recorded() {
        let env = json!([{ "name": "DB_PASSWORD", "value": "planted-\"one" }, { "name": "MODE", "value": "planted-mode" },
            { "name": "API_TOKEN", "valueFrom": {} }, { "name": "PIN_TOKEN", "value": "7q3" }]);
        let object =
            json!({ "kind": "Deployment", "spec": { "template": { "spec": { "containers": [{ "env": env }] } } } });
        for text in [false, true] {
            let redactor = Redactor::default();
            match text {
                true => super::super::learn_text(&redactor, &object.to_string(), false),
                false => super::super::learn(&redactor, &json!({ "kind": "List", "items": [object] }), false),
            }
            assert_eq!(redactor.redact("x planted-\"one planted-mode"), "x <secret:1> planted-mode", "{text}");
        }
        let shown = masked(object, false).to_string();
        assert!(!shown.contains("one") && !shown.contains("7q3") && shown.contains("planted-mode"), "{shown}");
    }
}
