//! The pages of a module of the standard library, from its comments.

use std::collections::BTreeMap;

use super::{ModuleInfo, Page};
use crate::error::Result;
use crate::host::Needs;
use crate::script::load::Loader;

/// The module and its functions; none where the library has no such module.
pub(super) fn module(loader: &Loader, name: &str) -> Result<Option<(ModuleInfo, Vec<Page>)>> {
    let Some(source) = loader.library.stdlib(name)? else { return Ok(None) };
    let ast = loader.compile(&source)?;
    let (about, intro) = heading(&source.text);
    let module = ModuleInfo { name: name.to_string(), about, intro, stdlib: true };
    // Forms with different numbers of parameters are one function to whoever calls it.
    let mut forms: BTreeMap<&str, Vec<rhai::ScriptFnMetadata<'_>>> = BTreeMap::new();
    // A closure within a function is a function of its own, and nobody calls it by its name.
    for function in ast.iter_functions().filter(|f| f.access == rhai::FnAccess::Public && !f.name.starts_with("anon$"))
    {
        forms.entry(function.name).or_default().push(function);
    }
    let pages = forms.into_iter().map(|(function, forms)| page(name, function, &forms)).collect();
    Ok(Some((module, pages)))
}

fn page(module: &str, name: &str, forms: &[rhai::ScriptFnMetadata<'_>]) -> Page {
    let least = forms.iter().map(|f| f.params.len()).min().unwrap_or(0);
    let longest = forms.iter().max_by_key(|f| f.params.len());
    let parameters = longest.map(|f| f.params.as_slice()).unwrap_or_default();
    let shown = |(at, parameter): (usize, &&str)| format!("{parameter}{}", if at < least { "" } else { "?" });
    let comments: Vec<&str> = forms.iter().flat_map(|f| f.comments.iter().copied()).collect();
    let (doc, example) = split_example(&uncommented(&comments));
    // Modules written in Rhai have no row that says it.
    let needs = match &example {
        code if code.contains("ssh(") => Needs::Router,
        code if code.contains("http(\"web\")") => Needs::Web,
        code if ["kube(", "talos(", "http("].iter().any(|handle| code.contains(handle)) => Needs::Platform,
        _ => Needs::Nothing,
    };
    Page {
        module: module.to_string(),
        name: format!("{module}::{name}"),
        signature: format!("({})", parameters.iter().enumerate().map(shown).collect::<Vec<_>>().join(", ")),
        effect: None,
        doc,
        example,
        needs,
        options: Vec::new(),
        property: false,
    }
}

/// The comment at the head of a module: its first line, and the rest.
fn heading(text: &str) -> (String, String) {
    let bare = |l: &str| l.trim_start_matches('/').trim_start_matches('!').trim().to_string();
    let lines: Vec<String> = text.lines().take_while(|l| l.starts_with("//")).map(bare).collect();
    let mut lines = lines.into_iter().skip_while(String::is_empty);
    let about = lines.next().unwrap_or_default().trim_end_matches('.').to_string();
    (about, lines.collect::<Vec<_>>().join("\n").trim().to_string())
}

fn uncommented(comments: &[&str]) -> String {
    let line = |l: &str| {
        let l = l.trim_start().trim_start_matches("///");
        l.strip_prefix(' ').unwrap_or(l).to_string()
    };
    comments.iter().flat_map(|c| c.lines()).map(line).collect::<Vec<_>>().join("\n")
}

/// The text, and the code of its ```` ```rhai ```` block.
fn split_example(doc: &str) -> (String, String) {
    let Some((before, rest)) = doc.split_once("```rhai") else { return (doc.to_string(), String::new()) };
    let (code, after) = rest.split_once("```").unwrap_or((rest, ""));
    (format!("{}{after}", before.trim_end()), code.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_is_the_first_line_and_the_rest() {
        let (about, intro) =
            heading("// BGP as a router sees it.\n//\n// More of it.\n// And more.\n\n/// f\nfn f() {}");
        assert_eq!((about.as_str(), intro.as_str()), ("BGP as a router sees it", "More of it.\nAnd more."));
        assert_eq!(heading("fn f() {}"), (String::new(), String::new()));
    }

    #[test]
    fn an_example_is_taken_out_of_the_text() {
        let (doc, code) = split_example("Gives it.\n```rhai\nf() > 0\n```\n");
        assert_eq!((doc.trim(), code.as_str()), ("Gives it.", "f() > 0"));
    }
}
