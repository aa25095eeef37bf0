//! `import "name"` (the standard library, the file on disk over the embedded one) and
//! `import "./path"` (relative to the importing file).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{
    AST, ASTNode, Engine, EvalAltResult, Expr, GlobalRuntimeState, Module, ModuleResolver, Position, Scope, Stmt,
};

use super::diagnose;
use crate::error::{Error, Kind, Place, Result, did_you_mean};
use crate::playbook::{Library, Source};

/// The texts that were loaded, by the name that positions carry.
pub type Sources = Arc<Mutex<HashMap<String, Source>>>;

/// Finds and compiles modules, each once; its copies know what each of them found.
#[derive(Debug, Clone)]
pub struct Resolver {
    library: Library,
    sources: Sources,
    compiled: Arc<Mutex<HashMap<String, AST>>>,
    /// What imports what, by name.
    imports: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
}

impl Resolver {
    /// A resolver over a library. What it loads is entered into `sources`.
    pub fn new(library: Library, sources: Sources) -> Self {
        Self { library, sources, compiled: Arc::default(), imports: Arc::default() }
    }

    /// The text that an import names.
    ///
    /// # Errors
    /// [`Kind::Playbook`] where there is none.
    pub fn find(&self, importer: Option<&str>, path: &str) -> Result<Source> {
        let relative =
            path.starts_with("./") || path.starts_with("../") || path.contains('/') || path.ends_with(".rhai");
        let importer = importer.and_then(|name| lock(&self.sources).get(name).cloned());
        let found = if relative { self.library.beside(importer.as_ref(), path)? } else { self.library.stdlib(path)? };
        let found = match found {
            None if !relative => self.library.beside(importer.as_ref(), path)?,
            found => found,
        };
        found.ok_or_else(|| {
            let names = self.library.stdlib_names();
            Error::new(Kind::Playbook, format!("no module \"{path}\" to import"))
                .maybe_hint(did_you_mean(path, names.iter().map(String::as_str)))
                .hint(format!("the standard library has {}; a file of yours is \"./name\"", names.join(", ")))
        })
    }

    /// The compiled module; an error without a place of its own gets that of the import.
    fn ast(&self, engine: &Engine, importer: Option<&str>, path: &str, at: Position) -> Result<AST> {
        let ast = self.compiled(engine, importer, path).map_err(|e| self.placed(e, importer, at))?;
        if let (Some(importer), Some(name)) = (importer, ast.source()) {
            lock(&self.imports).entry(importer.to_string()).or_default().insert(name.to_string());
        }
        Ok(ast)
    }

    /// An error with the place of the import, unless it has its own.
    fn placed(&self, error: Error, importer: Option<&str>, at: Position) -> Error {
        match (importer, at.line()) {
            (Some(file), Some(line)) if error.place.is_none() => {
                let source = lock(&self.sources).get(file).and_then(|s| s.text.lines().nth(line - 1).map(Into::into));
                error.at(Place { file: file.to_string(), line, column: at.position().unwrap_or(0), source })
            }
            _ => error,
        }
    }

    /// Every module that a compiled and evaluated text imports, itself or through another: also what the closures of
    /// its steps will import, which have not run yet. A module that can't be had is told when it is imported.
    pub fn modules(&self, engine: &Engine, ast: &AST) -> Vec<Source> {
        let mut found = BTreeSet::new();
        let mut open: Vec<AST> = vec![ast.clone()];
        while let Some(ast) = open.pop() {
            let Some(importer) = ast.source() else { continue };
            for path in imported(&ast) {
                let _ = self.ast(engine, Some(importer), &path, Position::NONE);
            }
            for name in lock(&self.imports).get(importer).into_iter().flatten() {
                if found.insert(name.clone()) {
                    open.extend(lock(&self.compiled).get(name).cloned());
                }
            }
        }
        let sources = lock(&self.sources);
        found.iter().filter_map(|name| sources.get(name).cloned()).collect()
    }

    fn compiled(&self, engine: &Engine, importer: Option<&str>, path: &str) -> Result<AST> {
        let source = self.find(importer, path)?;
        if let Some(ast) = lock(&self.compiled).get(&source.name) {
            return Ok(ast.clone());
        }
        lock(&self.sources).insert(source.name.clone(), source.clone());
        let mut ast = engine.compile(source.text.as_ref()).map_err(|e| diagnose::from_parse(&e, &source))?;
        ast.set_source(source.name.clone());
        lock(&self.compiled).insert(source.name.clone(), ast.clone());
        Ok(ast)
    }
}

/// The paths that a text imports, wherever the `import` stands.
fn imported(ast: &AST) -> Vec<String> {
    let mut paths = Vec::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last()
            && let Expr::StringConstant(path, _) = &import.0
        {
            paths.push(path.to_string());
        }
        true
    });
    paths
}

impl ModuleResolver for Resolver {
    fn resolve(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Result<Arc<Module>, Box<EvalAltResult>> {
        let ast = self.ast(engine, source, path, position)?;
        let _entered = Importing::enter(ast.source().unwrap_or(path)).map_err(|e| self.placed(e, source, position))?;
        Module::eval_ast_as_new(Scope::new(), &ast, engine).map(Arc::new)
    }

    fn resolve_raw(
        &self,
        engine: &Engine,
        global: &mut GlobalRuntimeState,
        scope: &mut Scope,
        path: &str,
        position: Position,
    ) -> Result<Arc<Module>, Box<EvalAltResult>> {
        let ast = self.ast(engine, global.source(), path, position)?;
        let _entered =
            Importing::enter(ast.source().unwrap_or(path)).map_err(|e| self.placed(e, global.source(), position))?;
        Module::eval_ast_as_new_raw(engine, scope, global, &ast).map(Arc::new)
    }

    fn resolve_ast(
        &self,
        engine: &Engine,
        source: Option<&str>,
        path: &str,
        position: Position,
    ) -> Option<Result<AST, Box<EvalAltResult>>> {
        Some(self.ast(engine, source, path, position).map_err(Into::into))
    }
}

thread_local! {
    /// The modules that are being imported on this thread, outermost first.
    static IMPORTING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A module whose import is under way, until it is dropped.
struct Importing;

impl Importing {
    /// Modules that import each other in a circle would do so for ever.
    fn enter(name: &str) -> Result<Self> {
        IMPORTING.with_borrow_mut(|stack| {
            if let Some(at) = stack.iter().position(|n| n == name) {
                let mut circle = stack[at..].to_vec();
                circle.push(name.to_string());
                return Err(Error::new(
                    Kind::Playbook,
                    format!("modules import each other in a circle: {}", circle.join(" → ")),
                )
                .hint("put what both need into a third module"));
            }
            stack.push(name.to_string());
            Ok(Self)
        })
    }
}

impl Drop for Importing {
    fn drop(&mut self) {
        IMPORTING.with_borrow_mut(|stack| {
            stack.pop();
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
