//! From a host of `pb.toml` to the hosts on the way: what `pb.toml` leaves open comes from `~/.ssh/config`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::client::ssh::Target;
use crate::client::ssh::config::{HostEntry, SshConfig};
use crate::config;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::host::World;

/// Key files that are tried where none is named, as `ssh` does.
const USUAL_KEYS: &[&str] = &["id_ed25519", "id_ecdsa", "id_rsa"];
/// A way through more hosts than this is a circle.
const HOPS: usize = 8;

/// The hosts to log in to one after the other; the last is the one that was asked for.
///
/// # Errors
/// [`Kind::Config`]: an unknown jump host, a circle, a file that can't be read.
pub(crate) fn to(world: &World, name: &str) -> Result<Vec<Target>> {
    let home = std::env::home_dir().unwrap_or_default();
    let ssh = SshConfig::read(&home.join(".ssh/config"), &home)?;
    let mut way = Vec::new();
    Finder { world, home: &home, ssh: &ssh }.add(name, &mut way, 0)?;
    Ok(way)
}

/// The `ssh` command line that a person could type.
pub(super) fn line(way: &[Target], command: &str) -> String {
    let Some((last, jumps)) = way.split_last() else { return String::new() };
    let mut words: Vec<String> = vec!["ssh".into()];
    if last.only_keys {
        for key in &last.keys {
            words.extend(["-i".into(), key.display().to_string()]);
        }
    }
    let usual = std::env::home_dir().unwrap_or_default().join(".ssh");
    if let Some(file) = last.known_hosts.first().filter(|f| f.parent() != Some(usual.as_path())) {
        words.extend(["-o".into(), format!("UserKnownHostsFile={}", file.display())]);
    }
    if last.port != 22 {
        words.extend(["-p".into(), last.port.to_string()]);
    }
    if !jumps.is_empty() {
        let hops: Vec<String> = jumps.iter().map(Target::shown).collect();
        words.extend(["-J".into(), hops.join(",")]);
    }
    if let Some(proxy) = way[0].proxy.as_ref().and_then(|p| p.split_once("://")).filter(|_| jumps.is_empty()) {
        words.extend(["-o".into(), format!("ProxyCommand=nc -X 5 -x {} %h %p", proxy.1)]);
    }
    words.push(format!("{}@{}", last.user, last.address));
    words.push(command.into());
    let quoted = words.iter().map(|w| shlex::try_quote(w).map_or_else(|_| w.clone(), std::borrow::Cow::into_owned));
    quoted.collect::<Vec<_>>().join(" ")
}

struct Finder<'a> {
    world: &'a World,
    home: &'a Path,
    ssh: &'a SshConfig,
}

impl Finder<'_> {
    fn add(&self, name: &str, way: &mut Vec<Target>, depth: usize) -> Result<()> {
        if depth > HOPS {
            return Err(Error::new(Kind::Config, format!("the jump hosts go in a circle at {name}")));
        }
        let written = self.world.config.hosts.get(name);
        // `user@host:port`, as ProxyJump takes it.
        let (user, host, port) = if written.is_some() { (None, name, None) } else { literal(name) };
        if written.is_none()
            && depth > 0
            && !self.ssh.names(host)
            && user.is_none()
            && port.is_none()
            && !host.contains('.')
        {
            let known: Vec<&str> = self.world.config.hosts.keys().map(String::as_str).collect();
            return Err(Error::new(
                Kind::Config,
                format!("the jump host \"{name}\" is neither in pb.toml nor in ~/.ssh/config"),
            )
            .maybe_hint(did_you_mean(name, known))
            .hint(format!("[hosts.{name}] in pb.toml, or Host {name} in ~/.ssh/config, describes it")));
        }
        let none = config::Host::default();
        let written = written.unwrap_or(&none);
        let entry = self.ssh.of(host)?;
        match &written.jump {
            Some(jump) => self.add(jump, way, depth + 1)?,
            None => {
                for jump in &entry.jump {
                    self.add(jump, way, depth + 1)?;
                }
            }
        }
        let entry = HostEntry { user: user.map(Into::into).or(entry.user), port: port.or(entry.port), ..entry };
        way.push(self.target(host, written, entry)?);
        Ok(())
    }

    fn target(&self, name: &str, written: &config::Host, entry: HostEntry) -> Result<Target> {
        let path =
            |p: &PathBuf| config::environment::expand(&p.to_string_lossy(), &self.world.config.dir, Some(self.home));
        let usual = |file: &str| self.home.join(".ssh").join(file);
        let named = written.key.as_ref().map(|key| vec![path(key)]);
        let only_keys = named.is_some() || entry.only_keys;
        let keys = named.unwrap_or_else(|| {
            if entry.keys.is_empty() {
                USUAL_KEYS.iter().map(|k| usual(k)).filter(|k| k.exists()).collect()
            } else {
                entry.keys.clone()
            }
        });
        let mut known_hosts = match (&written.known_hosts, entry.known_hosts.is_empty()) {
            (Some(file), _) => vec![path(file)],
            (None, false) => entry.known_hosts,
            (None, true) => vec![usual("known_hosts"), usual("known_hosts2")],
        };
        if written.known_hosts.is_none() {
            known_hosts.push("/etc/ssh/ssh_known_hosts".into());
        }
        let user = written.user.clone().or(entry.user).or_else(|| std::env::var("USER").ok()).ok_or_else(|| {
            Error::new(Kind::Config, format!("host {name}: no user (user = \"…\" in pb.toml's [hosts.{name}])"))
        })?;
        let passphrase = match &written.passphrase {
            Some(reference) => Some(super::passphrase::read(self.world, name, reference)?),
            None => None,
        };
        let address = written.address.clone().or(entry.address).unwrap_or_else(|| name.into());
        Ok(Target {
            name: name.into(),
            proxy: proxy(&self.world.config.networks, &address),
            address,
            port: written.port.or(entry.port).unwrap_or(22),
            user,
            keys,
            only_keys,
            passphrase,
            agent: std::env::var_os("SSH_AUTH_SOCK").filter(|s| !s.is_empty()).map(Into::into),
            known_hosts,
        })
    }
}

