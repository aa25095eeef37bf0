//! Mutual TLS: whom the machines' certificates have to be signed by, and the certificate that the client shows.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::config::Context;
use crate::client::kube::certificate::{Validity, of_pem};
use crate::client::trust::Trust;
use crate::error::{Error, Kind, Result};

/// What a context's credentials come to.
pub(super) struct Identity {
    pub(super) tls: Arc<ClientConfig>,
    /// Whom the client certificate names and until when, for messages.
    pub(super) validity: Option<Validity>,
}

impl Identity {
    /// # Errors
    /// [`Kind::Config`] where the credentials can't be used.
    pub(super) fn of(context: &Context) -> Result<Self> {
        let wrong =
            |what: &str| Error::new(Kind::Config, format!("context \"{}\" of {}: {what}", context.name, context.from));
        let trust = match &context.authority {
            Some(pem) => Trust::Only(pem.as_slice().into()),
            None => Trust::System,
        };
        let mut tls = trust.client_config(false, None).map_err(|e| wrong("ca").because(e))?;
        let chain = CertificateDer::pem_slice_iter(&context.certificate)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| wrong("the client certificate (crt) is not PEM").because(e))?;
        if chain.is_empty() {
            return Err(wrong("there is no certificate in crt"));
        }
        let key = private_key(&context.key).map_err(|e| wrong("the key is not one in PEM").because(e))?;
        let key = tls.crypto_provider().key_provider.load_private_key(key);
        let key = key.map_err(|e| wrong("the key can't be used").because(e))?;
        let certified = CertifiedKey::new(chain, key);
        certified
            .keys_match()
            .map_err(|e| wrong("key and client certificate (crt) don't belong together").because(e))?;
        tls.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { tls: Arc::new(tls), validity: of_pem(&context.certificate) })
    }
}

/// Reads a key. Talos writes `ED25519 PRIVATE KEY` over what is PKCS#8, and so `PRIVATE KEY` to everybody else.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, rustls::pki_types::pem::Error> {
    let text = String::from_utf8_lossy(pem).replace(" ED25519 PRIVATE KEY-", " PRIVATE KEY-");
    PrivateKeyDer::from_pem_slice(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};

    use super::*;

    fn pair() -> (String, KeyPair) {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let own = CertificateParams::new(Vec::new()).expect("parameters").self_signed(&key).expect("a certificate");
        (own.pem(), key)
    }

    fn identity(certificate: &str, key: &str) -> Result<Identity> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("talosconfig");
        let [ca, crt, key] = [certificate, certificate, key].map(|pem| STANDARD.encode(pem));
        let text = format!("contexts: {{infra: {{endpoints: [a], ca: {ca}, crt: {crt}, key: {key}}}}}");
        std::fs::write(&file, text).expect("written");
        Identity::of(&super::super::config::read("infra", Some(&file), "infra")?)
    }

    #[test]
    fn a_key_under_the_label_of_talos_is_used() {
        let (certificate, key) = pair();
        let labelled = key.serialize_pem().replace("PRIVATE KEY", "ED25519 PRIVATE KEY");
        let identity = identity(&certificate, &labelled).expect("usable");
        assert!(identity.tls.client_auth_cert_resolver.has_certs());
        assert!(identity.validity.is_some());
    }

    #[test]
    fn credentials_that_do_not_fit_are_refused() {
        let (certificate, key) = pair();
        let error = identity(&certificate, &pair().1.serialize_pem()).err().expect("another's key");
        assert!(error.message.ends_with("key and client certificate (crt) don't belong together"), "{error}");
        for (certificate, key, what) in
            [(certificate.as_str(), "no key", "the key is not one in PEM"), ("nothing", &key.serialize_pem(), "ca: ")]
        {
            let error = identity(certificate, key).err().expect(what);
            assert_eq!(error.kind, Kind::Config);
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
