//! From Rhai's errors to ours: the true position, the call stack, the host's own error inside.

use rhai::{EvalAltResult, ParseError, Position};

use super::engine;
use super::property;
use super::resolver::Sources;
use crate::error::{Error, Kind, Place, did_you_mean};
use crate::host::object;
use crate::host::registrar::Form;
use crate::host::step::flow::Skip;
use crate::playbook::Source;

/// Translates an error of an evaluation. `file` is the name of the text that was evaluated.
pub fn from_rhai(error: &EvalAltResult, file: Option<&str>) -> Error {
    let mut stack = Vec::new();
    let mut inner = error;
    let mut file = file.map(ToString::to_string);
    let mut caller = None;
    loop {
        match inner {
            EvalAltResult::ErrorInFunctionCall(name, source, next, position) => {
                let from = file.clone().unwrap_or_default();
                let name = if name.starts_with("anon$") { "a closure" } else { name.as_str() };
                stack.insert(0, format!("{name}, called at {from}:{}", shown(*position)));
                caller = place(file.as_deref(), *position).or(caller);
                if !source.is_empty() {
                    file = Some(source.clone());
                }
                inner = next;
            }
            EvalAltResult::ErrorInModule(name, next, _) => {
                if !name.is_empty() {
                    file = Some(name.clone());
                }
                inner = next;
            }
            _ => break,
        }
    }
    let mut out = match inner {
        EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => thrown(value),
        EvalAltResult::ErrorParsing(kind, _) => Error::new(Kind::Playbook, kind.to_string()),
        EvalAltResult::ErrorVariableNotFound(name, _) => {
            Error::new(Kind::Playbook, format!("no variable \"{name}\" here"))
                .hint("a function (fn) sees only its parameters; a closure (|x| …) sees the variables around it")
        }
        EvalAltResult::ErrorModuleNotFound(name, _) => Error::new(Kind::Playbook, format!("no module \"{name}\"")),
        EvalAltResult::ErrorDotExpr(message, _) if field_of_nothing(message).is_some() => {
            field_of_nothing(message).unwrap_or_else(|| Error::new(Kind::Script, message.clone()))
        }
        EvalAltResult::ErrorDotExpr(message, _) if property::unknown(message).is_some() => {
            property::unknown(message).unwrap_or_else(|| Error::new(Kind::Script, message.clone()))
        }
        // What Rhai says of a missing value names only its type.
        EvalAltResult::ErrorFunctionNotFound(signature, _) => {
            object::explain(inner).unwrap_or_else(|| unknown_function(signature))
        }
        other => crate::host::place::told(other).or_else(|| object::explain(other)).unwrap_or_else(|| {
            // Positions are told beside the message, not in it.
            Error::new(Kind::Script, other.clone_without_position().to_string())
        }),
    };
    // What has no place of its own (a data race) is somewhere in what was called last.
    if let Some(place) = place(file.as_deref(), inner.position()).or(caller) {
        out = out.at(place);
    }
    if out.stack.is_empty() {
        out.stack = stack;
    }
    out
}

/// Translates an error of parsing, with the line it is in.
pub fn from_parse(error: &ParseError, source: &Source) -> Error {
    let mut out = Error::new(Kind::Playbook, error.err_type().to_string());
    let position = error.position();
    if let Some(mut place) = place(Some(&source.name), position) {
        place.source = source.text.lines().nth(place.line - 1).map(Into::into);
        if place.source.is_none() {
            at_end(&mut place, &source.text);
        }
        out = out.at(place);
    }
    let text = error.err_type().to_string();
    if let Some(word) = keyword_at(&source.text, position) {
        out = out.hint(format!(
            "\"{word}\" is a reserved word: as a property write [\"{word}\"], as a key of a map write \"{word}\": value"
        ));
    } else if let Some(word) = reserved(&text) {
        out = out
            .hint(format!("\"{word}\" is a reserved word: as a property write [\"{word}\"], as a name choose another"));
    }
    out
}

/// What is missing at the end of a text is missing after its last line that says something.
fn at_end(place: &mut Place, text: &str) {
    let said = |(_, line): &(usize, &str)| !line.trim().is_empty();
    if let Some((at, line)) = text.lines().enumerate().filter(said).last() {
        place.line = at + 1;
        place.column = line.trim_end().chars().count() + 1;
        place.source = Some(line.to_string());
    }
}

