//! Asking nodes: one call to one node, and the same of several side by side.

use std::pin::pin;
use std::sync::PoisonError;
use std::time::Duration;

use futures::future::{Either, join_all, select};
use http::uri::PathAndQuery;
use prost::Message;
use serde::{Deserialize, Serialize};
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::{Request, Streaming};

use super::channel::Connection;
use super::codec::Protobuf;
use super::wire::{Answer, Empty, HostnameResponse, Messages, path};
use super::{MESSAGE_LIMIT, Machines};
use crate::error::{Error, Kind, Result};

/// How long a node's name may take, where it was asked for something else.
const NAME_LIMIT: Duration = Duration::from_secs(2);

/// How long a node may take to say that it is there.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);

/// Which nodes are asked, and how long each may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Names or addresses, as the endpoint knows them.
    pub nodes: Vec<String>,
    /// For each of them.
    pub limit: Duration,
}

/// What came of asking a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told<T> {
    /// As it was asked for.
    pub node: String,
    /// The name that it has itself; empty where it did not tell.
    pub name: String,
    /// Its answer.
    pub answer: Result<T, Error>,
}

impl Machines {
    /// Asks all nodes side by side; the answers are in the order of the nodes.
    pub(super) async fn each<T, F>(&self, ask: &Ask, what: &str, work: impl Fn(String) -> F) -> Vec<Told<T>>
    where
        F: Future<Output = Result<T>>,
    {
        let asked = ask.nodes.iter().map(|node| {
            let work = work(node.clone());
            async move {
                let (work, name) = (pin!(self.within(ask.limit, node, what, work)), pin!(self.name_of(node)));
                let (answer, name) = match select(work, name).await {
                    Either::Left((Ok(answer), name)) => (Ok(answer), name.await),
                    // Who does not answer is not waited for once more.
                    Either::Left((Err(error), _)) => (Err(error), self.known_name(node)),
                    Either::Right((name, work)) => (work.await, name),
                };
                Told { node: node.clone(), name, answer }
            }
        });
        join_all(asked).await
    }

    /// Asks the nodes one call without arguments, and makes something of each answer.
    pub(super) async fn all<R, T>(
        &self,
        ask: &Ask,
        path: &'static str,
        what: &str,
        make: impl Fn(R::Message) -> Result<T>,
    ) -> Vec<Told<T>>
    where
        R: Message + Messages + Default + 'static,
    {
        let make = &make;
        self.each(ask, what, |node| async move { make(self.unary::<Empty, R>(&node, path, what, Empty {}).await?) })
            .await
    }

    /// The nodes that answer at all, for what one of them does for all: a hung one must not take the time of the others.
    ///
    /// # Errors
    /// That of the first node, where none answers.
    pub(super) async fn answering(&self, ask: &Ask) -> Result<Vec<String>> {
        let ask = Ask { nodes: ask.nodes.clone(), limit: ask.limit.min(ANSWER_LIMIT) };
        let told =
            self.all::<HostnameResponse, _>(&ask, path::HOSTNAME, "its name", |answer| Ok(answer.hostname)).await;
        let nodes = told.iter().filter(|told| told.answer.is_ok()).map(|told| told.node.clone()).collect::<Vec<_>>();
        match told.into_iter().find_map(|told| told.answer.err()) {
            Some(error) if nodes.is_empty() => Err(error),
            _ => Ok(nodes),
        }
    }

