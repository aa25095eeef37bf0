//! Avro: whether a text is a schema, and whether what one schema wrote can be read by another.
//!
//! Source: Avro 1.12, "Schema Declaration" and "Schema Resolution".

use serde_json::Value;

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// Whether this is a schema.
///
/// # Errors
/// Why it is none.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    known(schema, &mut Vec::new())
}

fn known(schema: &Value, names: &mut Vec<String>) -> Result<(), String> {
    match schema {
        Value::String(name) => {
            let fine = PRIMITIVES.contains(&name.as_str()) || names.contains(name);
            if fine { Ok(()) } else { Err(format!("Undefined name: {name:?}")) }
        }
        Value::Array(all) => all.iter().try_for_each(|one| known(one, names)),
        Value::Object(fields) => match fields.get("type") {
            Some(Value::String(kind)) => named(kind, schema, names),
            Some(inner) => known(inner, names),
            None => Err(format!("No type: {schema}")),
        },
        _ => Err(format!("Schema not yet supported: {schema}")),
    }
}

fn named(kind: &str, schema: &Value, names: &mut Vec<String>) -> Result<(), String> {
    let name = || {
        schema["name"].as_str().filter(|name| !name.is_empty()).ok_or_else(|| format!("No name in schema: {schema}"))
    };
    match kind {
        "record" | "error" => {
            names.push(name()?.into());
            let fields = schema["fields"].as_array().ok_or_else(|| "Record has no fields".to_string())?;
            fields.iter().try_for_each(|field| {
                field["name"].as_str().ok_or_else(|| format!("No field name: {field}"))?;
                known(field.get("type").ok_or_else(|| format!("No field type: {field}"))?, names)
            })
        }
        "enum" => {
            names.push(name()?.into());
            schema["symbols"].as_array().map(|_| ()).ok_or_else(|| format!("Enum has no symbols: {schema}"))
        }
        "fixed" => {
            names.push(name()?.into());
            schema["size"].as_u64().map(|_| ()).ok_or_else(|| format!("Invalid or no size: {schema}"))
        }
        "array" => known(schema.get("items").ok_or_else(|| format!("Array has no items type: {schema}"))?, names),
        "map" => known(schema.get("values").ok_or_else(|| format!("Map has no values type: {schema}"))?, names),
        other => known(&other.into(), names),
    }
}

/// Why data of the writer's schema can't be read with the reader's; nothing where it can.
pub(super) fn unreadable(reader: &Value, writer: &Value) -> Vec<String> {
    let mut why = Vec::new();
    compare(reader, writer, "", &mut why, 0);
    why
}

fn kind(schema: &Value) -> &str {
    match schema {
        Value::String(name) => name,
        Value::Array(_) => "union",
        _ => match &schema["type"] {
            Value::String(name) => name,
            other => kind(other),
        },
    }
}

/// What a number may become.
fn promotes(from: &str, to: &str) -> bool {
    matches!(
        (from, to),
        ("int", "long" | "float" | "double")
            | ("long", "float" | "double")
            | ("float", "double")
            | ("string", "bytes")
            | ("bytes", "string")
    )
}

fn compare(reader: &Value, writer: &Value, path: &str, why: &mut Vec<String>, depth: usize) {
    if depth > 50 {
        return;
    }
    if let Value::Array(branches) = writer {
        branches.iter().for_each(|branch| compare(reader, branch, path, why, depth + 1));
        return;
    }
    if let Value::Array(branches) = reader {
        let fits = branches.iter().any(|branch| {
            let mut inner = Vec::new();
            compare(branch, writer, path, &mut inner, depth + 1);
            inner.is_empty()
        });
        if !fits {
            why.push(told(
                "MISSING_UNION_BRANCH",
                path,
                &format!("reader union lacking writer type: {}", kind(writer).to_uppercase()),
            ));
        }
        return;
    }
    let (to, from) = (kind(reader), kind(writer));
    if to != from {
        if !promotes(from, to) {
            why.push(told(
                "TYPE_MISMATCH",
                path,
                &format!("reader type: {} not compatible with writer type: {}", to.to_uppercase(), from.to_uppercase()),
            ));
        }
        return;
    }
    match to {
        "record" => records(reader, writer, path, why, depth),
        "array" => compare(&reader["items"], &writer["items"], &format!("{path}/items"), why, depth + 1),
        "map" => compare(&reader["values"], &writer["values"], &format!("{path}/values"), why, depth + 1),
        "enum" => {
            let symbols = |schema: &Value| schema["symbols"].as_array().cloned().unwrap_or_default();
            let known = symbols(reader);
            let lacking: Vec<Value> = symbols(writer).into_iter().filter(|symbol| !known.contains(symbol)).collect();
            if !lacking.is_empty() && reader["default"].is_null() {
                why.push(told("MISSING_ENUM_SYMBOLS", &format!("{path}/symbols"), &Value::from(lacking).to_string()));
            }
        }
        "fixed" if reader["size"] != writer["size"] => {
            why.push(told("FIXED_SIZE_MISMATCH", &format!("{path}/size"), "expected another size"));
        }
        _ => {}
    }
}

fn records(reader: &Value, writer: &Value, path: &str, why: &mut Vec<String>, depth: usize) {
    let last =
        |schema: &Value| schema["name"].as_str().unwrap_or_default().rsplit('.').next().unwrap_or_default().to_string();
    if last(reader) != last(writer) {
        why.push(told("NAME_MISMATCH", &format!("{path}/name"), &format!("expected: {}", last(writer))));
        return;
    }
    let fields = |schema: &Value| schema["fields"].as_array().cloned().unwrap_or_default();
    let written = fields(writer);
    for (index, field) in fields(reader).iter().enumerate() {
        let alias = |name: &Value| field["aliases"].as_array().is_some_and(|all| all.contains(name));
        let own = written.iter().find(|other| other["name"] == field["name"] || alias(&other["name"]));
        let at = format!("{path}/fields/{index}");
        match own {
            Some(own) => compare(&field["type"], &own["type"], &format!("{at}/type"), why, depth + 1),
            None if field.get("default").is_none() => {
                why.push(told("READER_FIELD_MISSING_DEFAULT_VALUE", &at, field["name"].as_str().unwrap_or_default()));
            }
            None => {}
        }
    }
}

fn told(kind: &str, path: &str, what: &str) -> String {
    let path = if path.is_empty() { "/" } else { path };
    format!("{{errorType:'{kind}', description:'{what}', additionalInfo:'at {path}'}}")
}
