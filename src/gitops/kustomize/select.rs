//! Which objects a patch is for: kustomize's target with its anchored patterns and label selectors.

use regex::Regex;

use crate::gitops::object::Object;
use crate::gitops::yaml::Node;

/// Whether a target selects an object.
pub(super) fn selects(target: &Node, object: &Object) -> bool {
    let fields = [
        ("group", object.group()),
        ("version", object.version()),
        ("kind", object.kind()),
        ("name", object.name()),
        ("namespace", object.namespace()),
    ];
    fields.into_iter().all(|(field, value)| fits(target.text_at(field), value))
        && labelled(target.text_at("labelSelector"), object.node.at_path("metadata.labels"))
        && labelled(target.text_at("annotationSelector"), object.node.at_path("metadata.annotations"))
}

fn fits(pattern: &str, value: &str) -> bool {
    // Most targets are plain names; a pattern that is none selects nothing.
    pattern.is_empty()
        || pattern == value
        || (pattern.contains(|c: char| ".*+?|()[]{}^$\\".contains(c))
            && Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(value)))
}

/// Whether labels fit a selector in Kubernetes' text form: `a=b,c!=d,e in (f, g),!h`.
fn labelled(selector: &str, labels: Option<&Node>) -> bool {
    let value = |key: &str| labels.and_then(|labels| labels.get(key.trim())).and_then(Node::as_text);
    requirements(selector).iter().map(|one| one.trim()).filter(|one| !one.is_empty()).all(|one| {
        let among =
            |list: &str, value: &str| list.trim_matches(['(', ')', ' ']).split(',').any(|one| one.trim() == value);
        if let Some((key, list)) = one.split_once(" notin ") {
            return value(key).is_none_or(|value| !among(list, value));
        }
        if let Some((key, list)) = one.split_once(" in ") {
            return value(key).is_some_and(|value| among(list, value));
        }
        if let Some((key, wanted)) = one.split_once("!=") {
            return value(key) != Some(wanted.trim());
        }
        if let Some((key, wanted)) = one.split_once("==").or_else(|| one.split_once('=')) {
            return value(key) == Some(wanted.trim());
        }
        match one.strip_prefix('!') {
            Some(key) => value(key).is_none(),
            None => value(one).is_some(),
        }
    })
}

/// The parts of a selector: commas within parentheses part nothing.
fn requirements(selector: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in selector.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match (c, depth, parts.last_mut()) {
            (',', 0, _) => parts.push(String::new()),
            (_, _, Some(part)) => part.push(c),
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitops::yaml::parse;

    #[test]
    fn selectors_of_labels() {
        let labels = parse("a: b\nc: d\n", 0, 1).documents.remove(0);
        for (selector, fits) in [
            ("a=b", true),
            ("a==b,c=d", true),
            ("a!=b", false),
            ("x!=y", true),
            ("a in (x, b),c", true),
            ("a notin (b)", false),
            ("x notin (b, c)", true),
            ("!x", true),
            ("!a", false),
            ("x", false),
            ("", true),
        ] {
            assert_eq!(labelled(selector, Some(&labels)), fits, "{selector}");
        }
    }

    #[test]
    fn names_are_anchored_patterns() {
        assert!(fits("web-.*", "web-1") && fits("web", "web") && fits("", "x"));
        assert!(!fits("web", "web-1") && !fits("we.", "web-1"));
    }
}
