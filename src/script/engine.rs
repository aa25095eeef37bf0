//! The engine: features, limits, host modules, and the traps of the language that the host takes away.

use rhai::{Dynamic, Engine, Map, NativeCallContext};

use super::diagnose;
use crate::error::{Error, Kind};
use crate::event::What;
use crate::host::{Context, Function, MODULES, Module, Registrar, object, place};

/// Nested calls of script functions, the same in debug and release builds.
const CALL_LEVELS: usize = 64;
/// Nested expressions, at top level and in functions.
const EXPRESSION_DEPTH: usize = 128;
/// Bytes of one string: what a script may hold, far above what a command may print.
const STRING_SIZE: usize = 64 << 20;
/// Items of one array or map.
const COLLECTION_SIZE: usize = 5_000_000;

/// Operations of a top level, which only declares: some seconds' worth, and thousands of times what any needs.
const TOP_LEVEL_OPERATIONS: u64 = 20_000_000;

fn endless() -> Error {
    Error::new(Kind::Playbook, format!("the top level did not end within {TOP_LEVEL_OPERATIONS} operations"))
        .hint("it only declares: what loops or waits belongs into a step's closure")
}

/// Every module that scripts see: those that declare, and those of the host.
pub fn modules() -> Vec<Module> {
    std::iter::once(super::declare::MODULE).chain(MODULES.iter().copied()).collect()
}

/// What is known of every function that scripts see.
pub fn functions() -> Vec<Function> {
    Registrar::of(&modules()).finish().2
}

/// A map as the language itself shows it.
fn shown(at: &NativeCallContext, map: &mut Map) -> String {
    let fields = map.iter_mut().map(|(key, value)| {
        let shown = at.call_native_fn_raw("to_debug", true, &mut [value]).ok();
        let shown = shown.and_then(|shown| shown.into_string().ok()).unwrap_or_else(|| value.to_string());
        format!("{key:?}: {shown}")
    });
    format!("#{{{}}}", fields.collect::<Vec<_>>().join(", "))
}

/// An engine with every host module.
pub fn build() -> Engine {
    let mut engine = Engine::new();
    engine
        // What `pb check` looks at is what runs: nothing is folded away before.
        .set_optimization_level(rhai::OptimizationLevel::None)
        .set_strict_variables(true)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_DEPTH, EXPRESSION_DEPTH)
        .set_max_string_size(STRING_SIZE)
        .set_max_array_size(COLLECTION_SIZE)
        .set_max_map_size(COLLECTION_SIZE)
        .set_fail_on_invalid_map_property(false);
    object::configure(&mut engine);
    let (global, paths, _) = Registrar::of(&modules()).finish();
    engine.register_global_module(global.into());
    for (name, module) in paths {
        engine.register_static_module(name, module.into());
    }
    let print = |text: &str| {
        if let Ok(context) = Context::current() {
            context.emit(What::Printed { text: text.to_string() });
        }
    };
    // `${e}` of an error of the language itself, which is a map: its words, not its fields.
    for name in ["to_string", "print"] {
        engine.register_fn(name, |at: NativeCallContext, map: &mut Map| match diagnose::caught(map) {
            Some(said) => said,
            None => shown(&at, map),
        });
    }
    engine.on_print(print);
    engine.on_debug(move |text, source, position| {
        let file = source.unwrap_or_default();
        print(&format!("{file}:{position}: {text}"));
    });
    // Ends script loops when the step is cancelled or its time is up; a look at the clock every 1,024
    // operations. A top level has neither, so it gets a number of operations.
    engine.on_progress(|operations| {
        // A missing value that was put into a text has no other way to fail there.
        if let Some(error) = object::take_absence() {
            return Some(Dynamic::from(error));
        }
        if operations % 1024 != 0 {
            return None;
        }
        match Context::current() {
            Ok(context) => context.check().err().map(|error| {
                Dynamic::from(if error.kind == Kind::Cancelled { error } else { place::after_last(error) })
            }),
            Err(_) if operations > TOP_LEVEL_OPERATIONS => Some(Dynamic::from(endless())),
            Err(_) => None,
        }
    });
    engine
}
