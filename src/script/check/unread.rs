//! Settings that are declared and never read: whoever sets one believes that it does something.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, Position, Stmt};

use super::tree::{Tree, call_of};
use super::{Finding, Level, finding};

/// `let x = setting("x", …)` where nothing reads `x`, and nothing asks for the setting by its name.
pub(super) fn check(tree: &Tree<'_>) -> Vec<Finding> {
    let mut declared: Vec<(String, String, Position)> = Vec::new();
    for stmt in tree.ast.statements() {
        if let Stmt::Var(of, _, position) = stmt
            && let Expr::FnCall(call, _) = &of.1
            && call.name == "setting"
            && let Some(Expr::StringConstant(setting, _)) = call.args.first()
            && !of.0.name.starts_with('_')
        {
            let at = if of.0.pos.is_none() { *position } else { of.0.pos };
            declared.push((of.0.name.to_string(), setting.to_string(), at));
        }
    }
    let mut read = BTreeSet::new();
    let mut asked = BTreeSet::new();
    let mut computed = false;
    tree.ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(Expr::Variable(of, ..))) => {
                read.insert(of.1.to_string());
            }
            Some(ASTNode::Stmt(Stmt::Export(of, _))) => {
                read.insert(of.0.name.to_string());
            }
            Some(node) => {
                // `t.setting("x")`, `t.cluster("infra").setting("x")`
                if let Some(found) = call_of(node)
                    && found.method
                    && found.call.name == "setting"
                {
                    match found.call.args.first() {
                        Some(Expr::StringConstant(name, _)) => {
                            asked.insert(name.to_string());
                        }
                        _ => computed = true,
                    }
                }
            }
            None => {}
        }
        true
    });
    let unread =
        |(name, setting, _): &(String, String, Position)| !computed && !read.contains(name) && !asked.contains(setting);
    let told = declared.into_iter().filter(unread).map(|(name, setting, position)| {
        let message = format!("nothing reads the setting \"{setting}\": setting it changes nothing");
        let mut found = finding(Level::Warning, tree.source, position, message);
        found.error =
            found.error.hint(format!("use {name} in a step, or take it out; _{name} says that it is meant so"));
        found
    });
    told.collect()
}
