//! A Kubernetes API server, simulated: what it stores, how it judges and merges, how it answers.
//!
//! | module | what lives there |
//! |---|---|
//! | `kinds` | what kinds there are, and the shape of their objects; built-in and registered |
//! | `store` | the objects, their versions, and the log of changes that watches read; no sockets |
//! | `select` | label and field selectors as the server parses them |
//! | `patch` | the four kinds of patch, and who owns which field |
//! | `validate` | what is given by default, what is dropped, and what is refused, with causes |
//! | `table` | the columns that `kubectl get` prints |
//! | `verbs` | one file a verb: what a request does to the store |
//! | `wire` | the protobuf form that typed clients send |
//! | `access` | users, tokens, roles: who may do what |
//! | `stream` | WebSockets and SPDY: what runs in pods, and forwarded ports |
//! | `server` | TLS, HTTP, addresses, discovery, watches |
//!
//! Everything but `server` is pure and synchronous, and is handed its time; so it is tested without sockets. The
//! comparison with the real API server is `tests/it/lab`.

pub(crate) mod access;
pub mod cluster;
mod fault;
pub(crate) mod kinds;
pub(crate) mod patch;
pub(crate) mod refusal;
pub(crate) mod select;
pub mod server;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod table;
pub(crate) mod validate;
pub(crate) mod verbs;
pub(crate) mod wire;
