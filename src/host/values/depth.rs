//! How deep values may be nested: what walks them does so on a thread's stack, which ends the process when it is full.

use rhai::{Array, Dynamic, Map};

use crate::error::{Error, Kind};
use crate::host::object::List;

/// Levels of arrays and maps in one another that a host function takes.
pub const DEPTH: usize = 200;
/// The stack of a thread that runs scripts, in bytes: Rhai itself walks values of any depth on it.
pub const STACK: usize = 64 << 20;

/// Refuses a value that is nested deeper than [`DEPTH`] levels.
///
/// # Errors
/// [`Kind::Script`].
pub fn bounded(value: &Dynamic) -> Result<(), Error> {
    if depth(value, DEPTH + 1) <= DEPTH {
        return Ok(());
    }
    Err(Error::new(Kind::Script, format!("a value is nested more than {DEPTH} levels deep"))
        .hint("a map or array that is put into itself again and again grows so: x = #{ inner: x }"))
}

/// The levels of a list that holds these items; no more than one too many is told.
pub fn depth_of_list(items: &[Dynamic]) -> usize {
    1 + deepest(items.iter(), DEPTH)
}

fn depth(value: &Dynamic, most: usize) -> usize {
    if most == 0 {
        return 0;
    }
    if let Some(items) = value.read_lock::<Array>() {
        return 1 + deepest(items.iter(), most - 1);
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return 1 + deepest(fields.values(), most - 1);
    }
    // A list can't change: it knew its depth when it was made.
    value.read_lock::<List>().map_or(0, |list| list.depth().min(most))
}

fn deepest<'a>(values: impl Iterator<Item = &'a Dynamic>, most: usize) -> usize {
    values.map(|value| depth(value, most)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    #[test]
    fn what_is_nested_too_deep_is_refused_by_every_host_function() {
        for grow in ["#{ a: x }", "[x]", "list([x])", "[x].map(|y| #{ a: [y] })"] {
            for call in
                [r#"expect(x, "x").to_be(#{})"#, r#"expect(#{}, "x").to_be(x)"#, "json::stringify(x)", "list([x])"]
            {
                let script = format!("let x = #{{}}; for i in 0..300 {{ x = {grow}; }} {call}");
                let error = eval(&script).expect_err(&script);
                assert_eq!(error.kind, Kind::Script, "{script}");
                assert!(error.message.contains("more than 200 levels"), "{script}: {error:?}");
                assert!(error.place.is_some(), "{script}");
            }
        }
    }

    #[test]
    fn what_is_nested_less_deep_is_taken() {
        let script = "let x = 1; for i in 0..200 { x = [x]; } expect(x, \"x\").to_be(x); true";
        assert_eq!(eval(script).map(|v| v.as_bool()), Ok(Ok(true)));
        assert!(bounded(&eval("let x = 1; for i in 0..201 { x = [x]; } x").expect("a value")).is_err());
    }
}
