//! The interactive session, `pb repl`: the world of a step's closure, typed line by line. It arrives with an issue of
//! its own, and nothing is here yet.
//!
//! What will live here: the loop, completion and highlighting from [`Reference`], validation before a line runs, and
//! the session's own commands. It will use `runner`, `script` and `host`, and like `cli` write to the terminal.
//!
//! [`Reference`]: crate::script::reference::Reference
