//! Where secrets are kept, and how each place is read. Every value is registered for redaction at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::kube::known;
use crate::client::sh::{Command, last_lines, quoted, run, without_newline};
use crate::config::SecretRef;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::host::World;
use crate::host::data::file;
use crate::host::kube::Clusters;
use crate::host::kube::cluster::ClusterHandle;
use crate::host::values::Secret;

/// A secret that `pb.toml` names, and the place where it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configured {
    of: SecretRef,
    /// `[endpoints.grafana] token`
    place: String,
}

impl Configured {
    /// Reads a reference: `env:NAME`, `file:PATH`, `kube:cluster/namespace/name/key`, `op://vault/item/field`.
    ///
    /// # Errors
    /// [`Kind::Config`] when it is none.
    pub(crate) fn parse(world: &World, reference: &str, place: impl Into<String>) -> Result<Self> {
        let place = place.into();
        let home = std::env::home_dir();
        match SecretRef::parse(reference, &world.config.dir, home.as_deref()) {
            Ok(of) => Ok(Self { of, place }),
            Err(why) => Err(Error::new(Kind::Config, format!("{place}: {why}"))),
        }
    }

    /// The secret. Await it inside the call that needs the credential; it passes no gate of its own.
    ///
    /// # Errors
    /// [`Kind::Config`] when nothing is kept there, [`Kind::MissingTool`] without `op`, what the cluster says.
    pub(crate) async fn read(&self, world: &World) -> Result<Secret> {
        read(world, &self.of).await.map_err(|error| {
            // To whoever asked the endpoint or the host, it is not a thing of theirs that was not found.
            let kind = if matches!(error.kind, Kind::NotFound | Kind::Io) { Kind::Config } else { error.kind };
            Error { kind, ..error.context(&self.place) }
        })
    }

    /// What a person types in a shell instead, to have it read there: `"$(printenv TOKEN)"`.
    pub(crate) fn in_shell(&self, world: &World) -> String {
        format!("\"$({})\"", line(world, &self.of))
    }
}

/// The command line that prints a secret.
pub(super) fn line(world: &World, of: &SecretRef) -> String {
    match of {
        SecretRef::Env(name) => format!("printenv {}", quoted(name)),
        SecretRef::File(path) => format!("cat {}", quoted(&path.to_string_lossy())),
        SecretRef::Kube { cluster, namespace, name, key } => {
            // A cluster that is not configured has no context; reading says so.
            let kubectl = ClusterHandle::in_world(world, cluster).map(|k| k.kubectl().to_string());
            // A key may hold dots, which a path in jsonpath takes escaped.
            let path = format!("{{.data.{}}}", key.replace('.', "\\."));
            format!(
                "{} get secret {} -n {} -o jsonpath={} | base64 -d",
                kubectl.unwrap_or_else(|_| "kubectl".into()),
                quoted(name),
                quoted(namespace),
                quoted(&path)
            )
        }
        SecretRef::Op(reference) => format!("op read {}", quoted(reference)),
    }
}

/// The secret that a parsed reference means.
pub(super) async fn read(world: &World, of: &SecretRef) -> Result<Secret> {
    let value = match of {
        SecretRef::Env(name) => from_env(name)?,
        SecretRef::File(path) => without_newline(&file::text(path)?).to_string(),
        SecretRef::Kube { cluster, namespace, name, key } => from_kube(world, cluster, namespace, name, key).await?,
        SecretRef::Op(reference) => from_op(world, reference).await?,
    };
    if value.is_empty() {
        return Err(Error::new(Kind::Config, format!("the secret {} is empty", of.to_text())));
    }
    Ok(Secret::new(&world.redactor, &value))
}

fn from_env(name: &str) -> Result<String> {
    match std::env::var(name) {
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => {
            let known: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
            Err(Error::new(Kind::Config, format!("the environment variable {name} is not set"))
                .maybe_hint(did_you_mean(name, known.iter().map(String::as_str))))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::new(Kind::Unreadable, format!("the environment variable {name} is not UTF-8 text")))
        }
    }
}

