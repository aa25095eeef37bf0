//! Trees of files: from paths and texts, and back.

use std::collections::BTreeMap;

use super::{Kind, Repository};

/// Keeps the files, and gives the tree's name.
pub(super) fn write(repository: &mut Repository, files: &BTreeMap<String, String>) -> String {
    // A folder is sorted as if its name ended in a slash.
    let mut entries: BTreeMap<String, (&'static str, String, String)> = BTreeMap::new();
    let mut folders: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for (path, text) in files {
        match path.split_once('/') {
            Some((folder, rest)) => {
                folders.entry(folder).or_default().insert(rest.to_owned(), text.clone());
            }
            None => {
                let blob = repository.put(Kind::Blob, text.clone().into_bytes());
                entries.insert(path.clone(), ("100644", path.clone(), blob));
            }
        }
    }
    for (folder, files) in folders {
        let tree = write(repository, &files);
        entries.insert(format!("{folder}/"), ("40000", folder.to_owned(), tree));
    }
    let mut body = Vec::new();
    for (mode, name, id) in entries.values() {
        body.extend(format!("{mode} {name}\0").into_bytes());
        body.extend((0..20).filter_map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).ok()));
    }
    repository.put(Kind::Tree, body)
}

/// The files of a tree, with a prefix to their paths. What is no text becomes replacement characters.
///
/// # Errors
/// Something of it is not there.
pub(super) fn read(repository: &Repository, tree: &str, prefix: &str) -> Result<BTreeMap<String, String>, String> {
    let missing = |id: &str| format!("missing object {id}");
    let object =
        repository.objects.get(tree).filter(|object| object.kind == Kind::Tree).ok_or_else(|| missing(tree))?;
    let (mut rest, mut files) = (object.body.as_slice(), BTreeMap::new());
    while let Some(end) = rest.iter().position(|byte| *byte == 0) {
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let digest = rest.get(end + 1..end + 21).ok_or("a tree that is cut off")?;
        rest = &rest[end + 21..];
        let id: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let (mode, name) = head.split_once(' ').ok_or("a tree without modes")?;
        if mode == "40000" {
            files.extend(read(repository, &id, &format!("{prefix}{name}/"))?);
        } else {
            let blob = repository.objects.get(&id).ok_or_else(|| missing(&id))?;
            files.insert(format!("{prefix}{name}"), String::from_utf8_lossy(&blob.body).into_owned());
        }
    }
    Ok(files)
}
