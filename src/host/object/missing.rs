//! What is not there: a value of its own, which remembers where it was looked for.

use std::cell::RefCell;

use rhai::{Dynamic, Engine, EvalAltResult};

use super::doc::key_step;
use super::population::{Look, look, marked};
use super::{Object, misspelt};
use crate::error::{Error, Kind, Place};

/// A path that led nowhere: `status.loadBalancer.ingress is absent on Service web/shop`.
#[derive(Debug, Clone)]
pub struct Missing {
    /// The object or list that lacks the first step.
    from: From,
    /// The first step that led nowhere, then what was asked of the missing value.
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    /// Written out: `[3]`, `status.conditions[Ready]`.
    Path(String),
}

#[derive(Debug, Clone)]
enum From {
    /// An object, or a list inside one (by its place).
    Object(Object),
    /// Any other list, in words: `pods in web`; how many items it has, and whether nothing was looked at for it.
    Words(String, usize, bool),
}

impl Missing {
    /// A field that an object lacks.
    pub(super) fn field(object: &Object, key: &str) -> Self {
        Self::remember(From::Object(object.clone()), Step::Key(key.to_string()))
    }

    /// An element that a list inside an object lacks: `list` is the list's place, seen as an object.
    pub(super) fn element(list: Object, index: i64) -> Self {
        Self::remember(From::Object(list), Step::Path(format!("[{index}]")))
    }

    /// An element that a list of its own lacks.
    pub(super) fn element_of(what: &str, index: i64, length: usize, nothing: bool) -> Self {
        Self::remember(From::Words(what.to_string(), length, nothing), Step::Path(format!("[{index}]")))
    }

    fn remember(from: From, step: Step) -> Self {
        let missing = Self { from, steps: vec![step] };
        missing.note();
        missing
    }

    /// Makes it the one that an error of Rhai's is explained with.
    fn note(&self) {
        LAST.with_borrow_mut(|last| *last = Some(self.clone()));
    }

    /// A path, written out, that leads nowhere in an object: `status.conditions[Ready]`.
    pub(super) fn path(object: &Object, path: &str) -> Self {
        Self::remember(From::Object(object.clone()), Step::Path(path.to_string()))
    }

    /// What is one field further.
    #[must_use]
    pub fn further(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_string()))
    }

    /// What is one index further.
    #[must_use]
    pub fn further_at(&self, index: i64) -> Self {
        self.with(Step::Path(format!("[{index}]")))
    }

    fn with(&self, step: Step) -> Self {
        let mut further = self.clone();
        further.steps.push(step);
        further.note();
        further
    }

    /// The first absent path, and the whole path that was asked for.
    fn paths(&self) -> (String, String) {
        let mut path = match &self.from {
            From::Object(object) => object.doc.path_to(object.start),
            From::Words(..) => String::new(),
        };
        let mut first = None;
        for step in &self.steps {
            match step {
                Step::Key(key) => path.push_str(&key_step(&path, key)),
                Step::Path(step) if path.is_empty() || step.starts_with('[') => path.push_str(step),
                Step::Path(step) => path.push_str(&format!(".{step}")),
            }
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

    /// The object that lacks the first step, and the step, where that is a field.
    pub(super) fn first_field(&self) -> Option<(&Object, &str)> {
        match (&self.from, self.steps.first()?) {
            (From::Object(object), Step::Key(key)) => Some((object, key)),
            _ => None,
        }
    }

    /// Whether it is the item of a list that has none, and that was taken from none.
    pub(super) fn of_nothing(&self) -> bool {
        matches!(self.from, From::Words(.., true))
    }

    /// The object that it is missing on: `Service web/shop`.
    pub fn object(&self) -> String {
        match &self.from {
            From::Object(object) => object.whole().describe(),
            From::Words(what, ..) => what.clone(),
        }
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, all) = self.paths();
        if let From::Words(what, length, _) = &self.from {
            let length = match length {
                0 => "no items".to_string(),
                1 => "1 item".to_string(),
                more => format!("{more} items"),
            };
            return write!(f, "{what} has {length}; {first} is not among them");
        }
        write!(f, "{first} is absent on {}", self.object())?;
        if first != all {
            write!(f, " (wanted {all})")?;
        }
        Ok(())
    }
}

thread_local! {
    /// The last missing value made on this thread: Rhai's own errors name only its type.
    static LAST: RefCell<Option<Missing>> = const { RefCell::new(None) };
    /// A missing value that was turned into text where Rhai swallows the error (`${…}`), and where.
    static PRINTED: RefCell<Option<(Missing, Option<Place>)>> = const { RefCell::new(None) };
}

/// Remembers that a missing value was turned into text; the next operation of the script fails.
pub(super) fn printed(missing: &Missing, at: Option<Place>) {
    PRINTED.with_borrow_mut(|slot| {
        slot.get_or_insert_with(|| (missing.clone(), at));
    });
}

/// Takes the error of a missing value that was put into a text (`${…}`), if there was one. Rhai gives such
/// an error no way out, so that the engine's progress hook, what calls closures, and a step's end ask here.
pub fn take_absence() -> Option<Error> {
    let (missing, at) = PRINTED.with(|slot| slot.try_borrow_mut().ok()?.take())?;
    Some(match at {
        Some(place) => missing.error().at(place),
        None => missing.error(),
    })
}

/// The words for an error of Rhai's that names a missing value by its type only: a function or method
/// called with it, or a condition made of it.
pub fn explain(rhai_error: &EvalAltResult) -> Option<Error> {
    let named = match rhai_error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => signature,
        EvalAltResult::ErrorMismatchDataType(_, actual, _) => actual,
        _ => return None,
    };
    if !named.split(|c: char| !c.is_alphanumeric()).any(|word| word == TYPE_NAME) {
        return None;
    }
    let error = LAST.with_borrow(|last| last.as_ref().map(Missing::error))?;
    // Rhai's own words name the types of Rust.
    Some(match rhai_error {
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            let name = signature.split(" (").next().unwrap_or_default();
            error.because(format!("{name} was called with it"))
        }
        _ => error.because("it stands where a value of another type is needed, such as true or false"),
    })
}

/// What scripts call the type.
pub(super) const TYPE_NAME: &str = "missing";

/// The operator `??`: its right side for what is missing or `()`. The built-in one knows only `()`.
pub(super) fn configure(engine: &mut Engine) {
    engine.register_type_with_name::<Missing>(TYPE_NAME);
    engine.disable_symbol("??");
    // As tightly as the built-in: tighter than comparison, looser than arithmetic.
    let _ = engine.register_custom_operator("??", 135);
    engine.register_fn("??", |left: Dynamic, right: Dynamic| {
        if !left.is_unit() && !left.is::<Missing>() {
            return left;
        }
        if let Some(missing) = left.read_lock::<Missing>() {
            misspelt::told(&missing, true);
        }
        // What stands in for the item of an empty list says as little as the list.
        if look(&left) == Look::Nothing { marked(right, 0) } else { right }
    });
}
