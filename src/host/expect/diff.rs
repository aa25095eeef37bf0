//! Where two structures differ: one line a path, what is the same left out.

use std::collections::BTreeMap;

use rhai::Dynamic;

use crate::host::object::{equal, fields, items, key_step};
use crate::host::values::show;

/// Lines of a difference.
const LINES: usize = 20;

/// The paths at which two structures differ; nothing for plain values, whose whole is told anyway.
pub(super) fn diff(actual: &Dynamic, expected: &Dynamic) -> Vec<String> {
    let mut lines = Vec::new();
    walk("", actual, expected, &mut lines);
    if let [only] = lines.as_slice()
        && only.starts_with(':')
    {
        return Vec::new();
    }
    if lines.len() > LINES {
        let more = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn walk(path: &str, actual: &Dynamic, expected: &Dynamic, lines: &mut Vec<String>) {
    if equal(actual, expected) {
        return;
    }
    if let (Some(actual), Some(expected)) = (fields(actual), fields(expected)) {
        let actual: BTreeMap<_, _> = actual.into_iter().collect();
        let expected: BTreeMap<_, _> = expected.into_iter().collect();
        for (key, wanted) in &expected {
            let path = format!("{path}{}", key_step(path, key));
            match actual.get(key) {
                Some(found) => walk(&path, found, wanted, lines),
                None => lines.push(format!("{path}: expected {}, is absent", show(wanted))),
            }
        }
        for (key, found) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
            lines.push(format!("{path}{}: not expected, is {}", key_step(path, key), show(found)));
        }
        return;
    }
    if let (Some(actual), Some(expected)) = (items(actual), items(expected)) {
        for at in 0..actual.len().max(expected.len()) {
            let path = format!("{path}[{at}]");
            match (actual.get(at), expected.get(at)) {
                (Some(found), Some(wanted)) => walk(&path, found, wanted, lines),
                (None, Some(wanted)) => lines.push(format!("{path}: expected {}, is absent", show(wanted))),
                (Some(found), None) => lines.push(format!("{path}: not expected, is {}", show(found))),
                (None, None) => {}
            }
        }
        return;
    }
    lines.push(format!("{path}: expected {}, is {}", show(expected), show(actual)));
}
