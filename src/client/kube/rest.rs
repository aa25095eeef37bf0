//! Single requests with JSON on both sides, for the fixed paths of core/v1 that pods and nodes need.

use http::Method;
use serde_json::Value;

use super::request::request;
use super::write::FIELD_MANAGER;
use super::{Cluster, Page, Query};
use crate::error::{Error, Kind, Result};

/// A merge patch (RFC 7386).
pub const MERGE: &str = "application/merge-patch+json";
/// A JSON patch (RFC 6902).
pub const JSON_PATCH: &str = "application/json-patch+json";
const JSON: &str = "application/json";

/// Reads one object. `what` names it in errors: `pod web/shop`.
///
/// # Errors
/// As the API server answers; [`Kind::NotFound`] for 404.
pub async fn get(cluster: &Cluster, path: &str, what: &str) -> Result<Value> {
    send(cluster, Method::GET, path, JSON, None, what).await
}

/// The same, with none for what is not there.
///
/// # Errors
/// As [`get`], 404 excepted.
pub async fn find(cluster: &Cluster, path: &str, what: &str) -> Result<Option<Value>> {
    match get(cluster, path, what).await {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind == Kind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The objects of a kind that a query means; any name that kubectl takes.
///
/// # Errors
/// As [`Cluster::resolve`] and [`Cluster::list`].
pub async fn list(cluster: &Cluster, kind: &str, query: &Query) -> Result<Vec<Value>> {
    let pages = cluster.list(&cluster.resolve(kind).await?, query).await?;
    let parse = |text: &str| serde_json::from_str(text).map_err(|e| unreadable(cluster, kind, text).caused_by(&e));
    pages.iter().flat_map(Page::texts).map(parse).collect()
}

/// Creates an object, or posts to a subresource.
///
/// # Errors
/// As the API server answers.
pub async fn post(cluster: &Cluster, path: &str, body: &Value, what: &str) -> Result<Value> {
    send(cluster, Method::POST, path, JSON, Some(body), what).await
}

/// Patches an object; `how` is [`MERGE`] or [`JSON_PATCH`].
///
/// # Errors
/// As the API server answers.
pub async fn patch(cluster: &Cluster, path: &str, how: &str, body: &Value, what: &str) -> Result<Value> {
    send(cluster, Method::PATCH, path, how, Some(body), what).await
}

/// Deletes an object with these `DeleteOptions`.
///
/// # Errors
/// As the API server answers.
pub async fn delete(cluster: &Cluster, path: &str, options: &Value, what: &str) -> Result<Value> {
    send(cluster, Method::DELETE, path, JSON, Some(options), what).await
}

async fn send(
    cluster: &Cluster,
    method: Method,
    path: &str,
    content: &str,
    body: Option<&Value>,
    what: &str,
) -> Result<Value> {
    // What changes says who does it.
    let path = match method {
        Method::POST | Method::PATCH => {
            let joint = if path.contains('?') { '&' } else { '?' };
            format!("{path}{joint}fieldManager={FIELD_MANAGER}")
        }
        _ => path.to_string(),
    };
    let request = match body {
        Some(body) => request(method, &path).body(content, body.to_string())?,
        None => request(method, &path).empty()?,
    };
    let text = cluster.ask(request, what, 0).await?.text;
    serde_json::from_str(&text).map_err(|e| unreadable(cluster, what, &text).caused_by(&e))
}

fn unreadable(cluster: &Cluster, what: &str, text: &str) -> Error {
    let head = crate::error::beginning(text, 200);
    Error::new(Kind::Unreadable, format!("{what} on cluster {}: the answer is no JSON: {head}", cluster.name()))
}

/// A name as a path segment.
///
/// # Errors
/// [`Kind::Invalid`] for what can't be an object's name.
pub fn segment(name: &str) -> Result<&str> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if !name.is_empty() && name != "." && name != ".." && name.chars().all(fine) {
        return Ok(name);
    }
    Err(Error::new(Kind::Invalid, format!("\"{name}\" can't be the name of an object")))
}

/// The path of a pod.
///
/// # Errors
/// [`Kind::Invalid`] for names that can't be.
pub fn pod_path(namespace: &str, pod: &str) -> Result<String> {
    Ok(format!("/api/v1/namespaces/{}/pods/{}", segment(namespace)?, segment(pod)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_lead_out_of_its_path() {
        assert_eq!(pod_path("web", "a-1").expect("valid"), "/api/v1/namespaces/web/pods/a-1");
        for bad in ["", "..", "a/b", "a?b", "a b", "a%2fb"] {
            assert_eq!(segment(bad).map_err(|e| e.kind), Err(Kind::Invalid), "{bad}");
        }
    }
}
