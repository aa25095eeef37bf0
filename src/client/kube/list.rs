//! Reading: one object, and lists in pages, the next one asked for while the former is parsed.

use http::Method;

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
        resource.check(namespace, name)?;
        let what = resource.describe(namespace, name);
        let request = request(Method::GET, &resource.path(namespace, name, subresource)).empty()?;
        without_managed_fields(self.ask(request, &what, 16 << 10).await?.text)
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
        let what = format!("the list of {}", resource.plural);
        let limit = query.limit.unwrap_or(usize::MAX);
        let mut listed = Listed { pages: Vec::new(), version: String::new() };
        let mut count = 0;
        let mut body = self.page(resource, query, size.min(limit), None, &what, 0).await?;
        loop {
            let likely = body.len() + body.len() / 8;
            let token = cut::peek(&body);
            let parse = {
                let (api_version, kind, what) = (resource.api_version(), resource.kind.clone(), what.clone());
                tokio::task::spawn_blocking(move || cut::list(&body, &api_version, &kind, &what))
            };
            // The page that is being parsed has at most `size` objects: is more wanted after it?
            let ahead = match &token {
                Some(Some(token)) if count + size < limit => Some(token.as_str()),
                _ => None,
            };
            let (parsed, next) = match ahead {
                Some(token) => {
                    let wanted = size.min(limit - count - size);
                    let next = self.page(resource, query, wanted, Some(token), &what, likely);
                    let (parsed, next) = futures::join!(parse, next);
                    (parsed, Some(next))
                }
                None => (parse.await, None),
            };
            let Cut { page, next: token, version } = parsed.map_err(|e| {
                Stopped::Failed(Error::new(Kind::Unreadable, format!("{what}: the parser stopped")).because(e))
            })??;
            count += page.items.len();
            listed.version = version;
            listed.pages.push(page);
            body = match (next, token) {
                (Some(next), _) => next?,
                (None, Some(token)) if count < limit => {
                    self.page(resource, query, size.min(limit - count), Some(&token), &what, likely).await?
                }
                (None, _) => break,
            };
        }
        Ok(listed)
    }

    async fn page(
        &self,
        resource: &Resource,
        query: &Query,
        size: usize,
        token: Option<&str>,
        what: &str,
        likely: usize,
    ) -> Result<String, Stopped> {
        let size = size.to_string();
        let mut more = vec![("limit", size.as_str())];
        if let Some(token) = token {
            more.push(("continue", token));
        }
        let path = resource.collection(query.namespace.as_deref()) + query.parameters(&more).as_str();
        let request = request(Method::GET, &path).empty()?;
        let response = self.try_ask(request, what, likely).await?;
        match response {
            Ok(answer) => Ok(answer.text),
            Err(status) if status.code == 410 && token.is_some() => Err(Stopped::Expired(self.refusal(&status, what))),
            Err(status) => Err(Stopped::Failed(self.refusal(&status, what))),
        }
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
