//! What an object goes through before it is kept: unknown fields dropped, types checked, defaults given, rules held.

pub(crate) mod conform;
pub(crate) mod defaults;
pub(crate) mod definition;
pub(crate) mod finish;
pub(crate) mod metadata;
pub(crate) mod names;
pub(crate) mod pods;
pub(crate) mod quantity;
pub(crate) mod rules;
pub(crate) mod security;
pub(crate) mod services;
pub(crate) mod structural;
pub(crate) mod unchanged;
