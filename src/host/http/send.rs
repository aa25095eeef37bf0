//! Through the gate and over the wire.

use std::net::SocketAddr;

use rhai::{Map, NativeCallContext};

use super::endpoint::forward_for;
use super::expect::with_reason;
use super::prepare::{Prepared, To, prepare};
use super::response::Response;
use crate::client::http::Answer;
use crate::error::Result;
use crate::host::net::Net;
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
    let (Prepared { mut request, expect, call, service }, _) = prepare(&cx, at, function, method, to, options, &[])?;
    let net = Net::of(&cx.world);
    let routes = net.routes(&cx.world)?;
    let summary = |answer: &Answer| format!("{}, {} bytes", with_reason(answer.status), Size(answer.body.size()).0);
    let answer = cx.call_with(at, call, summary, async {
        if let Some(service) = &service {
            request.connect_to = Some(forwarded(&cx, service).await?);
        }
        let answer = net.clients.send(&routes, &request).await?;
        expect.judge(request.method.as_str(), &answer)?;
        Ok(answer)
    })?;
    Ok(Response::new(answer))
}

/// A forward that the step keeps until it ends.
struct Kept {
    service: String,
    address: SocketAddr,
    _forward: Box<dyn std::any::Any + Send>,
}

/// The local address of a service: the step's forward, opened when it is first needed.
pub(super) async fn forwarded(cx: &Context, service: &str) -> Result<SocketAddr> {
    let open = {
        let state = cx.state();
        state
            .kept
            .iter()
            .filter_map(|kept| kept.downcast_ref::<Kept>())
            .find(|k| k.service == service)
            .map(|k| k.address)
    };
    if let Some(address) = open {
        return Ok(address);
    }
    let (address, forward) = forward_for(&cx.world, service).await?;
    cx.state().kept.push(Box::new(Kept { service: service.into(), address, _forward: forward }));
    Ok(address)
}
