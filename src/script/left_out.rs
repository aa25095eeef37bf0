//! Statements of a top level that end it: they are left out, with what is known of what they would have declared.

use std::collections::BTreeSet;

use rhai::{AST, ASTNode, Dynamic, Expr, FnCallExpr, Position, Stmt};

use super::load::{Ended, Loaded, Loader};
use crate::error::{Error, Place};
use crate::event::Effect;
use crate::playbook::{On, Source, StepDecl};

/// What was left out of one text.
pub(super) struct LeftOut<'a> {
    source: &'a Source,
    /// A module that can be imported in place of one that can't: the tree counts imports.
    module: Option<String>,
    /// The places of the statements.
    cut: BTreeSet<(usize, usize)>,
    /// Variables and modules whose values are missing, or may be wrong.
    missing: BTreeSet<String>,
    steps: Vec<StepDecl>,
    settings: Vec<String>,
    /// Whether it may have declared more than is written out.
    unknown: bool,
}

/// A tree without one more statement.
pub(super) struct Cut {
    pub(super) rest: AST,
    /// Whether the statement failed for want of what was left out before.
    pub(super) follows: bool,
    /// Whether it declared the playbook.
    pub(super) playbook: bool,
}

impl<'a> LeftOut<'a> {
    /// Nothing so far; `undefined` are variables that there are not.
    pub(super) fn of(loader: &Loader, source: &'a Source, undefined: Vec<String>) -> Self {
        let fine = |name: &String| {
            let module = loader.library.stdlib(name).ok().flatten();
            module.is_some_and(|module| loader.compile(&module).is_ok())
        };
        let module = loader.library.stdlib_names().into_iter().find(fine);
        Self {
            source,
            module,
            cut: BTreeSet::new(),
            missing: undefined.into_iter().collect(),
            steps: Vec::new(),
            settings: Vec::new(),
            unknown: false,
        }
    }

    /// Leaves out the statement that ended the evaluation; none where it can't be told, or was left out already.
    pub(super) fn cut(&mut self, ast: &AST, ended: &Ended) -> Option<Cut> {
        let mut statements = ast.statements().to_vec();
        let own = |place: &&Place| place.file == self.source.name && place.line > 0;
        let at = match (ended.at.line(), ended.error.place.as_ref().filter(own)) {
            (Some(line), _) => statement(&statements, (line, ended.at.position().unwrap_or(0))),
            (None, Some(place)) => statement(&statements, (place.line, place.column)),
            // A module that can't be imported is told at a place of its own.
            (None, None) => None,
        };
        let import = |s: &Stmt| matches!(s, Stmt::Import(..)) && !self.cut.contains(&begin(s));
        let at = at.or_else(|| statements.iter().position(import))?;
        let stmt = statements[at].clone();
        if !self.cut.insert(begin(&stmt)) {
            return None;
        }
        let follows = self.wants(&stmt);
        let playbook = self.note(ast, &stmt);
        statements[at] = self.stub(stmt);
        let mut rest = AST::new(statements, ast.shared_lib().clone());
        rest.set_source(self.source.name.clone());
        self.spread(&rest);
        Some(Cut { rest, follows, playbook })
    }

    /// Whether a problem is of a statement that lacks something.
    pub(super) fn follows(&self, ast: &AST, error: &Error) -> bool {
        let Some(place) = error.place.as_ref().filter(|p| p.file == self.source.name) else { return false };
        // Keys are written out, whatever becomes of the values.
        if error.message.contains(": unknown option ") {
            return false;
        }
        let at = statement(ast.statements(), (place.line, place.column));
        at.is_some_and(|at| self.wants(&ast.statements()[at]))
    }

    /// Adds what is written out in what was left out; gives what is wrong with it.
    pub(super) fn put_back(self, loaded: &mut Loaded) -> Vec<Error> {
        let id = loaded.info.id.clone();
        for name in self.settings {
            loaded.values.push(((id.clone(), None, name), Dynamic::UNIT));
        }
        let problems = self.steps.iter().flat_map(StepDecl::problems).collect();
        let steps = loaded.declared.steps.entry(None).or_default();
        steps.extend(self.steps);
        if self.unknown {
            loaded.whole = false;
            let known: BTreeSet<String> = steps.iter().map(|s| s.id.clone()).collect();
            let short = |need: &str| need.split('@').next().unwrap_or_default().to_string();
            for step in loaded.declared.steps.values_mut().flatten() {
                step.needs.retain(|n| n.contains('/') || known.contains(&short(n)));
            }
        }
        problems
    }

    /// Whether a statement reads what is missing; what its closures read is read later.
    fn wants(&self, stmt: &Stmt) -> bool {
        let mut found = false;
        names(stmt, &mut |name| found |= self.missing.contains(name));
        found
    }