/// The proxy of the narrowest of `[networks]` that holds the address.
fn proxy(networks: &BTreeMap<String, String>, address: &str) -> Option<String> {
    let address: IpAddr = address.parse().ok()?;
    let holding = networks.iter().filter_map(|(network, proxy)| Some((length_if_in(network, address)?, proxy)));
    holding.max_by_key(|(length, _)| *length).map(|(_, proxy)| proxy.clone())
}

/// The length of a network's prefix, if the address is in it.
fn length_if_in(network: &str, address: IpAddr) -> Option<u32> {
    let (base, length) = network.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let same = match (base.parse().ok()?, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a) ^ u32::from(b)).leading_zeros() >= length,
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b)).leading_zeros() >= length,
        _ => false,
    };
    same.then_some(length)
}

/// `user@host:port`, `user@[::1]:port`, or any part of it.
fn literal(text: &str) -> (Option<&str>, &str, Option<u16>) {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    if let Some((host, port)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
        return (user, host, port.strip_prefix(':').and_then(|p| p.parse().ok()));
    }
    match rest.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.parse::<u16>().is_ok() => (user, host, port.parse().ok()),
        _ => (user, rest, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Host};
    use crate::host::testing::world;

    fn config() -> Config {
        let mut config = Config { dir: "/srv".into(), ..Config::default() };
        config.hosts.insert(
            "edge".into(),
            Host {
                address: Some("10.0.0.1".into()),
                user: Some("netops".into()),
                key: Some("keys/id edge".into()),
                known_hosts: Some("known".into()),
                jump: Some("bastion".into()),
                ..Host::default()
            },
        );
        config.hosts.insert(
            "bastion".into(),
            Host {
                user: Some("ada".into()),
                port: Some(2200),
                jump: Some("bob@gate.example.org:23".into()),
                ..Host::default()
            },
        );
        config
            .hosts
            .insert("loop".into(), Host { user: Some("a".into()), jump: Some("loop".into()), ..Host::default() });
        config
    }

    #[test]
    fn the_way_goes_through_every_jump_host() {
        let way = to(&world(config()), "edge").unwrap();
        let shown: Vec<String> = way.iter().map(Target::shown).collect();
        assert_eq!(shown, ["bob@gate.example.org:23", "ada@bastion:2200", "netops@10.0.0.1:22"]);
        assert_eq!(way[2].keys, [PathBuf::from("/srv/keys/id edge")]);
        assert_eq!(
            line(&way, "show ip bgp | json"),
            "ssh -i '/srv/keys/id edge' -o 'UserKnownHostsFile=/srv/known' -J 'bob@gate.example.org:23,ada@bastion:2200' \
             netops@10.0.0.1 'show ip bgp | json'"
        );
    }

    #[test]
    fn circles_and_unknown_jump_hosts_are_named() {
        assert!(to(&world(config()), "loop").unwrap_err().message.contains("circle"));
        let mut config = config();
        config.hosts.get_mut("edge").unwrap().jump = Some("bastoin".into());
        let error = to(&world(config), "edge").unwrap_err();
        assert!(error.message.contains("\"bastoin\"") && error.hints[0].contains("\"bastion\""), "{error:?}");
    }

    #[test]
    fn the_narrowest_network_names_the_proxy() {
        let networks = BTreeMap::from([
            ("10.0.0.0/8".to_string(), "socks5://127.0.0.1:1080".to_string()),
            ("10.99.0.0/24".to_string(), "socks5://127.0.0.1:1081".to_string()),
        ]);
        assert_eq!(proxy(&networks, "10.99.0.7").as_deref(), Some("socks5://127.0.0.1:1081"));
        assert_eq!(proxy(&networks, "10.98.0.7").as_deref(), Some("socks5://127.0.0.1:1080"));
        assert_eq!(proxy(&networks, "192.0.2.1"), None);
        assert_eq!(proxy(&networks, "::1"), None);
    }

    #[test]
    fn jump_hosts_are_written_like_in_ssh_config() {
        assert_eq!(literal("a@h:22"), (Some("a"), "h", Some(22)));
        assert_eq!(literal("[::1]:22"), (None, "::1", Some(22)));
        assert_eq!(literal("::1"), (None, "::1", None));
        assert_eq!(literal("h"), (None, "h", None));
    }
}
