//! LogsQL's filters: words and phrases, fields, streams, times, and how they are put together.

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::Row;
use crate::lab::services::promql::{self, Matcher};

/// A filter.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    All,
    /// A field has something; the test, and what it is held to.
    Field {
        field: String,
        test: Test,
    },
    Stream(Vec<Matcher>),
    /// No older than this.
    Since(SignedDuration),
    Not(Box<Filter>),
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    /// Has it as a whole word or phrase.
    Phrase(String),
    /// Has a word that begins like this.
    Prefix(String),
    Exact(String),
    Regex(Regex),
    /// Is there at all.
    Any,
    /// Is not there, or empty.
    Empty,
    Number(String, f64),
}

/// A word of a query, with whether it was quoted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) quoted: bool,
}

impl Word {
    pub(super) fn is(&self, text: &str) -> bool {
        !self.quoted && self.text.eq_ignore_ascii_case(text)
    }
}

/// The words before the first pipe, and those of each pipe.
pub(super) fn split(text: &str) -> Result<(Vec<Word>, Vec<Vec<Word>>), String> {
    let mut all = vec![Vec::new()];
    let mut rest = text;
    let plain = |c: char| !c.is_whitespace() && !"\"'`{}()|,:=!<>~".contains(c);
    while let Some(first) = rest.chars().next() {
        let word = |text: &str, quoted| Word { text: text.into(), quoted };
        if first.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        let (found, after) = if matches!(first, '"' | '\'' | '`') {
            let (text, after) = quoted(rest, first)?;
            (Word { text, quoted: true }, after)
        } else if first == '{' {
            let end = rest.find('}').ok_or("missing '}' in stream filter")?;
            (word(&rest[..=end], false), &rest[end + 1..])
        } else if let Some(sign) =
            [":=", ":~", ":>=", ":<=", ":>", ":<", ":!", "!=", "!~"].iter().find(|sign| rest.starts_with(**sign))
        {
            (word(sign, false), &rest[sign.len()..])
        } else if first == '|' {
            all.push(Vec::new());
            rest = &rest[1..];
            continue;
        } else if plain(first) {
            let end = rest.find(|c| !plain(c)).unwrap_or(rest.len());
            (word(&rest[..end], false), &rest[end..])
        } else {
            (word(&rest[..first.len_utf8()], false), &rest[first.len_utf8()..])
        };
        if let Some(last) = all.last_mut() {
            last.push(found);
        }
        rest = after;
    }
    let pipes = all.split_off(1);
    let filter = all.pop().unwrap_or_default();
    if filter.is_empty() {
        return Err("query can't be empty".into());
    }
    Ok((filter, pipes))
}

fn quoted(text: &str, mark: char) -> Result<(String, &str), String> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == mark => return Ok((out, &text[at + c.len_utf8()..])),
            '\\' if mark != '`' => out.extend(chars.next().map(|(_, c)| if c == 'n' { '\n' } else { c })),
            c => out.push(c),
        }
    }
    Err("missing closing quote".into())
}

struct Parser<'w> {
    words: &'w [Word],
    at: usize,
    depth: usize,
}

/// Reads a filter.
pub(super) fn parse(words: &[Word]) -> Result<Filter, String> {
    let mut parser = Parser { words, at: 0, depth: 0 };
    let filter = parser.either()?;
    match parser.words.get(parser.at) {
        None => Ok(filter),
        Some(word) => Err(format!("unexpected {:?}", word.text)),
    }
}

