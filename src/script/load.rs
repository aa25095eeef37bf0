//! From a playbook's text to its declarations and closures: compiled once, its top level evaluated
//! without a cluster and once for each cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use rhai::{AST, ASTNode, Engine, Expr, Position, Scope};

use super::declare::{Body, Declarations, Resolve, declaring};
use super::diagnose;
use super::resolver::{Resolver, Sources};
use crate::error::{Error, Kind, Result};
use crate::event::{PlaybookInfo, SettingInfo};
use crate::host::world::SettingKey;
use crate::playbook::plan::Declared;
use crate::playbook::{Library, PlaybookDecl, Source};

/// A loaded playbook.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What reports say of it.
    pub info: PlaybookInfo,
    /// What it declares, as data.
    pub declared: Declared,
    /// The closures, by cluster and step id.
    pub bodies: BTreeMap<(Option<String>, String), Body>,
    /// The settings, by cluster (`None`: without one).
    pub settings: BTreeMap<Option<String>, Vec<SettingInfo>>,
    /// The settings' values as scripts see them.
    pub values: Vec<(SettingKey, rhai::Dynamic)>,
    /// The text.
    pub source: Source,
    /// The modules that it imports, by name.
    pub modules: Vec<Source>,
    /// The compiled text, for `pb check`.
    pub ast: AST,
    /// Whether these are all of its steps: `pb check` also looks at what is left of a broken playbook.
    pub whole: bool,
}

/// What ended an evaluation, and where the top level was then.
pub(super) struct Ended {
    pub(super) error: Error,
    pub(super) at: Position,
}

/// What stands in for what a broken playbook lacks.
#[derive(Debug, Default)]
pub(super) struct StandIns {
    /// Its declaration.
    pub(super) playbook: Option<PlaybookDecl>,
    /// Variables that there are not, whose value is `()`.
    pub(super) undefined: Vec<String>,
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self { error, at: Position::NONE }
    }
}

impl Loaded {
    /// The settings' values without a cluster, by name.
    pub fn values_of_none(&self) -> impl Iterator<Item = (&str, &rhai::Dynamic)> {
        self.values
            .iter()
            .filter(|((_, cluster, _), _)| cluster.is_none())
            .map(|((_, _, name), value)| (name.as_str(), value))
    }
}

/// Why a playbook does not load.
#[derive(Debug)]
pub struct Wrong {
    /// What is wrong with its options and settings.
    pub declares: Vec<Error>,
    /// What ended parsing or evaluating it.
    pub ended: Option<Error>,
}

impl Wrong {
    /// Everything, in the order in which it was found.
    pub fn all(self) -> Vec<Error> {
        self.declares.into_iter().chain(self.ended).collect()
    }

    fn first(self) -> Error {
        let first = self.all().into_iter().next();
        first.unwrap_or_else(|| Error::new(Kind::Playbook, "the playbook does not load"))
    }
}

/// An engine with a library: what compiles and evaluates playbooks.
pub struct Loader {
    /// The engine, shared by every thread.
    pub engine: Arc<Engine>,
    /// Where texts are found.
    pub library: Library,
    /// What was loaded, by the name that positions carry.
    pub sources: Sources,
    resolver: Resolver,
    resolve: Arc<Resolve>,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("library", &self.library).finish_non_exhaustive()
    }
}

impl Loader {
    /// A loader; `resolve` gives settings their values.
    pub fn new(library: Library, resolve: Arc<Resolve>) -> Self {
        let sources = Sources::default();
        let mut engine = super::engine::build();
        // Strict variables refuse a module that nobody imported, while parsing. The library's are
        // imported when they are used (see `with_stdlib`): an empty one of the name lets them pass.
        for name in library.stdlib_names() {
            engine.register_static_module(name, rhai::Module::new().into());
        }
        let resolver = Resolver::new(library.clone(), sources.clone());
        engine.set_module_resolver(resolver.clone());
        Self { engine: Arc::new(engine), library, sources, resolver, resolve }
    }

    /// Enters a text, so that what it imports is found beside it and errors can quote its lines.
    pub fn enter(&self, source: &Source) {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(source.name.clone(), source.clone());
    }

