//! What the API server says no with: a `Status`, with causes where fields are to blame.

use serde_json::{Map, Value, json};

pub(crate) use super::fault::{Fault, Why};

/// The result of a request.
pub(crate) type Answer<T> = Result<T, Box<Refusal>>;

/// An answer that says no.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) code: u16,
    /// `NotFound`, `Conflict` …; empty where the server gives none.
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Name, group, kind, causes; `None` where the server leaves them out altogether.
    pub(crate) details: Option<Value>,
    /// Plain text in place of a `Status`.
    pub(crate) plain: bool,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { code, reason, message: message.into(), details: None, plain: false })
    }

    fn with(mut self: Box<Self>, details: Value) -> Box<Self> {
        self.details = Some(details);
        self
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Box<Self> {
        Self::new(400, "BadRequest", message)
    }

    /// The server's own fault, as it puts many a fault of the caller.
    pub(crate) fn internal(message: impl Into<String>) -> Box<Self> {
        Self::new(500, "", message)
    }

    pub(crate) fn not_found(what: &Named<'_>) -> Box<Self> {
        let message = format!("{} \"{}\" not found", what.qualified(), what.name);
        Self::new(404, "NotFound", message).with(what.details())
    }

    pub(crate) fn exists(what: &Named<'_>) -> Box<Self> {
        let message = format!("{} \"{}\" already exists", what.qualified(), what.name);
        Self::new(409, "AlreadyExists", message).with(what.details())
    }

    pub(crate) fn conflict(what: &Named<'_>, why: &str) -> Box<Self> {
        let message = format!("Operation cannot be fulfilled on {} \"{}\": {why}", what.qualified(), what.name);
        Self::new(409, "Conflict", message).with(what.details())
    }

    pub(crate) fn forbidden(what: &Named<'_>, why: &str) -> Box<Self> {
        let named = if what.name.is_empty() { String::new() } else { format!(" \"{}\"", what.name) };
        let message = format!("{}{named} is forbidden: {why}", what.qualified());
        Self::new(403, "Forbidden", message).with(what.details())
    }

    /// The object changed since it was read.
    pub(crate) fn modified(what: &Named<'_>) -> Box<Self> {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(what, why)
    }

    /// Fields are to blame; `what` is named by its kind.
    pub(crate) fn invalid(what: &Named<'_>, faults: &[Fault]) -> Box<Self> {
        let mut said: Vec<String> = Vec::new();
        for fault in faults {
            let text = fault.to_string();
            if !said.contains(&text) {
                said.push(text);
            }
        }
        let list = if said.len() == 1 { said.concat() } else { format!("[{}]", said.join(", ")) };
        let message = format!("{} \"{}\" is invalid: {list}", what.qualified(), what.name);
        let mut details = what.details();
        let causes = faults.iter().map(|f| json!({ "reason": f.why.reason(), "message": f.body(), "field": f.field }));
        details["causes"] = Value::Array(causes.collect());
        Self::new(422, "Invalid", message).with(details)
    }

    /// Nothing is at the address.
    pub(crate) fn no_resource() -> Box<Self> {
        Self::new(404, "NotFound", "the server could not find the requested resource").with(json!({}))
    }

    /// Nothing is at the address, not even a group.
    pub(crate) fn no_page() -> Box<Self> {
        let mut refusal = Self::new(404, "", "404 page not found\n");
        refusal.plain = true;
        refusal
    }

    pub(crate) fn method() -> Box<Self> {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).with(json!({}))
    }

    pub(crate) fn unprocessable() -> Box<Self> {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request").with(json!({}))
    }

    pub(crate) fn not_acceptable() -> Box<Self> {
        Self::new(406, "NotAcceptable", "406: Not Acceptable").with(json!({}))
    }

    pub(crate) fn unsupported(known: &[&str]) -> Box<Self> {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            known.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Box<Self> {
        Self::new(410, "Expired", message)
    }

    /// Fields that others own: `causes` has (message, field).
    pub(crate) fn field_conflicts(message: String, causes: &[(String, String)]) -> Box<Self> {
        let causes = causes
            .iter()
            .map(|(message, field)| json!({ "reason": "FieldManagerConflict", "message": message, "field": field }));
        Self::new(409, "Conflict", message).with(json!({ "causes": causes.collect::<Vec<_>>() }))
    }

    /// As the body of an answer.
    pub(crate) fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status["code"] = json!(self.code);
        status
    }
}

/// A thing in a message: a resource (`configmaps`) or kind (`ConfigMap`) of a group, and a name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) group: &'a str,
    /// The plural, or the kind: as the message wants it.
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
}

impl Named<'_> {
    fn qualified(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }

    pub(crate) fn details(&self) -> Value {
        let mut details = Map::new();
        for (key, value) in [("name", self.name), ("group", self.group), ("kind", self.kind)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), json!(value));
            }
        }
        Value::Object(details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_stands_alone_and_several_in_brackets() {
        let what = Named { group: "apps", kind: "Deployment", name: "q" };
        let one = Refusal::invalid(&what, &[Fault::required("spec.selector")]);
        assert_eq!(one.message, "Deployment.apps \"q\" is invalid: spec.selector: Required value");
        let two = Refusal::invalid(
            &what,
            &[Fault::required("spec.selector"), Fault::unsupported("spec.type", &json!("Foo"), &["A", "B"])],
        );
        assert_eq!(
            two.message,
            "Deployment.apps \"q\" is invalid: [spec.selector: Required value, spec.type: Unsupported value: \"Foo\": \
             supported values: \"A\", \"B\"]"
        );
        assert_eq!(two.to_json()["details"]["causes"][1]["reason"], "FieldValueNotSupported");
    }
}
