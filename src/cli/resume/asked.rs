//! What was typed, into the record and back: what is typed anew adds to it or overrides it.

use std::time::Duration;

use crate::cli::run::Args;
use crate::cli::secret_settings;
use crate::error::{Error, Kind, Result};
use crate::event::How;
use crate::record::Asked;

/// What the record keeps of the arguments.
pub(in crate::cli) fn asked(args: &Args) -> Asked {
    let (selected, configured) = (&args.wanted.selected, &args.wanted.configured);
    Asked {
        only: selected.only.clone(),
        skip: selected.skip.clone(),
        priority: selected.priority.clone(),
        cluster: selected.cluster.clone(),
        from: selected.from.clone(),
        config: configured.config.as_ref().map(|path| path.display().to_string()),
        contexts: configured.contexts.clone(),
        profile: configured.profile.clone(),
        platform: args.wanted.inside.platform().cloned(),
        set: secret_settings::hidden(&configured.set),
        allow: args.allow.clone(),
        read_only: args.read_only,
        jobs: args.jobs,
        timeout_ms: args.timeout.map(|t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX)),
        reports: args.reports.clone(),
    }
}

/// Puts the former run's arguments where none are typed. Contexts, settings and permissions are added to; the later
/// one of a name counts.
///
/// # Errors
/// [`Kind::Usage`] where one held a secret, which the record has not kept.
pub(super) fn fill(args: &mut Args, former: &Asked, how: How) -> Result<()> {
    let (selected, configured) = (&mut args.wanted.selected, &mut args.wanted.configured);
    let lists = [
        (&mut selected.only, &former.only),
        (&mut selected.skip, &former.skip),
        (&mut selected.priority, &former.priority),
        (&mut selected.cluster, &former.cluster),
    ];
    for (typed, former) in lists {
        if typed.is_empty() {
            typed.clone_from(former);
        }
    }
    selected.from = selected.from.take().or_else(|| former.from.clone());
    configured.config = configured.config.take().or_else(|| former.config.as_ref().map(Into::into));
    configured.profile = configured.profile.take().or_else(|| former.profile.clone());
    if let Some(platform) = &former.platform {
        args.wanted.inside.go_on(platform)?;
    }
    let configured = &mut args.wanted.configured;
    configured.contexts.splice(0..0, former.contexts.iter().cloned());
    let name = |set: &String| set.split('=').next().unwrap_or_default().to_string();
    let typed: Vec<String> = configured.set.iter().map(name).collect();
    let mut set = former.set.clone();
    set.retain(|set| !typed.contains(&name(set)));
    if let Some(secret) = set.iter().find(|set| set.contains("<secret")) {
        let set = name(secret);
        return Err(Error::new(Kind::Usage, format!("--set {set} held a secret, which the record does not keep"))
            .hint(format!("--set {set}=… once more, beside the run")));
    }
    configured.set.splice(0..0, set);
    if !args.read_only {
        args.read_only = former.read_only && args.allow.is_empty();
        args.allow.splice(0..0, former.allow.iter().cloned());
    }
    args.jobs = args.jobs.or(former.jobs);
    args.timeout = args.timeout.or(former.timeout_ms.map(Duration::from_millis));
    // The report of the whole is not overwritten with one of a part.
    if args.reports.is_empty() && how == How::Resumes {
        args.reports.clone_from(&former.reports);
    }
    Ok(())
}
