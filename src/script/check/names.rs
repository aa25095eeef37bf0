//! Every function name and number of arguments, against what scripts can call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rhai::{FnAccess, Position};

use super::bound::Names;
use super::tree::{Tree, call_of};
use super::{Finding, Level, finding, imports};
use crate::error::{Error, Kind, Result, did_you_mean, nearest};
use crate::host::Function;
use crate::script::load::Loader;

/// Functions by name, with the numbers of arguments that they take (a receiver counts).
pub(super) type Functions = HashMap<String, BTreeSet<usize>>;

/// Words that Rhai itself answers, whatever stands in the parentheses.
const KEYWORDS: &[&str] = &[
    "call",
    "curry",
    "Fn",
    "eval",
    "print",
    "debug",
    "type_of",
    "is_def_var",
    "is_def_fn",
    "is_shared",
    "this",
    "exit",
];

/// What scripts can call.
#[derive(Debug)]
pub(super) struct Known {
    global: Functions,
    modules: BTreeMap<String, Functions>,
    /// Modules of the standard library that do not compile: nobody knows what they have.
    broken: BTreeSet<String>,
    /// Host calls by their name as a script writes it at top level: `kube`, `dns::lookup`.
    pub(super) host: BTreeSet<String>,
    /// The rows of the host's functions.
    pub(super) rows: Vec<Function>,
}

impl Known {
    pub(super) fn of(loader: &Loader) -> Result<Self> {
        let unreadable =
            |e: &dyn std::fmt::Display| Error::new(Kind::Playbook, "Rhai's list of functions can't be read").because(e);
        let json = loader.engine.gen_fn_metadata_to_json(true).map_err(|e| unreadable(&e))?;
        let all: serde_json::Value = serde_json::from_str(&json).map_err(|e| unreadable(&e))?;
        let mut global = Functions::new();
        collect(&all["functions"], &mut global);
        let mut modules = BTreeMap::new();
        for (name, module) in all["modules"].as_object().into_iter().flatten() {
            let mut functions = Functions::new();
            collect(&module["functions"], &mut functions);
            modules.insert(name.clone(), functions);
        }
        let mut broken = BTreeSet::new();
        for name in loader.library.stdlib_names() {
            let Some(source) = loader.library.stdlib(&name)? else { continue };
            match loader.compile_or_all(&source).0 {
                Some(ast) => drop(modules.insert(name, exported(&ast))),
                None => drop(broken.insert(name)),
            }
        }
        let rows = super::super::engine::functions();
        let host = rows.iter().filter(|f| f.host_call).map(Function::full_name).filter(|n| !n.contains('.')).collect();
        Ok(Self { global, modules, broken, host, rows })
    }
}

fn collect(list: &serde_json::Value, into: &mut Functions) {
    for function in list.as_array().into_iter().flatten() {
        let name = function["name"].as_str().unwrap_or_default();
        let count = function["numParams"].as_u64().unwrap_or(0);
        into.entry(name.to_string()).or_default().insert(usize::try_from(count).unwrap_or(0));
    }
}

/// The functions that a text has itself.
pub(super) fn declared(ast: &rhai::AST) -> Functions {
    let mut own = Functions::new();
    for function in ast.iter_functions() {
        own.entry(function.name.to_string()).or_default().insert(function.params.len());
    }
    own
}

/// The functions that whoever imports a text can call.
pub(super) fn exported(ast: &rhai::AST) -> Functions {
    let mut own = Functions::new();
    for function in ast.iter_functions().filter(|f| f.access == FnAccess::Public) {
        own.entry(function.name.to_string()).or_default().insert(function.params.len());
    }
    own
}

