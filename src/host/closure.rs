//! A closure of a script that is kept and called later, from any thread, as often as one likes.
//!
//! Rhai shares captured variables between all closures that captured them (`Arc<RwLock<…>>`), and
//! two of them at once end in a data race error. Each call here gets deep copies instead, so steps
//! share nothing except by `t.publish` and `t.value`.

use rhai::{Array, Dynamic, Engine, FnPtr, FuncArgs, Map, NativeCallContext};

use super::context::HostResult;
use super::object::take_absence;
use super::place;

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

    /// Calls it with copies of what it captured.
    ///
    /// # Errors
    /// What the script throws.
    pub fn call(&self, engine: &Engine, args: impl FuncArgs) -> HostResult<Dynamic> {
        #[expect(deprecated, reason = "as above")]
        let context = self.store.create_context(engine);
        // What an earlier script on this thread left behind is not this one's.
        let _ = take_absence();
        place::forget();
        crate::host::object::call(&context, &unshared(&self.call), args).map_err(place::pinned)
    }
}

/// The same closure with deep copies of what it captured.
pub fn unshared(call: &FnPtr) -> FnPtr {
    let mut copy = call.clone();
    let curry: Vec<Dynamic> = call.iter_curry().map(deep).collect();
    copy.set_curry(curry);
    copy
}

fn deep(value: &Dynamic) -> Dynamic {
    let flat = value.flatten_clone();
    if let Some(array) = flat.read_lock::<Array>() {
        return array.iter().map(deep).collect::<Array>().into();
    }
    if let Some(map) = flat.read_lock::<Map>() {
        return map.iter().map(|(k, v)| (k.clone(), deep(v))).collect::<Map>().into();
    }
    if let Some(call) = flat.read_lock::<FnPtr>() {
        return Dynamic::from(unshared(&call));
    }
    flat
}
