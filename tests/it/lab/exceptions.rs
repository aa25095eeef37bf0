//! The differences that are meant: the real server here is a 1.20, the lab is a 1.34. Each with the change upstream.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::normal::pattern;

/// Rows of which only the status is compared, or not even that; topic, title, reason. With the ones below: ten reasons.
pub(super) const ROWS: [(&str, &str, &str); 6] = [
    ("apply", "broken YAML", PARSERS),
    ("custom", "without apiVersion and kind", PARSERS),
    ("update", "a Service's address stays", SERVICES),
    ("update", "its status alone is replaced under /status", RESET),
    ("access", "its token", TOKENS),
    ("access", "whose token it is", TOKENS),
];

/// 1: parsers have words of their own; the real one's changed, too (1.23, sigs.k8s.io/json in place of jsoniter).
const PARSERS: &str = "parsers have words of their own";
/// 2: since 1.23 Services are updated like other kinds: without a version, and keeping their addresses (#96684, #103532).
const SERVICES: &str = "Services are updated like other kinds";
/// 3: since 1.22 a manager owns only what its request could change (`GetResetFields`, #99661), and parts of objects
/// (`status`, `scale`) are told apart in `managedFields` (KEP-2155).
const RESET: &str = "what a request can't change is not owned by it";

/// Whether the codes of a row have to agree at least.
pub(super) fn codes_agree(reason: &str) -> bool {
    reason != SERVICES
}

/// 4: what later versions write of tokens: whose they are (1.29, KEP-4193), and which one it is.
const TOKENS: &str = "tokens are told apart";

/// 4, too: what later versions give by default, or write.
const LATER: [&str; 18] = [
    "ipFamilies",
    "ipFamilyPolicy",
    "internalTrafficPolicy",
    "f:internalTrafficPolicy",
    "persistentVolumeClaimRetentionPolicy",
    "f:persistentVolumeClaimRetentionPolicy",
    "maxSurge",
    "f:maxSurge",
    "completionMode",
    "f:completionMode",
    "f:suspend",
    "podReplacementPolicy",
    "f:podReplacementPolicy",
    "availableReplicas",
    "batch.kubernetes.io/job-name",
    // 5: discovery tells the singular since 1.27 (#113542).
    "singularName",
    // 6: columns are described by the texts of the API's documentation, which are not the lab's.
    "description",
    "subresource",
];

/// Whether a key is not compared.
pub(super) fn left_out(key: &str, value: &Value, object: &Map<String, Value>) -> bool {
    // 7: times that are not known were `null` once (1.34 leaves them out, #130989).
    if value.is_null() || key == "f:creationTimestamp" || LATER.contains(&key) {
        return true;
    }
    // 4, too: pods and jobs have generations (1.33, 1.22), and jobs can be suspended (1.21).
    let pod_or_job =
        object.get("generateName").is_none() && matches!(object.get("name").and_then(Value::as_str), Some("p" | "q"));
    (key == "generation" && pod_or_job) || (key == "suspend" && *value == Value::Bool(false))
}

/// What has another name or form.
pub(super) fn renamed(key: &str, value: &Value) -> (String, Value) {
    match key {
        // 4, too: the labels of jobs (1.27).
        "batch.kubernetes.io/controller-uid" => ("controller-uid".to_owned(), value.clone()),
        // 8: selectors and references of roles are one value since 1.21 and 1.22 (#97989, #100684).
        "f:selector" | "f:nodeSelector" | "f:roleRef"
            if !value.as_object().is_some_and(|v| v.contains_key("f:matchLabels")) =>
        {
            (key.to_owned(), Value::Object(Map::new()))
        }
        // 9: the column of restarts tells when, and is a text (1.22, #100142).
        "columnDefinitions" => {
            let mut columns = value.clone();
            for column in columns.as_array_mut().into_iter().flatten().filter(|c| c["name"] == "Restarts") {
                column["type"] = Value::String("string".to_owned());
            }
            (key.to_owned(), columns)
        }
        _ => (key.to_owned(), value.clone()),
    }
}

static MAP: LazyLock<Regex> = LazyLock::new(|| pattern(r"map\[string\](?:string|interface \{\})(\{.*?\})"));
static LIST: LazyLock<Regex> = LazyLock::new(|| pattern(r"\[\]string\{(.*?)\}"));

static REGEX: LazyLock<Regex> = LazyLock::new(|| pattern(r"error parsing regexp: .*"));
static PATCHED: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?s)(nvalid value: "\{).*"#));
static MOST: LazyLock<Regex> = LazyLock::new(|| pattern(r"must have at most (\d+) bytes"));

/// 10: messages show values as JSON, where they showed them as Go does (1.34, #132314), and limits in other words (1.32,
/// #128553). What a patch made and a parser refuses, and what is wrong with a pattern, is not compared (1).
pub(super) fn go_values(text: &str) -> String {
    let text = text.replace("map[string]string(nil)", "null").replace("0x0:", "0:");
    let text = PATCHED.replace(&text, "$1");
    let text = REGEX.replace(&text, "");
    let text = MOST.replace_all(&text, "may not be more than $1 bytes");
    let text = MAP.replace_all(&text, "$1");
    LIST.replace_all(&text, "[$1]").into_owned()
}
