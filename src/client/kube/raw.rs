//! Any request by its path; a path that the server does not have is told from an object that is not there.

use std::collections::BTreeSet;

use http::Method;
use kube::core::Status;

use super::request::request;
use super::{Catalogue, Cluster};
use crate::error::{Error, Kind, Result, did_you_mean};

impl Cluster {
    /// Any request: the answer's text as it came.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for an object that is not there, [`Kind::UnknownKind`] for a path that the server does not
    /// have, with the part that it lacks; and what the server or the way to it says.
    pub async fn raw(&self, method: &str, path: &str, body: Option<(&str, String)>) -> Result<String> {
        let parsed = Method::from_bytes(method.as_bytes())
            .map_err(|e| Error::new(Kind::Invalid, format!("\"{method}\" is not an HTTP method")).because(e))?;
        if !path.starts_with('/') {
            return Err(Error::new(Kind::Invalid, format!("the path \"{path}\" does not begin with a slash"))
                .hint("such as /api/v1/namespaces/default/pods"));
        }
        let builder = request(parsed, path).accept("application/json, */*");
        let request = match body {
            Some((content_type, body)) => builder.body(content_type, body)?,
            None => builder.empty()?,
        };
        let what = format!("{method} {path}");
        match self.try_ask(request, &what, 16 << 10).await? {
            Ok(answer) => Ok(answer.text),
            Err(status) if is_no_path(&status, path) => Err(self.no_such_path(method, path).await),
            Err(status) if status.code == 404 => {
                let said = if status.message.is_empty() { "404" } else { status.message.as_str() };
                Err(Error::new(Kind::NotFound, format!("{what} on cluster {}: {said}", self.name())))
            }
            Err(status) => Err(self.refusal(&status, &what)),
        }
    }

    async fn no_such_path(&self, method: &str, path: &str) -> Error {
        let plain = path.split('?').next().unwrap_or(path);
        let message = format!("cluster {}: the API server has no path {plain} ({method}: 404)", self.name());
        let error = Error::new(Kind::UnknownKind, message);
        // What is known of the server's kinds only helps to say it: the answer stands without.
        match self.kinds().await {
            Ok(catalogue) => lacking(error, plain, &catalogue),
            Err(_) => error,
        }
    }
}

/// Whether a 404 is about the path itself. A name in its details makes it an object's; a proxied server has its own 404s.
fn is_no_path(status: &Status, path: &str) -> bool {
    let named = status.details.as_ref().is_some_and(|d| !d.name.is_empty());
    let proxied = path.split(['?', '/']).any(|part| part == "proxy");
    status.code == 404 && !named && !proxied
}

/// Says which part of a path the server lacks: the group, the version or the kind.
fn lacking(error: Error, path: &str, catalogue: &Catalogue) -> Error {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let (group, rest) = match parts.as_slice() {
        ["api", rest @ ..] => ("", rest),
        ["apis", group, rest @ ..] => (*group, rest),
        _ => return error.hint("paths of objects begin with /api/v1 or /apis/GROUP/VERSION"),
    };
    let of_group = || catalogue.resources.iter().filter(|r| r.group == group);
    let versions: BTreeSet<&str> = of_group().map(|r| r.version.as_str()).collect();
    if versions.is_empty() {
        let groups: BTreeSet<&str> = catalogue.resources.iter().map(|r| r.group.as_str()).collect();
        let error = error.because(format!("it lacks the API group {group}"));
        return error.maybe_hint(did_you_mean(group, groups));
    }
    let Some((version, rest)) = rest.split_first() else { return error };
    if !versions.contains(version) {
        let has = versions.into_iter().collect::<Vec<_>>().join(", ");
        let of = if group.is_empty() { "/api".to_string() } else { format!("the API group {group}") };
        return error.because(format!("{of} has no version {version}; it has {has}"));
    }
    let plural = match rest {
        ["namespaces", _, plural, ..] => plural,
        [plural, ..] => plural,
        [] => return error,
    };
    let plurals: BTreeSet<&str> = of_group().filter(|r| r.version == *version).map(|r| r.plural.as_str()).collect();
    if plurals.contains(plural) {
        return error.because(format!("it has {plural}, but nothing at this place below them"));
    }
    error.because(format!("it has no {plural} there")).maybe_hint(did_you_mean(plural, plurals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::kube::resource_table::well_known;

    #[test]
    fn the_part_of_a_path_that_is_missing_is_named() {
        let catalogue = Catalogue { resources: well_known().to_vec(), broken: Vec::new() };
        let told = |path: &str| {
            let error = lacking(Error::new(Kind::UnknownKind, "no path"), path, &catalogue);
            [error.causes, error.hints].concat()
        };
        assert_eq!(told("/apis/nope"), ["it lacks the API group nope"]);
        assert_eq!(told("/apis/app/v1"), ["it lacks the API group app", "did you mean \"apps\"?"]);
        assert_eq!(told("/apis/apps/v9/deployments"), ["the API group apps has no version v9; it has v1"]);
        assert_eq!(told("/api/v1/namespaces/web/pod/a"), ["it has no pod there", "did you mean \"pods\"?"]);
        assert_eq!(told("/api/v1/pods/a"), ["it has pods, but nothing at this place below them"]);
        assert_eq!(told("/helthz"), ["paths of objects begin with /api/v1 or /apis/GROUP/VERSION"]);
    }

    #[test]
    fn a_404_of_an_object_or_of_a_proxied_server_is_not_about_the_path() {
        let status = |details: &str| -> Status {
            let text = format!(r#"{{"status":"Failure","message":"m","code":404{details}}}"#);
            serde_json::from_str(&text).expect("a status")
        };
        assert!(is_no_path(&status(""), "/apis/nope"));
        assert!(is_no_path(&status(r#","details":{}"#), "/apis/nope"));
        assert!(!is_no_path(&status(r#","details":{"name":"a","kind":"pods"}"#), "/api/v1/namespaces/web/pods/a"));
        assert!(!is_no_path(&status(""), "/api/v1/namespaces/web/services/a:80/proxy/x"));
    }
}
