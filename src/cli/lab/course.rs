//! One run of playbooks in a lab of its own, healthy or with a fault. Its record lasts as long as the proof: steps read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::cli::args::{Configured, Inside, Selected};
use crate::cli::inside;
use crate::cli::lab::kept::Kept;
use crate::cli::prepare::{self, Planned, Prepared};
use crate::cli::run::{JOBS, assemble};
use crate::config::Environment;
use crate::error::Error;
use crate::event::{Bus, Listener, StepResult};
use crate::host::World;
use crate::host::call::STEP_LIMIT;
use crate::host::redact::{Redactor, filter};
use crate::host::world::Permissions;
use crate::lab::clock::Pace;
use crate::lab::faults::{Broken, FOLLOWED, Fault, observe, settle};
use crate::lab::prove::{Looks, Watcher};
use crate::lab::up::Lab;

/// How long a lab goes on, by its own clock, before anybody looks: its controllers have found their rest.
const REST: Duration = Duration::from_secs(30);

/// What is to be run, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'a> {
    pub(super) targets: &'a [String],
    pub(super) topology: &'a str,
    pub(super) only: &'a [String],
    pub(super) configured: &'a Configured,
    pub(super) environment: &'a Environment,
    /// How its labs' time goes.
    pub(super) clock: Pace,
}

/// A run in the healthy lab.
pub(super) struct Healthy {
    pub(super) results: Vec<StepResult>,
    /// What each step looked at.
    pub(super) looks: BTreeMap<String, Looks>,
    /// What it left in its record.
    kept: Kept,
}

/// A run under a fault.
pub(super) struct Under {
    pub(super) broken: Broken,
    /// How many steps it could touch.
    pub(super) touched: usize,
    pub(super) results: Vec<StepResult>,
}

impl Course<'_> {
    /// Runs everything in a lab that is well.
    pub(super) fn healthy(&self) -> Result<Healthy, Vec<Error>> {
        let prepared = self.open()?;
        inside::within(&prepared, |lab, runtime| runtime.block_on(settle(lab, REST)))?;
        let watcher = Watcher::default();
        let kept = Kept::new(self.topology, &*prepared.clock).map_err(|e| vec![e])?;
        let results = self.run(&prepared, self.only, &watcher, &kept)?;
        Ok(Healthy { results, looks: watcher.seen(), kept })
    }

    /// Runs under a fault what it can touch; or says why this platform can't have it.
    pub(super) fn under(&self, fault: &'static Fault, healthy: &Healthy) -> Result<Result<Under, String>, Vec<Error>> {
        let prepared = self.open()?;
        let broken = inside::within(&prepared, |lab, runtime| runtime.block_on(reach(lab, fault)))?;
        let (broken, reach, kinds) = match broken {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let of = |which: &dyn Fn(&Looks) -> bool| -> Vec<String> {
            healthy.looks.iter().filter(|(_, looks)| which(looks)).map(|(id, _)| id.clone()).collect()
        };
        let mut touched = of(&|looks| looks.touched(&reach, &kinds));
        let results = if touched.is_empty() {
            Vec::new()
        } else {
            touched.extend(of(&|looks| looks.record && !looks.touched(&reach, &kinds)));
            // What the fault does not touch is as it was.
            let kept = healthy.kept.go_on(self.topology, &*prepared.clock).map_err(|e| vec![e])?;
            let all = self.run(&prepared, &touched, &Watcher::default(), &kept)?;
            // What runs only because another needs it is not the fault's.
            all.into_iter().filter(|result| touched.contains(&result.id)).collect()
        };
        Ok(Ok(Under { broken, touched: touched.len(), results }))
    }

    fn open(&self) -> Result<Prepared, Vec<Error>> {
        let inside = Inside { lab: Some(self.topology.to_owned()), clock: Some(self.clock), ..Inside::default() };
        prepare::inside(&inside, self.configured, self.environment)
    }

    /// Runs the steps that are meant, a playbook after the other: none keeps another from running.
    fn run(
        &self,
        prepared: &Prepared,
        only: &[String],
        watcher: &Watcher,
        kept: &Kept,
    ) -> Result<Vec<StepResult>, Vec<Error>> {
        let selected = Selected { only: only.to_vec(), ..Selected::default() };
        let planned = prepared.plan(self.targets, &selected, STEP_LIMIT)?;
        let mut playbooks: Vec<String> = Vec::new();
        for step in planned.plan.steps.iter().filter(|step| !step.support) {
            if !playbooks.contains(&step.info.playbook) {
                playbooks.push(step.info.playbook.clone());
            }
        }
        let mut results = Vec::new();
        for id in playbooks {
            let own: Vec<String> = planned
                .plan
                .steps
                .iter()
                .filter(|step| step.info.playbook == id && !step.support)
                .map(|step| step.info.id.clone())
                .collect();
            let path = planned.loaded.iter().find(|loaded| loaded.info.id == id).map(|loaded| loaded.info.path.clone());
            let target = self.target(&id, path.as_deref());
            let planned = prepared.plan(&[target], &Selected { only: own, ..Selected::default() }, STEP_LIMIT)?;
            results.extend(one(prepared, planned, watcher, kept)?);
        }
        Ok(results)
    }

    /// How a playbook is named: as it was typed where that names it alone, else by its id.
    fn target(&self, id: &str, path: Option<&str>) -> String {
        let typed = self.targets.iter().find(|target| *target == id || Some(target.as_str()) == path);
        typed.cloned().unwrap_or_else(|| match path {
            Some(path) if self.environment.dir.join(path).is_file() => path.to_owned(),
            _ => id.to_owned(),
        })
    }
}

