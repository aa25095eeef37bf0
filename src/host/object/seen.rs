//! The scalar that a script read last from an object, so that a failure can name the object:
//! `expect(d.status.readyReplicas, "ready")` judges a plain number.

use std::cell::RefCell;

use rhai::Dynamic;

use super::{Object, equal};

thread_local! {
    static LAST: RefCell<Option<(Object, Dynamic)>> = const { RefCell::new(None) };
}

/// Remembers where a scalar was read; objects, lists and missing values know it themselves.
pub(super) fn note(object: &Object, value: &Dynamic) {
    if value.is_int() || value.is_string() || value.is_float() || value.is_bool() {
        LAST.set(Some((object.clone(), value.clone())));
    }
}

/// The object that a scalar was read from, if it is the one that was read last on this thread.
pub(crate) fn object_of(value: &Dynamic) -> Option<Object> {
    LAST.with_borrow(|last| {
        let (object, read) = last.as_ref()?;
        equal(read, value).then(|| object.whole())
    })
}