    /// Notes what a statement binds and declares. Whether it declares the playbook.
    fn note(&mut self, ast: &AST, stmt: &Stmt) -> bool {
        match stmt {
            Stmt::Var(bound, ..) => {
                self.missing.insert(bound.0.name.to_string());
            }
            Stmt::Import(import, _) => {
                self.missing.insert(import.1.name.to_string());
            }
            // Declaring alone changes no variable.
            Stmt::FnCall(call, _) if ["step", "setting", "playbook"].contains(&call.name.as_str()) => {}
            other => names(other, &mut |name| {
                self.missing.insert(name.to_string());
            }),
        }
        let mut playbook = false;
        stmt.walk(&mut Vec::new(), &mut |path| {
            let call = match path.last() {
                Some(ASTNode::Expr(Expr::FnCall(call, position)) | ASTNode::Stmt(Stmt::FnCall(call, position))) => {
                    (call, *position)
                }
                _ => return true,
            };
            let literal = call.0.args.first().and_then(text);
            match (call.0.name.as_str(), literal) {
                ("playbook", _) => playbook = true,
                ("step", Some(id)) => self.steps.push(self.step(id, call.0, call.1)),
                ("setting", Some(name)) => self.settings.push(name),
                ("step" | "setting", None) => self.unknown = true,
                (name, _) => self.unknown |= ast.iter_functions().any(|f| f.name == name),
            }
            true
        });
        // What a loop declares, it declares under names that are made.
        self.unknown |= matches!(stmt, Stmt::For(..) | Stmt::While(..) | Stmt::Do(..));
        playbook
    }

    /// A step as far as its options are written out.
    fn step(&self, id: String, call: &FnCallExpr, position: Position) -> StepDecl {
        let options = match call.args.get(1) {
            Some(Expr::Map(map, _)) => map.0.as_slice(),
            _ => &[],
        };
        let value = |key: &str| options.iter().find(|(ident, _)| ident.name == key).map(|(_, value)| value);
        let one = |key: &str| value(key).and_then(text);
        let list = |key: &str| match value(key) {
            Some(Expr::Array(items, _)) => items.iter().filter_map(text).collect(),
            _ => Vec::new(),
        };
        let line = position.line().unwrap_or(0);
        StepDecl {
            title: one("title").unwrap_or_else(|| id.clone()),
            covers: list("covers"),
            priority: one("priority").unwrap_or_else(|| "P1".into()),
            on: On::parse(&one("on").unwrap_or_else(|| "each cluster".into())),
            effect: one("effect").and_then(|word| Effect::parse(&word)).unwrap_or(Effect::Read),
            timeout: None,
            retry: None,
            needs: list("needs"),
            alone: false,
            guarded: false,
            later: None,
            manual: None,
            risk: one("risk"),
            if_fails: Vec::new(),
            has_body: true,
            place: Place {
                file: self.source.name.clone(),
                line,
                column: position.position().unwrap_or(0),
                source: line.checked_sub(1).and_then(|at| self.source.text.lines().nth(at)).map(Into::into),
            },
            id,
        }
    }

    /// What stands where a statement stood: it binds the same names, since the tree counts variables and imports.
    fn stub(&self, stmt: Stmt) -> Stmt {
        match stmt {
            Stmt::Var(mut bound, flags, position) => {
                bound.1 = Expr::Unit(position);
                Stmt::Var(bound, flags, position)
            }
            Stmt::Import(mut import, position) if self.module.is_some() => {
                let module = self.module.clone().unwrap_or_default();
                import.0 = Expr::StringConstant(module.into(), import.0.position());
                Stmt::Import(import, position)
            }
            other => Stmt::Noop(other.position()),
        }
    }

    /// A variable that is made of what is missing is missing, too.
    fn spread(&mut self, ast: &AST) {
        for stmt in ast.statements() {
            if let Stmt::Var(bound, ..) = stmt
                && self.wants(stmt)
            {
                self.missing.insert(bound.0.name.to_string());
            }
        }
    }
}

/// The statement in which a place is: the last that does not begin after it.
fn statement(statements: &[Stmt], at: (usize, usize)) -> Option<usize> {
    statements.iter().rposition(|stmt| begin(stmt) <= at)
}

fn begin(stmt: &Stmt) -> (usize, usize) {
    let at = stmt.position();
    (at.line().unwrap_or(0), at.position().unwrap_or(0))
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::StringConstant(text, _) => Some(text.to_string()),
        _ => None,
    }
}

/// The variables and modules that a statement reads, those that closures capture left out.
fn names(stmt: &Stmt, found: &mut dyn FnMut(&str)) {
    stmt.walk(&mut Vec::new(), &mut |path| {
        let captured = |node: &ASTNode<'_>| {
            matches!(node, ASTNode::Expr(Expr::Stmt(block)) if block.iter().any(|s| matches!(s, Stmt::Share(..))))
        };
        let (last, around) = path.split_last().map_or((None, path as &[_]), |(last, around)| (Some(last), around));
        if around.iter().any(captured) {
            return true;
        }
        match last {
            Some(ASTNode::Expr(Expr::Variable(variable, ..))) => {
                found(if variable.2.is_empty() { variable.1.as_str() } else { variable.2.root() });
            }
            Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)))
                if !call.namespace.is_empty() =>
            {
                found(call.namespace.root());
            }
            _ => {}
        }
        true
    });
}
