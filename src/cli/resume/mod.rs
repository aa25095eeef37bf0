//! `pb run --resume RUN` and `--rerun RUN`: the earlier run, whether it may be gone on with, and what of it stands.

mod asked;
mod stands;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::args::Selected;
use super::prepare::{self, Planned, Prepared};
use super::run::Args;
use crate::config::Environment;
use crate::error::{Error, Kind};
use crate::event::{Former, How, Outcome, Outstanding, StepResult, short};
use crate::record::{self, Asked, ClusterInfo, Course, Recorded};
use crate::runner::Taken;
use crate::ui::{joined, plural};

pub(super) use asked::asked;
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
        same_folder(&named, how, dir)?;
        let mut recorded = named;
        loop {
            may_go_on(&recorded)?;
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
        former.again.extend(grouped(again.iter().filter(|(id, _)| of_plan(id))));
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

    fn former(&self, again: Vec<String>, outstanding: Vec<Outstanding>) -> Former {
        Former { run: self.id().into(), how: self.how, stand: 0, again, outstanding }
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

    fn left_open(&self) -> &[Outstanding] {
        self.recorded.info.former.as_ref().map(|f| f.outstanding.as_slice()).unwrap_or_default()
    }

    /// What is no part of the new plan and has not passed: of the former run, and of the one that it went on with.
    fn outstanding(
        &self,
        whole: &Planned,
        part: Option<&Planned>,
        again: &BTreeMap<String, String>,
    ) -> Vec<Outstanding> {
        let planned = |id: &str| part.is_some_and(|p| p.plan.steps.iter().any(|s| s.info.id == id));
        let mut open: Vec<Outstanding> = Vec::new();
        for step in &self.course.plan {
            let outcome = self.course.ended.get(&step.id).map(|r| r.outcome);
            let why = again.get(&step.id).filter(|_| outcome.is_some_and(Outcome::is_good));
            if why.is_some() || !outcome.is_some_and(Outcome::is_good) {
                open.push(Outstanding { id: step.id.clone(), outcome, why: why.cloned() });
            }
        }
        let of_former: Vec<Outstanding> =
            self.left_open().iter().filter(|o| !self.course.plan.iter().any(|s| s.id == o.id)).cloned().collect();
        open.extend(of_former);
        open.retain(|o| !planned(&o.id) && !is_gone(&o.id, whole));
        open
    }

    /// What had not passed and is not declared any more.
    fn vanished(&self, whole: &Planned) -> Vec<String> {
        let gone: Vec<String> = self
            .course
            .plan
            .iter()
            .filter(|s| self.passed(&s.id).is_none() && is_gone(&s.id, whole))
            .map(|s| s.id.clone())
            .collect();
        if gone.is_empty() {
            Vec::new()
        } else {
            vec![format!("{} no longer declared: {}", is(gone.len()), joined(&gone))]
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

/// What is to be said where nothing is run again.
pub(super) fn nothing_to_do(former: &Former) -> (Vec<String>, u8) {
    let mut lines = former.again.clone();
    if former.outstanding.is_empty() {
        lines.push(format!("Every step of run {} has passed: there is nothing to run again.", former.run));
        return (lines, 0);
    }
    lines.push(format!("There is nothing in run {} to run again; outstanding:", former.run));
    lines.extend(former.outstanding.iter().map(|open| format!("  {open}")));
    (lines, 4)
}

/// Whether its playbook is there and no longer declares it.
fn is_gone(id: &str, whole: &Planned) -> bool {
    let Some((playbook, step)) = id.split_once('/') else { return false };
    let step = step.split('@').next().unwrap_or(step);
    whole.loaded.iter().filter(|l| l.info.id == playbook).any(|loaded| {
        let declared = loaded.declared.steps.get(&None);
        !declared.is_some_and(|steps| steps.iter().any(|s| s.id == step))
    })
}

fn is(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// `playbook t5 has changed: t5/a@infra, t5/b`, each reason once.
fn grouped<'a>(again: impl Iterator<Item = (&'a String, &'a String)>) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, why) in again {
        by_reason.entry(why).or_default().push(id);
    }
    by_reason
        .into_iter()
        .map(|(why, ids)| {
            let named = if ids.len() > 3 { plural(ids.len(), "step") } else { ids.join(", ") };
            format!("{why}: {named}")
        })
        .collect()
}

/// What was named relative to a folder means something else in another.
fn same_folder(recorded: &Recorded, how: How, dir: &Path) -> Result<(), Error> {
    let (info, started) = (&recorded.info, Path::new(&recorded.info.dir));
    // A folder that is gone was moved, or was another machine's.
    if info.dir.is_empty() || started == dir || !started.is_dir() {
        return Ok(());
    }
    let flag = if how == How::Resumes { "--resume" } else { "--rerun" };
    let folder = shlex::try_quote(&info.dir).unwrap_or_default();
    Err(Error::new(Kind::Usage, format!("run {} was started in {}: go on with it there", info.id, info.dir))
        .hint(format!("cd {folder} && pb run {flag} {}", info.id)))
}

/// Nobody works on it, and nothing of it is left in the clusters.
fn may_go_on(recorded: &Recorded) -> Result<(), Error> {
    let id = &recorded.info.id;
    if recorded.is_running() && recorded.info.end.is_some() {
        return Err(Error::new(Kind::Usage, format!("another process works in run {id}: pb clean, most likely"))
            .hint("wait for it to end"));
    }
    if recorded.is_running() {
        return Err(Error::new(
            Kind::Usage,
            format!("run {id} is still running: process {} on {} holds it", recorded.info.pid, recorded.info.host),
        )
        .hint(format!("pb show {id} says how far it is")));
    }
    let left = recorded.left()?;
    if left.rows.is_empty() && left.unreadable.is_empty() {
        return Ok(());
    }
    let count = left.rows.len() + left.unreadable.len();
    let mut error =
        Error::new(Kind::Usage, format!("run {id} has left {} that {} not undone", plural(count, "change"), is(count)));
    for row in &left.rows {
        let why = row.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let age = jiff::Timestamp::now().duration_since(row.at);
        let ago = Duration::try_from(age).map(short).unwrap_or_default();
        error = error.because(format!("{}, {ago} ago{why}", row.row.change));
    }
    for unreadable in &left.unreadable {
        error = error.because(unreadable.to_string());
    }
    Err(error.hint(format!("pb clean {id} undoes them; then this goes on")))
}
