//! The value of a `catch` block, which Rhai drops: a function that ends in one gives `()` when something was caught.

use rhai::{ASTNode, Expr, Position, Stmt};

use super::tree::{Tree, last, offset};
use super::{Finding, Level, finding};
use crate::script::engine;

/// Functions and closures whose last statement is a `try` with a value in its `catch`.
pub(super) fn check(tree: &Tree<'_>) -> Vec<Finding> {
    let text = tree.source.text.as_ref();
    let bodies: Vec<(usize, bool)> = tree
        .ast
        .shared_lib()
        .iter_script_fn_info()
        .filter_map(|(_, _, name, _, f)| Some((offset(text, f.body.end_position())?, !name.starts_with("anon$"))))
        .collect();
    let mut findings = Vec::new();
    tree.ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::TryCatch(parts, _))) = path.last()
            && let Some(Stmt::Expr(value)) = parts.branch.iter().last()
            && let Some(end) = offset(text, parts.branch.end_position())
            && let Some(rest) = text.get(end + 1..)
        {
            // Nothing but the brace of the function comes after.
            let brace = end + 1 + rest.len() - rest.trim_start().len();
            let of = bodies.iter().find(|(at, _)| *at == brace);
            if of.is_some_and(|(_, named)| gives(value, *named)) && !is_statement(text, value.position(), end) {
                findings.push(lost(tree, value.position()));
            }
        }
        true
    });
    findings
}

fn lost(tree: &Tree<'_>, position: Position) -> Finding {
    let message = "the value of a catch block is lost: what ends in it gives () when something was caught";
    let mut found = finding(Level::Warning, tree.source, position, message);
    found.error = found
        .error
        .hint("let found = (); try { found = …; } catch (e) { found = …; } found gives either value; or return it");
    found
}

/// Whether an expression gives a value that somebody may want. A call may be there for what it does: in a closure,
/// whose value is seldom used, nobody can tell.
fn gives(expr: &Expr, named: bool) -> bool {
    match last(expr) {
        Expr::Unit(_) => false,
        Expr::FnCall(call, _) | Expr::MethodCall(call, _) => {
            call.op_token.is_some()
                || named && {
                    let mut same = engine::functions().into_iter().filter(|f| f.name == call.name.as_str()).peekable();
                    same.peek().is_some() && same.all(|f| f.signature.contains("->") && !f.signature.ends_with("-> ()"))
                }
        }
        Expr::Stmt(_) | Expr::Custom(..) => false,
        _ => true,
    }
}

/// Whether a semicolon says that no value is meant; a comment may follow it.
fn is_statement(text: &str, from: Position, end: usize) -> bool {
    let Some(rest) = offset(text, from).and_then(|from| text.get(from..end)) else { return false };
    let code = rest.lines().map(|line| line.split("//").next().unwrap_or_default().trim_end());
    code.filter(|line| !line.is_empty()).last().is_some_and(|line| line.ends_with(';'))
}
