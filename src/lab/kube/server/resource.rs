//! Requests for objects: the address taken apart, and the verb called.

use std::sync::Arc;

use http::Method;
use hyper::Response;
use serde_json::Value;

use super::answer::{self, Body, Style};
use super::route::Head;
use super::watch;
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::kinds::{Kind, Verbs};
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::verbs::{self, Answered, Asked, ListOptions, Payload, Sub, View};

/// An address within a group's version.
#[derive(Debug)]
pub(super) struct Address {
    group: String,
    version: String,
    watch: bool,
    namespace: Option<String>,
    resource: String,
    name: String,
    sub: String,
}

impl Address {
    /// `[watch] [namespaces NS] RESOURCE [NAME [PART]]`.
    pub(super) fn of(group: &str, version: &str, rest: &[&str]) -> Self {
        let (watch, rest) = match rest {
            ["watch", rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (namespace, rest) = match rest {
            // A namespace itself, or a part of it.
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] => (Some((*namespace).to_owned()), rest),
            rest => (None, rest),
        };
        let part = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            watch,
            namespace,
            resource: part(0),
            name: part(1),
            sub: rest.get(2..).unwrap_or_default().join("/"),
        }
    }

    /// The kind that is addressed, if it is addressed as it has to be.
    fn kind(&self, cluster: &Cluster) -> Answer<Arc<Kind>> {
        let kind = cluster.world().kinds.get(&self.group, &self.version, &self.resource);
        let kind = kind.ok_or_else(Refusal::no_resource)?;
        let alone = self.namespace.is_none() && kind.namespaced && !self.name.is_empty();
        let astray = self.namespace.is_some() && !kind.namespaced;
        if alone || astray { Err(Refusal::no_resource()) } else { Ok(kind) }
    }

    fn sub(&self, kind: &Kind) -> Answer<Sub> {
        match self.sub.as_str() {
            "" => Ok(Sub::Whole),
            "status" if kind.status => Ok(Sub::Status),
            "scale" if kind.scale.is_some() => Ok(Sub::Scale),
            "finalize" if kind.plural == "namespaces" => Ok(Sub::Finalize),
            _ => Err(Refusal::no_resource()),
        }
    }
}

/// Answers a request for objects.
pub(super) async fn answer(
    cluster: &Arc<Cluster>,
    head: &Head,
    style: Style,
    payload: &Payload,
    view: View,
    address: Address,
) -> Answer<Response<Body>> {
    let kind = address.kind(cluster)?;
    let sub = address.sub(&kind)?;
    let review = kind.verbs == Verbs::Review;
    let mut asked = Asked {
        namespace: address.namespace.clone().unwrap_or_default(),
        name: address.name.clone(),
        sub,
        query: head.query.clone(),
        agent: head.agent.clone(),
        user: head.who.user.clone(),
        now: cluster.clock.now(),
        kind,
    };
    let whole = asked.name.is_empty();
    if head.method == Method::GET && asked.kind.plural == "leases" {
        crate::lab::controllers::leases::renew(cluster);
    }
    if head.method == Method::GET && !review && (address.watch || (whole && asked.query.is("watch"))) {
        // The old form names the object in the address.
        let name = std::mem::take(&mut asked.name);
        return watch::answer(cluster, asked, view, &name).await;
    }
    let answered = match (&head.method, whole) {
        (&Method::GET, true) if !review => return list(cluster, &asked, style, view),
        (&Method::GET, false) if !review => {
            let world = cluster.world();
            Answered::new(200, verbs::get(&world, &asked)?)
        }
        (&Method::POST, true) if review && (!asked.kind.namespaced || address.namespace.is_some()) => {
            verbs::review(&cluster.world(), &asked, payload, &head.who)?
        }
        (&Method::POST, true) if !asked.kind.namespaced || address.namespace.is_some() => {
            change(cluster, |world| verbs::create(world, &asked, payload))?
        }
        (&Method::PUT, false) if !review => change(cluster, |world| verbs::replace(world, &asked, payload))?,
        (&Method::PATCH, false) if !review => change(cluster, |world| verbs::patch(world, &asked, payload))?,
        (&Method::DELETE, false) if !review && sub == Sub::Whole => {
            change(cluster, |world| verbs::delete(world, &asked, payload))?
        }
        (&Method::DELETE, true) if !review => change(cluster, |world| verbs::delete_all(world, &asked, payload))?,
        _ => return Err(Refusal::method()),
    };
    let list = head.method == Method::DELETE && whole;
    let shown: Value = if list { answered.value } else { view.object(&asked, answered.value)? };
    let mut response = answer::value(style, answered.code, &shown);
    answer::warn(&mut response, &answered.warnings);
    Ok(response)
}

/// Does something to the world, and tells the watches.
fn change(
    cluster: &Cluster,
    verb: impl FnOnce(&mut crate::lab::kube::cluster::World) -> Answer<Answered>,
) -> Answer<Answered> {
    let (answered, revision) = {
        let mut world = cluster.world();
        let answered = verb(&mut world);
        (answered, world.store.revision())
    };
    cluster.ring(revision);
    answered
}

fn list(cluster: &Cluster, asked: &Asked, style: Style, view: View) -> Answer<Response<Body>> {
    let options = ListOptions::of(asked)?;
    let listed = verbs::list(&cluster.world(), asked, &options)?;
    if view == View::Whole {
        if style.pretty || style.media == verbs::Media::Yaml {
            return Ok(answer::value(style, 200, &listed.to_json(asked)));
        }
        return Ok(answer::pieces("application/json", listed.into_pieces(asked)));
    }
    let objects: Vec<&Value> = listed.objects.iter().map(|o| &*o.value).collect();
    let shown = view.list(asked, &objects, listed.metadata(asked))?;
    Ok(answer::value(style, 200, &shown))
}
