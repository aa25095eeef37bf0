//! `.d.rhai` files, which editors read.

use std::path::Path;

use super::{Page, Reference, declaration};
use crate::error::{Error, Kind, Result};
use crate::script::load::Loader;

impl Reference {
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
        for module in self.modules() {
            let pages: Vec<&Page> = self.of_module(&module.name).filter(|p| p.name.contains("::")).collect();
            if pages.is_empty() {
                continue;
            }
            let head = format!("module {};\n", module.name);
            let text: String = std::iter::once(head).chain(pages.iter().map(|p| definition(p))).collect();
            let file = format!("{}.d.rhai", module.name);
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
        out.push_str(format!("/// {line}").trim_end());
        out.push('\n');
    }
    if !page.example.is_empty() {
        out.push_str("///\n/// ```rhai\n");
        page.example.trim().lines().for_each(|line| out.push_str(&format!("/// {line}\n")));
        out.push_str("/// ```\n");
    }
    let short = page.name.rsplit("::").next().unwrap_or(&page.name);
    let lines = match (page.property, short.split_once('.')) {
        (true, Some((receiver, name))) => vec![declaration::property(receiver, name, &page.signature)],
        (_, Some((receiver, name))) => declaration::function(Some(receiver), name, &page.signature),
        _ => declaration::function(None, short, &page.signature),
    };
    out.push_str(&lines.join("\n"));
    out.push('\n');
    out
}
