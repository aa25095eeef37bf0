//! Properties that a value of the host does not have: what it has instead, for errors and for `pb check`.

use super::engine;
use crate::error::{Error, Kind, did_you_mean};
use crate::host::registrar::Form;

/// What Rhai says of a property that a type of the host does not have: its name, and the type's.
pub(super) fn unknown(message: &str) -> Option<Error> {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let (property, of) = (quoted.next()?, quoted.next()?);
    let ours = engine::functions().iter().any(|f| matches!(f.form, Form::Property(t) | Form::Method(t) if t == of));
    (message.starts_with("Unknown property") && ours).then(|| {
        let error = none(of, property);
        if message.contains("setter") { error.hint("properties are read, and can't be set") } else { error }
    })
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
