//! Credentials: resolved late, registered with the redactor early, sent in one header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::Endpoint;
use crate::error::{Error, Kind, Result};
use crate::host::World;
use crate::host::values::Secret;

/// Headers whose values are secrets, however they were written.
const SENSITIVE: &[&str] = &["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"];

/// How a request proves who sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// A bearer token.
    Token(Secret),
    /// User and password.
    Basic(String, Secret),
}

impl Credentials {
    /// Of an endpoint of `pb.toml`.
    pub(super) fn of(world: &World, name: &str, endpoint: &Endpoint) -> Result<Self> {
        let read = |what: &str, reference: &str| {
            reveal(world, reference).map_err(|e| e.context(format!("[endpoints.{name}] {what}")))
        };
        match (&endpoint.token, &endpoint.user, &endpoint.password) {
            (Some(token), _, _) => Ok(Self::Token(read("token", token)?)),
            (None, Some(user), Some(password)) => Ok(Self::Basic(user.clone(), read("password", password)?)),
            (None, Some(user), None) => Ok(Self::Basic(user.clone(), Secret::new(&world.redactor, ""))),
            (None, None, _) => Ok(Self::None),
        }
    }

    /// The value of the Authorization header.
    pub(super) fn header(&self, world: &World) -> Option<String> {
        match self {
            Self::None => None,
            Self::Token(token) => Some(format!("Bearer {}", token.expose())),
            Self::Basic(user, password) => {
                let encoded = STANDARD.encode(format!("{user}:{}", password.expose()));
                // The password hides within these letters: they are a secret too.
                world.redactor.register(&encoded);
                Some(format!("Basic {encoded}"))
            }
        }
    }
}

/// Hides the value of a header that carries a credential.
pub(super) fn hide_header(world: &World, name: &str, value: &str) -> bool {
    let sensitive = SENSITIVE.contains(&name.to_lowercase().as_str());
    if sensitive {
        world.redactor.register(value);
        if let Some((_, token)) = value.split_once(' ') {
            world.redactor.register(token);
        }
    }
    sensitive
}

/// The secret that a reference names: `env:NAME`, `file:PATH`.
fn reveal(world: &World, reference: &str) -> Result<Secret> {
    if let Some(name) = reference.strip_prefix("env:") {
        let value = std::env::var(name)
            .map_err(|_| Error::new(Kind::Config, format!("the environment variable {name} is not set")))?;
        return Ok(Secret::new(&world.redactor, &value));
    }
    if let Some(path) = reference.strip_prefix("file:") {
        let path = crate::host::paths::from(&world.config.dir, path);
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Error::new(Kind::Config, format!("the file {} can't be read", path.display())).because(e))?;
        return Ok(Secret::new(&world.redactor, text.trim_end_matches(['\n', '\r'])));
    }
    Err(Error::new(Kind::Config, "an endpoint's secret is read from env: or file:, and this reference is neither")
        .hint("token: secret::kube(…) or secret::op(…) in the call's options takes one from elsewhere"))
}
