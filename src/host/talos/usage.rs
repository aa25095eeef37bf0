//! `version`, `load`, `memory` and `system`: what runs on the machines, and how busy they are.

use rhai::{Map, NativeCallContext};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ask::{OPTIONS, each};
use super::machines::TalosHandle;
use super::rows::one_each;
use crate::client::talos::{Ask, Machines, Told};
use crate::event::Effect;
use crate::host::context::HostResult;
use crate::host::object::List;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

pub(super) fn register(m: &mut Registrar) {
    m.method("talos", "version")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "What runs on each node: `version` (`v1.11.2`), `sha`, `os`, `arch`, `platform`, `mode`, `rbac`. Options: see \
             `talos`. Throws `unreachable` or `timeout` where a node does not answer.",
        )
        .example(r#"talos("infra").version().all(|v| v.version.starts_with("v1."))"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| version(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| version(&at, talos, options));
    m.method("talos", "load")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc("How many processes ran or waited on each node, on average: `load1`, `load5`, `load15`. Options: see `talos`.")
        .example(r#"talos("infra").load().all(|l| l.load1 >= 0.0 && l.load15 < 100.0)"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| load(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| load(&at, talos, options));
    m.method("talos", "memory")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc("The memory of each node, as sizes: `total`, `free`, `available`, `buffers`, `cached`. Options: see `talos`.")
        .example(r#"talos("infra").memory().all(|m| m.available > size("1Gi") && m.available < m.total)"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| memory(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| memory(&at, talos, options));
    m.method("talos", "system")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "The kernel's statistics of each node: `booted` (a time), `cpus`, `running` and `blocked` (processes, now), and \
             seconds of all processors together since then: `busy`, `idle`, `iowait`. Options: see `talos`.",
        )
        .example(r#"talos("infra").system().all(|s| time::since(s.booted) > duration("1s") && s.cpus > 0)"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| system(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| system(&at, talos, options));
}

fn version(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    rows(at, talos, "talos.version", "version", options, async |machines, ask| machines.version(&ask).await)
}

fn load(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    rows(at, talos, "talos.load", "read /proc/loadavg", options, async |machines, ask| machines.load(&ask).await)
}

fn memory(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    rows(at, talos, "talos.memory", "memory", options, async |machines, ask| machines.memory(&ask).await)
}

fn system(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    rows(at, talos, "talos.system", "read /proc/stat", options, async |machines, ask| machines.system(&ask).await)
}

fn rows<T: Serialize + DeserializeOwned>(
    at: &NativeCallContext,
    talos: &TalosHandle,
    function: &'static str,
    words: &str,
    options: Map,
    work: impl AsyncFnOnce(Machines, Ask) -> Vec<Told<T>>,
) -> HostResult<List> {
    let options = Options::new(options, function, OPTIONS)?;
    let told = each(at, talos, function, words, &options, Value::Null, work)?;
    Ok(one_each(told, &format!("nodes of {}", talos.name())))
}
