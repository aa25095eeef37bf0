//! The texts that a playbook is made of: itself and the modules that it reaches, each compiled once.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rhai::AST;

use super::super::imports;
use super::super::tree::Tree;
use crate::playbook::Source;
use crate::script::load::{Loaded, Loader};

/// A function, or a closure.
#[derive(Debug)]
pub(super) struct Function {
    /// `anon$…` for a closure.
    pub(super) name: String,
    /// Those of a closure begin with what it captured.
    pub(super) params: Vec<String>,
    /// Its body, as a tree of its own: only whole trees can be walked.
    pub(super) tree: AST,
}

/// A text with its functions.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) source: Source,
    /// Its top level alone.
    pub(super) top: AST,
    /// By name and number of parameters; closures, too.
    pub(super) functions: HashMap<(String, usize), Rc<Function>>,
    /// `import "./helper" as h`
    imports: BTreeMap<String, Source>,
}

impl Unit {
    fn new(source: &Source, ast: &AST, loader: &Loader) -> Rc<Self> {
        let all = ast.clone_functions_only();
        let functions = ast.iter_functions().map(|known| {
            let (name, arity) = (known.name.to_string(), known.params.len());
            let mut tree = all.clone();
            tree.retain_functions(|_, _, of, params| of == name && params == arity);
            let params = known.params.iter().map(ToString::to_string).collect();
            ((name.clone(), arity), Rc::new(Function { name, params, tree }))
        });
        let functions = functions.collect();
        let mut top = ast.clone();
        top.clear_functions();
        let imports = imports::of(&Tree { source, ast }, loader);
        let imports = imports.into_iter().filter_map(|import| Some((import.name, import.module?.ok()?))).collect();
        Rc::new(Self { source: source.clone(), top, functions, imports })
    }

    /// The function of a closure, whatever the number of its parameters.
    pub(super) fn closure(&self, name: &str) -> Option<&Rc<Function>> {
        self.functions.iter().find(|((known, _), _)| known == name).map(|(_, function)| function)
    }
}

/// Every text that was reached.
#[derive(Debug)]
pub(super) struct Units<'a> {
    loader: &'a Loader,
    known: BTreeMap<String, Rc<Unit>>,
}

impl<'a> Units<'a> {
    pub(super) fn new(loader: &'a Loader) -> Self {
        Self { loader, known: BTreeMap::new() }
    }

    /// A playbook that was loaded.
    pub(super) fn playbook(&mut self, loaded: &Loaded) -> Rc<Unit> {
        let unit = Unit::new(&loaded.source, &loaded.ast, self.loader);
        self.known.insert(loaded.source.name.clone(), unit.clone());
        unit
    }

    /// The module that a text calls by this name: an import of its own, else one of the standard library.
    pub(super) fn module(&mut self, from: &Unit, name: &str) -> Option<Rc<Unit>> {
        let own = from.imports.get(name).cloned();
        let source = own.or_else(|| self.loader.library.stdlib(name).ok().flatten())?;
        self.source(&source)
    }

    /// The text of a file that was loaded.
    pub(super) fn file(&mut self, name: &str) -> Option<Rc<Unit>> {
        if let Some(unit) = self.known.get(name) {
            return Some(unit.clone());
        }
        let sources = self.loader.sources.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let source = sources.get(name).cloned();
        drop(sources);
        self.source(&source?)
    }

    fn source(&mut self, source: &Source) -> Option<Rc<Unit>> {
        if let Some(unit) = self.known.get(&source.name) {
            return Some(unit.clone());
        }
        let ast = self.loader.compile(source).ok()?;
        let unit = Unit::new(source, &ast, self.loader);
        self.known.insert(source.name.clone(), unit.clone());
        Some(unit)
    }
}
