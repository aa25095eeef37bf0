//! From protobuf to JSON.

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::messages::{Field, Kind, Shape, fields};
use super::reader::{Part, Reader, text_of};

/// What stands before every object.
const MAGIC: &[u8] = b"k8s\0";

/// Numbers and truths that are there even when they are zero or false: in Go they are pointers.
const STAYS: &[&str] = &[
    "replicas",
    "terminationGracePeriodSeconds",
    "gracePeriodSeconds",
    "parallelism",
    "completions",
    "backoffLimit",
    "activeDeadlineSeconds",
    "runAsUser",
    "runAsGroup",
    "fsGroup",
    "priority",
    "tolerationSeconds",
    "revisionHistoryLimit",
    "progressDeadlineSeconds",
    "partition",
    "ttlSecondsAfterFinished",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
    "value",
    "defaultMode",
    "expirationSeconds",
    "automountServiceAccountToken",
    "immutable",
    "suspend",
    "optional",
    "allowPrivilegeEscalation",
    "privileged",
    "readOnlyRootFilesystem",
    "runAsNonRoot",
    "controller",
    "blockOwnerDeletion",
    "enableServiceLinks",
    "shareProcessNamespace",
    "allowVolumeExpansion",
    "hostUsers",
    "ready",
    "orphanDependents",
];

