//! What `curl` and `wget` share: addresses, and how they ask.

use std::time::Duration;

use super::Context;
use super::net::{address, asker};
use crate::lab::pods::line::{Answer, Came, Request, Wants, What, Wish};
use crate::lab::pods::reach::{self, Miss};

/// How long a program waits for somebody who does not answer, unless it is told otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// `http://host:port/path`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// With its query.
    pub(super) path: String,
    /// `user:password`
    pub(super) user: Option<String>,
}

impl Url {
    pub(super) fn of(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let (user, authority) =
            authority.rsplit_once('@').map_or((None, authority), |(user, rest)| (Some(user.to_owned()), rest));
        let usual = if secure { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, usual),
        };
        (!host.is_empty()).then(|| Self { secure, host: host.to_owned(), port, path, user })
    }

    /// As the header `Host` has it.
    pub(super) fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// The whole.
    pub(super) fn text(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }
}

/// `Name: value`
pub(super) fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().to_lowercase(), value.trim().to_owned()))
}

/// Where an answer leads on to.
pub(super) fn moved(url: &Url, answer: &Answer) -> Option<Url> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let to = answer.header("location")?;
    if to.starts_with('/') {
        return Some(Url { path: to.to_owned(), ..url.clone() });
    }
    Url::of(to)
}

impl Answer {
    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// `HTTP/1.1 404 Not Found`
    pub(super) fn line(&self) -> String {
        let reason = http::StatusCode::from_u16(self.status).ok().and_then(|code| code.canonical_reason());
        format!("HTTP/1.1 {} {}", self.status, reason.unwrap_or_default()).trim_end().to_owned()
    }

    /// What comes before the body.
    pub(super) fn head(&self) -> String {
        let rows: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{rows}\r\n", self.line())
    }
}

/// What comes of a request; none where it has yet to be asked, and the program is run once more.
pub(super) fn ask(context: &Context<'_>, url: &Url, request: Request, limit: Duration) -> Option<Came> {
    let Some(line) = context.line else { return Some(alone(context, url, &request)) };
    line.ask(Wish { host: url.host.clone(), port: url.port, wants: Wants::Answer(request), limit })
}

/// By oneself: what listens in the pod, and in others as far as it can be seen from here.
fn alone(context: &Context<'_>, url: &Url, request: &Request) -> Came {
    let Some(at) = address(context, &url.host) else {
        return Came { at: None, took: Duration::ZERO, what: What::NoName };
    };
    let outsider = reach::outsider(&url.host);
    let got = match outsider {
        _ if at.is_loopback() => {
            reach::answer(context.objects, context.pod, url.port, &request.path).ok_or(Miss::Refused)
        }
        // What it would say is its own affair: that it is there is what can be found out from here.
        Some(host) => reach::connects(asker(context), host, &url.host, url.port).map(|()| (200, "ok\n".to_owned())),
        None => reach::get(asker(context), at, url.port, &request.path),
    };
    let what = match got {
        Ok(_) if url.secure && outsider.is_none() => What::NoTls,
        Ok((status, body)) => {
            let headers = vec![("content-length".to_owned(), body.len().to_string())];
            What::Answer(Answer { status, headers, body, broken: false })
        }
        Err(Miss::Refused) => What::Refused,
        Err(Miss::Silent) => What::Silent,
    };
    Came { at: Some(at), took: Duration::ZERO, what }
}
