//! What a text imports, by path or by name, and the modules of the standard library that it uses without an import.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{ASTNode, Expr, Position, Stmt};

use super::names::{Functions, exported};
use super::tree::Tree;
use super::{Finding, Level, finding};
use crate::error::Result;
use crate::playbook::Source;
use crate::script::load::{Loader, namespaces};
use crate::script::resolver::Resolver;

/// `import "./helper" as h`
pub(super) struct Import {
    /// `h`
    pub(super) name: String,
    /// Where it stands.
    pub(super) at: Position,
    /// The module, or why it can't be had; none where the path is computed.
    pub(super) module: Option<Result<Source>>,
}

/// Every import of a text, wherever it stands.
pub(super) fn of(tree: &Tree<'_>, loader: &Loader) -> Vec<Import> {
    let resolver = Resolver::new(loader.library.clone(), loader.sources.clone());
    let mut found = Vec::new();
    tree.ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, position))) = path.last() {
            let at = if position.is_none() { import.0.position() } else { *position };
            let module = match &import.0 {
                Expr::StringConstant(module, _) => Some(resolver.find(Some(&tree.source.name), module)),
                _ => None,
            };
            found.push(Import { name: import.1.name.to_string(), at, module });
        }
        true
    });
    found
}

/// The functions behind every `import … as name`, and the names of imports that can't be had.
pub(super) fn functions(
    tree: &Tree<'_>,
    loader: &Loader,
    findings: &mut Vec<Finding>,
) -> (BTreeMap<String, Functions>, BTreeSet<String>) {
    let mut found: BTreeMap<String, Functions> = BTreeMap::new();
    let mut broken = BTreeSet::new();
    for import in of(tree, loader) {
        match import.module.map(|module| module.map(|source| loader.compile_or_all(&source).0)) {
            // Two steps may give two modules one name.
            Some(Ok(Some(ast))) => {
                let functions = found.entry(import.name).or_default();
                for (name, arities) in exported(&ast) {
                    functions.entry(name).or_default().extend(arities);
                }
            }
            // What is wrong in a module is told of the module.
            None | Some(Ok(None)) => drop(broken.insert(import.name)),
            Some(Err(error)) => {
                broken.insert(import.name);
                let mut at = finding(Level::Error, tree.source, import.at, error.message.clone());
                at.error.hints = error.hints;
                at.error.causes = error.causes;
                findings.push(at);
            }
        }
    }
    debug_assert!(namespaces(tree.ast).iter().all(|n| !n.is_empty()));
    (found, broken)
}

/// The texts that a text imports, and those of the standard library that it only names.
pub(super) fn modules(tree: &Tree<'_>, loader: &Loader) -> Vec<Source> {
    let imports = of(tree, loader);
    let own = |name: &String| imports.iter().any(|i| i.name == *name);
    let used = namespaces(tree.ast).into_iter().filter(|name| !own(name));
    let library: Vec<Source> = used.filter_map(|name| loader.library.stdlib(&name).ok().flatten()).collect();
    imports.into_iter().filter_map(|i| i.module?.ok()).chain(library).collect()
}