/// Gives an error's place its source line, where that is still missing.
pub fn add_source(error: &mut Error, sources: &Sources) {
    let places = error.place.iter_mut().chain(error.failure.iter_mut().filter_map(|f| f.at.as_mut()));
    for place in places {
        if place.source.is_none() {
            place.source = super::load::line_of(sources, &place.file, place.line);
        }
    }
}

/// The types of a call in the words of scripts: Rhai names those of Rust.
fn plain_types(types: &str) -> String {
    let types = types.replace("&str | ImmutableString | String", "string");
    let plain = |name: &str| match name.trim() {
        "&str" | "ImmutableString" | "String" => "string".to_string(),
        "i64" => "int".into(),
        "f64" => "float".into(),
        "Fn" => "closure".into(),
        "pb::host::step::share::ClusterOfStep" => "cluster of the step".into(),
        other => other.rsplit("::").next().unwrap_or(other).to_string(),
    };
    types.split(", ").map(plain).collect::<Vec<_>>().join(", ")
}

/// Where a cluster of the step was asked for what its Kubernetes answers.
fn through_kube(types: &str, name: &str) -> Option<String> {
    let has = || engine::functions().iter().any(|f| f.form == Form::Method("cluster") && f.name == name);
    let asked = types.split(", ").next() == Some("cluster of the step");
    (asked && has()).then(|| format!("its .kube has it: t.cluster(\"NAME\").kube.{name}(…)"))
}

/// What Rhai says of a property that nothing answers, where the value before the dot is `()`.
fn field_of_nothing(message: &str) -> Option<Error> {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let (field, of) = (quoted.next()?, quoted.next()?);
    (of == "()").then(|| {
        Error::new(Kind::Script, format!("() has no field \"{field}\""))
            .hint(format!("`?.{field}` gives () where the value before it is (), and `?? other` another value"))
    })
}

trait WithoutPosition {
    fn clone_without_position(&self) -> EvalAltResult;
}

impl WithoutPosition for EvalAltResult {
    fn clone_without_position(&self) -> EvalAltResult {
        // EvalAltResult has no Clone; these are the kinds whose text carries nothing but the position.
        match self {
            Self::ErrorFunctionNotFound(signature, _) => Self::ErrorFunctionNotFound(signature.clone(), Position::NONE),
            Self::ErrorMismatchDataType(wanted, got, _) => {
                Self::ErrorMismatchDataType(wanted.clone(), got.clone(), Position::NONE)
            }
            Self::ErrorArithmetic(what, _) => Self::ErrorArithmetic(what.clone(), Position::NONE),
            Self::ErrorPropertyNotFound(name, _) => Self::ErrorPropertyNotFound(name.clone(), Position::NONE),
            Self::ErrorIndexingType(what, _) => Self::ErrorIndexingType(what.clone(), Position::NONE),
            Self::ErrorArrayBounds(len, at, _) => Self::ErrorArrayBounds(*len, *at, Position::NONE),
            Self::ErrorDataTooLarge(what, _) => Self::ErrorDataTooLarge(what.clone(), Position::NONE),
            other => {
                let text = other.to_string();
                let text = text.rsplit_once(" (line ").map_or(text.as_str(), |(text, _)| text);
                Self::ErrorRuntime(text.to_string().into(), Position::NONE)
            }
        }
    }
}

/// Rhai says `name (types)`, or `module::name (types)`, of a call that nothing answers: the name is
/// unknown, or known and not with these types.
fn unknown_function(signature: &str) -> Error {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    let types = plain_types(types.strip_suffix(')').unwrap_or(types));
    let short = name.rsplit("::").next().unwrap_or(name);
    let rows = engine::functions();
    let same: Vec<String> =
        rows.iter().filter(|f| f.name == short).map(|f| format!("{}{}", f.full_name(), f.signature)).collect();
    let given = if types.is_empty() { "nothing".to_string() } else { types.to_string() };
    if !same.is_empty() {
        return Error::new(Kind::Playbook, format!("{name} can't be called with {given}"))
            .hint(format!("there is {}", same.join(", and ")))
            .hint(format!("pb doc {short} shows its page"))
            .maybe_hint(through_kube(&types, short));
    }
    // An operator between types that have none is a mistake of values, not of names.
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Error::new(Kind::Script, format!("{name} does not work between {}", types.replace(", ", " and ")));
    }
    Error::new(Kind::Playbook, format!("there is no function \"{name}\" (called with {given})"))
        .maybe_hint(did_you_mean(short, rows.iter().map(|f| f.name)))
        .hint("pb doc lists what scripts can call, and pb check finds such mistakes before a run")
}

