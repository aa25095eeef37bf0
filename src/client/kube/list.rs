//! Reading: one object, and lists in pages, the next one asked for while the former still comes and is parsed.

use std::sync::Arc;

use http::Method;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::cut::{self, Cut, Page};
use super::query::Query;
use super::request::request;
use super::{Cluster, Resource, without_managed_fields};
use crate::error::{Error, Kind, Result};

/// Objects asked for at a time, as kubectl does.
pub(crate) const PAGE: usize = 500;

/// A whole list, and the version of the cluster's state that it shows.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) pages: Vec<Page>,
    pub(crate) version: String,
}

impl Cluster {
    /// One object's JSON without managedFields; `subresource` reads `status` or `scale` of it.
    ///
    /// # Errors
    /// [`Kind::NotFound`] and what else the server or the way to it says.
    pub async fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        subresource: Option<&str>,
    ) -> Result<String> {
        without_managed_fields(self.get_whole(resource, namespace, name, subresource).await?)
    }

    /// The same with managedFields.
    ///
    /// # Errors
    /// As [`Cluster::get`].
    pub async fn get_whole(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        subresource: Option<&str>,
    ) -> Result<String> {
        resource.check(namespace, name)?;
        let what = resource.describe(namespace, name);
        let request = request(Method::GET, &resource.path(namespace, name, subresource)).empty()?;
        Ok(self.ask(request, &what, 16 << 10).await?.text)
    }

    /// The objects that the query means, page by page.
    ///
    /// # Errors
    /// What the server or the way to it says; an answer that is not a whole list is [`Kind::Unreadable`].
    pub async fn list(&self, resource: &Resource, query: &Query) -> Result<Vec<Page>> {
        Ok(self.list_by(resource, query, PAGE).await?.pages)
    }

    /// The same in pages of `size`.
    pub(crate) async fn list_by(&self, resource: &Resource, query: &Query, size: usize) -> Result<Listed> {
        match self.list_once(resource, query, size).await {
            // The token outlived what the server keeps: the pages so far are of a state that is gone.
            Err(Stopped::Expired(_)) => match self.list_once(resource, query, size).await {
                Err(Stopped::Expired(e) | Stopped::Failed(e)) => Err(e),
                Ok(listed) => Ok(listed),
            },
            Err(Stopped::Failed(e)) => Err(e),
            Ok(listed) => Ok(listed),
        }
    }

    async fn list_once(&self, resource: &Resource, query: &Query, size: usize) -> Result<Listed, Stopped> {
        let limit = query.limit.unwrap_or(usize::MAX);
        let source = Arc::new(Source {
            cluster: self.clone(),
            resource: resource.clone(),
            query: query.clone(),
            what: format!("the list of {}", resource.plural),
        });
        let mut listed = Listed { pages: Vec::new(), version: String::new() };
        let mut count = 0;
        let mut likely = 0;
        let mut under_way = Some(source.fetch(size.min(limit), None, likely));
        while let Some(Fetch { head, whole }) = under_way.take() {
            // The page that is coming has at most `size` objects: is more wanted after it?
            let left = limit.saturating_sub(count + size);
            if let Ok(Some(token)) = head.await
                && left > 0
            {
                under_way = Some(source.fetch(size.min(left), Some(token), likely));
            }
            let broken = |e| Error::new(Kind::Unreadable, format!("{}: reading it stopped", source.what)).because(e);
            let Cut { page, next, version, length } = whole.await.map_err(broken)??;
            count += page.items.len();
            likely = length + length / 8;
            listed.version = version;
            listed.pages.push(page);
            if let Some(token) = next
                && under_way.is_none()
                && count < limit
            {
                under_way = Some(source.fetch(size.min(limit - count), Some(token), likely));
            }
        }
        Ok(listed)
    }
}

/// Whatever a list's pages come from.
struct Source {
    cluster: Cluster,
    resource: Resource,
    query: Query,
    what: String,
}

/// A page under way, on a task of its own that ends when this is dropped.
struct Fetch {
    /// The token of the next page, as soon as it can be told; an error where only the whole page says it.
    head: oneshot::Receiver<Option<String>>,
    whole: AbortOnDropHandle<Result<Cut, Stopped>>,
}

impl Source {
    /// Asks for a page of `size` objects. `likely` is the number of bytes that it may have.
    fn fetch(self: &Arc<Self>, size: usize, token: Option<String>, likely: usize) -> Fetch {
        let (tell, head) = oneshot::channel();
        let page = self.clone().page(size, token, likely, tell);
        Fetch { head, whole: AbortOnDropHandle::new(tokio::spawn(page)) }
    }

    async fn page(
        self: Arc<Self>,
        size: usize,
        token: Option<String>,
        likely: usize,
        tell: oneshot::Sender<Option<String>>,
    ) -> Result<Cut, Stopped> {
        let Self { cluster, resource, query, what } = &*self;
        let size = size.to_string();
        let mut more = vec![("limit", size.as_str())];
        if let Some(token) = &token {
            more.push(("continue", token));
        }
        let path = resource.collection(query.namespace.as_deref()) + query.parameters(&more).as_str();
        let request = request(Method::GET, &path).empty()?;
        let response = match cluster.try_open(request, what).await? {
            Ok(response) => response,
            Err(status) if status.code == 410 && token.is_some() => {
                return Err(Stopped::Expired(cluster.refusal(&status, what)));
            }
            Err(status) => return Err(Stopped::Failed(cluster.refusal(&status, what))),
        };
        let mut tell = Some(tell);
        let body = cluster.collect(response, what, likely, |bytes| {
            if bytes.len() >= cut::HEAD
                && let Some(tell) = tell.take()
                && let Some(token) = cut::peek(bytes)
            {
                // Nobody listens where the list was given up.
                let _ = tell.send(token);
            }
        });
        let body = body.await?;
        drop(tell);
        let source = self.clone();
        let parse = tokio::task::spawn_blocking(move || {
            cut::list(&body, &source.resource.api_version(), &source.resource.kind, &source.what)
        });
        let stopped = |e| Error::new(Kind::Unreadable, format!("{what}: the parser stopped")).because(e);
        Ok(parse.await.map_err(stopped)??)
    }
}

/// Why a list ended early.
enum Stopped {
    /// 410: the continue token is too old.
    Expired(Error),
    Failed(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
