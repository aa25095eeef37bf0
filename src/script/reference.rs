//! What scripts can call, as pages: from the host's rows and from the doc comments of the standard library.

use std::path::Path;

use super::engine;
use super::load::Loader;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::{Form, Needs};

/// The page of one function.
#[derive(Debug, Clone)]
pub struct Page {
    /// The module whose page it stands on.
    pub module: String,
    /// As a script calls it: `dns::lookup`, `cluster.list`.
    pub name: String,
    /// Parameters and result.
    pub signature: String,
    /// For host calls: the strongest effect.
    pub effect: Option<Effect>,
    /// The doc comment, in Markdown.
    pub doc: String,
    /// Script lines that show it.
    pub example: String,
    /// What the example needs to run.
    pub needs: Needs,
    /// Whether it is a property: read without parentheses.
    pub property: bool,
}

impl Page {
    /// The first sentence of the doc comment.
    pub fn summary(&self) -> &str {
        let doc = self.doc.trim();
        let end = doc.find(". ").or_else(|| doc.find(".\n")).unwrap_or(doc.len());
        doc[..end].trim_end_matches('.')
    }

    /// What follows the name: `(kind: string) -> list`, or `: string` for a property.
    pub fn shown_signature(&self) -> String {
        if self.property { format!(": {}", self.signature) } else { self.signature.clone() }
    }
}

/// All pages.
#[derive(Debug, Clone)]
pub struct Reference {
    modules: Vec<(String, String)>,
    pages: Vec<Page>,
}

impl Reference {
    /// The pages of the host and of the library's modules.
    ///
    /// # Errors
    /// Where a module of the library does not compile.
    pub fn of(loader: &Loader) -> Result<Self> {
        let mut modules: Vec<(String, String)> =
            engine::modules().iter().map(|m| (m.name.to_string(), m.about.to_string())).collect();
        let mut pages: Vec<Page> = engine::functions()
            .into_iter()
            .map(|f| Page {
                module: f.module.to_string(),
                name: f.full_name(),
                signature: f.signature.to_string(),
                effect: f.host_call.then_some(f.effect),
                doc: f.doc.to_string(),
                example: f.example.to_string(),
                needs: f.needs,
                property: matches!(f.form, Form::Property(_)),
            })
            .collect();
        for name in loader.library.stdlib_names() {
            let Some(source) = loader.library.stdlib(&name)? else { continue };
            let ast = loader.compile(&source)?;
            modules.push((name.clone(), module_about(&source.text)));
            let mut functions: Vec<_> =
                ast.iter_functions().filter(|f| !f.comments.is_empty() && f.access == rhai::FnAccess::Public).collect();
            functions.sort_by_key(|f| (f.name.to_string(), f.params.len()));
            for function in functions {
                let (doc, example) = split_example(&uncommented(&function.comments));
                pages.push(Page {
                    module: name.clone(),
                    name: format!("{name}::{}", function.name),
                    signature: format!("({})", function.params.join(", ")),
                    effect: None,
                    doc,
                    example,
                    needs: Needs::Router,
                    property: false,
                });
            }
        }
        Ok(Self { modules, pages })
    }

    /// The modules with what they are for.
    pub fn modules(&self) -> impl Iterator<Item = (&str, &str)> {
        self.modules.iter().map(|(name, about)| (name.as_str(), about.as_str()))
    }

    /// The pages of a module.
    pub fn of_module<'a>(&'a self, module: &'a str) -> impl Iterator<Item = &'a Page> {
        self.pages.iter().filter(move |p| p.module == module)
    }

    /// What a name means: a page by its full name, or by what follows the receiver, or a whole module.
    pub fn find(&self, name: &str) -> Vec<&Page> {
        let full: Vec<&Page> = self.pages.iter().filter(|p| p.name == name).collect();
        if !full.is_empty() {
            return full;
        }
        let last = |p: &&Page| p.name.rsplit(['.', ':']).next() == Some(name);
        let short: Vec<&Page> = self.pages.iter().filter(last).collect();
        if !short.is_empty() {
            return short;
        }
        let module = name.trim_end_matches("::");
        self.pages.iter().filter(|p| p.module == module).collect()
    }

    /// Every name, for suggestions.
    pub fn names(&self) -> Vec<String> {
        let short = |p: &Page| p.name.rsplit(['.', ':']).next().unwrap_or_default().to_string();
        let mut names: Vec<String> = self.pages.iter().flat_map(|p| [p.name.clone(), short(p)]).collect();
        names.extend(self.modules.iter().map(|(name, _)| name.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// Every page.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// Writes `.d.rhai` files: Rhai's own, and `pb.d.rhai` with the host's doc comments.
    ///
    /// # Errors
    /// [`Kind::Io`] where a file can't be written.
    pub fn write_definitions(&self, loader: &Loader, dir: &Path) -> Result<Vec<String>> {
        let failed = |e: &dyn std::fmt::Display| {
            Error::new(Kind::Io, format!("definitions can't be written to {}", dir.display())).because(e)
        };
        std::fs::create_dir_all(dir).map_err(|e| failed(&e))?;
        let rhai = dir.join("rhai");
        loader.engine.definitions().include_standard_packages(true).write_to_dir(&rhai).map_err(|e| failed(&e))?;
        let mut text = String::from("module static;\n");
        for page in self.pages.iter().filter(|p| !p.name.contains("::")) {
            text.push_str(&definition(page));
        }
        let mut written = vec!["rhai/".to_string(), "pb.d.rhai".to_string()];
        std::fs::write(dir.join("pb.d.rhai"), text).map_err(|e| failed(&e))?;
        for (module, _) in self.modules() {
            let pages: Vec<&Page> = self.of_module(module).filter(|p| p.name.contains("::")).collect();
            if pages.is_empty() {
                continue;
            }
            let text: String =
                std::iter::once(format!("module {module};\n")).chain(pages.iter().map(|p| definition(p))).collect();
            let file = format!("{module}.d.rhai");
            std::fs::write(dir.join(&file), text).map_err(|e| failed(&e))?;
            written.push(file);
        }
        Ok(written)
    }
}

/// One function as a definition file has it.
fn definition(page: &Page) -> String {
    let mut out = String::from("\n");
    for line in page.doc.trim().lines() {
        out.push_str(&format!("/// {line}\n"));
    }
    if !page.example.is_empty() {
        out.push_str("///\n/// ```rhai\n");
        page.example.trim().lines().for_each(|line| out.push_str(&format!("/// {line}\n")));
        out.push_str("/// ```\n");
    }
    let short = page.name.rsplit("::").next().unwrap_or(&page.name);
    match (page.property, short.split_once('.')) {
        (true, Some((receiver, name))) => {
            out.push_str(&format!("fn get ${name}(self: {}) -> {};\n", word(receiver), word(&page.signature)));
        }
        (_, Some((receiver, name))) => {
            let rest = page.signature.trim_start_matches('(');
            let comma = if rest.starts_with(')') { "" } else { ", " };
            out.push_str(&format!("fn {name}(self: {}{comma}{rest};\n", word(receiver)));
        }
        _ => out.push_str(&format!("fn {short}{};\n", page.signature)),
    }
    out
}

fn word(text: &str) -> String {
    text.replace(' ', "_")
}

/// The first comment of a module: what it is for.
fn module_about(text: &str) -> String {
    text.lines()
        .take_while(|l| l.starts_with("//"))
        .map(|l| l.trim_start_matches('/').trim_start_matches('!').trim())
        .find(|l| !l.is_empty())
        .unwrap_or_default()
        .to_string()
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
