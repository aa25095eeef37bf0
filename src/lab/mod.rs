//! The simulated platform, `--lab`: Kubernetes API servers, Talos machines, a router and HTTP services inside the
//! process, on loopback. The machine API of the Talos machines is here; the others arrive with their own steps.
//!
//! It is behind the default feature `lab`, shares no more with the rest than the wire types of `client`, and is reached
//! like any platform: over TLS and SSH. No code elsewhere asks whether it runs in the lab, besides `cli`, which starts it
//! and hands over its clock and addresses.

pub mod talos;
