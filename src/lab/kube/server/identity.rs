//! Who asks: by a client certificate, a bearer token, or nobody.

use rustls::pki_types::CertificateDer;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// Somebody known, with the groups that count.
    Known {
        user: String,
        groups: Vec<String>,
    },
    /// A token that nobody was given.
    Stranger,
    Anonymous,
}

impl Identity {
    /// From the certificate that the client showed.
    pub(super) fn of_certificate(certificate: Option<&CertificateDer<'_>>) -> Self {
        let Some(certificate) = certificate else { return Self::Anonymous };
        let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return Self::Anonymous };
        let subject = parsed.subject();
        let user = subject.iter_common_name().next().and_then(|n| n.as_str().ok()).unwrap_or_default();
        let groups = subject.iter_organization().filter_map(|o| o.as_str().ok()).map(str::to_owned);
        Self::Known { user: user.to_owned(), groups: groups.collect() }
    }

    /// A token counts where no certificate was shown.
    pub(super) fn or_token(self, header: Option<&str>, token: &str) -> Self {
        match (self, header.and_then(|h| h.strip_prefix("Bearer "))) {
            (Self::Anonymous, Some(given)) if given == token => Self::Known {
                user: "system:serviceaccount:kube-system:admin".to_owned(),
                groups: vec!["system:masters".to_owned()],
            },
            (Self::Anonymous, Some(_)) => Self::Stranger,
            (known, _) => known,
        }
    }

    pub(super) fn user(&self) -> &str {
        match self {
            Self::Known { user, .. } => user,
            Self::Stranger | Self::Anonymous => "system:anonymous",
        }
    }

    /// Whether everything is allowed.
    pub(super) fn is_master(&self) -> bool {
        matches!(self, Self::Known { groups, .. } if groups.iter().any(|g| g == "system:masters"))
    }
}
