//! `t`, the handle of the running step, and the free functions that shape its course.

mod eventually;
pub mod flow;
mod note;
pub(crate) mod share;

use std::sync::Arc;

use rhai::NativeCallContext;

use super::context::{Context, HostResult};
use super::registrar::{Module, Needs, Registrar};

pub(crate) const MODULE: Module = Module {
    name: "step",
    about: "the running step: what it finds, measures, keeps and waits for",
    needs: Needs::Nothing,
    register,
};

/// `t`: the step that runs on this thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Step;

fn register(m: &mut Registrar) {
    m.property("step", "id")
        .sig("string")
        .doc("The step's full id: `t5/bgp-table@infra`.")
        .example(r#"t.id.len() > 0"#)
        .add(|_: &mut Step| -> HostResult<String> { Ok(here()?.step.clone()) });
    m.property("step", "run")
        .sig("string")
        .doc("The run's id: the name of its folder in the record.")
        .example(r#"t.run.len() > 0"#)
        .add(|_: &mut Step| -> HostResult<String> { Ok(here()?.world.run.clone()) });
    note::register(m);
    share::register(m);
    flow::register(m);
}

fn here() -> HostResult<Arc<Context>> {
    Ok(Context::current()?)
}

/// A word for the value of a wrong type: `"x" (string)`.
fn shown(value: &rhai::Dynamic, at: &NativeCallContext) -> String {
    format!("{value} ({})", at.engine().map_type_name(value.type_name()))
}
