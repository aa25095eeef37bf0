//! The services of Talos on each node: apid, etcd, kubelet …

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::{self, ServiceListResponse, path};
use super::{Ask, Machines, Told};
use crate::error::{Error, Kind};

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// `kubelet`
    pub id: String,
    /// `Running`, `Waiting`, `Preparing`, `Finished`, `Failed` …
    pub state: String,
    /// `ok`, `failing`, or `unknown` for those that nobody asks how they are.
    pub health: String,
    /// What was last said of its health; empty where nothing was.
    pub health_message: String,
    /// When its health last changed.
    pub since: Option<Timestamp>,
    /// What last happened to it.
    pub last_event: String,
    /// When that was.
    pub last_event_at: Option<Timestamp>,
}

impl Machines {
    /// The services of each node.
    pub async fn services(&self, ask: &Ask) -> Vec<Told<Vec<Service>>> {
        const WHAT: &str = "the services";
        let make = |answer: wire::ServiceList| {
            if answer.services.is_empty() {
                return Err(Error::new(Kind::Unreadable, format!("the answer about {WHAT} is empty")));
            }
            Ok(answer.services.into_iter().map(Service::from).collect())
        };
        self.all::<ServiceListResponse, _>(ask, path::SERVICES, WHAT, make).await
    }
}

impl From<wire::ServiceInfo> for Service {
    fn from(service: wire::ServiceInfo) -> Self {
        let health = service.health.unwrap_or_default();
        let word = match (health.unknown, health.healthy) {
            (true, _) => "unknown",
            (false, true) => "ok",
            (false, false) => "failing",
        };
        let last = service.events.unwrap_or_default().events.pop().unwrap_or_default();
        Self {
            id: service.id,
            state: service.state,
            health: word.into(),
            health_message: health.last_message,
            since: health.last_change.and_then(wire::Timestamp::time),
            last_event: last.msg,
            last_event_at: last.ts.and_then(wire::Timestamp::time),
        }
    }
}
