//! `jq::` — jq filters over values, run in the process by jaq.

mod recursion;
mod worker;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars};
use jaq_json::{Val, read};
use rhai::{Dynamic, ImmutableString};

use self::recursion::calls_itself;
use super::from_text;
use crate::error::{Error, Kind};
use crate::host::object::population::population;
use crate::host::object::{List, Missing, Object, fields, items};
use crate::host::values::from_dynamic;
use crate::host::{HostResult, Module, Needs, Registrar};

pub(crate) const MODULE: Module =
    Module { name: "jq", about: "Filters of jq over values", needs: Needs::Nothing, register };

fn register(m: &mut Registrar) {
    m.path("run")
        .sig("(filter: string, value: any) -> any")
        .doc("The first result of a jq filter over a value: an object, list, map or array, not JSON text (`json::parse` reads that). A filter that gives no result at all throws `not_found`; `jq::all` gives an empty list there, and `(…) // null` gives `()`. A filter that does not compile is an error with line and column, and so is a function that calls itself (its depth has no bound); one that fails shows jq's message. `env`, `now` and `input` are not there: a filter sees nothing but its value. `halt` is an error.")
        .example(r#"jq::run(".items | map(.n) | add", #{ items: [#{ n: 1 }, #{ n: 2 }] }) == 3"#)
        .add(|filter: &str, value: Dynamic| -> HostResult<Dynamic> {
            let found = results(filter, &value, 1)?.pop();
            Ok(found.ok_or_else(|| {
                Error::new(Kind::NotFound, format!("the jq filter {filter:?} gave no result"))
                    .hint("jq::all(filter, value) gives a list, which may be empty")
            })?)
        });
    m.path("all")
        .sig("(filter: string, value: any) -> list")
        .doc("All results of a jq filter over a value, in order; none is an empty list, which `expect` takes for looked at where there was something in the value: an empty value leaves it inconclusive. More than a million results are an error.")
        .example(r#"jq::all(".[] | select(. > 1)", [1, 2, 3]).len() == 2"#)
        .add(|filter: &str, value: Dynamic| -> HostResult<List> {
            let what = "results of the jq filter";
            let found = results(filter, &value, RESULTS)?;
            // What a filter passed over cannot be told from outside of it: the value's own items stand for that.
            Ok(if found.is_empty() { List::of_population(found, size(&value), what) } else { List::new(found, what) })
        });
}

/// How much there was to look at: the items of a list or what it was filtered from, the fields of a map, one of
/// anything else that is there.
fn size(value: &Dynamic) -> usize {
    let length = items(value).map(|items| items.len()).or_else(|| fields(value).map(|fields| fields.len()));
    match length {
        Some(0) => population(value).unwrap_or(0),
        Some(length) => length,
        None => usize::from(!value.is_unit() && !value.is::<Missing>()),
    }
}

/// The most results of one filter.
const RESULTS: usize = 1_000_000;
/// Filters that a thread keeps compiled.
const KEPT: usize = 64;

type Filter = jaq_core::compile::Filter<jaq_core::Native<JustLut<Val>>>;

/// Functions of jq that would look past the value: the environment (it holds secrets), the time of day.
const LEFT_OUT: [&str; 2] = ["env", "now"];

fn results(filter: &str, value: &Dynamic, most: usize) -> Result<Vec<Dynamic>, Error> {
    let input = match value.read_lock::<Object>() {
        Some(object) => object.text().to_string(),
        None => from_dynamic(value).to_string(),
    };
    let texts = worker::run(filter, input, most)?;
    let read = |text: &String| {
        from_text(text, "items of a jq result")
            .map_err(|e| e.context(format!("the jq filter {filter:?} gave what is not JSON")))
    };
    texts.iter().map(read).collect()
}

/// The results as JSON texts; the thread that wants them says by `stop` that it no longer does.
fn texts(filter: &str, input: &str, most: usize, stop: &AtomicBool) -> Result<Vec<String>, Error> {
    let compiled = compiled(filter)?;
    let input = read::parse_single(input.as_bytes())
        .map_err(|e| Error::new(Kind::Script, "the value for jq cannot be written as JSON").because(e))?;
    let ctx = Ctx::<JustLut<Val>>::new(&compiled.lut, Vars::new([]));
    let mut found = Vec::new();
    for result in compiled.id.run((ctx, input)) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let result = result.map_err(|exception| {
            let why = match exception.get_err() {
                Ok(error) => error.to_string(),
                Err(_) => "it called halt, which would end pb".into(),
            };
            Error::new(Kind::Script, format!("the jq filter {filter:?} failed")).because(why)
        })?;
        found.push(result.to_string());
        if found.len() == most {
            if most == RESULTS {
                return Err(Error::new(
                    Kind::Script,
                    format!("the jq filter {filter:?} gave {RESULTS} results and more"),
                ));
            }
            break;
        }
    }
    Ok(found)
}

fn compiled(filter: &str) -> Result<Rc<Filter>, Error> {
    thread_local! {
        // Compiled filters hold `Rc`s; the standard library's definitions make compiling cost a millisecond.
        static CACHE: RefCell<HashMap<ImmutableString, Rc<Filter>>> = RefCell::default();
    }
    if let Some(found) = CACHE.with_borrow(|cache| cache.get(filter).cloned()) {
        return Ok(found);
    }
    let made = Rc::new(compile(filter)?);
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= KEPT {
            cache.clear();
        }
        cache.insert(filter.into(), made.clone());
    });
    Ok(made)
}

