//! Typed back ends without a Rhai type: what opens sockets and starts programs.

pub mod kube;
pub mod sh;
