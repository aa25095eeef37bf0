//! What a request and its answer carry under the name of a secret: hidden in what is shown, known from then on.

use rhai::{Dynamic, Map};
use serde_json::Value;

use crate::client::http::header::{CONTENT_TYPE, SET_COOKIE};
use crate::client::http::{Answer, Request, Url};
use crate::host::redact::{Redactor, named, programs};
use crate::host::values::{Secret, to_array};

/// Secrets that are learnt from one body.
const MOST: usize = 500;
/// Bodies that are greater are not looked through.
const GREATEST: usize = 4 << 20;
const FORM: &str = "application/x-www-form-urlencoded";

/// Turns the texts of options that stand under a secret's name into secrets, so that they are shown as such and sent
/// as they are.
pub(super) fn hide(redactor: &Redactor, options: &mut Map) {
    for key in ["headers", "query", "form", "json"] {
        if let Some(value) = options.get_mut(key)
            && let Some(hidden) = hidden(redactor, value, false)
        {
            *value = hidden;
        }
    }
}

/// A copy without the secrets of a value; none where it has none.
fn hidden(redactor: &Redactor, value: &Dynamic, named: bool) -> Option<Dynamic> {
    if value.is_string() {
        let text = value.to_string();
        return (named && !text.is_empty()).then(|| Dynamic::from(Secret::new(redactor, &text)));
    }
    if let Some(fields) = value.read_lock::<Map>() {
        let mut copy = fields.clone();
        let mut any = false;
        for (name, field) in fields.iter() {
            if let Some(other) = hidden(redactor, field, named::is_secret(name)) {
                copy.insert(name.clone(), other);
                any = true;
            }
        }
        return any.then(|| copy.into());
    }
    let items = to_array(value)?;
    let others: Vec<_> = items.iter().map(|item| hidden(redactor, item, named)).collect();
    let any = others.iter().any(Option::is_some);
    any.then(|| others.into_iter().zip(items).map(|(other, item)| other.unwrap_or(item)).collect::<Vec<_>>().into())
}

/// Learns what a request carries, when it is complete.
pub(super) fn learn_request(redactor: &Redactor, request: &Request) {
    learn_url(redactor, &request.url);
    for value in request.headers.values().filter_map(|v| v.to_str().ok()) {
        learn_parameters(redactor, value);
    }
    let kind = request.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if let Ok(text) = std::str::from_utf8(&request.body) {
        // A text that the script brought may be a form, whatever its type says.
        let form = kind.starts_with(FORM) || !text.trim_start().starts_with(['{', '[', '<']);
        learn_body(redactor, text, form);
    }
}

/// Learns what an answer carries, before anything is told of it.
pub(super) fn learn_answer(redactor: &Redactor, answer: &Answer) {
    learn_parameters(redactor, &answer.url);
    for (name, value) in &answer.headers {
        learn_parameters(redactor, value);
        if name == SET_COOKIE.as_str() {
            named::in_set_cookie(value).for_each(|cookie| learn(redactor, cookie));
        } else if named::is_secret(name) {
            learn(redactor, value);
        }
    }
    let form = answer.headers.get(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with(FORM));
    learn_body(redactor, &answer.body.text(), form);
}

/// The header `Cookie` of a request: `a=1; b=2`.
pub(super) fn learn_cookies(redactor: &Redactor, header: &str) {
    let values = header.split(';').filter_map(|pair| pair.split_once('='));
    values.for_each(|(_, value)| learn(redactor, value.trim().trim_matches('"')));
}

fn learn(redactor: &Redactor, value: &str) {
    if !value.is_empty() {
        redactor.register(value);
    }
}

fn learn_url(redactor: &Redactor, url: &Url) {
    learn_parameters(redactor, url.as_str());
    // Decoded, whatever was encoded in it.
    for (_, value) in url.query_pairs().filter(|(name, _)| named::is_secret(name)) {
        learn(redactor, &value);
    }
}

fn learn_parameters(redactor: &Redactor, text: &str) {
    for value in named::in_urls(text) {
        learn(redactor, value);
        // The decoded value is what others show.
        for (_, decoded) in pairs(&format!("v={value}")) {
            learn(redactor, &decoded);
        }
    }
}

fn learn_body(redactor: &Redactor, text: &str, form: bool) {
    if text.len() > GREATEST {
        return;
    }
    let mut left = MOST;
    if let Ok(json) = serde_json::from_str::<Value>(text) {
        learn_json(redactor, &json, false, &mut left);
    } else if form && text.contains('=') {
        let named = pairs(text).into_iter().filter(|(name, _)| named::is_secret(name));
        named.take(left).for_each(|(_, value)| learn(redactor, &value));
    }
}

fn learn_json(redactor: &Redactor, value: &Value, named: bool, left: &mut usize) {
    match value {
        Value::String(text) if named && *left > 0 => {
            *left -= 1;
            learn(redactor, text);
        }
        // Another text within: a file, JSON once more.
        Value::String(text) if text.contains(['\n', '{']) => programs::printed(redactor, text),
        Value::Array(items) => items.iter().for_each(|item| learn_json(redactor, item, named, left)),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| learn_json(redactor, field, named::is_secret(name), left));
        }
        _ => {}
    }
}

/// The pairs of a form, decoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let url = Url::parse("http://form/").map(|mut url| {
        url.set_query(Some(text.trim()));
        url
    });
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_under_a_secrets_name_is_learnt_and_nothing_else() {
        let redactor = Redactor::default();
        learn_body(
            &redactor,
            r#"{"user":"someone-else","auth":{"password":"p1-planted"},"tokens":["t1-ordinary"]}"#,
            false,
        );
        learn_body(&redactor, "user=another-one&password=p2%2Fplanted", true);
        learn_parameters(&redactor, "https://h/?continue=c1-ordinary&access_token=p3%2Fplanted#id_token=p4-planted");
        learn_cookies(&redactor, "sid=p5-planted; x=\"p6-planted\"");
        learn_body(&redactor, r#"{"auth":"required"}"#, false);
        let hidden = "p1-planted p2/planted p3/planted p4-planted p5-planted p6-planted";
        assert!(!redactor.redact(hidden).contains("planted"), "{}", redactor.redact(hidden));
        let shown = "someone-else another-one t1-ordinary c1-ordinary required";
        assert_eq!(redactor.redact(shown), shown);
    }

    #[test]
    fn options_keep_their_values_as_secrets() {
        let redactor = Redactor::default();
        let engine = crate::script::engine::build();
        let script = r#"#{ headers: #{ "X-Vault-Token": "abc", Accept: "x" }, json: #{ a: [#{ password: "p" }], token: 7 },
            query: #{ sig: ["s1", "s2"], page: "2" }, body: "password" }"#;
        let mut options = engine.eval::<Map>(script).expect("a map");
        hide(&redactor, &mut options);
        let shown = crate::host::values::from_dynamic(&options.into());
        assert_eq!(
            shown,
            serde_json::json!({ "headers": { "X-Vault-Token": "<secret:1>", "Accept": "x" },
                "json": { "a": [{ "password": "<secret:4>" }], "token": 7 },
                "query": { "sig": ["<secret:2>", "<secret:3>"], "page": "2" }, "body": "password" })
        );
    }
}
