//! References to secrets: configuration says where a secret is, never what it is.

use std::path::{Path, PathBuf};

use super::environment::expand;

/// The forms of a reference, as messages show them.
pub const FORMS: &str = "env:NAME, file:PATH, kube:CLUSTER/NAMESPACE/NAME/KEY or op://VAULT/ITEM/FIELD";

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `env:NAME`: an environment variable.
    Env(String),
    /// `file:PATH`: a file's text, without its last newline.
    File(PathBuf),
    /// `kube:cluster/namespace/name/key`: a key of a Kubernetes Secret, decoded.
    Kube {
        /// The cluster's name in `pb.toml`.
        cluster: String,
        /// The Secret's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
        /// The key in its data.
        key: String,
    },
    /// `op://vault/item/field`, the whole of it: read with 1Password's `op`.
    Op(String),
}

impl SecretRef {
    /// Reads a reference; relative and `~` paths become absolute.
    ///
    /// # Errors
    /// What is wrong with it, without the text itself, which may be a secret written down by mistake.
    pub fn parse(text: &str, dir: &Path, home: Option<&Path>) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("env:") {
            let fine = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            return if fine { Ok(Self::Env(name.into())) } else { Err("env: takes the name of a variable".into()) };
        }
        if let Some(path) = text.strip_prefix("file:") {
            return if path.is_empty() {
                Err("file: takes a path".into())
            } else {
                Ok(Self::File(expand(path, dir, home)))
            };
        }
        if let Some(path) = text.strip_prefix("kube:") {
            return match path.split('/').collect::<Vec<_>>().as_slice() {
                [cluster, namespace, name, key] if [cluster, namespace, name, key].iter().all(|p| !p.is_empty()) => {
                    Ok(Self::Kube {
                        cluster: (*cluster).into(),
                        namespace: (*namespace).into(),
                        name: (*name).into(),
                        key: (*key).into(),
                    })
                }
                _ => Err("kube: takes CLUSTER/NAMESPACE/NAME/KEY".into()),
            };
        }
        if let Some(path) = text.strip_prefix("op://") {
            let parts = path.split('/').count();
            let whole = (3..=4).contains(&parts) && path.split('/').all(|part| !part.is_empty());
            return if whole { Ok(Self::Op(text.into())) } else { Err("op:// takes VAULT/ITEM/FIELD".into()) };
        }
        Err(format!("a secret is named, not written down: {FORMS}"))
    }

    /// The reference as text, with the path as it was expanded.
    pub fn to_text(&self) -> String {
        match self {
            Self::Env(name) => format!("env:{name}"),
            Self::File(path) => format!("file:{}", path.display()),
            Self::Kube { cluster, namespace, name, key } => format!("kube:{cluster}/{namespace}/{name}/{key}"),
            Self::Op(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        SecretRef::parse(text, Path::new("/srv"), Some(Path::new("/home/ada"))).map(|r| r.to_text())
    }

    #[test]
    fn every_form_is_read() {
        for (text, wanted) in [
            ("env:GRAFANA_TOKEN", "env:GRAFANA_TOKEN"),
            ("file:token", "file:/srv/token"),
            ("file:~/token", "file:/home/ada/token"),
            ("kube:infra/ns/name/key", "kube:infra/ns/name/key"),
            ("op://vault/item/field", "op://vault/item/field"),
            ("op://vault/item/section/field", "op://vault/item/section/field"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_without_being_repeated() {
        for text in ["hunter2", "env:", "env:A B", "file:", "kube:infra/ns/name", "kube:a//b/c", "op://vault/item"] {
            let message = parse(text).expect_err(text);
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
