//! What stands above a run: which run it is, of what, where, and which settings differ.

use super::layout::{STATUS, entry};
use crate::event::SettingInfo;
use crate::report::Run;
use crate::ui::{Role, Ui, clean, columns, joined, plural, truncate};

pub(super) fn lines(ui: Ui, run: &Run) -> Vec<String> {
    let mut lines = entry(ui, Role::Quiet, "run", &run.id);
    let indent = " ".repeat(STATUS + 1);
    let mut labelled = |label: &str, rows: Vec<String>| {
        for (at, row) in rows.into_iter().enumerate() {
            match at {
                0 => lines.push(format!("{} {row}", super::layout::status(ui, Role::Quiet, label))),
                _ => lines.push(format!("{indent}{row}")),
            }
        }
    };
    let rows: Vec<Vec<String>> = run
        .playbooks
        .iter()
        .map(|p| {
            let hash = p.sha256.get(..8).unwrap_or(&p.sha256);
            let path = ui.paint(Role::Quiet, format!("{} {} {hash}", clean(&p.path), p.source));
            vec![ui.paint(Role::Name, &p.id), clean(&p.title), path]
        })
        .collect();
    labelled(if run.playbooks.len() == 1 { "playbook" } else { "playbooks" }, columns(&rows));
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
    labelled(if run.steps.len() == 1 { "step" } else { "steps" }, vec![steps]);
    let room = ui.width.saturating_sub(STATUS + 1);
    let differ: Vec<_> = run.settings.iter().filter(|s| s.value != s.default).collect();
    labelled("settings", differ.iter().map(|s| setting(ui, s, room)).collect());
    lines.push(String::new());
    lines
}

/// `t5.bgp_asn@infra = 64512  (pb.toml; default 64513)`
fn setting(ui: Ui, setting: &SettingInfo, room: usize) -> String {
    let cluster = setting.cluster.as_ref().map(|c| format!("@{c}")).unwrap_or_default();
    let name = format!("{}.{}{cluster}", setting.playbook, setting.name);
    let value = truncate(&format!("= {}", shown(&setting.value)), room.saturating_sub(name.len() + 1));
    let from = format!("({}; default {})", clean(&setting.from), shown(&setting.default));
    let taken = crate::ui::width(&name) + 1 + crate::ui::width(&value) + 2;
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

/// `12 steps`
pub(super) fn count(run: &Run) -> String {
    plural(run.steps.len(), "step")
}
