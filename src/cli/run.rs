//! `pb run TARGET…`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Outcome;
use super::args::{Wanted, span};
use super::described;
use super::prepare::{self, Planned, Prepared};
use super::resume::{self, Before, GoesOn};
use super::secret_settings;
use crate::client::kube::connect;
use crate::clock::Clock;
use crate::config::Environment;
use crate::error::{Error, Kind, did_you_mean};
use crate::event::{Bus, Former, Listener, ModuleInfo};
use crate::host::World;
use crate::host::call::STEP_LIMIT;
use crate::host::redact::{Redactor, filter};
use crate::host::world::Permissions;
use crate::record::{self, Record};
use crate::report::{self, Detail, Problems, Terminal, TerminalOptions};
use crate::runner::{self, Run, Taken};
use crate::script::call::Caller;
use crate::ui::Ui;

/// Steps that run side by side, unless `--jobs` says otherwise: they wait for the platform, not for this machine.
pub(super) const JOBS: usize = 4;

/// `pb run`
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// Playbooks: files, folders, ids that pb list shows, or all
    #[arg(required_unless_present_any = ["resume", "rerun"], value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// Go on with a recorded run: what passed there stands, the rest runs, the result is that of the whole. Targets and
    /// options are those of then; what is typed is added or overrides
    #[arg(long, value_name = "RUN", conflicts_with = "rerun", help_heading = "Earlier runs")]
    pub(super) resume: Option<String>,
    /// Repeat of a recorded run what failed, was not found out or never ran, and that alone; the end names what is
    /// still outstanding
    #[arg(long, value_name = "RUN", help_heading = "Earlier runs")]
    pub(super) rerun: Option<String>,
    /// Let steps run that disrupt, or that destroy on this cluster: disrupt, destroy=infra
    #[arg(long, value_name = "disrupt|destroy=CLUSTER", value_delimiter = ',', help_heading = "Safety")]
    pub(super) allow: Vec<String>,
    /// Refuse everything but reading
    #[arg(long, help_heading = "Safety", conflicts_with = "allow")]
    pub(super) read_only: bool,
    /// Steps that run side by side [default: 4]
    #[arg(long, value_name = "N", help_heading = "Course")]
    pub(super) jobs: Option<usize>,
    /// The deadline of steps that declare none [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = span, allow_hyphen_values = true, help_heading = "Course")]
    pub(super) timeout: Option<Duration>,
    /// Break something in the lab, at once or after so long; pb lab faults lists what
    #[cfg(feature = "lab")]
    #[arg(long = "fault", value_name = "NAME[@30s]", requires = "lab", help_heading = "Course")]
    pub(super) faults: Vec<String>,
    /// A report in a file, for example json=run.json
    #[arg(long = "report", value_name = "FORMAT=FILE", help_heading = "Output", help = reports_help())]
    pub(super) reports: Vec<String>,
    /// Show each host call as the command that a person could type
    #[arg(long, help_heading = "Output")]
    explain: bool,
    /// Show only what is not well, and the summary
    #[arg(short, long, help_heading = "Output", conflicts_with = "verbose")]
    quiet: bool,
    /// Show notes and metrics of steps that passed, too
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
}

/// `A report in a file; json: everything …; junit: …`
fn reports_help() -> String {
    let formats: Vec<String> = report::FORMATS.iter().map(|f| format!("{}=FILE ({})", f.name, f.about)).collect();
    format!("A report in a file: {}", formats.join(", "))
}

