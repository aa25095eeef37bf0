//! Where the columns of a printed table stand, and which of them a value belongs to.

use std::ops::Range;

use crate::error::{Error, Kind};

/// A part of a line: its characters' places and its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    place: Range<usize>,
    text: String,
}

/// The columns of one table.
#[derive(Debug)]
pub(super) struct Columns {
    titles: Vec<Part>,
    /// The parts are separated by tabs, and their places do not matter.
    tabs: bool,
}

/// The titles of a header line; `named` says them where they cannot be told apart.
pub(super) fn titles(header: &str, named: Option<&[String]>) -> Result<Vec<Part>, Error> {
    let Some(named) = named else { return Ok(split(header)) };
    let mut found: Vec<Part> = Vec::new();
    let mut from = 0;
    for name in named {
        let at = header.get(from..).and_then(|rest| rest.find(name.as_str())).map(|at| from + at);
        let Some(at) = at.filter(|_| !name.is_empty()) else {
            return Err(Error::new(Kind::Unreadable, format!("the table has no column {name:?} at its place"))
                .because(format!("titles: {header}")));
        };
        let start = header[..at].chars().count();
        found.push(Part { place: start..start + name.chars().count(), text: name.clone() });
        from = at + name.len();
    }
    Ok(found)
}

impl Columns {
    pub(super) fn new(header: &str, titles: Vec<Part>) -> Self {
        Self { tabs: header.trim().contains('\t'), titles }
    }

    /// The keys of the columns, in order, no two the same.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for title in &self.titles {
            let plain = key(&title.text);
            let mut name = plain.clone();
            let mut count = 1;
            while keys.contains(&name) {
                count += 1;
                name = format!("{plain}_{count}");
            }
            keys.push(name);
        }
        keys
    }

    /// The values of a line, one a column.
    pub(super) fn cells(&self, line: &str) -> Result<Vec<String>, String> {
        let mut cells = vec![String::new(); self.titles.len()];
        if self.tabs {
            for (at, value) in line.split('\t').map(str::trim).enumerate() {
                match cells.get_mut(at) {
                    Some(cell) => *cell = value.into(),
                    None if value.is_empty() => {}
                    None => {
                        return Err(format!(
                            "{value:?} stands in column {}, and there are {}",
                            at + 1,
                            self.titles.len()
                        ));
                    }
                }
            }
            return Ok(cells);
        }
        let mut last: Option<usize> = None;
        for part in split(line) {
            for (column, text) in self.columns_of(&part)? {
                let cell = &mut cells[column];
                match last {
                    Some(last) if column < last => {
                        return Err(format!("{text:?} stands under {:?}, out of order", self.titles[column].text));
                    }
                    // Free text in the last column may have wide gaps of its own.
                    Some(last) if column == last && column + 1 == self.titles.len() => {
                        cell.push_str("  ");
                        cell.push_str(&text);
                    }
                    Some(last) if column == last => {
                        return Err(format!("{cell:?} and {text:?} both stand under {:?}", self.titles[column].text));
                    }
                    _ => *cell = text,
                }
                last = Some(column);
            }
        }
        Ok(cells)
    }

    /// The column of a part; of several, where its words stand under different titles.
    fn columns_of(&self, part: &Part) -> Result<Vec<(usize, String)>, String> {
        let under = self.under(&part.place);
        let last = self.titles.len() - 1;
        match under.as_slice() {
            [] => Ok(vec![(self.nearest(&part.place), part.text.clone())]),
            [column] => Ok(vec![(*column, part.text.clone())]),
            // Neighbours that are one space apart: each word goes to its own title.
            _ => {
                let mut found: Vec<(usize, String)> = Vec::new();
                for word in words(part) {
                    let column = match self.under(&word.place).as_slice() {
                        [] => self.nearest(&word.place),
                        [column] => *column,
                        // A long word of the last column may begin early.
                        several if several.contains(&last) && found.last().is_some_and(|(c, _)| *c == last) => last,
                        [one, other, ..] => {
                            return Err(format!(
                                "{:?} stands under both {:?} and {:?}",
                                word.text, self.titles[*one].text, self.titles[*other].text
                            ));
                        }
                    };
                    match found.last_mut() {
                        Some((same, text)) if *same == column => {
                            text.push(' ');
                            text.push_str(&word.text);
                        }
                        _ => found.push((column, word.text)),
                    }
                }
                Ok(found)
            }
        }
    }

    /// The titles that a place lies under.
    fn under(&self, place: &Range<usize>) -> Vec<usize> {
        let touches = |title: &Part| title.place.start < place.end && place.start < title.place.end;
        (0..self.titles.len()).filter(|at| touches(&self.titles[*at])).collect()
    }

    /// The title with the smallest gap to a place that lies under none.
    fn nearest(&self, place: &Range<usize>) -> usize {
        let gap =
            |title: &Part| title.place.start.saturating_sub(place.end).max(place.start.saturating_sub(title.place.end));
        (0..self.titles.len()).min_by_key(|at| gap(&self.titles[*at])).unwrap_or(0)
    }
}

/// The parts of a line that are separated by tabs or by two or more spaces.
fn split(line: &str) -> Vec<Part> {
    let wide = !line.trim().contains('\t');
    parts(line, |gap| if wide { gap.len() >= 2 } else { gap.contains(&'\t') })
}

/// The words of a part.
fn words(part: &Part) -> Vec<Part> {
    let mut words = parts(&part.text, |_| true);
    for word in &mut words {
        word.place = word.place.start + part.place.start..word.place.end + part.place.start;
    }
    words
}

/// The parts of a line, cut at those gaps of white space that separate.
fn parts(line: &str, separates: impl Fn(&[char]) -> bool) -> Vec<Part> {
    let chars: Vec<char> = line.chars().collect();
    let mut found: Vec<Part> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let gap = chars[at..].iter().take_while(|c| c.is_whitespace()).count();
        let start = at + gap;
        let end = start + chars[start..].iter().take_while(|c| !c.is_whitespace()).count();
        if start == end {
            break;
        }
        match found.last_mut() {
            Some(part) if !separates(&chars[at..start]) => {
                part.place.end = end;
                part.text.extend(&chars[at..end]);
            }
            _ => found.push(Part { place: start..end, text: chars[start..end].iter().collect() }),
        }
        at = end;
    }
    found
}

/// `NOMINATED NODE` → `nominated_node`
fn key(title: &str) -> String {
    let mut key = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            key.push(c);
        } else if !key.ends_with('_') && !key.is_empty() {
            key.push('_');
        }
    }
    let key = key.trim_end_matches('_');
    if key.is_empty() { "column".into() } else { key.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_lower_case_words() {
        for (title, expected) in [
            ("NOMINATED NODE", "nominated_node"),
            ("%RAW USED", "raw_used"),
            ("PORT(S)", "port_s"),
            ("ID", "id"),
            ("#", "column"),
        ] {
            assert_eq!(key(title), expected);
        }
    }

    #[test]
    fn the_same_key_twice_is_told_apart() {
        let columns = Columns::new("A  a  A", split("A  a  A"));
        assert_eq!(columns.keys(), ["a", "a_2", "a_3"]);
    }
}
