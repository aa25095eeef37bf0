//! Who asks: by a client certificate, a bearer token, or nobody.

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use crate::lab::kube::access::{self, AUDIENCE, Who};
use crate::lab::kube::cluster::Cluster;

/// From the certificate that the client showed: its name is the user's, its organizations are the groups.
pub(super) fn of_certificate(certificate: Option<&CertificateDer<'_>>) -> Option<Who> {
    let certificate = certificate?;
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let subject = parsed.subject();
    let user = subject.iter_common_name().next().and_then(|n| n.as_str().ok()).unwrap_or_default();
    let groups = subject.iter_organization().filter_map(|o| o.as_str().ok()).map(str::to_owned);
    let mut who = Who::known(user, groups);
    let digest: String = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect();
    who.extra.insert("authentication.kubernetes.io/credential-id".to_owned(), vec![format!("X509SHA256={digest}")]);
    Some(who)
}

/// A token counts where no certificate was shown; none for one that nobody was given.
pub(super) fn of_request(cluster: &Cluster, shown: Option<Who>, header: Option<&str>, admin: &str) -> Option<Who> {
    match (shown, header.and_then(|h| h.strip_prefix("Bearer "))) {
        (Some(who), _) => Some(who),
        (None, None) => Some(Who::anonymous()),
        (None, Some(given)) if given == admin => {
            let mut who = Who::account("kube-system", "admin");
            who.groups.push("system:masters".to_owned());
            Some(who)
        }
        (None, Some(given)) => {
            let (who, audiences) = access::holder(&cluster.world(), given, cluster.clock.now())?;
            audiences.iter().any(|audience| audience == AUDIENCE).then_some(who)
        }
    }
}
