//! The variables of a Kustomization, from what is in the repository.

use super::substitute::Variables;
use crate::gitops::finding::Findings;
use crate::gitops::object::Object;
use crate::gitops::rules::id;
use crate::gitops::yaml::{At, Node, Value};

/// What a Kustomization gets its variables from.
pub(super) struct Given<'a> {
    /// The Kustomization's `spec.postBuild`.
    pub(super) post: Option<&'a Node>,
    /// Finds a ConfigMap or Secret of its namespace: kind and name.
    pub(super) find: &'a dyn Fn(&str, &str) -> Vec<Object>,
    /// Whether an object that is not found may be there all the same.
    pub(super) may_have: &'a dyn Fn(&str) -> bool,
    /// The namespace, for messages.
    pub(super) namespace: &'a str,
    /// The Kustomization in words, and the way there.
    pub(super) words: &'a str,
    pub(super) chain: &'a [String],
}

/// Whether everything that `substituteFrom` names is there by now.
pub(super) fn ready(given: &Given<'_>) -> bool {
    given.post.is_none_or(|post| {
        let named = |one: &Node| !(given.find)(one.text_at("kind"), one.text_at("name")).is_empty();
        post.list("substituteFrom").iter().all(named)
    })
}

pub(super) fn variables(given: &Given<'_>, findings: &mut Findings) -> Variables {
    let mut variables = Variables::default();
    let Some(post) = given.post else { return variables };
    variables.any = post.text_at("substituteStrategy") == "Always";
    for one in post.list("substituteFrom") {
        let (kind, name) = (one.text_at("kind"), one.text_at("name"));
        let found = (given.find)(kind, name);
        if found.is_empty() {
            // A Secret may be there by hand; a ConfigMap of Flux has no other place to come from.
            let outside = kind == "Secret" || one.is_true("optional") || (given.may_have)(name);
            variables.open |= outside;
            if !outside {
                let message = format!(
                    "{kind} {}/{name} is in nothing that the cluster's entry point reaches: {} is not applied",
                    given.namespace, given.words
                );
                findings.add(id::FROM_MISSING, one.at, given.words, message, given.chain);
                variables.open = true;
            }
        }
        found.iter().for_each(|object| take(&mut variables, object, given, findings));
    }
    for (key, value) in post.get("substitute").map_or(&[][..], Node::entries) {
        let known = Some(value).filter(|value| !value.is_unknown()).and_then(Node::as_text);
        let known = known.map(|text| text.replace('\n', ""));
        name(&key.text, key.at, given, findings);
        variables.values.insert(key.text.clone(), (known, value.at));
    }
    variables.any |= variables.open || !variables.values.is_empty();
    variables
}

fn take(variables: &mut Variables, object: &Object, given: &Given<'_>, findings: &mut Findings) {
    let encrypted = object.node.get("sops").is_some();
    if !matches!(object.kind(), "ConfigMap" | "Secret") {
        variables.open = true;
        return;
    }
    for field in ["data", "stringData"] {
        for (key, value) in object.node.get(field).map_or(&[][..], Node::entries) {
            let hidden = encrypted || value.is_unknown() || (object.kind() == "Secret" && field == "data");
            let text = match &value.value {
                Value::Scalar(scalar) if !hidden => Some(scalar.text.replace('\n', "")),
                _ => None,
            };
            name(&key.text, key.at, given, findings);
            variables.values.insert(key.text.clone(), (text, value.at));
        }
    }
}

/// Flux refuses the whole build for one name that it can't substitute.
fn name(name: &str, at: At, given: &Given<'_>, findings: &mut Findings) {
    let fits = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    if !fits {
        let message = format!(
            "\"{name}\" can't be a variable (letters, digits and _, no digit first): the build of {} fails",
            given.words
        );
        findings.add(id::VARIABLE_NAME, at, given.words, message, given.chain);
    }
}
