//! Whether a JSON value is as a schema says, in words; used by the tests of the library, too.

use serde_json::Value;

/// The part of JSON Schema that the documented one uses, strictly: every key must be described.
pub(crate) fn problems(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        return problems(root, target, value, at);
    }
    let mut out = Vec::new();
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("a type that the check does not know: {other}"),
    };
    let allowed = match &schema["type"] {
        Value::String(one) => is(one),
        Value::Array(several) => several.iter().any(|k| is(k.as_str().expect("a type"))),
        _ => true,
    };
    if !allowed {
        out.push(format!("{at}: {value} is not {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        out.push(format!("{at}: {value} is not one of {words:?}"));
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        out.push(format!("{at}: {value} is not {constant}"));
    }
    if let (Some(object), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        for (key, inner) in object {
            match known.get(key) {
                Some(of) => out.extend(problems(root, of, inner, &format!("{at}.{key}"))),
                None => out.push(format!("{at}.{key} is not documented")),
            }
        }
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                out.push(format!("{at}.{key} is missing"));
            }
        }
    }
    if let (Some(items), Some(of)) = (value.as_array(), schema.get("items")) {
        for (n, item) in items.iter().enumerate() {
            out.extend(problems(root, of, item, &format!("{at}[{n}]")));
        }
    }
    out
}
