//! A doc comment as paragraphs that flow to any width.

use crate::ui::wrap;

/// The paragraphs and list items of a text; the line ends inside of them are spaces.
pub(super) fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.trim().lines().map(str::trim) {
        if line.is_empty() {
            open = false;
        } else if open
            && !line.starts_with("- ")
            && let Some(last) = blocks.last_mut()
        {
            last.push(' ');
            last.push_str(line);
        } else {
            blocks.push(line.to_string());
            open = true;
        }
    }
    blocks
}

/// The blocks in lines of at most so many columns, an empty line between paragraphs, list items hanging.
pub(super) fn lines(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut after_item = false;
    for block in blocks(text) {
        let item = block.starts_with("- ");
        let same_list = item && after_item;
        if !lines.is_empty() && !same_list {
            lines.push(String::new());
        }
        match block.strip_prefix("- ") {
            Some(rest) => {
                let hanging = wrap(rest, columns.saturating_sub(2));
                lines.extend(
                    hanging.iter().enumerate().map(|(at, l)| format!("{}{l}", if at == 0 { "- " } else { "  " })),
                );
            }
            None => lines.extend(wrap(&block, columns)),
        }
        after_item = item;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_flow_and_items_hang() {
        let text = "One\ntwo.\n\n- an item that\n  goes on\n- another\n\nEnd.";
        assert_eq!(blocks(text), ["One two.", "- an item that goes on", "- another", "End."]);
        let got = lines(text, 14);
        assert_eq!(got, ["One two.", "", "- an item that", "  goes on", "- another", "", "End."]);
    }
}
