//! What LogsQL does with rows: `limit`, `sort`, `fields`, `stats`, `uniq` and their like.

use std::collections::{BTreeMap, BTreeSet};

use super::Row;
use super::filter::{self, Filter, Word};

/// One step.
#[derive(Debug, Clone)]
pub(super) enum Pipe {
    Limit(usize),
    Skip(usize),
    Fields(Vec<String>),
    Delete(Vec<String>),
    Sort { by: Vec<(String, bool)>, limit: Option<usize> },
    Uniq(Vec<String>),
    Filter(Filter),
    Stats { by: Vec<String>, of: Vec<Stat> },
}

/// `count() as hits`
#[derive(Debug, Clone)]
pub(super) struct Stat {
    function: String,
    fields: Vec<String>,
    name: String,
}

struct Reader<'w> {
    words: &'w [Word],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Word> {
        self.at += 1;
        self.words.get(self.at - 1)
    }

    fn take(&mut self, text: &str) -> bool {
        let is = self.words.get(self.at).is_some_and(|word| word.is(text));
        self.at += usize::from(is);
        is
    }

    /// `a, b desc, c`, in brackets or not.
    fn names(&mut self) -> Vec<(String, bool)> {
        let brackets = self.take("(");
        let mut out: Vec<(String, bool)> = Vec::new();
        while let Some(word) = self.words.get(self.at) {
            if word.is(")") {
                self.at += usize::from(brackets);
                break;
            }
            if !brackets && (word.is("limit") || word.is("desc")) && !out.is_empty() {
                break;
            }
            self.at += 1;
            match word {
                word if word.is(",") || word.is("asc") => {}
                word if word.is("desc") => out.iter_mut().last().into_iter().for_each(|last| last.1 = true),
                word => out.push((word.text.clone(), false)),
            }
        }
        out
    }
}

/// Reads a pipe.
pub(super) fn parse(words: &[Word]) -> Result<Pipe, String> {
    let mut reader = Reader { words, at: 0 };
    let name = reader.next().map(|word| word.text.to_lowercase()).ok_or("missing pipe name")?;
    let plain = |names: Vec<(String, bool)>| names.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let count = |reader: &mut Reader<'_>, default: usize| match reader.next() {
        Some(word) => {
            word.text.parse::<usize>().map_err(|_| format!("cannot parse {:?} as a number of rows", word.text))
        }
        None => Ok(default),
    };
    match name.as_str() {
        "limit" | "head" => Ok(Pipe::Limit(count(&mut reader, 10)?)),
        "offset" | "skip" => Ok(Pipe::Skip(count(&mut reader, 0)?)),
        "fields" | "keep" => Ok(Pipe::Fields(plain(reader.names()))),
        "delete" | "rm" | "drop" | "del" => Ok(Pipe::Delete(plain(reader.names()))),
        "sort" | "order" => {
            reader.take("by");
            let mut by = reader.names();
            if reader.take("desc") {
                by.iter_mut().for_each(|one| one.1 = true);
            }
            let limit = if reader.take("limit") { Some(count(&mut reader, 10)?) } else { None };
            Ok(Pipe::Sort { by: if by.is_empty() { vec![("_time".into(), false)] } else { by }, limit })
        }
        "uniq" => {
            reader.take("by");
            Ok(Pipe::Uniq(plain(reader.names())))
        }
        "filter" | "where" => Ok(Pipe::Filter(filter::parse(&words[1..])?)),
        "stats" => stats(&mut reader),
        "count" => {
            reader.at = 0;
            stats(&mut reader)
        }
        other => Err(format!("unsupported pipe {other:?}")),
    }
}

