//! How a router speaks: configured, or seen in `show version` once a run.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rhai::NativeCallContext;

use super::reader::Dialect;
use crate::error::{Error, Kind, did_you_mean};
use crate::host::context::{Context, HostResult};
use crate::host::ssh::SshHost;
use crate::host::ssh::command::{Request, send};

/// What was found out in this run, by host.
#[derive(Debug, Default)]
struct Known(Mutex<BTreeMap<String, &'static str>>);

/// `host.dialect()`
pub(super) fn of(ctx: &NativeCallContext, host: &SshHost) -> HostResult<String> {
    if let Some(name) = &host.dialect {
        if Dialect::named(name).is_some() {
            return Ok(name.clone());
        }
        let names = Dialect::NAMES;
        return Err(Error::new(
            Kind::Config,
            format!("[hosts.{}] dialect \"{name}\" is none of {}", host.name, names.join(", ")),
        )
        .maybe_hint(did_you_mean(name, names.iter().copied()))
        .into());
    }
    let known = Context::current()?.world.part::<Known>();
    let cached = known.0.lock().unwrap_or_else(PoisonError::into_inner).get(&host.name).copied();
    if let Some(name) = cached {
        return Ok(name.into());
    }
    let answer = send(ctx, host, Request::read("show version"))?;
    let text = if answer.stdout.trim().is_empty() { &answer.stderr } else { &answer.stdout };
    let Some(name) = detect(text) else {
        let head: Vec<&str> = text.lines().take(5).collect();
        return Err(Error::new(
            Kind::Unreadable,
            format!("{}: \"show version\" shows no router that is known here", host.name),
        )
        .because(format!("it printed: {}", head.join("\n")))
        .hint(format!("dialect = \"frr\", \"ios\" or \"eos\" in pb.toml's [hosts.{}] says what it is", host.name))
        .into());
    };
    known.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.name.clone(), name);
    Ok(name.into())
}

/// The dialect that a `show version` speaks of.
pub(super) fn detect(version: &str) -> Option<&'static str> {
    let marks = [("FRRouting", "frr"), ("Arista", "eos"), ("Cisco IOS", "ios")];
    marks.iter().find(|(mark, _)| version.contains(mark)).map(|(_, name)| *name)
}
