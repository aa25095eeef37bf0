//! The forms of names, labels and keys, with the words in which the server refuses others.
//!
//! Source: k8s.io/apimachinery `pkg/util/validation`.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                     start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for \
                     validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                          alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', \
                          regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                         and must start and end with an alphanumeric character (e.g. 'example.com', regex used for \
                         validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const KEY: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                   alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                   '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                     must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', \
                     regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                      'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn too_long(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} characters"))
}

fn between(text: &str, inside: impl Fn(char) -> bool, ends: impl Fn(char) -> bool) -> bool {
    text.chars().all(inside) && text.starts_with(&ends) && text.ends_with(&ends)
}

fn lower(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// What is wrong with a name that has to be an RFC 1123 label.
pub(crate) fn label(text: &str) -> Vec<String> {
    let fits = between(text, |c| lower(c) || c == '-', lower);
    too_long(text, 63).into_iter().chain((!fits).then(|| LABEL.to_owned())).collect()
}

/// What is wrong with a name that has to be an RFC 1035 label.
pub(crate) fn label_1035(text: &str) -> Vec<String> {
    let fits = between(text, |c| lower(c) || c == '-', lower) && text.starts_with(|c: char| c.is_ascii_lowercase());
    too_long(text, 63).into_iter().chain((!fits).then(|| LABEL_1035.to_owned())).collect()
}

/// What is wrong with a name that has to be a subdomain.
pub(crate) fn subdomain(text: &str) -> Vec<String> {
    let fits = !text.is_empty() && text.split('.').all(|part| between(part, |c| lower(c) || c == '-', lower));
    too_long(text, 253).into_iter().chain((!fits).then(|| SUBDOMAIN.to_owned())).collect()
}

/// What is wrong with a name that has to fit between two slashes.
pub(crate) fn segment(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if matches!(text, "." | "..") {
        wrong.push(format!("may not be '{text}'"));
    }
    for part in ["/", "%"] {
        if text.contains(part) {
            wrong.push(format!("may not contain '{part}'"));
        }
    }
    wrong
}

fn alphanumeric(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    between(text, inside, |c: char| c.is_ascii_alphanumeric())
}

/// What is wrong with the key of a label or an annotation.
pub(crate) fn label_key(text: &str) -> Vec<String> {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let mut wrong = Vec::new();
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            wrong.push("prefix part must be non-empty".to_owned());
        } else {
            wrong.extend(subdomain(prefix).into_iter().map(|why| format!("prefix part {why}")));
        }
    }
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 characters".to_owned());
    }
    if !alphanumeric(name) {
        wrong.push(KEY.to_owned());
    }
    wrong
}

/// What is wrong with the value of a label.
pub(crate) fn label_value(text: &str) -> Option<String> {
    too_long(text, 63).or_else(|| (!text.is_empty() && !alphanumeric(text)).then(|| VALUE.to_owned()))
}

/// What is wrong with a key of a ConfigMap or Secret.
pub(crate) fn config_key(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    too_long(text, 253).or_else(|| (!fits).then(|| CONFIG.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        assert!(label("a-b1").is_empty() && !label("a.b").is_empty() && !label("-a").is_empty());
        assert!(subdomain("a.b-c").is_empty() && !subdomain("A_b").is_empty() && !subdomain("a..b").is_empty());
        assert!(label_1035("web").is_empty() && !label_1035("1web").is_empty());
        assert!(label_key("example.com/a").is_empty() && !label_key("-x").is_empty() && !label_key("/a").is_empty());
        assert!(label_value("").is_none() && label_value("a b").is_some());
        assert!(segment("system:node").is_empty() && !segment("a/b").is_empty());
    }
}