/// What `${e}` says of an error of the language itself, which `catch (e)` gives as a map; none for any other map.
pub fn caught(map: &rhai::Map) -> Option<String> {
    let text = |key: &str| map.get(key).and_then(|value| value.clone().into_string().ok());
    let (kind, message) = (text("error").filter(|kind| kind.starts_with("Error"))?, text("message")?);
    Some(match (kind.as_str(), text("function")) {
        ("ErrorFunctionNotFound", Some(signature)) => unknown_function(&signature).message,
        _ => message,
    })
}

/// A thrown value: our own error, a map with `message`, or whatever the script threw.
fn thrown(value: &rhai::Dynamic) -> Error {
    if let Some(error) = value.read_lock::<Error>() {
        return error.clone();
    }
    if value.is::<Skip>() {
        return Error::new(Kind::Script, "t.skip can't leave the step here: its closure has ended")
            .hint("`return` leaves this closure alone");
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let text = map.get("message").map_or_else(|| value.to_string(), ToString::to_string);
        return Error::new(Kind::Script, text);
    }
    Error::new(Kind::Script, format!("the script threw: {value}"))
}

fn place(file: Option<&str>, position: Position) -> Option<Place> {
    let line = position.line()?;
    let file = file.unwrap_or_default().to_string();
    Some(Place { file, line, column: position.position().unwrap_or(0), source: None })
}

fn shown(position: Position) -> String {
    match (position.line(), position.position()) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        (Some(line), None) => line.to_string(),
        _ => "?".into(),
    }
}

/// Words of the language, which a parser does not call reserved where it wanted a name.
const WORDS: &[&str] = &[
    "as", "break", "catch", "const", "continue", "do", "else", "export", "false", "fn", "for", "if", "import", "in",
    "let", "loop", "private", "return", "switch", "throw", "true", "try", "until", "while",
];

/// The word of the language that stands at a position as a property (`x.for`) or key (`for: 1`).
fn keyword_at(text: &str, position: Position) -> Option<&'static str> {
    let line = text.lines().nth(position.line()?.checked_sub(1)?)?;
    let from = line.char_indices().nth(position.position()?.checked_sub(1)?)?.0;
    let (before, rest) = line.split_at(from);
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let word = WORDS.iter().find(|w| **w == &rest[..end])?;
    let after = rest[end..].trim_start();
    let key = after.starts_with(':') && !after.starts_with("::");
    (key || before.trim_end().ends_with('.')).then_some(word)
}

/// The reserved word that a parser's message quotes.
fn reserved(message: &str) -> Option<&str> {
    if !message.contains("reserved") {
        return None;
    }
    message.split('\'').nth(1).or_else(|| message.split('"').nth(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_at_the_end_shows_the_last_line() {
        let text = "step(\"a\", #{}, |t| {\n  let x = 1;\n\n";
        let source = Source { name: "p.rhai".into(), text: text.into(), origin: crate::playbook::Origin::Embedded };
        let error = engine::build().compile(text).map_err(|e| from_parse(&e, &source)).unwrap_err();
        let place = error.place.expect("a place");
        assert_eq!((place.line, place.column, place.source.as_deref()), (2, 13, Some("  let x = 1;")));
    }

    #[test]
    fn a_call_on_a_cluster_of_the_step_is_told_in_words_of_scripts() {
        let signature = "list (pb::host::step::share::ClusterOfStep, &str | ImmutableString | String, i64)";
        let error = unknown_function(signature);
        assert_eq!(error.message, "list can't be called with cluster of the step, string, int");
        assert!(error.hints.iter().any(|hint| hint.contains("its .kube has it")), "{error:?}");
        let error = unknown_function("nosuch (f64, Fn)");
        assert_eq!(error.message, "there is no function \"nosuch\" (called with float, closure)");
    }
}
