//! `talos("infra")` — the machines of a cluster, through Talos' machine API: what runs on them, how etcd and the services
//! are, what they log.

mod ask;
mod etcd;
mod health;
mod kubeconfig;
mod logs;
mod machines;
mod rows;
mod services;
mod usage;

pub use machines::{MachinesOfRun, TalosHandle};

use rhai::NativeCallContext;

use super::context::{Context, HostResult};
use super::registrar::{Module, Needs, Registrar};
use super::step::Step;
use super::step::share::{ClusterOfStep, own_cluster};

pub(crate) const MODULE: Module = Module {
    name: "talos",
    about: "the machines of a cluster, through Talos' machine API",
    needs: Needs::Machines,
    register,
};

fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<TalosHandle>("talos");
    m.global("talos")
        .sig("(cluster: string) -> talos")
        .doc(
            "The machines of a cluster, by its name in `pb.toml`: `talosconfig` (default `$TALOSCONFIG`, then \
             `~/.talos/config`), `talos_context` (default the cluster's name) and `talos_nodes` (default those of that \
             context) say how they are reached. Nothing is sent yet. In a step that runs on one cluster, `t.talos` is that \
             cluster's.\n\nEvery function asks the nodes side by side, and each row of its answer has `node` (as the node was \
             asked for) and `name` (as it calls itself). Common options: `nodes` (a list of nodes, or one; default all), \
             `within` (how long each may take; default 10 s), `check: false` (a node that does not answer is a row with \
             `error`, instead of throwing; the rows of the others have `error: ()`).",
        )
        .example(r#"talos("infra").name == "infra""#)
        .add(|name: &str| -> HostResult<TalosHandle> { Ok(TalosHandle::of(&*Context::current()?, name)?) });
    m.property("step", "talos")
        .sig("talos")
        .doc("The machines of the cluster that the step runs on. Throws in steps that run on none or on all.")
        .example(r#"t.cluster_name == () || t.talos.name == t.cluster_name"#)
        .add(|at: NativeCallContext, _: &mut Step| -> HostResult<TalosHandle> {
            let cx = Context::current()?;
            let name = own_cluster(&cx, &at, "talos")?;
            Ok(TalosHandle::of(&cx, &name)?)
        });
    m.property("cluster of the step", "talos")
        .sig("talos")
        .doc("The machines of that cluster.")
        .example(r#"t.cluster("infra").talos.name == "infra""#)
        .add(|cluster: &mut ClusterOfStep| -> HostResult<TalosHandle> {
            Ok(TalosHandle::of(&*Context::current()?, cluster.name())?)
        });
    m.property("talos", "name")
        .sig("string")
        .doc("The cluster's name in `pb.toml`.")
        .example(r#"talos("infra").name == "infra""#)
        .add(|talos: &mut TalosHandle| talos.name().to_string());
    m.property("talos", "nodes")
        .sig("[string]")
        .doc("The nodes that are asked where a call names no others: `talos_nodes` of `pb.toml`, or those of the context.")
        .example(r#"talos("infra").nodes.len() == 3"#)
        .add(|talos: &mut TalosHandle| -> HostResult<rhai::Array> {
            let nodes = talos.machines(&*Context::current()?)?.nodes()?;
            Ok(nodes.into_iter().map(Into::into).collect())
        });
    let _ = m.raw().set_native_fn("to_string", |talos: &mut TalosHandle| Ok(talos.to_string()));
    let _ = m.raw().set_native_fn("to_debug", |talos: &mut TalosHandle| Ok(talos.to_string()));
    let _ = m.raw().set_native_fn("==", |a: TalosHandle, b: TalosHandle| Ok(a == b));
    usage::register(m);
    etcd::register(m);
    services::register(m);
    health::register(m);
    logs::register(m);
    kubeconfig::register(m);
}
