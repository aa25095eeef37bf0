//! How deep values may be nested: what walks them does so on a thread's stack, which ends the process when it is full.

use rhai::{Array, Dynamic, Map};

use crate::error::{Error, Kind};

/// Levels of arrays and maps in one another that a host function takes.
pub const DEPTH: usize = 200;
/// The stack of a thread that runs scripts, in bytes: Rhai itself walks values of any depth on it.
pub const STACK: usize = 64 << 20;

/// Refuses a value that is nested deeper than [`DEPTH`] levels.
///
/// # Errors
/// [`Kind::Script`].
pub fn bounded(value: &Dynamic) -> Result<(), Error> {
    if within(value, DEPTH) {
        return Ok(());
    }
    Err(Error::new(Kind::Script, format!("a value is nested more than {DEPTH} levels deep"))
        .hint("a map or array that is put into itself again and again grows so: x = #{ inner: x }"))
}

fn within(value: &Dynamic, levels: usize) -> bool {
    if let Some(items) = value.read_lock::<Array>() {
        return levels > 0 && items.iter().all(|item| within(item, levels - 1));
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return levels > 0 && fields.values().all(|field| within(field, levels - 1));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    #[test]
    fn what_is_nested_too_deep_is_refused_by_every_host_function() {
        for grow in ["#{ a: x }", "[x]"] {
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
