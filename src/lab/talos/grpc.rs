//! Answering a call of gRPC: one message, or a stream of them.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::stream::{BoxStream, StreamExt};
use hyper::body::Incoming;
use prost::Message;
use tonic::body::Body;
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};

use crate::client::talos::codec::Protobuf;

/// A request on its way to its answer.
pub(super) type Asked = http::Request<Incoming>;

/// Answers with what `work` makes of the question.
pub(super) async fn one<Q, R>(asked: Asked, work: impl FnMut(Q) -> Result<R, Status> + Send) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    R: Message + Default + 'static,
{
    Grpc::new(Protobuf::<R, Q>::default()).unary(One(work), asked).await
}

/// Answers with the messages that `work` makes of the question.
pub(super) async fn many<Q, R>(
    asked: Asked,
    work: impl FnMut(Q) -> Result<Messages<R>, Status> + Send,
) -> http::Response<Body>
where
    Q: Message + Default + 'static,
    R: Message + Default + 'static,
{
    Grpc::new(Protobuf::<R, Q>::default()).server_streaming(Many(work), asked).await
}

/// A stream of messages.
pub(super) struct Messages<R>(BoxStream<'static, Result<R, Status>>);

impl<R: Send + 'static> Messages<R> {
    /// What is there already.
    pub(super) fn all(messages: Vec<R>) -> Self {
        Self::of(futures::stream::iter(messages.into_iter().map(Ok)))
    }

    /// What comes.
    pub(super) fn of(stream: impl futures::Stream<Item = Result<R, Status>> + Send + 'static) -> Self {
        Self(stream.boxed())
    }
}

impl<R> futures::Stream for Messages<R> {
    type Item = Result<R, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

struct One<F>(F);

impl<Q, R, F: FnMut(Q) -> Result<R, Status>> UnaryService<Q> for One<F> {
    type Response = R;
    type Future = Ready<Result<Response<R>, Status>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        ready((self.0)(request.into_inner()).map(Response::new))
    }
}

struct Many<F>(F);

impl<Q, R, F> ServerStreamingService<Q> for Many<F>
where
    F: FnMut(Q) -> Result<Messages<R>, Status>,
{
    type Response = R;
    type ResponseStream = Messages<R>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        ready((self.0)(request.into_inner()).map(Response::new))
    }
}
