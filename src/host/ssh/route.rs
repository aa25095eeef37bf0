//! From a host of `pb.toml` to the hosts on the way: what `pb.toml` leaves open comes from `~/.ssh/config`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::client::route::{Routes, shown};
use crate::client::sh::quoted;
use crate::client::ssh::config::{HostEntry, SshConfig};
use crate::client::ssh::{Passphrase, Session, Target};
use crate::config;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::host::World;
use crate::host::net::Net;
use crate::host::secret::Configured;

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

/// Connects to the last host of a way: by the networks of `pb.toml`, with the passphrases that it names.
///
/// # Errors
/// [`Kind::Config`] for a passphrase that can't be read; what [`Session::connect`] says.
pub(crate) async fn connect(world: &World, way: Vec<Target>, limit: Duration) -> Result<Session> {
    Session::connect(&*routes(world)?, unlock(world, way).await?, limit).await
}

/// Reads the passphrases of the keys.
async fn unlock(world: &World, mut way: Vec<Target>) -> Result<Vec<Target>> {
    for target in &mut way {
        let written = world.config.hosts.get(&target.name).and_then(|host| host.passphrase.as_ref());
        if let Some(reference) = written {
            let place = format!("[hosts.{}] passphrase", target.name);
            let secret = Configured::parse(world, reference, place)?.read(world).await?;
            target.passphrase = Some(Passphrase(secret.expose().to_string()));
        }
    }
    Ok(way)
}

/// The networks of `pb.toml`.
pub(super) fn routes(world: &World) -> Result<Arc<Routes>> {
    Net::of(world).routes(world)
}

/// The `ssh` command line that a person could type.
pub(super) fn line(routes: &Routes, way: &[Target], command: &str) -> String {
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
    // Where a name leads is not known yet.
    let proxy = last.address.parse().ok().filter(|_| jumps.is_empty()).and_then(|ip| routes.proxy_for(ip));
    if let Some((scheme, address)) = proxy.map(shown).as_deref().and_then(|p| p.split_once("://")) {
        let how = if scheme == "http" { "connect" } else { "5" };
        words.extend(["-o".into(), format!("ProxyCommand=nc -X {how} -x {address} %h %p")]);
    }
    words.push(format!("{}@{}", last.user, last.address));
    words.push(command.into());
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
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
        let address = written.address.clone().or(entry.address).unwrap_or_else(|| name.into());
        Ok(Target {
            name: name.into(),
            address,
            port: written.port.or(entry.port).unwrap_or(22),
            user,
            keys,
            only_keys,
            passphrase: None,
            agent: std::env::var_os("SSH_AUTH_SOCK").filter(|s| !s.is_empty()).map(Into::into),
            known_hosts,
        })
    }
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
    use crate::host::testing::{runtime, world};

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
            line(&Routes::default(), &way, "show ip bgp | json"),
            "ssh -i '/srv/keys/id edge' -o UserKnownHostsFile=/srv/known -J bob@gate.example.org:23,ada@bastion:2200 \
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
    fn the_line_goes_through_the_proxy_of_the_first_hop_s_network() {
        let mut config = config();
        config.hosts.get_mut("edge").unwrap().jump = None;
        config.networks = [("10.0.0.0/24".to_string(), "socks5://127.0.0.1:1080".to_string())].into();
        let shown = |config: &Config| {
            let world = world(config.clone());
            line(&routes(&world).unwrap(), &to(&world, "edge").unwrap(), "id")
        };
        assert!(shown(&config).contains("'ProxyCommand=nc -X 5 -x 127.0.0.1:1080 %h %p'"), "{}", shown(&config));
        config.networks = [("10.0.0.0/24".to_string(), "http://proxy:3128".to_string())].into();
        assert!(shown(&config).contains("'ProxyCommand=nc -X connect -x proxy:3128 %h %p'"), "{}", shown(&config));
        config.networks = [("10.0.1.0/24".to_string(), "http://proxy:3128".to_string())].into();
        assert!(!shown(&config).contains("ProxyCommand"), "{}", shown(&config));
    }

    #[test]
    fn passphrases_are_read_from_where_the_configuration_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("phrase"), "open sesame\n").unwrap();
        let mut config = Config { dir: folder.path().into(), ..config() };
        config.hosts.get_mut("edge").unwrap().passphrase = Some("file:phrase".into());
        let unlocked = |config: &Config| {
            let world = world(config.clone());
            let way = runtime().block_on(unlock(&world, to(&world, "edge").unwrap()))?;
            Ok::<_, Error>((way[2].passphrase.clone(), world.redactor.redact("open sesame")))
        };
        assert_eq!(unlocked(&config), Ok((Some(Passphrase("open sesame".into())), "<secret:1>".into())));
        config.hosts.get_mut("edge").unwrap().passphrase = Some("file:none".into());
        let error = unlocked(&config).unwrap_err();
        assert_eq!(error.kind, Kind::Config);
        assert!(error.message.starts_with("[hosts.edge] passphrase: "), "{error}");
    }

    #[test]
    fn jump_hosts_are_written_like_in_ssh_config() {
        assert_eq!(literal("a@h:22"), (Some("a"), "h", Some(22)));
        assert_eq!(literal("[::1]:22"), (None, "::1", Some(22)));
        assert_eq!(literal("::1"), (None, "::1", None));
        assert_eq!(literal("h"), (None, "h", None));
    }
}
