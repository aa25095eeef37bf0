//! Assignments that nobody sees: closures of `parallel` and `step` work on copies of what they captured.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, FnCallExpr, FnPtr, Position, Stmt};

use super::tree::{Tree, body, call_of};
use super::{Finding, Level, finding};

/// Methods that only serve to fill what they are called on.
const FILLS: &[&str] = &["push", "append", "insert", "set", "mixin", "fill_with"];

/// What a closure that runs on copies assigns to variables around it.
pub(super) fn check(tree: &Tree<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    tree.ast.walk(&mut |path| {
        let Some(node) = path.last().and_then(call_of) else { return true };
        let runs = node.call.name.as_str();
        if node.method || !node.call.namespace.is_empty() || !["parallel", "step"].contains(&runs) {
            return true;
        }
        let mut search = Search { tree, handed: Vec::new(), seen: BTreeSet::new() };
        search.expressions(&node.call.args);
        for closure in std::mem::take(&mut search.handed) {
            for (name, position) in assigned(tree, &closure) {
                findings.push(lost(tree, runs, &name, position));
            }
        }
        true
    });
    findings
}

fn lost(tree: &Tree<'_>, runs: &str, name: &str, position: Position) -> Finding {
    let message =
        format!("what this does to \"{name}\" is lost: closures of {runs} work on copies of what they captured");
    let mut found = finding(Level::Warning, tree.source, position, message);
    found.error = found.error.hint(if runs == "parallel" {
        format!("give it back instead: let {name} = parallel([|| …, || …]) has the closures' values in order")
    } else {
        format!("t.publish(\"{name}\", …) hands a value on, and t.value(step, \"{name}\") takes it up; for use in this step alone: let own = {name}")
    });
    found
}

/// A closure, by the name that the tree keeps it under, with the variables that it captures.
struct Closure {
    name: String,
    captured: Vec<String>,
}

/// The closure that the end of a path is.
fn closure_at(path: &[ASTNode<'_>]) -> Option<Closure> {
    let Some(ASTNode::Expr(Expr::DynamicConstant(value, _))) = path.last() else { return None };
    let name = value.read_lock::<FnPtr>()?.fn_name().to_string();
    let curried = path.iter().rev().nth(1).and_then(call_of).filter(|outer| outer.call.name == "curry");
    let captured = curried.map(|outer| outer.call.args.iter().filter_map(variable).map(|(name, _)| name).collect());
    Some(Closure { name, captured: captured.unwrap_or_default() })
}

fn variable(expr: &Expr) -> Option<(String, Position)> {
    match expr {
        Expr::Variable(of, _, position) => Some((of.1.to_string(), *position)),
        _ => None,
    }
}

/// Looks for the closures that are handed over, however they get there.
struct Search<'t, 'a> {
    tree: &'t Tree<'a>,
    handed: Vec<Closure>,
    /// Names of closures and variables that were followed already.
    seen: BTreeSet<String>,
}

impl Search<'_, '_> {
    fn expressions<'e>(&mut self, given: impl IntoIterator<Item = &'e Expr>) {
        for expr in given {
            expr.walk(&mut Vec::new(), &mut |path| {
                self.look(path);
                true
            });
        }
    }

    fn look(&mut self, path: &[ASTNode<'_>]) {
        let within = &path[..path.len() - 1];
        let called = within.iter().filter_map(call_of).any(|outer| outer.call.name != "curry");
        if let Some(closure) = closure_at(path) {
            match called {
                // `xs.map(|x| || …)`: what is called at once gives the closures that are handed over.
                true if self.seen.insert(closure.name.clone()) => walk(self.tree, &closure.name, &mut |p| self.look(p)),
                true => {}
                false => self.handed.push(closure),
            }
        } else if let (false, Some(ASTNode::Expr(expr))) = (called, path.last())
            && !matches!(within.last(), Some(ASTNode::Expr(Expr::FnCall(..))))
            && let Some((name, _)) = variable(expr)
            && self.seen.insert(name.clone())
        {
            self.variable(&name);
        }
    }

    /// `let jobs = […]; jobs.push(|| …); parallel(jobs)`
    fn variable(&mut self, name: &str) {
        self.tree.ast.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Stmt(Stmt::Var(of, ..))) if of.0.name == name => self.expressions([&of.1]),
                Some(ASTNode::Expr(Expr::Dot(of, ..))) if variable(&of.lhs).is_some_and(|(n, _)| n == name) => {
                    if let Some(call) = method(&of.rhs).filter(|call| call.name == "push") {
                        self.expressions(&call.args);
                    }
                }
                _ => {}
            }
            true
        });
    }
}

