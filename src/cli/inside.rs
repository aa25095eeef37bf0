//! `--lab`: a platform of the program's own, opened for one command, in place of what `pb.toml` leads to.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{Configured, Inside};
use super::prepare::{Prepared, prepared};
use crate::clock::Clock;
use crate::config::settings::Row;
use crate::config::{Config, Environment, Origin, Overrides, load};
use crate::error::{Error, Kind, Result};
use crate::lab::clock::{LabClock, Pace};
use crate::lab::faults::{FOLLOWED, settle, timed};
use crate::lab::up::Lab;
use crate::lab::world::{Topology, read, stage};
use crate::playbook::Library;

/// What the name of the playbook begins with that bootstraps Talos.
const BUILDS: &str = "t1-";

/// An open lab with what it needs; it goes when this is dropped.
struct Open {
    lab: Option<Lab>,
    runtime: Option<tokio::runtime::Runtime>,
    _dir: Folder,
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(self.lab.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Does something with the lab that a command was prepared with.
pub(super) fn within<T>(
    prepared: &Prepared,
    work: impl FnOnce(&Lab, &tokio::runtime::Runtime) -> T,
) -> Result<T, Vec<Error>> {
    let open = prepared.platform.as_ref().and_then(|platform| platform.downcast_ref::<Open>());
    let parts = open.and_then(|open| Some((open.lab.as_ref()?, open.runtime.as_ref()?)));
    let (lab, runtime) = parts.ok_or_else(|| vec![Error::new(Kind::Io, "no lab is open for this command")])?;
    Ok(work(lab, runtime))
}

/// Opens a lab, and configures the command for it.
pub(super) fn open(
    topology: &str,
    inside: &Inside,
    args: &Configured,
    environment: &Environment,
) -> Result<Prepared, Vec<Error>> {
    let faults = timed::all(&inside.faults)?;
    let topology = read::named(topology, &environment.dir)?;
    let name = topology.name.clone();
    let profile = topology.profile.clone().unwrap_or_else(|| name.clone());
    let own = of_pb_toml(args, environment, &profile)?;
    let stage = inside.stage.as_deref().unwrap_or_else(|| first_stage(&topology, inside, &own, environment));
    stage::find(&topology.stages, stage).map_err(|e| vec![e])?;
    let stage = stage.to_owned();
    let runtime = super::runtime()?;
    let folder = Folder::new().map_err(|e| vec![e])?;
    let dir = folder.path().to_path_buf();
    let mut open = Open { lab: None, runtime: Some(runtime), _dir: folder };
    let clock = LabClock::at(inside.clock.unwrap_or(Pace::Skipping));
    let opening = Lab::open_at(topology, clock.clone(), &dir, &stage);
    if let Some(runtime) = &open.runtime {
        let timed: Arc<dyn Clock> = Arc::new(clock.clone());
        let opening = async {
            let lab = opening.await?;
            stand_ins(&dir)?;
            // What is broken from the beginning has had its consequences when a run begins.
            let (first, later): (Vec<_>, Vec<_>) = faults.iter().copied().partition(|fault| fault.after.is_zero());
            lab.faults.begin(&first, &timed)?;
            if !first.is_empty() {
                settle(&lab, FOLLOWED).await;
            }
            lab.faults.begin(&later, &timed)?;
            Ok(lab)
        };
        open.lab = Some(runtime.block_on(opening).map_err(|e| vec![e])?);
    }
    let config = Overrides {
        config: Some(dir.join("pb.toml")),
        set: args.set.clone(),
        profiles: Some(own.dir.clone()),
        ..Overrides::default()
    };
    let config = joined(own, load(&config, environment)?, &profile);
    let mut prepared = prepared(config, environment);
    prepared.clock = Arc::new(clock.hurried());
    prepared.platform = Some(Box::new(open) as Box<dyn Any>);
    Ok(prepared)
}

/// Where a run begins that says nothing of it: at the first stage if everything is to run, and a playbook is there that
/// builds the clusters up; else everything is there.
fn first_stage<'t>(topology: &'t Topology, inside: &Inside, own: &Config, environment: &Environment) -> &'t str {
    let library = Library::new(&own.dir, &environment.dir);
    let builds = || library.playbooks().unwrap_or_default().iter().any(|source| source.stem().starts_with(BUILDS));
    let first = topology.stages.first().filter(|_| inside.whole && builds());
    first.map_or(stage::COMPLETE, |stage| stage.name.as_str())
}

/// What `pb.toml` says, with the profile of the topology where it has one, and not with the one that its own platform has. Settings that were typed are
/// left to the lab's own configuration, which knows its clusters.
fn of_pb_toml(args: &Configured, environment: &Environment, name: &str) -> Result<Config, Vec<Error>> {
    let plain = Environment { variables: Default::default(), ..environment.clone() };
    let with = |profile: Option<String>| {
        load(&Overrides { config: args.config.clone(), profile, bare: true, ..Overrides::default() }, &plain)
    };
    match &args.profile {
        Some(profile) => with(Some(profile.clone())),
        None => with(Some(name.into())).or_else(|_| with(None)),
    }
}

/// `pb.toml` with the lab's clusters, hosts, endpoints and networks; and with its settings, which count as a profile's.
fn joined(own: Config, lab: Config, name: &str) -> Config {
    let profiled = |mut row: Row| {
        if let Origin::File { cluster, .. } = row.origin {
            row.origin = Origin::Profile { name: name.into(), cluster };
        }
        row
    };
    let mut joined = Config {
        clusters: lab.clusters,
        hosts: lab.hosts,
        endpoints: lab.endpoints,
        networks: lab.networks,
        tools: lab.tools,
        profile: Some(own.profile.clone().unwrap_or_else(|| name.into())),
        ..own
    };
    // The later one of two of the same weight counts: what is in pb.toml's own profile stands above the lab's.
    let mut rows: Vec<Row> = lab.settings.rows.into_iter().map(profiled).collect();
    std::mem::swap(&mut rows, &mut joined.settings.rows);
    let known = |row: &Row| row.cluster.as_ref().is_none_or(|cluster| joined.clusters.contains_key(cluster));
    joined.settings.rows.extend(rows.into_iter().filter(known).collect::<Vec<_>>());
    joined
}

/// Writes the scripts by which programs call this one in place of the platform's tools.
pub(super) fn stand_ins(dir: &Path) -> Result<()> {
    let own = std::env::current_exe();
    let own = own.map_err(|e| Error::new(Kind::Io, "it can't be told where this program is").caused_by(&e))?;
    crate::lab::tools::write(dir, &own)
}

/// A folder of a lab's own, with what is in it for as long as it is needed.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Result<Self> {
        folder().map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Where it stays, it is a folder with keys to a lab that is no more.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A folder of the lab's own, that nobody else can look into.
fn folder() -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let base = std::env::temp_dir();
    let mut last = None;
    for attempt in 0..100 {
        let dir = base.join(format!("pb-lab-{}-{attempt}", std::process::id()));
        match std::fs::DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => return Ok(dir),
            Err(e) => last = Some(e),
        }
    }
    let error = unmade(&base);
    Err(last.map_or(error.clone(), |e| error.caused_by(&e)))
}

fn unmade(base: &Path) -> Error {
    Error::new(Kind::Io, format!("no folder for the lab can be made in {}", base.display()))
}
