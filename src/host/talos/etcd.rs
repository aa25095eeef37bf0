//! `members`, `etcd_status` and `alarms`: etcd, as each control plane node sees it.

use rhai::{Map, NativeCallContext};
use serde_json::Value;

use super::ask::{OPTIONS, each};
use super::machines::TalosHandle;
use super::rows::{many_each, one_each};
use crate::event::Effect;
use crate::host::context::HostResult;
use crate::host::object::List;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

pub(super) fn register(m: &mut Registrar) {
    m.method("talos", "members")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "The members of etcd as each node knows them, so that a member stands in it once for each node: `id` (in hex), \
             `hostname`, `peer_urls`, `client_urls`, `learner` (it has no vote). A node that disagrees with the others has \
             rows of its own. Options: see `talos`. Throws `unreachable` where a node knows no leader, and `invalid` for a \
             worker, which has no etcd.",
        )
        .example(
            r#"let talos = talos("infra");
let voters = talos.members().filter(|m| !m.learner);
talos.nodes.all(|node| voters.filter(|m| m.node == node).len() == 3)"#,
        )
        .add(|at: NativeCallContext, talos: &mut TalosHandle| members(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| members(&at, talos, options));
    m.method("talos", "etcd_status")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "What each node's own member of etcd says of itself: `member` and `leader` (ids in hex; `leader` is `()` where it \
             knows none), `db_size` and `db_in_use` (sizes), `raft_index`, `raft_applied`, `raft_term`, `learner`, `protocol` \
             (etcd's version), `storage`, `errors` (a list of texts). Options: see `talos`.",
        )
        .example(
            r#"let status = talos("infra").etcd_status();
let leader = status[0].leader;
status.all(|s| s.leader != () && s.leader == leader && s.errors.is_empty())"#,
        )
        .add(|at: NativeCallContext, talos: &mut TalosHandle| status(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| status(&at, talos, options));
    m.method("talos", "alarms")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "The alarms of etcd that each node knows of, which are those of all members: `alarm` (`NOSPACE`, `CORRUPT`), \
             `member` (its id in hex), `hostname` (that member's machine). An empty list says that there is none. Options: \
             see `talos`.",
        )
        .example(r#"expect(talos("infra").alarms(), "alarms of etcd").to_be_empty(); true"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| alarms(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| alarms(&at, talos, options));
}

fn members(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    const FUNCTION: &str = "talos.members";
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let told = each(at, talos, FUNCTION, "etcd members", &options, Value::Null, async |machines, ask| {
        machines.members(&ask).await
    })?;
    Ok(many_each(told, &format!("members of {}'s etcd", talos.name())))
}

fn status(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    const FUNCTION: &str = "talos.etcd_status";
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let told = each(at, talos, FUNCTION, "etcd status", &options, Value::Null, async |machines, ask| {
        machines.etcd_status(&ask).await
    })?;
    Ok(one_each(told, &format!("members of {}'s etcd", talos.name())))
}

fn alarms(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    const FUNCTION: &str = "talos.alarms";
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let told = each(at, talos, FUNCTION, "etcd alarm list", &options, Value::Null, async |machines, ask| {
        machines.alarms(&ask).await
    })?;
    Ok(many_each(told, &format!("alarms of {}'s etcd", talos.name())))
}
