//! The forms in which objects can be asked for: whole, as a table, or their metadata alone.

use serde_json::{Value, json};

use super::asked::Asked;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::table;

/// A form of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Whole,
    Table,
    Metadata,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Yaml,
}

impl View {
    /// Reads `Accept`: the first form that can be served.
    pub(crate) fn of(accept: &str) -> Answer<(Self, Media)> {
        if accept.trim().is_empty() {
            return Ok((Self::Whole, Media::Json));
        }
        let mut strange = false;
        for part in accept.split(',') {
            let mut words = part.split(';').map(str::trim);
            let media = match words.next().unwrap_or_default() {
                "application/json" | "application/*" | "*/*" => Media::Json,
                "application/yaml" => Media::Yaml,
                _ => continue,
            };
            let (mut form, mut version) = ("", "");
            for word in words {
                match word.split_once('=') {
                    Some(("as", value)) => form = value,
                    Some(("v", value)) => version = value,
                    _ => {}
                }
            }
            match (form, version) {
                ("", _) => return Ok((Self::Whole, media)),
                ("Table", "v1" | "v1beta1") => return Ok((Self::Table, media)),
                ("PartialObjectMetadata" | "PartialObjectMetadataList", "v1" | "v1beta1") => {
                    return Ok((Self::Metadata, media));
                }
                _ => strange = true,
            }
        }
        if strange {
            let why = "only the following media types are accepted: application/json, application/yaml, \
                       application/vnd.kubernetes.protobuf";
            return Err(Refusal::new(406, "NotAcceptable", why));
        }
        Err(Refusal::not_acceptable())
    }

    /// One object in this form.
    pub(crate) fn object(self, asked: &Asked, object: Value) -> Answer<Value> {
        if object["kind"] == "Status" || object["kind"] == "Scale" {
            return Ok(object);
        }
        Ok(match self {
            Self::Whole => object,
            Self::Metadata => metadata(&object),
            Self::Table => {
                let own = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                table::render(asked, &[&object], own)?
            }
        })
    }

    /// A list in this form.
    pub(crate) fn list(self, asked: &Asked, objects: &[&Value], own: Value) -> Answer<Value> {
        Ok(match self {
            Self::Table => table::render(asked, objects, own)?,
            _ => {
                let items: Vec<Value> = objects.iter().map(|o| metadata(o)).collect();
                json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": own, "items": items,
                })
            }
        })
    }
}

/// An object's metadata alone.
pub(crate) fn metadata(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}
