//! The services of a machine.

use tonic::Status;

use super::Service;
use super::route::Call;
use crate::client::talos::wire::{
    ServiceEvent, ServiceEvents, ServiceHealth, ServiceInfo, ServiceList, ServiceListResponse,
};

pub(super) fn list(call: &Call) -> Result<ServiceListResponse, Status> {
    let services = call.machine.services.iter().map(info).collect();
    Ok(ServiceList { metadata: None, services }.into())
}

fn info(service: &Service) -> ServiceInfo {
    let event =
        ServiceEvent { msg: service.event.clone(), state: service.state.clone(), ts: Some(service.since.into()) };
    let health = ServiceHealth {
        unknown: service.healthy.is_none(),
        healthy: service.healthy.unwrap_or_default(),
        last_message: service.health_message.clone(),
        last_change: Some(service.since.into()),
    };
    ServiceInfo {
        id: service.id.clone(),
        state: service.state.clone(),
        events: Some(ServiceEvents { events: vec![event] }),
        health: Some(health),
    }
}
