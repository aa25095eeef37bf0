//! What is not there: a value of its own, which remembers where it was looked for.

use rhai::{Dynamic, Engine};

use super::Object;
use super::doc::key_step;
use crate::error::{Error, Kind};

/// A path that led nowhere: `status.loadBalancer.ingress is absent on Service web/shop`.
#[derive(Debug, Clone)]
pub struct Missing {
    /// The object or list that lacks the first step.
    from: From,
    /// The first step that led nowhere, then what was asked of the missing value.
    steps: Vec<String>,
}

#[derive(Debug, Clone)]
enum From {
    /// An object, or a list inside one (by its place).
    Object(Object),
    /// Any other list, in words: `pods in web`.
    Words(String),
}

impl Missing {
    /// A field that an object lacks.
    pub(super) fn field(object: &Object, key: &str) -> Self {
        Self { from: From::Object(object.clone()), steps: vec![key.to_string()] }
    }

    /// An element that a list inside an object lacks: `list` is the list's place, seen as an object.
    pub(super) fn element(list: Object, index: i64) -> Self {
        Self { from: From::Object(list), steps: vec![format!("[{index}]")] }
    }

    /// An element that a list of its own lacks.
    pub(super) fn element_of(what: &str, index: i64) -> Self {
        Self { from: From::Words(what.to_string()), steps: vec![format!("[{index}]")] }
    }

    /// What is one step further.
    pub fn further(&self, key: &str) -> Self {
        let mut further = self.clone();
        further.steps.push(key.to_string());
        further
    }

    /// The first absent path, and the whole path that was asked for.
    fn paths(&self) -> (String, String) {
        let mut path = match &self.from {
            From::Object(object) => object.doc.path_to(object.start),
            From::Words(_) => String::new(),
        };
        let mut first = None;
        for step in &self.steps {
            let step = if step.starts_with('[') { step.clone() } else { key_step(&path, step) };
            path.push_str(&step);
            first.get_or_insert_with(|| path.clone());
        }
        (first.unwrap_or_default(), path)
    }

    /// Whoever computes with it fails with the same words.
    pub fn error(&self) -> Error {
        Error::new(Kind::NotFound, self.to_string()).hint(
            "`value ?? other` gives another value where it is absent; object.has(\"a.b\") asks whether it is there",
        )
    }

    /// The object that it is missing on: `Service web/shop`.
    pub fn object(&self) -> String {
        match &self.from {
            From::Object(object) => object.whole().describe(),
            From::Words(what) => what.clone(),
        }
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, all) = self.paths();
        write!(f, "{first} is absent on {}", self.object())?;
        if first != all {
            write!(f, " (wanted {all})")?;
        }
        Ok(())
    }
}

/// The operator `??`: its right side for what is missing or `()`. The built-in one knows only `()`.
pub(super) fn configure(engine: &mut Engine) {
    engine.disable_symbol("??");
    // As tightly as the built-in: tighter than comparison, looser than arithmetic.
    let _ = engine.register_custom_operator("??", 135);
    engine.register_fn(
        "??",
        |left: Dynamic, right: Dynamic| {
            if left.is_unit() || left.is::<Missing>() { right } else { left }
        },
    );
}
