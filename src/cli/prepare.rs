//! From arguments to a plan: configuration, library, the loaded playbooks, what is selected of them.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::args::{Configured, Inside, Selected};
use super::secret_settings;
use crate::clock::{Clock, System};
use crate::config::{Config, Environment, Overrides};
use crate::error::{Error, Kind};
use crate::event::SettingInfo;
use crate::playbook::plan::{Declared, Plan};
use crate::playbook::{Library, PlaybookKind, Source};
use crate::script::check::no_steps;
use crate::script::load::{Loaded, Loader};
use crate::script::salvage::guessed;
use crate::script::{settings, targets};

/// The configuration, and what compiles playbooks.
pub(super) struct Prepared {
    pub(super) config: Arc<Config>,
    pub(super) loader: Loader,
    /// What the command's time goes by.
    pub(super) clock: Arc<dyn Clock>,
    /// What was opened for this command alone, and closes with it.
    #[cfg_attr(not(feature = "lab"), expect(dead_code, reason = "without the lab nothing is opened"))]
    pub(super) platform: Option<Box<dyn Any>>,
}

/// What would run.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) loaded: Vec<Loaded>,
    pub(super) plan: Plan,
}

pub(super) fn prepare(overrides: &Overrides, environment: &Environment) -> Result<Prepared, Vec<Error>> {
    Ok(prepared(crate::config::load(overrides, environment)?, environment))
}

/// The same with a configuration that is there already.
pub(super) fn prepared(config: Config, environment: &Environment) -> Prepared {
    let config = Arc::new(config);
    let library = Library::new(&config.dir, &environment.dir);
    let loader = Loader::new(library, settings::from_config(config.clone()));
    Prepared { config, loader, clock: Arc::new(System), platform: None }
}

pub(super) fn configured(args: &Configured, environment: &Environment) -> Result<Prepared, Vec<Error>> {
    prepare(&args.overrides(), environment)
}

/// What the command is to work on: as configured, or a lab that is opened for it.
pub(super) fn inside(inside: &Inside, args: &Configured, environment: &Environment) -> Result<Prepared, Vec<Error>> {
    #[cfg(feature = "lab")]
    if let Some(topology) = &inside.lab {
        return super::inside::open(topology, args, environment);
    }
    let Inside { .. } = inside;
    configured(args, environment)
}

impl Prepared {
    /// The ids of all playbooks, broken ones too.
    pub(super) fn ids(&self) -> Vec<String> {
        let sources = self.loader.library.playbooks().unwrap_or_default();
        let playbooks = sources.iter().filter(|s| !self.loader.is_module(s));
        playbooks.map(|s| self.loader.salvage(s, &[]).loaded.map_or_else(|| guessed(s).0, |l| l.info.id)).collect()
    }

    /// Loads the targets and plans what is selected of them.
    pub(super) fn plan(
        &self,
        wanted: &[String],
        selected: &Selected,
        timeout: Duration,
    ) -> Result<Planned, Vec<Error>> {
        let clusters: Vec<String> = self.config.clusters.keys().cloned().collect();
        let mut loaded = targets::load(&self.loader, wanted, &clusters).map_err(|mut problems| {
            let sources = targets::sources(&self.loader, wanted).unwrap_or_default();
            add_new(&mut problems, self.wrong_settings(&sources));
            problems
        })?;
        targets::load_needed(&self.loader, &mut loaded, &clusters)?;
        let problems = self.unknown_settings(&loaded);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut declared: Vec<Declared> = loaded.iter().map(|l| l.declared.clone()).collect();
        if declared.len() > 1 {
            let known = self.order();
            declared.iter_mut().for_each(|d| d.playbook.after.extend(before(&d.playbook.id, &known)));
        }
        let plan = Plan::new(&declared, &clusters, &selected.selection(), timeout)?;
        if plan.steps.is_empty() {
            let empty = |l: &&Loaded| l.declared.steps.get(&None).is_none_or(Vec::is_empty);
            let without: Vec<Error> = loaded.iter().filter(empty).map(no_steps).collect();
            if without.len() == loaded.len() {
                return Err(without);
            }
            return Err(vec![
                Error::new(Kind::Usage, format!("{}: no step is selected", wanted.join(" ")))
                    .hint("pb plan shows the steps that there are; --only, --skip, --priority and --cluster select"),
            ]);
        }
        Ok(Planned { loaded, plan })
    }

