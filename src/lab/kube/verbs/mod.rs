//! One file a verb: what a request does to the store. Pure and synchronous; the server reads and writes around it.

mod asked;
mod body;
mod change;
mod create;
mod delete;
pub(crate) mod endings;
mod list;
mod patch;
mod query;
mod review;
mod scale;
mod token;
mod view;

pub(crate) use asked::{Answered, Asked, Payload, Sub};
pub(crate) use list::ListOptions;
pub(crate) use query::{Query, decoded};
pub(crate) use view::{Media, View, metadata};

pub(crate) use change::replace;
pub(crate) use create::{create, object_in};
pub(crate) use delete::{by_controller, delete, delete_all};
pub(crate) use list::{get, list};
pub(crate) use patch::patch;
pub(crate) use review::review;
pub(crate) use token::token;
