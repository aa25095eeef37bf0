//! `services`: the services of Talos on each node.

use rhai::{Map, NativeCallContext};
use serde_json::Value;

use super::ask::{OPTIONS, each};
use super::machines::TalosHandle;
use super::rows::many_each;
use crate::event::Effect;
use crate::host::context::HostResult;
use crate::host::object::List;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

pub(super) fn register(m: &mut Registrar) {
    m.method("talos", "services")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "The services of each node (apid, etcd, kubelet …): `id`, `state` (`Running`, `Waiting`, `Finished`, `Failed` …), \
             `health` (`ok`, `failing`; `unknown` for those that nobody asks how they are), `health_message`, `since` (when \
             the health last changed, a time), `last_event` and `last_event_at`. Options: see `talos`.",
        )
        .example(
            r#"let kubelets = talos("infra").services().filter(|s| s.id == "kubelet");
kubelets.len() == 3 && kubelets.all(|s| s.state == "Running" && s.health == "ok")"#,
        )
        .add(|at: NativeCallContext, talos: &mut TalosHandle| services(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| services(&at, talos, options));
}

fn services(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    const FUNCTION: &str = "talos.services";
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let told = each(at, talos, FUNCTION, "services", &options, Value::Null, async |machines, ask| {
        machines.services(&ask).await
    })?;
    Ok(many_each(told, &format!("services of {}", talos.name())))
}
