//! What kinds of object there are: the built-in ones, a table, and those that a CustomResourceDefinition registers.

mod builtin;
pub(crate) mod custom;
mod facts;
mod kind;
pub(crate) mod openapi;
pub(crate) mod schema;
mod typed;

pub(crate) use kind::{Kind, Kinds, Verbs};
pub(crate) use schema::{ListKind, Schema, Type};
