//! The options of a `step(…)` that are written out: one that throws is left out alone, and hides no other.

use rhai::{Expr, FnCallExpr, Ident, Position, Stmt};

/// The call that a statement is: the optimizer, which is off, would make a kind of statement of it.
pub(super) fn call(stmt: &Stmt) -> Option<&FnCallExpr> {
    match stmt {
        Stmt::FnCall(call, _) => Some(call),
        Stmt::Expr(expr) => match expr.as_ref() {
            Expr::FnCall(call, _) => Some(call),
            _ => None,
        },
        _ => None,
    }
}

/// The options of a step that is declared by a statement of its own.
fn options(call: &FnCallExpr) -> Option<&[(Ident, Expr)]> {
    match call.args.get(1) {
        Some(Expr::Map(map, _)) if call.name == "step" && call.namespace.is_empty() => Some(map.0.as_slice()),
        _ => None,
    }
}

/// The step's option in whose value a place is.
pub(super) fn at(stmt: &mut Stmt, place: (usize, usize)) -> Option<&mut (Ident, Expr)> {
    let call = match stmt {
        Stmt::FnCall(call, _) => call,
        Stmt::Expr(expr) => match expr.as_mut() {
            Expr::FnCall(call, _) => call,
            _ => return None,
        },
        _ => return None,
    };
    let begin = |option: &(Ident, Expr)| line_and_column(option.0.pos);
    let index = options(call)?.iter().rposition(|option| begin(option) <= place)?;
    match call.args.get_mut(1) {
        Some(Expr::Map(map, _)) => map.0.get_mut(index),
        _ => None,
    }
}

/// What stands where a value stood: the option counts as not given, or where that would be wrong as given somehow.
pub(super) fn stand_in(option: &mut (Ident, Expr)) {
    let position = option.1.position();
    option.1 = match option.0.name.as_str() {
        "manual" => Expr::StringConstant("?".into(), position),
        _ => Expr::Unit(position),
    };
}

/// The value of the option that a message about a step speaks of: `step "a": effect is …`, `step "a", retry: …`.
pub(super) fn told<'a>(stmt: &'a Stmt, message: &str) -> Option<&'a Expr> {
    let call = call(stmt)?;
    let rest = message.strip_prefix("step \"")?.split_once('"')?.1.trim_start_matches([':', ',', ' ']);
    let word = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    options(call)?.iter().find(|(key, _)| key.name == word).map(|(_, value)| value)
}

/// A position as it is compared.
pub(super) fn line_and_column(at: Position) -> (usize, usize) {
    (at.line().unwrap_or(0), at.position().unwrap_or(0))
}
