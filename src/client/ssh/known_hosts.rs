//! `known_hosts` as OpenSSH writes it (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"), judged strictly.
//!
//! Read here and not by libssh2, which gives up a whole file for one line it can't read and knows no line numbers.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::hmac;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// The host key algorithms that libssh2 speaks, best first; those of stored keys are put before them.
const ALGORITHMS: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
];

/// The keys that some files hold.
#[derive(Debug, Default)]
pub struct KnownHosts {
    files: Vec<PathBuf>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    place: String,
    revoked: bool,
    hosts: String,
    algorithm: String,
    key: Vec<u8>,
}

impl KnownHosts {
    /// Reads the files; one that does not exist holds nothing.
    ///
    /// # Errors
    /// [`Kind::Config`] for a file that exists and can't be read.
    pub fn read(files: &[PathBuf]) -> Result<Self> {
        let mut all = Self { files: files.to_vec(), entries: Vec::new() };
        for file in files {
            match std::fs::read(file) {
                Ok(bytes) => all.parse(&file.display().to_string(), &String::from_utf8_lossy(&bytes)),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => {
                    return Err(Error::new(Kind::Config, format!("{} can't be read", file.display())).caused_by(&e));
                }
            }
        }
        Ok(all)
    }

    /// Adds a file's lines. Comments, certificate authorities and lines in no known form are passed over:
    /// what they might allow stays refused.
    fn parse(&mut self, file: &str, text: &str) {
        for (at, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            let Some(mut hosts) = words.next() else { continue };
            let marker = hosts.starts_with('@').then_some(hosts);
            if marker.is_some() {
                let Some(next) = words.next() else { continue };
                hosts = next;
            }
            let (Some(algorithm), Some(key)) = (words.next(), words.next()) else { continue };
            let Ok(key) = STANDARD.decode(key) else { continue };
            if hosts.starts_with('#') || marker.is_some_and(|m| m != "@revoked") {
                continue;
            }
            self.entries.push(Entry {
                place: format!("{file}:{}", at + 1),
                revoked: marker.is_some(),
                hosts: hosts.into(),
                algorithm: algorithm.into(),
                key,
            });
        }
    }

