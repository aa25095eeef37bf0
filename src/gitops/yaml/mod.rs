//! YAML as a tree in which every value knows its file and line.

mod node;
mod parse;

pub use node::{At, Key, Node, Scalar, Value};
pub use parse::{Parsed, parse};
