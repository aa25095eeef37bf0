//! Ed25519 keys: of the server, and of the user.

use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;

use crate::error::{Error, Kind, Result};

/// A key pair.
#[derive(Clone)]
pub struct Key(PrivateKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.public().unwrap_or_default()).finish()
    }
}

impl Key {
    /// A new one.
    ///
    /// # Errors
    /// [`Kind::Io`] where the system has no random numbers.
    pub fn generate() -> Result<Self> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| Error::new(Kind::Io, "the system has no random numbers"))?;
        Ok(Self(PrivateKey::from(Ed25519Keypair::from_seed(&seed))))
    }

    pub(super) fn private(&self) -> &PrivateKey {
        &self.0
    }

    /// `ssh-ed25519 AAAA…`
    ///
    /// # Errors
    /// [`Kind::Io`], which does not happen with a key that we made.
    pub fn public(&self) -> Result<String> {
        self.0.public_key().to_openssh().map(|text| text.trim().to_string()).map_err(|e| unwritten(&e))
    }

    /// Whether a public key is its other half.
    pub(super) fn fits(&self, public: &russh::keys::PublicKey) -> bool {
        self.0.public_key().key_data() == public.key_data()
    }

    /// Writes the private half as `ssh` reads it: nobody else may.
    ///
    /// # Errors
    /// [`Kind::Io`], with the file.
    pub fn write(&self, file: &Path) -> Result<()> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let text = self.0.to_openssh(LineEnding::LF).map_err(|e| unwritten(&e))?;
        let wrong =
            |e: std::io::Error| Error::new(Kind::Io, format!("{} can't be written", file.display())).caused_by(&e);
        // One that is left over may have other permissions.
        let _ = std::fs::remove_file(file);
        let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(wrong)?;
        out.write_all(text.as_bytes()).map_err(wrong)
    }
}

fn unwritten(error: &russh::keys::ssh_key::Error) -> Error {
    Error::new(Kind::Io, "an SSH key can't be written").because(error)
}
