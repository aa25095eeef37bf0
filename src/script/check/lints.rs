//! The traps of the language, each with the rewrite.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::names::Known;
use super::tree::{Tree, call_of, captures, chain, gives_value_of_function, last, text_from};
use super::{Finding, Level, finding};

/// Methods that work in place and return nothing, with what to write where a value is wanted.
const IN_PLACE: &[(&str, usize)] =
    &[("trim", 0), ("sort", 0), ("sort", 1), ("replace", 2), ("reverse", 0), ("clear", 0), ("push", 1)];

/// What every text is looked over for.
pub(super) fn check(tree: &Tree<'_>, known: &Known) -> Vec<Finding> {
    let mut findings = Vec::new();
    let variables = variables(tree);
    tree.ast.walk(&mut |path| {
        let Some(node) = path.last() else { return true };
        if let ASTNode::Expr(expr) = node {
            quoted_variable(tree, expr, &variables, &mut findings);
            captured_receiver(tree, path, expr, &mut findings);
            silent_comparison(tree, expr, &mut findings);
            whole_division(tree, expr, &mut findings);
            constant_judged(tree, expr, &mut findings);
        }
        in_place_result(tree, path, &mut findings);
        expect_alone(tree, node, &mut findings);
        loop_variable(tree, path, &mut findings);
        true
    });
    for stmt in tree.ast.statements() {
        top_level(tree, stmt, known, &mut findings);
    }
    findings
}

/// `x.f(|| … x …)`: a captured `x` is locked while its method runs.
fn captured_receiver(tree: &Tree<'_>, path: &[ASTNode<'_>], expr: &Expr, findings: &mut Vec<Finding>) {
    let (Expr::Dot(binary, _, position) | Expr::Index(binary, _, position)) = expr else { return };
    let Expr::Variable(variable, _, at) = &binary.lhs else { return };
    // Only the outermost chain: its left side is the variable itself.
    if matches!(path.iter().rev().nth(1), Some(ASTNode::Expr(Expr::Dot(outer, ..) | Expr::Index(outer, ..))) if std::ptr::eq(&raw const outer.rhs, expr))
    {
        return;
    }
    let name = variable.1.as_str();
    let mut calls = Vec::new();
    chain(&binary.rhs, &mut calls);
    for (call, _) in calls {
        if call.args.iter().any(|arg| captures(arg).is_some_and(|names| names.iter().any(|n| n == name))) {
            let at = if at.is_none() { *position } else { *at };
            let mut found = finding(
                Level::Error,
                tree.source,
                at,
                format!(
                    "\"{name}\" is used inside a closure that its own method {}() calls: that is a data race",
                    call.name
                ),
            );
            found.error = found.error.hint(format!(
                "use a copy inside: let {name}2 = {name}; {name}.{}(|…| … {name}2 …), or a free function: {}({name}, |…| …)",
                call.name, call.name
            ));
            findings.push(found);
        }
    }
}

/// `"10" == 10`, `[1] == "x"`: constants of different types are never equal, and Rhai does not say so.
fn silent_comparison(tree: &Tree<'_>, expr: &Expr, findings: &mut Vec<Finding>) {
    let Expr::FnCall(call, position) = expr else { return };
    if !["==", "!=", "<", ">", "<=", ">="].contains(&call.name.as_str()) || call.args.len() != 2 {
        return;
    }
    if let (Some(left), Some(right)) = (constant(&call.args[0]), constant(&call.args[1]))
        && left != right
    {
        let mut found = finding(
            Level::Error,
            tree.source,
            *position,
            format!("{left} {} {right}: values of different types are silently never equal or ordered", call.name),
        );
        found.error = found.error.hint("convert one side: parse_int(\"10\") == 10, or to_string(10) == \"10\"");
        findings.push(found);
    }
}

