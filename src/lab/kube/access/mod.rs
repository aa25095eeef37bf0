//! Who may do what: users, their tokens, and the roles that are bound to them.
//!
//! | module | what lives there |
//! |---|---|
//! | `who` | a user with groups; whom a request claims to act for |
//! | `attributes` | what a request asks for, as an authorizer sees it |
//! | `rbac` | roles and bindings, evaluated |
//! | `roles` | the roles that every cluster has |
//! | `tokens` | the tokens of ServiceAccounts |

mod attributes;
mod rbac;
mod roles;
mod tokens;
mod who;

pub(crate) use attributes::Attributes;
pub(crate) use rbac::{allowed, rules};
pub(crate) use roles::defaults;
pub(crate) use tokens::{AUDIENCE, Grant, Tokens, holder};
pub(crate) use who::{Who, impersonated};

#[cfg(test)]
mod tests;
