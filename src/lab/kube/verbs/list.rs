//! GET: of one object, or of a list, in pages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::asked::{Asked, Sub};
use super::{query, scale};
use crate::lab::kube::cluster::World;
use crate::lab::kube::refusal::{Answer, Fault, Refusal};
use crate::lab::kube::select::{Fields, Labels, Selection};
use crate::lab::kube::store::{Place, Stored};

/// Reads one object, or its scale.
pub(crate) fn get(world: &World, asked: &Asked) -> Answer<Value> {
    let found = asked.find(&world.store)?;
    Ok(match asked.sub {
        Sub::Scale => scale::of(asked, &found.value),
        _ => asked.shown(&found.value),
    })
}

/// As much of a list is made at a time.
const PIECE: usize = 64 * 1024;

/// What is to be listed.
#[derive(Debug, Default)]
pub(crate) struct ListOptions {
    pub(crate) selection: Selection,
    pub(crate) limit: Option<usize>,
    token: Option<Token>,
    /// The version that was asked for.
    pub(crate) revision: Option<u64>,
    exact: bool,
}

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    revision: u64,
    /// The namespace and name to begin behind.
    start: String,
}

impl Token {
    fn write(&self) -> String {
        let text = json!({"v": "meta.k8s.io/v1", "rv": self.revision, "start": format!("{}\u{0}", self.start)});
        URL_SAFE_NO_PAD.encode(text.to_string())
    }

    fn read(text: &str) -> Answer<Self> {
        let wrong =
            |why: &str| Refusal::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| URL_SAFE.decode(text));
        let bytes = bytes.map_err(|e| wrong(&e.to_string()))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| {
            let first = bytes.first().copied().unwrap_or(b'?') as char;
            wrong(&format!("invalid character '{first}' looking for beginning of value"))
        })?;
        let version = value["v"].as_str().unwrap_or_default();
        if version != "meta.k8s.io/v1" {
            return Err(wrong(&format!("server does not recognize this encoded version {version:?}")));
        }
        let revision = value["rv"]
            .as_u64()
            .ok_or_else(|| wrong("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"))?;
        let start = value["start"].as_str().unwrap_or_default().trim_end_matches('\u{0}').to_owned();
        Ok(Self { revision, start })
    }
}

impl ListOptions {
    /// Everything that is selected, as it is now.
    pub(crate) fn selecting(selection: Selection) -> Self {
        Self { selection, ..Self::default() }
    }

    /// Reads the parameters of a list or watch.
    pub(crate) fn of(asked: &Asked) -> Answer<Self> {
        let query = &asked.query;
        let labels = Labels::parse(query.get("labelSelector").unwrap_or_default()).map_err(Refusal::bad_request)?;
        let fields = Fields::parse(query.get("fieldSelector").unwrap_or_default(), &asked.kind);
        let fields = fields.map_err(Refusal::bad_request)?;
        let limit = query.number("limit")?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        query.number("timeoutSeconds")?;
        let token = query.get("continue").filter(|t| !t.is_empty());
        let matched = query.get("resourceVersionMatch").filter(|m| !m.is_empty());
        let given = query.get("resourceVersion").filter(|v| !v.is_empty());
        let mut faults = Vec::new();
        if let Some(how) = matched {
            let field = "resourceVersionMatch";
            if query.is("watch") && how != "NotOlderThan" {
                faults.push(Fault::forbidden(field, "resourceVersionMatch is forbidden for watch"));
            } else if given.is_none() && !query.is("watch") {
                faults.push(Fault::forbidden(
                    field,
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ));
            } else if !matches!(how, "Exact" | "NotOlderThan") {
                faults.push(Fault::unsupported(field, &json!(how), &["Exact", "NotOlderThan", ""]));
            } else if how == "Exact" && given == Some("0") {
                faults.push(Fault::forbidden(
                    field,
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                ));
            }
        }
        if query.get("sendInitialEvents").is_some() {
            let field = "sendInitialEvents";
            if !query.is("watch") {
                faults.push(Fault::forbidden(field, "sendInitialEvents is forbidden for list"));
            } else if matched != Some("NotOlderThan") {
                let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
                faults.push(Fault::forbidden("resourceVersionMatch", why));
            }
        }
        if !faults.is_empty() {
            return Err(query::refused("ListOptions", &faults));
        }
        if token.is_some() && given.is_some_and(|v| v != "0") {
            let why = "specifying resource version is not allowed when using continue";
            return Err(Refusal::bad_request(why));
        }
        Ok(Self {
            selection: Selection { labels, fields },
            limit,
            token: token.map(Token::read).transpose()?,
            revision: query.revision()?,
            exact: matched == Some("Exact"),
        })
    }
}

/// A list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) objects: Vec<Arc<Stored>>,
    pub(crate) revision: u64,
    pub(crate) more: Option<String>,
    pub(crate) remaining: Option<usize>,
}

