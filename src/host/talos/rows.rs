//! From what nodes told to what scripts get: lists of maps, each with the node that it is from.

use rhai::{Dynamic, Map};
use serde::Serialize;
use serde_json::Value;

use crate::client::talos::Told;
use crate::error::Error;
use crate::host::data::time::Time;
use crate::host::object::List;
use crate::host::values::{Size, to_dynamic};

/// The fields that are more than text and numbers.
const SIZES: &[&str] = &["db_size", "db_in_use", "total", "free", "available", "buffers", "cached", "used"];
const TIMES: &[&str] = &["since", "last_event_at", "booted"];

/// One row a node.
pub(super) fn one_each<T: Serialize>(told: Vec<Told<T>>, what: &str) -> List {
    let rows = told.into_iter().map(|told| match &told.answer {
        Ok(answer) => row(&told, answer),
        Err(error) => failed(&told, error),
    });
    List::new(rows.map(Dynamic::from_map).collect(), what)
}

/// A row for each of the things that a node told of; none of them is a statement, too, since nodes were asked.
pub(super) fn many_each<T: Serialize>(told: Vec<Told<Vec<T>>>, what: &str) -> List {
    let nodes = told.len();
    let mut rows = Vec::new();
    for told in told {
        match &told.answer {
            Ok(answers) => rows.extend(answers.iter().map(|answer| row(&told, answer))),
            Err(error) => rows.push(failed(&told, error)),
        }
    }
    if rows.is_empty() {
        return List::of_population(Vec::new(), nodes, what);
    }
    List::new(rows.into_iter().map(Dynamic::from_map).collect(), what)
}

/// Plain data as a map, with sizes and times as such.
pub(super) fn map<T: Serialize>(value: &T) -> Map {
    let Ok(Value::Object(fields)) = serde_json::to_value(value) else { return Map::new() };
    let field = |(key, value): (String, Value)| {
        let seen = match &value {
            Value::Number(bytes) if SIZES.contains(&key.as_str()) => bytes.as_u64().map(|b| Dynamic::from(Size(b))),
            Value::String(time) if TIMES.contains(&key.as_str()) => time.parse().ok().map(|t| Dynamic::from(Time(t))),
            _ => None,
        };
        (key.into(), seen.unwrap_or_else(|| to_dynamic(&value)))
    };
    fields.into_iter().map(field).collect()
}

fn row<T, U: Serialize>(told: &Told<T>, answer: &U) -> Map {
    let mut row = map(answer);
    from(&mut row, told);
    row.insert("error".into(), Dynamic::UNIT);
    row
}

fn failed<T>(told: &Told<T>, error: &Error) -> Map {
    let mut row = Map::new();
    from(&mut row, told);
    row.insert("error".into(), error.to_string().into());
    row
}

fn from<T>(row: &mut Map, told: &Told<T>) {
    row.insert("node".into(), told.node.as_str().into());
    // Who did not tell its name is known by what it was asked for.
    let name = if told.name.is_empty() { &told.node } else { &told.name };
    row.insert("name".into(), name.as_str().into());
}
