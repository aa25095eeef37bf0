//! From what the API server or the way to it says to our errors: kind, words, hints.

use std::error::Error as StdError;
use std::io;

use jiff::Timestamp;
use kube::core::Status;
use rustls::{AlertDescription, CertificateError};

use super::certificate::day;
use super::{Cluster, certificate};
use crate::error::{Error, Kind};

impl Cluster {
    /// What a failed request means. `what` names the thing asked about: `Pod web/shop`, `the list of pods`.
    pub(crate) fn fault(&self, error: &kube::Error, what: &str) -> Error {
        match error {
            kube::Error::Api(status) => self.refusal(status, what),
            kube::Error::Auth(e) => {
                Error::new(Kind::Unauthorized, format!("cluster {}: no credentials for {}", self.name(), self.server()))
                    .caused_by(e)
                    .hint(format!("kubectl --context {} version shows whether they can be had at all", self.context()))
            }
            other => self.transport(other, what),
        }
    }

    /// What an answer with an error status means.
    pub(crate) fn refusal(&self, status: &Status, what: &str) -> Error {
        let name = self.name();
        let said = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
        let code = status.code;
        let error = match code {
            404 if names_it(status, what) => {
                Error::new(Kind::NotFound, format!("no {} on cluster {name}", itself(what)))
            }
            // The path itself is unknown: the kind was there when it was looked up, or never.
            404 if status.details.as_ref().is_none_or(|d| d.name.is_empty()) && !what.contains(" /") => {
                Error::new(Kind::UnknownKind, format!("{what} on cluster {name}: the server does not know this kind"))
                    .because(said)
            }
            404 => Error::new(Kind::NotFound, format!("{what} on cluster {name}: {said}")),
            409 if status.is_already_exists() => {
                Error::new(Kind::Conflict, format!("{what} exists already on cluster {name}"))
            }
            409 => Error::new(Kind::Conflict, format!("{what} on cluster {name}: {said}")),
            401 => self.unauthorized(what),
            403 => Error::new(Kind::Forbidden, format!("{what} on cluster {name}: {said}")).hint(format!(
                "kubectl --context {} auth can-i --list shows what these credentials may do",
                self.context()
            )),
            400 | 405 | 406 | 413 | 415 | 422 => Error::new(Kind::Invalid, format!("{what} on cluster {name}: {said}")),
            500 if SENT.iter().any(|words| said.contains(words)) => {
                Error::new(Kind::Invalid, format!("{what} on cluster {name}: {said}"))
            }
            // The server is there and cannot serve now; asking again may help. A 500 with a Status is mostly this, too:
            // its database, a webhook or a node's kubelet did not answer it.
            429 | 500..=599 => {
                Error::new(Kind::Unreachable, format!("{what} on cluster {name}: the server answers {code}: {said}"))
            }
            410 => {
                Error::new(Kind::Unreachable, format!("{what} on cluster {name}: the version asked for is gone (410)"))
                    .because(said)
            }
            _ => Error::new(Kind::Unreadable, format!("{what} on cluster {name}: the server answers {code}: {said}")),
        };
        causes(error, status)
    }

    fn unauthorized(&self, what: &str) -> Error {
        let error = Error::new(
            Kind::Unauthorized,
            format!("{what} on cluster {}: {} does not accept the credentials (401)", self.name(), self.server()),
        );
        match self.inner.certificate.as_ref().and_then(|c| c.complaint(Timestamp::now())) {
            Some(complaint) => error.because(complaint).hint("renew the kubeconfig's certificate"),
            None => {
                error.hint(format!("kubectl --context {} auth can-i --list tries the same credentials", self.context()))
            }
        }
    }

