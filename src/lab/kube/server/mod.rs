//! The API server's outside: TLS, HTTP/1.1 and 2, addresses, discovery, watches.
//!
//! It is hyper itself that serves, since that is in the tree as the client's; a web framework would add a second way of
//! routing to one that the API defines by its kinds.

mod answer;
mod discovery;
mod health;
mod identity;
mod kubeconfig;
mod listen;
mod pki;
mod resource;
mod route;
mod watch;
mod weather;
mod within_pods;

pub use kubeconfig::kubeconfig;
pub use listen::{Access, Server};
