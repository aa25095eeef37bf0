//! The request that undoes a change: bare, with an endpoint's credentials and route.

use super::endpoint::{Endpoint, forward_for};
use super::expect::Expect;
use super::prepare::{BARE_LIMIT, bare};
use crate::error::{Error, Kind, Result};
use crate::event::short;
use crate::host::World;
use crate::host::net::Net;
use crate::host::undo::Undone;

/// Sends what an [`crate::event::Undo::Http`] says. A 404 or 410 to a DELETE is fine: it is gone already.
///
/// # Errors
/// Where no answer came, and [`Kind::Status`] where it is not of class 2xx.
pub async fn undo(world: &World, method: &str, url: &str, endpoint: Option<&str>) -> Result<Undone> {
    let endpoint = endpoint.map(|name| Endpoint::named(world, name)).transpose()?;
    let mut request = bare(world, method, url, endpoint.as_ref()).await?;
    let mut _open = None;
    if let Some(service) = endpoint.as_ref().and_then(|e| e.config.service.as_ref()) {
        let forward = forward_for(world, service).await?;
        request.connect_to = Some(forward.address);
        _open = Some(forward);
    }
    let net = Net::of(world);
    let routes = net.routes(world)?;
    let answer = tokio::time::timeout(BARE_LIMIT, net.clients.send(&routes, &request)).await.map_err(|_| {
        Error::new(Kind::Timeout, format!("{} {}: no answer within {}", request.method, request.url, short(BARE_LIMIT)))
    })??;
    if request.method.as_str() == "DELETE" && matches!(answer.status, 404 | 410) {
        return Ok(Undone::Already);
    }
    super::secrets::learn_answer(&world.redactor, &answer);
    Expect::default().judge(request.method.as_str(), &answer)?;
    Ok(Undone::Done)
}
