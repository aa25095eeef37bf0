//! What stands above a run: which run it is, of what, where, and which settings differ.

use super::layout::{STATUS, entry};
use crate::event::{Former, ModuleInfo, PlaybookInfo, SettingInfo};
use crate::report::Run;
use crate::ui::{Role, Ui, clean, columns, joined, truncate, width, wrap};

pub(super) fn lines(ui: Ui, run: &Run) -> Vec<String> {
    let mut lines = entry(ui, Role::Quiet, "run", &run.id);
    if let Some(former) = &run.former {
        lines.extend(goes_on(ui, former));
    }
    let indent = " ".repeat(STATUS + 1);
    let mut labelled = |label: &str, rows: Vec<String>| {
        for (at, row) in rows.into_iter().enumerate() {
            match at {
                0 => lines.push(format!("{} {row}", super::layout::status(ui, Role::Quiet, label))),
                _ => lines.push(format!("{indent}{row}")),
            }
        }
    };
    let room = ui.width.saturating_sub(STATUS + 1);
    labelled(if run.playbooks.len() == 1 { "playbook" } else { "playbooks" }, playbooks(ui, run, room));
    // What the program brings along is no news; what lies on the disk may stand in its place.
    let own: Vec<&ModuleInfo> = run.modules.iter().filter(|m| m.source == "disk").collect();
    labelled(if own.len() == 1 { "module" } else { "modules" }, modules(ui, &own, room));
    let mut clusters: Vec<&str> = Vec::new();
    for cluster in run.steps.iter().filter_map(|s| s.cluster.as_deref()) {
        if !clusters.contains(&cluster) {
            clusters.push(cluster);
        }
    }
    let mut steps = run.steps.len().to_string();
    if !clusters.is_empty() {
        steps.push_str(&format!(" on {}", joined(&clusters)));
    }
    if run.jobs > 1 && run.steps.len() > 1 {
        steps.push_str(&format!(", at most {} side by side", run.jobs));
    }
    if run.not_selected > 0 {
        steps.push_str(&format!("; {} left out by the selection", run.not_selected));
    }
    labelled(if run.steps.len() == 1 { "step" } else { "steps" }, wrap(&steps, room));
    let differ: Vec<_> = run.settings.iter().filter(|s| s.value != s.default).collect();
    labelled("settings", differ.iter().map(|s| setting(ui, s, room)).collect());
    lines.push(String::new());
    lines
}

/// Which run it goes on with, what stands of it, and what does not, and why.
fn goes_on(ui: Ui, former: &Former) -> Vec<String> {
    let stand = usize::try_from(former.stand).unwrap_or(usize::MAX);
    let what = match stand {
        0 => "no step that passed there stands".to_string(),
        1 => "1 step that passed there stands".to_string(),
        n => format!("{n} steps that passed there stand"),
    };
    let mut lines = entry(ui, Role::Quiet, former.how.as_str(), &format!("{}: {what}", former.run));
    for (at, why) in former.again.iter().enumerate() {
        lines.extend(entry(ui, Role::Warned, if at == 0 { "runs again" } else { "" }, why));
    }
    for (at, what) in former.differs.iter().enumerate() {
        lines.extend(entry(ui, Role::Warned, if at == 0 { "differs" } else { "" }, what));
    }
    lines
}

/// Id, title, path, origin and hash; on a narrow terminal the file's name stands for its path, or the title gives way.
fn playbooks(ui: Ui, run: &Run, room: usize) -> Vec<String> {
    let rows = |path: &dyn Fn(&str) -> String, title: usize| -> Vec<[String; 5]> {
        let row = |p: &PlaybookInfo| {
            let hash = p.sha256.get(..8).unwrap_or(&p.sha256).to_string();
            [clean(&p.id), truncate(&clean(&p.title), title), path(&clean(&p.path)), clean(&p.source), hash]
        };
        run.playbooks.iter().map(row).collect()
    };
    let whole = |path: &str| path.to_string();
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_string();
    let none = |_: &str| String::new();
    let tries = [rows(&whole, usize::MAX), rows(&name, usize::MAX), rows(&name, 24), rows(&none, 16)];
    let plain = |rows: &[[String; 5]]| columns(&rows.iter().map(|r| r.to_vec()).collect::<Vec<_>>());
    let fits = |rows: &&[[String; 5]]| plain(rows).iter().all(|line| width(line) <= room);
    let rows = tries.iter().map(Vec::as_slice).find(fits).unwrap_or(&tries[tries.len() - 1]);
    let painted = |[id, title, path, source, hash]: &[String; 5]| {
        let quiet = |text: &str| ui.paint(Role::Quiet, text);
        vec![ui.paint(Role::Name, id), title.clone(), quiet(path), quiet(source), quiet(hash)]
    };
    columns(&rows.iter().map(painted).collect::<Vec<_>>())
}

/// Name, path, origin and hash; on a narrow terminal without the path.
fn modules(ui: Ui, modules: &[&ModuleInfo], room: usize) -> Vec<String> {
    let rows = |ui: Ui, path: bool| {
        let quiet = |text: &str| ui.paint(Role::Quiet, clean(text));
        let row = |m: &&ModuleInfo| {
            let hash = m.sha256.get(..8).unwrap_or(&m.sha256);
            let path = if path { quiet(&m.path) } else { String::new() };
            vec![ui.paint(Role::Name, clean(&m.name)), path, quiet(&m.source), quiet(hash)]
        };
        columns(&modules.iter().map(row).collect::<Vec<_>>())
    };
    let fits = rows(Ui::plain(), true).iter().all(|line| width(line) <= room);
    rows(ui, fits)
}

/// `t5.bgp_asn@infra = 64512  (pb.toml; default 64513)`
fn setting(ui: Ui, setting: &SettingInfo, room: usize) -> String {
    let cluster = setting.cluster.as_ref().map(|c| format!("@{c}")).unwrap_or_default();
    let name = format!("{}.{}{cluster}", setting.playbook, setting.name);
    let value = truncate(&format!("= {}", shown(&setting.value)), room.saturating_sub(name.len() + 1));
    let from = format!("({}; default {})", clean(&setting.from), shown(&setting.default));
    let taken = width(&name) + 1 + width(&value) + 2;
    let from = if room.saturating_sub(taken) < 12 { String::new() } else { truncate(&from, room - taken) };
    format!("{} {value}  {}", ui.paint(Role::Name, name), ui.paint(Role::Quiet, from)).trim_end().to_string()
}

/// A value as it is written in `pb.toml`; a plain word without quotes.
fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) if !text.is_empty() && !text.contains(char::is_whitespace) => clean(text),
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        other => clean(&other.to_string()),
    }
}
