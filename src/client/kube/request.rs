//! One request and its answer: headers, the body as text, API errors mapped.

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::core::Status;

use super::Cluster;
use crate::error::{Error, Kind, Result};

/// An answer: its status (200, 201, 202) and its body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

/// The longest error body that is shown when it is not a Status.
const SHOWN: usize = 400;

impl Cluster {
    /// Sends a request without waiting for the body. An error status is the inner `Err`: some callers judge it.
    pub(crate) async fn try_open(
        &self,
        request: Request<Vec<u8>>,
        what: &str,
    ) -> Result<Result<Response<Body>, Status>> {
        let mut request = request.map(Body::from);
        if self.inner.loopback {
            // On this machine compressing costs more time than the bytes it saves.
            request.headers_mut().entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        }
        let response = self.client().send(request).await.map_err(|e| self.fault(&e, what))?;
        if response.status().is_success() {
            return Ok(Ok(response));
        }
        let code = response.status().as_u16();
        let text = self.collect(response, what, 0, |_| {}).await?;
        Ok(Err(status_of(code, &text)))
    }

    /// Sends a request and reads its whole body. `expected` is the number of bytes that are likely.
    pub(crate) async fn try_ask(
        &self,
        request: Request<Vec<u8>>,
        what: &str,
        expected: usize,
    ) -> Result<Result<Answer, Status>> {
        match self.try_open(request, what).await? {
            Ok(response) => {
                let status = response.status();
                Ok(Ok(Answer { status, text: self.collect(response, what, expected, |_| {}).await? }))
            }
            Err(status) => Ok(Err(status)),
        }
    }

    /// The same; an error status is an error.
    pub(crate) async fn ask(&self, request: Request<Vec<u8>>, what: &str, expected: usize) -> Result<Answer> {
        self.try_ask(request, what, expected).await?.map_err(|status| self.refusal(&status, what))
    }

    /// Reads a whole body. `seen` is shown what has come so far, each time that more did.
    pub(crate) async fn collect(
        &self,
        response: Response<Body>,
        what: &str,
        expected: usize,
        mut seen: impl FnMut(&[u8]),
    ) -> Result<String> {
        let length = response.headers().get(http::header::CONTENT_LENGTH);
        let length = length.and_then(|l| l.to_str().ok()).and_then(|l| l.parse().ok()).unwrap_or(expected);
        // A length is a word of the server's: believed up to a size that does no harm.
        let mut bytes = Vec::with_capacity(length.min(8 << 20));
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(|e| self.fault(&e, what))?.into_data() {
                bytes.extend_from_slice(&data);
                seen(&bytes);
            }
        }
        String::from_utf8(bytes).map_err(|e| {
            Error::new(Kind::Unreadable, format!("{what} on cluster {}: the answer is not UTF-8", self.name()))
                .because(e)
        })
    }
}

/// A request with a JSON answer.
pub(crate) fn request(method: Method, path: &str) -> RequestBuilder {
    RequestBuilder { builder: Request::builder().method(method).uri(path).header(ACCEPT, "application/json") }
}

/// A request that is being put together.
#[derive(Debug)]
pub(crate) struct RequestBuilder {
    builder: http::request::Builder,
}

impl RequestBuilder {
    /// Replaces the accepted type.
    pub(crate) fn accept(mut self, accept: &'static str) -> Self {
        if let Some(headers) = self.builder.headers_mut() {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        self
    }

    /// Asks for an answer without compression, whatever the server is.
    pub(crate) fn identity(mut self) -> Self {
        if let Some(headers) = self.builder.headers_mut() {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        self
    }

    /// A request without a body.
    pub(crate) fn empty(self) -> Result<Request<Vec<u8>>> {
        self.builder.body(Vec::new()).map_err(|e| invalid(&e))
    }

    /// A request with a body of this type.
    pub(crate) fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Result<Request<Vec<u8>>> {
        self.builder.header(CONTENT_TYPE, content_type).body(body.into()).map_err(|e| invalid(&e))
    }
}

fn invalid(e: &http::Error) -> Error {
    Error::new(Kind::Invalid, "the request can't be written as HTTP").caused_by(e)
}

/// The Status of an error answer; what is not one is shown as it came.
fn status_of(code: u16, text: &str) -> Status {
    let parsed = serde_json::from_str::<Status>(text).ok().filter(Status::is_failure);
    let mut status = parsed.unwrap_or_else(|| {
        let shown = crate::error::beginning(text.trim(), SHOWN);
        Status::failure(&shown, "")
    });
    if status.code == 0 {
        status.code = code;
    }
    status
}
