//! Flux's variable substitution: `${name}` in its forms, over every string of what was built.
//!
//! The grammar is that of Flux's `envsubst`: a name of letters, digits and `_`; `:=`, `:-` and `=` give a default, other
//! functions of the shell give none; `$${` is a `${` that stays. Comments are no part of what is built.

use std::collections::BTreeMap;

use crate::gitops::yaml::{At, Node, Value};

/// What a Kustomization substitutes.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// The values by name, with their places; none where a value comes from outside.
    pub values: BTreeMap<String, (Option<String>, At)>,
    /// Whether there may be names that are not seen.
    pub open: bool,
    /// Whether Flux substitutes at all: it does not where a Kustomization names no variables.
    pub any: bool,
}

/// What stands in a text in the place of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A variable without value and default: it becomes empty.
    Undefined(String),
    /// A `${` that can't be read: the build fails.
    Broken(String),
}

/// Substitutes in every string of a value. Trouble is told with its place.
pub fn substitute(node: &mut Node, variables: &Variables, tell: &mut impl FnMut(At, Trouble)) {
    let at = node.clone_place();
    match &mut node.value {
        Value::Seq(items) => items.iter_mut().for_each(|item| substitute(item, variables, tell)),
        Value::Map(entries) => {
            for (key, value) in entries {
                if key.text.contains("${") {
                    let at = key.at;
                    key.text = text(&key.text, variables, &mut |_, trouble| tell(at, trouble)).0;
                }
                substitute(value, variables, tell);
            }
        }
        Value::Scalar(scalar) if scalar.text.contains("${") => {
            let (new, unknown) = text(&scalar.text, variables, &mut |nth, trouble| tell(at.line(nth), trouble));
            scalar.unknown |= unknown;
            // What was quoted only for the `${` is read anew: `"${COUNT}"` becomes a number.
            scalar.plain = !unknown && !new.is_empty();
            scalar.text = new;
        }
        Value::Scalar(_) => {}
    }
}

/// A place that outlives the borrow of its node.
struct Place {
    at: At,
    block: bool,
}

impl Place {
    fn line(&self, nth: usize) -> At {
        let more = if self.block { u32::try_from(nth).unwrap_or(0) } else { 0 };
        At { line: self.at.line + more, ..self.at }
    }
}

impl Node {
    fn clone_place(&self) -> Place {
        Place { at: self.at, block: self.scalar().is_some_and(|scalar| scalar.block) }
    }
}

/// A text with its variables replaced, and whether a part of it is not known. Trouble comes with the line of the text,
/// from 0.
pub(super) fn text(text: &str, variables: &Variables, tell: &mut impl FnMut(usize, Trouble)) -> (String, bool) {
    let (mut out, mut unknown, mut rest) = (String::new(), false, text);
    while let Some(start) = rest.find("${") {
        let line = text[..text.len() - rest.len() + start].matches('\n').count();
        if start > 0 && rest.as_bytes()[start - 1] == b'$' {
            out += &rest[..start - 1];
            out += "${";
            rest = &rest[start + 2..];
            continue;
        }
        out += &rest[..start];
        match expression(&rest[start..], variables, &mut |trouble| tell(line, trouble)) {
            Ok((value, end)) => {
                unknown |= value.is_none();
                out += value.as_deref().unwrap_or(&rest[start..start + end]);
                rest = &rest[start + end..];
            }
            Err(why) => {
                let shown: String = rest[start..].chars().take_while(|c| *c != '\n').take(30).collect();
                tell(line, Trouble::Broken(format!("{shown}: {why}")));
                out += &rest[start..start + 2];
                rest = &rest[start + 2..];
            }
        }
    }
    out += rest;
    (out, unknown)
}

type Tell<'a> = &'a mut dyn FnMut(Trouble);

