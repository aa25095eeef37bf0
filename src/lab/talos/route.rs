//! From a call to its answer: the node that is meant, what the client may do, and which call it is.

use std::sync::Arc;

use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;

use super::grpc::Asked;
use super::pki::Role;
use super::{Machine, Power, Talos, etcd, grpc, health, kubeconfig, logs, machines, services};
use crate::client::talos::wire::{Empty, path};

/// A call for a machine that answers.
pub(super) struct Call {
    pub(super) talos: Arc<Talos>,
    /// The machine that is meant, as it was when the call came.
    pub(super) machine: Machine,
}

/// Answers a request that came to `local`.
pub(super) async fn answer(talos: Arc<Talos>, local: &str, role: Option<Role>, asked: Asked) -> http::Response<Body> {
    let path = asked.uri().path().to_string();
    let meant = match meant(&talos, local, &asked) {
        Ok(Some(machine)) => machine,
        // Hung: the endpoint waits for the node as long as the client does.
        Ok(None) => return std::future::pending().await,
        Err(status) => return status.into_http(),
    };
    if let Err(status) = allowed(role, &path) {
        return status.into_http();
    }
    let call = Call { talos, machine: meant };
    match path.as_str() {
        path::VERSION => grpc::one(asked, |_: Empty| machines::version(&call)).await,
        path::HOSTNAME => grpc::one(asked, |_: Empty| machines::hostname(&call)).await,
        path::LOAD => grpc::one(asked, |_: Empty| machines::load(&call)).await,
        path::MEMORY => grpc::one(asked, |_: Empty| machines::memory(&call)).await,
        path::SYSTEM => grpc::one(asked, |_: Empty| machines::system(&call)).await,
        path::SERVICES => grpc::one(asked, |_: Empty| services::list(&call)).await,
        path::MEMBERS => grpc::one(asked, |question| etcd::members(&call, question)).await,
        path::ETCD_STATUS => grpc::one(asked, |_: Empty| etcd::status(&call)).await,
        path::ALARMS => grpc::one(asked, |_: Empty| etcd::alarms(&call)).await,
        path::KUBECONFIG => grpc::many(asked, |_: Empty| kubeconfig::archive(&call)).await,
        path::DMESG => grpc::many(asked, |_: Empty| logs::dmesg(&call)).await,
        path::LOGS => grpc::many(asked, |question| logs::service(&call, &question)).await,
        path::HEALTH => grpc::many(asked, |question| health::check(&call, question)).await,
        other => Status::unimplemented(format!("unknown method {other}")).into_http(),
    }
}

/// The machine that a call is for; none where it hangs.
fn meant(talos: &Talos, local: &str, asked: &http::Request<Incoming>) -> Result<Option<Machine>, Status> {
    let mut named = asked.headers().get_all("node").iter();
    let node = match (named.next(), named.next()) {
        (None, _) => local,
        (Some(node), None) => {
            node.to_str().map_err(|_| Status::invalid_argument("node metadata must be a name or an address"))?
        }
        (Some(_), Some(_)) => return Err(Status::invalid_argument("node metadata must be single-valued")),
    };
    let dial = |why: &str| {
        let said = format!("dial tcp {node}:50000: connect: {why}");
        Status::unavailable(format!("connection error: desc = \"transport: Error while dialing: {said}\""))
    };
    match talos.machine(node) {
        None => Err(dial("no route to host")),
        Some(machine) => match machine.power {
            Power::On if machine.answers() => Ok(Some(machine)),
            Power::On => Err(dial("connection refused")),
            Power::Off => Err(dial("no route to host")),
            Power::Hung => Ok(None),
        },
    }
}

/// A reader may not have the admin's kubeconfig; without a role nobody may do anything.
fn allowed(role: Option<Role>, path: &str) -> Result<(), Status> {
    match role {
        Some(Role::Admin) => Ok(()),
        Some(Role::Reader) if path != path::KUBECONFIG => Ok(()),
        _ => Err(Status::permission_denied("not authorized")),
    }
}

impl Call {
    /// Refuses what a control plane node alone can do.
    pub(super) fn control_plane(&self, what: &str) -> Result<(), Status> {
        if self.machine.control_plane {
            return Ok(());
        }
        Err(Status::unimplemented(format!("{what} is only available on control plane nodes")))
    }
}
