//! Words expanded: variables, the output of commands, arithmetic, and the parting at spaces.

use std::collections::BTreeMap;

use super::words::{Part, Word};

/// What an expansion may ask for.
pub(super) trait Source {
    fn variable(&self, name: &str) -> Option<String>;
    /// What a command prints, without its last line's end.
    fn output(&mut self, script: &str) -> String;
}

/// Expands words; one that is empty and was not quoted is none.
pub(super) fn words(words: &[Word], source: &mut dyn Source) -> Vec<String> {
    words.iter().flat_map(|word| several(word, source)).collect()
}

/// Expands a word that stays one.
pub(super) fn one(word: &Word, source: &mut dyn Source) -> String {
    word.iter().map(|part| value(part, source).0).collect()
}

fn value(part: &Part, source: &mut dyn Source) -> (String, bool) {
    match part {
        Part::Text { text, quoted } => (text.clone(), *quoted),
        Part::Variable { name, default, quoted } => {
            let found = source.variable(name).filter(|value| default.is_none() || !value.is_empty());
            (found.or_else(|| default.clone()).unwrap_or_default(), *quoted)
        }
        Part::Command { script, quoted } => (source.output(script), *quoted),
        Part::Arithmetic(text) => (arithmetic(text, &|name| source.variable(name)).to_string(), true),
    }
}

fn several(word: &Word, source: &mut dyn Source) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for part in word {
        let splits = !matches!(part, Part::Text { .. } | Part::Arithmetic(_));
        let (text, quoted) = value(part, source);
        if quoted || !splits {
            match out.last_mut().filter(|_| open) {
                Some(last) => last.push_str(&text),
                None => out.push(text),
            }
            open = true;
            continue;
        }
        for (at, piece) in text.split_whitespace().enumerate() {
            match out.last_mut().filter(|_| open && at == 0 && !text.starts_with(char::is_whitespace)) {
                Some(last) => last.push_str(piece),
                None => out.push(piece.to_owned()),
            }
            open = true;
        }
        if text.ends_with(char::is_whitespace) {
            open = false;
        }
    }
    out
}

/// `1 + i * (2 - 3)`, in whole numbers; what is not understood is 0.
pub(super) fn arithmetic(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> i64 {
    let chars: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut calculator = Calculator { chars, at: 0, variable };
    calculator.level(0)
}

struct Calculator<'v> {
    chars: Vec<char>,
    at: usize,
    variable: &'v dyn Fn(&str) -> Option<String>,
}

/// Operators, the weakest first.
const LEVELS: [&[&str]; 4] = [&["==", "!="], &["<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

impl Calculator<'_> {
    fn takes(&mut self, text: &str) -> bool {
        let there = text.chars().enumerate().all(|(ahead, c)| self.chars.get(self.at + ahead) == Some(&c));
        if there {
            self.at += text.len();
        }
        there
    }

    fn level(&mut self, level: usize) -> i64 {
        let Some(operators) = LEVELS.get(level) else { return self.value() };
        let mut left = self.level(level + 1);
        while let Some(operator) = operators.iter().find(|operator| self.takes(operator)) {
            let right = self.level(level + 1);
            left = match *operator {
                "+" => left.wrapping_add(right),
                "-" => left.wrapping_sub(right),
                "*" => left.wrapping_mul(right),
                "/" => left.checked_div(right).unwrap_or(0),
                "%" => left.checked_rem(right).unwrap_or(0),
                "==" => i64::from(left == right),
                "!=" => i64::from(left != right),
                "<=" => i64::from(left <= right),
                ">=" => i64::from(left >= right),
                "<" => i64::from(left < right),
                _ => i64::from(left > right),
            };
        }
        left
    }

    fn value(&mut self) -> i64 {
        if self.takes("(") {
            let inner = self.level(0);
            self.takes(")");
            return inner;
        }
        if self.takes("-") {
            return self.value().wrapping_neg();
        }
        self.takes("$");
        let mut word = String::new();
        while let Some(c) = self.chars.get(self.at).filter(|c| c.is_ascii_alphanumeric() || **c == '_') {
            word.push(*c);
            self.at += 1;
        }
        word.parse().unwrap_or_else(|_| (self.variable)(&word).and_then(|text| text.trim().parse().ok()).unwrap_or(0))
    }
}

/// A source of nothing but variables.
impl Source for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }

    fn output(&mut self, _script: &str) -> String {
        String::new()
    }
}
