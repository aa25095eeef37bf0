//! From what the client answers to what scripts get: lazy objects and lists.

use rhai::Dynamic;
use serde::{Deserialize, Serialize};

use super::secrets;
use crate::client::kube::{Page, Resource, without_managed_fields};
use crate::error::Result;
use crate::host::context::Context;
use crate::host::object::{Doc, List, Object, Origin};

/// One object as it came, and its kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) text: String,
    pub(crate) api_version: String,
    pub(crate) kind: String,
}

impl Found {
    /// The values of a Secret, and of variables named like one, are learnt here, before anybody sees them.
    pub(crate) fn new(cx: &Context, text: String, resource: &Resource) -> Self {
        secrets::learn_text(&cx.world.redactor, &text, resource.kind == secrets::KIND);
        Self { text, api_version: resource.api_version(), kind: resource.kind.clone() }
    }

    /// The same of an answer to a change, which has managedFields.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unreadable`] for what is no object.
    pub(super) fn changed(cx: &Context, text: String, resource: &Resource) -> Result<Self> {
        Ok(Self::new(cx, without_managed_fields(text)?, resource))
    }

    /// The lazy object.
    pub(crate) fn object(self, cluster: &str) -> Result<Object> {
        let origin = Origin { cluster: cluster.into(), api_version: Some(self.api_version), kind: Some(self.kind) };
        Object::from_text(self.text, origin)
    }
}

/// The lazy list of all pages' objects.
pub(crate) fn list(pages: Vec<Page>, cluster: &str, what: &str) -> List {
    let docs = pages.into_iter().map(|page| {
        let origin = Origin { cluster: cluster.into(), api_version: Some(page.api_version), kind: Some(page.kind) };
        Doc::new(page.text, page.items, origin)
    });
    List::of_docs(docs.collect(), what)
}

/// One object itself; several, and what was given as a list, as a list.
pub(crate) fn one_or_list(mut objects: Vec<Object>, listed: bool, what: &str) -> Dynamic {
    match objects.len() {
        1 if !listed => Dynamic::from(objects.remove(0)),
        _ => Dynamic::from(List::new(objects.into_iter().map(Dynamic::from).collect(), what)),
    }
}

/// `1 object`, `12 objects`
pub(crate) fn count(n: usize) -> String {
    if n == 1 { "1 object".into() } else { format!("{n} objects") }
}
