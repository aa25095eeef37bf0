//! Changing: create, server-side apply, patch, delete. Nothing is retried.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::request::request;
use super::{Cluster, Resource, without_managed_fields};
use crate::error::Result;

/// Who owns the fields that server-side apply sets.
pub(crate) const FIELD_MANAGER: &str = "pb";

/// What an apply did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The object's JSON afterwards, with managedFields.
    pub text: String,
    /// Whether it was not there before.
    pub created: bool,
}

/// How a patch is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PatchKind {
    /// RFC 7386: fields replace fields, null removes.
    Merge,
    /// RFC 6902: a list of operations.
    Json,
    /// As merge, but the built-in kinds merge lists by key.
    Strategic,
}

impl PatchKind {
    /// The word that scripts and kubectl use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Json => "json",
            Self::Strategic => "strategic",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Json => "application/json-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

/// How an object is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Delete {
    /// `Background`, `Foreground` or `Orphan`; none: as the kind has it.
    pub propagation: Option<String>,
    /// Seconds that a pod gets to end.
    pub grace: Option<i64>,
    /// Delete only the object with this uid.
    pub uid: Option<String>,
}

impl Delete {
    fn body(&self) -> String {
        let mut body = serde_json::json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
        if let Some(propagation) = &self.propagation {
            body["propagationPolicy"] = propagation.as_str().into();
        }
        if let Some(grace) = self.grace {
            body["gracePeriodSeconds"] = grace.into();
        }
        if let Some(uid) = &self.uid {
            body["preconditions"] = serde_json::json!({ "uid": uid });
        }
        body.to_string()
    }
}

impl Cluster {
    /// Creates an object; its JSON as the server has it then.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] where it exists, [`crate::error::Kind::Invalid`], [`crate::error::Kind::Forbidden`] …
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        body: String,
    ) -> Result<String> {
        resource.check(namespace, name)?;
        let path = format!("{}?fieldManager={FIELD_MANAGER}", resource.collection(namespace));
        let request = request(Method::POST, &path).body("application/json", body)?;
        without_managed_fields(self.ask(request, &resource.describe(namespace, name), 16 << 10).await?.text)
    }

    /// Applies an object on the server's side. `force` takes fields over from other managers; `dry` changes nothing.
    ///
    /// # Errors
    /// [`crate::error::Kind::Conflict`] where another manager owns a field, each named with its owner.
    pub async fn apply(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        body: String,
        force: bool,
        dry: bool,
    ) -> Result<Applied> {
        resource.check(namespace, name)?;
        let dry = if dry { "&dryRun=All" } else { "" };
        let path = format!("{}?fieldManager={FIELD_MANAGER}&force={force}{dry}", resource.path(namespace, name, None));
        // JSON is YAML; the type is what makes it an apply.
        let request = request(Method::PATCH, &path).body("application/apply-patch+yaml", body)?;
        let answer = self.ask(request, &resource.describe(namespace, name), 16 << 10).await?;
        Ok(Applied { created: answer.status == StatusCode::CREATED, text: answer.text })
    }

    /// Patches an object or a subresource of it; `dry` changes nothing. Gives its JSON afterwards, with managedFields.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotFound`], [`crate::error::Kind::Invalid`], [`crate::error::Kind::Conflict`] …
    #[expect(clippy::too_many_arguments, reason = "each names a part of one request")]
    pub async fn patch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        subresource: Option<&str>,
        kind: PatchKind,
        patch: String,
        dry: bool,
    ) -> Result<String> {
        resource.check(namespace, name)?;
        let dry = if dry { "&dryRun=All" } else { "" };
        let path = format!("{}?fieldManager={FIELD_MANAGER}{dry}", resource.path(namespace, name, subresource));
        let request = request(Method::PATCH, &path).body(kind.content_type(), patch)?;
        Ok(self.ask(request, &resource.describe(namespace, name), 16 << 10).await?.text)
    }

    /// Asks for an object's deletion: it may be gone then, or going.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotFound`]; [`crate::error::Kind::Conflict`] where the uid is another.
    pub async fn delete(&self, resource: &Resource, namespace: Option<&str>, name: &str, how: &Delete) -> Result<()> {
        resource.check(namespace, name)?;
        let request =
            request(Method::DELETE, &resource.path(namespace, name, None)).body("application/json", how.body())?;
        self.ask(request, &resource.describe(namespace, name), 4 << 10).await.map(drop)
    }
}
