//! What `catch (err)` gives: the host's errors, to be looked at by a script.

use rhai::{Array, Dynamic};

use super::registrar::{Module, Needs, Registrar};
use crate::error::Error;

pub(crate) const MODULE: Module =
    Module { name: "error", about: "what went wrong, as catch (err) gives it", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<Error>("error");
    m.property("error", "kind")
        .sig("string")
        .doc(
            "What went wrong, in one word: `not_found`, `unreachable`, `timeout`, `exit_code`, `status`, `conflict`, \
             `forbidden`, `not_started`, `unreadable`, `refused`, `expectation` … What Rhai itself throws (a division by zero, an index \
             out of range) is a map with `message` instead, and has none.",
        )
        .example(r#"let kind = ""; try { ms(1) - ms(2) } catch (err) { kind = err.kind } kind == "script""#)
        .add(|error: &mut Error| kind(error));
    m.property("error", "message")
        .sig("string")
        .doc("One sentence that names the thing, what was expected and what was there; the causes are left out.")
        .example(r#"let said = ""; try { duration("soon") } catch (err) { said = err.message } said.contains("soon")"#)
        .add(|error: &mut Error| error.message.clone());
    m.property("error", "causes")
        .sig("[string]")
        .doc("What lies behind it, outermost first.")
        .example(r#"let n = 0; try { file::read("no/such/file") } catch (err) { n = err.causes.len() } n > 0"#)
        .add(|error: &mut Error| texts(&error.causes));
    m.property("error", "hints")
        .sig("[string]")
        .doc("What to do next.")
        .example(r#"let hints = []; try { sh::run("true", [], #{ chek: 1 }) } catch (err) { hints = err.hints } hints[0].contains("check")"#)
        .add(|error: &mut Error| texts(&error.hints));
    m.property("error", "place")
        .sig("string | ()")
        .doc("The script line of the host call that failed: `p.rhai:3:5`; `()` where it was no host call.")
        .example(
            r#"let place = (); try { sh::run("false", []) } catch (err) { place = err.place } place.contains(":1:")"#,
        )
        .add(|error: &mut Error| error.place.as_ref().map_or(Dynamic::UNIT, |place| place.to_string().into()));
    for name in ["to_string", "to_debug", "print", "debug"] {
        m.raw().set_native_fn(name, |error: &mut Error| Ok(error.to_string()));
    }
}

fn kind(error: &Error) -> String {
    serde_json::to_value(error.kind).ok().and_then(|word| word.as_str().map(Into::into)).unwrap_or_default()
}

fn texts(lines: &[String]) -> Array {
    lines.iter().map(|line| line.clone().into()).collect()
}

#[cfg(test)]
mod tests {
    use crate::host::testing::eval;

    #[test]
    fn an_error_in_a_text_tells_its_causes_too() {
        let text =
            eval(r#"let said = ""; try { file::read("no/such/file") } catch (err) { said = `said: ${err}` } said"#);
        let text = text.expect("a value").to_string();
        assert!(text.starts_with("said: ") && text.contains("no/such/file") && text.contains("No such file"), "{text}");
    }

    #[test]
    fn an_error_thrown_again_is_the_same() {
        let once = eval(r#"sh::run("false", [])"#).expect_err("it fails");
        let again = eval(r#"try { sh::run("false", []) } catch (err) { throw err }"#).expect_err("it fails");
        assert_eq!((once.kind, once.message, once.causes), (again.kind, again.message, again.causes));
    }
}
