//! How `flux` prints objects and events.

use jiff::Timestamp;
use serde_json::Value;

use super::kinds::Kind;
use crate::lab::tools::act;
use crate::lab::tools::words::{Words, columns};

/// Whether `--status-selector` and `-l` let an object through.
pub(super) fn selected(object: &Value, words: &Words) -> bool {
    let status = words.value(&["status-selector"]).and_then(|text| text.split_once('='));
    let status = status.is_none_or(|(kind, wanted)| {
        let name =
            kind.chars().next().map(|first| first.to_uppercase().collect::<String>() + &kind[first.len_utf8()..]);
        let own = act::condition(object, &name.unwrap_or_default()).map_or("Unknown", |(status, ..)| status);
        own.eq_ignore_ascii_case(wanted)
    });
    let labels = words.value(&["l", "label-selector"]).unwrap_or_default();
    let fits = |one: &str| {
        one.split_once('=').is_none_or(|(key, value)| {
            object["metadata"]["labels"][key.trim_end_matches('=')] == value.trim_start_matches('=')
        })
    };
    status && labels.split(',').filter(|one| !one.is_empty()).all(fits)
}

/// `main@sha1:0123456789…` as short as people read it.
fn short(revision: &str) -> String {
    match revision.rsplit_once(':') {
        Some((before, digest)) if digest.len() > 8 && digest.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{before}:{}", &digest[..8])
        }
        _ => revision.into(),
    }
}

fn revision(object: &Value) -> String {
    let status = &object["status"];
    let own = status["lastAppliedRevision"].as_str().or_else(|| status["artifact"]["revision"].as_str());
    let chart = status["history"][0]["chartVersion"].as_str().or_else(|| status["lastAttemptedRevision"].as_str());
    short(own.or(chart).unwrap_or_default())
}

/// The objects of a kind.
pub(super) fn table(kind: &Kind, objects: &[Value], namespaces: bool, head: bool, prefixed: bool) -> String {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_string()).collect::<Vec<_>>();
    let mut rows = Vec::new();
    if head {
        let mut first = words(&["NAME", "REVISION", "SUSPENDED", "READY", "MESSAGE"]);
        if namespaces {
            first.insert(0, "NAMESPACE".into());
        }
        rows.push(first);
    }
    for object in objects {
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_string();
        let (status, _, message) =
            act::condition(object, "Ready").unwrap_or(("Unknown", "", "waiting to be reconciled"));
        let name = if prefixed { format!("{}/{}", kind.prefix(), text("name")) } else { text("name") };
        let suspended = if object["spec"]["suspend"] == true { "True" } else { "False" };
        let mut row = vec![name, revision(object), suspended.into(), status.into(), message.replace('\n', " ")];
        if namespaces {
            row.insert(0, text("namespace"));
        }
        rows.push(row);
    }
    columns(&rows, "\t") + if prefixed { "\n" } else { "" }
}

/// What a reconciliation has come to.
pub(super) fn applied(kind: &Kind, object: &Value, message: &str) -> String {
    let revision = revision(object);
    match (kind.source, kind.applies()) {
        (true, _) => format!("fetched revision {revision}"),
        (false, true) => format!("applied revision {revision}"),
        _ => message.to_string(),
    }
}

/// `${name}` and `${name:=default}` with their values, as Flux' post-build substitution has it.
pub(super) fn substituted(text: &str, variables: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((inner, after)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        let (name, default) = inner.split_once(":=").or_else(|| inner.split_once(":-")).unwrap_or((inner, ""));
        let own = variables.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match own {
            Some(value) => out.push_str(value),
            // Without variables at all nothing is substituted.
            None if variables.is_empty() => out.push_str(&format!("${{{inner}}}")),
            None => out.push_str(default),
        }
        rest = after;
    }
    out + rest
}

/// Events, the oldest first.
pub(super) fn events(all: &[Value], now: Timestamp) -> String {
    let time = |event: &Value| {
        event["lastTimestamp"]
            .as_str()
            .or_else(|| event["eventTime"].as_str())
            .and_then(|at| at.parse::<Timestamp>().ok())
    };
    let mut all: Vec<&Value> = all.iter().collect();
    all.sort_by_key(|event| time(event));
    let mut rows = vec![["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(String::from).to_vec()];
    for event in all {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
        let age = time(event).map_or("<unknown>".into(), |at| {
            crate::config::units::show_duration(std::time::Duration::from_secs((now - at).get_seconds().unsigned_abs()))
        });
        rows.push(vec![
            age,
            text("/type"),
            text("/reason"),
            format!("{}/{}", text("/involvedObject/kind"), text("/involvedObject/name")),
            text("/message").replace('\n', " "),
        ]);
    }
    columns(&rows, "\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_get_their_values_and_defaults() {
        let known = [("CLUSTER".to_string(), "infra".to_string())];
        assert_eq!(
            substituted("a: ${CLUSTER} b: ${POOL:=10.0.0.0/8} c: ${NONE}", &known),
            "a: infra b: 10.0.0.0/8 c: "
        );
        assert_eq!(substituted("a: ${CLUSTER}", &[]), "a: ${CLUSTER}");
    }

    #[test]
    fn revisions_are_short() {
        assert_eq!(short("main@sha1:0123456789abcdef0123456789abcdef01234567"), "main@sha1:01234567");
        assert_eq!(short("1.18.2"), "1.18.2");
    }
}
