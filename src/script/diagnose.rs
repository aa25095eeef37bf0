//! From Rhai's errors to ours: the true position, the call stack, the host's own error inside.

use rhai::{EvalAltResult, Position};

use crate::error::{Error, Kind, Place};
use crate::host::{World, object};

/// Translates an error of an evaluation. With a world, the place gets the source line.
pub fn from_rhai(error: &EvalAltResult, world: Option<&World>) -> Error {
    let mut stack = Vec::new();
    let mut inner = error;
    let mut file = None;
    loop {
        match inner {
            EvalAltResult::ErrorInFunctionCall(name, source, next, position) => {
                stack.insert(0, format!("{name} ({source}:{position})"));
                if !source.is_empty() {
                    file = Some(source.clone());
                }
                inner = next;
            }
            EvalAltResult::ErrorInModule(name, next, _) => {
                file = Some(name.clone());
                inner = next;
            }
            _ => break,
        }
    }
    let position = inner.position();
    let mut out = match inner {
        EvalAltResult::ErrorRuntime(value, _) | EvalAltResult::ErrorTerminated(value, _) => {
            match value.read_lock::<Error>() {
                Some(error) => error.clone(),
                None => Error::new(Kind::Script, value.to_string()),
            }
        }
        EvalAltResult::ErrorParsing(..) | EvalAltResult::ErrorVariableNotFound(..) => {
            Error::new(Kind::Playbook, inner.to_string())
        }
        // What Rhai says of a missing value names only its type.
        other => object::explain(other).unwrap_or_else(|| Error::new(Kind::Script, other.to_string())),
    };
    if let Some(place) = place(file.as_deref(), position, world) {
        out = out.at(place);
    }
    out.stack = stack;
    out
}

fn place(file: Option<&str>, position: Position, world: Option<&World>) -> Option<Place> {
    let line = position.line()?;
    let file = file.unwrap_or_default().to_string();
    let source = world.and_then(|w| w.source_line(&file, line));
    Some(Place { file, line, column: position.position().unwrap_or(0), source })
}
