//! `kube("infra")` — the objects of a cluster: reading, waiting, changing, with every change's undo in the ledger.

pub(crate) mod answer;
mod apply;
mod change;
pub mod cluster;
mod condition;
mod delete;
pub(crate) mod diff;
mod edit;
mod fields;
pub(crate) mod identity;
pub(crate) mod judge;
pub(crate) mod keyed;
mod manifest;
pub(crate) mod owners;
mod path;
pub mod pods;
mod population;
mod raw;
mod read;
pub(crate) mod secrets;
#[cfg(test)]
mod tests;
mod wait;
mod watching;

use rhai::NativeCallContext;

pub use cluster::{ClusterHandle, Clusters};

use super::context::{Context, HostResult};
use super::registrar::{Module, Needs, Registrar};
use super::step::Step;
use super::step::share::{ClusterOfStep, own_cluster};

/// The label that every object carries which a run created; its value is the run's id.
pub const RUN_LABEL: &str = "pb.run";

pub(crate) const MODULE: Module = Module {
    name: "kube",
    about: "the objects of a Kubernetes cluster: read, wait, change",
    needs: Needs::Cluster,
    register,
};

fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<ClusterHandle>("cluster");
    m.global("kube")
        .sig("(cluster: string) -> cluster")
        .doc(
            "The handle of a cluster, by its name in `pb.toml`. Nothing is sent yet; the first call connects. \
             In a step that runs on one cluster, `t.kube` is that cluster's.",
        )
        .example(r#"kube("infra").name == "infra""#)
        .add(|name: &str| -> HostResult<ClusterHandle> { Ok(ClusterHandle::of(&*Context::current()?, name)?) });
    m.property("step", "kube")
        .sig("cluster")
        .doc("The handle of the cluster that the step runs on. Throws in steps that run on none or on all.")
        .example(r#"t.cluster_name == () || t.kube.name == t.cluster_name"#)
        .add(|at: NativeCallContext, _: &mut Step| -> HostResult<ClusterHandle> {
            let cx = Context::current()?;
            let name = own_cluster(&cx, &at, "kube")?;
            Ok(ClusterHandle::of(&cx, &name)?)
        });
    m.property("cluster of the step", "kube")
        .sig("cluster")
        .doc("The handle of that cluster.")
        .example(r#"t.cluster("infra").kube.name == "infra""#)
        .add(|cluster: &mut ClusterOfStep| -> HostResult<ClusterHandle> {
            Ok(ClusterHandle::of(&*Context::current()?, cluster.name())?)
        });
    m.property("cluster", "name")
        .sig("string")
        .doc("The cluster's name in `pb.toml`.")
        .example(r#"kube("infra").name == "infra""#)
        .add(|cluster: &mut ClusterHandle| cluster.name().to_string());
    read::register(m);
    wait::register(m);
    apply::register(m);
    fields::register(m);
    delete::register(m);
    raw::register(m);
    pods::register(m);
}
