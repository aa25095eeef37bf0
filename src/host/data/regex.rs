//! `regex::` — regular expressions over text, in the syntax of Rust's `regex` crate.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use regex::Regex;
use rhai::{Array, Dynamic, Map};

use crate::error::{Error, Kind};
use crate::host::{HostResult, Module, Needs, Registrar};

pub(crate) const MODULE: Module = Module {
    name: "regex",
    about: "Regular expressions: test, find, capture, replace, split",
    needs: Needs::Nothing,
    register,
};

/// Compiled expressions that are kept. A script has a handful; this only bounds one that builds them in a loop.
const KEPT: usize = 256;

fn register(m: &mut Registrar) {
    m.path("is_match")
        .sig("(text: string, pattern: string) -> bool")
        .doc("Whether the pattern matches anywhere in the text. `^` and `$` pin it to the ends, `(?m)` makes them the lines' ends, `(?i)` ignores case. There are no look-arounds and no back-references, so that no pattern takes exponential time. Write patterns in backticks or double the backslashes. A pattern that does not compile is an error.")
        .example(r#"regex::is_match("node infra-02 is Ready", `infra-\d+`)"#)
        .add(|text: &str, pattern: &str| Ok::<_, Box<_>>(compiled(pattern)?.is_match(text)) as HostResult<bool>);
    m.path("find")
        .sig("(text: string, pattern: string) -> string | ()")
        .doc("The first part of the text that matches, or `()`.")
        .example(r#"regex::find("rtt 12.5 ms", `[\d.]+`) == "12.5""#)
        .add(|text: &str, pattern: &str| -> HostResult<Dynamic> {
            Ok(compiled(pattern)?.find(text).map_or(Dynamic::UNIT, |found| found.as_str().to_string().into()))
        });
    m.path("find_all")
        .sig("(text: string, pattern: string) -> array of strings")
        .doc("All parts of the text that match, in order, not overlapping.")
        .example(r#"regex::find_all("10.1.0.1 via 10.2.0.1", `\d+(\.\d+){3}`).len() == 2"#)
        .add(|text: &str, pattern: &str| -> HostResult<Array> {
            Ok(compiled(pattern)?.find_iter(text).map(|found| found.as_str().to_string().into()).collect())
        });
    m.path("captures")
        .sig("(text: string, pattern: string) -> map | ()")
        .doc("The groups of the first match, or `()`. Keys: the name of each named group `(?<name>…)`, and every group's number as a string, `\"0\"` for the whole. A group that took no part is `()`.")
        .example(r#"let c = regex::captures("v1.20.15", `v(?<major>\d+)\.(?<minor>\d+)`); c.minor == "20" && c["0"] == "v1.20""#)
        .add(|text: &str, pattern: &str| -> HostResult<Dynamic> {
            let regex = compiled(pattern)?;
            Ok(regex.captures(text).map_or(Dynamic::UNIT, |found| groups(&regex, &found).into()))
        });
    m.path("captures_all")
        .sig("(text: string, pattern: string) -> array of maps")
        .doc("The groups of every match, in order; each as `regex::captures` gives it.")
        .example(r#"regex::captures_all("a=1 b=2", `(?<key>\w)=(?<value>\d)`).map(|c| c.value) == ["1", "2"]"#)
        .add(|text: &str, pattern: &str| -> HostResult<Array> {
            let regex = compiled(pattern)?;
            Ok(regex.captures_iter(text).map(|found| groups(&regex, &found).into()).collect())
        });
    m.path("replace")
        .sig("(text: string, pattern: string, with: string) -> string")
        .doc("The text with every match replaced. In `with`, `$1` or `${name}` stands for a group and `$$` for a dollar sign. The text itself is left as it is.")
        .example(r#"regex::replace("10.0.0.1:179", `:\d+$`, "") == "10.0.0.1""#)
        .add(|text: &str, pattern: &str, with: &str| -> HostResult<String> {
            Ok(compiled(pattern)?.replace_all(text, with).into_owned())
        });
    m.path("split")
        .sig("(text: string, pattern: string) -> array of strings")
        .doc("The parts of the text between the matches. A match at an end gives an empty part there.")
        .example(r#"regex::split("a,  b;c", `[,;]\s*`) == ["a", "b", "c"]"#)
        .add(|text: &str, pattern: &str| -> HostResult<Array> {
            Ok(compiled(pattern)?.split(text).map(|part| part.to_string().into()).collect())
        });
    m.path("escape")
        .sig("(text: string) -> string")
        .doc("A pattern that matches exactly this text.")
        .example(r#"regex::is_match("a.b", "^" + regex::escape("a.b") + "$")"#)
        .add(|text: &str| regex::escape(text));
}

fn groups(regex: &Regex, found: &regex::Captures<'_>) -> Map {
    let mut map = Map::new();
    for (at, name) in regex.capture_names().enumerate() {
        let value = found.get(at).map_or(Dynamic::UNIT, |group| group.as_str().to_string().into());
        if let Some(name) = name {
            map.insert(name.into(), value.clone());
        }
        map.insert(at.to_string().into(), value);
    }
    map
}

/// The expression, compiled once however often a loop uses it.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, Error> {
    static CACHE: OnceLock<Mutex<HashMap<String, Regex>>> = OnceLock::new();
    let mut cache = CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = cache.get(pattern) {
        return Ok(regex.clone());
    }
    let regex = Regex::new(pattern).map_err(|e| {
        Error::new(Kind::Script, format!("the regular expression {pattern:?} does not compile"))
            .because(e)
            .hint("in a \"…\" string a backslash is written twice; in backticks once")
    })?;
    if cache.len() >= KEPT {
        cache.clear();
    }
    cache.insert(pattern.to_string(), regex.clone());
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    #[test]
    fn a_bad_pattern_is_shown_with_the_place() {
        let error = eval(r#"regex::is_match("x", "a(b")"#).unwrap_err();
        assert_eq!(error.kind, Kind::Script);
        assert!(error.to_string().contains("unclosed group"), "{error}");
    }

    #[test]
    fn a_group_that_took_no_part_is_unit() {
        assert!(
            eval(r#"let c = regex::captures("b", `(?<a>a)|b`); c.a == () && c["0"] == "b""#)
                .unwrap()
                .as_bool()
                .unwrap()
        );
        assert!(eval(r#"regex::captures("x", `y`) == () && regex::find("x", `y`) == ()"#).unwrap().as_bool().unwrap());
        assert!(eval(r#"regex::find_all("x", `y`).len() == 0"#).unwrap().as_bool().unwrap());
    }

    #[test]
    fn the_cache_stays_bounded() {
        for n in 0..600 {
            assert!(compiled(&format!("^{n}$")).unwrap().is_match(&n.to_string()));
        }
    }
}
