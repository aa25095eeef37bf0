//! Runs as `record::` reads them: each journal once, and then only what is new of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::error::{Error, Kind, Result};
use crate::event::{Event, SettingInfo, StepInfo, What};
use crate::host::World;
use crate::record::{self, Course, Recorded, RunInfo, Tail};

/// The word for the run that asks.
pub(super) const THIS: &str = "this";

/// What the journals told so far, by their folders; kept for the run.
#[derive(Debug, Default)]
pub(super) struct Readings(Mutex<BTreeMap<PathBuf, Reading>>);

/// One journal's reading.
#[derive(Debug)]
struct Reading {
    tail: Tail,
    told: Arc<Told>,
    damaged: Option<Error>,
}

/// What a run's events told.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// Its ends and evidence.
    pub(super) course: Course,
    /// Its steps, in the order in which they were planned: several plans may be carried out one after the other.
    pub(super) plan: Vec<StepInfo>,
    /// When each step ended.
    pub(super) at: BTreeMap<String, Timestamp>,
    /// What each attempt that did not count said.
    pub(super) retries: BTreeMap<String, Vec<String>>,
    /// The settings.
    pub(super) settings: Vec<SettingInfo>,
    waiting: BTreeMap<String, String>,
}

/// A run that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) folder: PathBuf,
    pub(super) info: RunInfo,
    pub(super) told: Arc<Told>,
    /// Whether it is the run that asks.
    pub(super) this: bool,
    /// Whether a process works on it.
    pub(super) running: bool,
}

impl Told {
    fn on(&mut self, event: Event) {
        if let What::RunStarted { settings, steps, .. } = &event.what {
            self.settings.retain(|old| !settings.iter().any(|new| new.playbook == old.playbook));
            self.settings.extend_from_slice(settings);
            // What is planned again has not ended yet.
            steps.iter().for_each(|step| {
                self.course.ended.remove(&step.id);
                self.at.remove(&step.id);
            });
            let known = |step: &&StepInfo| !self.plan.iter().any(|old| old.id == step.id);
            let new: Vec<StepInfo> = steps.iter().filter(known).cloned().collect();
            self.plan.extend(new);
        }
        if let Some(step) = &event.step {
            match &event.what {
                What::Waiting { message } => drop(self.waiting.insert(step.clone(), message.clone())),
                What::StepStarted { attempt } if *attempt > 1 => {
                    let said = self.waiting.remove(step);
                    self.retries.entry(step.clone()).or_default().extend(said);
                }
                // What it kept before is no evidence of what it finds now.
                What::StepStarted { .. } => drop(self.course.evidence.remove(step)),
                _ => {}
            }
        }
        if let What::StepFinished(result) = &event.what {
            self.at.insert(result.id.clone(), event.at);
        }
        self.course.learn(Ok(event));
    }
}

/// The folder of the run that asks.
///
/// # Errors
/// [`Kind::NotFound`] where this run keeps no record.
pub(super) fn own(world: &World) -> Result<&Path> {
    world.folder.as_deref().ok_or_else(|| {
        Error::new(Kind::NotFound, "this run keeps no record, so that there is nothing to read of it")
            .hint("pb run keeps one")
    })
}

/// The runs that words mean, oldest first, each once; the run that asks comes last.
///
/// # Errors
/// What [`record::find`] says, and [`Kind::Unreadable`] where lines of a journal can't be read;
/// [`Kind::Refused`] for a run on another platform: one that was simulated is no evidence of a real one.
pub(super) fn sources(world: &World, words: &[String]) -> Result<Vec<Source>> {
    let own = own(world)?;
    let here = Recorded::open(own)?.info;
    let record = own.parent().unwrap_or(own);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for word in words {
        let this = word == THIS || *word == world.run;
        let folder = if this { own.to_path_buf() } else { record::find(record, word)? };
        if seen.insert(folder.clone()) {
            let source = source(world, folder, this)?;
            same_platform(&here, &source.info)?;
            found.push(source);
        }
    }
    found.sort_by(|a, b| (a.this, a.info.started, &a.info.id).cmp(&(b.this, b.info.started, &b.info.id)));
    Ok(found)
}

/// One run, read up to now.
pub(super) fn source(world: &World, folder: PathBuf, this: bool) -> Result<Source> {
    if this {
        // What was told before this call is in the journal then.
        world.bus.flush();
    }
    let recorded = Recorded::open(&folder)?;
    let readings = world.part::<Readings>();
    let mut readings = readings.0.lock().unwrap_or_else(PoisonError::into_inner);
    let reading = readings.entry(folder.clone()).or_insert_with(|| Reading {
        tail: Tail::of(&folder),
        told: Arc::default(),
        damaged: None,
    });
    let news = reading.tail.news()?;
    if news.anew {
        (reading.told, reading.damaged) = (Arc::default(), None);
    }
    let told = Arc::make_mut(&mut reading.told);
    news.events.into_iter().for_each(|event| told.on(event));
    reading.damaged = reading.damaged.take().or_else(|| news.damaged.into_iter().next());
    if let Some(damaged) = &reading.damaged {
        return Err(Error::new(Kind::Unreadable, format!("run {} has a damaged record", recorded.info.id))
            .because(&damaged.message)
            .hint("what such a record says is no evidence: leave the run out, and run its steps again"));
    }
    let told = reading.told.clone();
    drop(readings);
    let running = this || recorded.is_running();
    Ok(Source { folder, info: recorded.info, told, this, running })
}

fn same_platform(here: &RunInfo, other: &RunInfo) -> Result<()> {
    let (mine, theirs) = (platform(here), platform(other));
    if mine == theirs {
        return Ok(());
    }
    let said =
        |platform: Option<&str>| platform.map_or("the configured clusters".into(), |name| format!("the lab {name}"));
    Err(Error::new(
        Kind::Refused,
        format!("run {} was made on {}, and this one on {}", other.id, said(theirs), said(mine)),
    )
    .hint("what one platform showed is no evidence of another"))
}

/// The platform that was opened for the run alone.
pub(super) fn platform(info: &RunInfo) -> Option<&str> {
    info.asked.as_ref()?.platform.as_deref()
}
