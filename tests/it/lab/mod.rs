//! The lab's API server held against the real one.
//!
//! `requests/*.http` are tables of requests, a file a topic, which [`requests`] reads. [`side`] sends them to a server;
//! [`normal`] takes out of the answers what differs by nature; [`exceptions`] are the differences that are meant. [`transport`]
//! is what lies under the API, [`kubectl`] what is above it; [`faults`] breaks it.

mod compare;
mod exceptions;
mod faults;
mod hostile;
mod kept_open;
mod kubectl;
mod normal;
mod requests;
mod side;
mod topologies;
mod transport;
mod undone;
mod whole;
