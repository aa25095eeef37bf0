//! `pb doc` in the terminal: the modules, a module's functions, a function's page.

use super::flow;
use crate::script::reference::{Found, Listing, Page, Reference};
use crate::ui::{Role, Ui, columns, truncate, width, wrap};

/// Prose is not set wider than this, however wide the terminal is.
const PROSE: usize = 100;
/// Names that are longer leave their summary to the next line rather than move all others.
const NAMES: usize = 32;

/// The modules, with one line each.
pub(super) fn overview(ui: Ui, reference: &Reference) -> Vec<String> {
    let names = reference.modules().iter().map(|m| width(&m.name)).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (heading, stdlib) in [("What scripts can call", false), ("The standard library, written in Rhai", true)] {
        let modules: Vec<_> = reference.modules().iter().filter(|m| m.stdlib == stdlib).collect();
        if modules.is_empty() {
            continue;
        }
        lines.push(ui.paint(Role::Strong, heading));
        for module in modules {
            lines.push(row(ui, &module.name, names, &module.about));
        }
        lines.push(String::new());
    }
    let ways = [
        ("pb doc kube", "a module's functions"),
        ("pb doc expectation", "what can be called on a type"),
        ("pb doc cluster.list", "one function; pb doc drain will do"),
    ];
    let ways: Vec<Vec<String>> =
        ways.iter().map(|(way, what)| vec![(*way).to_string(), ui.paint(Role::Quiet, what)]).collect();
    lines.extend(columns(&ways));
    lines
}

/// What a name means: pages, then a module's list, then where else to look.
pub(super) fn found(ui: Ui, found: &Found<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &found.pages {
        lines.extend(page(ui, one));
        lines.push(String::new());
    }
    if let Some(all) = &found.listing {
        lines.extend(listing(ui, all));
        lines.push(String::new());
    }
    if !found.also.is_empty() {
        lines.extend(wrap(&format!("See also: {}", found.also.join(", ")), ui.width.min(PROSE)));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn listing(ui: Ui, listing: &Listing<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    match listing.module {
        Some(module) => {
            let kind = if module.stdlib { "module of the standard library" } else { "module" };
            let text = format!("{kind}: {}", module.about);
            let name = ui.paint(Role::Strong, &module.name);
            lines.push(format!("{name}  {}", truncate(&text, ui.width.saturating_sub(width(&module.name) + 2))));
            if !module.intro.is_empty() {
                lines.push(String::new());
                let room = ui.width.min(PROSE).saturating_sub(2);
                lines.extend(flow::lines(&module.intro, room).iter().map(|l| format!("  {l}").trim_end().to_string()));
            }
        }
        None => {
            let receiver = listing.pages.first().and_then(|p| p.receiver()).unwrap_or_default();
            lines.push(format!("{}  what can be called on it", ui.paint(Role::Strong, receiver)));
        }
    }
    lines.push(String::new());
    let names = listing.pages.iter().map(|p| width(&p.name)).filter(|w| *w <= NAMES).max().unwrap_or(0);
    let mut before: Option<&Page> = None;
    for page in &listing.pages {
        // A method that is a property, too, has one line.
        if before.is_some_and(|b| b.name == page.name) {
            continue;
        }
        if before.is_some_and(|b| b.receiver() != page.receiver()) {
            lines.push(String::new());
        }
        lines.push(row(ui, &page.name, names, &page.summary()));
        before = Some(page);
    }
    lines
}

/// `  cluster.get      One object, by any name of its kind …`, on one line.
fn row(ui: Ui, name: &str, names: usize, text: &str) -> String {
    let padding = " ".repeat(names.saturating_sub(width(name)));
    let taken = 2 + names.max(width(name)) + 2;
    let text = truncate(text, ui.width.saturating_sub(taken));
    format!("  {}{padding}  {text}", ui.paint(Role::Name, name)).trim_end().to_string()
}

fn page(ui: Ui, page: &Page) -> Vec<String> {
    let prose = ui.width.min(PROSE);
    let signature = page.shown_signature();
    let mut head = wrap(&format!("{}{signature}", page.name), ui.width).into_iter();
    let first = head.next().unwrap_or_default();
    let rest = first.strip_prefix(page.name.as_str());
    let mut lines = vec![match rest {
        Some(rest) => format!("{}{rest}", ui.paint(Role::Strong, &page.name)),
        None => first,
    }];
    lines.extend(head.map(|line| format!("    {line}")));
    let mut facts = vec![format!("module {}", page.module)];
    if page.property {
        facts.push("a property".into());
    }
    if let Some(effect) = page.effect {
        facts.push(format!("effect {effect}"));
        facts.push("inside steps only".into());
    }
    lines.push(ui.paint(Role::Quiet, format!("  {}", facts.join(" · "))));
    if !page.doc.trim().is_empty() {
        lines.push(String::new());
        let text = flow::lines(&page.doc, prose.saturating_sub(2));
        lines.extend(text.iter().map(|l| format!("  {l}").trim_end().to_string()));
    }
    if !page.options.is_empty() {
        lines.push(String::new());
        let keys = wrap(&format!("all options: {}", page.options.join(", ")), prose.saturating_sub(2));
        lines.extend(keys.iter().map(|line| ui.paint(Role::Quiet, format!("  {line}"))));
    }
    if !page.example.is_empty() {
        lines.push(String::new());
        lines.push(ui.paint(Role::Quiet, "  for example"));
        // Code is never wrapped: it is there to be copied.
        lines.extend(page.example.trim().lines().map(|line| format!("    {line}")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doc::markdown::tests::reference;

    fn shown(columns: usize, name: &str) -> String {
        let reference = reference();
        let all = found(Ui::fixed(false, columns, false), &reference.find(name));
        assert!(!all.is_empty(), "{name}");
        all.join("\n")
    }

    #[test]
    fn pages_of_every_kind_of_name() {
        insta::assert_snapshot!("method_narrow", shown(80, "object.ready"));
        insta::assert_snapshot!("bare_wide", shown(200, "ready"));
        insta::assert_snapshot!("type_narrow", shown(80, "duration"));
        insta::assert_snapshot!("stdlib_module", shown(80, "bgp"));
        insta::assert_snapshot!("stdlib_function", shown(80, "bgp::routes"));
        assert_eq!(shown(80, "t.note"), shown(80, "step.note"));
    }

    #[test]
    fn a_name_of_both_shows_the_function_and_the_module() {
        let both = shown(100, "kube");
        assert!(
            both.starts_with("kube(cluster: string) -> cluster\n") && both.contains("\n  cluster.drain "),
            "{both}"
        );
        assert!(!shown(100, "kube()").contains("cluster.drain"));
        assert!(shown(100, "kube::").starts_with("kube  module: "));
        assert!(shown(100, "expectation").contains("expectation.to_be "));
        assert!(shown(100, "list").contains("See also: cluster.list"));
    }

    #[test]
    fn nothing_but_code_is_wider_than_the_terminal() {
        let reference = reference();
        for columns in [60, 80, 200] {
            let ui = Ui::fixed(false, columns, false);
            let names = reference.names();
            let all = names.iter().flat_map(|name| found(ui, &reference.find(name)));
            let code = |line: &String| line.starts_with("    ");
            let wide: Vec<String> = all.filter(|l| !code(l) && width(l) > columns).collect();
            assert!(wide.is_empty(), "{wide:#?}");
            assert!(overview(ui, &reference).iter().all(|line| width(line) <= columns));
        }
    }
}
