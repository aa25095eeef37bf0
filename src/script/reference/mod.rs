//! What scripts can call, as pages: from the host's rows and from the doc comments of the standard library.

mod declaration;
mod definitions;
mod find;
mod library;

use super::engine;
use super::load::Loader;
use crate::error::Result;
use crate::event::Effect;
use crate::host::{Form, Function, Needs};

pub use find::{Found, Listing};

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
    /// The keys of its options, in alphabetical order.
    pub options: Vec<&'static str>,
}

impl Page {
    fn of_host(function: &Function) -> Self {
        Self {
            module: function.module.to_string(),
            name: function.full_name(),
            signature: function.signature.to_string(),
            effect: function.host_call.then_some(function.effect),
            doc: function.doc.to_string(),
            example: function.example.to_string(),
            needs: function.needs,
            property: matches!(function.form, Form::Property(_)),
            options: {
                let mut keys = function.options.clone();
                keys.sort_unstable();
                keys
            },
        }
    }

    /// The first sentence of the doc comment, on one line.
    pub fn summary(&self) -> String {
        let doc = self.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = doc.find(". ").unwrap_or(doc.len());
        doc[..end].trim_end_matches('.').to_string()
    }

    /// What follows the name: `(kind: string) -> list`, or `: string` for a property.
    pub fn shown_signature(&self) -> String {
        if self.property { format!(": {}", self.signature) } else { self.signature.clone() }
    }

    /// What it is called on: `cluster` of `cluster.list`.
    pub fn receiver(&self) -> Option<&str> {
        if self.name.contains("::") { None } else { self.name.rsplit_once('.').map(|(receiver, _)| receiver) }
    }

    /// Its name without module and receiver.
    pub fn short(&self) -> &str {
        self.name.rsplit(['.', ':']).next().unwrap_or_default()
    }
}

/// A module of the reference.
#[derive(Debug, Clone)]
pub struct ModuleInfo {
    /// Its name.
    pub name: String,
    /// One line: what it is for.
    pub about: String,
    /// What its file says besides that; for modules of the standard library.
    pub intro: String,
    /// Whether it is of the standard library: written in Rhai, and to be edited.
    pub stdlib: bool,
}

/// All pages.
#[derive(Debug, Clone)]
pub struct Reference {
    modules: Vec<ModuleInfo>,
    pages: Vec<Page>,
}

impl Reference {
    /// The pages of the host and of the library's modules.
    ///
    /// # Errors
    /// Where a module of the library does not compile.
    pub fn of(loader: &Loader) -> Result<Self> {
        let host = |m: &crate::host::Module| ModuleInfo {
            name: m.name.to_string(),
            about: capital(m.about.trim_end_matches('.')),
            intro: String::new(),
            stdlib: false,
        };
        let mut modules: Vec<ModuleInfo> = engine::modules().iter().map(host).collect();
        let mut pages: Vec<Page> = engine::functions().iter().map(Page::of_host).collect();
        for name in loader.library.stdlib_names() {
            if let Some((module, functions)) = library::module(loader, &name)? {
                modules.push(module);
                pages.extend(functions);
            }
        }
        Ok(Self { modules, pages })
    }

    /// The modules, the host's first.
    pub fn modules(&self) -> &[ModuleInfo] {
        &self.modules
    }

    /// The pages of a module.
    pub fn of_module<'a>(&'a self, module: &'a str) -> impl Iterator<Item = &'a Page> {
        self.pages.iter().filter(move |p| p.module == module)
    }

    /// Every name, for suggestions.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.pages.iter().flat_map(|p| [p.name.clone(), p.short().to_string()]).collect();
        names.extend(self.pages.iter().filter_map(|p| p.receiver().map(Into::into)));
        names.extend(self.modules.iter().map(|m| m.name.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// Every page.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