    /// Compiles a text.
    ///
    /// # Errors
    /// [`Kind::Playbook`] with the place, the line and a caret.
    pub fn compile(&self, source: &Source) -> Result<AST> {
        self.enter(source);
        let mut ast = self.engine.compile(source.text.as_ref()).map_err(|e| diagnose::from_parse(&e, source))?;
        ast.set_source(source.name.clone());
        Ok(ast)
    }

    /// Compiles a playbook and evaluates its top level: without a cluster, and for each of `clusters`.
    ///
    /// # Errors
    /// [`Kind::Playbook`]: it does not parse, its top level throws, or it declares wrongly; the first
    /// of [`Wrong`].
    pub fn load(&self, source: &Source, clusters: &[String]) -> Result<Loaded> {
        self.load_or_all(source, clusters).map_err(Wrong::first)
    }

    /// As [`load`](Self::load), with everything that is wrong.
    ///
    /// # Errors
    /// All that is wrong with what it declares, and what ended it.
    pub fn load_or_all(&self, source: &Source, clusters: &[String]) -> Result<Loaded, Wrong> {
        let mut declares: Vec<Error> = Vec::new();
        let compiled = self.compile(source).map_err(Ended::from);
        let loaded = compiled.and_then(|ast| self.gather(source, &ast, clusters, &StandIns::default(), &mut declares));
        once(&mut declares);
        match loaded {
            Ok(loaded) if declares.is_empty() => Ok(loaded),
            loaded => Err(Wrong { declares, ended: loaded.err().map(|ended| ended.error) }),
        }
    }

    /// Whether a text is a module for playbooks beside it: it has functions, and its top level
    /// declares nothing. A text that does not parse is none.
    pub fn is_module(&self, source: &Source) -> bool {
        let Ok(ast) = self.engine.compile(source.text.as_ref()) else { return false };
        let declares = ast.statements().iter().any(|stmt| {
            // A walk that was ended by its visitor says so.
            !stmt.walk(&mut Vec::new(), &mut |path| {
                let call = match path.last() {
                    Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(rhai::Stmt::FnCall(call, _))) => call,
                    _ => return true,
                };
                !["playbook", "step"].contains(&call.name.as_str())
            })
        });
        !declares && ast.iter_functions().any(|f| !f.name.starts_with("anon$"))
    }

    /// The known playbooks, without the modules that lie beside them.
    ///
    /// # Errors
    /// [`Kind::Io`] where a file can't be read.
    pub fn playbooks(&self) -> Result<Vec<Source>> {
        let mut found = self.library.playbooks()?;
        found.retain(|s| !self.is_module(s));
        Ok(found)
    }

    /// Evaluates a compiled playbook.
    pub(super) fn gather(
        &self,
        source: &Source,
        ast: &AST,
        clusters: &[String],
        stand_ins: &StandIns,
        problems: &mut Vec<Error>,
    ) -> Result<Loaded, Ended> {
        let whole = self.with_stdlib(ast)?;
        let mut declared = Declared::default();
        let mut bodies = BTreeMap::new();
        let mut settings = BTreeMap::new();
        let mut values = Vec::new();
        for scope in std::iter::once(None).chain(clusters.iter().cloned().map(Some)) {
            let found = self.evaluate(&whole, scope.as_deref(), stand_ins, problems)?;
            let playbook = found.playbook.ok_or_else(|| no_playbook(source))?;
            if scope.is_none() {
                declared.playbook = playbook;
            }
            for (name, value) in found.values {
                values.push(((declared.playbook.id.clone(), scope.clone(), name), value));
            }
            let mut steps = Vec::new();
            for (decl, body) in found.steps {
                bodies.insert((scope.clone(), decl.id.clone()), body);
                steps.push(decl);
            }
            declared.steps.insert(scope.clone(), steps);
            settings.insert(scope, found.settings);
        }
        let PlaybookDecl { id, title, .. } = declared.playbook.clone();
        let info = PlaybookInfo {
            id,
            title,
            path: source.name.clone(),
            sha256: source.sha256(),
            source: source.origin_word().into(),
        };
        let modules = self.resolver.modules(&self.engine, &whole);
        let (source, ast) = (source.clone(), ast.clone());
        Ok(Loaded { info, declared, bodies, settings, values, source, modules, ast, whole: true })
    }

    fn evaluate(
        &self,
        ast: &AST,
        cluster: Option<&str>,
        stand_ins: &StandIns,
        problems: &mut Vec<Error>,
    ) -> Result<Declarations, Ended> {
        let sources = self.sources.clone();
        let lines = move |file: &str, line: usize| line_of(&sources, file, line);
        let mut scope = Scope::new();
        for name in &stand_ins.undefined {
            scope.push(name.clone(), ());
        }
        let evaluate = || self.engine.eval_ast_with_scope::<rhai::Dynamic>(&mut scope, ast);
        let (result, mut found) =
            declaring(cluster, stand_ins.playbook.as_ref(), self.resolve.clone(), lines, evaluate);
        // Whatever a top level throws, the playbook is wrong: nothing was looked at yet.
        let of_playbook = |mut error: Error| {
            if error.kind != Kind::Config && error.kind != Kind::Cancelled {
                error.kind = Kind::Playbook;
            }
            error
        };
        problems.extend(found.problems.drain(..).map(of_playbook));
        result.map(|_| found).map_err(|error| {
            let at = error.position();
            let mut error = diagnose::from_rhai(&error, ast.source());
            diagnose::add_source(&mut error, &self.sources);
            Ended { error: of_playbook(error), at }
        })
    }

    /// The playbook with the modules of the standard library that it names put before it, so that
    /// `bgp::routes` needs no `import`; an import of the playbook's own comes later and wins.
    ///
    /// # Errors
    /// [`Kind::Io`] where a module can't be read.
    pub fn with_stdlib(&self, ast: &AST) -> Result<AST> {
        let names = self.library.stdlib_names();
        let mut used = namespaces(ast);
        // What those call in turn, as far as their texts tell.
        let mut open: Vec<String> = used.iter().filter(|name| names.contains(name)).cloned().collect();
        while let Some(name) = open.pop() {
            let Some(source) = self.library.stdlib(&name)? else { continue };
            let further = names.iter().filter(|other| source.text.contains(&format!("{other}::")));
            open.extend(further.filter(|other| used.insert((*other).to_string())).cloned().collect::<Vec<_>>());
        }
        let prelude: String =
            names.iter().filter(|n| used.contains(*n)).map(|n| format!("import \"{n}\" as {n};")).collect();
        if prelude.is_empty() {
            return Ok(ast.clone());
        }
        let prelude = self
            .engine
            .compile(&prelude)
            .map_err(|e| Error::new(Kind::Playbook, format!("the standard library can't be imported: {e}")))?;
        let mut whole = prelude.merge(ast);
        if let Some(source) = ast.source() {
            whole.set_source(source);
        }
        Ok(whole)
    }
}

