//! The tables of requests.
//!
//! A request begins with `### title`; then method and address, with the kind of patch between them (`PATCH merge …`),
//! `APPLY` for server-side apply, `WAIT` for asking until it is found; then headers; then the body. `keep NAME /pointer`
//! at the end keeps a value of the answer, which `$NAME` stands for from there on. `$ns` is the topic's own namespace,
//! `$large` a text that is too large.

use std::collections::BTreeMap;

/// One request, before its variables are filled in.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) title: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) keep: Vec<(String, String)>,
}

/// Every topic with its requests.
pub(super) fn all() -> Vec<(&'static str, Vec<Request>)> {
    let files = [
        ("create", include_str!("requests/create.http")),
        ("update", include_str!("requests/update.http")),
        ("patch", include_str!("requests/patch.http")),
        ("apply", include_str!("requests/apply.http")),
        ("select", include_str!("requests/select.http")),
        ("page", include_str!("requests/page.http")),
        ("watch", include_str!("requests/watch.http")),
        ("delete", include_str!("requests/delete.http")),
        ("table", include_str!("requests/table.http")),
        ("errors", include_str!("requests/errors.http")),
        ("custom", include_str!("requests/custom.http")),
        ("lists", include_str!("requests/lists.http")),
        ("access", include_str!("requests/access.http")),
        ("logs", include_str!("requests/logs.http")),
        ("wrong", include_str!("requests/wrong.http")),
    ];
    files.into_iter().map(|(topic, text)| (topic, read(text))).collect()
}

fn read(text: &str) -> Vec<Request> {
    let blocks = text.split("### ").skip(1);
    blocks.map(|block| one(block).unwrap_or_else(|| panic!("not a request:\n{block}"))).collect()
}

fn one(block: &str) -> Option<Request> {
    let mut lines: Vec<&str> = block.trim_end().lines().collect();
    let title = lines.remove(0).to_owned();
    let words: Vec<&str> = lines.remove(0).split(' ').collect();
    let (method, media) = match words.as_slice() {
        ["APPLY", _] => ("PATCH", Some("application/apply-patch+yaml")),
        ["PATCH", "json", _] => ("PATCH", Some("application/json-patch+json")),
        ["PATCH", "merge", _] => ("PATCH", Some("application/merge-patch+json")),
        ["PATCH", "strategic", _] => ("PATCH", Some("application/strategic-merge-patch+json")),
        [method, _] => (*method, None),
        _ => return None,
    };
    let path = (*words.last()?).to_owned();
    let mut headers: Vec<(String, String)> = Vec::new();
    while let Some((name, value)) = lines.first().and_then(|l| l.split_once(": ")) {
        if !name.starts_with(|c: char| c.is_ascii_uppercase())
            || !name.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
        {
            break;
        }
        headers.push((name.to_owned(), value.to_owned()));
        lines.remove(0);
    }
    let mut keep = Vec::new();
    while let Some(rest) = lines.last().and_then(|l| l.strip_prefix("keep ")) {
        let (name, pointer) = rest.split_once(' ')?;
        keep.push((name.to_owned(), pointer.to_owned()));
        lines.pop();
    }
    let body = lines.join("\n");
    let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(n, _)| n == name);
    if (!body.is_empty() || method == "POST") && !has(&headers, "Content-Type") {
        headers.push(("Content-Type".to_owned(), media.unwrap_or("application/json").to_owned()));
    }
    headers.push(("User-Agent".to_owned(), "compare".to_owned()));
    Some(Request { title, method: method.to_owned(), path, headers, body, keep })
}

/// Puts the variables' values in.
pub(super) fn filled(text: &str, variables: &BTreeMap<String, String>) -> String {
    // Longer names first, so that none is taken for the beginning of another.
    let mut names: Vec<&String> = variables.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.into_iter().fold(text.to_owned(), |text, name| text.replace(&format!("${name}"), &variables[name]))
}

#[test]
fn the_tables_are_read_and_large_enough() {
    let all = all();
    let count: usize = all.iter().map(|(_, requests)| requests.len()).sum();
    assert!(count >= 80, "{count} requests");
    let patch = &all.iter().find(|(topic, _)| *topic == "patch").expect("patches").1;
    assert!(patch.iter().any(|r| r.headers.iter().any(|(_, v)| v == "application/strategic-merge-patch+json")));
}
