//! Secrets: registered when they are read, replaced by `<secret:N>` wherever they would show.
//!
//! What is replaced is content. What the run itself goes by, the names of clusters, steps and objects, is never
//! touched: a record without them could not be worked with.

mod event;
mod finder;
mod forms;
pub(crate) mod named;
mod patterns;
pub(crate) mod programs;
mod spots;
mod words;
mod wrapped;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use event::filter;
use finder::Finder;
pub(crate) use patterns::{hide, pattern};
use spots::Spot;

/// The secrets of a run. The same value has the same number throughout.
#[derive(Debug, Default)]
pub struct Redactor {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    values: Vec<Secret>,
    places: HashMap<String, usize>,
    /// What the run itself goes by: see [`Redactor::name`].
    names: HashSet<String>,
    finder: Finder,
}

impl Known {
    /// The place of a value in the table.
    fn place(&mut self, value: &str) -> usize {
        if let Some(at) = self.places.get(value) {
            return *at;
        }
        let at = self.values.len();
        let mut patterns = if value.len() < SHORTEST || self.is_plain(value) { Vec::new() } else { forms::of(value) };
        // A line of it may be a name, too.
        patterns.retain(|pattern| !self.names.contains(pattern.trim()));
        for (n, pattern) in patterns.iter().enumerate() {
            self.finder.add(pattern, (at, n));
        }
        self.values.push(Secret { value: value.to_string(), patterns });
        self.places.insert(value.to_string(), at);
        at
    }

    /// Whether a value tells nothing by itself: an ordinary word, or a name that the run goes by.
    fn is_plain(&self, value: &str) -> bool {
        named::is_ordinary(value) || self.names.contains(value.trim())
    }

    /// Takes a name in; a secret that is the same is from now on hidden in its place alone.
    fn name(&mut self, name: &str) {
        if name.len() < SHORTEST_WORD || !self.names.insert(name.to_string()) {
            return;
        }
        let begun = self.finder.candidates(name).filter(|(rest, _)| rest.len() == name.len());
        let begun: Vec<usize> = begun.map(|(_, (at, _))| at).collect();
        for at in begun {
            let Some(secret) = self.values.get_mut(at) else { continue };
            let whole = secret.value.trim() == name;
            let is = |pattern: &str| pattern.trim() == name || (whole && pattern.contains(name));
            secret.patterns.iter_mut().filter(|pattern| is(pattern)).for_each(String::clear);
        }
    }

    /// Where secrets stand in a text.
    fn spots<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Spot> + 'a {
        self.finder.candidates(text).filter_map(move |(rest, (secret, n))| {
            let pattern = self.values.get(secret)?.patterns.get(n)?;
            Spot::of(text, text.len() - rest.len(), pattern, secret)
        })
    }

    /// The values that free text may hold by chance, with their places in the table.
    fn short(&self) -> impl Iterator<Item = (usize, &str)> {
        let values = self.values.iter().map(|secret| secret.value.as_str()).enumerate();
        values.filter(|(_, value)| (SHORTEST_WORD..SHORTEST).contains(&value.len()) && !self.is_plain(value))
    }
}

#[derive(Debug)]
struct Secret {
    value: String,
    /// What is replaced in free text; empty for values too short to be told from ordinary words, and for these.
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

    /// Registers a value and returns its number, from 1. It is hidden everywhere where it is long enough, no ordinary
    /// word, and no name that the run goes by; otherwise only in its place.
    pub fn register(&self, value: &str) -> usize {
        self.lock().place(value) + 1
    }

    /// Takes in a name that the run goes by: of a cluster, a step, a setting, an object that a call addresses. Secrets
    /// often hold such (`namespace:`, `host:`), before or after it is known as one; in free text they tell nothing.
    pub fn name(&self, name: &str) {
        let name = name.trim();
        if !name.is_empty() {
            self.lock().name(name);
        }
    }

    /// Whether it is such a name.
    fn is_name(&self, text: &str) -> bool {
        self.lock().names.contains(text)
    }

    /// How many secrets are known.
    pub fn known(&self) -> usize {
        self.lock().values.len()
    }

