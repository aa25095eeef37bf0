//! Where a redirect leads: method, body and credentials as RFC 9110, section 15.4 says.

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};

use super::Request;
use crate::error::{Error, Kind, Result};

/// The request that an answer asks for; none where it is no redirect.
pub(super) fn next(request: &Request, status: StatusCode, headers: &HeaderMap) -> Result<Option<Request>> {
    let keeps_method = match status.as_u16() {
        301..=303 => false,
        307 | 308 => true,
        _ => return Ok(None),
    };
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
    let wrong = || {
        let (method, from) = (&request.method, &request.url);
        Error::new(Kind::Unreadable, format!("{method} {from}: it redirects to \"{location}\", which is no HTTP URL"))
    };
    let url = request.url.join(&location).map_err(|e| wrong().because(e))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    let mut next = request.clone();
    if !keeps_method && !matches!(request.method, Method::GET | Method::HEAD) {
        next.method = Method::GET;
        next.body = bytes::Bytes::new();
        next.headers.remove(CONTENT_TYPE);
        next.headers.remove(CONTENT_LENGTH);
    }
    if url.origin() != request.url.origin() {
        // Credentials are for the server that they were given for: the usual ones, and every header
        // whose value was given as a secret.
        let secret: Vec<_> = next.headers.iter().filter(|(_, v)| v.is_sensitive()).map(|(n, _)| n.clone()).collect();
        for name in secret.into_iter().chain([AUTHORIZATION, COOKIE, HOST]) {
            next.headers.remove(name);
        }
        next.connect_to = None;
    }
    next.url = url;
    Ok(Some(next))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn what_is_secret_does_not_follow_to_another_origin() {
        let mut request = Request::new(
            Method::GET,
            "http://127.0.0.1:1/a".parse().expect("a URL"),
            std::time::Duration::from_secs(1),
        );
        let mut key = HeaderValue::from_static("s3cret");
        key.set_sensitive(true);
        request.headers.insert("x-key", key);
        request.headers.insert("x-plain", HeaderValue::from_static("plain"));
        let to = |location: &'static str| {
            let headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(location))]);
            next(&request, StatusCode::FOUND, &headers).expect("a URL").expect("a redirect").headers
        };
        assert!(to("/b").contains_key("x-key"));
        let other = to("http://localhost:2/b");
        assert!(!other.contains_key("x-key") && other.contains_key("x-plain"));
    }
}
