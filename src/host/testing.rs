//! For tests: an engine with every host module, in a context that may write, without a cluster.

use std::sync::Arc;
use std::sync::OnceLock;

use rhai::{Dynamic, Engine};

use super::context::Context;
use super::redact::Redactor;
use super::world::{Permissions, World};
use crate::clock::System;
use crate::config::Config;
use crate::error::Error;
use crate::event::{Bus, Effect};

/// The runtime that tests share.
pub(crate) fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    })
}

/// A world with this configuration, whose operator allows what disrupts.
pub(crate) fn world(config: Config) -> Arc<World> {
    allowing(config, Permissions { disrupt: true, ..Permissions::default() })
}

/// A world with this configuration and these permissions.
pub(crate) fn allowing(config: Config, permissions: Permissions) -> Arc<World> {
    let clock = Arc::new(System);
    World::new(
        "20260101-000000-abc123".into(),
        None,
        Arc::new(config),
        runtime().handle().clone(),
        Bus::silent(clock.clone()),
        clock,
        Arc::new(Redactor::default()),
        permissions,
    )
}

/// Runs a script as a step that may write; its value, or the error as the runner would see it.
pub(crate) fn eval(script: &str) -> Result<Dynamic, Error> {
    eval_in(Config::default(), script)
}

/// The same with a configuration.
pub(crate) fn eval_in(config: Config, script: &str) -> Result<Dynamic, Error> {
    let world = world(config);
    let engine: Engine = crate::script::engine::build();
    let context = Context::new(world.clone(), "test/step", None, Effect::Write, None);
    let _entered = context.enter();
    let mut ast = engine.compile(script).map_err(|e| Error::new(crate::error::Kind::Playbook, e.to_string()))?;
    ast.set_source("test.rhai");
    world.sources.lock().expect("not poisoned").insert("test.rhai".into(), script.into());
    engine.eval_ast::<Dynamic>(&ast).map_err(|e| crate::script::diagnose::from_rhai(&e, Some("test.rhai")))
}

/// How a script's expectations ended: well, or what first did not hold, said nothing or was thrown.
pub(crate) fn outcome(script: &str) -> Result<(), String> {
    let world = world(Config::default());
    let engine: Engine = crate::script::engine::build();
    let context = Context::new(world, "test/step", None, Effect::Write, None);
    let entered = context.enter();
    let ended = engine.eval::<Dynamic>(script);
    drop(entered);
    let state = context.state();
    let failed = state.failures.first().map(|f| format!("{}: {}", f.label, f.actual));
    match failed.or_else(|| state.inconclusive.first().cloned()).or_else(|| ended.err().map(|e| e.to_string())) {
        Some(why) => Err(why),
        None if state.judged == 0 => Err("nothing was judged".into()),
        None => Ok(()),
    }
}
