//! Finds functions of a jq filter that call themselves: jaq would go on until the stack is full, which ends the process.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::Part;

/// The call by which a function of the filter calls itself, directly or through one defined inside it; none
/// where there is none, and where the filter does not parse (compiling it says why).
pub(super) fn calls_itself(filter: &str) -> Option<&str> {
    let term = jaq_core::load::parse(filter, |parser| parser.term())?;
    let mut found = None;
    visit(&term, &[], &mut found);
    found
}

/// A name and its number of arguments that calls of it in a term mean; `recursive` where that is a function around it.
#[derive(Clone, Copy)]
struct Name<'s> {
    name: &'s str,
    arity: usize,
    recursive: bool,
}

fn definition<'s>(def: &Def<&'s str>, around: &[Name<'s>], found: &mut Option<&'s str>) {
    let mut inside = around.to_vec();
    inside.push(Name { name: def.name, arity: def.args.len(), recursive: true });
    inside.extend(def.args.iter().map(|name| Name { name, arity: 0, recursive: false }));
    visit(&def.body, &inside, found);
}

fn visit<'s>(term: &Term<&'s str>, around: &[Name<'s>], found: &mut Option<&'s str>) {
    if found.is_some() {
        return;
    }
    let mut each = |terms: &mut dyn Iterator<Item = &Term<&'s str>>| {
        terms.for_each(|term| visit(term, around, found));
    };
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) | Term::Arr(None) => {}
        Term::Str(_, parts) => each(&mut parts.iter().filter_map(|part| match part {
            StrPart::Term(term) => Some(term),
            StrPart::Str(_) | StrPart::Char(_) => None,
        })),
        Term::Arr(Some(term)) | Term::Neg(term) | Term::Label(_, term) => each(&mut std::iter::once(&**term)),
        Term::Obj(fields) => each(&mut fields.iter().flat_map(|(key, value)| std::iter::once(key).chain(value))),
        Term::BinOp(left, operator, right) => {
            let mut keys = Vec::new();
            if let BinaryOp::Pipe(Some(pattern)) = operator {
                patterns(pattern, &mut keys);
            }
            each(&mut [&**left, &**right].into_iter().chain(keys));
        }
        Term::Fold(_, over, pattern, parts) => {
            let mut keys = Vec::new();
            patterns(pattern, &mut keys);
            each(&mut std::iter::once(&**over).chain(keys).chain(parts));
        }
        Term::TryCatch(tried, caught) => each(&mut std::iter::once(&**tried).chain(caught.as_deref())),
        Term::IfThenElse(branches, otherwise) => {
            each(&mut branches.iter().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref()));
        }
        Term::Def(defs, rest) => {
            let mut names = around.to_vec();
            for def in defs {
                definition(def, &names, found);
                names.push(Name { name: def.name, arity: def.args.len(), recursive: false });
            }
            visit(rest, &names, found);
        }
        Term::Call(name, args) => {
            let meant = around.iter().rev().find(|known| known.name == *name && known.arity == args.len());
            if meant.is_some_and(|known| known.recursive) {
                *found = Some(name);
                return;
            }
            each(&mut args.iter());
        }
        Term::Path(head, path) => {
            each(&mut std::iter::once(&**head).chain(path.0.iter().flat_map(|(part, _)| match part {
                Part::Index(index) => vec![index],
                Part::Range(from, to) => from.iter().chain(to).collect(),
            })));
        }
    }
}

/// The terms by which a pattern names keys: `{(f): $x}`.
fn patterns<'p, 's>(pattern: &'p Pattern<&'s str>, keys: &mut Vec<&'p Term<&'s str>>) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(items) => items.iter().for_each(|item| patterns(item, keys)),
        Pattern::Obj(fields) => fields.iter().for_each(|(key, pattern)| {
            keys.push(key);
            patterns(pattern, keys);
        }),
    }
}
