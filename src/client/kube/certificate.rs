//! The client certificate of a kubeconfig: who it names and until when, for the message when it has run out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// Whom a certificate names, and the time it is valid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// `CN=infra-admin, O=system:masters`
    pub subject: String,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Validity {
    /// What is wrong with it at `now`, in words, if something is.
    pub fn complaint(&self, now: Timestamp) -> Option<String> {
        if now > self.until {
            Some(format!("the client certificate ({}) ran out on {}", self.subject, day(self.until)))
        } else if now < self.from {
            Some(format!("the client certificate ({}) is valid only from {}", self.subject, day(self.from)))
        } else {
            None
        }
    }
}

/// A time in messages: to the minute, UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Reads the first certificate of a PEM text. None where it is not one: the TLS stack says so better.
pub fn of_pem(pem: &[u8]) -> Option<Validity> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    Some(Validity {
        subject: certificate.subject().to_string(),
        from: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
        until: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
    })
}

/// The client certificate of a kubeconfig's user, inline or in a file.
pub(crate) fn of_user(user: &kube::config::AuthInfo) -> Option<Validity> {
    if let Some(data) = &user.client_certificate_data {
        return of_pem(&STANDARD.decode(data).ok()?);
    }
    of_pem(&std::fs::read(user.client_certificate.as_ref()?).ok()?)
}
