//! Arguments that several subcommands share.

use std::path::PathBuf;

use crate::config::Overrides;
use crate::error::Error;
#[cfg(not(feature = "lab"))]
use crate::error::Kind;
use crate::playbook::plan::Selection;

/// Where configuration comes from.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Configured {
    /// The configuration; default: pb.toml here or in a folder above
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The kubeconfig's context of a cluster
    #[arg(long = "context", value_name = "NAME=CONTEXT")]
    pub(super) contexts: Vec<String>,
    /// A profile of pb.toml, of playbooks/profiles/, or one that comes with the program
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// A setting's value, of all playbooks and clusters or of one
    #[arg(long = "set", value_name = "[CLUSTER:][PLAYBOOK.]NAME=VALUE")]
    pub(super) set: Vec<String>,
}

impl Configured {
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            contexts: self.contexts.clone(),
            profile: self.profile.clone(),
            set: self.set.clone(),
            ..Overrides::default()
        }
    }
}

/// Whether a simulated platform takes the place of what is configured.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Configuration")]
pub(super) struct Inside {
    /// A simulated platform in place of the clusters, hosts, endpoints and networks of pb.toml; it is open as long as
    /// the command runs
    #[cfg(feature = "lab")]
    #[arg(long, value_name = "TOPOLOGY", num_args = 0..=1, require_equals = true, conflicts_with = "contexts")]
    #[arg(default_missing_value = crate::lab::world::read::DEFAULT)]
    pub(super) lab: Option<String>,
    /// What is broken in it; `run` alone has an option for that.
    #[cfg(feature = "lab")]
    #[arg(skip)]
    pub(super) faults: Vec<String>,
    /// How far its clusters are built when the command begins: a stage's name, as pb lab stages lists them, or complete.
    /// Default: bare for `all` where a playbook builds them up, else complete
    #[cfg(feature = "lab")]
    #[arg(long, value_name = "STAGE", requires = "lab")]
    pub(super) stage: Option<String>,
    /// How fast its time goes, and with it every deadline and wait: 1x, 60x, or skip, which shortens every wait that
    /// nothing but time can end [default: skip]
    #[cfg(feature = "lab")]
    #[arg(long, value_name = "RATE", requires = "lab")]
    pub(super) clock: Option<crate::lab::clock::Pace>,
    /// Whether everything is to run, from the beginning.
    #[cfg(feature = "lab")]
    #[arg(skip)]
    pub(super) whole: bool,
}

impl Inside {
    /// Notes what is to run: where it is everything, somebody may mean to build the platform up.
    pub(super) fn begin(&mut self, targets: &[String], goes_on: bool) {
        #[cfg(feature = "lab")]
        {
            self.whole = !goes_on && targets.iter().any(|target| target == "all");
        }
        #[cfg(not(feature = "lab"))]
        let _ = (targets, goes_on);
    }

    /// The simulated platform that was asked for.
    pub(super) fn platform(&self) -> Option<&String> {
        #[cfg(feature = "lab")]
        return self.lab.as_ref();
        #[cfg(not(feature = "lab"))]
        None
    }

    /// Asks for the one that a former run had, unless another was typed: no step of it may meet a real platform.
    ///
    /// # Errors
    /// [`Kind::Usage`] where this program has none.
    #[cfg_attr(feature = "lab", expect(clippy::unnecessary_wraps, reason = "without the lab it can fail"))]
    pub(super) fn go_on(&mut self, platform: &str) -> Result<(), Error> {
        #[cfg(feature = "lab")]
        {
            self.lab.get_or_insert_with(|| platform.into());
            Ok(())
        }
        #[cfg(not(feature = "lab"))]
        Err(Error::new(Kind::Usage, format!("the run was made with --lab={platform}, and this program has no lab")))
    }
}

/// What is to run, or to be shown as it would.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Wanted {
    #[command(flatten)]
    pub(super) selected: Selected,
    #[command(flatten)]
    pub(super) configured: Configured,
    #[command(flatten)]
    pub(super) inside: Inside,
}

/// What of the targets is selected.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct Selected {
    /// Only steps whose id matches: bgp-*, t5/bgp-table, bgp-table@infra
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// No steps whose id matches
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub(super) skip: Vec<String>,
    /// Only steps of these priorities: P0, P1, P2
    #[arg(long, value_name = "PRIORITY", value_delimiter = ',')]
    pub(super) priority: Vec<String>,
    /// Only on these clusters
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) cluster: Vec<String>,
    /// Begin at this step
    #[arg(long, value_name = "STEP")]
    pub(super) from: Option<String>,
}

impl Selected {
    pub(super) fn selection(&self) -> Selection {
        Selection {
            only: self.only.clone(),
            skip: self.skip.clone(),
            priorities: self.priority.iter().map(|p| p.to_uppercase()).collect(),
            clusters: self.cluster.clone(),
            from: self.from.clone(),
        }
    }
}

/// `15s`, `5m`
pub(super) fn span(text: &str) -> Result<std::time::Duration, String> {
    if text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("\"{text}\" is below zero; expected one such as 90s or 5m"));
    }
    crate::config::units::duration(text)
        .filter(|d| !d.is_zero())
        .ok_or_else(|| format!("\"{text}\" is no duration; expected one such as 90s or 5m"))
}
