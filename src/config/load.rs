//! From `pb.toml`, environment and arguments to one validated [`Config`].

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::environment::{expand, shorten};
use super::reader::{Reader, Span};
use super::sections;
use super::settings::{from_flag, from_variable};
use super::{Cluster, Config, Environment};
use crate::error::{Error, Kind, Result, did_you_mean};

/// The file's name.
pub const FILE: &str = "pb.toml";
/// The clusters of a platform without `[clusters]` in its `pb.toml`.
pub const CLUSTERS: [&str; 2] = ["infra", "apps"];

/// What the command line says about configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--context NAME=CONTEXT`, each as it was typed.
    pub contexts: Vec<String>,
    /// `--profile NAME`
    pub profile: Option<String>,
    /// `--set [CLUSTER:][PLAYBOOK.]NAME=VALUE`, each as it was typed.
    pub set: Vec<String>,
}

/// Makes the configuration.
///
/// # Errors
/// Everything that is wrong, each of [`Kind::Config`] with its line or [`Kind::Usage`] with its flag.
pub fn load(overrides: &Overrides, environment: &Environment) -> Result<Config, Vec<Error>> {
    let path = match &overrides.config {
        Some(path) => Some(expand(&path.to_string_lossy(), &environment.dir, environment.home.as_deref())),
        None => find(&environment.dir),
    };
    let text = path.as_deref().map(|path| read(path, overrides.config.is_some())).transpose();
    let text = text.map_err(|error| vec![error])?;
    let dir = path.as_deref().and_then(Path::parent).unwrap_or(&environment.dir).to_path_buf();
    let mut config = Config {
        record: dir.join(".pb/runs"),
        clusters: CLUSTERS.iter().map(|name| ((*name).to_string(), Cluster::default())).collect(),
        profile: overrides.profile.clone(),
        path,
        dir,
        ..Config::default()
    };
    let mut problems = Vec::new();
    let mut profiles = Vec::new();
    if let (Some(path), Some(text)) = (config.path.clone(), &text) {
        let mut reader = Reader {
            file: shorten(&path, &environment.dir).display().to_string(),
            text,
            dir: &config.dir.clone(),
            home: environment.home.as_deref(),
            problems: Vec::new(),
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            // What follows a syntax error would be guesswork.
            for error in errors {
                let span: Span = error.span().unwrap_or_default();
                reader.problem(&span, error.message().replace('\n', ", "), None);
            }
            return Err(reader.problems);
        }
        profiles = sections::read(&mut reader, table.get_ref(), &mut config);
        reader.problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        problems = reader.problems;
    }
    if let Some(profile) = overrides.profile.as_ref().filter(|profile| !profiles.contains(profile)) {
        problems.push(no_profile(profile, &profiles, config.path.as_deref()));
    }
    for argument in &overrides.contexts {
        problems.extend(map_context(argument, &mut config).err());
    }
    config.settings.rows.extend(environment.variables.iter().filter_map(|(name, value)| from_variable(name, value)));
    for argument in &overrides.set {
        match from_flag(argument, config.clusters.keys().map(String::as_str)) {
            Ok(row) => config.settings.rows.push(row),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// The `pb.toml` of a folder or of the nearest one above it.
pub fn find(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().map(|dir| dir.join(FILE)).find(|path| path.is_file())
}

fn read(path: &Path, named: bool) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| {
        let error = Error::new(Kind::Config, format!("{} can't be read", path.display())).caused_by(&e);
        if named {
            error.hint("--config names the file; without it, pb.toml is looked for upwards from here")
        } else {
            error
        }
    })
}

fn no_profile(profile: &str, known: &[String], path: Option<&Path>) -> Error {
    let message = match (path, known) {
        (None, _) => format!("--profile {profile}: there is no pb.toml that could have profiles"),
        (Some(path), []) => format!("--profile {profile}: {} has no profiles", path.display()),
        (Some(_), known) => format!("--profile {profile}: no such profile (there are: {})", known.join(", ")),
    };
    Error::new(Kind::Usage, message).maybe_hint(did_you_mean(profile, known.iter().map(String::as_str)))
}

fn map_context(argument: &str, config: &mut Config) -> Result<()> {
    let split = argument.split_once('=').filter(|(name, context)| !name.is_empty() && !context.is_empty());
    let Some((name, context)) = split else {
        return Err(Error::new(Kind::Usage, format!("--context {argument}: expected NAME=CONTEXT"))
            .hint("NAME is the cluster's name in pb, CONTEXT the kubeconfig's; --cluster NAME only selects"));
    };
    let known: Vec<&str> = config.clusters.keys().map(String::as_str).collect();
    let hint = did_you_mean(name, known.iter().copied());
    let message = format!("--context {argument}: no cluster \"{name}\" (there are: {})", known.join(", "));
    match config.clusters.get_mut(name) {
        Some(cluster) => {
            cluster.context = Some(context.into());
            Ok(())
        }
        None => Err(Error::new(Kind::Usage, message).maybe_hint(hint)),
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
