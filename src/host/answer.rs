//! What a call answered, as the record gets it: as JSON, without secrets, and not more than is kept. The script has
//! the answer itself.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::redact::Redactor;
use crate::config::units::show_size;
use crate::event::{Answer, Body};

/// What is looked at beyond the limit: a secret that lies across it must be found whole.
const BEYOND: usize = 64 * 1024;

/// The answer of a call.
pub(super) fn of<T: Serialize>(call: u64, value: &T, limit: usize, redactor: &Redactor) -> Answer {
    Answer { call, body: body(value, limit, redactor) }
}

/// Arguments that are longer than the limit, cut: a manifest or a file's content may be of any size.
pub(super) fn cut(args: &Value, limit: usize) -> Value {
    match written(args, limit) {
        Ok((text, true)) => Value::String(shortened(text, limit)),
        _ => args.clone(),
    }
}

fn body<T: Serialize>(value: &T, limit: usize, redactor: &Redactor) -> Body {
    let Ok((text, more)) = written(value, limit.saturating_add(BEYOND)) else {
        return Body::Withheld("it has no JSON form");
    };
    if has_secrets(&text) {
        return Body::Withheld("it has Secrets");
    }
    // A text without its end can't be read as JSON; the encodings of a secret within JSON are known to the redactor.
    if more || text.len() > limit {
        return Body::Cut(shortened(redactor.redact(&text), limit));
    }
    let text = if redactor.is_empty() { Some(text) } else { redacted(&text, redactor) };
    match text.and_then(|text| RawValue::from_string(text).ok()) {
        Some(whole) => Body::Whole(whole),
        None => Body::Withheld("it has no JSON form"),
    }
}

fn redacted(text: &str, redactor: &Redactor) -> Option<String> {
    let mut json: Value = serde_json::from_str(text).ok()?;
    redactor.redact_json(&mut json);
    Some(json.to_string())
}

/// The text up to the limit, with a mark that says so.
fn shortened(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text.push_str(&format!("… [cut after {}: answer_limit in pb.toml]", show_size(limit as u64)));
    text
}

/// The JSON text of a value up to so many bytes, and whether there was more. A list of thousands of pods is not
/// written out to keep its beginning.
fn written<T: Serialize + ?Sized>(value: &T, most: usize) -> Result<(String, bool), serde_json::Error> {
    let mut limited = Limited { bytes: Vec::new(), most, full: false };
    match serde_json::to_writer(&mut limited, value) {
        Err(e) if !limited.full => return Err(e),
        _ => {}
    }
    let text = match String::from_utf8(limited.bytes) {
        Ok(text) => text,
        // The limit lies within a character.
        Err(e) => {
            let whole = e.utf8_error().valid_up_to();
            let mut bytes = e.into_bytes();
            bytes.truncate(whole);
            String::from_utf8(bytes).unwrap_or_default()
        }
    };
    Ok((text, limited.full))
}

struct Limited {
    bytes: Vec<u8>,
    most: usize,
    full: bool,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let count = bytes.len().min(self.most - self.bytes.len());
        self.full = count == 0;
        self.bytes.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether Kubernetes Secrets are in a text, as JSON, as JSON within a string of JSON, or as YAML: short values are
/// not known to the redactor, so that such an answer is not kept at all.
fn has_secrets(text: &str) -> bool {
    let after = |key: &'static str| text.match_indices(key).map(move |(at, _)| &text[at + key.len()..]);
    let value = |rest: &str, word: &str| {
        let rest = rest.trim_start_matches(['\\', '"']).trim_start();
        let Some(rest) = rest.strip_prefix(':') else { return false };
        let rest = rest.trim_start().trim_start_matches(['\\', '"']);
        let Some(rest) = rest.strip_prefix(word) else { return false };
        !rest.trim_start_matches("List").starts_with(|c: char| c.is_alphanumeric())
    };
    after("kind").any(|rest| value(rest, "Secret")) || after("plural").any(|rest| value(rest, "secrets"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept<T: Serialize>(value: &T, limit: usize) -> String {
        let redactor = Redactor::default();
        redactor.register("s3cr3t/value\"1");
        match body(value, limit, &redactor) {
            Body::Whole(whole) => whole.get().to_string(),
            Body::Cut(text) => format!("CUT {text}"),
            Body::Withheld(why) => format!("NOT {why}"),
        }
    }

    #[test]
    fn a_short_answer_is_whole_and_a_long_one_is_cut_with_a_mark() {
        assert_eq!(kept(&json!({ "x": [1, "s3cr3t/value\"1"] }), 100), r#"{"x":[1,"<secret:1>"]}"#);
        assert_eq!(kept(&"ü".repeat(100), 4), "CUT \"ü… [cut after 4: answer_limit in pb.toml]");
        assert_eq!(kept(&"x".repeat(1_000_000), 3), "CUT \"xx… [cut after 3: answer_limit in pb.toml]");
        assert_eq!(kept(&vec![0; 1_000_000], 3), "CUT [0,… [cut after 3: answer_limit in pb.toml]");
    }

    #[test]
    fn a_secret_across_the_limit_is_hidden() {
        let text = format!("{}s3cr3t/value\"1{}", "x".repeat(90), "y".repeat(200_000));
        let kept = kept(&text, 100);
        assert!(kept.starts_with("CUT") && !kept.contains("s3cr3t"), "{kept}");
    }

    #[test]
    fn an_answer_with_secrets_is_not_kept() {
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "data": { "a": "YWI=" } });
        for with in [
            secret.clone(),
            json!({ "text": secret.to_string() }),
            json!({ "stdout": "apiVersion: v1\nkind: Secret\ndata: {a: YWI=}" }),
            json!({ "plural": "secrets", "pages": [{ "text": "{\"data\":{\"a\":\"YWI=\"}}" }] }),
            json!({ "text": serde_json::to_string_pretty(&json!({ "kind": "SecretList" })).expect("JSON") }),
        ] {
            assert_eq!(kept(&with, 1000), "NOT it has Secrets", "{with}");
        }
        for without in [json!({ "kind": "SecretStore" }), json!({ "kind": "Pod", "x": "Secret" }), json!("kind")] {
            assert_eq!(kept(&without, 1000), without.to_string());
        }
    }

    #[test]
    fn long_arguments_are_cut_and_others_stay() {
        let short = json!({ "a": 1 });
        assert_eq!(cut(&short, 100), short);
        let long = cut(&json!({ "content": "x".repeat(100) }), 20);
        assert!(long.as_str().is_some_and(|t| t.starts_with(r#"{"content":"xxxxxxxx…"#)), "{long}");
    }
}
