//! Typed back ends without a Rhai type: what opens sockets and starts programs.

pub mod certificate;
pub mod dns;
pub mod http;
pub mod kube;
pub mod load;
pub mod route;
pub mod sh;
pub mod ssh;
pub mod talos;
pub mod tcp;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;
pub mod trust;
