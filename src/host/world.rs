//! What all steps of a run share: configuration, clients, clock, events, permissions.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::ledger::Ledger;
use super::redact::Redactor;
use crate::clock::Clock;
use crate::config::Config;
use crate::event::{Bus, Effect};

/// What the operator allowed.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    /// `--read-only`: nothing but read.
    pub read_only: bool,
    /// `--allow disrupt`
    pub disrupt: bool,
    /// `--allow destroy=CLUSTER`
    pub destroy: BTreeSet<String>,
}

impl Permissions {
    /// The flag that is missing for an effect on a cluster; none where it is allowed. What `--read-only` forbids is
    /// another matter: no flag allows it.
    pub fn missing(&self, effect: Effect, cluster: Option<&str>) -> Option<String> {
        match effect {
            Effect::Read | Effect::Write => None,
            // Who may destroy on some cluster may disrupt.
            Effect::Disrupt => (!self.disrupt && self.destroy.is_empty()).then(|| "--allow disrupt".into()),
            Effect::Destroy => {
                let allowed = cluster.is_some_and(|cluster| self.destroy.contains(cluster));
                (!allowed).then(|| format!("--allow destroy={}", cluster.unwrap_or("CLUSTER")))
            }
        }
    }
}

/// Playbook, cluster (none: the value without one) and name of a setting.
pub type SettingKey = (String, Option<String>, String);

/// What all steps of a run share.
pub struct World {
    /// The run's id: its folder's name.
    pub run: String,
    /// The run's folder, for evidence; none where nothing is kept.
    pub folder: Option<PathBuf>,
    /// The validated configuration.
    pub config: Arc<Config>,
    /// Where host calls run.
    pub runtime: tokio::runtime::Handle,
    /// Where events go.
    pub bus: Arc<Bus>,
    /// The one clock.
    pub clock: Arc<dyn Clock>,
    /// The secrets met so far.
    pub redactor: Arc<Redactor>,
    /// What is still to be undone.
    pub ledger: Ledger,
    /// What the operator allowed.
    pub permissions: Permissions,
    /// Set by the first Ctrl-C.
    pub cancel: CancellationToken,
    /// `t.publish`: by step id without cluster or with it, then by name.
    pub published: Mutex<BTreeMap<String, BTreeMap<String, serde_json::Value>>>,
    /// The texts of the playbooks and modules that were loaded, by the name that positions carry.
    pub sources: Mutex<HashMap<String, Arc<str>>>,
    /// Every setting's value, by playbook, cluster and name.
    pub settings: Mutex<HashMap<SettingKey, rhai::Dynamic>>,
    calls: AtomicU64,
    parts: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("run", &self.run).finish_non_exhaustive()
    }
}

impl World {
    /// Puts the world together.
    #[expect(clippy::too_many_arguments, reason = "each is one thing that a run needs")]
    pub fn new(
        run: String,
        folder: Option<PathBuf>,
        config: Arc<Config>,
        runtime: tokio::runtime::Handle,
        bus: Arc<Bus>,
        clock: Arc<dyn Clock>,
        redactor: Arc<Redactor>,
        permissions: Permissions,
    ) -> Arc<Self> {
        config.names().for_each(|name| redactor.name(name));
        Arc::new(Self {
            run,
            folder,
            config,
            runtime,
            bus,
            clock,
            redactor,
            ledger: Ledger::default(),
            permissions,
            cancel: CancellationToken::new(),
            published: Mutex::default(),
            sources: Mutex::default(),
            settings: Mutex::default(),
            calls: AtomicU64::new(0),
            parts: Mutex::default(),
        })
    }

    /// Six characters that mark everything this run creates: the end of its id.
    pub fn mark(&self) -> &str {
        let from = self.run.len().saturating_sub(6);
        &self.run[from..]
    }

    /// The next call's number.
    pub fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A part that a host module keeps for the run (its clients, its sessions), made when first asked for.
    pub fn part<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let part = parts.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default())).clone();
        drop(parts);
        part.downcast::<T>().unwrap_or_default()
    }

    /// The text of a line of a loaded source.
    pub fn source_line(&self, file: &str, line: usize) -> Option<String> {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let text = sources.get(file)?;
        text.lines().nth(line.checked_sub(1)?).map(Into::into)
    }
}
