//! A registry of images: blobs, uploads, manifests, tags.
//!
//! Source: OCI distribution specification 1.1.

mod uploads;

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use hyper::body::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Asked, Reply, Site};

/// The largest manifest that is taken.
const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;
/// What all blobs together may have; a lab is no archive.
const MOST: usize = 512 * 1024 * 1024;

/// The images of a registry.
#[derive(Debug, Default)]
pub(crate) struct Images {
    pub(crate) repositories: BTreeMap<String, Repository>,
    blobs: BTreeMap<String, Bytes>,
    uploads: uploads::Uploads,
}

/// One repository.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    pub(crate) manifests: BTreeMap<String, Manifest>,
    /// Digests by tag.
    pub(crate) tags: BTreeMap<String, String>,
    /// The blobs that may be pulled from here.
    pub(crate) blobs: BTreeSet<String>,
}

/// A manifest.
#[derive(Debug, Clone)]
pub(crate) struct Manifest {
    pub(crate) media: String,
    pub(crate) body: Bytes,
    pub(crate) pushed: Timestamp,
}

/// What a request does to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    Pull,
    Push,
    Delete,
}

/// `sha256:…`
pub(crate) fn digest(bytes: &[u8]) -> String {
    let sum = Sha256::digest(bytes);
    format!("sha256:{}", sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// An error in the specification's form.
pub(crate) fn refused(status: u16, code: &str, message: &str, detail: &Value) -> Reply {
    let mut error = json!({ "code": code, "message": message });
    if !detail.is_null() {
        error["detail"] = detail.clone();
    }
    Reply::json(status, &json!({ "errors": [error] })).with("docker-distribution-api-version", "registry/2.0")
}

/// Harbor's registry behind its core: who reaches it may do everything.
pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    if matches!(asked.path.as_str(), "/" | "/debug/health") {
        return Reply::empty(200);
    }
    let now = site.services.now();
    let mut state = site.services.state();
    state.images.answer(asked, now, |_, _| Ok(()))
}

impl Images {
    /// Answers a path below `/v2/`. `may` says whether whoever asks may do something to a repository.
    pub(crate) fn answer(
        &mut self,
        asked: &Asked,
        now: Timestamp,
        may: impl Fn(&str, Right) -> Result<(), Reply>,
    ) -> Reply {
        let parts = asked.parts();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let ["v2", rest @ ..] = parts.as_slice() else { return refused(404, "NOT_FOUND", "not found", &Value::Null) };
        let right = match asked.method {
            Method::GET | Method::HEAD => Right::Pull,
            Method::DELETE => Right::Delete,
            _ => Right::Push,
        };
        let within = |name: &[&str]| -> Result<String, Reply> {
            let name = name.join("/");
            if !valid(&name) {
                return Err(refused(400, "NAME_INVALID", "invalid repository name", &Value::Null));
            }
            may(&name, right)?;
            Ok(name)
        };
        let reply = match rest {
            [] => Ok(Reply::json(200, &json!({}))),
            ["_catalog"] => {
                Ok(Reply::json(200, &json!({ "repositories": self.repositories.keys().collect::<Vec<_>>() })))
            }
            [name @ .., "tags", "list"] => within(name).and_then(|name| self.tags(&name, asked)),
            [name @ .., "manifests", reference] => {
                within(name).and_then(|name| self.manifest(&name, reference, asked, now))
            }
            [name @ .., "blobs", "uploads"] => within(name).and_then(|name| self.begin(&name, asked, &may)),
            [name @ .., "blobs", "uploads", id] => within(name).and_then(|name| self.upload(&name, id, asked)),
            [name @ .., "blobs", digest] => within(name).and_then(|name| self.blob(&name, digest, asked)),
            [name @ .., "referrers", digest] => within(name).map(|name| self.referrers(&name, digest)),
            _ => Err(refused(404, "NOT_FOUND", "not found", &Value::Null)),
        };
        reply.unwrap_or_else(|refused| refused).with("docker-distribution-api-version", "registry/2.0")
    }

    fn repository(&self, name: &str) -> Result<&Repository, Reply> {
        let unknown =
            || refused(404, "NAME_UNKNOWN", "repository name not known to registry", &json!({ "name": name }));
        self.repositories.get(name).ok_or_else(unknown)
    }

    fn tags(&self, name: &str, asked: &Asked) -> Result<Reply, Reply> {
        let tags: Vec<&String> = self.repository(name)?.tags.keys().collect();
        let after = asked.value("last");
        let mut shown: Vec<&String> =
            tags.into_iter().filter(|tag| after.as_ref().is_none_or(|last| *tag > last)).collect();
        let most = asked.value("n").and_then(|n| n.parse::<usize>().ok());
        let more = most.is_some_and(|most| shown.len() > most);
        shown.truncate(most.unwrap_or(usize::MAX));
        let reply = Reply::json(200, &json!({ "name": name, "tags": shown }));
        Ok(match (more, shown.last(), most) {
            (true, Some(last), Some(most)) => {
                reply.with("link", format!("</v2/{name}/tags/list?n={most}&last={last}>; rel=\"next\""))
            }
            _ => reply,
        })
    }

    fn manifest(&mut self, name: &str, reference: &str, asked: &Asked, now: Timestamp) -> Result<Reply, Reply> {
        let unknown = |detail: Value| refused(404, "MANIFEST_UNKNOWN", "manifest unknown", &detail);
        match asked.method {
            Method::GET | Method::HEAD => {
                let repository = self.repository(name)?;
                let digest = if reference.contains(':') {
                    Some(reference)
                } else {
                    repository.tags.get(reference).map(String::as_str)
                };
                let found = digest.and_then(|digest| Some((digest, repository.manifests.get(digest)?)));
                let (digest, manifest) =
                    found.ok_or_else(|| unknown(json!({ "name": name, "revision": reference })))?;
                let reply = Reply::new(200, &manifest.media, manifest.body.clone());
                Ok(reply.with("docker-content-digest", digest).with("etag", format!("\"{digest}\"")))
            }
            Method::PUT => self.put_manifest(name, reference, asked, now),
            Method::DELETE => {
                let repository = self.repositories.get_mut(name).ok_or_else(|| unknown(Value::Null))?;
                if reference.contains(':') {
                    repository.manifests.remove(reference).ok_or_else(|| unknown(Value::Null))?;
                    repository.tags.retain(|_, digest| digest != reference);
                } else {
                    repository.tags.remove(reference).ok_or_else(|| unknown(json!({ "Tag": reference })))?;
                }
                Ok(Reply::empty(202))
            }
            _ => Err(refused(405, "UNSUPPORTED", "the operation is unsupported", &Value::Null)),
        }
    }

    fn put_manifest(&mut self, name: &str, reference: &str, asked: &Asked, now: Timestamp) -> Result<Reply, Reply> {
        let invalid = |why: &str| refused(400, "MANIFEST_INVALID", "manifest invalid", &json!(why));
        if asked.body.len() > LARGEST_MANIFEST {
            return Err(refused(413, "MANIFEST_INVALID", "manifest invalid", &json!("the manifest is too large")));
        }
        let own = digest(&asked.body);
        if reference.contains(':') && reference != own {
            return Err(refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content", &Value::Null));
        }
        let value = asked.json().ok_or_else(|| invalid("the manifest is no JSON"))?;
        let sent = asked.header("content-type");
        let media = if sent.is_empty() { value["mediaType"].as_str().unwrap_or_default() } else { sent };
        let media = media.split(';').next().unwrap_or_default().to_string();
        if media.is_empty() || value["mediaType"].as_str().is_some_and(|own| own != media) {
            return Err(invalid("mediaType in manifest does not match the Content-Type"));
        }
        let list = |key: &str| value[key].as_array().cloned().unwrap_or_default();
        let repository = self.repositories.entry(name.into()).or_default();
        // An index points to manifests, an image to blobs: all have to be here already.
        for part in list("layers").iter().chain([&value["config"]]).filter(|part| part["digest"].is_string()) {
            let wanted = part["digest"].as_str().unwrap_or_default();
            if !repository.blobs.contains(wanted) {
                return Err(refused(
                    404,
                    "MANIFEST_BLOB_UNKNOWN",
                    "blob unknown to registry",
                    &json!({ "digest": wanted }),
                ));
            }
        }
        for part in list("manifests") {
            let wanted = part["digest"].as_str().unwrap_or_default();
            if !repository.manifests.contains_key(wanted) {
                return Err(refused(404, "MANIFEST_UNKNOWN", "manifest unknown", &json!({ "digest": wanted })));
            }
        }
        repository.manifests.insert(own.clone(), Manifest { media, body: asked.body.clone(), pushed: now });
        if !reference.contains(':') {
            repository.tags.insert(reference.into(), own.clone());
        }
        let reply = Reply::empty(201)
            .with("location", format!("/v2/{name}/manifests/{own}"))
            .with("docker-content-digest", own);
        Ok(match value["subject"]["digest"].as_str() {
            Some(subject) => reply.with("oci-subject", subject),
            None => reply,
        })
    }

    fn blob(&mut self, name: &str, digest: &str, asked: &Asked) -> Result<Reply, Reply> {
        let unknown = || refused(404, "BLOB_UNKNOWN", "blob unknown to registry", &json!(digest));
        let linked = self.repositories.get(name).is_some_and(|repository| repository.blobs.contains(digest));
        let body = self.blobs.get(digest).filter(|_| linked).cloned().ok_or_else(unknown)?;
        match asked.method {
            Method::GET | Method::HEAD => {
                let reply = Reply::new(200, "application/octet-stream", body);
                Ok(reply.with("docker-content-digest", digest).with("accept-ranges", "bytes"))
            }
            Method::DELETE => {
                if let Some(repository) = self.repositories.get_mut(name) {
                    repository.blobs.remove(digest);
                }
                if !self.repositories.values().any(|repository| repository.blobs.contains(digest)) {
                    self.blobs.remove(digest);
                }
                Ok(Reply::empty(202))
            }
            _ => Err(refused(405, "UNSUPPORTED", "the operation is unsupported", &Value::Null)),
        }
    }

    /// Keeps a blob for a repository.
    pub(crate) fn keep(&mut self, name: &str, digest: &str, body: Bytes) -> Result<(), Reply> {
        let held: usize = self.blobs.values().map(Bytes::len).sum();
        if held + body.len() > MOST {
            return Err(refused(507, "UNKNOWN", "the lab's registry is full", &json!({ "bytes": MOST })));
        }
        self.blobs.insert(digest.into(), body);
        self.repositories.entry(name.into()).or_default().blobs.insert(digest.into());
        Ok(())
    }

    /// Whether a blob is here, in whatever repository.
    pub(crate) fn size(&self, digest: &str) -> Option<usize> {
        self.blobs.get(digest).map(Bytes::len)
    }

    fn referrers(&self, name: &str, digest: &str) -> Reply {
        let all = self.repositories.get(name).into_iter().flat_map(|repository| &repository.manifests);
        let own = all.filter_map(|(own, manifest)| {
            let value: Value = serde_json::from_slice(&manifest.body).ok()?;
            (value["subject"]["digest"] == digest).then(|| json!({ "mediaType": manifest.media, "digest": own, "size": manifest.body.len(), "artifactType": value["artifactType"] }))
        });
        let media = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": media, "manifests": own.collect::<Vec<_>>() });
        Reply::new(200, media, index.to_string())
    }
}

/// Whether a repository may be called this.
fn valid(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    name.len() <= 255 && name.split('/').all(part)
}

#[cfg(test)]
mod tests;
