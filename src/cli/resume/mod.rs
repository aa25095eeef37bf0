//! `pb run --resume RUN` and `--rerun RUN`: the earlier run, whether it may be gone on with, and what of it stands.

mod asked;
mod outstanding;
mod refused;
mod stands;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::args::Selected;
use super::prepare::{self, Planned, Prepared};
use super::run::Args;
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::event::{Former, How, Outcome, Outstanding, StepResult};
use crate::record::{self, Asked, ClusterInfo, Course, Recorded};
use crate::runner::Taken;

pub(super) use asked::asked;
pub(super) use outstanding::nothing_to_do;
pub(super) use stands::places;

/// The earlier run.
#[derive(Debug)]
pub(super) struct Before {
    how: How,
    recorded: Recorded,
    course: Course,
    asked: Option<Asked>,
    targets: Vec<String>,
}

/// What is made of it.
#[derive(Debug)]
pub(super) struct GoesOn {
    pub(super) planned: Planned,
    pub(super) former: Former,
    pub(super) taken: BTreeMap<String, Taken>,
}

impl Before {
    /// The run that the arguments name; none where they name none.
    pub(super) fn open(args: &Args, environment: &Environment) -> Result<Option<Self>, Vec<Error>> {
        let (how, word) = match (&args.resume, &args.rerun) {
            (Some(word), _) => (How::Resumes, word),
            (_, Some(word)) => (How::Reruns, word),
            _ => return Ok(None),
        };
        // Only to find where the records are: what the former run was configured with is not known yet.
        let record = prepare::configured(&args.wanted.configured, environment)?.config.record.clone();
        Self::find(how, &record, word, &environment.dir).map(Some).map_err(|e| vec![e])
    }

    fn find(how: How, record: &Path, word: &str, dir: &Path) -> Result<Self, Error> {
        let named = Recorded::open(&record::find(record, word)?)?;
        let (asked, targets) = (named.info.asked.clone(), named.info.targets.clone());
        refused::same_folder(&named, how, dir)?;
        let mut recorded = named;
        loop {
            refused::may_go_on(&recorded)?;
            refused::heirs_are_done(&recorded)?;
            let course = recorded.course()?;
            // Killed before it had told what it takes over, a run has begun nothing: the one before it counts.
            let told = course.ended.values().filter(|r| r.taken_from.is_some()).count() as u64;
            match recorded.info.former.as_ref().filter(|former| told < former.stand) {
                Some(former) => {
                    let beside = recorded.folder.parent().unwrap_or(record);
                    recorded = Recorded::open(&record::find(beside, &former.run)?)?;
                }
                None => return Ok(Self { how, recorded, course, asked, targets }),
            }
        }
    }

    /// Puts in what was typed for the former run and is not typed anew.
    pub(super) fn fill(&self, args: &mut Args) -> Result<(), Vec<Error>> {
        if args.targets.is_empty() {
            args.targets.clone_from(&self.targets);
        }
        match &self.asked {
            Some(former) => asked::fill(args, former, self.how).map_err(|e| vec![e])?,
            None if args.targets.is_empty() => {
                return Err(vec![
                    Error::new(Kind::Usage, format!("the record of {} does not say what was asked to run", self.id()))
                        .hint("name the targets and options again, beside it"),
                ]);
            }
            None => {}
        }
        Ok(())
    }