/// Reads an object; its `apiVersion` and `kind` come from the envelope.
pub(crate) fn object(bytes: &[u8]) -> Result<Value, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("the body is not Kubernetes' protobuf: its first bytes are others")?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut reader = Reader(rest);
    while let Some((number, part)) = reader.next()? {
        match (number, part) {
            (1, Part::Bytes(meta)) => {
                let mut reader = Reader(meta);
                while let Some((number, part)) = reader.next()? {
                    match (number, part) {
                        (1, Part::Bytes(text)) => api_version = text_of(text),
                        (2, Part::Bytes(text)) => kind = text_of(text),
                        _ => {}
                    }
                }
            }
            (2, Part::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let name = message_of(&api_version, &kind);
    let mut value = message(&name, raw)?;
    value["apiVersion"] = json!(api_version);
    value["kind"] = json!(kind);
    Ok(value)
}

/// `apps/v1` and `Deployment` → `apps.v1.Deployment`.
fn message_of(api_version: &str, kind: &str) -> String {
    if kind == "DeleteOptions" {
        return "meta.v1.DeleteOptions".to_owned();
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let package = group.split('.').next().unwrap_or_default();
    format!("{package}.{version}.{kind}")
}

/// Reads a message; fields that the table does not know are left out, as a server of an older version leaves them.
fn message(name: &str, bytes: &[u8]) -> Result<Value, String> {
    let known = fields(name).ok_or_else(|| format!("no message {name:?} is known"))?;
    if name.ends_with(".ExtraValue") {
        return list(bytes);
    }
    let mut out = Map::new();
    let mut reader = Reader(bytes);
    while let Some((number, part)) = reader.next()? {
        let Some(field) = known.get(&number) else { continue };
        match field.shape {
            Shape::Many => {
                let items = out.entry(field.name).or_insert_with(|| json!([]));
                if let Some(items) = items.as_array_mut() {
                    items.push(value(field, &part)?);
                }
            }
            Shape::Map => {
                let Part::Bytes(entry) = part else { continue };
                let (key, value) = pair(field, entry)?;
                out.entry(field.name).or_insert_with(|| json!({}))[key] = value;
            }
            Shape::Flat => {
                if let Value::Object(inner) = value(field, &part)? {
                    out.extend(inner);
                }
            }
            Shape::One => {
                let value = value(field, &part)?;
                let zero = value.is_null() || value == 0 || value == false || value == "";
                if !zero || (STAYS.contains(&field.name) && !value.is_null()) {
                    out.insert(field.name.to_owned(), value);
                }
            }
        }
    }
    Ok(Value::Object(out))
}

/// A list of texts that is a message of its own.
fn list(bytes: &[u8]) -> Result<Value, String> {
    let mut items = Vec::new();
    let mut reader = Reader(bytes);
    while let Some((_, part)) = reader.next()? {
        if let Part::Bytes(text) = part {
            items.push(json!(text_of(text)));
        }
    }
    Ok(Value::Array(items))
}

fn pair(field: &Field, bytes: &[u8]) -> Result<(String, Value), String> {
    let (mut key, mut held) = (String::new(), empty(field.kind));
    let mut reader = Reader(bytes);
    while let Some((number, part)) = reader.next()? {
        match (number, &part) {
            (1, Part::Bytes(text)) => key = text_of(text),
            (2, part) => held = value(field, part)?,
            _ => {}
        }
    }
    Ok((key, held))
}

fn empty(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Bytes => json!(""),
        Kind::Quantity => json!("0"),
        Kind::Message(_) => json!({}),
        _ => Value::Null,
    }
}

fn value(field: &Field, part: &Part<'_>) -> Result<Value, String> {
    Ok(match (field.kind, part) {
        (Kind::Message(name), Part::Bytes(bytes)) => message(name, bytes)?,
        (Kind::Text, Part::Bytes(bytes)) => json!(text_of(bytes)),
        (Kind::Bytes, Part::Bytes(bytes)) => json!(base64::engine::general_purpose::STANDARD.encode(bytes)),
        // Signed numbers are written in two's complement.
        (Kind::Integer, Part::Number(n)) => json!(*n as i64),
        (Kind::Boolean, Part::Number(n)) => json!(*n != 0),
        (Kind::Double, Part::Fixed(n)) => json!(f64::from_bits(*n)),
        (Kind::Quantity, Part::Bytes(bytes)) => parts(bytes)?.0.map_or(json!("0"), Value::String),
        (Kind::IntOrString, Part::Bytes(bytes)) => int_or_string(bytes)?,
        (Kind::Time | Kind::MicroTime, Part::Bytes(bytes)) => time(bytes, field.kind == Kind::MicroTime)?,
        (Kind::Duration, Part::Bytes(bytes)) => json!(parts(bytes)?.1.unwrap_or(0)),
        (Kind::Raw, Part::Bytes(bytes)) => {
            let raw = parts(bytes)?.0.unwrap_or_default();
            serde_json::from_str(&raw).unwrap_or(Value::Null)
        }
        _ => return Err(format!("field {:?} has another wire type than it should", field.name)),
    })
}

/// The first text and the first number of a small message.
fn parts(bytes: &[u8]) -> Result<(Option<String>, Option<i64>), String> {
    let (mut text, mut number) = (None, None);
    let mut reader = Reader(bytes);
    while let Some((_, part)) = reader.next()? {
        match part {
            Part::Bytes(bytes) => text = text.or_else(|| Some(text_of(bytes))),
            Part::Number(n) => number = number.or(Some(n as i64)),
            Part::Fixed(_) => {}
        }
    }
    Ok((text, number))
}

fn int_or_string(bytes: &[u8]) -> Result<Value, String> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    let mut reader = Reader(bytes);
    while let Some((field, part)) = reader.next()? {
        match (field, part) {
            (1, Part::Number(n)) => is_text = n == 1,
            (2, Part::Number(n)) => number = n as i32,
            (3, Part::Bytes(bytes)) => text = text_of(bytes),
            _ => {}
        }
    }
    Ok(if is_text { json!(text) } else { json!(number) })
}

fn time(bytes: &[u8], fine: bool) -> Result<Value, String> {
    let (mut seconds, mut nanoseconds) = (0_i64, 0_i32);
    let mut reader = Reader(bytes);
    while let Some((field, part)) = reader.next()? {
        match (field, part) {
            (1, Part::Number(n)) => seconds = n as i64,
            (2, Part::Number(n)) => nanoseconds = n as i32,
            _ => {}
        }
    }
    // The year 1 is no time at all.
    if seconds <= 0 {
        return Ok(Value::Null);
    }
    let time = Timestamp::new(seconds, nanoseconds).map_err(|e| e.to_string())?;
    let form = if fine { "%Y-%m-%dT%H:%M:%S%.6fZ" } else { "%Y-%m-%dT%H:%M:%SZ" };
    Ok(json!(time.strftime(form).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).expect("short")];
        out.extend_from_slice(bytes);
        out
    }

    #[test]
    fn an_object_is_read_with_its_envelope() {
        let label = field(11, &[field(1, b"a"), field(2, b"b")].concat());
        let metadata = field(1, &[field(1, b"web"), label].concat());
        let data = field(2, &[field(1, b"k"), field(2, b"v")].concat());
        let meta = field(1, &[field(1, b"v1"), field(2, b"ConfigMap")].concat());
        let bytes = [MAGIC.to_vec(), meta, field(2, &[metadata, data].concat())].concat();
        let read = object(&bytes).expect("reads");
        assert_eq!(
            read,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "labels": {"a": "b"}}, "data": {"k": "v"}})
        );
        assert!(object(&bytes[..bytes.len() - 3]).is_err(), "what breaks off is refused");
        assert!(object(b"{}").is_err());
    }
}