    /// What every known playbook comes after: a selection of t2 and t14 keeps their order although
    /// those between them are left out.
    fn order(&self) -> BTreeMap<String, Vec<String>> {
        let sources = self.loader.library.playbooks().unwrap_or_default();
        let loaded = sources.iter().filter_map(|s| self.loader.load(s, &[]).ok());
        loaded.map(|l| (l.info.id, l.declared.playbook.after)).collect()
    }

    /// What is configured of settings that no playbook declares. The other playbooks are looked at
    /// only where the loaded ones do not explain everything.
    fn unknown_settings(&self, loaded: &[Loaded]) -> Vec<Error> {
        let mut declared: Vec<crate::config::Declared> = loaded.iter().flat_map(declared_settings).collect();
        if self.config.settings.check(&declared).is_empty() {
            return Vec::new();
        }
        let others = self.loader.library.playbooks().unwrap_or_default();
        let others = others.iter().filter(|s| !loaded.iter().any(|l| l.source.name == s.name));
        declared.extend(others.flat_map(|source| self.settings_of(source)));
        self.config.settings.check(&declared)
    }

    /// Everything that is wrong with the configured settings, given the known playbooks and those of `also`.
    pub(super) fn wrong_settings(&self, also: &[Source]) -> Vec<Error> {
        if self.config.settings.rows.is_empty() {
            return Vec::new();
        }
        let library = self.loader.library.playbooks().unwrap_or_default();
        let others = library.iter().filter(|s| !also.iter().any(|a| a.name == s.name));
        let declared: Vec<_> = also.iter().chain(others).flat_map(|source| self.settings_of(source)).collect();
        self.config.settings.check(&declared)
    }

    /// What a playbook declares, also where it is broken.
    fn settings_of(&self, source: &Source) -> Vec<crate::config::Declared> {
        if let Some(loaded) = self.loader.salvage(source, &[]).loaded {
            return declared_settings(&loaded);
        }
        let (playbook, names) = guessed(source);
        let declared = |name| crate::config::Declared { playbook: playbook.clone(), name, default: None };
        names.into_iter().map(declared).collect()
    }

    /// Steps of the known playbooks, procedures aside, that a plan leaves out.
    pub(super) fn not_selected(&self, planned: &Planned) -> u64 {
        let clusters: Vec<String> = self.config.clusters.keys().cloned().collect();
        let mut all: Vec<Declared> = Vec::new();
        for source in self.loader.library.playbooks().unwrap_or_default() {
            let known = planned.loaded.iter().find(|l| l.source.name == source.name).cloned();
            if let Some(loaded) = known.or_else(|| self.loader.load(&source, &[]).ok())
                && loaded.declared.playbook.kind == PlaybookKind::Validation
            {
                let mut declared = loaded.declared;
                declared.support = false;
                all.push(declared);
            }
        }
        let everything = Plan::new(&all, &clusters, &Selected::default().selection(), Duration::ZERO);
        let ids: Vec<String> =
            everything.map(|plan| plan.steps.into_iter().map(|s| s.info.id).collect()).unwrap_or_default();
        ids.iter().filter(|id| !planned.plan.steps.iter().any(|s| s.info.id == **id)).count() as u64
    }
}

/// Every playbook that comes before one, directly or not.
fn before(id: &str, known: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = known.get(id).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if next != id && found.insert(next.clone()) {
            open.extend(known.get(next).into_iter().flatten());
        }
    }
    found
}

fn declared_settings(loaded: &Loaded) -> Vec<crate::config::Declared> {
    let none = loaded.values_of_none();
    none.map(|(name, default)| crate::config::Declared {
        playbook: loaded.info.id.clone(),
        name: name.to_string(),
        default: settings::to_config(default),
    })
    .collect()
}

/// Adds errors that say something new: a wrong value is found where it is declared, and among the configured ones.
pub(super) fn add_new(errors: &mut Vec<Error>, more: Vec<Error>) {
    for error in more {
        if !errors.iter().any(|e| e.message == error.message) {
            errors.push(error);
        }
    }
}

/// Every setting once, and again for each cluster where its value differs.
pub(super) fn all_settings(loaded: &[Loaded]) -> Vec<SettingInfo> {
    let mut out = Vec::new();
    for playbook in loaded {
        let plain = playbook.settings.get(&None).cloned().unwrap_or_default();
        for setting in plain {
            let of_clusters = playbook.settings.iter().filter(|(cluster, _)| cluster.is_some()).flat_map(|(_, s)| s);
            let differing: Vec<SettingInfo> =
                of_clusters.filter(|s| s.name == setting.name && s.value != setting.value).cloned().collect();
            out.push(setting);
            out.extend(differing);
        }
    }
    secret_settings::told(out)
}
