//! Properties that a value of the host does not have: what it has instead, for errors and for `pb check`.

use super::diagnose::plain_types;
use super::engine;
use crate::error::{Error, Kind, did_you_mean, nearest};
use crate::host::registrar::Form;

/// Methods of the language's own values that are asked for as if they were properties.
const METHODS: &[&str] = &[
    "bytes",
    "chars",
    "clear",
    "contains",
    "ends_with",
    "extract",
    "filter",
    "index_of",
    "is_empty",
    "keys",
    "len",
    "make_lower",
    "make_upper",
    "map",
    "parse_float",
    "parse_int",
    "pop",
    "push",
    "remove",
    "replace",
    "reverse",
    "shift",
    "sort",
    "split",
    "starts_with",
    "sub_string",
    "to_chars",
    "to_float",
    "to_int",
    "to_lower",
    "to_string",
    "to_upper",
    "trim",
    "truncate",
    "values",
];

/// What Rhai says of a property that nothing answers, read or set: its name, and the type's.
pub(super) fn unknown(message: &str) -> Option<Error> {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let (property, of) = (quoted.next()?, quoted.next()?);
    let set = message.starts_with("No writable property");
    if !set && !message.starts_with("Unknown property") {
        return None;
    }
    let rows = engine::functions();
    let ours = rows.iter().any(|f| matches!(f.form, Form::Property(t) | Form::Method(t) if t == of));
    let own = rows.iter().any(|f| f.name == property && matches!(f.form, Form::Property(t) if t == of));
    if set && own {
        let error = Error::new(Kind::Script, format!("the {of}'s property \"{property}\" can't be set"));
        return Some(error.hint("properties of what the host gives are read alone"));
    }
    let error = if ours && of != "array" {
        none(of, property)
    } else {
        let of = plain_types(of);
        let article = if of.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        let error = Error::new(Kind::Script, format!("{article} {of} has no property \"{property}\""));
        let near = || nearest(property, METHODS.iter().copied()).map(|near| format!("did you mean .{near}(…)?"));
        error.maybe_hint(near())
    };
    Some(if set { error.hint("a property can be set of maps alone") } else { error })
}

/// A value of a type of the host has no such property; what it has.
pub(super) fn none(of: &str, property: &str) -> Error {
    let rows = engine::functions();
    let named = |form: Form| -> Vec<&str> { rows.iter().filter(|f| f.form == form).map(|f| f.name).collect() };
    let form = |of: &'static str| (Form::Property(of), Form::Method(of));
    let own = rows.iter().find_map(|f| match f.form {
        Form::Property(t) | Form::Method(t) if t == of => Some(form(t)),
        _ => None,
    });
    let (properties, methods) = own.map(|(p, m)| (named(p), named(m))).unwrap_or_default();
    let error = Error::new(Kind::Script, format!("the {of} has no property \"{property}\""));
    let error = match methods.iter().find(|m| **m == property) {
        Some(method) => error.hint(format!("{method} is a method: .{method}(…)")),
        None => error.maybe_hint(did_you_mean(property, properties.iter().chain(&methods).copied())),
    };
    // The page of what a step gives is the step's.
    let of = if of.contains(' ') { "step" } else { of };
    let mut has: Vec<&str> = properties;
    has.sort_unstable();
    has.dedup();
    match has.as_slice() {
        [] => error.hint(format!("pb doc {of} shows its methods")),
        has => error.hint(format!("its properties are {}; pb doc {of} shows its methods", has.join(", "))),
    }
}

/// A value of a type of the host has no such method; what is near, and which of its properties has one.
pub(super) fn no_method(of: &str, method: &str) -> Error {
    let rows = engine::functions();
    let is = |form: Form| matches!(form, Form::Property(t) | Form::Method(t) if t == of);
    let properties = || rows.iter().filter(|f| is(f.form) && matches!(f.form, Form::Property(_)));
    let error = Error::new(Kind::Script, format!("the {of} has no method \"{method}\""));
    let page = format!("pb doc {} shows its methods", if of.contains(' ') { "step" } else { of });
    if properties().any(|f| f.name == method) {
        return error.hint(format!("{method} is a property: write .{method} without parentheses")).hint(page);
    }
    let has = |of: &str| rows.iter().any(|f| f.name == method && matches!(f.form, Form::Method(t) if t == of));
    let through = properties().find(|f| has(f.signature)).map(|f| format!("its .{0} has it: .{0}.{method}(…)", f.name));
    let near = || did_you_mean(method, rows.iter().filter(|f| is(f.form)).map(|f| f.name));
    error.maybe_hint(through.or_else(near)).hint(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_language_says_is_put_into_words_of_scripts() {
        let error = unknown("Unknown property 'trim' - a getter is not registered for type 'string'").expect("told");
        assert_eq!(
            (error.message.as_str(), error.hints),
            ("a string has no property \"trim\"", vec!["did you mean .trim(…)?".to_string()])
        );
        let set = "No writable property 'foo' - a setter is not registered for type 'i64' to handle 'string'";
        let error = unknown(set).expect("told");
        assert_eq!(error.message, "an int has no property \"foo\"");
        let set = "No writable property 'name' - a setter is not registered for type 'object' to handle 'string'";
        assert!(unknown(set).expect("told").message.contains("\"name\""));
        assert!(unknown("Unknown operator 'x'").is_none());
    }
}
