//! The registry as its clients ask it.

use super::*;

fn ask(registry: &mut Registry, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let asked = Asked {
        method: method.parse().unwrap(),
        body: if body.is_null() { Default::default() } else { body.to_string().into() },
        ..Asked::get(path)
    };
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match answered(registry, &asked, &parts) {
        Ok(value) => (200, value),
        Err(reply) => (reply.status.as_u16(), reply.value()),
    }
}

fn record(fields: &Value) -> Value {
    json!({ "schema": json!({ "type": "record", "name": "Test", "fields": fields }).to_string() })
}

#[test]
fn schemas_have_ids_and_versions() {
    let mut registry = Registry::default();
    let one = record(&json!([{ "name": "field1", "type": "string" }]));
    let versions = "/subjects/test-value/versions";
    assert_eq!(ask(&mut registry, "POST", versions, &one), (200, json!({ "id": 1 })));
    assert_eq!(ask(&mut registry, "POST", versions, &one), (200, json!({ "id": 1 })), "it is known");
    assert_eq!(
        ask(&mut registry, "POST", "/subjects/other/versions", &one),
        (200, json!({ "id": 1 })),
        "ids are global"
    );
    let (status, latest) = ask(&mut registry, "GET", "/subjects/test-value/versions/latest", &Value::Null);
    assert_eq!((status, &latest["version"], &latest["subject"]), (200, &json!(1), &json!("test-value")));
    assert_eq!(ask(&mut registry, "POST", "/subjects/test-value", &one).1["id"], 1);
    assert_eq!(ask(&mut registry, "GET", "/schemas/ids/1", &Value::Null).0, 200);
    assert_eq!(ask(&mut registry, "GET", "/subjects", &Value::Null).1, json!(["other", "test-value"]));
}

#[test]
fn compatibility_is_judged_by_the_level() {
    let mut registry = Registry::default();
    let versions = "/subjects/test-value/versions";
    let check = "/compatibility/subjects/test-value/versions/latest";
    ask(&mut registry, "POST", versions, &record(&json!([{ "name": "field1", "type": "string" }])));
    let without = record(&json!([{ "name": "field1", "type": "string" }, { "name": "field2", "type": "int" }]));
    let with =
        record(&json!([{ "name": "field1", "type": "string" }, { "name": "field2", "type": "int", "default": 0 }]));
    assert_eq!(ask(&mut registry, "POST", check, &without).1, json!({ "is_compatible": false }));
    assert_eq!(ask(&mut registry, "POST", check, &with).1, json!({ "is_compatible": true }));
    let (status, refused) = ask(&mut registry, "POST", versions, &without);
    assert_eq!((status, &refused["error_code"]), (409, &json!(409)));
    assert!(refused["message"].as_str().unwrap().contains("READER_FIELD_MISSING_DEFAULT_VALUE"));
    assert_eq!(ask(&mut registry, "PUT", "/config/test-value", &json!({ "compatibility": "FORWARD" })).0, 200);
    assert_eq!(ask(&mut registry, "POST", versions, &without), (200, json!({ "id": 2 })), "old readers skip the field");
    assert_eq!(ask(&mut registry, "PUT", "/config", &json!({ "compatibility": "SIDEWAYS" })).1["error_code"], 42203);
    assert_eq!(ask(&mut registry, "GET", "/config", &Value::Null).1, json!({ "compatibilityLevel": "BACKWARD" }));
}

#[test]
fn what_is_not_there_has_its_own_code() {
    let mut registry = Registry::default();
    let code = |registry: &mut Registry, method: &str, path: &str, body: &Value| {
        ask(registry, method, path, body).1["error_code"].clone()
    };
    assert_eq!(code(&mut registry, "GET", "/subjects/none/versions", &Value::Null), 40401);
    assert_eq!(code(&mut registry, "GET", "/schemas/ids/9", &Value::Null), 40403);
    ask(&mut registry, "POST", "/subjects/a/versions", &json!({ "schema": "\"string\"" }));
    assert_eq!(code(&mut registry, "GET", "/subjects/a/versions/7", &Value::Null), 40402);
    assert_eq!(code(&mut registry, "GET", "/subjects/a/versions/x", &Value::Null), 42202);
    assert_eq!(
        code(&mut registry, "POST", "/subjects/a/versions", &json!({ "schema": "{\"type\":\"recrd\"}" })),
        42201
    );
    assert_eq!(code(&mut registry, "POST", "/subjects/a/versions", &Value::Null), 400);
    assert_eq!(code(&mut registry, "GET", "/config/a", &Value::Null), 40408);
    assert_eq!(code(&mut registry, "DELETE", "/subjects/a?permanent=true", &Value::Null), 40405);
    assert_eq!(ask(&mut registry, "DELETE", "/subjects/a", &Value::Null), (200, json!([1])));
    assert_eq!(code(&mut registry, "DELETE", "/subjects/a", &Value::Null), 40404);
    assert_eq!(ask(&mut registry, "DELETE", "/subjects/a?permanent=true", &Value::Null), (200, json!([1])));
    assert_eq!(code(&mut registry, "GET", "/nowhere", &Value::Null), 404);
}
