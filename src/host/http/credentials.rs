//! Credentials: resolved late, registered with the redactor early, sent in one header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::http::Request;
use crate::client::http::header::{AUTHORIZATION, HeaderValue};
use crate::client::sh::quoted;
use crate::config::Endpoint;
use crate::error::{Error, Kind, Result};
use crate::host::World;
use crate::host::redact::named;
use crate::host::secret::Configured;
use crate::host::values::Secret;

/// How a request proves who sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// A bearer token.
    Token(Held),
    /// User and password.
    Basic(String, Held),
}

/// A secret, or where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// The script brought it.
    Here(Secret),
    /// `pb.toml` says where it is; it is read when the request is about to be sent.
    Kept(Configured),
}

impl Held {
    async fn read(&self, world: &World) -> Result<Secret> {
        match self {
            Self::Here(secret) => Ok(secret.clone()),
            Self::Kept(kept) => kept.read(world).await,
        }
    }

    /// A text and the secret behind it, as a word on a command line.
    pub(super) fn in_shell(&self, world: &World, before: &str) -> String {
        match self {
            Self::Here(secret) => quoted(&format!("{before}{secret}")),
            Self::Kept(kept) => format!("{}{}", quoted(before), kept.in_shell(world)),
        }
    }
}

impl Credentials {
    /// Of an endpoint of `pb.toml`.
    pub(super) fn of(world: &World, name: &str, endpoint: &Endpoint) -> Result<Self> {
        let kept = |what: &str, reference: &str| {
            Configured::parse(world, reference, format!("[endpoints.{name}] {what}")).map(Held::Kept)
        };
        match (&endpoint.token, &endpoint.user, &endpoint.password) {
            (Some(token), _, _) => Ok(Self::Token(kept("token", token)?)),
            (None, Some(user), Some(password)) => Ok(Self::Basic(user.clone(), kept("password", password)?)),
            (None, Some(user), None) => Ok(Self::Basic(user.clone(), Held::Here(Secret::new(&world.redactor, "")))),
            (None, None, _) => Ok(Self::None),
        }
    }

    /// Reads what is kept elsewhere and puts the Authorization header in.
    pub(super) async fn put_into(&self, world: &World, request: &mut Request) -> Result<()> {
        let text = match self {
            Self::None => return Ok(()),
            Self::Token(token) => format!("Bearer {}", token.read(world).await?.expose()),
            Self::Basic(user, password) => {
                let encoded = STANDARD.encode(format!("{user}:{}", password.read(world).await?.expose()));
                // The password hides within these letters: they are a secret too.
                world.redactor.register(&encoded);
                format!("Basic {encoded}")
            }
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            let what = format!("{} {}: the token has a character that can't be sent", request.method, request.url);
            Error::new(Kind::Config, what).hint("a token is letters on one line, without blanks around it")
        })?;
        value.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, value);
        Ok(())
    }
}

/// Hides the value of a header that carries a credential. Says whether it does.
pub(super) fn hide_header(world: &World, name: &str, value: &str) -> bool {
    let sensitive = named::is_secret(name);
    if sensitive {
        world.redactor.register(value);
        // `Bearer …`, `token …`
        if let Some((_, token)) = value.split_once(' ') {
            world.redactor.register(token);
        }
        if name.to_lowercase().ends_with("cookie") {
            super::secrets::learn_cookies(&world.redactor, value);
        }
    }
    sensitive
}
