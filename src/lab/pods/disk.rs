//! What containers have written: files by their paths, for as long as the pod is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The files that one container has written or made.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    nodes: Mutex<BTreeMap<String, Node>>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File(Vec<u8>),
    Folder,
}

/// A path without `.`, `..` and doubled slashes; one that does not begin at the root is seen from a folder.
pub(crate) fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Disk {
    fn nodes(&self) -> MutexGuard<'_, BTreeMap<String, Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is at an absolute path. The folders that every image has are there.
    pub(crate) fn get(&self, path: &str) -> Option<Node> {
        let image = ["/", "/bin", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/tmp", "/usr", "/var"];
        let nodes = self.nodes();
        let under =
            || nodes.range(format!("{path}/")..).next().is_some_and(|(p, _)| p.starts_with(&format!("{path}/")));
        match nodes.get(path) {
            Some(node) => Some(node.clone()),
            None => (image.contains(&path) || under()).then_some(Node::Folder),
        }
    }

    pub(crate) fn put(&self, path: &str, node: Node) {
        self.nodes().insert(path.to_owned(), node);
    }

    /// Adds to the end of a file.
    pub(crate) fn append(&self, path: &str, bytes: &[u8]) {
        let mut nodes = self.nodes();
        match nodes.get_mut(path) {
            Some(Node::File(there)) => there.extend_from_slice(bytes),
            _ => drop(nodes.insert(path.to_owned(), Node::File(bytes.to_vec()))),
        }
    }

    /// Takes away what is at a path and below. Whether anything was.
    pub(crate) fn remove(&self, path: &str) -> bool {
        let mut nodes = self.nodes();
        let before = nodes.len();
        let below = format!("{path}/");
        nodes.retain(|own, _| own != path && !own.starts_with(&below));
        nodes.len() < before
    }

    /// What was written at a path and below, in order.
    pub(crate) fn below(&self, path: &str) -> Vec<(String, Node)> {
        let below = format!("{}/", path.trim_end_matches('/'));
        let nodes = self.nodes();
        let mine = nodes.iter().filter(|(own, _)| *own == path || own.starts_with(&below));
        mine.map(|(own, node)| (own.clone(), node.clone())).collect()
    }
}

/// The disks of a cluster's containers.
#[derive(Debug, Default)]
pub(crate) struct Disks {
    all: Mutex<BTreeMap<(String, String), Arc<Disk>>>,
}

impl Disks {
    /// The disk of a container of the pod with this uid.
    pub(crate) fn of(&self, uid: &str, container: &str) -> Arc<Disk> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((uid.to_owned(), container.to_owned())).or_default().clone()
    }

    /// Forgets pods that are gone.
    pub(crate) fn keep(&self, is_there: impl Fn(&str) -> bool) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).retain(|(uid, _), _| is_there(uid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_come_and_go() {
        let disks = Disks::default();
        let disk = disks.of("uid", "web");
        disk.put("/www/a", Node::File(b"one".to_vec()));
        disk.append("/www/a", b"two");
        assert_eq!(disks.of("uid", "web").get("/www/a"), Some(Node::File(b"onetwo".to_vec())));
        assert_eq!(
            (disk.get("/www"), disk.get("/tmp"), disk.get("/none")),
            (Some(Node::Folder), Some(Node::Folder), None)
        );
        assert_eq!(disk.below("/www").len(), 1);
        assert!(disk.remove("/www") && !disk.remove("/www"));
        disks.keep(|_| false);
        disks.of("uid", "web").append("/x", b"");
        assert_eq!(disk.get("/x"), None, "it is another's disk now");
        assert_eq!(absolute("/a/b", "../c//./d"), "/a/c/d");
    }
}