/// The value of an expression that a text begins with, none where it is not known; and where it ends.
fn expression(text: &str, variables: &Variables, tell: Tell<'_>) -> Result<(Option<String>, usize), &'static str> {
    let body = &text[2..];
    if let Some(length) = body.strip_prefix('#') {
        let end = length.find(|c: char| !name_char(c)).filter(|end| length[*end..].starts_with('}'));
        return end.map(|end| (None, 2 + 1 + end + 1)).ok_or("a length that does not end with }");
    }
    let end = body.find(|c: char| !name_char(c)).ok_or("it does not end")?;
    let (name, after) = body.split_at(end);
    if name.is_empty() {
        return Err("it has no name");
    }
    let value = variables.values.get(name).map(|(value, _)| value.clone());
    let mut missing = || {
        if !variables.open {
            tell(Trouble::Undefined(name.to_owned()));
        }
        if variables.open { None } else { Some(String::new()) }
    };
    let default = [":=", ":-", "="].iter().find(|op| after.starts_with(**op));
    if after.starts_with('}') {
        return Ok((value.unwrap_or_else(&mut missing), 2 + end + 1));
    }
    let Some(default) = default else {
        // Functions change a value in ways that are not worked out here.
        if !after.starts_with([':', ',', '^', '/', '#', '%']) {
            return Err("a } is expected after the name");
        }
        let close = after.find('}').ok_or("it does not end")?;
        let guarded = after.starts_with(":+") || after.starts_with(":?");
        if value.is_none() && !guarded {
            missing();
        }
        return Ok((None, 2 + end + close + 1));
    };
    let (given, length) = word(&after[default.len()..], variables, tell)?;
    let total = 2 + end + default.len() + length + 1;
    Ok(match value {
        Some(Some(value)) if !value.is_empty() => (Some(value), total),
        Some(None) => (None, total),
        None if variables.open => (None, total),
        _ => (given, total),
    })
}

/// A default up to its `}`, with the expressions in it.
fn word(text: &str, variables: &Variables, tell: Tell<'_>) -> Result<(Option<String>, usize), &'static str> {
    let (mut out, mut at) = (Some(String::new()), 0);
    loop {
        let rest = &text[at..];
        if rest.starts_with('}') {
            return Ok((out, at));
        }
        if rest.starts_with("${") {
            let (value, end) = expression(rest, variables, tell)?;
            out = out.zip(value).map(|(out, value)| out + value.as_str());
            at += end;
            continue;
        }
        let c = rest.chars().next().ok_or("it does not end")?;
        out = out.map(|mut out| {
            out.push(c);
            out
        });
        at += c.len_utf8();
    }
}

fn name_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(given: &str) -> (String, bool, Vec<(usize, Trouble)>) {
        let values = [("A", Some("x")), ("EMPTY", Some("")), ("SECRET", None)];
        let values = values.map(|(name, value)| (name.to_owned(), (value.map(String::from), At::default())));
        let variables = Variables { values: values.into(), open: false, any: true };
        let mut troubles = Vec::new();
        let (out, unknown) = text(given, &variables, &mut |line, trouble| troubles.push((line, trouble)));
        (out, unknown, troubles)
    }

    #[test]
    fn values_defaults_and_what_stays() {
        for (given, wanted) in [
            ("a ${A} b", "a x b"),
            ("${B:=y}${B:-z}${B=w}", "yzw"),
            ("${B:=}", ""),
            ("${EMPTY:-d}", "d"),
            ("${B:=${A}-1}", "x-1"),
            ("$A $(A) $${A} $", "$A $(A) ${A} $"),
            ("no variables {{ .x }}", "no variables {{ .x }}"),
        ] {
            assert_eq!(run(given), (wanted.to_owned(), false, Vec::new()), "{given}");
        }
        assert!(run("${SECRET}").1 && run("${SECRET:=x}").1 && run("${A,,}").1);
    }

    #[test]
    fn what_has_no_value_becomes_empty_and_is_told_with_its_line() {
        let (out, _, troubles) = run("a\nb ${NOPE} ${1}");
        assert_eq!(out, "a\nb  ");
        assert_eq!(troubles, [(1, Trouble::Undefined("NOPE".into())), (1, Trouble::Undefined("1".into()))]);
        assert_eq!(run("${NOPE^^}").2, [(0, Trouble::Undefined("NOPE".into()))]);
    }

    #[test]
    fn broken_ones_are_told() {
        for given in ["${", "${}", "${A", "${A.b}", "${A b}", "x ${A:=y", "${A-b}"] {
            assert!(matches!(&run(given).2[..], [(0, Trouble::Broken(_))]), "{given}: {:?}", run(given));
        }
    }
}
