//! What is written out as an argument of a call: how many parameters a closure has, and literals of another type.

use std::any::TypeId;
use std::collections::BTreeSet;

use rhai::{Array, Dynamic, Expr, FLOAT, FnCallExpr, FnPtr, INT, ImmutableString, Map, Position};

use super::bound::Names;
use super::handles::closure;
use super::names::{Known, declared};
use super::tree::{Tree, call_of};
use super::{Finding, Level, finding};
use crate::host::{Form, Function};
use crate::script::signature;

/// Types that are no handle.
const PLAIN: &[&str] = &["string", "int", "bool", "map", "list", "array", "duration", "size", "closure", "()"];

/// The arguments of calls, where their function is known by its name.
pub(super) fn check(tree: &Tree<'_>, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = declared(tree.ast);
    let bound = Names::of(tree);
    let imported = super::options::imported(tree);
    tree.ast.walk(&mut |path| {
        let Some(node) = path.last().and_then(call_of) else { return true };
        let name = node.call.name.as_str();
        let space = &node.call.namespace;
        let module = if space.is_empty() { "" } else { space.root() };
        if own.contains_key(name) || bound.keys.contains(name) || imported.contains(module) {
            return true;
        }
        let named = |row: &&Function| {
            row.name == name
                && match row.form {
                    Form::Method(_) => node.method,
                    Form::Property(_) => false,
                    Form::Global => !node.method && space.is_empty(),
                    Form::Path => module == row.module,
                }
        };
        let rows: Vec<&Function> = known.rows.iter().filter(named).collect();
        // Of a method without its receiver, another type's may be meant, which has no row.
        findings.extend(judge(tree, node.call, node.position, &rows, !node.method));
        findings.extend(options_of_step(tree, node.call, node.method));
        true
    });
    findings
}

/// What no row of a call takes: a closure with so many parameters, and with `types` a literal of this type.
pub(super) fn judge(
    tree: &Tree<'_>,
    call: &FnCallExpr,
    position: Position,
    rows: &[&Function],
    types: bool,
) -> Option<Finding> {
    let rows: Vec<&&Function> = rows.iter().filter(|row| row.arities.contains(&call.args.len())).collect();
    if rows.is_empty() {
        return None;
    }
    for (at, arg) in call.args.iter().enumerate() {
        let wanted: BTreeSet<Option<&str>> = rows.iter().map(|row| wanted(row, at)).collect();
        let wanted: Option<Vec<&str>> = wanted.into_iter().collect();
        let Some(wanted) = wanted else { continue };
        let position = Some(arg.start_position()).filter(|at| !at.is_none()).unwrap_or(position);
        let shown = shown(&rows, call);
        if let Some(has) = parameters_of(tree, arg) {
            let takes: Option<Vec<(usize, usize)>> = wanted.iter().map(|of| signature::closure(of)).collect();
            if let Some(takes) = takes
                && !takes.iter().any(|(least, most)| (*least..=*most).contains(&has))
            {
                return Some(number(tree, position, &shown, has, &wanted));
            }
        }
        if let Some(is) = literal(tree, arg)
            && types
            && !rows
                .iter()
                .flat_map(|row| &row.types)
                .any(|types| types.len() == call.args.len() && types.get(at).is_none_or(|of| accepts(*of, is)))
        {
            let article = if is == "int" { "an" } else { "a" };
            let message = format!("{shown}: {article} {is} stands where it takes {}", wanted.join(" or "));
            let mut found = finding(Level::Error, tree.source, position, message);
            found.error = found.error.hint(format!("there is {}", written(&rows)));
            return Some(found);
        }
    }
    None
}

/// The closures among the options of a step.
fn options_of_step(tree: &Tree<'_>, call: &FnCallExpr, method: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(Expr::Map(map, _)) = call.args.get(1).filter(|_| !method && call.name == "step") else { return findings };
    let option = |map: &[(rhai::Ident, Expr)], key: &str, of: &str| {
        let (_, value) = map.iter().find(|(ident, _)| ident.name == key)?;
        let has = parameters_of(tree, value)?;
        let (least, most) = signature::closure(of)?;
        let at = Some(value.start_position()).filter(|at| !at.is_none()).unwrap_or(call.args[1].position());
        (!(least..=most).contains(&has)).then(|| number(tree, at, key, has, &[of]))
    };
    findings.extend(option(&map.0, "guard", "|t|"));
    if let Some((_, Expr::Map(later, _))) = map.0.iter().find(|(ident, _)| ident.name == "later") {
        findings.extend(option(&later.0, "check", "|t, started|"));
    }
    findings
}

fn number(tree: &Tree<'_>, at: Position, shown: &str, has: usize, wanted: &[&str]) -> Finding {
    let wanted = wanted.join(" or ").replace('?', "");
    let has = crate::ui::plural(has, "parameter");
    finding(Level::Error, tree.source, at, format!("{shown}: its closure has {has}, expected {wanted}"))
}

/// The type that a row wants at a place; none where it takes anything.
fn wanted(row: &Function, at: usize) -> Option<&'static str> {
    signature::parameters(row.signature).get(at).and_then(|parameter| signature::type_of(parameter))
}

/// The number of parameters of a closure that is written out.
fn parameters_of(tree: &Tree<'_>, expr: &Expr) -> Option<usize> {
    let (name, captured) = closure(expr)?;
    // A function's name as a value says nothing: it may have several numbers of parameters.
    let function = tree.ast.iter_functions().find(|f| name.starts_with("anon$") && f.name == name)?;
    function.params.len().checked_sub(captured.len())
}

/// The type of what is written out.
fn literal(tree: &Tree<'_>, expr: &Expr) -> Option<&'static str> {
    Some(match expr {
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => "string",
        Expr::IntegerConstant(..) => "int",
        Expr::BoolConstant(..) => "bool",
        Expr::Map(..) => "map",
        Expr::Array(..) => "list",
        other if parameters_of(tree, other).is_some() => "closure",
        _ => return None,
    })
}

/// Whether a Rust type takes a literal.
fn accepts(of: TypeId, is: &str) -> bool {
    let any = |types: &[TypeId]| types.contains(&of);
    any(&[TypeId::of::<Dynamic>()])
        || match is {
            "string" => any(&[TypeId::of::<&str>(), TypeId::of::<ImmutableString>(), TypeId::of::<String>()]),
            "int" => any(&[TypeId::of::<INT>(), TypeId::of::<FLOAT>()]),
            "bool" => any(&[TypeId::of::<bool>()]),
            "map" => any(&[TypeId::of::<Map>()]),
            "list" => any(&[TypeId::of::<Array>()]),
            "closure" => any(&[TypeId::of::<FnPtr>()]),
            _ => true,
        }
}

/// Whether a type as signatures write it may be a handle; what is not plain may be anything.
pub(super) fn takes_handle(of: &str) -> bool {
    signature::closure(of).is_none()
        && !of.split('|').map(str::trim).all(|of| PLAIN.contains(&of) || of.starts_with('['))
}

fn shown(rows: &[&&Function], call: &FnCallExpr) -> String {
    match rows {
        [row] => row.full_name(),
        _ => call.name.to_string(),
    }
}

fn written(rows: &[&&Function]) -> String {
    let all: Vec<String> = rows.iter().map(|row| format!("{}{}", row.full_name(), row.signature)).collect();
    all.join(", and ")
}
