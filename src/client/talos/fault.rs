//! From what a machine, or the way to it, says to our errors: kind, words, hints.

use std::time::Duration;

use jiff::Timestamp;
use rustls::{AlertDescription, CertificateError};
use tonic::{Code, Status};

use super::Machines;
use super::channel::Connection;
use super::watched::Broke;
use super::wire::Metadata;
use crate::client::trust::Untrusted;
use crate::error::{Error, Kind};
use crate::event::short;

impl Machines {
    /// What a status says of a node. `what` is what it was asked for: `etcd's members`.
    pub(super) fn refusal(&self, node: &str, what: &str, status: &Status, connection: &Connection) -> Error {
        if let Some(tls) = connection.broke.why() {
            return self.tls(&tls, &connection.address);
        }
        self.said(node, what, status.code(), status.message(), &connection.address)
    }

    /// The same for an answer that says that its node failed.
    pub(super) fn failed(&self, node: &str, what: &str, metadata: &Metadata, connection: &Connection) -> Error {
        let (code, text) = match &metadata.status {
            Some(status) => (Code::from_i32(status.code), status.message.as_str()),
            None => (Code::Unknown, metadata.error.as_str()),
        };
        self.said(node, what, code, text, &connection.address)
    }

    fn said(&self, node: &str, what: &str, code: Code, text: &str, endpoint: &str) -> Error {
        let place = format!("cluster {}: node {node}", self.name());
        let text = text.trim();
        let hint = format!("{} -n {node} version asks the same node", self.talosctl());
        let (kind, said) = match code {
            Code::Unavailable => (Kind::Unreachable, format!("{what} can't be had: {text}")),
            Code::DeadlineExceeded => (Kind::Timeout, format!("{what}: {text}")),
            Code::PermissionDenied => {
                (Kind::Forbidden, format!("the role of the client certificate does not allow {what}: {text}"))
            }
            Code::Unauthenticated => (Kind::Unauthorized, format!("{what}: {text}")),
            Code::NotFound => (Kind::NotFound, format!("{what}: {text}")),
            Code::Unimplemented => (Kind::Invalid, format!("it does not have {what}: {text}")),
            Code::InvalidArgument | Code::FailedPrecondition => (Kind::Invalid, format!("{what}: {text}")),
            Code::ResourceExhausted | Code::OutOfRange | Code::DataLoss => {
                (Kind::Unreadable, format!("the answer about {what} is not understood: {text}"))
            }
            // The connection broke, or the call was given up on the way.
            Code::Cancelled => (Kind::Unreachable, format!("{what}: the connection to {endpoint} broke off: {text}")),
            code => (Kind::Unreadable, format!("{what}: it answers {code:?}: {text}")),
        };
        let error = Error::new(kind, format!("{place}: {said}"));
        match kind {
            Kind::Unreachable | Kind::Timeout => error.because(format!("asked through {endpoint}")).hint(hint),
            Kind::Forbidden => error.hint("talosctl config new --roles os:admin makes a talosconfig that allows more"),
            _ => error,
        }
    }

    /// No answer in time.
    pub(super) fn silent(&self, node: &str, what: &str, limit: Duration, endpoint: Option<&str>) -> Error {
        let through = endpoint.map(|endpoint| format!(", asked through {endpoint}")).unwrap_or_default();
        let place = format!("cluster {}: node {node}{through}", self.name());
        Error::new(Kind::Timeout, format!("{place}: no answer about {what} within {}", short(limit)))
            .hint(format!("{} -n {node} version asks the same node", self.talosctl()))
    }

    /// An endpoint that no connection was made to.
    pub(super) fn unconnected(&self, error: Error, broke: &Broke) -> Error {
        match broke.why() {
            Some(tls) => {
                let address = error.message.split(": ").next().unwrap_or_default().to_string();
                self.tls(&tls, &address)
            }
            None => error.context(format!("cluster {}: the machine API", self.name())),
        }
    }

    fn tls(&self, tls: &rustls::Error, address: &str) -> Error {
        let place = format!("cluster {}: the machine API at {address}", self.name());
        let unauthorized = |said: &str| Error::new(Kind::Unauthorized, format!("{place} {said}"));
        let complaint = || self.validity().and_then(|validity| validity.complaint(Timestamp::now()));
        let renew = "talosctl config new, or machine configuration's secrets, make a new client certificate";
        match tls {
            rustls::Error::InvalidCertificate(reason) => {
                let said = unauthorized("shows a certificate that is not accepted");
                let said = match reason {
                    CertificateError::Other(other) => match other.0.downcast_ref::<Untrusted>() {
                        Some(untrusted) => said.because(untrusted),
                        None => said.because(tls),
                    },
                    _ => said.because(tls),
                };
                said.hint(format!(
                    "context \"{}\" of {} may be of another cluster, or of one since rebuilt",
                    self.context().name,
                    self.context().from
                ))
            }
            rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
                unauthorized("wants a client certificate")
            }
            rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => {
                let error = unauthorized("says that the client certificate has run out");
                match complaint() {
                    Some(complaint) => error.because(complaint).hint(renew),
                    None => error.hint("check the clocks of both machines"),
                }
            }
            rustls::Error::AlertReceived(alert) => match complaint() {
                Some(complaint) => {
                    unauthorized("does not accept the client certificate").because(complaint).hint(renew)
                }
                None => unauthorized("does not accept the client certificate")
                    .because(format!("it ends the TLS handshake: {alert:?}"))
                    .hint(format!(
                        "context \"{}\" of {} may be of another cluster",
                        self.context().name,
                        self.context().from
                    )),
            },
            _ => Error::new(Kind::Unreachable, format!("{place}: TLS fails")).because(tls),
        }
    }
}