fn stats(reader: &mut Reader<'_>) -> Result<Pipe, String> {
    let by = if reader.take("by") || reader.words.get(reader.at).is_some_and(|word| word.is("(")) {
        reader.names().into_iter().map(|(name, _)| name).collect()
    } else {
        Vec::new()
    };
    let mut of = Vec::new();
    while let Some(function) = reader.next().map(|word| word.text.to_lowercase()) {
        if !["count", "count_uniq", "sum", "avg", "min", "max", "uniq_values"].contains(&function.as_str()) {
            return Err(format!("unknown stats func {function:?}"));
        }
        let fields: Vec<String> = reader.names().into_iter().map(|(name, _)| name).collect();
        reader.take("as");
        let named = reader.words.get(reader.at).filter(|word| !word.is(",")).map(|word| word.text.clone());
        reader.at += usize::from(named.is_some());
        let name = named.unwrap_or_else(|| {
            format!("{function}({})", if fields.is_empty() { "*".into() } else { fields.join(",") })
        });
        of.push(Stat { function, fields, name });
        reader.take(",");
    }
    if of.is_empty() { Err("missing stats func".into()) } else { Ok(Pipe::Stats { by, of }) }
}

impl Pipe {
    /// The fields that statistics are made by; none where this is another pipe.
    pub(super) fn by(&self) -> Option<&Vec<String>> {
        match self {
            Self::Stats { by, .. } => Some(by),
            _ => None,
        }
    }

    /// The rows that come out.
    pub(super) fn apply(&self, mut rows: Vec<Row>) -> Vec<Row> {
        match self {
            Self::Limit(most) => rows.truncate(*most),
            Self::Skip(count) => drop(rows.drain(..(*count).min(rows.len()))),
            Self::Fields(names) => rows
                .iter_mut()
                .for_each(|row| row.retain(|key, _| names.contains(key) || names.iter().any(|n| n == "*"))),
            Self::Delete(names) => rows.iter_mut().for_each(|row| row.retain(|key, _| !names.contains(key))),
            // What asks for the time of the lab has passed its filter before.
            Self::Filter(filter) => rows.retain(|row| filter.lets(row, jiff::Timestamp::MIN)),
            Self::Sort { by, limit } => {
                let get = |row: &Row, field: &str| row.get(field).cloned().unwrap_or_default();
                rows.sort_by(|a, b| {
                    by.iter().fold(std::cmp::Ordering::Equal, |order, (field, down)| {
                        let (a, b) = (get(a, field), get(b, field));
                        let own = match (a.parse::<f64>(), b.parse::<f64>()) {
                            (Ok(a), Ok(b)) => a.total_cmp(&b),
                            _ => a.cmp(&b),
                        };
                        order.then(if *down { own.reverse() } else { own })
                    })
                });
                rows.truncate(limit.unwrap_or(usize::MAX));
            }
            Self::Uniq(names) => {
                let mut seen = BTreeSet::new();
                rows.iter_mut().for_each(|row| row.retain(|key, _| names.is_empty() || names.contains(key)));
                rows.retain(|row| seen.insert(row.clone()));
            }
            Self::Stats { by, of } => return statistics(&rows, by, of),
        }
        rows
    }
}

fn statistics(rows: &[Row], by: &[String], of: &[Stat]) -> Vec<Row> {
    let mut groups: BTreeMap<Row, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let key = by.iter().map(|field| (field.clone(), row.get(field).cloned().unwrap_or_default())).collect();
        groups.entry(key).or_default().push(row);
    }
    if groups.is_empty() && by.is_empty() {
        groups.insert(Row::new(), Vec::new());
    }
    let one = |(mut out, rows): (Row, Vec<&Row>)| {
        for stat in of {
            out.insert(stat.name.clone(), stat.value(&rows));
        }
        out
    };
    groups.into_iter().map(one).collect()
}

impl Stat {
    fn value(&self, rows: &[&Row]) -> String {
        let all = self.fields.is_empty() || self.fields.iter().any(|field| field == "*");
        let values = || rows.iter().flat_map(|row| self.fields.iter().filter_map(|field| row.get(field)));
        let numbers = || values().filter_map(|value| value.parse::<f64>().ok());
        match self.function.as_str() {
            "count" if all => rows.len().to_string(),
            "count" => values().filter(|value| !value.is_empty()).count().to_string(),
            "count_uniq" => values().collect::<BTreeSet<_>>().len().to_string(),
            "uniq_values" => serde_json::json!(values().collect::<BTreeSet<_>>()).to_string(),
            "sum" => numbers().sum::<f64>().to_string(),
            "avg" => (numbers().sum::<f64>() / numbers().count() as f64).to_string(),
            "min" => values().min().cloned().unwrap_or_default(),
            _ => values().max().cloned().unwrap_or_default(),
        }
    }
}
