//! Answers: JSON, YAML, text, or a stream of events.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::{Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::lab::kube::refusal::Refusal;
use crate::lab::kube::verbs::Media;

/// A body, whole or streamed.
pub(super) type Body = BoxBody<Bytes, std::convert::Infallible>;

/// How an answer is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) media: Media,
    /// With line breaks, for people.
    pub(super) pretty: bool,
}

pub(super) fn whole(code: u16, media: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes.into()).boxed());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

pub(super) fn text(code: u16, text: impl Into<Bytes>) -> Response<Body> {
    whole(code, "text/plain; charset=utf-8", text)
}

pub(super) fn value(style: Style, code: u16, value: &Value) -> Response<Body> {
    match style.media {
        Media::Yaml => match serde_saphyr::to_string(value) {
            Ok(text) => whole(code, "application/yaml", text),
            Err(_) => whole(code, "application/json", value.to_string()),
        },
        Media::Json if style.pretty => {
            whole(code, "application/json", serde_json::to_string_pretty(value).unwrap_or_default())
        }
        Media::Json => whole(code, "application/json", value.to_string() + "\n"),
    }
}

/// An answer whose pieces are made as the client takes them. What fits into one has a length.
pub(super) fn pieces(
    media: &'static str,
    mut pieces: impl Iterator<Item = Bytes> + Send + Sync + 'static,
) -> Response<Body> {
    let first = pieces.next().unwrap_or_default();
    let Some(second) = pieces.next() else { return whole(200, media, first) };
    let all = [first, second].into_iter().chain(pieces);
    let mut response = whole(200, media, Bytes::new());
    *response.body_mut() =
        StreamBody::new(futures::stream::iter(all.map(|piece| Ok::<_, std::convert::Infallible>(Frame::data(piece)))))
            .boxed();
    response
}

pub(super) fn refusal(style: Style, refusal: &Refusal) -> Response<Body> {
    if refusal.plain {
        return text(refusal.code, refusal.message.clone());
    }
    let mut response = value(style, refusal.code, &refusal.to_json());
    let retry = refusal.details.as_ref().and_then(|d| d["retryAfterSeconds"].as_u64());
    if let Some(seconds) = retry {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// An answer whose pieces are told as they come.
pub(super) fn streamed(media: &'static str, pieces: mpsc::Receiver<Bytes>) -> Response<Body> {
    let stream = futures::stream::unfold(pieces, |mut pieces| async move {
        let bytes = pieces.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(Frame::data(bytes)), pieces))
    });
    let mut response = whole(200, media, Bytes::new());
    *response.body_mut() = BodyExt::boxed(StreamBody::new(SyncStream(Box::pin(stream))));
    response
}

/// A stream that is used by one thread at a time.
struct SyncStream<S>(std::pin::Pin<Box<S>>);

impl<S: futures::Stream> futures::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

/// Adds what the answer warns of.
pub(super) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append(HeaderName::from_static("warning"), value);
        }
    }
}
