//! The parameters of a request: read, and refused as the server refuses them.

use serde_json::json;

use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};

/// What stands behind the question mark.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        });
        Self(pairs.collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str()).collect()
    }

    /// `true`, `1`, or without a value.
    pub(crate) fn is(&self, key: &str) -> bool {
        self.get(key).is_some_and(|v| !matches!(v, "false" | "0" | "False" | "F" | "f"))
    }

    pub(crate) fn number(&self, key: &str) -> Answer<Option<i64>> {
        let Some(text) = self.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
        let wrong = || Refusal::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"));
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// A version of objects.
    pub(crate) fn revision(&self) -> Answer<Option<u64>> {
        let Some(text) = self.get("resourceVersion").filter(|t| !t.is_empty()) else { return Ok(None) };
        let wrong = || {
            let why = format!(
                "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
            );
            Refusal::internal(why)
        };
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// Whether nothing is to be kept; `options` is the kind that a refusal names.
    pub(crate) fn dry_run(&self, options: &str) -> Answer<bool> {
        dry_run(&self.all("dryRun"), options)
    }

    /// The checks that every change has in common.
    pub(crate) fn check(&self, options: &str) -> Answer<()> {
        let mut faults = Vec::new();
        if let Some(manager) = self.get("fieldManager").filter(|m| m.len() > 128) {
            faults.push(Fault::invalid("fieldManager", &json!(manager), "may not be longer than 128"));
        }
        if let Some(how) = self.get("fieldValidation").filter(|h| !matches!(*h, "" | "Ignore" | "Warn" | "Strict")) {
            faults.push(Fault::unsupported("fieldValidation", &json!(how), &["", "Ignore", "Strict", "Warn"]));
        }
        if faults.is_empty() { Ok(()) } else { Err(refused(options, &faults)) }
    }
}

/// `dryRun` as it is given in the address or in a body.
pub(crate) fn dry_run(values: &[&str], options: &str) -> Answer<bool> {
    let values: Vec<&&str> = values.iter().filter(|v| !v.is_empty()).collect();
    if values.iter().all(|v| **v == "All") {
        return Ok(!values.is_empty());
    }
    let list: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
    let mut fault = Fault::unsupported("dryRun", &json!(null), &["All"]);
    fault.value = Some(format!("[]string{{{}}}", list.join(", ")));
    Err(refused(options, &[fault]))
}

/// A refusal of options.
pub(crate) fn refused(options: &str, faults: &[Fault]) -> Box<Refusal> {
    Refusal::invalid(&Named { group: "meta.k8s.io", kind: options, name: "" }, faults)
}

/// A text without `%20` and `+`.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match (bytes[at], hex.and_then(|h| u8::from_str_radix(h, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse("labelSelector=a%20in%20(b,c)&watch=true&limit=5&dryRun=All");
        assert_eq!(query.get("labelSelector"), Some("a in (b,c)"));
        assert!(query.is("watch") && !query.is("force"));
        assert_eq!(query.number("limit").expect("a number"), Some(5));
        assert!(query.dry_run("CreateOptions").expect("known"));
        assert_eq!(Query::parse("limit=x").number("limit").expect_err("refused").code, 400);
    }
}
