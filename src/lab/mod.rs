//! The simulated platform, `--lab`: Kubernetes API servers, Talos machines, a router and HTTP services inside the
//! process, on loopback. Kubernetes' API server is here; the others arrive with their own steps.
//!
//! It lives behind the default feature `lab`, shares no more with the rest than wire types and the clock, and is reached
//! like any platform: over TLS and SSH. No code elsewhere asks whether it runs in the lab, besides `cli`, which starts
//! it and hands over its clock and addresses.

pub mod kube;
