//! What is not known of a build: parts from outside of the repository, files that can't be read.

/// What is not known of a build.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// Whether there may be objects that are not seen.
    pub open: bool,
    /// Whether something is wrong, so that Flux would apply nothing of it.
    pub broken: bool,
    /// The texts and names of what could not be read: a name in them may be there.
    pub lost: Vec<String>,
}

impl Build {
    /// Whether an object of a name may be there, though it is not seen.
    pub fn may_have(&self, name: &str) -> bool {
        let named = |line: &str| {
            let value = line.trim().trim_start_matches("- ").strip_prefix("name:");
            value.is_some_and(|value| value.trim().trim_matches(['"', '\'']) == name)
        };
        // Of a file that is no YAML the text is kept, of one that is not there its name.
        let has = |lost: &String| if lost.contains('\n') { lost.lines().any(named) } else { lost.contains(name) };
        self.open || self.lost.iter().any(has)
    }
}

/// Whether a name of kustomize leads out of the repository: a URL, or a host with a path.
pub(super) fn is_remote(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default();
    let host = first.contains('.') && !first.starts_with('.') && !first.ends_with(".yaml") && !first.ends_with(".yml");
    text.contains("://") || text.starts_with("git@") || text.contains("?ref=") || (host && text.contains('/'))
}