fn constant(expr: &Expr) -> Option<&'static str> {
    Some(match expr {
        Expr::StringConstant(..) | Expr::InterpolatedString(..) => "a string",
        Expr::IntegerConstant(..) | Expr::FloatConstant(..) => "a number",
        Expr::BoolConstant(..) => "a bool",
        Expr::Array(..) => "a list",
        Expr::Map(..) => "a map",
        _ => return None,
    })
}

/// `expect(true).to_be(true)` passes whatever the cluster does.
fn constant_judged(tree: &Tree<'_>, expr: &Expr, findings: &mut Vec<Finding>) {
    let Expr::FnCall(call, position) = expr else { return };
    if call.name != "expect" || !call.namespace.is_empty() {
        return;
    }
    let shown = match call.args.first() {
        Some(Expr::BoolConstant(value, _)) => value.to_string(),
        Some(Expr::Unit(_)) => "()".into(),
        _ => return,
    };
    let message = format!("expect({shown}) judges a constant: nothing is looked at");
    let mut found = finding(Level::Warning, tree.source, *position, message);
    found.error = found.error.hint("expect what was found; t.note(…) or t.skip(…) where there is nothing to judge");
    findings.push(found);
}

/// The names of the playbook's variables, and those that steps call their contexts and clusters by.
fn variables(tree: &Tree<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["t".to_owned(), "k".to_owned()]);
    tree.ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Var(bound, ..))) = path.last() {
            names.insert(bound.0.name.to_string());
        }
        true
    });
    names
}

/// `"pods of ${namespace}"`: between double quotes that stays as it is. What is no variable may be meant for a shell.
fn quoted_variable(tree: &Tree<'_>, expr: &Expr, variables: &BTreeSet<String>, findings: &mut Vec<Finding>) {
    let Expr::StringConstant(text, position) = expr else { return };
    let named = text.match_indices("${").find_map(|(at, _)| {
        let name: String = text[at + 2..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        variables.contains(&name).then_some(name)
    });
    let Some(name) = named.filter(|_| text_from(tree.source, *position).is_some_and(|rest| rest.starts_with('"')))
    else {
        return;
    };
    let message = format!("\"… ${{{name}…}} …\" in double quotes is not filled in");
    let mut found = finding(Level::Warning, tree.source, *position, message);
    found.error = found.error.hint(format!("write it between backticks: `… ${{{name}…}} …`"));
    findings.push(found);
}

/// `9500000 / 1000000` is 9.
fn whole_division(tree: &Tree<'_>, expr: &Expr, findings: &mut Vec<Finding>) {
    let Expr::FnCall(call, position) = expr else { return };
    if call.name != "/" || call.args.len() != 2 {
        return;
    }
    if let (Expr::IntegerConstant(a, _), Expr::IntegerConstant(b, _)) = (&call.args[0], &call.args[1])
        && *b != 0
        && a % b != 0
    {
        let mut found = finding(
            Level::Warning,
            tree.source,
            *position,
            format!("{a} / {b} is {}: whole numbers divide to whole numbers", a / b),
        );
        found.error = found.error.hint(format!("{a}.0 / {b} keeps the fraction"));
        findings.push(found);
    }
}

/// `let y = x.trim();`
fn in_place_result(tree: &Tree<'_>, path: &[ASTNode<'_>], findings: &mut Vec<Finding>) {
    let Some(ASTNode::Expr(whole @ Expr::Dot(..))) = path.last() else { return };
    let Expr::MethodCall(call, position) = last(whole) else { return };
    if !IN_PLACE.contains(&(call.name.as_str(), call.args.len())) {
        return;
    }
    // Only the outermost chain tells whether the value is used.
    if matches!(path.iter().rev().nth(1), Some(ASTNode::Expr(Expr::Dot(..) | Expr::Index(..)))) {
        return;
    }
    // A statement of its own uses no value; the last expression of a closure may, and nobody can tell.
    if matches!(path.iter().rev().nth(1), None | Some(ASTNode::Stmt(Stmt::Expr(..)))) {
        return;
    }
    report_in_place(tree, call, *position, findings);
}

