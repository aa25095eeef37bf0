//! A closure of a script that is kept and called later, from any thread, as often as one likes.
//!
//! Rhai shares captured variables between all closures that captured them (`Arc<RwLock<…>>`), and
//! two of them at once end in a data race error. What runs on a thread of its own gets deep copies
//! instead, so steps share nothing except by `t.publish` and `t.value`. What runs on the caller's
//! thread while the caller waits (`eventually`, `kube.wait`), or when the step has ended (`finally`),
//! gets the variables themselves, so that what it assigns is seen.

use rhai::{Array, Dynamic, Engine, FnPtr, FuncArgs, Map, NativeCallContext};

use super::context::HostResult;
use super::object::take_absence;
use super::place;
use super::values::DEPTH;
use crate::error::{Error, Kind};

/// A closure, and where it can be called.
#[derive(Clone)]
pub struct Closure {
    call: FnPtr,
    #[expect(deprecated, reason = "volatile, says Rhai; nothing else calls a closure of an imported module later")]
    store: rhai::NativeCallContextStore,
}

impl std::fmt::Debug for Closure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Closure({})", self.call.fn_name())
    }
}

impl Closure {
    /// Keeps a closure that a native function was called with.
    #[expect(deprecated, reason = "as above")]
    pub fn keep(at: &NativeCallContext, call: FnPtr) -> Self {
        Self { call, store: at.store_data() }
    }

    /// The name of the playbook or module that it stands in.
    #[expect(deprecated, reason = "as above")]
    pub fn file(&self) -> Option<&str> {
        self.store.source.as_deref()
    }

    /// Calls it with copies of what it captured.
    ///
    /// # Errors
    /// What the script throws; a captured value that is in use cannot be copied.
    pub fn call(&self, engine: &Engine, args: impl FuncArgs) -> HostResult<Dynamic> {
        self.invoke(engine, &unshared(&self.call)?, args)
    }

    /// Calls it with the very variables that it captured: only where nothing else of the script runs meanwhile.
    ///
    /// # Errors
    /// What the script throws.
    pub fn call_with_captured(&self, engine: &Engine, args: impl FuncArgs) -> HostResult<Dynamic> {
        self.invoke(engine, &self.call, args)
    }

    /// The same closure with deep copies of what it captured, to be handed to another thread.
    ///
    /// # Errors
    /// [`Kind::Script`] where a captured value is in use, or holds itself.
    pub fn copy(&self) -> Result<Self, Error> {
        Ok(Self { call: unshared(&self.call)?, store: self.store.clone() })
    }

    fn invoke(&self, engine: &Engine, call: &FnPtr, args: impl FuncArgs) -> HostResult<Dynamic> {
        #[expect(deprecated, reason = "as above")]
        let context = self.store.create_context(engine);
        // What an earlier script on this thread left behind is not this one's.
        let _ = take_absence();
        place::forget();
        crate::host::object::call(&context, call, args).map_err(place::pinned)
    }
}

/// The same closure with deep copies of what it captured.
fn unshared(call: &FnPtr) -> Result<FnPtr, Error> {
    without_sharing(call, DEPTH)
}

fn without_sharing(call: &FnPtr, levels: usize) -> Result<FnPtr, Error> {
    let mut copy = call.clone();
    let curry: Result<Vec<Dynamic>, Error> = call.iter_curry().map(|value| deep(value, levels)).collect();
    copy.set_curry(curry?);
    Ok(copy)
}

fn deep(value: &Dynamic, levels: usize) -> Result<Dynamic, Error> {
    let flat = value.flatten_clone();
    // Rhai gives the shared value itself when it could not lock it in time.
    if flat.is_shared() {
        return Err(Error::new(Kind::Script, "a value that a closure captured is in use: a method of it runs")
            .hint("copy the variable before the method is called, and use the copy in the closure: let y = x;"));
    }
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Error::new(
            Kind::Script,
            format!("what a closure captured is nested more than {DEPTH} levels deep"),
        )
        .hint("a list or map that holds a closure which captured that very list or map has no end"));
    };
    if let Some(array) = flat.read_lock::<Array>() {
        return Ok(array.iter().map(|item| deep(item, levels)).collect::<Result<Array, _>>()?.into());
    }
    if let Some(map) = flat.read_lock::<Map>() {
        let fields = map.iter().map(|(key, value)| Ok((key.clone(), deep(value, levels)?)));
        return Ok(fields.collect::<Result<Map, Error>>()?.into());
    }
    if let Some(call) = flat.read_lock::<FnPtr>() {
        return Ok(Dynamic::from(without_sharing(&call, levels)?));
    }
    Ok(flat)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use crate::host::testing::eval;

    fn holds(script: &str) {
        assert_eq!(eval(script).map(|v| v.as_bool()), Ok(Ok(true)), "{script}");
    }

    #[test]
    fn what_eventually_assigns_is_seen_after_it() {
        holds(
            r#"let last = (); let n = 0;
               eventually(duration("10s"), || { n += 1; last = `try ${n}`; expect(n, "n").to_be_at_least(3); });
               last == "try 3" && n == 3"#,
        );
        // Also what it assigned before it gave up, and one within another.
        holds(
            r#"let last = ""; let n = 0;
               try { eventually(ms(1), || { last = "seen"; throw "no" }); } catch { }
               eventually(ms(1), || eventually(ms(1), || n += 1));
               last == "seen" && n == 1"#,
        );
    }

    #[test]
    fn closures_of_parallel_work_on_copies_and_give_back_what_they_found() {
        holds(
            r#"let n = 1; let all = [1];
               let found = parallel([|| { n += 1; all.push(2); n + all.len() }, || { eventually(ms(1), || n += 2); n }]);
               found == [4, 3] && n == 1 && all == [1]"#,
        );
    }

    #[test]
    fn a_race_is_an_error_soon_and_never_a_wait() {
        let began = Instant::now();
        for script in [
            "let x = [1]; x.map(|i| eventually(duration(\"60s\"), || x.len()));",
            "let x = [1]; let f = || eventually(duration(\"60s\"), || { x.push(2); }); x.map(|i| f.call());",
            "let x = [1]; let f = || parallel([|| x.len()]); x.map(|i| f.call());",
            "let x = [1]; let f = || parallel([|| x.len()]); x.for_each(|| { let g = f; g.call() });",
            "let d = duration(\"60s\"); d.eventually(|| d.seconds);",
        ] {
            let error = eval(script).expect_err(script);
            let said = ["while a method of it runs", "is in use: a method of it runs"];
            assert!(said.iter().any(|s| error.message.contains(s)), "{script}: {error:?}");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    #[test]
    fn what_holds_itself_is_not_copied_for_ever() {
        let script = "let all = [1]; let own = || all.len(); all = [own]; parallel([own]);";
        let error = eval(script).expect_err(script);
        assert!(error.message.contains("nested more than 200 levels"), "{error:?}");
    }
}
