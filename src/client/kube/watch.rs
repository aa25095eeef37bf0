//! Watching: a list, then the changes from its version on; a list again after 410 and after a long silence.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::Method;
use http_body_util::BodyExt;
use kube::client::Body;
use kube::core::Status;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::list::PAGE;
use super::meta::Meta;
use super::request::request;
use super::{Cluster, Page, Query, Resource, without_managed_fields};
use crate::error::{Error, Kind, Result};

/// Neither event nor bookmark for this long: the connection may be dead without saying so.
const SILENCE: Duration = Duration::from_secs(90);
/// Before a stream that ended is opened again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the server is asked to keep one watch open.
const SERVER_LIMIT: &str = "290";

/// What changed.
#[derive(Debug)]
pub enum Change {
    /// The whole state: what is not in it is gone.
    Listed(Vec<Page>),
    /// An object as it is now, without managedFields.
    Set(String),
    /// An object as it was when it went.
    Gone(String),
}

/// Objects that are being watched. [`Watch::next`] may be dropped at any time and called again.
pub struct Watch {
    cluster: Cluster,
    resource: Resource,
    query: Query,
    /// From where on; none: list first.
    version: Option<String>,
    body: Option<Body>,
    buffer: BytesMut,
    /// Neither event nor bookmark for this long: list again.
    pub(super) silence: Duration,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("resource", &self.resource.plural)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl Cluster {
    /// Watches the objects that the query means; its limit does not count.
    pub fn watch(&self, resource: &Resource, query: Query) -> Watch {
        Watch {
            cluster: self.clone(),
            resource: resource.clone(),
            query: Query { limit: None, ..query },
            version: None,
            body: None,
            buffer: BytesMut::new(),
            silence: SILENCE,
        }
    }
}

impl Watch {
    /// The next change; the first is always [`Change::Listed`].
    ///
    /// # Errors
    /// What the server or the way to it says. Calling again after an error starts with a list.
    pub async fn next(&mut self) -> Result<Change> {
        match self.step().await {
            Ok(change) => Ok(change),
            Err(e) => {
                self.restart();
                Err(e)
            }
        }
    }

    async fn step(&mut self) -> Result<Change> {
        loop {
            let Some(version) = self.version.clone() else {
                let listed = self.cluster.list_by(&self.resource, &self.query, PAGE).await?;
                self.version = Some(listed.version);
                return Ok(Change::Listed(listed.pages));
            };
            if self.body.is_none() && !self.open(&version).await? {
                continue;
            }
            if let Some(line) = self.line() {
                match self.event(&line)? {
                    Some(change) => return Ok(change),
                    None => continue,
                }
            }
            let Some(body) = &mut self.body else { continue };
            match tokio::time::timeout(self.silence, body.frame()).await {
                Err(_) => self.restart(),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                // The server ended it, by its own limit or by going away: on from the last version; where
                // the server is gone, opening says so.
                Ok(None | Some(Err(_))) => {
                    self.close();
                    // A proxy that ends every stream at once must not be asked without a pause.
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Opens the stream; false where the version is too old, and a list has to come first.
    async fn open(&mut self, version: &str) -> Result<bool> {
        let more = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", SERVER_LIMIT),
        ];
        let path = self.resource.collection(self.query.namespace.as_deref()) + self.query.parameters(&more).as_str();
        let what = format!("the watch of {}", self.resource.plural);
        // Newer servers compress a watch as one gzip member an event; only the first would be read.
        let request = request(Method::GET, &path).identity().empty()?;
        match self.cluster.try_open(request, &what).await? {
            Ok(response) => {
                self.body = Some(response.into_body());
                Ok(true)
            }
            Err(status) if status.code == 410 => {
                self.restart();
                Ok(false)
            }
            Err(status) => Err(self.cluster.refusal(&status, &what)),
        }
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer.iter().position(|b| *b == b'\n')?;
        let line = self.buffer.split_to(end).to_vec();
        self.buffer.advance(1);
        Some(line)
    }

    fn event(&mut self, line: &[u8]) -> Result<Option<Change>> {
        let unreadable = |e: &dyn std::fmt::Display| {
            let shown = crate::error::beginning(&String::from_utf8_lossy(line), 200);
            Error::new(Kind::Unreadable, "an event of the watch can't be read").because(e).because(shown)
        };
        let text = std::str::from_utf8(line).map_err(|e| unreadable(&e))?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let event: Event<'_> = serde_json::from_str(text).map_err(|e| unreadable(&e))?;
        let object = event.object.get();
        if event.kind == "ERROR" {
            let status: Status = serde_json::from_str(object).map_err(|e| unreadable(&e))?;
            if status.code == 410 {
                self.restart();
                return Ok(None);
            }
            return Err(self.cluster.refusal(&status, &format!("the watch of {}", self.resource.plural)));
        }
        let version = Meta::of(object).resource_version;
        if !version.is_empty() {
            self.version = Some(version);
        }
        match event.kind {
            "ADDED" | "MODIFIED" => Ok(Some(Change::Set(without_managed_fields(object.to_string())?))),
            "DELETED" => Ok(Some(Change::Gone(without_managed_fields(object.to_string())?))),
            _ => Ok(None),
        }
    }

    fn close(&mut self) {
        self.body = None;
        self.buffer.clear();
    }

    fn restart(&mut self) {
        self.close();
        self.version = None;
    }
}
