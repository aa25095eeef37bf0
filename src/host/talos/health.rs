//! `health`: the conditions that `talosctl health` waits for, each with what was last said against it.

use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::json;

use super::ask::{Question, nodes};
use super::machines::TalosHandle;
use super::rows::map;
use crate::client::sh::quoted;
use crate::client::talos::health::{Condition, Health, State};
use crate::config::units::show_duration;
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::object::List;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const FUNCTION: &str = "talos.health";
const OPTIONS: &[&str] = &["control_plane", "nodes", "wait", "workers"];

/// Long enough for each condition to be looked at several times.
const WAIT: Duration = Duration::from_secs(30);
/// What a node that looks may take beyond the wait.
const GRACE: Duration = Duration::from_secs(20);

pub(super) fn register(m: &mut Registrar) {
    m.method("talos", "health")
        .sig("(options?: map) -> list")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "The conditions of a healthy cluster, as `talosctl health` lists them: `etcd to be healthy`, `etcd members to be \
             consistent across nodes`, `kubelet to be healthy`, `all nodes to finish boot sequence`, `all control plane \
             static pods to be running`, `all k8s nodes to report ready` and others. The first of the nodes that can looks \
             at all of them in turn, also in Kubernetes, and waits at each until it holds. A row has `condition`, `state` \
             (`ok`, `skipped` where it does not apply to the cluster, `failed`, `not_reached` behind one that failed), `ok` \
             (true for the first two), `message` (what was last said against it) and `node` (which looked). A condition \
             that fails is an answer, and throws nothing.\n\nOptions: `wait` (until all of them hold; default 30 s), `nodes` \
             (who may look, in this order; default all), `control_plane` and `workers` (lists of the nodes that there have to \
             be; default those that Talos knows, so that a cluster which lost a member may look well without them).",
        )
        .example(r#"expect(talos("infra").health(), "conditions").all(|c| c.ok); true"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| health(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| health(&at, talos, options));
}

fn health(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<List> {
    let cx = Context::current()?;
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let wait = options.duration("wait")?.unwrap_or(WAIT);
    let [control_plane, workers] = [nodes(&options, "control_plane")?, nodes(&options, "workers")?];
    let question = Question::new(&cx, talos, &options)?;
    let mut words = format!("health --wait-timeout {}", show_duration(wait));
    for (flag, named) in [("--control-plane-nodes", &control_plane), ("--worker-nodes", &workers)] {
        if let Some(named) = named {
            words.push_str(&format!(" {flag} {}", quoted(&named.join(","))));
        }
    }
    let more = json!({ "wait": show_duration(wait), "control_plane": control_plane, "workers": workers });
    let call = question.to_one(talos, FUNCTION, &words, more, wait.saturating_add(GRACE));
    let health = cx.call_with(at, call, summary, async {
        let (machines, ask) = question.to?;
        machines.health(&ask, wait, &control_plane.unwrap_or_default(), &workers.unwrap_or_default()).await
    })?;
    let rows = health.conditions.iter().map(|condition| Dynamic::from_map(row(condition, &health)));
    Ok(List::new(rows.collect(), &format!("conditions of {}", talos.name())))
}

fn holds(condition: &Condition) -> bool {
    matches!(condition.state, State::Ok | State::Skipped)
}

fn summary(health: &Health) -> String {
    let (held, all) = (health.conditions.iter().filter(|c| holds(c)).count(), health.conditions.len());
    if held == all { format!("all {all} conditions hold") } else { format!("{held} of {all} conditions hold") }
}

fn row(condition: &Condition, health: &Health) -> Map {
    let mut row = map(condition);
    // `name` is a node's everywhere else.
    if let Some(name) = row.remove("name") {
        row.insert("condition".into(), name);
    }
    row.insert("ok".into(), holds(condition).into());
    row.insert("node".into(), health.node.as_str().into());
    row
}