/// The first method of a chain.
fn method(expr: &Expr) -> Option<&FnCallExpr> {
    match expr {
        Expr::MethodCall(call, _) => Some(call),
        // Fields and indices come before it: `.a[0].push(1)`.
        Expr::Dot(of, ..) | Expr::Index(of, ..) => method(&of.lhs).or_else(|| method(&of.rhs)),
        _ => None,
    }
}

/// Walks the body of a closure; not of those inside it.
fn walk(tree: &Tree<'_>, closure: &str, look: &mut impl FnMut(&[ASTNode<'_>])) {
    body(tree.ast, closure).walk(&mut |path| {
        look(path);
        true
    });
}

/// The captured variables that a closure, or one inside it, assigns or fills, and where.
fn assigned(tree: &Tree<'_>, closure: &Closure) -> Vec<(String, Position)> {
    let (mut own, mut found, mut inner) = (BTreeSet::new(), Vec::new(), Vec::new());
    walk(tree, &closure.name, &mut |path| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::Var(of, ..))) => {
                own.insert(of.0.name.to_string());
            }
            Some(ASTNode::Stmt(Stmt::Assignment(of))) => found.extend(root(&of.1.lhs)),
            Some(ASTNode::Expr(Expr::Dot(of, ..) | Expr::Index(of, ..)))
                if method(&of.rhs).is_some_and(|call| FILLS.contains(&call.name.as_str())) =>
            {
                found.extend(root(&of.lhs));
            }
            _ => {}
        }
        // What parallel runs is looked at by itself.
        if !path.iter().filter_map(call_of).any(|outer| !outer.method && outer.call.name == "parallel") {
            inner.extend(closure_at(path));
        }
    });
    found.extend(inner.iter().flat_map(|closure| assigned(tree, closure)));
    found.retain(|(name, _)| closure.captured.contains(name) && !own.contains(name));
    found
}

/// The variable that a chain starts with.
fn root(expr: &Expr) -> Option<(String, Position)> {
    match expr {
        Expr::Dot(of, ..) | Expr::Index(of, ..) => root(&of.lhs),
        other => variable(other),
    }
}

#[cfg(test)]
mod tests {
    use crate::playbook::{Origin, Source};
    use crate::script::check::tree::Tree;

    /// The variables that it is said of, in order.
    fn lost(text: &str) -> Vec<String> {
        let mut engine = crate::script::engine::build();
        engine.set_strict_variables(false);
        let source = Source { name: "p.rhai".into(), text: text.into(), origin: Origin::Embedded };
        let ast = engine.compile(text).expect(text);
        let found = super::check(&Tree { source: &source, ast: &ast });
        found.iter().map(|f| f.error.message.split('"').nth(1).expect("a name").to_string()).collect()
    }

    #[test]
    fn what_a_closure_assigns_to_a_captured_variable_is_lost() {
        for closures in [
            "[|| n += 1]",
            "[|| { n = 2; }, || 1]",
            "[|| { if true { n[0].a = 2; } }]",
            "[|| n.push(1)]",
            "[|| n.a.push(1)]",
            "[|| n[0].a.push(1)]",
            "[|| [1].filter(|x| { n += x; true })]",
            "[1, 2].map(|x| || { n += x; })",
            "c",
            "jobs",
        ] {
            let text = format!(
                "let n = 0; let c = [|| n = 1]; let jobs = []; for i in 0..3 {{ let i = i; jobs.push(|| {{ n = i; }}); }} \
                 parallel({closures});"
            );
            assert_eq!(lost(&text), ["n"], "{closures}");
            let text =
                format!("fn f() {{ let n = 0; let c = [|| n = 1]; let jobs = [|| n = 2]; parallel({closures}) }}");
            assert_eq!(lost(&text), ["n"], "{closures}");
        }
        assert_eq!(lost("let n = 0; step(\"a\", #{}, |t| { n += 1; parallel([|| n = 1]); });"), ["n", "n"]);
    }

    #[test]
    fn what_a_closure_keeps_to_itself_and_what_others_run_is_not() {
        for text in [
            "let n = 0; let m = parallel([|| n + 1]); n = 2;",
            "let n = 0; parallel([|| { let n = n; n += 1; n }]);",
            "let n = 0; parallel([|| { let m = []; m.push(n); m }]);",
            "let n = 0; parallel([1].map(|x| { n += x; || x }));",
            "let n = 0; eventually(duration(\"1s\"), || { n += 1; n > 2 });",
            "let n = 0; step(\"a\", #{}, |t| { let m = 0; finally(|| { m = 1; }); });",
            "let n = []; parallel([|| n.len()]); n.push(1);",
            "let n = []; parallel([|| n.map(|x| [x]).push(1)]);",
            "let n = 0; let jobs = [|| n]; parallel(jobs); n = 1;",
        ] {
            assert_eq!(lost(text), [""; 0], "{text}");
        }
    }
}