/// Each once: every cluster's evaluation says the same again.
pub(super) fn once(errors: &mut Vec<Error>) {
    let mut told = std::collections::BTreeSet::new();
    errors.retain(|e| told.insert((e.place.as_ref().map(ToString::to_string), e.message.clone())));
}

/// The first part of every `a::b` in a compiled text, and of every name used as a variable through one.
pub fn namespaces(ast: &AST) -> std::collections::BTreeSet<String> {
    let mut used = std::collections::BTreeSet::new();
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _))) if !call.namespace.is_empty() => {
                used.insert(call.namespace.root().to_string());
            }
            Some(ASTNode::Stmt(rhai::Stmt::FnCall(call, _))) if !call.namespace.is_empty() => {
                used.insert(call.namespace.root().to_string());
            }
            Some(ASTNode::Expr(Expr::Variable(variable, ..))) if !variable.2.is_empty() => {
                used.insert(variable.2.root().to_string());
            }
            _ => {}
        }
        true
    });
    used
}

/// A line of a loaded text.
pub fn line_of(sources: &Sources, file: &str, line: usize) -> Option<String> {
    let sources = sources.lock().unwrap_or_else(PoisonError::into_inner);
    sources.get(file)?.text.lines().nth(line.checked_sub(1)?).map(Into::into)
}

fn no_playbook(source: &Source) -> Error {
    Error::new(Kind::Playbook, format!("{} declares no playbook", source.name))
        .hint("its first lines should be: playbook(#{ id: \"…\", title: \"…\" });")
}
