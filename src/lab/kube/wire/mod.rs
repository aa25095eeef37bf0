//! Kubernetes' protobuf form, read: typed clients such as `kubectl create` send nothing else.
//!
//! Only reading is needed, since every client takes JSON for an answer. `messages.txt` has the numbers of the fields, one
//! message a line: `NAME: FIELD NUMBER TYPE, …`, where a type is a letter (see [`messages`]), another message, `*` before
//! what is repeated, `{` before the values of a map, `~` before what lies flat in its parent's JSON.

mod decode;
mod messages;
mod reader;

pub(crate) use decode::object;