fn compile(filter: &str) -> Result<Filter, Error> {
    if let Some(name) = calls_itself(filter) {
        let said = format!("{}: {name} is defined by a call of itself", place(filter, name));
        return Err(not_a_filter(filter, vec![said])
            .hint("recurse(…), walk(…), until(…; …), reduce and foreach repeat without a function that calls itself"));
    }
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let arena = Arena::default();
    let modules = Loader::new(defs)
        .load(&arena, File { code: filter, path: () })
        .map_err(|errors| not_a_filter(filter, errors.into_iter().flat_map(|(_, e)| syntax(filter, e)).collect()))?;
    Compiler::default().with_funs(funs.filter(|(name, ..)| !LEFT_OUT.contains(name))).compile(modules).map_err(
        |errors| {
            let undefined = errors.into_iter().flat_map(|(_, e)| e);
            let said = undefined.map(|(name, what)| format!("{}: no {} {name}", place(filter, name), what.as_str()));
            not_a_filter(filter, said.collect())
        },
    )
}

fn not_a_filter(filter: &str, said: Vec<String>) -> Error {
    let mut error = Error::new(Kind::Script, format!("the jq filter {filter:?} does not compile"));
    error.causes = said;
    error
}

fn syntax(filter: &str, error: jaq_core::load::Error<&str>) -> Vec<String> {
    use jaq_core::load::Error as Load;
    let found = |at: &str| {
        let shown = crate::error::beginning(at, 20);
        if shown.is_empty() { "the end".to_string() } else { format!("{shown:?}") }
    };
    match error {
        Load::Io(all) => all.into_iter().map(|(at, why)| format!("{}: {why}", place(filter, at))).collect(),
        Load::Lex(all) => all
            .into_iter()
            .map(|(want, at)| format!("{}: expected {}, found {}", place(filter, at), want.as_str(), found(at)))
            .collect(),
        Load::Parse(all) => all
            .into_iter()
            .map(|(want, at)| format!("{}: expected {}, found {}", place(filter, at), want.as_str(), found(at)))
            .collect(),
    }
}

