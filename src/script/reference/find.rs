//! What a name means: `cluster.list`, `t.note`, `ready`, `kube`, `expectation`.

use super::{ModuleInfo, Page, Reference};

/// What a name stands for.
#[derive(Debug, Default)]
pub struct Found<'a> {
    /// The functions of exactly this name.
    pub pages: Vec<&'a Page>,
    /// The module, or the type, of this name.
    pub listing: Option<Listing<'a>>,
    /// Others that end in this name.
    pub also: Vec<&'a str>,
}

/// The functions of a module, or what can be called on a type.
#[derive(Debug)]
pub struct Listing<'a> {
    /// The module; none for a type.
    pub module: Option<&'a ModuleInfo>,
    /// The functions.
    pub pages: Vec<&'a Page>,
}

impl Found<'_> {
    /// Whether nothing has the name.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.listing.is_none()
    }
}

impl Reference {
    /// What a name means. `kube()` is the function alone, `kube::` the module alone, and `t.note` the method of a step.
    pub fn find(&self, name: &str) -> Found<'_> {
        let function = name.strip_suffix("()");
        let listing = name.strip_suffix("::").or_else(|| name.strip_suffix('.'));
        let name = function.or(listing).unwrap_or(name);
        let step = name.strip_prefix("t.").map(|rest| format!("step.{rest}"));
        let name = step.as_deref().unwrap_or(name);

        let mut found = Found::default();
        if listing.is_none() {
            found.pages = self.pages.iter().filter(|p| p.name == name).collect();
        }
        if function.is_none() {
            found.listing = self.listing(name);
        }
        let ends = |p: &&Page| p.short() == name;
        if found.is_empty() {
            found.pages = self.pages.iter().filter(ends).collect();
        } else {
            let shown = |p: &&Page| {
                let listed = found.listing.iter().flat_map(|l| &l.pages);
                found.pages.iter().chain(listed).any(|s| s.name == p.name)
            };
            found.also = self.pages.iter().filter(ends).filter(|p| !shown(p)).map(|p| p.name.as_str()).collect();
        }
        found
    }

    fn listing(&self, name: &str) -> Option<Listing<'_>> {
        let module = self.modules.iter().find(|m| m.name == name);
        let belongs = |p: &&Page| match module {
            Some(module) => p.module == module.name,
            None => p.receiver() == Some(name),
        };
        let pages: Vec<&Page> = self.pages.iter().filter(belongs).collect();
        (!pages.is_empty()).then_some(Listing { module, pages })
    }

    /// The functions whose documentation has a word.
    pub fn mentioning(&self, word: &str) -> Vec<&str> {
        let word = word.to_lowercase();
        let has = |p: &&Page| format!("{} {}", p.name, p.doc).to_lowercase().contains(&word);
        let mut names: Vec<&str> = self.pages.iter().filter(has).map(|p| p.name.as_str()).collect();
        names.dedup();
        names
    }
}