    /// Ends what takes longer, with an error that names the node.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        node: &str,
        what: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match crate::clock::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => {
                let open = self.inner.channel.open.lock().await.clone();
                if let Some(connection) = &open {
                    // The connection may be what is dead; whoever else waits on it goes on.
                    self.inner.channel.forget(connection).await;
                }
                Err(self.silent(node, what, limit, open.as_ref().map(|connection| connection.address.as_str())))
            }
        }
    }

    /// One question, one answer.
    pub(super) async fn unary<Q, R>(
        &self,
        node: &str,
        path: &'static str,
        what: &str,
        question: Q,
    ) -> Result<R::Message>
    where
        Q: Message + Clone + 'static,
        R: Message + Messages + Default + 'static,
    {
        let (answer, connection) = loop {
            let (mut grpc, connection, kept) = self.grpc().await?;
            let request = self.request(node, question.clone())?;
            let codec = Protobuf::<Q, R>::default();
            match grpc.unary(request, PathAndQuery::from_static(path), codec).await {
                Ok(answer) => break (answer.into_inner(), connection),
                Err(_) if kept && connection.is_stale() => self.inner.channel.forget(&connection).await,
                Err(status) => return Err(self.refusal(node, what, &status, &connection)),
            }
        };
        let Some(message) = answer.messages().into_iter().next() else {
            let said = format!("cluster {}: node {node}: the answer about {what} is empty", self.name());
            return Err(Error::new(Kind::Unreadable, said));
        };
        self.whole(node, what, message, &connection)
    }

    /// One question, and a stream of answers.
    pub(super) async fn stream<Q, M>(
        &self,
        node: &str,
        path: &'static str,
        what: &str,
        question: Q,
    ) -> Result<Stream<M>>
    where
        Q: Message + Clone + 'static,
        M: Message + Answer + Default + 'static,
    {
        loop {
            let (mut grpc, connection, kept) = self.grpc().await?;
            let request = self.request(node, question.clone())?;
            let codec = Protobuf::<Q, M>::default();
            match grpc.server_streaming(request, PathAndQuery::from_static(path), codec).await {
                Ok(answer) => return Ok(Stream { inner: answer.into_inner(), connection }),
                Err(_) if kept && connection.is_stale() => self.inner.channel.forget(&connection).await,
                Err(status) => return Err(self.refusal(node, what, &status, &connection)),
            }
        }
    }

    /// The next of a stream's messages; none at its end.
    pub(super) async fn next<M: Answer>(&self, node: &str, what: &str, stream: &mut Stream<M>) -> Result<Option<M>> {
        let next = stream.inner.message().await;
        match next.map_err(|status| self.refusal(node, what, &status, &stream.connection))? {
            Some(message) => self.whole(node, what, message, &stream.connection).map(Some),
            None => Ok(None),
        }
    }

    /// What a node calls itself; empty where it does not say so soon.
    async fn name_of(&self, node: &str) -> String {
        let name = self.known_name(node);
        if !name.is_empty() {
            return name;
        }
        let asked = self.unary::<Empty, HostnameResponse>(node, path::HOSTNAME, "its name", Empty {});
        let Ok(Ok(answer)) = crate::clock::timeout(NAME_LIMIT, asked).await else { return name };
        let mut names = self.inner.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(node.to_string(), answer.hostname.clone());
        answer.hostname
    }

    fn known_name(&self, node: &str) -> String {
        let names = self.inner.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(node).cloned().unwrap_or_default()
    }

    async fn grpc(&self) -> Result<(Grpc<Connection>, Connection, bool)> {
        let (connection, kept) = self.inner.channel.connection(|error, broke| self.unconnected(error, broke)).await?;
        let wrong = |e: &dyn std::fmt::Display| {
            Error::new(Kind::Config, format!("{} is no address of a machine API", connection.address)).because(e)
        };
        let origin = format!("https://{}", connection.address).parse().map_err(|e: http::uri::InvalidUri| wrong(&e))?;
        let grpc = Grpc::with_origin(connection.clone(), origin).max_decoding_message_size(MESSAGE_LIMIT);
        Ok((grpc, connection, kept))
    }

    /// The endpoint hands it on to the one node that it names.
    fn request<Q>(&self, node: &str, question: Q) -> Result<Request<Q>> {
        let mut request = Request::new(question);
        let name = MetadataValue::try_from(node).map_err(|_| {
            Error::new(Kind::Script, format!("cluster {}: \"{node}\" is no name of a node", self.name()))
        })?;
        request.metadata_mut().insert("node", name);
        Ok(request)
    }

    fn whole<M: Answer>(&self, node: &str, what: &str, message: M, connection: &Connection) -> Result<M> {
        match message.metadata() {
            Some(metadata) if !metadata.error.is_empty() => Err(self.failed(node, what, metadata, connection)),
            _ => Ok(message),
        }
    }
}

/// A stream of answers. Dropped before its end, it ends the call.
pub(super) struct Stream<M> {
    pub(super) inner: Streaming<M>,
    pub(super) connection: Connection,
}
