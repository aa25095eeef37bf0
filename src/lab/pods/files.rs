//! The files of containers: what volumes have, and what was written. A claim's volume keeps its files when the pod goes,
//! an emptyDir goes with its pod, and what was written elsewhere with the container.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use serde_json::Value;

use super::words;
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;

/// What was written, by the volume and the path within it.
#[derive(Debug, Default)]
pub(crate) struct Disks(Mutex<BTreeMap<String, BTreeMap<String, String>>>);

impl Disks {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what a pod wrote that no claim keeps.
    pub(crate) fn forget(&self, uid: &str) {
        self.all().retain(|disk, _| !disk.starts_with(&format!("pod/{uid}/")));
    }

    /// Forgets what a container wrote outside of volumes: a new instance begins anew.
    pub(crate) fn renew(&self, uid: &str, container: &str) {
        self.all().remove(&format!("pod/{uid}/root/{container}"));
    }
}

/// The files as one container sees them, from a folder.
#[derive(Debug)]
pub(crate) struct Files<'c> {
    objects: &'c Objects,
    pod: &'c Value,
    container: &'c Value,
    folder: String,
}

/// Where a path is: on a disk, or in an object that is mounted.
enum Where {
    Disk { disk: String, path: String, mounted: bool },
    Object(BTreeMap<String, String>, String),
}

impl<'c> Files<'c> {
    pub(crate) fn of(objects: &'c Objects, pod: &'c Value, container: &'c Value, folder: &str) -> Self {
        Self { objects, pod, container, folder: folder.to_owned() }
    }

