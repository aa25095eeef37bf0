//! Single requests with JSON on both sides, for the fixed paths of core/v1 that pods and nodes need.

use http::Method;
use serde_json::Value;

use super::Cluster;
use super::query::escaped;
use super::request::request;
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

/// The items of a list, of all its pages.
///
/// # Errors
/// As [`get`]; [`Kind::Unreadable`] where the answer is no list.
pub async fn list(cluster: &Cluster, path: &str, what: &str) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    let mut token = String::new();
    let joint = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = match token.as_str() {
            "" => format!("{path}{joint}limit=500"),
            token => format!("{path}{joint}limit=500&continue={}", escaped(token)),
        };
        let mut answer = get(cluster, &page, what).await?;
        let Some(Value::Array(more)) = answer.get_mut("items").map(Value::take) else {
            return Err(Error::new(Kind::Unreadable, format!("{}: the answer for {what} is no list", cluster.name())));
        };
        items.extend(more);
        token = answer.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_string();
        if token.is_empty() {
            return Ok(items);
        }
    }
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
    let request = match body {
        Some(body) => request(method, path).body(content, body.to_string())?,
        None => request(method, path).empty()?,
    };
    let text = cluster.ask(request, what, 0).await?.text;
    serde_json::from_str(&text).map_err(|e| {
        let head: String = text.chars().take(200).collect();
        Error::new(Kind::Unreadable, format!("{what} on cluster {}: the answer is no JSON: {head}", cluster.name()))
            .caused_by(&e)
    })
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