    /// Whether there may be something to hide in a text, or in the JSON text of a value.
    pub fn suspects(&self, text: &str) -> bool {
        let known = self.lock();
        known.spots(text).next().is_some()
            || patterns::suspects(text)
            || wrapped::suspects(text)
            || (text.contains(r#""source":"#) && known.short().any(|(_, word)| words::has(text, word)))
    }

    /// The same for a line of a script: a short secret that stands there as a whole word is hidden as well.
    pub fn redact_source(&self, line: &str) -> String {
        let line = self.redact(line);
        let known = self.lock();
        known.short().fold(line, |line, (at, word)| words::replace(&line, word, &format!("<secret:{}>", at + 1)))
    }

    /// The text with every secret replaced: those that are known, and what looks like one.
    pub fn redact(&self, text: &str) -> String {
        let known = self.lock();
        let text = &*wrapped::hide(text, |plain| known.spots(plain).next().map(|spot| spot.secret + 1));
        // All are found in the text as it came: one may be a part of another, or go on where another ends.
        let spots = spots::joined(known.spots(text).collect());
        drop(known);
        let (mut out, mut done) = (String::with_capacity(text.len()), 0);
        for spot in spots {
            out.push_str(&text[done..spot.from]);
            out.push_str(&format!("<secret:{}>", spot.secret + 1));
            done = spot.to;
        }
        out.push_str(&text[done..]);
        hide(&out).into_owned()
    }

    /// The same for every string of a JSON value, keys included.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.redact(text),
            serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_string) => {
                let mut lines: Vec<String> =
                    items.iter().map(|item| item.as_str().unwrap_or_default().to_string()).collect();
                self.redact_lines(&mut lines);
                *items = lines.into_iter().map(Into::into).collect();
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

    /// The same for lines that were one text, or were typed beside each other.
    pub fn redact_lines(&self, lines: &mut [String]) {
        patterns::hide_across(lines);
        lines.iter_mut().for_each(|line| *line = self.redact(line));
    }
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
    fn an_ordinary_word_is_a_secret_in_its_place_alone() {
        let redactor = Redactor::default();
        assert_eq!((redactor.register("required"), redactor.register("none")), (1, 2));
        assert_eq!(redactor.redact("it is required"), "it is required");
        assert_eq!(redactor.redact_source("x.is(none)"), "x.is(none)");
        assert_eq!((redactor.register("required"), redactor.known()), (1, 2));
    }

    #[test]
    fn a_name_that_the_run_goes_by_stays_readable_whichever_is_known_first() {
        let redactor = Redactor::default();
        redactor.name("production");
        for value in ["production\n", "shop-database", "apps", "kafka-production-main\nanother-long-line-of-it"] {
            redactor.register(value);
        }
        redactor.name("apps");
        let text = "create ConfigMap shop-database on production\nand kafka-production-main";
        assert_eq!(redactor.redact(text), "create ConfigMap <secret:2> on production\nand <secret:4>");
        redactor.name("shop-database");
        redactor.name("kafka-production-main");
        assert!(!redactor.suspects(text) && !redactor.suspects(&serde_json::json!([text, "production\n"]).to_string()));
        assert_eq!(redactor.redact_source("k.get(\"apps\")"), "k.get(\"apps\")");
        assert_eq!(redactor.redact("another-long-line-of-it"), "<secret:4>");
        // What merely has a name in it is still one.
        redactor.register("https://production.example.org/hook");
        assert_eq!(redactor.redact("to https://production.example.org/hook"), "to <secret:5>");
    }

    #[test]
    fn a_secret_that_begins_or_goes_on_with_another_goes_whole() {
        let redactor = Redactor::default();
        for value in ["shopshop", "shopshop-9f8a7d6e5c", "7d6e5c and-more-of-it", "CommonPrefix99"] {
            redactor.register(value);
        }
        for (text, shown) in [
            ("x shopshop-9f8a7d6e5c y shopshop", "x <secret:2> y <secret:1>"),
            ("shopshop-9f8a7d6e5c and-more-of-it!", "<secret:3>!"),
            ("shopshop shopshop", "<secret:1> <secret:1>"),
            ("CommonPrefix99CommonPrefix99-9", "<secret:4><secret:4>-9"),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
    }

    #[test]
    fn what_was_cut_before_it_came_here_is_known_by_its_beginning_and_the_mark() {
        let redactor = Redactor::default();
        redactor.register("Planted-\"quoted\"-and-quite-long");
        let quoted = serde_json::Value::from("so: Planted-\"quoted\"-and-quite-long").to_string();
        for end in 13..quoted.len() - 1 {
            let text = format!("{}… (300 characters)", &quoted[..end]);
            assert_eq!(redactor.redact(&text), "\"so: <secret:1>… (300 characters)", "{text}");
            assert!(redactor.suspects(&serde_json::Value::from(text).to_string()));
        }
        assert_eq!(redactor.redact("Planted-\"qu …"), "<secret:1> …");
        assert_eq!(redactor.redact("Planted-\"qu and Planted…"), "Planted-\"qu and Planted…");
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