type Reach = (Broken, BTreeSet<String>, BTreeMap<String, BTreeSet<String>>);

/// Breaks something, and finds out where that shows.
async fn reach(lab: &Lab, fault: &'static Fault) -> Result<Reach, String> {
    settle(lab, REST).await;
    let before = observe::look(lab);
    let broken = lab.faults.look(fault)?;
    lab.faults.on(fault.name).map_err(|e| e.message)?;
    settle(lab, FOLLOWED).await;
    let mut reach: BTreeSet<String> =
        before.differences(&observe::look(lab)).into_iter().map(|difference| difference.place).collect();
    reach.extend(broken.causes.iter().flat_map(observe::places));
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for cluster in lab.clusters.keys() {
        for (resource, names) in observe::kinds(lab, cluster) {
            kinds.entry(resource).or_default().extend(names);
        }
    }
    Ok((broken, reach, kinds))
}

/// Runs a plan to its end.
fn one(prepared: &Prepared, planned: Planned, watcher: &Watcher, kept: &Kept) -> Result<Vec<StepResult>, Vec<Error>> {
    let runtime = crate::cli::runtime()?;
    let redactor = Arc::new(Redactor::default());
    let clock = prepared.clock.clone();
    let listeners: Vec<Box<dyn Listener>> = vec![Box::new(watcher.clone()), Box::new(kept.listener())];
    let bus = Bus::new(clock.clone(), filter(redactor.clone()), listeners);
    // It is a lab that goes with the run: everything is allowed.
    let destroy = prepared.config.clusters.keys().cloned().collect();
    let permissions = Permissions { read_only: false, disrupt: true, destroy };
    let world = World::new(
        kept.folder().id.clone(),
        Some(kept.folder().path.clone()),
        prepared.config.clone(),
        runtime.handle().clone(),
        bus.clone(),
        clock,
        redactor,
        permissions,
    );
    let finished = assemble(JOBS, prepared, planned, &world, 0, None).execute();
    bus.close();
    runtime.shutdown_background();
    Ok(finished.results)
}

/// Does something for each of some things, so many at a time; what came of it, in their order.
pub(super) fn side_by_side<T: Copy + Send + Sync, R: Send>(
    things: &[T],
    jobs: usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<(T, R)> {
    let next = Mutex::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(things.len()) {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                        *next += 1;
                        *next - 1
                    };
                    let Some(thing) = things.get(at) else { return };
                    let came = work(*thing);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, *thing, came));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, ..)| *at);
    done.into_iter().map(|(_, thing, came)| (thing, came)).collect()
}
