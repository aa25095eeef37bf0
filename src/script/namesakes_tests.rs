//! No two texts that a step may use call functions of their own by one name and as many parameters.
//!
//! Rhai keeps what a call without a module's name has led to for as long as a step's closure runs, and does not ask in
//! which module it stands: a second module's call of that form would end in the first one's function.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTNode, Expr, Stmt};

use super::load::Loader;
use super::settings;
use crate::config::Config;
use crate::playbook::{Library, Origin, Source};

/// The functions of a text that it calls by their bare names: name and number of parameters.
fn own_calls(ast: &AST) -> BTreeSet<(String, usize)> {
    let own: BTreeSet<(String, usize)> =
        ast.iter_functions().map(|function| (function.name.to_owned(), function.params.len())).collect();
    let mut found = BTreeSet::new();
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) = path.last()
            && call.op_token.is_none()
            && call.namespace.is_empty()
        {
            found.insert((call.name.to_string(), call.args.len()));
        }
        true
    });
    found.retain(|call| own.contains(call));
    found
}

/// Who calls what, where more than one does.
fn namesakes(loader: &Loader, sources: &[Source]) -> Vec<String> {
    let mut callers: BTreeMap<(String, usize), Vec<&str>> = BTreeMap::new();
    for source in sources {
        let ast = loader.compile(source).unwrap_or_else(|e| panic!("{}: {e}", source.name));
        for call in own_calls(&ast) {
            callers.entry(call).or_default().push(&source.name);
        }
    }
    // Playbooks don't use each other.
    callers.retain(|_, by| by.len() > 1 && by.iter().any(|name| name.starts_with("stdlib/")));
    callers.iter().map(|((name, count), by)| format!("{name} with {count} parameters: {}", by.join(", "))).collect()
}

fn loader() -> (Library, Loader, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let library = Library::new(dir.path(), dir.path());
    let config = Config { dir: dir.path().into(), ..Config::default() };
    let loader = Loader::new(library.clone(), settings::from_config(config.into()));
    (library, loader, dir)
}

#[test]
fn no_two_modules_have_calls_that_rhai_takes_for_one() {
    let (library, loader, _dir) = loader();
    let mut sources = library.playbooks().expect("playbooks");
    sources.extend(library.stdlib_names().iter().filter_map(|name| library.stdlib(name).expect("a module")));
    assert!(sources.len() > 20, "{}", sources.len());
    let found = namesakes(&loader, &sources);
    assert!(found.is_empty(), "give one of them another name, or call it by another:\n{}", found.join("\n"));
}

#[test]
fn such_calls_are_found() {
    let (_, loader, _dir) = loader();
    let text = |name: &str, text: &str| Source { name: name.into(), text: text.into(), origin: Origin::Embedded };
    let a = text("stdlib/a.rhai", "fn f(x) { g(x, 1) }\nfn g(x, y) { x }\n");
    let b = text("stdlib/b.rhai", "fn h(x) { [1].map(|n| g(x, n)) }\nfn g(x, y) { y }\nfn f(x) { x }\n");
    let c = text("stdlib/c.rhai", "import \"a\" as a;\nfn h(x) { a::g(x, 1) }\nfn g(x, y) { y }\n");
    assert_eq!(namesakes(&loader, &[a, b, c]), ["g with 2 parameters: stdlib/a.rhai, stdlib/b.rhai"]);
}
