//! Questions to the server about itself: its version, and what these credentials may do.

use http::Method;
use serde::{Deserialize, Serialize};

use super::request::request;
use super::{Cluster, Resource};
use crate::error::{Error, Kind, Result};

/// What the server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// `1`
    pub major: String,
    /// `33`, with a plus sign on some distributions.
    pub minor: String,
    /// `v1.33.2`
    pub git_version: String,
    /// `linux/amd64`
    #[serde(default)]
    pub platform: String,
}

/// Whether something may be done, and the server's reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// Whether it may.
    pub allowed: bool,
    /// Which rule says so, where the server tells.
    pub reason: String,
}

#[derive(Deserialize)]
struct Review {
    status: Access,
}

impl Cluster {
    /// The server's version.
    ///
    /// # Errors
    /// What the server or the way to it says.
    pub async fn version(&self) -> Result<Version> {
        let text = self.ask(request(Method::GET, "/version").empty()?, "the server's version", 1 << 10).await?.text;
        serde_json::from_str(&text).map_err(|e| {
            Error::new(Kind::Unreadable, format!("cluster {}: /version says nothing that is a version", self.name()))
                .because(e)
        })
    }

    /// Whether these credentials may do this. `namespace` none: in all namespaces.
    ///
    /// # Errors
    /// What the server or the way to it says.
    pub async fn can_i(
        &self,
        verb: &str,
        resource: &Resource,
        subresource: Option<&str>,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<Access> {
        let body = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "verb": verb, "group": resource.group, "version": resource.version, "resource": resource.plural,
                "subresource": subresource.unwrap_or_default(), "namespace": namespace.unwrap_or_default(), "name": name.unwrap_or_default(),
            } },
        });
        let request = request(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .body("application/json", body.to_string())?;
        let text = self.ask(request, "the access review", 1 << 10).await?.text;
        let review: Review = serde_json::from_str(&text).map_err(|e| {
            Error::new(Kind::Unreadable, format!("cluster {}: the access review can't be read", self.name())).because(e)
        })?;
        Ok(review.status)
    }
}
