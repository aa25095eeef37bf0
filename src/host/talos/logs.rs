//! `dmesg` and `logs`: what the kernel and the services of each node wrote.

use rhai::{Map, NativeCallContext};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ask::{OPTIONS, each};
use super::machines::TalosHandle;
use super::rows::one_each;
use crate::client::sh::quoted;
use crate::client::talos::Told;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::context::HostResult;
use crate::host::object::List;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const OF_SERVICE: &[&str] = &["check", "nodes", "tail", "within"];

pub(super) fn register(m: &mut Registrar) {
    m.method("talos", "dmesg")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "The kernel's log of each node, as far as its buffer goes back: `text`, without its last newline. Talos' own \
             messages stand in it, marked `[talos]`. Options: see `talos`. Throws `unreadable` above 16 MiB.",
        )
        .example(r#"talos("infra").dmesg().all(|d| d.text.contains("[talos]"))"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| dmesg(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| dmesg(&at, talos, options));
    m.method("talos", "logs")
        .sig("(service: string, options?: map) -> list")
        .options(OF_SERVICE)
        .effect(Effect::Read)
        .doc(
            "The log of a service on each node: `text`, without its last newline. Option `tail`: its last lines alone; for \
             the others see `talos`. Throws `unreadable` above 16 MiB, or where a node has no such service.",
        )
        .example(r#"talos("infra").logs("kubelet", #{ tail: 1 }).all(|l| l.text.contains("kubelet"))"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle, service: &str| logs(&at, talos, service, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, service: &str, options: Map| {
            logs(&at, talos, service, options)
        });
}

#[derive(Serialize, Deserialize)]
struct Log {
    text: String,
}

fn rows(told: Vec<Told<String>>, what: &str) -> List {
    let told = told.into_iter().map(|Told { node, name, answer }| {
        let answer = answer.map(|text| Log { text });
        Told { node, name, answer }
    });
    one_each(told.collect(), what)
}

fn dmesg(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    const FUNCTION: &str = "talos.dmesg";
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let told =
        each(at, talos, FUNCTION, "dmesg", &options, Value::Null, async |machines, ask| machines.dmesg(&ask).await)?;
    Ok(rows(told, &format!("kernel logs of {}", talos.name())))
}

fn logs(at: &NativeCallContext, talos: &TalosHandle, service: &str, options: Map) -> HostResult<List> {
    const FUNCTION: &str = "talos.logs";
    let options = Options::new(options, FUNCTION, OF_SERVICE)?;
    if service.trim().is_empty() {
        return Err(Error::new(Kind::Script, format!("{FUNCTION}: the service has no name")).into());
    }
    let tail = options.count("tail")?.map(|lines| u32::try_from(lines).unwrap_or(u32::MAX));
    let flag = tail.map(|lines| format!(" --tail {lines}")).unwrap_or_default();
    let words = format!("logs {}{flag}", quoted(service));
    let more = json!({ "service": service, "tail": tail });
    let told = each(at, talos, FUNCTION, &words, &options, more, async |machines, ask| {
        machines.logs(&ask, service, tail).await
    })?;
    Ok(rows(told, &format!("logs of {service} on {}", talos.name())))
}
