//! `--explain`: each host call, when it has ended, as the line that a person could type.

use std::collections::HashMap;

use super::layout::time;
use crate::error::Error;
use crate::ui::{Role, Ui, clean};

/// The calls that are under way.
#[derive(Debug, Default)]
pub(super) struct Calls(HashMap<u64, String>);

impl Calls {
    pub(super) fn started(&mut self, call: u64, line: &str) {
        self.0.insert(call, clean(line));
    }

    /// `    $ kubectl …  # 0.04s, 48 objects (t5/bgp-table@infra)`: the line is never cut and its remark is a shell
    /// comment, so that the whole of it can be pasted.
    pub(super) fn finished(
        &mut self,
        ui: Ui,
        step: &str,
        call: u64,
        seconds: f64,
        summary: &str,
        error: Option<&Error>,
    ) -> Vec<String> {
        let Some(line) = self.0.remove(&call) else { return Vec::new() };
        let mut remark = format!("# {}", time(seconds));
        if !summary.is_empty() {
            remark.push_str(&format!(", {}", first_line(summary)));
        }
        if let Some(error) = error {
            remark.push_str(&format!(", {}", first_line(&error.message)));
        }
        if !step.is_empty() {
            remark.push_str(&format!(" ({step})"));
        }
        let role = if error.is_some() { Role::Bad } else { Role::Quiet };
        let mut typed = line.lines();
        let mut lines = vec![format!("    {} {}", ui.paint(Role::Quiet, "$"), typed.next().unwrap_or_default())];
        // As they are: an indentation would become a part of the word that goes on there.
        lines.extend(typed.map(String::from));
        if let Some(last) = lines.last_mut() {
            last.push_str("  ");
            last.push_str(&ui.paint(role, remark));
        }
        lines
    }
}

fn first_line(text: &str) -> String {
    clean(text).lines().next().unwrap_or_default().to_string()
}
