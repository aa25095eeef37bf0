//! Through the gate and over the wire.

use std::net::SocketAddr;

use rhai::{Map, NativeCallContext};

use super::endpoint::forward_for;
use super::expect::with_reason;
use super::prepare::{Prepared, To, prepare};
use super::response::Response;
use super::secrets;
use crate::client::http::Answer;
use crate::client::kube::forward::Forward;
use crate::error::{Error, Result};
use crate::host::net::{Net, gate};
use crate::host::values::Size;
use crate::host::{Context, HostResult};

/// A request of a script, sent once.
pub(super) fn exchange(
    at: &NativeCallContext,
    function: &'static str,
    method: &str,
    to: To<'_>,
    options: Map,
) -> HostResult<Response> {
    let cx = Context::current()?;
    let (Prepared { mut request, expect, call, credentials, service, within }, _) =
        prepare(&cx, at, function, method, to, options, &[])?;
    let net = Net::of(&cx.world);
    let routes = net.routes(&cx.world)?;
    let summary = |answer: &Answer| format!("{}, {} bytes", with_reason(answer.status), Size(answer.body.size()).0);
    let answer = cx.call_with(at, call.limit(gate(within)), summary, async {
        credentials.put_into(&cx.world, &mut request).await?;
        if let Some(service) = &service {
            request.connect_to = Some(forwarded(&cx, service).await?);
        }
        let sent = net.clients.send_within(&routes, &request, within).await;
        let answer = sent.map_err(|e| explained(&cx, service.as_deref(), e))?;
        secrets::learn_answer(&cx.world.redactor, &answer);
        expect.judge(request.method.as_str(), &answer)?;
        Ok(answer)
    })?;
    Ok(Response::new(answer))
}

/// A forward that the step keeps until it ends.
struct Kept {
    service: String,
    forward: Forward,
}

/// The local address of a service: the step's forward, opened when it is first needed, and again when it broke.
pub(super) async fn forwarded(cx: &Context, service: &str) -> Result<SocketAddr> {
    let open = {
        let state = cx.state();
        let mut kept = state.kept.iter().rev().filter_map(|kept| kept.downcast_ref::<Kept>());
        kept.find(|k| k.service == service && k.forward.problem().is_none()).map(|k| k.forward.address)
    };
    if let Some(address) = open {
        return Ok(address);
    }
    let forward = forward_for(&cx.world, service).await?;
    let address = forward.address;
    cx.state().kept.push(Box::new(Kept { service: service.into(), forward }));
    Ok(address)
}

/// Adds to an error what the forward of a service said meanwhile.
fn explained(cx: &Context, service: Option<&str>, error: Error) -> Error {
    let Some(service) = service else { return error };
    let state = cx.state();
    let kept = state.kept.iter().rev().filter_map(|kept| kept.downcast_ref::<Kept>()).find(|k| k.service == service);
    let error = error.because(format!("forwarded to service {service}"));
    match kept.and_then(|k| k.forward.problem().map(|problem| (problem, &k.forward))) {
        Some((problem, forward)) => error.because(format!("pod {} port {}: {problem}", forward.pod, forward.port)),
        None => error,
    }
}
