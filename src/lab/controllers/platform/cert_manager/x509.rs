//! True certificates: an authority a kind of issuer, and what it signs.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// An authority.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

/// A signed certificate: its chain and its key, both in PEM.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Authority {
    /// A new one with a name.
    pub(super) fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, name);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2120, 1, 1));
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// Its own certificate in PEM.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a certificate for names, between two times.
    pub(super) fn sign(
        &self,
        names: &[String],
        common: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Signed, rcgen::Error> {
        let mut params = CertificateParams::new(names.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let epoch = date_time_ymd(1970, 1, 1);
        let at = |time: Timestamp| epoch + std::time::Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0));
        (params.not_before, params.not_after) = (at(from), at(until));
        let key = KeyPair::generate()?;
        let signed = params.signed_by(&key, &self.issuer)?;
        Ok(Signed { chain: format!("{}{}", signed.pem(), self.pem()), key: key.serialize_pem() })
    }
}

/// What a certificate says: its names, and between which times it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) names: Vec<String>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// Reads the first certificate of a PEM text.
pub(super) fn read(pem: &[u8]) -> Option<Read> {
    use x509_parser::prelude::GeneralName;
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let parsed = pem.parse_x509().ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names.map(|names| {
        let text = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        };
        names.value.general_names.iter().filter_map(text).collect()
    });
    let time = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some(Read {
        names: names.unwrap_or_default(),
        from: time(parsed.validity().not_before)?,
        until: time(parsed.validity().not_after)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_can_be_read() {
        let authority = Authority::new("R11").unwrap();
        let (from, until) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-04-01T00:00:00Z".parse().unwrap());
        let names = vec!["*.monosense.io".to_owned(), "monosense.io".to_owned()];
        let signed = authority.sign(&names, "*.monosense.io", from, until).unwrap();
        assert_eq!(read(signed.chain.as_bytes()), Some(Read { names, from, until }));
        assert!(signed.key.contains("PRIVATE KEY"));
        assert_eq!(read(b"nonsense"), None);
    }
}
