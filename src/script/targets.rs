//! From what was typed (files, ids, folders, `all`) to playbooks.

use super::load::{Loaded, Loader, Wrong};
use super::salvage::guessed;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::playbook::{PlaybookKind, Source};

/// Loads what the targets name, each playbook once, with every cluster's values.
///
/// # Errors
/// Everything that is wrong: unknown targets, playbooks that do not load, two with one id.
pub fn load(loader: &Loader, targets: &[String], clusters: &[String]) -> Result<Vec<Loaded>, Vec<Error>> {
    let mut problems = Vec::new();
    let mut loaded: Vec<Loaded> = Vec::new();
    for target in targets {
        match find(loader, target) {
            Ok(found) => {
                for (source, named) in found {
                    if loaded.iter().any(|l| l.source.name == source.name) {
                        continue;
                    }
                    match loader.load_or_all(&source, clusters) {
                        Ok(playbook) if !named && playbook.declared.playbook.kind == PlaybookKind::Procedure => {}
                        Ok(playbook) => loaded.push(playbook),
                        Err(wrong) => problems.extend(wrong.all()),
                    }
                }
            }
            Err(error) => problems.push(error),
        }
    }
    for (at, one) in loaded.iter().enumerate() {
        if let Some(other) = loaded[..at].iter().find(|l| l.info.id == one.info.id) {
            problems.push(
                Error::new(
                    Kind::Playbook,
                    format!("two playbooks have the id \"{}\": {} and {}", one.info.id, other.info.path, one.info.path),
                )
                .at(one.declared.playbook.place.clone()),
            );
        }
    }
    if loaded.is_empty() && problems.is_empty() {
        problems.push(
            Error::new(Kind::Usage, format!("{}: there are no playbooks", targets.join(" ")))
                .hint("procedures run only when they are named; pb list shows everything"),
        );
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

/// The texts that targets name, each once, whether they load or not; modules by their name, too.
///
/// # Errors
/// Unknown targets.
pub fn sources(loader: &Loader, targets: &[String]) -> Result<Vec<Source>, Vec<Error>> {
    let mut found: Vec<Source> = Vec::new();
    let mut problems = Vec::new();
    for target in targets {
        match find(loader, target) {
            Ok(sources) => {
                for (source, _) in sources {
                    if !found.iter().any(|s| s.name == source.name) {
                        found.push(source);
                    }
                }
            }
            Err(error) => match module(loader, target) {
                Some(source) => found.push(source),
                None => problems.push(error),
            },
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The playbooks that the steps of others need and that were not asked for.
///
/// # Errors
/// As [`load`].
pub fn load_needed(loader: &Loader, loaded: &mut Vec<Loaded>, clusters: &[String]) -> Result<(), Vec<Error>> {
    loop {
        let foreign = loaded
            .iter()
            .flat_map(|l| l.declared.steps.get(&None).into_iter().flatten())
            .flat_map(|s| &s.needs)
            .filter_map(|n| n.split_once('/').map(|(playbook, _)| playbook))
            .find(|id| !loaded.iter().any(|l| l.info.id == *id));
        let Some(id) = foreign.map(ToString::to_string) else { return Ok(()) };
        let found = by_id(loader, &id).map_err(|e| vec![e])?;
        let Some(source) = found else {
            return Err(vec![Error::new(
                Kind::Playbook,
                format!("a step needs one of playbook \"{id}\", and there is no such playbook"),
            )]);
        };
        let mut playbook = loader.load_or_all(&source, clusters).map_err(Wrong::all)?;
        playbook.declared.support = true;
        loaded.push(playbook);
    }
}

/// The texts that a target names, and whether it names them one by one.
fn find(loader: &Loader, target: &str) -> Result<Vec<(Source, bool)>> {
    let library = &loader.library;
    if target.trim().is_empty() {
        return Err(Error::new(Kind::Usage, "an empty target names no playbook")
            .hint("a target is a file, an id, a folder, or all; the folder here is \".\""));
    }
    if target == "all" {
        return Ok(loader.playbooks()?.into_iter().map(|s| (s, false)).collect());
    }
    if library.is_folder(target) {
        let mut found = library.folder(target.as_ref())?;
        found.retain(|s| !loader.is_module(s));
        if found.is_empty() {
            return Err(Error::new(Kind::Usage, format!("the folder {target} has no playbook (*.rhai)")));
        }
        return Ok(found.into_iter().map(|s| (s, false)).collect());
    }
    if target.ends_with(".rhai") || target.contains('/') {
        return Ok(vec![(library.file(target)?, true)]);
    }
    match by_id(loader, target)? {
        Some(source) => Ok(vec![(source, true)]),
        None if module(loader, target).is_some() => {
            Err(Error::new(Kind::Usage, format!("\"{target}\" is a module: playbooks import it, and it has no steps"))
                .hint(format!("pb check {target} looks it over")))
        }
        None => {
            let known = library.playbooks()?;
            // What `pb new t16-backups` wrote has the id t16.
            if let Some(file) = known.iter().find(|s| s.stem() == target)
                && let Some((id, _)) = declared_id(loader, file)
            {
                return Err(Error::new(Kind::Usage, format!("no playbook has the id \"{target}\""))
                    .hint(format!("the file {} has the id {id}: name either", file.name)));
            }
            let ids: Vec<String> = known.iter().filter_map(|s| Some(declared_id(loader, s)?.0)).collect();
            Err(Error::new(Kind::Usage, format!("no playbook \"{target}\" (there are: {})", ids.join(", ")))
                .maybe_hint(did_you_mean(target, ids.iter().map(String::as_str)))
                .hint("a target is a file, an id, a folder, or all"))
        }
    }
}

/// The playbook that declares an id; the file's name is tried first.
fn by_id(loader: &Loader, id: &str) -> Result<Option<Source>> {
    let mut sources = loader.library.playbooks()?;
    sources.sort_by_key(|s| !(s.stem() == id || s.stem().starts_with(&format!("{id}-"))));
    let mut broken = None;
    for source in sources {
        let named = source.stem() == id || source.stem().starts_with(&format!("{id}-"));
        match loader.load(&source, &[]) {
            Ok(loaded) if loaded.info.id == id => return Ok(Some(source)),
            Ok(_) => {}
            // A broken file is meant where it declares the id, or at least its name says so: who loads it tells all.
            Err(_) if guessed(&source).0 == id && !loader.is_module(&source) => return Ok(Some(source)),
            Err(_) if named && !loader.is_module(&source) => broken = Some(source),
            Err(_) => {}
        }
    }
    Ok(broken)
}

/// The module of a name: beside the playbooks, or in the standard library.
fn module(loader: &Loader, name: &str) -> Option<Source> {
    let beside = loader.library.playbooks().ok()?.into_iter().find(|s| s.stem() == name && loader.is_module(s));
    beside.or_else(|| loader.library.stdlib(name).ok().flatten())
}

fn declared_id(loader: &Loader, source: &Source) -> Option<(String, String)> {
    let loaded = loader.load(source, &[]).ok()?;
    Some((loaded.info.id, loaded.info.title))
}
