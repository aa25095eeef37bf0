//! cert-manager: issuers that are ready, and certificates that are issued and renewed.

mod certificates;
mod issuers;
mod order;
#[cfg(test)]
mod tests;
mod wanted;
mod x509;

use super::Hand;

/// The kinds of issuers.
const ISSUERS: [(&str, &str); 2] =
    [("ClusterIssuer", "clusterissuers.cert-manager.io"), ("Issuer", "issuers.cert-manager.io")];

pub(super) fn rows() -> Vec<Hand> {
    vec![
        ("cert-manager", issuers::WATCHES, Box::new(issuers::Issuers::default())),
        ("cert-manager", certificates::WATCHES, Box::new(certificates::Certificates::default())),
    ]
}