/// `line 1, column 7`, of a part of the filter.
fn place(filter: &str, part: &str) -> String {
    // Definitions of jq's own library are not part of the filter.
    let Some(at) = (part.as_ptr() as usize).checked_sub(filter.as_ptr() as usize).filter(|at| *at <= filter.len())
    else {
        return "in jq's library".into();
    };
    let before = filter.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::eval;

    fn cause(script: &str) -> String {
        eval(script).unwrap_err().to_string()
    }

    #[test]
    fn no_result_of_nothing_is_no_pass() {
        let none = |value: &str| {
            crate::host::testing::outcome(&format!(
                r#"expect(jq::all(".[]? | select(. > 2)", {value}), "big").to_be_empty()"#
            ))
        };
        for value in ["[]", "#{}", "()", "list([])", "[].filter(|x| true)"] {
            assert!(none(value).is_err_and(|why| why.contains("filtered from nothing")), "{value}");
        }
        for value in ["[1]", "#{ a: 1 }", "list([1]).filter(|x| x > 1)", "[3].filter(|x| x > 3)"] {
            assert_eq!(none(value), Ok(()), "{value}");
        }
    }

    #[test]
    fn syntax_errors_have_their_place() {
        let said = cause("jq::run(\".a |\\n  .b[\", #{})");
        assert!(said.contains("line 2, column"), "{said}");
        let said = cause(r#"jq::run(".a | nosuch", #{})"#);
        assert!(said.contains("line 1, column 6: no filter nosuch"), "{said}");
        let said = cause(r#"jq::run("$x", #{})"#);
        assert!(said.contains("no variable $x"), "{said}");
    }

    #[test]
    fn a_filter_that_fails_shows_jq_s_words() {
        let said = cause(r#"jq::run(".a.b", #{ a: 5 })"#);
        assert!(said.contains("cannot index 5"), "{said}");
        let said = cause(r#"jq::run("error(\"mine\")", #{})"#);
        assert!(said.contains("mine"), "{said}");
    }

    #[test]
    fn nothing_is_not_a_result() {
        assert_eq!(eval(r#"jq::run("empty", 1)"#).unwrap_err().kind, Kind::NotFound);
        assert!(
            eval(r#"jq::all("empty", 1).len() == 0 && jq::run("empty // null", 1) == ()"#).unwrap().as_bool().unwrap()
        );
    }

    #[test]
    fn a_filter_sees_only_its_value() {
        for filter in ["env", "$ENV", "now", "input"] {
            assert!(cause(&format!("jq::run(\"{filter}\", ())")).contains("does not compile"), "{filter}");
        }
        assert!(cause(r#"jq::run("halt", ())"#).contains("it called halt"));
    }

    #[test]
    fn endless_results_are_bounded() {
        assert!(cause(r#"jq::all("repeat(1)", 1)"#).contains("1000000 results and more"));
        assert!(eval(r#"jq::run("repeat(1)", 1) == 1"#).unwrap().as_bool().unwrap());
    }

    #[test]
    fn a_function_that_calls_itself_is_refused_where_it_stands() {
        for filter in [
            "def f: 1 + f; f",
            "def f(g): [f(g)]; f(1)",
            "1 | def f: {a: (if . then f else 2 end)}; f",
            "def f: def g: f + 1; g; f",
            "def g: def f: 1 + f; f; g",
            "def f: .a[f]; f",
            "def f: 1; def f: f + 1; f",
            "def f: reduce .[] as $x (0; f); f",
        ] {
            let error = eval(&format!("jq::run(\"{filter}\", #{{}})")).expect_err(filter);
            let said = error.causes.join(" ");
            assert!(said.contains("f is defined by a call of itself") && said.contains("line 1, column"), "{said}");
        }
        for filter in ["def f: 1; def g: f + f; g", "def f(f): f; f(2)", "def f: def g: 2; g; f"] {
            let value = eval(&format!("jq::run(\"{filter}\", #{{}})"));
            assert_eq!(value.map(|v| v.as_int()), Ok(Ok(2)), "{filter}");
        }
    }

    #[test]
    fn a_filter_that_never_ends_is_left_when_the_time_is_up_or_the_step_is_cancelled() {
        use crate::event::Effect;
        use crate::host::Context;
        use std::time::{Duration, Instant};
        let world = crate::host::testing::world(crate::config::Config::default());
        let started = Instant::now();
        for filter in ["last(repeat(.))", "last(range(1e15))"] {
            let limit = Some(Duration::from_millis(120));
            let context = Context::new(world.clone(), "t/s", None, Effect::Read, limit);
            let _entered = context.enter();
            let error = results(filter, &Dynamic::UNIT, 1).expect_err(filter);
            assert_eq!(error.kind, Kind::Timeout, "{error:?}");
        }
        let context = Context::new(world, "t/s", None, Effect::Read, None);
        let _entered = context.enter();
        let cancel = context.cancel.clone();
        let stopper = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            cancel.cancel();
        });
        let error = results("last(repeat(.))", &Dynamic::UNIT, 1).expect_err("it never ends");
        assert_eq!(error.kind, Kind::Cancelled, "{error:?}");
        stopper.join().expect("no panic");
        assert!(started.elapsed() < Duration::from_secs(8));
    }

    #[test]
    fn lazy_objects_go_in_and_come_out() {
        assert!(
            eval(r#"let o = json::parse(`{"a": {"b": [1, 2]}}`); jq::run(".a", o).b[1] == 2"#)
                .unwrap()
                .as_bool()
                .unwrap()
        );
        assert!(eval(r#"jq::run("length", json::parse(`[{}, {}]`)) == 2"#).unwrap().as_bool().unwrap());
    }
}
