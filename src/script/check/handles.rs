//! Properties of handles that there are not (`t.kub`): of a step's parameter, and of what is got from it in ways that
//! leave no doubt about the type.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, Position, Stmt};

use super::closures::closure_name;
use super::names::Known;
use super::tree::{Tree, body, call_of};
use super::{Finding, Level, finding};
use crate::host::{Form, Function};
use crate::script::property;

/// Types whose properties are all in the table; an object's are those of the cluster's answer.
const HANDLES: &[&str] = &["step", "cluster", "cluster of the step", "host", "endpoint", "pod", "forward"];

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
                type_of(expr, &types, &known.rows, &mut |of, name, at| {
                    let mut found = finding(Level::Error, tree.source, at, "");
                    let told = property::none(of, name);
                    (found.error.message, found.error.hints) = (told.message, told.hints);
                    findings.push(found);
                });
            }
            true
        });
    }
    findings
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
            && let Some(of) = type_of(&var.1, &types, rows, &mut |_, _, _| {})
        {
            types.insert(var.0.name.to_string(), of);
        }
        true
    });
    types
}

/// The type of an expression where it is a handle; `missing` hears of properties that one does not have.
fn type_of(
    expr: &Expr,
    types: &Types,
    rows: &[Function],
    missing: &mut dyn FnMut(&'static str, &str, Position),
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
            let of = type_of(&binary.lhs, types, rows, &mut |_, _, _| {})?;
            part(of, &binary.rhs, rows, missing)
        }
        _ => None,
    }
}

/// The type of what follows the dot after a handle.
fn part(
    of: &'static str,
    rest: &Expr,
    rows: &[Function],
    missing: &mut dyn FnMut(&'static str, &str, Position),
) -> Option<&'static str> {
    match rest {
        Expr::Property(property, position) => {
            let name = property.2.as_str();
            let row = rows.iter().find(|r| r.form == Form::Property(of) && r.name == name);
            if row.is_none() {
                missing(of, name, *position);
            }
            row.and_then(gives)
        }
        Expr::MethodCall(call, _) => {
            rows.iter().find(|r| r.form == Form::Method(of) && r.name == call.name).and_then(gives)
        }
        Expr::Dot(binary, ..) => {
            let next = part(of, &binary.lhs, rows, missing)?;
            part(next, &binary.rhs, rows, missing)
        }
        // `t.clusters[0]`: what is before the bracket is read all the same.
        Expr::Index(binary, ..) => {
            part(of, &binary.lhs, rows, missing);
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
fn closure(expr: &Expr) -> Option<(String, Vec<String>)> {
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
