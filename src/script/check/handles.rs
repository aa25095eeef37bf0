//! Properties and methods of handles that there are not (`t.kub`, `t.list(…)`), and wrong numbers of arguments: of a step's parameter, and of what is got from it in ways that
//! leave no doubt about the type.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::bound::Names;
use super::calls;
use super::closures::closure_name;
use super::names::{KEYWORDS, Known, declared};
use super::tree::{Tree, body, call_of};
use super::{Finding, Level, finding};
use crate::host::{Form, Function};
use crate::script::{property, signature};

/// Types whose properties are all in the table; an object's are those of the cluster's answer.
const HANDLES: &[&str] =
    &["step", "cluster", "cluster of the step", "host", "endpoint", "pod", "forward", "expectation"];

/// Methods that Rhai gives every value.
const EVERY: &[&str] = &["to_string", "to_debug", "tag", "set_tag"];

/// What is asked of a handle.
enum Asked<'a> {
    Property(&'a str, Position),
    Method(&'a FnCallExpr, Position),
}

/// Variables whose type is known.
type Types = BTreeMap<String, &'static str>;

/// What steps ask of their handles.
pub(super) fn check(tree: &Tree<'_>, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<(String, Types)> = Vec::new();
    for stmt in tree.ast.statements() {
        stmt.walk(&mut Vec::new(), &mut |path| {
            let step = |node: &ASTNode<'_>| call_of(node).is_some_and(|c| !c.method && c.call.name == "step");
            if let Some(ASTNode::Expr(expr)) = path.last()
                && path.iter().any(step)
                && let Some((name, captured)) = closure(expr)
                && seen.insert(name.clone())
            {
                let first = parameters(tree.ast, &name).into_iter().nth(captured.len());
                open.push((name, first.map(|t| (t, "step")).into_iter().collect()));
            }
            true
        });
    }
    let own = declared(tree.ast);
    let keys = Names::of(tree).keys;
    // What can be called on any value: functions take their first argument before a dot, too.
    let free = |call: &FnCallExpr| {
        let name = call.name.as_str();
        let takes = |row: &Function| {
            let first = signature::parameters(row.signature).first().copied().and_then(signature::type_of);
            row.arities.contains(&(call.args.len() + 1)) && first.is_none_or(calls::takes_handle)
        };
        let global = || known.rows.iter().any(|row| row.form == Form::Global && row.name == name && takes(row));
        own.contains_key(name) || keys.contains(name) || EVERY.contains(&name) || KEYWORDS.contains(&name) || global()
    };
    while let Some((name, given)) = open.pop() {
        let function = body(tree.ast, &name);
        let types = typed(&function, given, &known.rows);
        function.walk(&mut |path| {
            let Some(ASTNode::Expr(expr)) = path.last() else { return true };
            if let Some((inner, captured)) = closure(expr)
                && seen.insert(inner.clone())
            {
                let kept = types.iter().filter(|(name, _)| captured.contains(name));
                open.push((inner, kept.map(|(name, of)| (name.clone(), *of)).collect()));
            }
            // A part of a chain is the right side of what is around it.
            let inner = matches!(path.iter().rev().nth(1), Some(ASTNode::Expr(Expr::Dot(outer, ..)))
                if std::ptr::eq(&raw const outer.rhs, *expr));
            if !inner {
                type_of(expr, &types, &known.rows, &mut |of, asked| match asked {
                    Asked::Property(name, at) => {
                        let mut found = finding(Level::Error, tree.source, *at, "");
                        let told = property::none(of, name);
                        (found.error.message, found.error.hints) = (told.message, told.hints);
                        findings.push(found);
                    }
                    Asked::Method(call, at) if !free(call) => {
                        findings.extend(method(tree, &known.rows, of, call, *at));
                    }
                    Asked::Method(..) => {}
                });
            }
            true
        });
    }
    findings
}

/// What is wrong with a method call on a handle.
fn method(tree: &Tree<'_>, rows: &[Function], of: &'static str, call: &FnCallExpr, at: Position) -> Option<Finding> {
    let own: Vec<&Function> = rows.iter().filter(|r| r.form == Form::Method(of) && r.name == call.name).collect();
    let arities: BTreeSet<usize> = own.iter().flat_map(|row| &row.arities).copied().collect();
    let given = call.args.len();
    if own.is_empty() {
        let told = property::no_method(of, &call.name);
        let mut found = finding(Level::Error, tree.source, at, told.message);
        found.error.hints = told.hints;
        return Some(found);
    }
    if arities.contains(&given) {
        return calls::judge(tree, call, at, &own, true);
    }
    let takes: Vec<String> = arities.iter().map(ToString::to_string).collect();
    let plural = if takes == ["1"] { "argument" } else { "arguments" };
    let message = format!("{of}.{} takes {} {plural}, and gets {given}", call.name, takes.join(" or "));
    let mut found = finding(Level::Error, tree.source, at, message);
    let written: Vec<String> = own.iter().map(|row| format!("{}{}", row.full_name(), row.signature)).collect();
    found.error = found.error.hint(format!("there is {}", written.join(", and ")));
    Some(found)
}

/// The types of a function's variables: of those that are bound once.
fn typed(function: &AST, given: Types, rows: &[Function]) -> Types {
    let mut bound: BTreeMap<String, usize> = given.keys().map(|name| (name.clone(), 1)).collect();
    let mut bind = |name: &str| *bound.entry(name.to_string()).or_default() += 1;
    function.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(var, ..))) => bind(&var.0.name),
            Some(ASTNode::Stmt(Stmt::For(of, _))) => {
                bind(&of.0.name);
                of.1.iter().for_each(|second| bind(&second.name));
            }
            Some(ASTNode::Stmt(Stmt::Assignment(assigned))) => {
                if let Expr::Variable(variable, ..) = &assigned.1.lhs {
                    bind(&variable.1);
                }
            }
            Some(ASTNode::Stmt(Stmt::TryCatch(flow, _))) => {
                if let Expr::Variable(variable, ..) = &flow.expr {
                    bind(&variable.1);
                }
            }
            _ => {}
        }
        true
    });
    let mut types = given;
    types.retain(|name, _| bound.get(name) == Some(&1));
    function.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Var(var, ..))) = path.last()
            && bound.get(var.0.name.as_str()) == Some(&1)
            && let Some(of) = type_of(&var.1, &types, rows, &mut |_, _| {})
        {
            types.insert(var.0.name.to_string(), of);
        }
        true
    });
    types
}

