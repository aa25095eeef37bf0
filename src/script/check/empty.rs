//! Expectations of a condition that an empty list makes true, where nobody can know when it runs: `&&` and `||` are no
//! functions, and what their sides rest on ends with them.

use rhai::{ASTNode, Expr};

use super::tree::Tree;
use super::{Finding, Level, finding};

/// Methods whose answer of an empty list passes for a good one.
const OF_NONE: &[&str] = &["len", "is_empty", "all", "none", "find"];
/// The same where `!` stands before them.
const OF_NONE_NEGATED: &[&str] = &["any", "some", "contains"];

/// `expect(pods.none(…) && nodes.none(…), …)`
pub(super) fn check(tree: &Tree<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    tree.ast.walk(&mut |path| {
        let Some(ASTNode::Expr(Expr::FnCall(call, position))) = path.last() else { return true };
        if call.name != "expect" || !call.namespace.is_empty() {
            return true;
        }
        let Some(value) = call.args.first() else { return true };
        let (sign, rewrite) = match value {
            Expr::And(..) => ("&&", "write an expect for each: expect(a, \"…\").none(|x| …); expect(b, \"…\").none(|x| …)"),
            Expr::Or(..) => ("||", "expect(list, \"…\").or_none().none(|x| …) says that none is fine"),
            _ => return true,
        };
        let asked = |of: &dyn Fn(&Expr) -> bool| found(value, of);
        let empties = asked(&|e| called(e, OF_NONE))
            || asked(&|e| negation(e).is_some_and(|e| found(e, &|e| called(e, OF_NONE_NEGATED))));
        // `pods.len() > 0 && …` has looked.
        let looked = asked(&|e| {
            matches!(e, Expr::FnCall(c, _) if [">", ">=", "!="].contains(&c.name.as_str()) && found(e, &|e| called(e, &["len"])))
                || negation(e).is_some_and(|e| found(e, &|e| called(e, &["is_empty"])))
        });
        if empties && !looked {
            let message = format!("expect(… {sign} …) can pass over a list without items: nobody sees what its sides rest on");
            let mut wrong = finding(Level::Warning, tree.source, *position, message);
            wrong.error = wrong.error.hint(rewrite);
            findings.push(wrong);
        }
        true
    });
    findings
}

/// Whether the expression, or one in it, is such.
fn found(expr: &Expr, such: &dyn Fn(&Expr) -> bool) -> bool {
    let mut any = false;
    expr.walk(&mut Vec::new(), &mut |path| {
        any |= matches!(path.last(), Some(ASTNode::Expr(expr)) if such(expr));
        !any
    });
    any
}

fn called(expr: &Expr, names: &[&str]) -> bool {
    match expr {
        Expr::MethodCall(call, _) => names.contains(&call.name.as_str()),
        Expr::Property(property, _) => names.contains(&property.2.as_str()),
        _ => false,
    }
}

fn negation(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::FnCall(call, _) if call.name == "!" => call.args.first(),
        _ => None,
    }
}
