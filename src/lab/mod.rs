//! The simulated platform, `--lab`: Kubernetes API servers, Talos machines, a router and HTTP services inside the
//! process, on loopback.
//!
//! | module | what lives there |
//! |---|---|
//! | [`world`] | the platform as data: topologies, their objects, and the causes that faults put into it |
//! | [`clock`] | the lab's time, which can run fast, stand still and jump |
//! | [`kube`] | the API servers |
//! | [`talos`] | the machine API of the nodes |
//! | [`router`] | the upstream router: BGP sessions, the table, its command line |
//! | [`ssh`] | the SSH server in front of it |
//! | [`services`] | the HTTP services: what pods answer, and what is outside of the clusters |
//! | [`tools`] | stand-ins for command-line tools |
//! | `pods` | what happens inside of pods, and how they are evicted |
//! | [`controllers`] | what moves the clusters' objects |
//! | [`faults`] | what can be broken by name, and a running lab's control |
//! | [`prove`] | which fault each step of a playbook catches |
//! | [`export`] | a cluster as manifests for a real API server |
//! | [`up`] | all of it, opened, and the files that lead clients to it |
//! | [`net`] | the world's addresses, behind a SOCKS port |
//!
//! It lives behind the default feature `lab`, shares no more with the rest than wire types and the clock, and is reached
//! like any platform: over TLS and SSH. No code elsewhere asks whether it runs in the lab, besides `cli`, which starts
//! it and hands over its clock and addresses.

pub mod clock;
pub mod controllers;
pub mod export;
pub mod faults;
pub mod kube;
pub mod net;
pub(crate) mod pods;
pub mod prove;
pub mod router;
pub mod services;
pub mod ssh;
pub mod talos;
pub mod tools;
pub mod up;
pub mod world;
