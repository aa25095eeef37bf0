//! HTTP: one client a way of connecting, requests that are sent exactly once, answers whole or not at all.

mod answer;
mod fault;
mod pool;
mod progress;
mod redirect;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::header::{HOST, HeaderMap, HeaderValue};

pub use answer::{Answer, Body};
pub use pool::Clients;
pub use reqwest::{Method, Url, header};

use progress::Progress;

use super::route::Routes;
use super::trust::Trust;
use crate::error::{Error, Kind, Result};

/// Bytes of an answer that are read, unless the request says otherwise.
pub const MAX_SIZE: u64 = 16 << 20;
/// Redirects that are followed, unless the request says otherwise.
pub const FOLLOW: usize = 10;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`
    pub method: Method,
    /// Where to, as it is written and shown.
    pub url: Url,
    /// Headers, credentials included.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: bytes::Bytes,
    /// Whom to trust.
    pub trust: Trust,
    /// The address to connect to in place of the URL's host and port.
    pub connect_to: Option<SocketAddr>,
    /// How long a connection may take.
    pub connect_limit: Duration,
    /// Redirects that are followed; with 0 a redirect is the answer.
    pub follow: usize,
    /// Bytes of the answer's body that are read.
    pub max_size: u64,
}

impl Request {
    /// A request without a body, with the usual limits.
    pub fn new(method: Method, url: Url, connect_limit: Duration) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
            trust: Trust::System,
            connect_to: None,
            connect_limit,
            follow: FOLLOW,
            max_size: MAX_SIZE,
        }
    }
}

impl Clients {
    /// Sends a request once and reads its whole answer, whatever its status.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] and [`Kind::Timeout`] where no whole answer came, naming URL and address;
    /// [`Kind::Unreadable`] where it is greater than allowed.
    pub async fn send(&self, routes: &Routes, request: &Request) -> Result<Answer> {
        self.course(routes, request, &Progress::default()).await
    }

    /// The same within a time.
    ///
    /// # Errors
    /// As [`Clients::send`]; [`Kind::Timeout`] says how far it came.
    pub async fn send_within(&self, routes: &Routes, request: &Request, limit: Duration) -> Result<Answer> {
        let progress = Progress::default();
        match crate::clock::timeout(limit, self.course(routes, request, &progress)).await {
            Ok(answer) => answer,
            Err(_) => Err(progress.timed_out(request, limit)),
        }
    }

    async fn course(&self, routes: &Routes, request: &Request, progress: &Progress) -> Result<Answer> {
        let started = Instant::now();
        let mut hop = request.clone();
        let mut chain = vec![request.url.to_string()];
        loop {
            let way = self.way(routes, &hop).await?;
            let at = fault::at(&way, &hop.url);
            progress.asking(at.clone());
            let mut sent = reqwest::Request::new(hop.method.clone(), way.url.clone());
            *sent.headers_mut() = hop.headers.clone();
            if way.url != hop.url
                && let Ok(host) = HeaderValue::from_str(&pool::authority(&hop.url))
            {
                sent.headers_mut().entry(HOST).or_insert(host);
            }
            if !hop.body.is_empty() {
                *sent.body_mut() = Some(hop.body.clone().into());
            }
            let response =
                way.client.execute(sent).await.map_err(|e| fault::sending(&e, &hop.method, &hop.url, &way))?;
            let first_byte = started.elapsed();
            if hop.follow > 0
                && let Some(next) = redirect::next(&hop, response.status(), response.headers())?
            {
                chain.push(next.url.to_string());
                if chain.len() > request.follow + 1 {
                    let what = format!("{} {}: more than {} redirects", request.method, request.url, request.follow);
                    return Err(Error::new(Kind::Unreadable, what).because(chain.join(" → ")));
                }
                hop = next;
                continue;
            }
            let mut answer = Answer::of(&response, &hop.url, chain.len() - 1, first_byte);
            answer.body = Body::new(read(response, &hop, &way, |got, of| progress.reading(&at, got, of)).await?);
            answer.total = started.elapsed();
            return Ok(answer);
        }
    }
}

async fn read(
    mut response: reqwest::Response,
    request: &Request,
    way: &pool::Way,
    progress: impl Fn(usize, Option<u64>),
) -> Result<Vec<u8>> {
    let announced = response.content_length();
    progress(0, announced);
    let too_big = |size: String| {
        let (method, url, limit) = (&request.method, &request.url, request.max_size);
        Error::new(
            Kind::Unreadable,
            format!("{method} {url}: the answer has {size}, more than the limit of {limit} bytes"),
        )
        .hint("max_size: size(\"64Mi\") in the options reads more")
    };
    if let Some(size) = announced.filter(|size| *size > request.max_size && request.method != Method::HEAD) {
        return Err(too_big(format!("{size} bytes")));
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if (body.len() + chunk.len()) as u64 > request.max_size => {
                return Err(too_big(format!("{} bytes and goes on", body.len() + chunk.len())));
            }
            Ok(Some(chunk)) => {
                body.extend_from_slice(&chunk);
                progress(body.len(), announced);
            }
            Ok(None) => return Ok(body),
            Err(e) => return Err(fault::reading(&e, request, way, body.len(), announced)),
        }
    }
}
