//! Secrets: registered when they are read, replaced by `<secret:N>` wherever they would show.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// The secrets of a run. The same value has the same number throughout.
#[derive(Debug, Default)]
pub struct Redactor {
    values: Mutex<Vec<Secret>>,
}

#[derive(Debug)]
struct Secret {
    value: String,
    /// What is replaced in free text; empty for values too short to be told from ordinary words.
    patterns: Vec<String>,
}

/// Values shorter than this are hidden only where they are typed as secrets.
const SHORTEST: usize = 8;

impl Redactor {
    /// Registers a value and returns its number, from 1.
    pub fn register(&self, value: &str) -> usize {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = values.iter().position(|s| s.value == value) {
            return at + 1;
        }
        let mut patterns = Vec::new();
        if value.len() >= SHORTEST {
            patterns.push(value.to_string());
            for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
                patterns.push(engine.encode(value));
            }
            patterns.push(url_encoded(value));
            let json = serde_json::Value::from(value).to_string();
            patterns.push(json[1..json.len() - 1].to_string());
            patterns.sort_by_key(|p| std::cmp::Reverse(p.len()));
            patterns.dedup();
        }
        values.push(Secret { value: value.to_string(), patterns });
        values.len()
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The text with every secret replaced.
    pub fn redact(&self, text: &str) -> String {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = text.to_string();
        for (at, secret) in values.iter().enumerate() {
            for pattern in &secret.patterns {
                if text.contains(pattern.as_str()) {
                    text = text.replace(pattern.as_str(), &format!("<secret:{}>", at + 1));
                }
            }
        }
        text
    }

    /// The same for every string of a JSON value, keys included.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.redact(text),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|v| self.redact_json(v)),
            serde_json::Value::Object(map) => {
                let entries = std::mem::take(map);
                for (key, mut value) in entries {
                    self.redact_json(&mut value);
                    map.insert(self.redact(&key), value);
                }
            }
            _ => {}
        }
    }
}

fn url_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_common_encoding() {
        let redactor = Redactor::default();
        assert_eq!(redactor.register("s3cr3t/value+1"), 1);
        assert_eq!(redactor.register("s3cr3t/value+1"), 1);
        let text = format!("a s3cr3t/value+1 b {} c s3cr3t%2Fvalue%2B1", STANDARD.encode("s3cr3t/value+1"));
        assert_eq!(redactor.redact(&text), "a <secret:1> b <secret:1> c <secret:1>");
    }

    #[test]
    fn a_short_value_is_left_in_free_text() {
        let redactor = Redactor::default();
        redactor.register("abc");
        assert_eq!(redactor.redact("abcdef"), "abcdef");
    }
}