    /// The plan with what stands of it. None in the place of a plan where nothing is to be run again.
    pub(super) fn plan(
        &self,
        prepared: &Prepared,
        args: &mut Args,
        clusters: &[ClusterInfo],
        timeout: Duration,
    ) -> Result<Result<GoesOn, Former>, Vec<Error>> {
        let gone = self.without_vanished(prepared, args, timeout)?;
        let whole = match gone {
            Some(everything) if args.wanted.selected.only.is_empty() => {
                let again = stands::again(self, &everything, clusters, &places(&prepared.config));
                let outstanding = self.outstanding(&everything, None, &again);
                return Ok(Err(self.former(self.vanished(&everything), outstanding)));
            }
            _ => prepared.plan(&args.targets, &args.wanted.selected, timeout)?,
        };
        let again = stands::again(self, &whole, clusters, &places(&prepared.config));
        let mut former = self.former(self.vanished(&whole), Vec::new());
        let planned = match self.how {
            How::Resumes => whole,
            How::Reruns => {
                let ids: Vec<String> =
                    whole.plan.steps.iter().map(|s| s.info.id.clone()).filter(|id| self.repeats(id)).collect();
                if ids.is_empty() {
                    former.outstanding = self.outstanding(&whole, None, &again);
                    return Ok(Err(former));
                }
                let selected = &mut args.wanted.selected;
                (selected.only, selected.priority, selected.from) = (ids, Vec::new(), None);
                let part = prepared.plan(&args.targets, selected, timeout)?;
                former.outstanding = self.outstanding(&whole, Some(&part), &again);
                part
            }
        };
        if self.how == How::Resumes {
            former.outstanding = self.outstanding(&planned, Some(&planned), &again);
        }
        let of_plan = |id: &String| planned.plan.steps.iter().any(|s| s.info.id == *id);
        former.again.extend(outstanding::grouped(again.iter().filter(|(id, _)| of_plan(id))));
        // Also where no pass stood, a text that is not that of then is no silent thing.
        let said = |change: &String| former.again.iter().any(|why| why.starts_with(&format!("{change}: ")));
        let changed: Vec<String> = stands::changed(self, &planned).into_iter().filter(|c| !said(c)).collect();
        former.differs.extend(changed);
        let taken: BTreeMap<String, Taken> = planned
            .plan
            .steps
            .iter()
            .filter(|s| !again.contains_key(&s.info.id))
            .filter_map(|s| Some((s.info.id.clone(), self.taken(&s.info.id)?)))
            .collect();
        former.stand = taken.len() as u64;
        Ok(Ok(GoesOn { planned, former, taken }))
    }

    /// A run that repeated a part has the ids of its steps as its selection: takes out those that are no longer
    /// declared. Gives what there is instead, where there was something to take out.
    fn without_vanished(
        &self,
        prepared: &Prepared,
        args: &mut Args,
        timeout: Duration,
    ) -> Result<Option<Planned>, Vec<Error>> {
        let only = &mut args.wanted.selected.only;
        if only.is_empty() || self.asked.as_ref().is_none_or(|asked| asked.only != *only) {
            return Ok(None);
        }
        let everything = Selected { cluster: args.wanted.selected.cluster.clone(), ..Selected::default() };
        let everything = prepared.plan(&args.targets, &everything, timeout)?;
        let there = |id: &String| everything.plan.steps.iter().any(|s| s.info.id == *id);
        let before = only.len();
        only.retain(|id| there(id) || !self.course.plan.iter().any(|s| s.id == *id));
        Ok((only.len() < before).then_some(everything))
    }

    fn former(&self, differs: Vec<String>, outstanding: Vec<Outstanding>) -> Former {
        Former { run: self.id().into(), how: self.how, stand: 0, again: Vec::new(), differs, outstanding }
    }

    /// Asks the clusters of today which ones they are, where the former run knew it.
    pub(super) fn identify(&self, clusters: &mut [ClusterInfo], prepared: &Prepared) -> Result<(), Vec<Error>> {
        stands::identify(&self.recorded.info.clusters, clusters, &prepared.config)
    }

    fn id(&self) -> &str {
        &self.recorded.info.id
    }

    fn passed(&self, id: &str) -> Option<&StepResult> {
        self.course.ended.get(id).filter(|result| result.outcome.is_good())
    }

    fn taken(&self, id: &str) -> Option<Taken> {
        let mut result = self.passed(id)?.clone();
        result.taken_from.get_or_insert_with(|| self.id().to_string());
        Some(Taken {
            result,
            published: self.course.published.get(id).cloned().unwrap_or_default(),
            evidence: self.course.evidence.get(id).cloned().unwrap_or_default(),
        })
    }

    /// Whether `--rerun` runs it: it failed, was not found out, or never ran. What a person has to judge, and what the
    /// playbook itself left out, would come to the same end.
    fn repeats(&self, id: &str) -> bool {
        match self.course.ended.get(id) {
            None => true,
            Some(result) if result.attempts == 0 => !result.outcome.is_good(),
            Some(result) => {
                !matches!(result.outcome, Outcome::Passed | Outcome::Warned | Outcome::Manual | Outcome::Skipped)
            }
        }
    }

    /// Copies the evidence of what stands into the new run's folder: its record is whole by itself.
    pub(super) fn copy_evidence(&self, taken: &BTreeMap<String, Taken>, folder: &Path) -> Result<(), Error> {
        for file in taken.values().flat_map(|t| &t.evidence) {
            let (from, to) = (self.recorded.folder.join(&file.file), folder.join(&file.file));
            let copied = to.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::copy(&from, &to));
            copied.map_err(|e| {
                Error::new(Kind::Io, format!("{} can't be copied to {}", from.display(), to.display())).because(e)
            })?;
        }
        Ok(())
    }
}
