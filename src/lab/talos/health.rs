//! The health check: one condition after the other, each looked at again until it holds or the time is over.

use std::time::Duration;

use tokio::sync::mpsc;
use tonic::Status;

use super::conditions::{self, Nodes};
use super::grpc::Messages;
use super::route::Call;
use crate::client::talos::health::CONDITIONS;
use crate::client::talos::wire::{HealthCheckProgress, HealthCheckRequest};

/// How often a condition that does not hold is looked at again.
const AGAIN: Duration = Duration::from_secs(5);

pub(super) fn check(call: &Call, question: HealthCheckRequest) -> Result<Messages<HealthCheckProgress>, Status> {
    call.control_plane("cluster health check")?;
    let wait = question.wait_timeout.map_or(Duration::ZERO, Into::into);
    let named = question.cluster_info.unwrap_or_default();
    let nodes = Nodes::of(&call.talos.state().machines, &named.control_plane_nodes, &named.worker_nodes);
    let talos = call.talos.clone();
    let (to, from) = mpsc::channel(8);
    // It ends when the client goes: sending fails then.
    tokio::spawn(async move {
        let say = async |message: String| to.send(Ok(HealthCheckProgress { metadata: None, message })).await;
        let clock = talos.clock.clone();
        let end = clock.instant() + wait;
        let quoted: Vec<String> = nodes.all().map(|node| format!("\"{node}\"")).collect();
        let mut told = say(format!("discovered nodes: [{}]", quoted.join(" "))).await;
        for condition in CONDITIONS {
            told = told.and(say(format!("waiting for {condition}: ...")).await);
            let mut last = String::new();
            loop {
                if told.is_err() {
                    return;
                }
                let unmet = {
                    let machines = talos.machines();
                    conditions::look(condition, &nodes, &machines, talos.kubernetes.as_ref())
                };
                match unmet {
                    Ok(true) => told = say(format!("waiting for {condition}: OK")).await,
                    Ok(false) => told = say(format!("waiting for {condition}: SKIP")).await,
                    Err(error) => {
                        if error != last {
                            told = say(format!("waiting for {condition}: {error}")).await;
                            last = error;
                        }
                        let left = end.saturating_duration_since(clock.instant());
                        if left.is_zero() {
                            let _ = to.send(Err(Status::deadline_exceeded("context deadline exceeded"))).await;
                            return;
                        }
                        tokio::select! {
                            () = clock.sleep(left.min(AGAIN)) => continue,
                            () = to.closed() => return,
                        }
                    }
                }
                break;
            }
        }
    });
    Ok(Messages::of(futures::stream::unfold(
        from,
        |mut from| async move { from.recv().await.map(|sent| (sent, from)) },
    )))
}