    /// The key types to ask for: those stored for the host first.
    pub fn preferred(&self, host: &str, port: u16) -> String {
        let mut order = Vec::new();
        for entry in self.of(host, port) {
            match entry.algorithm.as_str() {
                // The same key signs with either hash.
                "ssh-rsa" => order.extend(["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]),
                other => order.extend(ALGORITHMS.iter().copied().filter(|a| *a == other)),
            }
        }
        order.extend(ALGORITHMS);
        let mut seen = std::collections::BTreeSet::new();
        order.retain(|a| seen.insert(*a));
        order.join(",")
    }

    /// Lets a key pass that is known for the host.
    ///
    /// # Errors
    /// [`Kind::Unauthorized`]: the host is unknown, its key is another one, or the key was revoked.
    pub fn judge(&self, name: &str, host: &str, port: u16, key: &[u8]) -> Result<()> {
        let shown = name_of(host, port);
        let offered = format!("{} {}", algorithm_of(key), fingerprint(key));
        let known: Vec<&Entry> = self.of(host, port);
        if let Some(entry) = known.iter().find(|e| e.revoked && e.key == key) {
            return Err(Error::new(Kind::Unauthorized, format!("{name}: {shown} shows a host key that was revoked"))
                .because(format!("offered: {offered}"))
                .because(format!("revoked by {}", entry.place)));
        }
        let valid: Vec<&&Entry> = known.iter().filter(|e| !e.revoked).collect();
        if valid.iter().any(|e| e.key == key) {
            return Ok(());
        }
        let line = format!("{shown} {} {}", algorithm_of(key), STANDARD.encode(key));
        let file = self.files.first().map(|f| f.display().to_string()).unwrap_or_default();
        if valid.is_empty() {
            return Err(Error::new(
                Kind::Unauthorized,
                format!("{name}: the host key of {shown} is not known, so nothing was sent"),
            )
            .because(format!("offered: {offered}"))
            .hint(format!("after comparing the fingerprint with the router's own, add this line to {file}:\n{line}")));
        }
        let mut error = Error::new(
            Kind::Unauthorized,
            format!("{name}: the host key of {shown} has CHANGED: a new key, or someone in between; nothing was sent"),
        )
        .because(format!("offered: {offered}"));
        for entry in &valid {
            error =
                error.because(format!("known:   {} {} ({})", entry.algorithm, fingerprint(&entry.key), entry.place));
        }
        Err(error.hint(format!(
            "only if the host was really given a new key: ssh-keygen -R '{shown}' -f {file}, then add: {line}"
        )))
    }

    /// The entries for a host: by `[host]:port` where the port is not 22, else (as OpenSSH does) by the host alone.
    fn of(&self, host: &str, port: u16) -> Vec<&Entry> {
        let host = host.to_lowercase();
        let by = |name: &str| self.entries.iter().filter(|e| names(&e.hosts, name)).collect::<Vec<_>>();
        let exact = by(&name_of(&host, port));
        if exact.is_empty() && port != 22 { by(&host) } else { exact }
    }
}

/// How `known_hosts` names a host.
fn name_of(host: &str, port: u16) -> String {
    if port == 22 { host.to_string() } else { format!("[{host}]:{port}") }
}

/// Whether an entry's first field names the host: hashed, or a list of patterns of which none that begins with `!` matches.
fn names(field: &str, name: &str) -> bool {
    if let Some(hashed) = field.strip_prefix("|1|") {
        let Some((salt, hash)) = hashed.split_once('|') else { return false };
        let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
        return hmac::verify(&key, name.as_bytes(), &hash).is_ok();
    }
    super::config::matches(field.split(','), name)
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}

/// The algorithm's name stands at a key's beginning, as a string with its length (RFC 4253, 6.6).
fn algorithm_of(key: &[u8]) -> String {
    let length = key.first_chunk::<4>().map_or(0, |l| u32::from_be_bytes(*l) as usize);
    key.get(4..4 + length).map_or_else(|| "unknown".into(), |name| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIGUinRjNg4U9dutaGOdjgjjuElI/vRAZqXYm9yVDxYqC";

    fn known(text: &str) -> KnownHosts {
        let mut known = KnownHosts { files: vec!["known_hosts".into()], entries: Vec::new() };
        known.parse("known_hosts", text);
        known
    }

    fn key() -> Vec<u8> {
        STANDARD.decode(ED).unwrap()
    }

    fn other() -> Vec<u8> {
        let mut key = key();
        *key.last_mut().unwrap() ^= 1;
        key
    }

    #[test]
    fn plain_listed_ported_and_hashed_names_are_found() {
        let salt = b"0123456789abcdefghij";
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt), b"[hidden]:2222");
        let text = format!(
            "# a comment\nnonsense\nedge-1,10.99.0.1 ssh-ed25519 {ED} a comment\n[bastion]:2222 ssh-ed25519 {ED}\n\
             |1|{}|{} ssh-ed25519 {ED}\n*.lab,!bad.lab ssh-ed25519 {ED}\nbroken ssh-ed25519 %%%\n",
            STANDARD.encode(salt),
            STANDARD.encode(tag.as_ref())
        );
        let known = known(&text);
        for (host, port) in
            [("edge-1", 22), ("EDGE-1", 22), ("10.99.0.1", 22), ("bastion", 2222), ("hidden", 2222), ("a.lab", 22)]
        {
            assert!(known.judge("h", host, port, &key()).is_ok(), "{host}:{port}");
        }
        for (host, port) in [("bastion", 22), ("hidden", 22), ("bad.lab", 22), ("edge-10", 22), ("broken", 22)] {
            let error = known.judge("h", host, port, &key()).unwrap_err();
            assert!(error.message.contains("is not known"), "{host}: {error}");
        }
    }

    #[test]
    fn a_port_without_an_entry_of_its_own_falls_back_to_the_host() {
        assert!(known(&format!("edge-1 ssh-ed25519 {ED}\n")).judge("h", "edge-1", 2222, &key()).is_ok());
    }

    #[test]
    fn a_changed_key_shows_both_fingerprints_and_the_line() {
        let known = known(&format!("\nedge-1 ssh-ed25519 {ED}\n"));
        let error = known.judge("edge", "edge-1", 22, &other()).unwrap_err();
        assert_eq!(error.kind, Kind::Unauthorized);
        let text = error.to_string();
        for part in ["CHANGED", &fingerprint(&key()), &fingerprint(&other()), "known_hosts:2"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn an_unknown_host_gets_the_line_to_add() {
        let error = known("").judge("edge", "10.0.0.1", 2222, &key()).unwrap_err();
        assert!(error.hints[0].contains(&format!("[10.0.0.1]:2222 ssh-ed25519 {ED}")), "{error:?}");
        assert!(error.to_string().contains(&fingerprint(&key())));
    }

    #[test]
    fn a_revoked_key_is_refused_even_where_another_line_allows_it() {
        let known = known(&format!(
            "edge-1 ssh-ed25519 {ED}\n@revoked * ssh-ed25519 {ED}\n@cert-authority * ssh-ed25519 {ED}\n"
        ));
        let error = known.judge("edge", "edge-1", 22, &key()).unwrap_err();
        assert!(error.message.contains("revoked"), "{error}");
    }

    #[test]
    fn stored_key_types_are_asked_for_first() {
        let known = known(&format!("edge-1 ssh-rsa {ED}\n"));
        assert!(known.preferred("edge-1", 22).starts_with("rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-ed25519"));
        assert!(known.preferred("other", 22).starts_with("ssh-ed25519"));
    }
}
