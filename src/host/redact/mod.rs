//! Secrets: registered when they are read, replaced by `<secret:N>` wherever they would show.

mod finder;
mod forms;
pub(crate) mod named;
mod patterns;
mod words;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use finder::Finder;
pub(crate) use patterns::hide;

/// The secrets of a run. The same value has the same number throughout.
#[derive(Debug, Default)]
pub struct Redactor {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    values: Vec<Secret>,
    places: HashMap<String, usize>,
    finder: Finder,
}

impl Known {
    /// The place of a value in the table; `patterns` gives those of a new one.
    fn place(&mut self, value: &str, patterns: impl FnOnce() -> Vec<String>) -> usize {
        let at = match self.places.get(value) {
            Some(at) if self.values.get(*at).is_some_and(|secret| !secret.patterns.is_empty()) => return *at,
            Some(at) => *at,
            None => {
                self.values.push(Secret { value: value.to_string(), patterns: Vec::new() });
                self.places.insert(value.to_string(), self.values.len() - 1);
                self.values.len() - 1
            }
        };
        // New, or hidden in its place alone until now.
        if let Some(secret) = self.values.get_mut(at) {
            secret.patterns = patterns();
            for (n, pattern) in secret.patterns.iter().enumerate() {
                self.finder.add(pattern, (at, n));
            }
        }
        at
    }

    /// The secrets that stand in a text, by their places in the table.
    fn standing_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        let found = self.finder.candidates(text).filter(|(rest, (at, n))| {
            let pattern = self.values.get(*at).and_then(|secret| secret.patterns.get(*n));
            pattern.is_some_and(|pattern| rest.starts_with(pattern.as_bytes()))
        });
        found.map(|(_, (at, _))| at)
    }
}

#[derive(Debug)]
struct Secret {
    value: String,
    /// What is replaced in free text; empty for values too short to be told from ordinary words.
    patterns: Vec<String>,
}

/// Values shorter than this are hidden only where they are typed as secrets, and in the lines of scripts.
const SHORTEST: usize = 8;
/// In the lines of scripts, where a literal may stand, these are hidden too, as whole words.
const SHORTEST_WORD: usize = 4;

impl Redactor {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a value and returns its number, from 1.
    pub fn register(&self, value: &str) -> usize {
        let patterns = || if value.len() >= SHORTEST { forms::of(value) } else { Vec::new() };
        self.lock().place(value, patterns) + 1
    }

    /// How many secrets are known.
    pub fn known(&self) -> usize {
        self.lock().values.len()
    }

    /// Registers what stands under the name of a secret: hidden everywhere where it is long enough, and no ordinary
    /// word; otherwise only in its place. Returns its number.
    pub fn learn(&self, value: &str) -> usize {
        if named::is_ordinary(value) { self.lock().place(value, Vec::new) + 1 } else { self.register(value) }
    }

    /// Whether there may be something to hide in a text, or in the JSON text of a value.
    pub fn suspects(&self, text: &str) -> bool {
        let known = self.lock();
        known.standing_in(text).next().is_some()
            || patterns::suspects(text)
            || (text.contains(r#""source":"#) && short(&known.values).any(|(_, word)| words::has(text, word)))
    }

    /// The same for a line of a script: a short secret that stands there as a whole word is hidden as well.
    pub fn redact_source(&self, line: &str) -> String {
        let line = self.redact(line);
        let known = self.lock();
        short(&known.values).fold(line, |line, (at, word)| words::replace(&line, word, &format!("<secret:{}>", at + 1)))
    }

    /// The text with every secret replaced: those that are known, and what looks like one.
    pub fn redact(&self, text: &str) -> String {
        let known = self.lock();
        let found: BTreeSet<usize> = known.standing_in(text).collect();
        let mut text = text.to_string();
        // The oldest first, as ever: one may be a part of another.
        for at in found {
            for pattern in known.values.get(at).map(|secret| secret.patterns.as_slice()).unwrap_or_default() {
                if text.contains(pattern.as_str()) {
                    text = text.replace(pattern.as_str(), &format!("<secret:{}>", at + 1));
                }
            }
        }
        drop(known);
        hide(&text).into_owned()
    }

    /// The same for every string of a JSON value, keys included.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.redact(text),
            serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_string) => {
                let mut lines: Vec<String> =
                    items.iter().map(|item| item.as_str().unwrap_or_default().to_string()).collect();
                patterns::hide_across(&mut lines);
                *items = lines.iter().map(|line| self.redact(line).into()).collect();
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|v| self.redact_json(v)),
            serde_json::Value::Object(map) => {
                let place = map.contains_key("file") && map.contains_key("line");
                let entries = std::mem::take(map);
                for (key, mut value) in entries {
                    match &mut value {
                        serde_json::Value::String(line) if place && key == "source" => *line = self.redact_source(line),
                        serde_json::Value::String(cookies) if key.eq_ignore_ascii_case("set-cookie") => {
                            *cookies = named::hide_cookies(&self.redact(cookies));
                        }
                        value => self.redact_json(value),
                    }
                    map.insert(self.redact(&key), value);
                }
            }
            _ => {}
        }
    }
}

