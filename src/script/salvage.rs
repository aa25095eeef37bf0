//! What there is of a playbook that is broken: what ends its top level is told and left out, and the rest is evaluated,
//! so that one mistake hides no other.

use rhai::{AST, ParseErrorType, Scope};

use super::diagnose;
use super::left_out::LeftOut;
use super::load::{Loaded, Loader, once};
use crate::error::Error;
use crate::playbook::{PlaybookDecl, Source};

/// A playbook as far as it can be had, and why it is not whole.
#[derive(Debug)]
pub struct Salvaged {
    /// What could be evaluated; none where it does not parse, or declares no playbook.
    pub loaded: Option<Loaded>,
    /// What ended its evaluation, each time.
    pub ended: Vec<Error>,
    /// What is wrong with what it declares.
    pub declares: Vec<Error>,
}

impl Loader {
    /// Loads a playbook although it is broken. What follows from what was left out is not told.
    pub fn salvage(&self, source: &Source, clusters: &[String]) -> Salvaged {
        let (compiled, mut ended, undefined) = self.compile_or_all(source);
        let mut declares = Vec::new();
        let Some(whole) = compiled else { return Salvaged { loaded: None, ended, declares } };
        let mut left = LeftOut::of(self, source, undefined);
        let mut rest = whole.clone();
        let mut stand_in: Option<PlaybookDecl> = None;
        let mut loaded = loop {
            declares.clear();
            match self.gather(source, &rest, clusters, stand_in.as_ref(), &mut declares) {
                Ok(loaded) => break Some(loaded),
                Err(end) if stand_in.is_none() && end.error.message.ends_with("before playbook(…)") => {
                    ended.push(end.error);
                    stand_in = Some(in_place_of(source));
                }
                Err(end) => match left.cut(&rest, &end) {
                    Some(cut) => {
                        if !cut.follows {
                            ended.push(end.error);
                        }
                        if cut.playbook && stand_in.is_none() {
                            stand_in = Some(in_place_of(source));
                        }
                        rest = cut.rest;
                    }
                    None => {
                        ended.push(end.error);
                        break None;
                    }
                },
            }
        };
        declares.retain(|error| !left.follows(&whole, error));
        once(&mut ended);
        once(&mut declares);
        if let Some(loaded) = &mut loaded {
            loaded.ast = whole;
            declares.extend(left.put_back(loaded));
        }
        Salvaged { loaded, ended, declares }
    }

    /// Compiles a text, and tells everything that refuses it: each undefined variable by its first use, with the names
    /// of these. The tree is what is compiled with them defined.
    pub fn compile_or_all(&self, source: &Source) -> (Option<AST>, Vec<Error>, Vec<String>) {
        self.enter(source);
        let mut problems = Vec::new();
        let mut undefined = Vec::new();
        let mut scope = Scope::new();
        loop {
            match self.engine.compile_with_scope(&scope, source.text.as_ref()) {
                Ok(mut ast) => {
                    ast.set_source(source.name.clone());
                    return (Some(ast), problems, undefined);
                }
                Err(error) => {
                    problems.push(diagnose::from_parse(&error, source));
                    match error.err_type() {
                        // A function sees nothing of the scope, and is refused for the same name again.
                        ParseErrorType::VariableUndefined(name) if !scope.contains(name) => {
                            scope.push(name.clone(), ());
                            undefined.push(name.clone());
                        }
                        _ => return (None, problems, undefined),
                    }
                }
            }
        }
    }
}

/// What a text seems to declare that does not load: its playbook's id, and the names of its settings.
pub fn guessed(source: &Source) -> (String, Vec<String>) {
    let text = source.text.as_ref();
    let quoted = |after: &str| {
        let inside = after.trim_start().strip_prefix('"')?;
        Some(inside[..inside.find('"')?].to_string())
    };
    let id = text.split_once("playbook(").and_then(|(_, rest)| {
        let (_, value) = rest.split_once("id:")?;
        quoted(value)
    });
    let settings = text.split("setting(").skip(1).filter_map(quoted).collect();
    (id.unwrap_or_else(|| source.stem().to_string()), settings)
}

fn in_place_of(source: &Source) -> PlaybookDecl {
    PlaybookDecl { id: guessed(source).0, ..PlaybookDecl::default() }
}