async fn from_kube(world: &World, cluster: &str, namespace: &str, name: &str, key: &str) -> Result<String> {
    let secrets = known("secrets").ok_or_else(|| Error::new(Kind::UnknownKind, "the kind Secret is not known"))?;
    let connection = world.part::<Clusters>().get(world, cluster).await?;
    let text = connection.get(&secrets, Some(namespace), name, None).await?;
    value_of(&text, cluster, namespace, name, key)
}

/// The decoded value of a key in a Secret's JSON.
fn value_of(text: &str, cluster: &str, namespace: &str, name: &str, key: &str) -> Result<String> {
    let whose = format!("the Secret {namespace}/{name} of {cluster}");
    // The text itself is not shown in errors: it is full of secrets.
    let secret: serde_json::Value =
        serde_json::from_str(text).map_err(|_| Error::new(Kind::Unreadable, format!("{whose} came as no JSON")))?;
    let empty = serde_json::Map::new();
    let data = secret.get("data").and_then(serde_json::Value::as_object).unwrap_or(&empty);
    let Some(value) = data.get(key).and_then(serde_json::Value::as_str) else {
        let keys: Vec<&str> = data.keys().map(String::as_str).collect();
        let has =
            if keys.is_empty() { "it has no key at all".into() } else { format!("its keys are {}", keys.join(", ")) };
        return Err(Error::new(Kind::NotFound, format!("{whose} has no key {key:?}"))
            .because(has)
            .maybe_hint(did_you_mean(key, keys.iter().copied())));
    };
    let bytes =
        STANDARD.decode(value).map_err(|_| Error::new(Kind::Unreadable, format!("{key} of {whose} is not base64")))?;
    String::from_utf8(bytes).map_err(|_| Error::new(Kind::Unreadable, format!("{key} of {whose} is not UTF-8 text")))
}

async fn from_op(world: &World, reference: &str) -> Result<String> {
    let mut command = Command::new("op", ["read", "--no-newline", reference]);
    crate::host::sh::surround(&mut command, &world.config.tools);
    let output = run(&command).await?;
    if output.code == 0 {
        return Ok(output.stdout);
    }
    Err(Error::new(Kind::Config, format!("op read {reference} ended with exit code {}", output.code))
        .because(last_lines(&output.stderr, 5).join("\n"))
        .hint("op signin, or OP_SERVICE_ACCOUNT_TOKEN in the environment, lets op read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str =
        r#"{"kind":"Secret","data":{"password":"aHVudGVyMg==","tls.crt":"LS0t","blob":"/wA=","bad":"*"}}"#;

    fn value(key: &str) -> Result<String> {
        value_of(SECRET, "infra", "web", "db", key)
    }

    #[test]
    fn a_key_is_decoded() {
        assert_eq!(value("password").unwrap(), "hunter2");
        assert_eq!(value("tls.crt").unwrap(), "---");
    }

    #[test]
    fn a_missing_key_names_those_that_exist_and_no_value() {
        let error = value("pasword").unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        assert_eq!(error.message, "the Secret web/db of infra has no key \"pasword\"");
        assert_eq!(error.causes, ["its keys are bad, blob, password, tls.crt"]);
        assert_eq!(error.hints, ["did you mean \"password\"?"]);
        let error = value_of("{}", "infra", "web", "db", "x").unwrap_err();
        assert_eq!(error.causes, ["it has no key at all"]);
    }

    #[test]
    fn what_is_no_text_is_told_without_showing_it() {
        assert!(value("blob").unwrap_err().message.contains("not UTF-8"));
        assert!(value("bad").unwrap_err().message.contains("not base64"));
        let error = value_of("aHVudGVyMg", "infra", "web", "db", "x").unwrap_err();
        assert!(!format!("{error:?}").contains("aHVudGVyMg"));
    }
}
