//! Which cluster it is that answers: an address may lead to another one tomorrow (a tunnel, a cluster that was built anew).

use sha2::{Digest, Sha256};

use super::{Cluster, rest};
use crate::error::{Kind, Result};

const NAMESPACE: &str = "kube-system";

/// What tells a cluster from any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The uid of namespace `kube-system`, which lives as long as the cluster; none where it may not be read.
    pub uid: Option<String>,
    /// SHA-256 over the authorities that the kubeconfig trusts for the server, in hex; none where it names none.
    pub authority: Option<String>,
}

impl Identity {
    /// Asks a cluster which one it is: one read.
    ///
    /// # Errors
    /// Where no answer comes, [`Kind::Unreachable`] …; that the namespace may not be read is none.
    pub async fn of(cluster: &Cluster) -> Result<Self> {
        let path = format!("/api/v1/namespaces/{NAMESPACE}");
        let uid = match rest::get(cluster, &path, &format!("Namespace {NAMESPACE}")).await {
            Ok(found) => found.pointer("/metadata/uid").and_then(|uid| uid.as_str()).map(Into::into),
            Err(e) if matches!(e.kind, Kind::Forbidden | Kind::NotFound | Kind::UnknownKind) => None,
            Err(e) => return Err(e),
        };
        Ok(Self { uid, authority: cluster.inner.authority.clone() })
    }

    /// As records keep it, the uid before the authority; none where there is neither.
    pub fn recorded(&self) -> Option<String> {
        let uid = self.uid.as_ref().map(|uid| format!("{NAMESPACE} {uid}"));
        uid.or_else(|| self.authority.as_ref().map(|hash| format!("CA {hash}")))
    }

    /// What it is today in the way in which a record says it; none where that can't be told.
    pub fn like(&self, recorded: &str) -> Option<String> {
        if recorded.starts_with("CA ") {
            return self.authority.as_ref().map(|hash| format!("CA {hash}"));
        }
        self.uid.as_ref().map(|uid| format!("{NAMESPACE} {uid}"))
    }
}

/// A hash over certificates.
pub(super) fn authority(certificates: &[Vec<u8>]) -> Option<String> {
    if certificates.is_empty() {
        return None;
    }
    let mut hash = Sha256::new();
    certificates.iter().for_each(|certificate| hash.update(certificate));
    Some(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_compared_with_what_was_recorded_in_the_same_way() {
        let both = Identity { uid: Some("u-1".into()), authority: authority(&[b"ca".to_vec()]) };
        let of_uid = both.recorded().expect("a uid");
        assert_eq!(of_uid, "kube-system u-1");
        assert_eq!(both.like(&of_uid), Some(of_uid.clone()));
        let unread = Identity { uid: None, ..both.clone() };
        let of_ca = unread.recorded().expect("an authority");
        assert!(of_ca.starts_with("CA ") && of_ca.len() == 67, "{of_ca}");
        assert_eq!(both.like(&of_ca), Some(of_ca));
        // A uid that may not be read today tells nothing.
        assert_eq!(unread.like(&of_uid), None);
        assert_eq!((Identity { uid: None, authority: None }).recorded(), None);
        assert_eq!(authority(&[]), None);
    }
}
