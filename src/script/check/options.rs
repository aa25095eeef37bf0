//! Keys of options that are written out at a call, against those that the host function's row lists.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{ASTNode, Expr, Stmt};

use super::bound::Names;
use super::names::{Known, declared};
use super::tree::{CallNode, Tree, call_of};
use super::{Finding, Level, finding};
use crate::error::did_you_mean;
use crate::host::{Form, Function};

/// Options that no function of the call's name has.
pub(super) fn check(tree: &Tree<'_>, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = declared(tree.ast);
    let keys = Names::of(tree).keys;
    let imported = imported(tree);
    let maps = maps(tree);
    tree.ast.walk(&mut |path| {
        let Some(node) = path.last().and_then(call_of) else { return true };
        let name = node.call.name.as_str();
        let map = match node.call.args.last() {
            Some(Expr::Map(map, _)) => map,
            Some(Expr::Variable(variable, ..)) if variable.2.is_empty() => match maps.get(variable.1.as_str()) {
                Some(map) => map,
                None => return true,
            },
            _ => return true,
        };
        // Functions of the playbook's own take what they like.
        if own.contains_key(name) || (node.method && keys.contains(name)) {
            return true;
        }
        if !node.call.namespace.is_empty() && imported.contains(node.call.namespace.root()) {
            return true;
        }
        let rows: Vec<&Function> = known.rows.iter().filter(|row| is_called(row, &node)).collect();
        let taken: BTreeSet<&str> =
            rows.iter().filter(|r| takes_options(r, node.call.args.len())).flat_map(|r| &r.options).copied().collect();
        let takes_any = |row: &&Function| !takes_options(row, node.call.args.len()) && takes_map(row, &node);
        if taken.is_empty() || rows.iter().any(takes_any) {
            return true;
        }
        let shown = match rows.as_slice() {
            [row] => row.full_name(),
            _ => name.to_string(),
        };
        for (key, _) in map.0.iter().filter(|(key, _)| !taken.contains(key.name.as_str())) {
            let message = format!("{shown}: there is no option \"{}\"", key.name);
            let mut found = finding(Level::Error, tree.source, key.pos, message);
            let all: Vec<&str> = taken.iter().copied().collect();
            found.error = found
                .error
                .maybe_hint(did_you_mean(&key.name, all.iter().copied()))
                .hint(format!("its options are {}", all.join(", ")));
            findings.push(found);
        }
        true
    });
    findings
}

/// Maps that are written out and given a name, which nothing else in the text has, and that nothing changes.
fn maps(tree: &Tree<'_>) -> BTreeMap<String, MapLiteral> {
    let mut maps = BTreeMap::new();
    // Where a name means something else, too, or its map may lose a key.
    let mut other: BTreeSet<String> =
        tree.ast.iter_functions().flat_map(|f| f.params.into_iter().map(Into::into)).collect();
    tree.ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => {
                let name = var.0.name.to_string();
                match &var.1 {
                    Expr::Map(map, _) if !maps.contains_key(&name) => drop(maps.insert(name, map.clone())),
                    _ => drop(other.insert(name)),
                }
            }
            Some(ASTNode::Stmt(Stmt::For(of, _))) => {
                other.insert(of.0.name.to_string());
                other.extend(of.1.as_ref().map(|second| second.name.to_string()));
            }
            Some(ASTNode::Stmt(Stmt::Assignment(assigned))) => other.extend(root(&assigned.1.lhs)),
            Some(ASTNode::Stmt(Stmt::TryCatch(flow, _))) => other.extend(root(&flow.expr)),
            Some(ASTNode::Expr(Expr::Dot(binary, ..))) if !matches!(binary.rhs, Expr::Property(..)) => {
                other.extend(root(&binary.lhs));
            }
            _ => {}
        }
        true
    });
    maps.retain(|name, _| !other.contains(name));
    maps
}

type MapLiteral = Box<(rhai::StaticVec<(rhai::Ident, Expr)>, BTreeMap<rhai::Identifier, rhai::Dynamic>)>;

/// The variable with which an expression begins.
fn root(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        Expr::Dot(binary, ..) | Expr::Index(binary, ..) => root(&binary.lhs),
        _ => None,
    }
}

/// Names that imports give: they stand above the host's modules.
fn imported(tree: &Tree<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    tree.ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last() {
            names.insert(import.1.name.to_string());
        }
        true
    });
    names
}

/// Whether a call may be one of this row's function.
fn is_called(row: &Function, node: &CallNode<'_>) -> bool {
    let form = match row.form {
        Form::Method(_) => node.method,
        Form::Property(_) => false,
        Form::Global => !node.method && node.call.namespace.is_empty(),
        Form::Path => !node.call.namespace.is_empty() && node.call.namespace.root() == row.module,
    };
    form && row.name == node.call.name && row.arities.contains(&node.call.args.len())
}

/// Whether the last of so many arguments can be the options, which stand behind everything that is needed.
fn takes_options(row: &Function, args: usize) -> bool {
    let parameters = parameters(row.signature);
    let before = parameters.len().saturating_sub(1);
    let needed = parameters.iter().take(before).filter(|p| !p.contains("?:")).count();
    !row.options.is_empty() && args > needed
}

/// Whether the last argument may be a map of another kind.
fn takes_map(row: &Function, node: &CallNode<'_>) -> bool {
    let parameters = parameters(row.signature);
    parameters.get(node.call.args.len() - 1).is_none_or(|p| p.contains("map") || p.contains("any"))
}

/// The parameters of `(kind: string, options?: map) -> list`.
fn parameters(signature: &str) -> Vec<&str> {
    let inside = signature.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inside, _)| inside);
    inside.split(", ").filter(|p| !p.is_empty()).collect()
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