pub(super) fn run(args: &Args, environment: &Environment) -> Outcome {
    let mut args = args.clone();
    let before = Before::open(&args, environment)?;
    if let Some(before) = &before {
        before.fill(&mut args)?;
    }
    let reports = args.reports.iter().map(|r| report::parse(r)).collect::<Result<Vec<_>, _>>().map_err(|e| vec![e])?;
    if args.jobs == Some(0) {
        return Err(vec![
            Error::new(Kind::Usage, "--jobs 0: nothing could run").hint("--jobs 1 runs one step at a time"),
        ]);
    }
    #[cfg(feature = "lab")]
    args.wanted.inside.faults.clone_from(&args.faults);
    args.wanted.inside.begin(&args.targets, before.is_some());
    let prepared = prepare::inside(&args.wanted.inside, &args.wanted.configured, environment)?;
    let permissions = permissions(&args, &prepared)?;
    let timeout = args.timeout.unwrap_or(STEP_LIMIT);
    let mut clusters = described::clusters(&prepared.config);
    if let Some(before) = &before {
        before.identify(&mut clusters, &prepared)?;
    }
    let goes_on = match &before {
        Some(before) => match before.plan(&prepared, &mut args, &clusters, timeout)? {
            Ok(goes_on) => Some(goes_on),
            Err(nothing) => return nothing_to_do(&nothing),
        },
        None => None,
    };
    let (planned, former, taken) = match goes_on {
        Some(GoesOn { planned, former, taken }) => (planned, Some(former), taken),
        None => (prepared.plan(&args.targets, &args.wanted.selected, timeout)?, None, BTreeMap::new()),
    };
    clusters_there(&prepared, &planned, &taken)?;
    let not_selected = if reports.is_empty() { 0 } else { prepared.not_selected(&planned) };

    let clock: Arc<dyn Clock> = prepared.clock.clone();
    let mut info = described::described(&args, &prepared, &planned, environment, clock.now());
    info.filed = Some(jiff::Timestamp::now());
    (info.clusters, info.former) = (clusters, former.clone());
    let redactor = Arc::new(Redactor::default());
    names(&prepared, &planned).for_each(|name| redactor.name(&name));
    secret_settings::register(&planned.loaded, &redactor);
    // What is typed may hold a key or a token: the record keeps none.
    let info = record::freed(info, &*filter(redactor.clone()));
    let (folder, record) = Record::create(&prepared.config.record, info).map_err(|e| vec![e])?;
    if let Some(before) = &before {
        before.copy_evidence(&taken, &folder.path).map_err(|e| vec![e])?;
    }
    let learning = redactor.clone();
    let record = record.knowing(move || learning.known());
    let unrecorded = record.unwritten();
    let problems = Problems::default();
    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    let options = TerminalOptions { detail, explain: args.explain, ..TerminalOptions::default() };
    let terminal = Terminal::new(Ui::stdout(), options, clock.clone(), Box::new(std::io::stdout()));
    let mut listeners: Vec<Box<dyn Listener>> = vec![Box::new(record), Box::new(terminal.telling(&problems))];
    listeners.extend(reports.into_iter().map(|target| target.listener(&problems)));

    let bus = Bus::new(clock.clone(), filter(redactor.clone()), listeners);
    let runtime = super::runtime()?;
    let world = World::new(
        folder.id.clone(),
        Some(folder.path.clone()),
        prepared.config.clone(),
        runtime.handle().clone(),
        bus.clone(),
        clock,
        redactor,
        permissions,
    );
    runner::watch_for_interrupts(&world);
    let mut run = assemble(
        args.jobs.unwrap_or(JOBS),
        &prepared,
        planned,
        &world,
        not_selected,
        Some(shown(&folder.path, environment)),
    );
    (run.former, run.taken) = (former, taken);
    let finished = run.execute();
    bus.close();
    let unwritten: Vec<Error> = unrecorded.take().into_iter().chain(problems.take()).collect();
    // Whatever still runs in the background belongs to a call that was given up.
    runtime.shutdown_background();
    if unwritten.is_empty() {
        return Ok(finished.exit_code);
    }
    // What the steps found weighs more than that it could not be written down, and is not lost for it.
    Ok(super::strongest(&[finished.exit_code, super::report(&unwritten)]))
}

/// Says that no step of the former run is to be run again, and why.
fn nothing_to_do(former: &Former) -> Outcome {
    let (lines, code) = resume::nothing_to_do(former);
    let mut out = std::io::stdout().lock();
    lines.iter().try_for_each(|line| super::say(&mut out, line))?;
    Ok(code)
}

pub(super) fn assemble(
    jobs: usize,
    prepared: &Prepared,
    planned: Planned,
    world: &Arc<World>,
    not_selected: u64,
    record: Option<String>,
) -> Run {
    let mut bodies = BTreeMap::new();
    let mut playbooks = Vec::new();
    let settings = prepare::all_settings(&planned.loaded);
    let modules = modules(&planned);
    for loaded in planned.loaded {
        world.settings.lock().unwrap_or_else(PoisonError::into_inner).extend(loaded.values);
        for ((cluster, step), body) in loaded.bodies {
            bodies.insert((loaded.info.id.clone(), cluster, step), body);
        }
        playbooks.push(loaded.info);
    }
    playbooks.sort_by_key(|p| planned.plan.playbooks.iter().position(|id| *id == p.id));
    playbooks.retain(|p| planned.plan.playbooks.contains(&p.id));
    let sources = prepared.loader.sources.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = sources.iter().map(|(name, source)| (name.clone(), source.text.clone()));
    world.sources.lock().unwrap_or_else(PoisonError::into_inner).extend(texts);
    drop(sources);
    Run {
        world: world.clone(),
        caller: Caller::new(prepared.loader.engine.clone(), prepared.loader.sources.clone()),
        plan: planned.plan,
        bodies,
        playbooks,
        modules,
        settings,
        arguments: secret_settings::typed(),
        jobs,
        not_selected,
        record,
        former: None,
        taken: BTreeMap::new(),
    }
}

