//! The files of a container as its own program sees them: what volumes have, what was written, and what every container
//! has. A claim's volume keeps its files when the pod goes, an emptyDir's go with the pod, and what was written elsewhere
//! with the container.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use serde_json::Value;

use super::disk::{Disk, Node, absolute};
use super::{way, words};
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;

/// Mounts a pod's volumes into one of its containers: the disks of claims, of the pod, and of its node.
pub(crate) fn mount(objects: &Objects, pod: &Value, container: &Value) {
    let files = Files::of(objects, pod, container, "/");
    let (uid, disks) = (words::text(pod, "/metadata/uid"), &objects.inside.disks);
    for (path, sub, volume) in files.mounts() {
        if files.projected(words::text(pod, "/metadata/namespace"), &volume).is_some() {
            continue;
        }
        let disk = if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            let place = Place::new("persistentvolumeclaims", words::text(pod, "/metadata/namespace"), claim);
            let own = objects.store.get(&place).map(|claim| words::text(&claim.value, "/metadata/uid").to_owned());
            disks.of_claim(&own.unwrap_or_default())
        } else if let Some(host) = volume["hostPath"]["path"].as_str() {
            disks.of_node(words::text(pod, "/spec/nodeName"), host)
        } else {
            disks.of(uid, &format!("volume/{}", words::text(&volume, "/name")))
        };
        let folder = if sub.is_empty() { String::new() } else { format!("/{sub}") };
        files.disk.mount(&path, &folder, disk);
    }
}

/// The files as one container sees them, from a folder.
#[derive(Debug)]
pub(crate) struct Files<'c> {
    objects: &'c Objects,
    pod: &'c Value,
    container: &'c Value,
    folder: String,
    disk: Arc<Disk>,
}

impl<'c> Files<'c> {
    pub(crate) fn of(objects: &'c Objects, pod: &'c Value, container: &'c Value, folder: &str) -> Self {
        let disk = objects.inside.disks.of(words::text(pod, "/metadata/uid"), words::text(container, "/name"));
        Self { objects, pod, container, folder: folder.to_owned(), disk }
    }

    /// A path from the root on, without dots.
    pub(crate) fn path(&self, path: &str) -> String {
        absolute(&self.folder, path)
    }

    /// A file's text.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let path = self.path(path);
        if let Some((files, within)) = self.object(&path) {
            return files.get(&within).cloned();
        }
        match self.disk.get(&path) {
            Some(Node::File(bytes)) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => self.own(&path),
        }
    }

    /// A file's bytes.
    pub(crate) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let whole = self.path(path);
        match (self.object(&whole), self.disk.get(&whole)) {
            (None, Some(Node::File(bytes))) => Some(bytes),
            _ => self.read(path).map(String::into_bytes),
        }
    }

    /// Writes a file's bytes, and makes the folders above it.
    pub(crate) fn put(&self, path: &str, bytes: Vec<u8>) -> Result<(), String> {
        let whole = self.path(path);
        let above = whole.rsplit_once('/').map_or("", |(above, _)| above);
        if !self.is_folder(above) {
            self.make_folder(above)?;
        }
        // What can't be written to says so of an empty text, too.
        self.write(path, "", false)?;
        self.disk.put(&whole, Node::File(bytes));
        Ok(())
    }

    /// Writes a file, or adds to it.
    pub(crate) fn write(&self, path: &str, text: &str, append: bool) -> Result<(), String> {
        let path = self.path(path);
        let mounted = self.mounts().iter().any(|(mount, ..)| path.starts_with(&format!("{mount}/")));
        let sealed = !mounted && self.container["securityContext"]["readOnlyRootFilesystem"] == true;
        if sealed || self.object(&path).is_some() {
            return Err("Read-only file system".into());
        }
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !self.is_folder(folder) {
            return Err("nonexistent directory".into());
        }
        if append {
            self.disk.append(&path, text.as_bytes());
        } else {
            self.disk.put(&path, Node::File(text.as_bytes().to_vec()));
        }
        Ok(())
    }

    /// Makes a folder, with those above it.
    pub(crate) fn make_folder(&self, path: &str) -> Result<(), String> {
        let path = self.path(path);
        if self.object(&path).is_some() {
            return Err("Read-only file system".into());
        }
        self.disk.put(&path, Node::Folder);
        Ok(())
    }

    /// Takes a file away, or a folder with all in it. Whether there was one.
    pub(crate) fn remove(&self, path: &str) -> bool {
        self.disk.remove(&self.path(path))
    }

    /// The names in a folder; none where there is no such folder.
    pub(crate) fn list(&self, path: &str) -> Option<Vec<String>> {
        let path = self.path(path);
        if !self.is_folder(&path) {
            return None;
        }
        let mut names = std::collections::BTreeSet::new();
        let first = |rest: &str| rest.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
        let here = format!("{}/", path.trim_end_matches('/'));
        if let Some((files, within)) = self.object(&path) {
            names.extend(files.keys().filter_map(|file| file.strip_prefix(&within)).map(first));
        }
        let below = self.disk.below(&path).into_iter().map(|(own, _)| own);
        let mounts = self.mounts().into_iter().map(|(mount, ..)| mount);
        names.extend(below.chain(mounts).filter_map(|own| own.strip_prefix(&here).map(first)));
        if path == "/" {
            names.extend(FOLDERS.map(first));
        }
        names.remove("");
        Some(names.into_iter().collect())
    }

    pub(crate) fn is_folder(&self, path: &str) -> bool {
        let path = self.path(if path.is_empty() { "/" } else { path });
        let below = format!("{}/", path.trim_end_matches('/'));
        let mounts = self.mounts();
        FOLDERS.contains(&path.as_str())
            || mounts.iter().any(|(mount, sub, _)| (*mount == path && sub.is_empty()) || mount.starts_with(&below))
            || self.object(&path).is_some_and(|(files, within)| {
                files.keys().any(|file| file.strip_prefix(&within).is_some_and(|rest| rest.starts_with('/')))
            })
            || self.disk.get(&path) == Some(Node::Folder)
    }

    /// The files of the object that is mounted where a path is, and the path among them.
    fn object(&self, path: &str) -> Option<(BTreeMap<String, String>, String)> {
        let namespace = words::text(self.pod, "/metadata/namespace");
        let (mount, sub, volume) = self.mounts().into_iter().find(|(mount, ..)| {
            path.strip_prefix(mount.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })?;
        let rest = path.strip_prefix(mount.as_str()).unwrap_or_default();
        let within = if sub.is_empty() { rest.to_owned() } else { format!("/{sub}{rest}") };
        Some((self.projected(namespace, &volume)?, within))
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
                let dns = way::nameserver(self.objects).unwrap_or_default();
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