/// The values that free text may hold by chance, with their places in the table.
fn short(values: &[Secret]) -> impl Iterator<Item = (usize, &str)> {
    let values = values.iter().map(|secret| secret.value.as_str()).enumerate();
    values.filter(|(_, value)| (SHORTEST_WORD..SHORTEST).contains(&value.len()))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

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
    fn a_secret_is_hidden_on_a_command_line_and_within_json_within_json() {
        let redactor = Redactor::default();
        let value = "it's a \"word\"\nand-a-line-without-blanks";
        redactor.register(value);
        let manifest = serde_json::json!({ "data": value }).to_string();
        for text in [
            value.to_string(),
            format!("curl -d {}", crate::client::sh::quoted(value)),
            format!("create <<< {}", crate::client::sh::quoted(&manifest)),
            serde_json::json!({ "manifest": manifest }).to_string(),
            "2: and-a-line-without-blanks".into(),
        ] {
            let shown = redactor.redact(&text);
            assert!(redactor.suspects(&text) && shown.contains("<secret:1>") && !shown.contains("blanks"), "{shown}");
        }
        assert!(!redactor.suspects("and a line"));
    }

    #[test]
    fn a_key_in_lines_of_a_list_is_hidden() {
        let mut json = serde_json::json!({ "causes": ["x", "bGluZQ==", "-----END PRIVATE KEY-----"] });
        Redactor::default().redact_json(&mut json);
        assert_eq!(json["causes"], serde_json::json!(["x", "<secret>", "<secret>"]));
    }

    #[test]
    fn an_ordinary_word_is_hidden_everywhere_once_it_is_known_as_a_secret() {
        let redactor = Redactor::default();
        assert_eq!(redactor.learn("required"), 1);
        assert_eq!(redactor.redact("it is required"), "it is required");
        assert_eq!(redactor.register("required"), 1);
        assert_eq!(redactor.redact("it is required"), "it is <secret:1>");
        assert_eq!((redactor.learn("required"), redactor.known()), (1, 1));
    }

    #[test]
    fn a_short_value_is_left_in_free_text() {
        let redactor = Redactor::default();
        redactor.register("abc");
        assert_eq!(redactor.redact("abcdef"), "abcdef");
    }

    #[test]
    fn a_short_value_is_hidden_in_the_line_of_a_script_as_a_whole_word() {
        let redactor = Redactor::default();
        redactor.register("hunter2");
        redactor.register("abc");
        let source = "k.apply(\"password: hunter2\", abc, hunter22)";
        let event = |source: &str| serde_json::json!({ "message": "hunter2", "place": { "file": "p", "line": 1, "source": source } });
        let mut json = event(source);
        assert!(redactor.suspects(&json.to_string()));
        redactor.redact_json(&mut json);
        assert_eq!(json, event("k.apply(\"password: <secret:1>\", abc, hunter22)"));
        assert!(!redactor.suspects(&event("hunter22").to_string().replace("\"hunter2\"", "1")));
    }
}
