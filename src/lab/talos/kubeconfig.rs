//! The kubeconfig of a control plane node.

use tonic::Status;

use super::grpc::Messages;
use super::route::Call;
use super::{logs, tar};
use crate::client::talos::wire::Data;

pub(super) fn archive(call: &Call) -> Result<Messages<Data>, Status> {
    call.control_plane("kubeconfig")?;
    let text = call.talos.state().kubeconfig.clone();
    let text = text.ok_or_else(|| Status::failed_precondition("k8s API server CA config is not set"))?;
    let archive = tar::of("kubeconfig", text.as_bytes());
    let archive = archive.map_err(|e| Status::internal(format!("no archive can be made: {e}")))?;
    Ok(Messages::all(logs::pieces(archive)))
}
