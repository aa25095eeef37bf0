//! What lies inside a Secret's value and is shown alone: the password of a `.dockerconfigjson`, the leaves of JSON, the
//! lines of a file, what follows the name in `KEY=VALUE`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::host::redact::{Redactor, named};

/// Parts of one value that are learnt: each costs time wherever a text is looked at.
const MOST: usize = 64;
/// Where so many secrets are known already, the parts of further ones are not: each takes memory, too.
const MANY: usize = 4000;
/// Shorter parts can't be told from ordinary words.
const SHORTEST: usize = 8;
/// How deep JSON lies within a string of JSON.
const NESTED: usize = 3;
/// A value of more than this is a program or a certificate bundle, not a list of credentials.
const GREATEST: usize = 256 * 1024;

/// Learns the parts of a value.
pub(super) fn learn(redactor: &Redactor, plain: &str) {
    if plain.len() > GREATEST || redactor.known() >= MANY {
        return;
    }
    let mut parts = Vec::new();
    match serde_json::from_str::<Value>(plain) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => leaves(&json, "", NESTED, &mut parts),
        _ => lines(plain, &mut parts),
    }
    for part in parts {
        redactor.register(&part);
    }
}

/// Keeps a part that may be a credential by itself. What is one plain word (`production`) would make every output
/// unreadable: it is kept only where its name says what it is.
fn keep(name: &str, part: &str, parts: &mut Vec<String>) {
    let part = part.trim();
    let word = part.len() < 16 && part.chars().all(|c| c.is_ascii_lowercase());
    let tells = part.len() >= SHORTEST && !part.starts_with("-----") && (!word || named::is_secret(name));
    if tells && parts.len() < MOST && !parts.iter().any(|p| p == part) {
        parts.push(part.into());
    }
}

fn leaves(value: &Value, name: &str, depth: usize, parts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            keep(name, text, parts);
            let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            match decoded {
                // `user:password`, as registries keep it.
                Some(pair) if name == "auth" => {
                    keep(name, &pair, parts);
                    keep(name, pair.split_once(':').map_or("", |(_, password)| password), parts);
                }
                _ => {}
            }
            if depth > 0
                && let Ok(json @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text)
            {
                leaves(&json, "", depth - 1, parts);
            } else if text.contains('\n') {
                lines(text, parts);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, name, depth, parts)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| leaves(field, name, depth, parts)),
        _ => {}
    }
}

/// The lines of a text, and what stands behind a name in them: `KEY=VALUE`, `export KEY="VALUE"`, `key: value`.
fn lines(text: &str, parts: &mut Vec<String>) {
    for line in text.lines().map(str::trim) {
        let equals = line.find('=').map(|at| (at, at + 1));
        let colon = line.find(": ").map(|at| (at, at + 2));
        // The first that there is: a value may have both.
        let first = equals.into_iter().chain(colon).min().filter(|(at, _)| is_name(&line[..*at]));
        match first {
            Some((name, after)) => keep(&line[..name], line[after..].trim().trim_matches(['"', '\'']), parts),
            // A line with blanks is a sentence or a command, and is hidden as a part of the whole alone.
            None if !line.contains(char::is_whitespace) => keep("", line, parts),
            None => {}
        }
    }
}

fn is_name(text: &str) -> bool {
    let text = text.trim().trim_start_matches("export ").trim().trim_start_matches("- ");
    let name = text.trim_matches(['"', '\'']);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(secret: &str, text: &str) -> String {
        let redactor = Redactor::default();
        learn(&redactor, secret);
        redactor.redact(text)
    }

    #[test]
    fn the_parts_of_json_are_known_also_those_of_a_registrys_auth() {
        let auth = STANDARD.encode("robot:auth-p4ssword");
        let json = serde_json::json!({ "auths": { "registry": { "username": "robot", "password": "docker-p4ss",
            "auth": auth, "email": "" } }, "list": ["leaf-in-list"], "stage": "production", "inner": "{\"a\":\"leaf-in-string\"}" });
        for leaf in ["docker-p4ss", "auth-p4ssword", &auth, "leaf-in-list", "leaf-in-string"] {
            let shown = shown(&json.to_string(), &format!("x {leaf} y"));
            assert!(shown.starts_with("x <secret:") && shown.ends_with("> y"), "{leaf}: {shown}");
        }
        assert_eq!(shown(&json.to_string(), "robot registry production"), "robot registry production");
    }

    #[test]
    fn the_lines_of_a_file_are_known_and_what_follows_their_names() {
        let file = "# a comment of the file\nDB_PASSWORD=db=p4ssword\nexport TOKEN=\"t0ken-of-it\"\nkey: yaml-p4ss\n\
                    plain-line-p4ss\nMODE=on\nhttp://u:x@host-of-it/\n-----BEGIN X-----\n";
        for value in ["db=p4ssword", "t0ken-of-it", "yaml-p4ss", "plain-line-p4ss", "http://u:x@host-of-it/"] {
            assert!(shown(file, &format!("x {value} y")).contains("x <secret:"), "{value}: {}", shown(file, value));
        }
        for text in ["a comment of the file", "MODE=on", "DB_PASSWORD", "-----BEGIN X-----"] {
            assert_eq!(shown(file, text), text);
        }
    }

    #[test]
    fn no_more_than_so_many_parts_are_learnt() {
        let lines: String = (0..1000).map(|n| format!("line-{n:03}-of-it\n")).collect();
        assert!(shown(&lines, "line-010-of-it").contains("<secret:"));
        assert_eq!(shown(&lines, "line-999-of-it"), "line-999-of-it");
    }
}