    /// The way to the server failed: no connection, TLS, a connection that broke.
    pub(crate) fn transport(&self, error: &(dyn StdError + 'static), what: &str) -> Error {
        let server = self.server();
        let through = self.inner.proxy.as_ref().map(|proxy| format!(" (through {proxy})")).unwrap_or_default();
        let place = format!("cluster {}: {server}{through}", self.name());
        let mut io_error = None;
        let mut next = Some(error);
        while let Some(link) = next {
            if let Some(tls) = tls_of(link) {
                return self.tls(tls, &place);
            }
            if let Some(e) = link.downcast_ref::<io::Error>() {
                io_error = Some(e.kind());
            }
            next = link.source();
        }
        let said = match io_error {
            Some(io::ErrorKind::ConnectionRefused) => "refuses the connection".to_string(),
            Some(io::ErrorKind::TimedOut) => "no connection within the connect deadline of 5s".to_string(),
            _ => "can't be reached, or the connection broke".to_string(),
        };
        let mut out = Error::new(Kind::Unreachable, format!("{place} {said}")).because(format!("asked for {what}"));
        if io_error != Some(io::ErrorKind::ConnectionRefused) {
            out = out.because(innermost(error));
        }
        out.hint(format!("kubectl --context {} cluster-info tries the same address", self.context()))
    }

    fn tls(&self, tls: &rustls::Error, place: &str) -> Error {
        let unauthorized = |said: String| Error::new(Kind::Unauthorized, format!("{place}: {said}"));
        match tls {
            rustls::Error::InvalidCertificate(reason) => match reason {
                CertificateError::ExpiredContext { not_after, .. } => {
                    let until = i64::try_from(not_after.as_secs()).ok().and_then(|s| Timestamp::from_second(s).ok());
                    let until = until.map(|u| format!(" on {}", day(u))).unwrap_or_default();
                    unauthorized(format!("the server's certificate ran out{until}"))
                }
                CertificateError::Expired => unauthorized("the server's certificate has run out".into()),
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    unauthorized("the server's certificate is not valid yet".into())
                        .because(tls)
                        .hint("check the clocks of both machines")
                }
                CertificateError::UnknownIssuer => unauthorized(
                    "the server's certificate is not signed by the authority that the kubeconfig names".into(),
                )
                .hint("the cluster may have been rebuilt: fetch its kubeconfig again"),
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    unauthorized("the server's certificate does not name this address".into()).because(tls)
                }
                _ => unauthorized("the server's certificate is not accepted".into()).because(tls),
            },
            rustls::Error::AlertReceived(alert) => {
                let error = match alert {
                    AlertDescription::CertificateExpired => {
                        unauthorized("the server says that the client certificate has run out".into())
                    }
                    _ => unauthorized(format!("the server ends the TLS handshake: {alert:?}")),
                };
                match self.inner.certificate.as_ref().and_then(|c| c.complaint(Timestamp::now())) {
                    Some(complaint) => error.because(complaint),
                    None => error,
                }
            }
            _ => Error::new(Kind::Unreachable, format!("{place}: TLS fails")).because(tls),
        }
    }

    /// The client certificate that the kubeconfig shows to the server.
    pub fn certificate(&self) -> Option<&certificate::Validity> {
        self.inner.certificate.as_ref()
    }
}

/// What servers say where they answer 500 for something that is wrong with what was sent. Server-side apply does so up
/// to 1.20 for a field that the kind does not have, or that has another type.
const SENT: &[&str] = &[
    "field not declared in schema",
    "failed to create typed patch object",
    "cannot unmarshal",
    "cannot restore slice from map",
    "cannot restore map from",
];

/// The object in `the log of Pod web/shop` or `exec cat in Pod web/shop`: names have no blanks.
fn itself(what: &str) -> &str {
    let after = [" of ", " in "].iter().filter_map(|word| Some(what.rfind(word)? + word.len())).max();
    &what[after.unwrap_or(0)..]
}

/// Whether a 404 is about the very thing that was asked for, and not about its namespace or the path.
fn names_it(status: &Status, what: &str) -> bool {
    status.details.as_ref().is_some_and(|d| {
        !d.name.is_empty() && (what.ends_with(&format!("/{}", d.name)) || what.ends_with(&format!(" {}", d.name)))
    })
}

fn causes(mut error: Error, status: &Status) -> Error {
    let Some(details) = &status.details else { return error };
    for cause in &details.causes {
        let line =
            if cause.field.is_empty() { cause.message.clone() } else { format!("{}: {}", cause.field, cause.message) };
        // The message of an Invalid status often spells its causes out already.
        if !cause.message.is_empty() && !error.message.contains(&cause.message) && !error.causes.contains(&line) {
            error.causes.push(line);
        }
    }
    error
}

/// A TLS error in this link of the chain: `io::Error` hides what it wraps from `source()`.
fn tls_of<'a>(link: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(tls) = link.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    let inner = link.downcast_ref::<io::Error>()?.get_ref()?;
    let inner: &'a (dyn StdError + 'static) = inner;
    tls_of(inner)
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
