//! What containers have written: files by their paths, for as long as the pod is there; what is mounted from a volume is
//! on the volume's own disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The files that one container has written or made.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    nodes: Mutex<BTreeMap<String, Node>>,
    /// Other disks: where each is mounted, and from which folder of its own; the longest paths first.
    mounts: Mutex<Vec<(String, String, Arc<Disk>)>>,
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

    fn mounts(&self) -> MutexGuard<'_, Vec<(String, String, Arc<Self>)>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Mounts a folder of another disk at a path.
    pub(crate) fn mount(&self, path: &str, folder: &str, disk: Arc<Self>) {
        let mut mounts = self.mounts();
        mounts.retain(|(own, ..)| own != path);
        mounts.push((path.to_owned(), folder.to_owned(), disk));
        mounts.sort_by_key(|(own, ..)| std::cmp::Reverse(own.len()));
    }

    /// Forgets what is on this disk itself: a new instance of a container begins anew.
    pub(crate) fn renew(&self) {
        self.nodes().clear();
    }

    /// The disk that is mounted where a path is, and the path on it.
    fn mounted(&self, path: &str) -> Option<(Arc<Self>, String)> {
        self.mounts().iter().find_map(|(own, folder, disk)| {
            let rest = path.strip_prefix(own.as_str()).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            Some((disk.clone(), format!("{folder}{rest}")))
        })
    }

    /// What is at an absolute path. The folders that every image has are there.
    pub(crate) fn get(&self, path: &str) -> Option<Node> {
        if let Some((disk, path)) = self.mounted(path) {
            return if path.is_empty() { Some(Node::Folder) } else { disk.get(&path) };
        }
        if self.mounts().iter().any(|(own, ..)| own.starts_with(&format!("{}/", path.trim_end_matches('/')))) {
            return Some(Node::Folder);
        }
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
        if let Some((disk, path)) = self.mounted(path) {
            return disk.put(&path, node);
        }
        self.nodes().insert(path.to_owned(), node);
    }

    /// Adds to the end of a file.
    pub(crate) fn append(&self, path: &str, bytes: &[u8]) {
        if let Some((disk, path)) = self.mounted(path) {
            return disk.append(&path, bytes);
        }
        let mut nodes = self.nodes();
        match nodes.get_mut(path) {
            Some(Node::File(there)) => there.extend_from_slice(bytes),
            _ => drop(nodes.insert(path.to_owned(), Node::File(bytes.to_vec()))),
        }
    }

    /// Takes away what is at a path and below. Whether anything was.
    pub(crate) fn remove(&self, path: &str) -> bool {
        if let Some((disk, path)) = self.mounted(path) {
            return disk.remove(&path);
        }
        let mut nodes = self.nodes();
        let before = nodes.len();
        let below = format!("{path}/");
        nodes.retain(|own, _| own != path && !own.starts_with(&below));
        nodes.len() < before
    }

    /// What was written at a path and below, in order.
    pub(crate) fn below(&self, path: &str) -> Vec<(String, Node)> {
        let below = format!("{}/", path.trim_end_matches('/'));
        if let Some((disk, inner)) = self.mounted(path) {
            let outer = |own: String| format!("{path}{}", own.strip_prefix(&inner).unwrap_or(&own));
            return disk.below(&inner).into_iter().map(|(own, node)| (outer(own), node)).collect();
        }
        let mut all: BTreeMap<String, Node> = {
            let nodes = self.nodes();
            let mine = nodes.iter().filter(|(own, _)| *own == path || own.starts_with(&below));
            mine.map(|(own, node)| (own.clone(), node.clone())).collect()
        };
        let mounts: Vec<_> = self.mounts().iter().filter(|(own, ..)| own.starts_with(&below)).cloned().collect();
        for (own, folder, disk) in mounts {
            all.insert(own.clone(), Node::Folder);
            let inner = disk.below(&folder).into_iter();
            all.extend(
                inner.map(|(path, node)| (format!("{own}{}", path.strip_prefix(&folder).unwrap_or(&path)), node)),
            );
        }
        all.into_iter().collect()
    }
}

/// Whose disks are no pod's.
const CLAIM: &str = "claim";
const NODE: &str = "node";
const SNAPSHOT: &str = "snapshot";

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

    /// The disk of a claim's volume, which stays when its pods go.
    pub(crate) fn of_claim(&self, uid: &str) -> Arc<Disk> {
        self.of(CLAIM, uid)
    }

    /// A folder of a node's own disk.
    pub(crate) fn of_node(&self, node: &str, path: &str) -> Arc<Disk> {
        self.of(NODE, &format!("{node}:{path}"))
    }

    /// Keeps what a claim's volume has now, as the snapshot of this uid.
    pub(crate) fn keep(&self, claim: &str, snapshot: &str) {
        self.copy((CLAIM, claim), (SNAPSHOT, snapshot));
    }

    /// Gives a claim's new volume what a snapshot has kept.
    pub(crate) fn restore(&self, snapshot: &str, claim: &str) {
        self.copy((SNAPSHOT, snapshot), (CLAIM, claim));
    }

    fn copy(&self, from: (&str, &str), to: (&str, &str)) {
        let nodes = self.of(from.0, from.1).nodes().clone();
        *self.of(to.0, to.1).nodes() = nodes;
    }

    /// Forgets a pod that is gone.
    pub(crate) fn forget(&self, pod: &str) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).retain(|(uid, _), _| uid != pod);
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
        disks.forget("uid");
        disks.of("uid", "web").append("/x", b"");
        assert_eq!(disk.get("/x"), None, "it is another's disk now");
        assert_eq!(absolute("/a/b", "../c//./d"), "/a/c/d");
    }

    #[test]
    fn what_is_on_a_volume_is_seen_by_all_and_stays() {
        let disks = Disks::default();
        let (one, two) = (disks.of("one", "c"), disks.of("two", "c"));
        one.mount("/data", "", disks.of_claim("v"));
        two.mount("/deep/data", "/sub", disks.of_claim("v"));
        assert_eq!((one.get("/data"), two.get("/deep")), (Some(Node::Folder), Some(Node::Folder)));
        one.put("/data/sub/f", Node::File(b"x".to_vec()));
        assert_eq!(two.get("/deep/data/f"), Some(Node::File(b"x".to_vec())));
        assert_eq!(one.below("/data"), [("/data/sub/f".to_owned(), Node::File(b"x".to_vec()))]);
        assert_eq!(two.below("/").last(), Some(&("/deep/data/f".to_owned(), Node::File(b"x".to_vec()))));
        one.renew();
        disks.forget("one");
        assert_eq!(disks.of_claim("v").get("/sub/f"), Some(Node::File(b"x".to_vec())));
        disks.keep("v", "s");
        assert!(two.remove("/deep/data/f") && disks.of_claim("v").get("/sub/f").is_none());
        disks.restore("s", "w");
        assert_eq!(disks.of_claim("w").get("/sub/f"), Some(Node::File(b"x".to_vec())), "as it was when it was kept");
    }
}
