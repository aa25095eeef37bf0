//! What of `~/.ssh/config` matters for reaching a host (ssh_config(5)): the first value found counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// A file's blocks, in order.
#[derive(Debug, Clone, Default)]
pub struct SshConfig {
    blocks: Vec<Block>,
    home: PathBuf,
}

#[derive(Debug, Clone)]
struct Block {
    patterns: Vec<String>,
    /// Keyword in lower case, value.
    lines: Vec<(String, String)>,
}

/// What the file says of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostEntry {
    /// `HostName`
    pub address: Option<String>,
    /// `Port`
    pub port: Option<u16>,
    /// `User`
    pub user: Option<String>,
    /// `IdentityFile`, all of them.
    pub keys: Vec<PathBuf>,
    /// `IdentitiesOnly yes`
    pub only_keys: bool,
    /// `UserKnownHostsFile`, all of them.
    pub known_hosts: Vec<PathBuf>,
    /// `ProxyJump`: the hosts to go through, in order.
    pub jump: Vec<String>,
}

/// How deep `Include` may go; ssh_config(5) has the same limit.
const INCLUDES: usize = 16;

impl SshConfig {
    /// Reads a file; one that does not exist says nothing. `home` stands for `~`.
    ///
    /// # Errors
    /// [`Kind::Config`] for a file that can't be read.
    pub fn read(file: &Path, home: &Path) -> Result<Self> {
        let mut config = Self { blocks: Vec::new(), home: home.into() };
        config.include(file, &["*".to_string()], 0)?;
        Ok(config)
    }

    fn include(&mut self, file: &Path, patterns: &[String], depth: usize) -> Result<()> {
        let text = match std::fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::new(Kind::Config, format!("{} can't be read", file.display())).caused_by(&e)),
        };
        self.parse(&text, patterns, depth)
    }

    fn parse(&mut self, text: &str, patterns: &[String], depth: usize) -> Result<()> {
        let mut block = Block { patterns: patterns.to_vec(), lines: Vec::new() };
        for line in text.lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (keyword, value) = line.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((line, ""));
            let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim();
            match keyword.to_lowercase().as_str() {
                "host" => {
                    self.blocks.push(block);
                    block = Block { patterns: words(value), lines: Vec::new() };
                }
                // Of the conditions only `all` can be judged without running programs; the others don't apply.
                "match" => {
                    self.blocks.push(block);
                    let all = value.eq_ignore_ascii_case("all");
                    block = Block { patterns: if all { vec!["*".into()] } else { Vec::new() }, lines: Vec::new() };
                }
                "include" if depth < INCLUDES => {
                    let patterns = block.patterns.clone();
                    self.blocks.push(block);
                    for word in words(value) {
                        let path = expand_home(&word, &self.home);
                        let path = if path.is_absolute() { path } else { self.home.join(".ssh").join(path) };
                        let found = glob::glob(&path.to_string_lossy()).map_err(|e| {
                            Error::new(Kind::Config, format!("Include {word} in the SSH configuration")).caused_by(&e)
                        })?;
                        for file in found.flatten() {
                            self.include(&file, &patterns, depth + 1)?;
                        }
                    }
                    block = Block { patterns, lines: Vec::new() };
                }
                other => block.lines.push((other.to_string(), value.to_string())),
            }
        }
        self.blocks.push(block);
        Ok(())
    }

    /// Whether a block other than `Host *` speaks of the host.
    pub fn names(&self, host: &str) -> bool {
        self.blocks.iter().any(|b| {
            b.patterns.iter().any(|p| p != "*" && !p.starts_with('!'))
                && matches(b.patterns.iter().map(String::as_str), host)
        })
    }

    /// What the file says of a host.
    ///
    /// # Errors
    /// [`Kind::Config`] for a port that is no number.
    pub fn of(&self, host: &str) -> Result<HostEntry> {
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        let mut keys = Vec::new();
        for block in &self.blocks {
            if !matches(block.patterns.iter().map(String::as_str), host) {
                continue;
            }
            for (keyword, value) in &block.lines {
                if keyword == "identityfile" {
                    keys.extend(words(value));
                } else {
                    first.entry(keyword.as_str()).or_insert(value.as_str());
                }
            }
        }
        let value = |keyword: &str| first.get(keyword).and_then(|v| words(v).into_iter().next());
        let address = value("hostname").map(|v| v.replace("%h", host));
        let user = value("user");
        let port = match value("port") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                Error::new(
                    Kind::Config,
                    format!("the SSH configuration's Port for {host} is \"{text}\", not a number up to 65535"),
                )
            })?),
        };
        let path = |text: &str| {
            let text = text
                .replace("%d", &self.home.to_string_lossy())
                .replace("%h", address.as_deref().unwrap_or(host))
                .replace("%n", host)
                .replace("%r", user.as_deref().unwrap_or_default());
            expand_home(&text, &self.home)
        };
        Ok(HostEntry {
            keys: keys.iter().filter(|k| *k != "none").map(|k| path(k)).collect(),
            only_keys: value("identitiesonly").is_some_and(|v| v.eq_ignore_ascii_case("yes")),
            known_hosts: first
                .get("userknownhostsfile")
                .map(|v| words(v).iter().map(|w| path(w)).collect())
                .unwrap_or_default(),
            jump: value("proxyjump")
                .filter(|v| !v.eq_ignore_ascii_case("none"))
                .map(|v| v.split(',').map(Into::into).collect())
                .unwrap_or_default(),
            address,
            port,
            user,
        })
    }
}