impl Parser<'_> {
    fn peek(&self, text: &str) -> bool {
        self.words.get(self.at).is_some_and(|word| word.is(text))
    }

    fn take(&mut self, text: &str) -> bool {
        let is = self.peek(text);
        self.at += usize::from(is);
        is
    }

    fn next(&mut self) -> Result<Word, String> {
        let word = self.words.get(self.at).cloned().ok_or("unexpected end of the query")?;
        self.at += 1;
        Ok(word)
    }

    fn either(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("the query is nested too deeply".into());
        }
        let mut all = vec![self.both()?];
        while self.take("or") {
            all.push(self.both()?);
        }
        self.depth -= 1;
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::Or(all) })
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.one()?];
        while self.at < self.words.len() && !self.peek("or") && !self.peek(")") {
            self.take("and");
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > 50 {
            return Err("the query is nested too deeply".into());
        }
        let filter = self.part()?;
        self.depth -= 1;
        Ok(filter)
    }

    fn part(&mut self) -> Result<Filter, String> {
        if self.take("not") || self.take("!") || self.take("-") {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.take("(") {
            let inner = self.either()?;
            return if self.take(")") { Ok(inner) } else { Err("missing ')'".into()) };
        }
        let word = self.next()?;
        if !word.quoted && word.text.starts_with('{') {
            return Ok(Filter::Stream(if word.text == "{}" { Vec::new() } else { promql::selector(&word.text)? }));
        }
        if word.is("*") {
            return Ok(Filter::All);
        }
        if !word.quoted && "),|=<>~".contains(&word.text) {
            return Err(format!("unexpected {:?}", word.text));
        }
        let sign =
            self.words.get(self.at).filter(|word| !word.quoted).map(|word| word.text.clone()).unwrap_or_default();
        if matches!(sign.as_str(), ":" | ":=" | ":~" | ":!" | ":>" | ":<" | ":>=" | ":<=") {
            self.at += 1;
            return self.of_field(&word.text, &sign);
        }
        Ok(Filter::Field { field: "_msg".into(), test: phrase(&word) })
    }

    fn of_field(&mut self, field: &str, sign: &str) -> Result<Filter, String> {
        let make = |test| Filter::Field { field: field.into(), test };
        if sign == ":" && self.peek("(") {
            self.at += 1;
            let mut all = Vec::new();
            while !self.take(")") {
                if !self.take("or") {
                    let word = self.next()?;
                    all.push(make(phrase(&word)));
                }
            }
            return Ok(Filter::Or(all));
        }
        let word = self.next()?;
        if field == "_stream" && sign == ":" && word.text.starts_with('{') {
            return Ok(Filter::Stream(promql::selector(&word.text)?));
        }
        if field == "_time" {
            let span =
                promql::duration(&word.text).ok_or_else(|| format!("cannot parse the duration {:?}", word.text))?;
            return Ok(Filter::Since(SignedDuration::from_secs_f64(span)));
        }
        Ok(match sign {
            ":=" => make(Test::Exact(word.text)),
            ":!" => Filter::Not(Box::new(make(phrase(&word)))),
            ":~" => make(Test::Regex(Regex::new(&word.text).map_err(|e| format!("invalid regexp: {e}"))?)),
            ":" if word.is("*") => make(Test::Any),
            ":" if word.quoted && word.text.is_empty() => make(Test::Empty),
            ":" => make(phrase(&word)),
            sign => make(Test::Number(
                sign[1..].into(),
                word.text.parse().map_err(|_| format!("cannot parse number {:?}", word.text))?,
            )),
        })
    }
}

fn phrase(word: &Word) -> Test {
    match word.text.strip_suffix('*').filter(|_| !word.quoted) {
        Some(begin) => Test::Prefix(begin.to_lowercase()),
        None => Test::Phrase(word.text.clone()),
    }
}

impl Filter {
    /// Whether a row passes.
    pub(super) fn lets(&self, row: &Row, now: Timestamp) -> bool {
        match self {
            Self::All => true,
            Self::Not(inner) => !inner.lets(row, now),
            Self::And(all) => all.iter().all(|one| one.lets(row, now)),
            Self::Or(all) => all.iter().any(|one| one.lets(row, now)),
            Self::Stream(matchers) => matchers.iter().all(|one| one.meets(row)),
            Self::Since(span) => {
                row.get("_time").and_then(|at| at.parse::<Timestamp>().ok()).is_some_and(|at| at >= now - *span)
            }
            Self::Field { field, test } => test.fits(row.get(field).map(String::as_str).unwrap_or_default()),
        }
    }
}

impl Test {
    fn fits(&self, value: &str) -> bool {
        let words = || value.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        match self {
            Self::Any => !value.is_empty(),
            Self::Empty => value.is_empty(),
            Self::Exact(text) => value == text,
            Self::Regex(regex) => regex.is_match(value),
            Self::Prefix(begin) => {
                words().any(|word| word.to_lowercase().starts_with(begin)) || value.to_lowercase().starts_with(begin)
            }
            Self::Number(sign, number) => value.parse::<f64>().is_ok_and(|own| match sign.as_str() {
                ">" => own > *number,
                "<" => own < *number,
                ">=" => own >= *number,
                _ => own <= *number,
            }),
            Self::Phrase(text) => value.match_indices(text.as_str()).any(|(at, found)| {
                // At the borders of words, as far as the phrase itself begins and ends with one.
                let within = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
                let before = within(value[..at].chars().next_back()) && within(found.chars().next());
                let after = within(value[at + found.len()..].chars().next()) && within(found.chars().next_back());
                !before && !after
            }),
        }
    }
}
