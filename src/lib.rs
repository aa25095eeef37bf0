//! `pb` runs playbooks written in Rhai against Kubernetes clusters, routers and services.

pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod error;
pub mod event;
pub mod host;
pub mod playbook;
pub mod runner;
pub mod script;