/// What a text calls and nobody has.
pub(super) fn check(tree: &Tree<'_>, known: &Known, loader: &Loader) -> Vec<Finding> {
    let mut findings = Vec::new();
    let own = declared(tree.ast);
    let (imported, broken) = imports::functions(tree, loader, &mut findings);
    let names = Names::of(tree);
    tree.ast.walk(&mut |path| {
        let Some(node) = path.last().and_then(call_of) else { return true };
        let name = node.call.name.as_str();
        let args = node.call.args.len();
        let at = node.position;
        if !node.call.namespace.is_empty() {
            let root = node.call.namespace.root();
            let shown = format!("{root}::{name}");
            match imported.get(root).or_else(|| known.modules.get(root)) {
                // Of two imports of one name, one is not known.
                Some(_) if broken.contains(root) => {}
                Some(_) if node.call.namespace.path.len() > 1 || root == "global" => {}
                Some(functions) => {
                    let mut found = judge(tree, at, &shown, name, args, &[functions], false);
                    if let Some(found) = found.as_mut().filter(|_| imported.contains_key(root)) {
                        without_page(&mut found.error, root, functions);
                    }
                    findings.extend(found);
                }
                None if root == "global" || broken.contains(root) || known.broken.contains(root) => {}
                None => {
                    let modules = known.modules.keys().chain(imported.keys()).map(String::as_str);
                    let mut found =
                        finding(Level::Error, tree.source, at, format!("there is no module \"{root}\" here"));
                    found.error = found
                        .error
                        .maybe_hint(did_you_mean(root, modules))
                        .hint(format!("import \"…\" as {root}; makes one"));
                    findings.push(found);
                }
            }
            return true;
        }
        if KEYWORDS.contains(&name) || name.starts_with("anon$") {
            return true;
        }
        if node.method {
            // A closure in a map is called like a method.
            if !names.keys.contains(name) {
                findings.extend(judge(tree, at, name, name, args + 1, &[&known.global, &own], true));
            }
        } else if names.closures.contains(name) && !own.contains_key(name) && !known.global.contains_key(name) {
            let mut found = finding(
                Level::Error,
                tree.source,
                at,
                format!("\"{name}\" is a closure in a variable, not a function"),
            );
            found.error = found.error.hint(format!("write {name}.call(…)"));
            findings.push(found);
        } else {
            let mut found = judge(tree, at, name, name, args, &[&known.global, &own], false);
            if !own.contains_key(name) && !known.global.contains_key(name) {
                // What the text binds itself is nearer than what anybody offers.
                let near = nearest(name, names.variables.iter().map(String::as_str));
                if let (Some(found), Some(near)) = (found.as_mut(), near) {
                    found.error.hints = vec![format!("did you mean the variable \"{near}\"?")];
                }
            }
            findings.extend(found);
        }
        true
    });
    findings
}

/// What is imported by path has no page; what it has is told instead.
fn without_page(error: &mut Error, module: &str, functions: &Functions) {
    error.hints.retain(|hint| !hint.starts_with("pb doc"));
    if error.hints.is_empty() {
        let one = |(name, arities): (&String, &BTreeSet<usize>)| {
            let arities: Vec<String> = arities.iter().map(ToString::to_string).collect();
            format!("{name} (arguments: {})", arities.join(" or "))
        };
        let has: BTreeSet<String> = functions.iter().filter(|(n, _)| !n.starts_with("anon$")).map(one).collect();
        let has: Vec<String> = has.into_iter().collect();
        let has = if has.is_empty() { "no function".to_string() } else { has.join(", ") };
        error.hints.push(format!("{module} has {has}"));
    }
}

/// A finding where no function has this name, or none this number of arguments.
fn judge(
    tree: &Tree<'_>,
    at: Position,
    shown: &str,
    name: &str,
    args: usize,
    among: &[&Functions],
    method: bool,
) -> Option<Finding> {
    let arities: BTreeSet<usize> = among.iter().filter_map(|f| f.get(name)).flatten().copied().collect();
    // A script's function is called as a method with the receiver as `this`, which it does not declare.
    if arities.contains(&args)
        || (method && among[1..].iter().any(|f| f.get(name).is_some_and(|a| a.contains(&(args - 1)))))
    {
        return None;
    }
    let what = if method { "method" } else { "function" };
    if arities.is_empty() {
        let names = among
            .iter()
            .flat_map(|f| f.keys())
            .map(String::as_str)
            .filter(|n| n.starts_with(|c: char| c.is_ascii_alphabetic()) && !n.contains('$'));
        let mut found = finding(Level::Error, tree.source, at, format!("there is no {what} \"{shown}\""));
        // `h::good`, where that is what was called.
        let module = shown.strip_suffix(name).unwrap_or_default();
        let hint = nearest(name, names).map(|near| format!("did you mean \"{module}{near}\"?"));
        let none = hint.is_none();
        found.error = found.error.maybe_hint(hint);
        if none {
            found.error = found.error.hint("pb doc lists what scripts can call");
        }
        return Some(found);
    }
    let less = usize::from(method);
    let takes: Vec<String> = arities.iter().filter(|n| **n >= less).map(|n| (n - less).to_string()).collect();
    let plural = if takes == ["1"] { "argument" } else { "arguments" };
    let mut found = finding(
        Level::Error,
        tree.source,
        at,
        format!("{what} \"{shown}\" takes {} {plural}, and gets {}", takes.join(" or "), args - less),
    );
    found.error = found.error.hint(format!("pb doc {shown} shows its page"));
    Some(found)
}
