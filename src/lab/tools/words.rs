//! Command lines taken apart: words, and flags with their values.

/// A command line.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    /// What is no flag, in order.
    pub(super) plain: Vec<String>,
    flags: Vec<(String, Option<String>)>,
    /// What comes after `--`.
    pub(super) rest: Vec<String>,
}

impl Words {
    /// Takes a line apart. Flags that take a value are named without their dashes.
    pub(super) fn of(args: &[String], valued: &[&str]) -> Self {
        let mut out = Self::default();
        let mut args = args.iter();
        while let Some(word) = args.next() {
            if word == "--" {
                out.rest = args.cloned().collect();
                break;
            }
            let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|name| !name.is_empty())
            else {
                out.plain.push(word.clone());
                continue;
            };
            match name.split_once('=') {
                Some((name, value)) => out.flags.push((name.into(), Some(value.into()))),
                None if valued.contains(&name) => out.flags.push((name.into(), args.next().cloned())),
                None => out.flags.push((name.into(), None)),
            }
        }
        out
    }

    /// The last value of a flag by one of its names.
    pub(super) fn value(&self, names: &[&str]) -> Option<&str> {
        self.flags.iter().rev().find(|(name, _)| names.contains(&name.as_str())).and_then(|(_, value)| value.as_deref())
    }

    /// All values of a flag.
    pub(super) fn values(&self, names: &[&str]) -> Vec<&str> {
        self.flags
            .iter()
            .filter(|(name, _)| names.contains(&name.as_str()))
            .filter_map(|(_, value)| value.as_deref())
            .collect()
    }

    /// Whether a flag is there, and not switched off.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.flags.iter().any(|(name, value)| names.contains(&name.as_str()) && value.as_deref() != Some("false"))
    }

    /// What is no flag, as texts.
    pub(super) fn plain(&self) -> Vec<&str> {
        self.plain.iter().map(String::as_str).collect()
    }
}

/// Rows under a head, in columns as wide as they have to be.
pub(super) fn columns(rows: &[Vec<String>], between: &str) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(at) {
                Some(known) => *known = width.max(*known),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join(between).trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}
