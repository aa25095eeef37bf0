//! `http::` and `http("name")` — requests to URLs and to the endpoints of `pb.toml`.

mod bench;
mod credentials;
mod endpoint;
mod expect;
mod explain;
mod prepare;
mod response;
mod rows;
mod secrets;
mod send;
#[cfg(test)]
mod tests;
mod undo;

pub use endpoint::Endpoint;
pub use response::Response;
pub(crate) use rows::MODULE;
pub use undo::undo;
