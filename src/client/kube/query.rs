//! Which objects of a kind are meant: namespace, selectors, limit.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::client::sh::quoted;

/// Which objects of a kind are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Query {
    /// None: all namespaces.
    pub namespace: Option<String>,
    /// A label selector in kubectl's notation: `app=web,tier!=cache`.
    pub labels: Option<String>,
    /// A field selector: `status.phase=Running`.
    pub fields: Option<String>,
    /// At most this many.
    pub limit: Option<usize>,
}

impl Query {
    /// The parameters of a request for these objects, after the selectors `more`.
    pub(crate) fn parameters(&self, more: &[(&str, &str)]) -> String {
        let selectors = [("labelSelector", self.labels.as_deref()), ("fieldSelector", self.fields.as_deref())];
        let selectors = selectors.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let mut out = String::new();
        for (key, value) in selectors.chain(more.iter().copied()) {
            let _ = write!(out, "{}{key}={}", if out.is_empty() { '?' } else { '&' }, escaped(value));
        }
        out
    }

    /// kubectl's options for the same: ` -n web -l app=web`, with a blank before each.
    pub fn as_options(&self, namespaced: bool) -> String {
        let mut out = String::new();
        match &self.namespace {
            Some(namespace) => {
                let _ = write!(out, " -n {}", quoted(namespace));
            }
            None if namespaced => out.push_str(" -A"),
            None => {}
        }
        for (option, value) in [("-l", &self.labels), ("--field-selector", &self.fields)] {
            if let Some(value) = value {
                let _ = write!(out, " {option} {}", quoted(value));
            }
        }
        out
    }
}

/// A value in a URL's path or query: all but RFC 3986's unreserved characters escaped.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_escaped_in_the_url_and_quoted_on_the_command_line() {
        let query = Query {
            namespace: Some("web".into()),
            labels: Some("app in (a,b)".into()),
            fields: Some("status.phase=Running".into()),
            limit: None,
        };
        assert_eq!(
            query.parameters(&[("limit", "500")]),
            "?labelSelector=app%20in%20%28a%2Cb%29&fieldSelector=status.phase%3DRunning&limit=500"
        );
        assert_eq!(query.as_options(true), " -n web -l 'app in (a,b)' --field-selector status.phase=Running");
        assert_eq!(Query::default().as_options(true), " -A");
        assert_eq!(Query::default().as_options(false), "");
    }
}
