//! `ssh("edge-1")` — a host behind SSH, named in `pb.toml`, and commands on it.

pub(crate) mod command;
mod route;
mod sessions;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use route::{connect, to as way};

use rhai::{Map, NativeCallContext};

use super::context::{Context, HostResult};
use super::registrar::{Module, Needs, Registrar};
use crate::error::{Error, Kind, did_you_mean};
use crate::event::Effect;

pub(crate) const MODULE: Module =
    Module { name: "ssh", about: "hosts behind SSH: routers, bastions, machines", needs: Needs::Router, register };

/// A host of `pb.toml`; nothing is connected until a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshHost {
    /// Its name there.
    pub name: String,
    /// The dialect that `pb.toml` states.
    pub dialect: Option<String>,
}

impl std::fmt::Display for SshHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "host {}", self.name)
    }
}

fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<SshHost>("host");
    m.global("ssh")
        .sig("(name: string) -> host")
        .effect(Effect::Read)
        .doc(
            "A host of pb.toml's `[hosts]`. Nothing is connected until a command runs. What pb.toml leaves open (address, \
             port, user, key, known hosts, jump host) comes from `~/.ssh/config`. Host keys are judged strictly: an unknown \
             or changed one is refused with its fingerprint. Throws when pb.toml names no such host.",
        )
        .example(r#"ssh("edge-1").name == "edge-1""#)
        .add(|name: &str| find(name));
    m.property("host", "name")
        .sig("string")
        .doc("The host's name in pb.toml.")
        .example(r#"ssh("edge-1").name == "edge-1""#)
        .add(|host: &mut SshHost| host.name.clone());
    m.method("host", "run")
        .sig("(command: string, options?: map) -> map")
        .options(command::OPTIONS)
        .effect(Effect::Write)
        .doc(
            "Runs a command and gives `#{ stdout, stderr, code }`; `stdout` comes without its last newline, `code` is `()` \
             where the host has a shell alone and tells none. It counts as `write`, because nobody can see what a command \
             does; `effect: \"read\"` in the options says that it only looks, and the report shows that it was said. Other \
             options: `check: false` (an exit code other than 0 does not throw), `within` (a duration; default 30 s), \
             `stdin` (a string or a secret), `shell: true` (type it at the prompt, for routers without an exec channel; \
             chosen by itself where the host refuses exec), `keep_newline: true`. A connection is used again by the next \
             command to its host, also of another step. When the time is up it is closed; a command that then neither \
             reads nor writes goes on over there. Throws `exit_code`, `unreachable`, `unauthorized`, `timeout`. The exit status of a router says little: read \
             what it printed.",
        )
        .example(r#"ssh("edge-1").run("show version", #{ effect: "read" }).stdout.contains("FRRouting")"#)
        .add(|ctx: NativeCallContext, host: &mut SshHost, line: &str| command::run(&ctx, host, line, Map::new()))
        .add(|ctx: NativeCallContext, host: &mut SshHost, line: &str, options: Map| {
            command::run(&ctx, host, line, options)
        });
    let _ = m.raw().set_native_fn("to_string", |host: &mut SshHost| Ok(host.to_string()));
    let _ = m.raw().set_native_fn("to_debug", |host: &mut SshHost| Ok(host.to_string()));
    let _ = m.raw().set_native_fn("==", |a: SshHost, b: SshHost| Ok(a == b));
}

fn find(name: &str) -> HostResult<SshHost> {
    let context = Context::current()?;
    let hosts = &context.world.config.hosts;
    let Some(host) = hosts.get(name) else {
        let known: Vec<&str> = hosts.keys().map(String::as_str).collect();
        let there = if known.is_empty() { "it names none".into() } else { format!("it has: {}", known.join(", ")) };
        return Err(Error::new(Kind::Config, format!("no host \"{name}\" in pb.toml ({there})"))
            .maybe_hint(did_you_mean(name, known.iter().copied()))
            .hint(format!("add it to pb.toml:\n[hosts.{name}]\naddress = \"ADDRESS\"\nuser = \"USER\""))
            .into());
    };
    Ok(SshHost { name: name.into(), dialect: host.dialect.clone() })
}
