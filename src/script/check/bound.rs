//! The names that a text binds itself: variables, parameters, keys of maps.

use std::collections::BTreeSet;

use rhai::{ASTNode, Expr, Stmt};

use super::tree::{Tree, captures};

/// Names that a text binds itself.
#[derive(Default)]
pub(super) struct Names {
    /// Keys of map literals: `#{ check: |x| … }` may be called as `m.check(x)`.
    pub(super) keys: BTreeSet<String>,
    /// Variables that are given a closure.
    pub(super) closures: BTreeSet<String>,
    /// Variables, those of loops and the parameters of closures and functions.
    pub(super) variables: BTreeSet<String>,
}

impl Names {
    pub(super) fn of(tree: &Tree<'_>) -> Self {
        let mut names = Self::default();
        let parameters = tree.ast.iter_functions().flat_map(|f| f.params.into_iter().map(ToString::to_string));
        names.variables.extend(parameters.filter(|name| !name.contains('$')));
        tree.ast.walk(&mut |path| {
            match path.last() {
                Some(ASTNode::Expr(Expr::Map(map, _))) => {
                    names.keys.extend(map.0.iter().map(|(ident, _)| ident.name.to_string()));
                }
                Some(ASTNode::Stmt(Stmt::Var(var, ..))) => {
                    names.variables.insert(var.0.name.to_string());
                    if captures(&var.1).is_some() {
                        names.closures.insert(var.0.name.to_string());
                    }
                }
                Some(ASTNode::Stmt(Stmt::For(of, _))) => {
                    names.variables.insert(of.0.name.to_string());
                    names.variables.extend(of.1.as_ref().map(|second| second.name.to_string()));
                }
                _ => {}
            }
            true
        });
        names
    }
}
