//! Looking into a syntax tree: closures, call chains, names that are bound.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use crate::playbook::Source;

/// A text with its syntax tree.
pub(super) struct Tree<'a> {
    pub(super) source: &'a Source,
    pub(super) ast: &'a AST,
}

/// A call, however it is written.
pub(super) struct CallNode<'a> {
    pub(super) call: &'a FnCallExpr,
    pub(super) position: Position,
    /// Whether it is `x.f(…)`.
    pub(super) method: bool,
}

/// The call that a node is, if it is one of a name (and no operator).
pub(super) fn call_of<'a>(node: &ASTNode<'a>) -> Option<CallNode<'a>> {
    let (call, position, method) = match node {
        ASTNode::Expr(Expr::FnCall(call, position)) => (call, *position, false),
        ASTNode::Expr(Expr::MethodCall(call, position)) => (call, *position, true),
        ASTNode::Stmt(Stmt::FnCall(call, position)) => (call, *position, false),
        _ => return None,
    };
    call.op_token.is_none().then_some(CallNode { call, position, method })
}

/// What the function of this name holds, as a tree of its own: only whole trees can be walked.
pub(super) fn body(ast: &AST, function: &str) -> AST {
    // Rhai's clone_functions_only_filtered passes over its filter and gives all functions.
    let mut all = ast.clone_functions_only();
    all.retain_functions(|_, _, name, _| name == function);
    all
}

/// The variables that a closure expression captures; none where the expression is no closure.
pub(super) fn captures(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Stmt(block) => {
            let mut shared = Vec::new();
            let mut closure = false;
            for stmt in block.iter() {
                match stmt {
                    Stmt::Share(names) => shared.extend(names.iter().map(|(name, _)| name.name.to_string())),
                    Stmt::Expr(expr) => {
                        closure |= matches!(expr.as_ref(), Expr::FnCall(call, _) if call.name == "curry");
                    }
                    _ => {}
                }
            }
            closure.then_some(shared)
        }
        Expr::DynamicConstant(value, _) if value.is_fnptr() => Some(Vec::new()),
        _ => None,
    }
}

/// The method calls along a chain `x.a.f(…).g(…)`, outermost receiver left out.
pub(super) fn chain<'a>(expr: &'a Expr, out: &mut Vec<(&'a FnCallExpr, Position)>) {
    match expr {
        Expr::Dot(binary, ..) | Expr::Index(binary, ..) => {
            chain(&binary.lhs, out);
            chain(&binary.rhs, out);
        }
        Expr::MethodCall(call, position) => out.push((call, *position)),
        _ => {}
    }
}

/// The last part of a chain.
pub(super) fn last(expr: &Expr) -> &Expr {
    match expr {
        Expr::Dot(binary, ..) | Expr::Index(binary, ..) => last(&binary.rhs),
        other => other,
    }
}

/// An expression in the playbook's own words, where it is short enough to repeat.
pub(super) fn text_from(source: &Source, position: Position) -> Option<&str> {
    let line = source.text.lines().nth(position.line()?.checked_sub(1)?)?;
    let from = line.char_indices().nth(position.position()?.checked_sub(1)?)?.0;
    Some(&line[from..])
}

/// Whether a call is what a named function gives: nothing but its closing brace comes after.
pub(super) fn gives_value_of_function(tree: &Tree<'_>, call: Position) -> bool {
    let text = tree.source.text.as_ref();
    let Some(from) = offset(text, call) else { return false };
    let Some(end) = closing(&text[from..]).map(|at| from + at) else { return false };
    let brace = end + text[end..].len() - text[end..].trim_start().len();
    tree.ast.shared_lib().iter_script_fn_info().any(|(_, _, name, _, function)| {
        !name.starts_with("anon$") && offset(text, function.body.end_position()) == Some(brace)
    })
}

/// Where a position is in its text.
pub(super) fn offset(text: &str, position: Position) -> Option<usize> {
    let line = position.line()?.checked_sub(1)?;
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let column = position.position()?.checked_sub(1)?;
    Some(before + text[before..].char_indices().nth(column)?.0)
}

/// What follows the parenthesis that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth <= 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}
