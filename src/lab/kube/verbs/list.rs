//! GET: of one object, or of a list, in pages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
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
    let all: Vec<(Place, Arc<Stored>)> = match at {
        Some(revision) => {
            store.list_at(&resource, &asked.namespace, revision).map_err(|refusal| match options.token {
                Some(_) if refusal.code == 410 => Refusal::expired(TOO_OLD),
                _ => refusal,
            })?
        }
        None => store.list(&resource, &asked.namespace).map(|(p, o)| (p.clone(), Arc::clone(o))).collect(),
    };
    let start = options.token.as_ref().map(|t| t.start.as_str()).unwrap_or_default();
    let behind = |place: &Place| start.is_empty() || key(asked, place).as_str() > start;
    let mut chosen = all.into_iter().filter(|(p, o)| behind(p) && options.selection.holds(&o.value)).peekable();
    let mut objects = Vec::new();
    let mut last = String::new();
    while objects.len() < options.limit.unwrap_or(usize::MAX) {
        let Some((place, object)) = chosen.next() else { break };
        last = key(asked, &place);
        objects.push(object);
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

    /// The answer's text; items' texts are made once and kept.
    pub(crate) fn to_text(&self, asked: &Asked) -> String {
        let kind = &asked.kind;
        let bare = kind.custom.is_none();
        let (name, version) = (&kind.list_kind, kind.api_version());
        let mut text = format!(
            "{{\"kind\":\"{name}\",\"apiVersion\":\"{version}\",\"metadata\":{},\"items\":[",
            self.metadata(asked)
        );
        for (at, object) in self.objects.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            if bare || object.value["apiVersion"] == version {
                text.push_str(object.item(bare));
            } else {
                text.push_str(&asked.shown(&object.value).to_string());
            }
        }
        text.push_str("]}");
        text
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