/// `~/x` below the home folder.
pub fn expand_home(path: &str, home: &Path) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => path.into(),
    }
}

/// Words, which may be quoted.
fn words(value: &str) -> Vec<String> {
    shlex::split(value).unwrap_or_else(|| value.split_whitespace().map(Into::into).collect())
}

/// Whether a name matches a list of patterns: one must match and none that begins with `!`.
pub(super) fn matches<'a>(patterns: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(not) if wild(not.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= wild(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `*` stands for any letters, `?` for one; letters match in either case, as host names do.
fn wild(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || c.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    p = star + 1;
                    n = from + 1;
                    retry = Some((star, n));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> SshConfig {
        let mut config = SshConfig { blocks: Vec::new(), home: "/home/ada".into() };
        config.parse(text, &["*".to_string()], 0).unwrap();
        config
    }

    #[test]
    fn the_first_value_counts_and_key_files_gather() {
        let config = config(
            "# routers\nHost edge-? !edge-9\n  HostName=%h.example.org\n  Port 2222\n  IdentityFile ~/.ssh/\"edge key\"\n\
             Host *\n  Port 22\n  User = netops\n  IdentityFile %d/.ssh/%r\n  ProxyJump a@bastion:2200,inner\n\
             UserKnownHostsFile ~/.ssh/one /etc/two\nMatch exec \"true\"\n  User nobody\n",
        );
        let entry = config.of("edge-1").unwrap();
        assert_eq!(entry.address.as_deref(), Some("edge-1.example.org"));
        assert_eq!(entry.port, Some(2222));
        assert_eq!(entry.user.as_deref(), Some("netops"));
        assert_eq!(entry.keys, [PathBuf::from("/home/ada/.ssh/edge key"), "/home/ada/.ssh/netops".into()]);
        assert_eq!(entry.known_hosts, [PathBuf::from("/home/ada/.ssh/one"), "/etc/two".into()]);
        assert_eq!(entry.jump, ["a@bastion:2200", "inner"]);
        assert_eq!(config.of("edge-9").unwrap().address, None);
        assert!(config.names("edge-1") && !config.names("edge-9") && !config.names("core"));
    }

    #[test]
    fn defaults_name_nobody() {
        assert!(!config("Host * !edge-9\nPort 1\n").names("edge-1"));
        assert!(config("Host bastion *.lab\nUser ada\nhost=jump\nPort 1\n").names("a.lab"));
    }

    #[test]
    fn a_port_that_is_no_number_is_named() {
        let error = config("Host a\nPort ssh\n").of("a").unwrap_err();
        assert!(error.message.contains("\"ssh\""), "{error}");
    }

    #[test]
    fn patterns_match_as_ssh_does() {
        assert!(wild(b"*.example.org", b"a.b.EXAMPLE.org") && wild(b"10.0.?.1", b"10.0.7.1") && wild(b"*", b""));
        assert!(!wild(b"*.example.org", b"example.org") && !wild(b"edge", b"edge-1") && !wild(b"a?", b"a"));
    }
}
