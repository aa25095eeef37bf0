//! From `pb.toml`, environment and arguments to one validated [`Config`].

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::environment::{expand, shorten};
use super::reader::{Reader, Span, Table};
use super::settings::{from_flag, from_variable};
use super::{Cluster, Config, Environment};
use super::{profiles, sections};
use crate::error::{Error, Kind, Place, Result, did_you_mean};

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
    /// The file's own key `profile` is left out.
    pub bare: bool,
    /// Where `playbooks/profiles` is; none: beside the file.
    pub profiles: Option<PathBuf>,
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
    let mut place = None;
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
        let named = reader.string(&Table { name: String::new(), fields: table.get_ref() }, "profile");
        if let Some((name, span)) = named.filter(|_| config.profile.is_none() && !overrides.bare) {
            (config.profile, place) = (Some(name), Some(reader.place(&span)));
        }
        profiles = sections::read(&mut reader, table.get_ref(), &mut config);
        reader.problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        problems = reader.problems;
    }
    if let Some(profile) = config.profile.clone() {
        let dir = overrides.profiles.clone().unwrap_or_else(|| config.dir.clone());
        match of_file(&dir, &profile, &mut config) {
            Err(errors) => problems.extend(errors),
            Ok(false) if !profiles.contains(&profile) => {
                profiles.extend(profiles::names(&dir));
                problems.push(no_profile(&profile, profiles, place));
            }
            Ok(_) => {}
        }
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

/// Reads a profile's own file, where there is one: what it says counts less than what the `pb.toml` says of the profile.
fn of_file(dir: &Path, name: &str, config: &mut Config) -> Result<bool, Vec<Error>> {
    let Some(profile) = profiles::find(dir, name).map_err(|error| vec![error])? else { return Ok(false) };
    let mut reader = Reader { file: profile.file, text: &profile.text, dir, home: None, problems: Vec::new() };
    let (table, errors) = DeTable::parse_recoverable(&profile.text);
    for error in &errors {
        reader.problem(&error.span().unwrap_or_default(), error.message().replace('\n', ", "), None);
    }
    let names: Vec<&str> = config.clusters.keys().map(String::as_str).collect();
    let whole = Table { name: String::new(), fields: table.get_ref() };
    let mut rows = sections::profile(&mut reader, &whole, name, (!profile.embedded).then_some(names.as_slice()));
    rows.retain(|row| row.cluster.as_deref().is_none_or(|cluster| names.contains(&cluster)));
    if !reader.problems.is_empty() {
        return Err(reader.problems);
    }
    // The later one of two of the same weight counts.
    rows.append(&mut config.settings.rows);
    config.settings.rows = rows;
    Ok(true)
}

fn no_profile(profile: &str, mut known: Vec<String>, place: Option<Place>) -> Error {
    known.sort();
    known.dedup();
    let hint = did_you_mean(profile, known.iter().map(String::as_str));
    let told = format!("no such profile (there are: {})", known.join(", "));
    match place {
        Some(place) => Error::new(Kind::Config, format!("profile \"{profile}\": {told}")).at(place),
        None => Error::new(Kind::Usage, format!("--profile {profile}: {told}")),
    }
    .maybe_hint(hint)
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