/// Lists what is selected.
pub(crate) fn list(world: &World, asked: &Asked, options: &ListOptions) -> Answer<Listed> {
    let resource = asked.kind.resource();
    let store = &world.store;
    let at = match &options.token {
        Some(token) => Some(token.revision),
        None => options.revision.filter(|_| options.exact),
    };
    if let Some(wanted) = options.revision.filter(|r| *r > store.revision()) {
        return Err(crate::lab::kube::store::too_large(wanted, store.revision()));
    }
    let start = options.token.as_ref().map(|token| behind(asked, &resource, &token.start));
    let then;
    // The present is walked from where the page begins; only the past has to be made first.
    let all: Box<dyn Iterator<Item = (&Place, &Arc<Stored>)>> = match at.filter(|at| *at != store.revision()) {
        Some(revision) => {
            then = store.list_at(&resource, &asked.namespace, revision).map_err(|refusal| match options.token {
                Some(_) if refusal.code == 410 => Refusal::expired(TOO_OLD),
                _ => refusal,
            })?;
            let from = start.as_ref().map_or(0, |start| then.partition_point(|(place, _)| place <= start));
            Box::new(then.iter().skip(from).map(|(place, object)| (place, object)))
        }
        None => Box::new(store.list_behind(&resource, &asked.namespace, start.as_ref())),
    };
    let mut chosen = all.filter(|(_, object)| options.selection.holds(&object.value)).peekable();
    let mut objects = Vec::new();
    let mut last = String::new();
    while objects.len() < options.limit.unwrap_or(usize::MAX) {
        let Some((place, object)) = chosen.next() else { break };
        if options.limit == Some(objects.len() + 1) {
            last = key(asked, place);
        }
        objects.push(Arc::clone(object));
    }
    let revision = at.unwrap_or_else(|| store.revision());
    let more = chosen.peek().is_some().then(|| Token { revision, start: last }.write());
    let remaining = (more.is_some() && options.selection.is_all()).then(|| chosen.count());
    Ok(Listed { objects, revision, more, remaining })
}

fn key(asked: &Asked, place: &Place) -> String {
    if asked.namespace.is_empty() && !place.namespace.is_empty() {
        format!("{}/{}", place.namespace, place.name)
    } else {
        place.name.clone()
    }
}

/// The place that a token's key names, behind which a page begins.
fn behind(asked: &Asked, resource: &str, key: &str) -> Place {
    match key.split_once('/').filter(|_| asked.namespace.is_empty()) {
        Some((namespace, name)) => Place::new(resource, namespace, name),
        None => Place::new(resource, &asked.namespace, key),
    }
}

const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list \
                       without the continue parameter, or use the continue token in this response to retrieve the remainder of \
                       the results. Continuing with the provided token results in an inconsistent list - objects that were \
                       created, modified, or deleted between the time the first chunk was returned and now may show up in the \
                       list.";

impl Listed {
    /// The list's own metadata.
    pub(crate) fn metadata(&self, asked: &Asked) -> Value {
        let mut metadata = json!({ "resourceVersion": self.revision.to_string() });
        if asked.kind.custom.is_some() {
            metadata["continue"] = json!("");
        }
        if let Some(more) = &self.more {
            metadata["continue"] = json!(more);
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        metadata
    }

    /// The answer's text in pieces, each made when its turn comes: a client that stops reading holds no copy of the
    /// whole. Items' texts are made once and kept.
    pub(crate) fn into_pieces(self, asked: &Asked) -> impl Iterator<Item = Bytes> + Send + Sync + use<> {
        let kind = Arc::clone(&asked.kind);
        let (name, version) = (&kind.list_kind, kind.api_version());
        let mut head = format!(
            "{{\"kind\":\"{name}\",\"apiVersion\":\"{version}\",\"metadata\":{},\"items\":[",
            self.metadata(asked)
        );
        let mut objects = self.objects.into_iter();
        let (mut first, mut ended) = (true, false);
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let mut text = std::mem::take(&mut head);
            while text.len() < PIECE {
                let Some(object) = objects.next() else {
                    text.push_str("]}");
                    ended = true;
                    break;
                };
                if !std::mem::take(&mut first) {
                    text.push(',');
                }
                let bare = kind.custom.is_none();
                if bare || object.value["apiVersion"] == version {
                    text.push_str(object.item(bare));
                } else {
                    text.push_str(&super::asked::shown(&kind, &object.value).to_string());
                }
            }
            Some(Bytes::from(text))
        })
    }

    pub(crate) fn to_json(&self, asked: &Asked) -> Value {
        let items = self.objects.iter().map(|o| {
            let mut object = asked.shown(&o.value);
            if let (None, Some(object)) = (&asked.kind.custom, object.as_object_mut()) {
                object.remove("kind");
                object.remove("apiVersion");
            }
            object
        });
        json!({
            "kind": asked.kind.list_kind, "apiVersion": asked.kind.api_version(), "metadata": self.metadata(asked),
            "items": items.collect::<Vec<_>>(),
        })
    }
}