/// What the run goes by: its configuration, playbooks with their files, steps and settings.
fn names(prepared: &Prepared, planned: &Planned) -> impl Iterator<Item = String> {
    let config = prepared.config.names().map(String::from);
    let playbooks = planned.loaded.iter().flat_map(|loaded| {
        let files = std::iter::once(&loaded.info.path).chain(loaded.modules.iter().map(|module| &module.name));
        let files = files.flat_map(|path| [path.as_str(), path.rsplit('/').next().unwrap_or_default()]);
        let settings = loaded.settings.values().flatten().map(|setting| setting.name.as_str());
        files.chain(settings).chain([loaded.info.id.as_str()]).map(String::from)
    });
    let steps = planned.plan.steps.iter().map(|step| &step.info);
    let steps = steps.flat_map(|s| [s.id.clone(), s.step.clone(), format!("{}/{}", s.playbook, s.step)]);
    config.chain(playbooks).chain(steps)
}

/// What the playbooks of a plan import, each module once.
fn modules(planned: &Planned) -> Vec<ModuleInfo> {
    let mut found: BTreeMap<String, ModuleInfo> = BTreeMap::new();
    for id in &planned.plan.playbooks {
        for source in planned.loaded.iter().filter(|l| l.info.id == *id).flat_map(|l| &l.modules) {
            let module = found.entry(source.name.clone()).or_insert_with(|| ModuleInfo {
                name: source.stem().to_string(),
                path: source.name.clone(),
                sha256: source.sha256(),
                source: source.origin_word().into(),
                playbooks: Vec::new(),
            });
            module.playbooks.push(id.clone());
        }
    }
    found.into_values().collect()
}

/// Every cluster that a step runs on has a kubeconfig with its context: a mistake there is told before
/// anything has run, and all of them at once.
fn clusters_there(prepared: &Prepared, planned: &Planned, taken: &BTreeMap<String, Taken>) -> Result<(), Vec<Error>> {
    let config = &prepared.config;
    let run = planned.plan.steps.iter().filter(|step| !taken.contains_key(&step.info.id));
    let wanted: BTreeSet<&String> = run.flat_map(|step| &step.clusters).collect();
    let look = |name: &String| {
        let cluster = config.cluster(name)?;
        connect::look(name, cluster.kubeconfig.as_deref(), config.context(name))
    };
    let problems: Vec<Error> = wanted.into_iter().filter_map(|name| look(name).err()).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn permissions(args: &Args, prepared: &Prepared) -> Result<Permissions, Vec<Error>> {
    let mut permissions = Permissions { read_only: args.read_only, ..Permissions::default() };
    let clusters: Vec<&str> = prepared.config.clusters.keys().map(String::as_str).collect();
    for word in &args.allow {
        match word.split_once('=') {
            None if word == "disrupt" => permissions.disrupt = true,
            Some(("destroy", cluster)) if clusters.contains(&cluster) => {
                permissions.disrupt = true;
                permissions.destroy.insert(cluster.to_string());
            }
            Some(("destroy", cluster)) => {
                return Err(vec![
                    Error::new(
                        Kind::Usage,
                        format!("--allow {word}: no cluster \"{cluster}\" (there are: {})", clusters.join(", ")),
                    )
                    .maybe_hint(did_you_mean(cluster, clusters.iter().copied())),
                ]);
            }
            _ => {
                return Err(vec![
                    Error::new(Kind::Usage, format!("--allow {word}: expected disrupt, or destroy=CLUSTER"))
                        .hint("read and write need no permission; destroy names its cluster"),
                ]);
            }
        }
    }
    Ok(permissions)
}

fn shown(path: &std::path::Path, environment: &Environment) -> String {
    let path: PathBuf = path.strip_prefix(&environment.dir).unwrap_or(path).to_path_buf();
    path.display().to_string()
}
