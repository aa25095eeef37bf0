//! The lab's Flux repository as files: what its clusters apply, as a person would have written it down, with what is
//! wrong in it now. `pb run t0 --lab` reads it.
//!
//! A folder that both clusters apply has the objects that are the same in both; those that differ are in the cluster's own
//! folder, beside its entry point.

mod content;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::files::folder;
use crate::error::{Error, Kind, Result};
use crate::lab::services::git::Repository;
use crate::lab::world::Cause;
use crate::lab::world::cause::Flaw;
use crate::lab::world::topology::Topology;
use content::{applied, named};

/// The folder of the repository in the lab's.
pub(crate) const FOLDER: &str = "repository";

/// Writes the repository anew, as it is with these causes: a checkout of one commit, of that time.
///
/// # Errors
/// [`Kind::Io`]: a file can't be written.
pub(crate) fn write(dir: &Path, topology: &Topology, causes: &[Cause], made: Timestamp) -> Result<()> {
    let root = dir.join(FOLDER);
    let failed = |e: std::io::Error| {
        Error::new(Kind::Io, format!("the lab's repository {} can't be written", root.display())).caused_by(&e)
    };
    let mut wanted = files(topology, causes);
    folder(&root)?;
    checkout(&root.join(".git"), &wanted, made).map_err(failed)?;
    for (name, text) in &mut wanted {
        if name
            .strip_suffix("/kustomization.yaml")
            .is_some_and(|path| flaws(path, causes).contains(&&Flaw::Uncommitted))
        {
            text.push_str("# tried out by hand\n");
        }
    }
    for old in there(&root).map_err(failed)? {
        if !wanted.contains_key(&old) {
            std::fs::remove_file(root.join(&old)).map_err(failed)?;
            // A folder that is empty now goes, too; one that is not stays.
            let mut above = root.join(&old);
            while above.pop() && above != root && std::fs::remove_dir(&above).is_ok() {}
        }
    }
    for (name, text) in wanted {
        let file = root.join(name);
        if std::fs::read_to_string(&file).is_ok_and(|there| there == text) {
            continue;
        }
        if let Some(above) = file.parent() {
            std::fs::create_dir_all(above).map_err(failed)?;
        }
        std::fs::write(&file, text).map_err(failed)?;
    }
    Ok(())
}

/// Writes git's own folder, where it is of another commit.
fn checkout(git: &Path, files: &BTreeMap<String, String>, made: Timestamp) -> std::io::Result<()> {
    let mut repository = Repository::default();
    let commit = repository.commit(files, "The platform as it is", made);
    if std::fs::read_to_string(git.join("refs/heads/main")).is_ok_and(|there| there.trim_end() == commit) {
        return Ok(());
    }
    match std::fs::remove_dir_all(git) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    for (name, bytes) in repository.folder(files) {
        let file = git.join(name);
        if let Some(above) = file.parent() {
            std::fs::create_dir_all(above)?;
        }
        std::fs::write(file, bytes)?;
    }
    Ok(())
}

/// The files that are there, as paths from the root.
fn there(root: &Path) -> std::io::Result<Vec<String>> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            match path.strip_prefix(root) {
                Ok(name) if !name.starts_with(".git") && path.is_dir() => folders.push(path),
                Ok(name) if !name.starts_with(".git") => files.push(name.to_string_lossy().into_owned()),
                _ => {}
            }
        }
    }
    Ok(files)
}

/// A folder's objects, by the names of their files.
type Folder = BTreeMap<String, Value>;

/// Every file with its text.
pub(crate) fn files(topology: &Topology, causes: &[Cause]) -> BTreeMap<String, String> {
    // Paths, and what each cluster has there: the Kustomization's name, and the objects.
    let mut paths: BTreeMap<String, BTreeMap<&str, (String, Folder)>> = BTreeMap::new();
    for name in topology.clusters.keys() {
        for (path, of, objects) in applied(topology, name, causes) {
            paths.entry(path).or_default().insert(name, (of, objects));
        }
    }
    let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
    let mut included: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, of) in paths {
        let Some((_, (_, first))) = of.first_key_value() else { continue };
        let everywhere = |file: &str, object: &Value| of.values().all(|(_, all)| all.get(file) == Some(object));
        let same: Folder = first.iter().filter(|(file, object)| everywhere(file, object)).map(clone).collect();
        for (cluster, (name, objects)) in &of {
            let own: Folder = objects.iter().filter(|(file, _)| !same.contains_key(*file)).map(clone).collect();
            if !own.is_empty() {
                included.entry((*cluster).to_owned()).or_default().push(format!("own/{name}"));
                folders.insert(format!("kubernetes/clusters/{cluster}/own/{name}"), own);
            }
        }
        folders.insert(path, same);
    }
    let mut files = BTreeMap::new();
    for (path, objects) in &folders {
        let cluster = path.strip_prefix("kubernetes/clusters/").unwrap_or_default();
        let more = included.get(cluster).cloned().unwrap_or_default();
        written(&mut files, path, objects, &more, &flaws(path, causes));
    }
    talos(&mut files, topology);
    files
}

fn clone((file, object): (&String, &Value)) -> (String, Value) {
    (file.clone(), object.clone())
}

