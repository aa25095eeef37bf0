//! A body read into an object of a kind.

use serde_json::{Map, Value};

use super::asked::{Asked, Payload};
use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};
use crate::lab::kube::validate::conform::{self, Mismatch};
use crate::lab::kube::wire;

/// Media types in which objects can come.
const OBJECTS: [&str; 3] = ["application/json", "application/yaml", PROTOBUF];

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// An object, and what to warn of.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) object: Value,
    pub(super) warnings: Vec<String>,
}

/// Reads the object of a POST or PUT.
pub(super) fn object(asked: &Asked, payload: &Payload) -> Answer<Read> {
    let value = match payload.media.as_str() {
        "" | "application/json" => json(&payload.bytes).map_err(|why| unrecognized(asked, &payload.bytes, &why))?,
        "application/yaml" => yaml(&payload.bytes)?,
        PROTOBUF => wire::object(&payload.bytes).map_err(Refusal::bad_request)?,
        _ => return Err(Refusal::unsupported(&OBJECTS)),
    };
    typed(asked, value)
}

/// Reads what is no object of the kind that is addressed, such as options.
pub(super) fn plain(payload: &Payload) -> Answer<Value> {
    match payload.media.as_str() {
        _ if payload.bytes.is_empty() => Ok(Value::Null),
        PROTOBUF => wire::object(&payload.bytes).map_err(Refusal::bad_request),
        _ => json(&payload.bytes).map_err(Refusal::bad_request),
    }
}

/// Parses JSON; the error has Go's words where they are known.
pub(super) fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        if error.is_eof() {
            return "unexpected end of JSON input".to_owned();
        }
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        let line = lines.get(error.line().saturating_sub(1)).copied().unwrap_or_default();
        let there = line.get(error.column().saturating_sub(1)).copied().unwrap_or(b'?') as char;
        format!("invalid character '{there}' looking for beginning of value")
    })
}

/// Parses YAML.
pub(super) fn yaml(bytes: &[u8]) -> Answer<Value> {
    let text = String::from_utf8_lossy(bytes);
    let parsed: Result<Value, _> = serde_saphyr::from_str(&text);
    parsed.map_err(|error| {
        let first = error.to_string();
        let first = first.lines().next().unwrap_or_default().to_owned();
        Refusal::bad_request(format!("error decoding YAML: error converting YAML to JSON: yaml: {first}"))
    })
}

fn unrecognized(asked: &Asked, bytes: &[u8], why: &str) -> Box<Refusal> {
    let text = String::from_utf8_lossy(bytes);
    let shown: String = if text.is_empty() { "<empty>".to_owned() } else { text.chars().take(100).collect() };
    let kind = &asked.kind.kind;
    Refusal::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {why} \
         ({shown})"
    ))
}

/// An object brought into its kind's shape.
pub(super) fn typed(asked: &Asked, mut value: Value) -> Answer<Read> {
    let kind = &asked.kind;
    let cannot = |_: &Value, why: String| {
        let (there, version) = (&kind.kind, &kind.version);
        let message = format!("{there} in version {version:?} cannot be handled as a {}: {why}", kind.kind);
        Refusal::bad_request(message)
    };
    if !value.is_object() {
        let why = "json: cannot unmarshal value into Go value of type struct";
        return Err(Refusal::bad_request(why));
    }
    identity(asked, &mut value)?;
    let unknown = shaped(asked, &mut value);
    let unknown = unknown.map_err(|why| cannot(&value, why.decoder))?;
    placed(asked, value, &unknown, cannot)
}

/// What a patch made of an object, brought into its kind's shape; `strategic` is the patch, where it was of that kind.
pub(super) fn patched(asked: &Asked, mut value: Value, strategic: Option<&Value>) -> Answer<Read> {
    let refused = |value: &Value, why: String| {
        let shown = strategic.map_or_else(|| value.to_string(), go);
        Refusal::invalid(
            &Named { group: "", kind: "", name: "" },
            &[Fault::invalid("patch", &Value::String(shown), why)],
        )
    };
    if !value.is_object() {
        let why = format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct {{ \
             APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            conform::word(&value)
        );
        return Err(refused(&value, why));
    }
    identity(asked, &mut value).map_err(|why| refused(&value, why.message))?;
    let unknown = shaped(asked, &mut value);
    let unknown = unknown.map_err(|why| {
        let why = if strategic.is_some() { why.converter } else { why.decoder };
        refused(&value, why)
    })?;
    placed(asked, value, &unknown, refused)
}

/// As Go prints a value: `map[spec:map[replicas:three]]`.
fn go(value: &Value) -> String {
    let spaced = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::Object(map) => {
            let mut parts: Vec<String> = map.iter().map(|(key, value)| format!("{key}:{}", go(value))).collect();
            parts.sort();
            format!("map[{}]", spaced(parts))
        }
        Value::Array(list) => format!("[{}]", spaced(list.iter().map(go).collect())),
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        other => other.to_string(),
    }
}