/// The type of an expression where it is a handle; `asked` hears of properties that one does not have, and of methods.
fn type_of(
    expr: &Expr,
    types: &Types,
    rows: &[Function],
    asked: &mut dyn FnMut(&'static str, &Asked<'_>),
) -> Option<&'static str> {
    match expr {
        Expr::Variable(variable, ..) if variable.2.is_empty() => types.get(variable.1.as_str()).copied(),
        Expr::FnCall(call, _) if call.op_token.is_none() => {
            let row = |row: &&Function| match row.form {
                Form::Global => call.namespace.is_empty() && row.name == call.name,
                Form::Path => {
                    call.namespace.path.len() == 1
                        && row.full_name() == format!("{}::{}", call.namespace.root(), call.name)
                }
                _ => false,
            };
            rows.iter().find(row).and_then(gives)
        }
        Expr::Dot(binary, ..) => {
            let of = type_of(&binary.lhs, types, rows, &mut |_, _| {})?;
            part(of, &binary.rhs, rows, asked)
        }
        _ => None,
    }
}

/// The type of what follows the dot after a handle.
fn part(
    of: &'static str,
    rest: &Expr,
    rows: &[Function],
    asked: &mut dyn FnMut(&'static str, &Asked<'_>),
) -> Option<&'static str> {
    match rest {
        Expr::Property(property, position) => {
            let name = property.2.as_str();
            let row = rows.iter().find(|r| r.form == Form::Property(of) && r.name == name);
            if row.is_none() {
                asked(of, &Asked::Property(name, *position));
            }
            row.and_then(gives)
        }
        Expr::MethodCall(call, position) => {
            asked(of, &Asked::Method(call, *position));
            rows.iter().find(|r| r.form == Form::Method(of) && r.name == call.name).and_then(gives)
        }
        Expr::Dot(binary, ..) => {
            let next = part(of, &binary.lhs, rows, asked)?;
            part(next, &binary.rhs, rows, asked)
        }
        // `t.clusters[0]`: what is before the bracket is read all the same.
        Expr::Index(binary, ..) => {
            part(of, &binary.lhs, rows, asked);
            None
        }
        _ => None,
    }
}

/// The handle that a function or property gives, whatever its arguments.
fn gives(row: &Function) -> Option<&'static str> {
    let result = match row.form {
        Form::Property(_) => row.signature,
        _ => row.signature.rsplit_once("-> ").map_or("", |(_, result)| result),
    };
    HANDLES.iter().find(|handle| **handle == result.trim()).copied()
}

/// A closure's name in the tree, and the variables that it captures.
pub(super) fn closure(expr: &Expr) -> Option<(String, Vec<String>)> {
    match expr {
        Expr::DynamicConstant(..) => Some((closure_name(&ASTNode::Expr(expr))?, Vec::new())),
        Expr::Stmt(block) => block.iter().find_map(|stmt| {
            let Stmt::Expr(expr) = stmt else { return None };
            let Expr::FnCall(call, _) = expr.as_ref() else { return None };
            let (first, captured) = call.args.split_first().filter(|_| call.name == "curry")?;
            let captured = captured.iter().filter_map(|arg| match arg {
                Expr::Variable(variable, ..) => Some(variable.1.to_string()),
                _ => None,
            });
            Some((closure_name(&ASTNode::Expr(first))?, captured.collect()))
        }),
        _ => None,
    }
}

fn parameters(ast: &AST, function: &str) -> Vec<String> {
    let found = ast.iter_functions().find(|f| f.name == function);
    found.map(|f| f.params.iter().map(ToString::to_string).collect()).unwrap_or_default()
}