fn written(files: &mut BTreeMap<String, String>, path: &str, objects: &Folder, more: &[String], flaws: &[&Flaw]) {
    if flaws.contains(&&Flaw::Gone) {
        return;
    }
    let mut resources: Vec<String> = objects.keys().cloned().chain(more.iter().cloned()).collect();
    let mut components: Vec<&str> = Vec::new();
    for (file, object) in objects {
        files.insert(format!("{path}/{file}"), yaml(object));
    }
    for flaw in flaws {
        match flaw {
            Flaw::Missing(what) => components.push(what),
            Flaw::Twice(what) => {
                for file in ["settings.yaml", "settings-again.yaml"] {
                    files.insert(format!("{path}/{file}"), yaml(&named(what)));
                    resources.push(file.into());
                }
            }
            Flaw::Field { object, field } => {
                let mut object = named(&object.replacen('/', " ", 1));
                object["spec"][field.rsplit('.').next().unwrap_or(field)] = "blue".into();
                files.insert(format!("{path}/changed.yaml"), yaml(&object));
                resources.push("changed.yaml".into());
            }
            Flaw::Empty => resources.clear(),
            Flaw::Gone | Flaw::Uncommitted => {}
        }
    }
    let mut own =
        json!({ "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources });
    if !components.is_empty() {
        own["components"] = json!(components);
    }
    files.insert(format!("{path}/kustomization.yaml"), yaml(&own));
}

fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string())
}

fn file_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let (kind, namespace, name) =
        (text(&object["kind"]), text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
    if namespace.is_empty() { format!("{kind}-{name}.yaml") } else { format!("{kind}-{namespace}-{name}.yaml") }
}

fn normal(path: &str) -> String {
    path.trim_start_matches("./").trim_end_matches('/').to_owned()
}

fn flaws<'a>(path: &str, causes: &'a [Cause]) -> Vec<&'a Flaw> {
    let of = |cause: &'a Cause| match cause {
        Cause::Manifests { path: of, flaw } if normal(of) == path => Some(flaw),
        _ => None,
    };
    causes.iter().filter_map(of).collect()
}

/// The machines' configurations, as far as a repository has them without secrets.
fn talos(files: &mut BTreeMap<String, String>, topology: &Topology) {
    let names: BTreeSet<(&str, &str)> =
        topology.nodes().map(|(cluster, node)| (cluster, node.name.get_ref().as_str())).collect();
    for (cluster, node) in names {
        let config =
            json!({ "version": "v1alpha1", "machine": { "type": "controlplane", "network": { "hostname": node } } });
        files.insert(format!("talos/{cluster}/{node}.yaml"), yaml(&config));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitops;
    use crate::lab::world::cause::Change;

    fn found(causes: &[Cause]) -> Vec<String> {
        let mut told = Vec::new();
        for topology in ["spec", "monosense"] {
            let dir = tempfile::TempDir::new().unwrap();
            let topology = crate::lab::world::read::embedded(topology).unwrap();
            write(dir.path(), &topology, causes, Timestamp::UNIX_EPOCH).unwrap();
            let read = gitops::load(&dir.path().join(FOLDER), &gitops::Options::default()).unwrap();
            assert!(read.clusters.iter().all(|cluster| cluster.units.len() > 20));
            told.extend(read.findings.iter().map(|(one, _)| {
                format!("{} {}:{} {}", one.rule, read.files.name(one.at.file), one.at.line, one.message)
            }));
        }
        told
    }

    #[test]
    fn nothing_is_wrong_with_a_healthy_repository() {
        assert_eq!(found(&[]), Vec::<String>::new());
    }

    #[test]
    fn git_finds_a_commit_and_what_is_not_in_it() {
        let dir = tempfile::TempDir::new().unwrap();
        let topology = crate::lab::world::read::embedded("spec").unwrap();
        let path = "./kubernetes/infrastructure/security/cert-manager/certificates".to_owned();
        let cause = Cause::Manifests { path, flaw: Flaw::Uncommitted };
        let git = |words: &[&str]| {
            let root = dir.path().join(FOLDER);
            let output = std::process::Command::new("git").args(words).current_dir(root).output().expect("git");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        for causes in [&[][..], &[cause][..]] {
            write(dir.path(), &topology, causes, Timestamp::UNIX_EPOCH).unwrap();
            git(&["fsck", "--strict"]);
            assert!(git(&["ls-files"]).lines().count() > 100);
            assert_eq!(git(&["log", "-1", "--format=%s"]), "The platform as it is\n");
            let file = "kubernetes/infrastructure/security/cert-manager/certificates/kustomization.yaml";
            let changed = if causes.is_empty() { String::new() } else { format!(" M {file}\n") };
            assert_eq!(git(&["status", "--porcelain"]), changed);
        }
    }

    #[test]
    fn what_is_wrong_shows_on_disk() {
        let path = "./kubernetes/infrastructure/security/cert-manager/certificates";
        let settings = crate::lab::world::cause::Object {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: "flux-system".into(),
            name: "cluster-settings".into(),
        };
        let flawed = |flaw: Flaw| Cause::Manifests { path: path.into(), flaw };
        let changed = Cause::Changed {
            cluster: "infra".into(),
            object: settings,
            change: Change::Merge(r#"{"data":{"CERT_MANAGER_VERSION":null}}"#.into()),
        };
        for (cause, rule) in [
            (flawed(Flaw::Gone), "path-missing"),
            (flawed(Flaw::Missing("../../components/nonesuch".into())), "component-missing"),
            (flawed(Flaw::Twice("ConfigMap default/settings".into())), "resource-twice"),
            (flawed(Flaw::Empty), "kustomization-empty"),
            (
                flawed(Flaw::Field { object: "HelmRelease/default/web".into(), field: ".spec.colour".into() }),
                "flux-field-unknown",
            ),
            (changed, "variable-undefined"),
        ] {
            let told = found(std::slice::from_ref(&cause));
            assert!(told.iter().any(|one| one.starts_with(rule)), "{cause}: {told:#?}");
        }
    }
}
