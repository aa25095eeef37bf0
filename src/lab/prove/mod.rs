//! The proof that checks can fail: which fault each step catches, and what it says.
//!
//! A step is *proven* when it passes in the healthy lab, and fails under a fault with a message that names the broken
//! object. Which steps a fault can touch follows from what each step looked at while all was well ([`touch`]); how a
//! run is made is `cli`'s affair.

pub mod proof;
pub mod touch;

pub use proof::{Caught, Proof, Proven};
pub use touch::{Looks, Watcher};