fn report_in_place(tree: &Tree<'_>, call: &FnCallExpr, position: Position, findings: &mut Vec<Finding>) {
    let name = &call.name;
    let mut found =
        finding(Level::Error, tree.source, position, format!("{name}() works in place and returns nothing"));
    let args = text_from(tree.source, position).and_then(|t| Some(&t[t.find('(')?..=t.find(')')?])).unwrap_or("(…)");
    found.error = found.error.hint(format!("let y = x; y.{name}{args}; and use y"));
    findings.push(found);
}

/// `expect(x, "label");` judges nothing.
fn expect_alone(tree: &Tree<'_>, node: &ASTNode<'_>, findings: &mut Vec<Finding>) {
    let ASTNode::Stmt(stmt) = node else { return };
    let (call, position) = match stmt {
        Stmt::FnCall(call, position) => (call, *position),
        Stmt::Expr(expr) => match expr.as_ref() {
            Expr::FnCall(call, position) => (call, *position),
            Expr::Dot(binary, ..) => {
                let (Expr::FnCall(call, position), Expr::MethodCall(modifier, _)) = (&binary.lhs, last(&binary.rhs))
                else {
                    return;
                };
                if !["softly", "or_none", "covers"].contains(&modifier.name.as_str()) {
                    return;
                }
                (call, *position)
            }
            _ => return,
        },
        _ => return,
    };
    // A helper may give its caller an expectation to end.
    if call.name == "expect" && call.namespace.is_empty() && !gives_value_of_function(tree, position) {
        let mut found = finding(Level::Error, tree.source, position, "expect(…) without a matcher judges nothing");
        found.error = found
            .error
            .hint("end it with one: .to_be(…), .to_contain(…), .to_be_ready() …; pb doc expectation lists them");
        findings.push(found);
    }
}

/// A loop variable is one variable for all closures that the loop makes.
fn loop_variable(tree: &Tree<'_>, path: &[ASTNode<'_>], findings: &mut Vec<Finding>) {
    let Some(ASTNode::Stmt(Stmt::Share(names))) = path.last() else { return };
    for (name, _) in names.iter() {
        let bound = path.iter().rev().find_map(|node| match node {
            ASTNode::Stmt(Stmt::For(of, _))
                if of.0.name == name.name || of.1.as_ref().is_some_and(|i| i.name == name.name) =>
            {
                Some(true)
            }
            _ => None,
        });
        // What runs within the turn is safe: filter, map, eventually. What keeps closures is not.
        let kept = path
            .iter()
            .rev()
            .find_map(call_of)
            .is_some_and(|c| ["push", "step", "finally", "parallel"].contains(&c.call.name.as_str()));
        if bound.is_some() && kept {
            let n = name.name.as_str();
            let mut found = finding(
                Level::Error,
                tree.source,
                name.pos,
                format!("the closures made in this loop share one \"{n}\": each sees the last value"),
            );
            found.error = found.error.hint(format!("let own = {n}; before the closure, and own inside it"));
            findings.push(found);
        }
    }
}

/// Host calls where only declaring belongs. Closures are functions of their own to the tree, so
/// walking the statements alone leaves the steps' bodies out.
fn top_level(tree: &Tree<'_>, stmt: &Stmt, known: &Known, findings: &mut Vec<Finding>) {
    stmt.walk(&mut Vec::new(), &mut |path| {
        if let Some(node) = path.last().and_then(call_of)
            && !node.method
        {
            let name = match node.call.namespace.is_empty() {
                true => node.call.name.to_string(),
                false => format!("{}::{}", node.call.namespace.root(), node.call.name),
            };
            if known.host.contains(&name) {
                let mut found = finding(
                    Level::Error,
                    tree.source,
                    node.position,
                    format!("{name}(…) is a host call, and the top level only declares"),
                );
                found.error = found.error.hint("move it into a step's closure");
                findings.push(found);
            }
        }
        true
    });
}

#[cfg(test)]
#[path = "lints_tests.rs"]
mod tests;
