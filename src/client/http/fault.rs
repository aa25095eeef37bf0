//! What reqwest's errors mean, in words that name URL and address.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;

use reqwest::{Method, Url};

use super::Request;
use super::pool::Way;
use crate::client::trust::Untrusted;
use crate::error::{Error, Kind};
use crate::event::short;

/// No answer came.
pub(super) fn sending(error: &reqwest::Error, method: &Method, url: &Url, way: &Way) -> Error {
    let what = format!("{method} {url}");
    let at = at(way, url);
    if let Some(untrusted) = find::<Untrusted>(error) {
        return Error::new(Kind::Unreachable, format!("{what}: {untrusted}"))
            .because(format!("asked{at}"))
            .maybe_hint(untrusted.authority.then(|| {
                "ca: \"FILE\" in the options, or in the endpoint of pb.toml, names the authority to trust".into()
            }))
            .hint("tls::peer(\"host:port\") shows the whole chain");
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return Error::new(Kind::Unreachable, format!("{what}: the TLS handshake failed{at}")).because(plain_tls(tls));
    }
    let io = find::<io::Error>(error).map(io::Error::kind);
    let silent = || {
        let limit = short(way.connect_limit);
        (Kind::Unreachable, format!("no connection within {limit}{at} (filtered, or down)"))
    };
    let (kind, problem) = match io {
        Some(io::ErrorKind::ConnectionRefused) => (Kind::Unreachable, format!("connection refused{at}")),
        Some(io::ErrorKind::TimedOut) if error.is_connect() => silent(),
        _ if error.is_connect() && error.is_timeout() => silent(),
        _ if error.is_connect() => (Kind::Unreachable, format!("no connection{at}")),
        _ if error.is_timeout() => (Kind::Timeout, format!("no answer in time{at}")),
        _ if error.is_builder() => (Kind::Script, "the request can't be sent".into()),
        _ => (Kind::Unreachable, format!("the connection ended without an answer{at}")),
    };
    let said = Error::new(kind, format!("{what}: {problem}"));
    let said = if io == Some(io::ErrorKind::ConnectionRefused) { said } else { with_causes(said, error) };
    let ended = error.is_connect() && matches!(io, Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset));
    let said = if ended && url.scheme() == "https" {
        said.hint("the server ended the TLS handshake: one that speaks plain HTTP does; try http://")
    } else {
        said
    };
    match way.proxy {
        Some(_) => said.hint("the proxy comes from pb.toml's [networks] or from the environment"),
        None => said,
    }
}

/// The answer's body broke off.
pub(super) fn reading(error: &reqwest::Error, request: &Request, way: &Way, got: usize, of: Option<u64>) -> Error {
    let of = of.map(|n| format!(" of {n}")).unwrap_or_default();
    let (method, url, at) = (&request.method, &request.url, at(way, &request.url));
    let what = format!("{method} {url}: the connection broke after {got}{of} bytes of the body{at}");
    with_causes(Error::new(Kind::Unreachable, what), error)
}

/// ` at 10.25.11.110:443 (grafana.example.org), through socks5://…`
pub(super) fn at(way: &Way, url: &Url) -> String {
    let port = way.url.port_or_known_default().unwrap_or_default();
    let addresses: Vec<String> = way.addresses.iter().map(|a| SocketAddr::new(a.ip(), port).to_string()).collect();
    let mut text = match addresses.as_slice() {
        [] => format!(" at {}", url.host_str().unwrap_or_default()),
        _ => format!(" at {}", addresses.join(", ")),
    };
    if let Some(proxy) = &way.proxy {
        text.push_str(&format!(", through {proxy}"));
    }
    text
}

fn plain_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidMessage(_) => format!("the server does not speak TLS there ({error})"),
        other => other.to_string(),
    }
}

/// Adds the causes below reqwest's own words, which would repeat the URL.
fn with_causes(said: Error, error: &reqwest::Error) -> Error {
    match error.source() {
        Some(cause) => said.caused_by(cause),
        None => said,
    }
}

/// The innermost error of a type in the chain. An `io::Error` hides what it wraps from `source`, so it is opened.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    if let Some(found) = error.source().and_then(find::<T>) {
        return Some(found);
    }
    if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
        && let Some(found) = find::<T>(inner)
    {
        return Some(found);
    }
    if let Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) =
        error.downcast_ref::<rustls::Error>()
        && let Some(found) = find::<T>(other.0.as_ref())
    {
        return Some(found);
    }
    error.downcast_ref::<T>()
}
