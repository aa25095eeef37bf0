//! Logging in: the keys that were named, the agent's identities, the usual key files.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Target;
use crate::error::{Error, Kind, Result};

/// Servers close the connection after six attempts (OpenSSH's `MaxAuthTries`); one is left for a named key.
const AGENT_ATTEMPTS: usize = 5;

/// Logs in, or says what was tried and why each did not work.
pub(super) fn login(session: &ssh2::Session, target: &Target) -> Result<()> {
    let mut tried = Vec::new();
    let mut agent = open_agent(session, target, &mut tried);
    for key in &target.keys {
        if let Some((agent, identities)) = &mut agent
            && let Some(wanted) = public_blob(key)
            && let Some(at) = identities.iter().position(|i| i.blob() == wanted)
        {
            let identity = identities.remove(at);
            match agent.userauth(&target.user, &identity) {
                Ok(()) => return Ok(()),
                Err(e) => tried.push(format!("{} in the agent: {}", key.display(), e.message())),
            }
        }
        match try_file(session, target, key) {
            Ok(()) => return Ok(()),
            Err(reason) => tried.push(format!("{}: {reason}", key.display())),
        }
    }
    if let Some((agent, identities)) = &agent
        && !target.only_keys
    {
        for identity in identities.iter().take(AGENT_ATTEMPTS) {
            match agent.userauth(&target.user, identity) {
                Ok(()) => return Ok(()),
                Err(e) => tried.push(format!("the agent's {}: {}", identity.comment(), e.message())),
            }
        }
    }
    if tried.is_empty() {
        tried.push("there is no key to try: none is named, the agent has none, and ~/.ssh holds none".into());
    }
    let accepted = session.auth_methods(&target.user).unwrap_or_default().to_string();
    let mut error = target.error(Kind::Unauthorized, format!("{} accepts none of the keys", target.shown()));
    for attempt in tried {
        error = error.because(attempt);
    }
    if !accepted.is_empty() {
        error = error.because(format!("the server offers: {accepted}"));
    }
    Err(error.hint(format!("key = \"…\" and user = \"…\" in pb.toml's [hosts.{}] choose another", target.name)))
}

type Agent = (ssh2::Agent, Vec<ssh2::PublicKey>);

fn open_agent(session: &ssh2::Session, target: &Target, tried: &mut Vec<String>) -> Option<Agent> {
    let socket = target.agent.as_ref()?;
    let open = || -> std::result::Result<Agent, ssh2::Error> {
        let mut agent = session.agent()?;
        agent.set_identity_path(socket)?;
        agent.connect()?;
        agent.list_identities()?;
        let identities = agent.identities()?;
        Ok((agent, identities))
    };
    match open() {
        Ok(agent) => Some(agent),
        Err(e) => {
            tried.push(format!("the agent at {}: {}", socket.display(), e.message()));
            None
        }
    }
}

fn try_file(session: &ssh2::Session, target: &Target, key: &Path) -> std::result::Result<(), String> {
    let text = std::fs::read_to_string(key).map_err(|e| format!("can't be read: {e}"))?;
    let locked = is_locked(&text);
    let passphrase = target.passphrase.as_ref().map(|p| p.0.as_str());
    if locked && passphrase.is_none() {
        return Err(format!(
            "is protected by a passphrase and none is configured (passphrase = \"env:NAME\" in [hosts.{}], or ssh-add)",
            target.name
        ));
    }
    session.userauth_pubkey_file(&target.user, None, key, passphrase.filter(|_| locked)).map_err(|e| match e.code() {
        // LIBSSH2_ERROR_FILE: the key never left this machine.
        ssh2::ErrorCode::Session(-16) if locked => "the passphrase does not open it".into(),
        ssh2::ErrorCode::Session(-16) => format!("is no private key that can be read: {}", e.message()),
        // LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED
        ssh2::ErrorCode::Session(-18 | -19) => "the server does not accept it".into(),
        _ => e.message().to_string(),
    })
}

/// Whether a private key's text is encrypted: PEM says so in words, OpenSSH's own format names a cipher
/// (`PROTOCOL.key` in OpenSSH's source: the magic, then the cipher's name as a string with its length).
fn is_locked(text: &str) -> bool {
    if text.contains("ENCRYPTED") {
        return true;
    }
    let body: String = text.lines().filter(|l| !l.starts_with("-----")).collect();
    let Ok(bytes) = STANDARD.decode(body.trim()) else { return false };
    let Some(rest) = bytes.strip_prefix(b"openssh-key-v1\0") else { return false };
    !rest.starts_with(b"\0\0\0\x04none")
}

/// The public half that stands beside a key's file.
fn public_blob(key: &Path) -> Option<Vec<u8>> {
    let mut name = key.as_os_str().to_owned();
    name.push(".pub");
    let text = std::fs::read_to_string(name).ok()?;
    STANDARD.decode(text.split_whitespace().nth(1)?).ok()
}

/// Turns a broken session into an error that says what was going on.
pub(super) fn broke(target: &Target, what: &str, e: &ssh2::Error) -> Error {
    target.error(Kind::Unreachable, format!("the connection to {} broke {what}", target.shown())).caused_by(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_key_is_told_from_an_open_one() {
        let text = |cipher: &str| {
            let mut bytes = b"openssh-key-v1\0\0\0\0".to_vec();
            bytes.push(u8::try_from(cipher.len()).unwrap());
            bytes.extend(cipher.as_bytes());
            format!(
                "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
                STANDARD.encode(bytes)
            )
        };
        assert!(!is_locked(&text("none")));
        assert!(is_locked(&text("aes256-ctr")));
        assert!(is_locked("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"));
    }
}
