//! A whole answer as plain data that can be kept and read back.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// `200`
    pub status: u16,
    /// `HTTP/1.1`
    pub version: String,
    /// Where it came from, after redirects.
    pub url: String,
    /// The address that answered.
    pub address: Option<String>,
    /// Headers with lower-case names; several of one name are joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Body,
    /// Redirects that were followed.
    pub redirects: usize,
    /// Until the answer's head was there.
    pub first_byte: Duration,
    /// Until the whole body was there.
    pub total: Duration,
}

/// Bytes that are kept as text where they are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// UTF-8
    Text(String),
    /// Anything else, in base64.
    Base64(String),
}

impl Answer {
    /// The head of an answer; body and total time come later.
    pub(super) fn of(response: &reqwest::Response, url: &Url, redirects: usize, first_byte: Duration) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in response.headers() {
            let value = String::from_utf8_lossy(value.as_bytes());
            let all = headers.entry(name.as_str().to_string()).or_default();
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(&value);
        }
        Self {
            status: response.status().as_u16(),
            version: format!("{:?}", response.version()),
            url: url.to_string(),
            address: response.remote_addr().map(|a| a.to_string()),
            headers,
            body: Body::Text(String::new()),
            redirects,
            first_byte,
            total: first_byte,
        }
    }
}

impl Body {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|e| Self::Base64(STANDARD.encode(e.as_bytes())), Self::Text)
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Base64(text) => STANDARD.decode(text).unwrap_or_default(),
        }
    }

    /// The text; bytes that are no UTF-8 become replacement characters.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Base64(_) => String::from_utf8_lossy(&self.bytes()).into_owned(),
        }
    }

    /// The number of bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Base64(_) => self.bytes().len() as u64,
        }
    }
}
