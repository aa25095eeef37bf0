//! A request as a service sees it, whole, and what it answers.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::Value;

/// A request with its whole body.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// `GET`
    pub method: Method,
    /// The host that was asked for, without its port, in lower case.
    pub host: String,
    /// The path as it was sent, percent-encoded.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Whether it came over TLS.
    pub secure: bool,
}

impl Asked {
    /// A request without a body, for an address such as `/health?x=1`.
    pub fn get(address: &str) -> Self {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Self { method: Method::GET, path: path.into(), query: query.into(), ..Self::default() }
    }

    /// The parts of the path, decoded; empty ones are left out.
    pub fn parts(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(|part| decoded(part, false)).collect()
    }

    /// The query's pairs; those of a form in the body come first, as servers of Go have it.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let form = self.header("content-type").starts_with("application/x-www-form-urlencoded");
        let body = if form { String::from_utf8_lossy(&self.body).into_owned() } else { String::new() };
        pairs(&body).chain(pairs(&self.query)).collect()
    }

    /// The first value of a key of the query or of the form.
    pub fn value(&self, key: &str) -> Option<String> {
        self.pairs().into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// All values of a key.
    pub fn values(&self, key: &str) -> Vec<String> {
        self.pairs().into_iter().filter(|(name, _)| name == key).map(|(_, value)| value).collect()
    }

    /// A header; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The bearer token, or whatever else the name of the scheme says.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization").split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// User and password of basic authentication.
    pub fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let (scheme, text) = self.header("authorization").split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()?;
        let text = String::from_utf8(text).ok()?;
        text.split_once(':').map(|(user, password)| (user.to_string(), password.to_string()))
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Pairs of `a=1&b=2`, decoded.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name, true), decoded(value, true))
    })
}

/// Percent-decoded text; in a query `+` is a blank.
pub(crate) fn decoded(text: &str, query: bool) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let hex = || u8::from_str_radix(std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?, 16).ok();
        match (byte, hex()) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 2;
            }
            (b'+', _) if query => out.push(b' '),
            _ => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What a service answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers, besides those that every answer has.
    pub headers: BTreeMap<&'static str, String>,
    /// The body.
    pub body: Bytes,
    /// Whether the connection breaks in the middle of the body.
    pub broken: bool,
}

/// The body of an answer, as hyper sends it.
pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

impl Reply {
    /// An answer with a body of a type.
    pub fn new(status: u16, media: &str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let reply = Self { status, headers: BTreeMap::new(), body: body.into(), broken: false };
        if media.is_empty() { reply } else { reply.with("content-type", media) }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self::new(status, "", Bytes::new())
    }

    /// An answer in JSON.
    pub fn json(status: u16, value: &Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// An answer in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// A page.
    pub fn html(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "text/html; charset=utf-8", text.into())
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The body as JSON; null where it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// As hyper sends it. The answer to a HEAD says how long the body would be.
    pub(super) fn response(self, head: bool) -> http::Response<Body> {
        let length = self.body.len();
        let body = if head { Bytes::new() } else { self.body };
        let body = if self.broken {
            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            let half = Frame::data(body.slice(..body.len() / 2));
            StreamBody::new(futures::stream::iter([Ok(half), Err(reset)])).boxed_unsync()
        } else {
            Full::new(body).map_err(|never| match never {}).boxed_unsync()
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        if (head || self.broken) && !response.headers().contains_key("content-length") {
            response.headers_mut().insert("content-length", HeaderValue::from(length));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_forms_are_decoded() {
        let mut asked = Asked::get("/a%2Fb//c?query=up%7Bx%3D%22a+b%22%7D&match[]=1&match[]=2&odd=%zz");
        assert_eq!(asked.parts(), ["a/b", "c"]);
        assert_eq!(asked.value("query").as_deref(), Some("up{x=\"a b\"}"));
        assert_eq!(
            (asked.values("match[]"), asked.value("odd").as_deref()),
            (vec!["1".into(), "2".into()], Some("%zz"))
        );
        asked.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        asked.body = "query=down".into();
        assert_eq!(asked.value("query").as_deref(), Some("down"));
    }

    #[test]
    fn credentials_are_read_in_both_forms() {
        let with = |text: &str| {
            let mut asked = Asked::default();
            asked.headers.insert("authorization", HeaderValue::from_str(text).unwrap());
            asked
        };
        assert_eq!(with("Bearer abc").bearer(), Some("abc"));
        assert_eq!(with("Basic YWRtaW46YTpi").basic(), Some(("admin".into(), "a:b".into())));
        assert_eq!((with("Basic ???").basic(), with("Digest x").bearer()), (None, None));
    }
}