/// Checks and prunes; the fields that the kind does not know, or why it can't be one.
fn shaped(asked: &Asked, value: &mut Value) -> Result<Vec<String>, Mismatch> {
    let unknown = conform::conform(&asked.kind, value)?;
    if !value["metadata"].is_object() {
        value["metadata"] = Value::Object(Map::new());
    }
    if asked.kind.plural == "secrets" && asked.kind.group.is_empty() {
        base64(value).map_err(Mismatch::of_type)?;
    }
    Ok(unknown)
}

/// Judges what the kind does not know, and puts the object where the request is.
fn placed(
    asked: &Asked,
    mut value: Value,
    unknown: &[String],
    cannot: impl Fn(&Value, String) -> Box<Refusal>,
) -> Answer<Read> {
    let kind = &asked.kind;
    let mut warnings = Vec::new();
    match asked.query.get("fieldValidation") {
        Some("Ignore") => {}
        Some("Strict") if !unknown.is_empty() => {
            let list: Vec<String> = unknown.iter().map(|field| format!("unknown field {field:?}")).collect();
            return Err(cannot(&value, format!("strict decoding error: {}", list.join(", "))));
        }
        _ => warnings.extend(unknown.iter().map(|field| format!("unknown field {field:?}"))),
    }
    if kind.namespaced && !asked.namespace.is_empty() {
        let there = value["metadata"]["namespace"].as_str().unwrap_or_default();
        if !there.is_empty() && there != asked.namespace {
            let why = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(why));
        }
        value["metadata"]["namespace"] = Value::String(asked.namespace.clone());
    } else if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    Ok(Read { object: value, warnings })
}

/// `apiVersion` and `kind`: given and right, or the address's.
fn identity(asked: &Asked, value: &mut Value) -> Answer<()> {
    let kind = &asked.kind;
    let (version, named) = (value["apiVersion"].as_str(), value["kind"].as_str());
    if kind.custom.is_some() && (version.is_none() || named.is_none()) {
        let missing = if named.is_none() { "Kind" } else { "apiVersion" };
        let message = format!(
            "{} in version {:?} cannot be handled as a {}: Object '{missing}' is missing in '{value}'",
            kind.kind, kind.version, kind.kind
        );
        return Err(Refusal::bad_request(message));
    }
    let (version, named) = (version.unwrap_or(""), named.unwrap_or(""));
    let api_version = kind.api_version();
    let short = version.rsplit('/').next().unwrap_or_default();
    if !named.is_empty() && named != kind.kind {
        let message = format!(
            "{named} in version {short:?} cannot be handled as a {}: converting ({short}.{named}) to (core.{}): unknown conversion",
            kind.kind, kind.kind
        );
        return Err(Refusal::bad_request(message));
    }
    if !version.is_empty() && version != api_version {
        let scheme = "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30";
        let message = format!(
            "{} in version {short:?} cannot be handled as a {}: no kind {:?} is registered for version {version:?} in scheme {scheme:?}",
            kind.kind, kind.kind, kind.kind
        );
        return Err(Refusal::bad_request(message));
    }
    value["apiVersion"] = Value::String(api_version);
    value["kind"] = Value::String(kind.kind.clone());
    Ok(())
}

/// The data of a Secret is base64.
fn base64(value: &Value) -> Result<(), String> {
    use base64::Engine as _;
    for text in value["data"].as_object().into_iter().flatten().filter_map(|(_, v)| v.as_str()) {
        if let Err(base64::DecodeError::InvalidByte(at, _)) = base64::engine::general_purpose::STANDARD.decode(text) {
            return Err(format!("illegal base64 data at input byte {at}"));
        }
    }
    Ok(())
}
