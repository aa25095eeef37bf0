//! For tests: an engine with every host module, in a context that may write, without a cluster.

use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;

use rhai::{Dynamic, Engine};

use super::context::Context;
use super::redact::Redactor;
use super::world::{Permissions, World};
use crate::clock::System;
use crate::config::Config;
use crate::error::Error;
use crate::event::{Bus, Effect, Metric, Outcome, SettingInfo, StepInfo, StepResult, What};
use crate::record::{Folder, Record, RunInfo};

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

/// A run that keeps a record below a folder, and what is told there. What is known of it may be changed first.
pub(crate) fn recorded(record: &Path, change: impl FnOnce(&mut RunInfo)) -> (Folder, Arc<Bus>) {
    let mut info = RunInfo::here("2026-01-02T03:04:05Z".parse().expect("a time"));
    change(&mut info);
    let (folder, record) = Record::create(record, info).expect("a record");
    (folder, Bus::new(Arc::new(System), Box::new(|event| event), vec![Box::new(record)]))
}

/// The plan of a run: steps by their ids, and one setting that is not as it usually is.
pub(crate) fn planned(bus: &Bus, run: &str, ids: &[&str]) {
    let step = |id: &&str| {
        let (name, cluster) = id.split_once('@').map_or((*id, None), |(name, cluster)| (name, Some(cluster)));
        let (playbook, step) = name.split_once('/').expect("playbook/step");
        StepInfo {
            id: (*id).into(),
            playbook: playbook.into(),
            step: step.into(),
            cluster: cluster.map(Into::into),
            title: format!("{step} is well"),
            priority: "P1".into(),
            ..StepInfo::default()
        }
    };
    let setting = SettingInfo {
        playbook: "t1".into(),
        name: "members".into(),
        cluster: None,
        value: 1.into(),
        default: 3.into(),
        from: "--set".into(),
        about: "members of etcd".into(),
    };
    bus.emit(
        None,
        What::RunStarted {
            run: run.into(),
            arguments: vec!["run".into(), "t1".into()],
            playbooks: Vec::new(),
            modules: Vec::new(),
            steps: ids.iter().map(step).collect(),
            settings: vec![setting],
            jobs: 1,
            not_selected: 0,
            record: None,
            former: None,
        },
    );
}

/// A step's beginning and end, with one metric and one file of evidence.
pub(crate) fn ended(folder: &Folder, bus: &Bus, id: &str, outcome: Outcome, message: &str) {
    let at = Some(id);
    bus.emit(at, What::StepStarted { attempt: 1 });
    let file = format!("evidence/{}/etcd-status.txt", id.replace('/', "-"));
    let text = format!("{id}: leader: infra-01\n");
    let path = folder.path.join(&file);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, &text).expect("written");
    let sha256 = super::data::hash::sha256(text.as_bytes());
    bus.emit(at, What::Evidence { name: "etcd-status".into(), file: file.clone(), sha256, bytes: text.len() as u64 });
    let summary = Some(serde_json::json!({ "count": 5, "mean": 12.5 }));
    let metric = Metric { name: "answered after".into(), value: 12.5, unit: "ms".into(), max: Some(100.0), summary };
    bus.emit(at, What::Measured(metric.clone()));
    let result = StepResult {
        id: id.into(),
        outcome,
        message: message.into(),
        seconds: 1.5,
        attempts: 1,
        calls: 2,
        judged: 1,
        failures: Vec::new(),
        error: None,
        warnings: Vec::new(),
        notes: vec!["three members".into()],
        metrics: vec![metric],
        evidence: vec![file],
        instructions: None,
        taken_from: None,
    };
    bus.emit(at, What::StepFinished(Box::new(result)));
}

/// A world that belongs to such a run.
pub(crate) fn world_of(folder: &Folder, bus: &Arc<Bus>, config: Config) -> Arc<World> {
    World::new(
        folder.id.clone(),
        Some(folder.path.clone()),
        Arc::new(config),
        runtime().handle().clone(),
        bus.clone(),
        Arc::new(System),
        Arc::new(Redactor::default()),
        Permissions { disrupt: true, ..Permissions::default() },
    )
}

/// Runs a script as a step of a world that may write.
pub(crate) fn eval_with(world: &Arc<World>, script: &str) -> Result<Dynamic, Error> {
    let engine: Engine = crate::script::engine::build();
    let context = Context::new(world.clone(), "test/step", None, Effect::Write, None);
    let _entered = context.enter();
    let ast = engine.compile(script).map_err(|e| Error::new(crate::error::Kind::Playbook, e.to_string()))?;
    engine.eval_ast::<Dynamic>(&ast).map_err(|e| crate::script::diagnose::from_rhai(&e, None))
}