    /// A path from the root on, without dots.
    pub(crate) fn path(&self, path: &str) -> String {
        let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.folder) };
        let mut parts: Vec<&str> = Vec::new();
        for part in whole.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        format!("/{}", parts.join("/"))
    }

    /// A file's text.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let path = self.path(path);
        match self.find(&path) {
            Where::Disk { disk, path: within, .. } => {
                let written = self.objects.inside.disks.all().get(&disk).and_then(|files| files.get(&within).cloned());
                written.filter(|_| !within.ends_with('/')).or_else(|| self.own(&path))
            }
            Where::Object(files, within) => files.get(&within).cloned(),
        }
    }

    /// Writes a file, or adds to it.
    pub(crate) fn write(&self, path: &str, text: &str, append: bool) -> Result<(), String> {
        let path = self.path(path);
        match self.find(&path) {
            Where::Object(..) => Err("Read-only file system".into()),
            Where::Disk { mounted: false, .. }
                if self.container["securityContext"]["readOnlyRootFilesystem"] == true =>
            {
                Err("Read-only file system".into())
            }
            Where::Disk { disk, path: within, .. } => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                if !self.is_folder(folder) {
                    return Err("nonexistent directory".into());
                }
                let mut all = self.objects.inside.disks.all();
                let file = all.entry(disk).or_default().entry(within).or_default();
                if !append {
                    file.clear();
                }
                file.push_str(text);
                Ok(())
            }
        }
    }

    /// Makes a folder, with those above it.
    pub(crate) fn make_folder(&self, path: &str) -> Result<(), String> {
        let path = self.path(path);
        match self.find(&path) {
            Where::Object(..) => Err("Read-only file system".into()),
            Where::Disk { disk, path, .. } => {
                self.objects.inside.disks.all().entry(disk).or_default().insert(format!("{path}/"), String::new());
                Ok(())
            }
        }
    }

    /// Takes a file away, or a folder with all in it. Whether there was one.
    pub(crate) fn remove(&self, path: &str) -> bool {
        let path = self.path(path);
        let Where::Disk { disk, path, .. } = self.find(&path) else { return false };
        let mut all = self.objects.inside.disks.all();
        let Some(files) = all.get_mut(&disk) else { return false };
        let before = files.len();
        let within = format!("{}/", path.trim_end_matches('/'));
        files.retain(|file, _| *file != path && !file.starts_with(&within));
        files.len() != before
    }

    /// The names in a folder; none where there is no such folder.
    pub(crate) fn list(&self, path: &str) -> Option<Vec<String>> {
        let path = self.path(path);
        if !self.is_folder(&path) {
            return None;
        }
        let mut names: Vec<String> = Vec::new();
        let mut add = |name: &str| {
            if !name.is_empty() && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        };
        let first = |rest: &str| rest.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
        match self.find(&path) {
            Where::Object(files, within) => {
                let files = files.keys().filter_map(|file| file.strip_prefix(&within));
                files.for_each(|rest| add(&first(rest)));
            }
            Where::Disk { disk, path: within, .. } => {
                let within = format!("{}/", within.trim_end_matches('/'));
                for file in self.objects.inside.disks.all().get(&disk).into_iter().flat_map(BTreeMap::keys) {
                    if let Some(rest) = file.strip_prefix(&within) {
                        add(&first(rest));
                    }
                }
            }
        }
        let here = format!("{}/", path.trim_end_matches('/'));
        for (mount, _, _) in self.mounts() {
            if let Some(rest) = mount.strip_prefix(&here) {
                add(&first(rest));
            }
        }
        if path == "/" {
            FOLDERS.iter().for_each(|folder| add(&first(folder)));
        }
        names.sort();
        Some(names)
    }

    pub(crate) fn is_folder(&self, path: &str) -> bool {
        let path = self.path(if path.is_empty() { "/" } else { path });
        if FOLDERS.contains(&path.as_str())
            || self.mounts().iter().any(|(mount, sub, _)| *mount == path && sub.is_empty())
        {
            return true;
        }
        let within = |file: &str, path: &str| {
            file.strip_prefix(path.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
        };
        if self.mounts().iter().any(|(mount, _, _)| within(mount, &path)) {
            return true;
        }
        match self.find(&path) {
            Where::Object(files, path) => files.keys().any(|file| within(file, &path)),
            Where::Disk { disk, path, .. } => self
                .objects
                .inside
                .disks
                .all()
                .get(&disk)
                .is_some_and(|files| files.keys().any(|file| within(file, &path))),
        }
    }

    /// Mount path, sub path and volume, the longest path first.
    fn mounts(&self) -> Vec<(String, String, Value)> {
        let volumes = words::list(self.pod, "/spec/volumes");
        let text = |value: &Value| value.as_str().unwrap_or_default().trim_end_matches('/').to_owned();
        let mut mounts: Vec<(String, String, Value)> = words::list(self.container, "/volumeMounts")
            .iter()
            .filter_map(|mount| {
                let volume = volumes.iter().find(|volume| volume["name"] == mount["name"])?;
                Some((text(&mount["mountPath"]), text(&mount["subPath"]), volume.clone()))
            })
            .collect();
        mounts.sort_by_key(|(path, _, _)| std::cmp::Reverse(path.len()));
        mounts
    }

    fn find(&self, path: &str) -> Where {
        let uid = words::text(self.pod, "/metadata/uid");
        let namespace = words::text(self.pod, "/metadata/namespace");
        for (mount, sub, volume) in self.mounts() {
            let rest = match path.strip_prefix(&mount) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
                _ => continue,
            };
            let within = if sub.is_empty() { rest.to_owned() } else { format!("/{sub}{rest}") };
            if let Some(files) = self.projected(namespace, &volume) {
                return Where::Object(files, within);
            }
            let name = words::text(&volume, "/name");
            let disk = if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
                let claim = self.objects.store.get(&Place::new("persistentvolumeclaims", namespace, claim));
                format!("claim/{}", claim.map(|claim| words::text(&claim.value, "/metadata/uid")).unwrap_or_default())
            } else if let Some(host) = volume["hostPath"]["path"].as_str() {
                format!("host/{}{host}", words::text(self.pod, "/spec/nodeName"))
            } else {
                format!("pod/{uid}/volume/{name}")
            };
            return Where::Disk { disk, path: within, mounted: true };
        }
        let container = words::text(self.container, "/name");
        Where::Disk { disk: format!("pod/{uid}/root/{container}"), path: path.to_owned(), mounted: false }
    }

    /// The files of a volume that shows objects; none where it is another volume.
    fn projected(&self, namespace: &str, volume: &Value) -> Option<BTreeMap<String, String>> {
        if let Some(sources) = volume["projected"]["sources"].as_array() {
            return Some(sources.iter().flat_map(|source| self.source(namespace, source)).collect());
        }
        let shows = ["configMap", "secret", "downwardAPI"].iter().any(|kind| volume[*kind].is_object());
        shows.then(|| self.source(namespace, volume))
    }

    fn source(&self, namespace: &str, source: &Value) -> BTreeMap<String, String> {
        let (kind, resource, named) = if source["configMap"].is_object() {
            ("configMap", "configmaps", source["configMap"]["name"].as_str())
        } else if source["secret"].is_object() {
            let secret = &source["secret"];
            ("secret", "secrets", secret["secretName"].as_str().or_else(|| secret["name"].as_str()))
        } else if let Some(items) = source["downwardAPI"]["items"].as_array() {
            let one = |item: &Value| {
                let path = format!("/{}", item["path"].as_str()?);
                Some((path, super::environment::field(self.pod, item["fieldRef"]["fieldPath"].as_str()?)))
            };
            return items.iter().filter_map(one).collect();
        } else {
            return BTreeMap::new();
        };
        let object = named.and_then(|name| self.objects.store.get(&Place::new(resource, namespace, name)));
        let Some(object) = object else { return BTreeMap::new() };
        let decode = |value: &Value| -> Option<String> {
            let text = value.as_str()?;
            if kind == "configMap" {
                return Some(text.to_owned());
            }
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let data = |key: &str| decode(&object.value["data"][key]);
        match source[kind]["items"].as_array() {
            Some(items) => items
                .iter()
                .filter_map(|item| Some((format!("/{}", item["path"].as_str()?), data(item["key"].as_str()?)?)))
                .collect(),
            None => {
                let keys = object.value["data"].as_object().into_iter().flatten();
                keys.filter_map(|(key, value)| Some((format!("/{key}"), decode(value)?))).collect()
            }
        }
    }

    /// What every container has: what its kubelet writes into it.
    fn own(&self, path: &str) -> Option<String> {
        let name = words::hostname(self.pod);
        match path {
            "/etc/hostname" => Some(format!("{name}\n")),
            "/etc/hosts" => {
                let address = words::text(self.pod, "/status/podIP");
                Some(format!(
                    "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{address}\t{name}\n"
                ))
            }
            "/etc/resolv.conf" => {
                let namespace = words::text(self.pod, "/metadata/namespace");
                let dns = self.objects.store.get(&Place::new("services", "kube-system", "kube-dns"));
                let dns =
                    dns.map(|service| words::text(&service.value, "/spec/clusterIP").to_owned()).unwrap_or_default();
                Some(format!(
                    "search {namespace}.svc.cluster.local svc.cluster.local cluster.local\nnameserver {dns}\noptions ndots:5\n"
                ))
            }
            "/var/run/secrets/kubernetes.io/serviceaccount/namespace" => {
                Some(words::text(self.pod, "/metadata/namespace").to_owned())
            }
            "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt" => {
                let namespace = words::text(self.pod, "/metadata/namespace");
                let map = self.objects.store.get(&Place::new("configmaps", namespace, "kube-root-ca.crt"))?;
                map.value["data"]["ca.crt"].as_str().map(str::to_owned)
            }
            _ => None,
        }
    }
}

/// Folders that every container has.
const FOLDERS: [&str; 14] = [
    "/",
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/proc",
    "/root",
    "/run",
    "/sys",
    "/tmp",
    "/usr",
    "/var",
    "/var/run",
    "/var/run/secrets/kubernetes.io/serviceaccount",
];
