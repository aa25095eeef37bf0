//! An answer as scripts read it.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Blob, Dynamic, Map};

use super::expect::with_reason;
use crate::client::http::Answer;
use crate::error::{Error, Kind, Result};
use crate::host::data::from_text;
use crate::host::values::Size;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response(Arc<Answer>);

impl Response {
    pub(super) fn new(answer: Answer) -> Self {
        Self(Arc::new(answer))
    }

    pub(super) fn status(&self) -> i64 {
        self.0.status.into()
    }

    pub(super) fn ok(&self) -> bool {
        (200..300).contains(&self.0.status)
    }

    pub(super) fn headers(&self) -> Map {
        self.0.headers.iter().map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect()
    }

    pub(super) fn header(&self, name: &str) -> Dynamic {
        self.0.headers.get(&name.to_lowercase()).map_or(Dynamic::UNIT, |value| value.as_str().into())
    }

    pub(super) fn text(&self) -> String {
        self.0.body.text()
    }

    pub(super) fn bytes(&self) -> Blob {
        self.0.body.bytes()
    }

    pub(super) fn size(&self) -> Size {
        Size(self.0.body.size())
    }

    pub(super) fn time(&self) -> Duration {
        self.0.total
    }

    pub(super) fn first_byte(&self) -> Duration {
        self.0.first_byte
    }

    pub(super) fn url(&self) -> String {
        self.0.url.clone()
    }

    pub(super) fn address(&self) -> Dynamic {
        self.0.address.clone().map_or(Dynamic::UNIT, Into::into)
    }

    pub(super) fn redirects(&self) -> i64 {
        i64::try_from(self.0.redirects).unwrap_or(i64::MAX)
    }

    /// The body as an object, a list, or a plain value.
    pub(super) fn json(&self) -> Result<Dynamic> {
        let text = self.text();
        let broken = |why: String| {
            let kind = self.0.headers.get("content-type").map_or("no content type", String::as_str);
            let begin = crate::error::beginning(&text, 200);
            Error::new(Kind::Unreadable, format!("{}: the answer ({kind}) is not JSON", self.0.url))
                .because(why)
                .because(format!("it begins: {begin}"))
        };
        if text.trim().is_empty() {
            return Err(broken("it is empty".into()));
        }
        from_text(&text, "items").map_err(|e| broken(e.causes.into_iter().next().unwrap_or(e.message)))
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.0.body.size();
        write!(f, "{} from {} ({bytes} bytes)", with_reason(self.0.status), self.0.url)
    }
}
