//! Uploads of blobs: at once, in chunks, and mounts from other repositories.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::{Images, Right, digest, refused};
use crate::lab::services::{Asked, Reply};

/// Uploads that are under way; older ones are forgotten.
const MOST: usize = 64;

/// What was begun and not yet closed.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    open: BTreeMap<String, (String, Vec<u8>)>,
    begun: u64,
}

impl Images {
    /// `POST …/blobs/uploads/`
    pub(super) fn begin(
        &mut self,
        name: &str,
        asked: &Asked,
        may: &impl Fn(&str, Right) -> Result<(), Reply>,
    ) -> Result<Reply, Reply> {
        if asked.method != Method::POST {
            return Err(refused(405, "UNSUPPORTED", "the operation is unsupported", &Value::Null));
        }
        if let (Some(wanted), Some(from)) = (asked.value("mount"), asked.value("from")) {
            let there = self.repositories.get(&from).is_some_and(|repository| repository.blobs.contains(&wanted));
            // Who may not pull there gets an upload instead, as if the blob were not there.
            if there && may(&from, Right::Pull).is_ok() {
                self.repositories.entry(name.into()).or_default().blobs.insert(wanted.clone());
                return Ok(created(name, &wanted));
            }
        }
        if let Some(wanted) = asked.value("digest") {
            return self.close(name, &wanted, asked.body.to_vec());
        }
        self.uploads.begun += 1;
        let id = format!("{:08x}-0000-4000-8000-{:012x}", self.uploads.begun, self.uploads.begun);
        while self.uploads.open.len() >= MOST {
            self.uploads.open.pop_first();
        }
        self.uploads.open.insert(id.clone(), (name.into(), Vec::new()));
        Ok(progress(202, name, &id, 0))
    }

    /// Anything that is done to an upload that was begun.
    pub(super) fn upload(&mut self, name: &str, id: &str, asked: &Asked) -> Result<Reply, Reply> {
        let unknown = || refused(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", &Value::Null);
        let (_, held) = self.uploads.open.get_mut(id).filter(|(own, _)| own == name).ok_or_else(unknown)?;
        match asked.method {
            Method::GET => Ok(progress(204, name, id, held.len())),
            Method::PATCH => {
                in_order(asked, held.len(), name, id)?;
                held.extend_from_slice(&asked.body);
                Ok(progress(202, name, id, held.len()))
            }
            Method::PUT => {
                let wanted = asked.value("digest").ok_or_else(|| {
                    refused(
                        400,
                        "DIGEST_INVALID",
                        "provided digest did not match uploaded content",
                        &json!("digest missing"),
                    )
                })?;
                in_order(asked, held.len(), name, id)?;
                let mut whole = std::mem::take(held);
                whole.extend_from_slice(&asked.body);
                self.uploads.open.remove(id);
                self.close(name, &wanted, whole)
            }
            Method::DELETE => {
                self.uploads.open.remove(id);
                Ok(Reply::empty(204))
            }
            _ => Err(refused(405, "UNSUPPORTED", "the operation is unsupported", &Value::Null)),
        }
    }

    fn close(&mut self, name: &str, wanted: &str, body: Vec<u8>) -> Result<Reply, Reply> {
        if digest(&body) != wanted {
            let detail = json!({ "digest": wanted, "uploaded": digest(&body) });
            return Err(refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content", &detail));
        }
        self.keep(name, wanted, body.into())?;
        Ok(created(name, wanted))
    }
}

/// A chunk has to begin where the last one ended.
fn in_order(asked: &Asked, held: usize, name: &str, id: &str) -> Result<(), Reply> {
    let range = asked.header("content-range").trim_start_matches("bytes ");
    let Some((from, _)) = range.split_once('-') else { return Ok(()) };
    if from.parse() == Ok(held) { Ok(()) } else { Err(progress(416, name, id, held)) }
}

fn progress(status: u16, name: &str, id: &str, held: usize) -> Reply {
    Reply::empty(status)
        .with("location", format!("/v2/{name}/blobs/uploads/{id}"))
        .with("range", format!("0-{}", held.saturating_sub(1)))
        .with("docker-upload-uuid", id)
}

fn created(name: &str, digest: &str) -> Reply {
    Reply::empty(201).with("location", format!("/v2/{name}/blobs/{digest}")).with("docker-content-digest", digest)
}
