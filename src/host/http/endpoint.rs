//! An endpoint of `pb.toml` as scripts hold it: `http("grafana")`.

use std::sync::Arc;

use super::credentials::Credentials;
use super::prepare::parse_url;
use crate::client::http::Url;
use crate::client::kube::forward::{Forward, Port, forward};
use crate::client::kube::target::Target;
use crate::config;
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::host::World;
use crate::host::kube::Clusters;

/// An endpoint by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// Its name in `pb.toml`.
    pub(super) name: Arc<str>,
    /// What is configured.
    pub(super) config: Arc<config::Endpoint>,
}

impl Endpoint {
    /// The endpoint of that name.
    pub(super) fn named(world: &World, name: &str) -> Result<Self> {
        let endpoints = &world.config.endpoints;
        let config = endpoints.get(name).ok_or_else(|| {
            let known: Vec<&str> = endpoints.keys().map(String::as_str).collect();
            let has = if known.is_empty() { "it has none".into() } else { format!("it has {}", known.join(", ")) };
            Error::new(Kind::Config, format!("there is no endpoint \"{name}\" in pb.toml ({has})"))
                .maybe_hint(did_you_mean(name, known.iter().copied()))
                .hint(format!("[endpoints.{name}] with url or service declares it"))
        })?;
        Ok(Self { name: name.into(), config: Arc::new(config.clone()) })
    }

    /// The URL below which its paths lie. A service's is its name in the cluster.
    pub(super) fn base(&self) -> Result<Url> {
        let broken = |e: Error| Error { kind: Kind::Config, ..e.context(format!("[endpoints.{}]", self.name)) };
        match (&self.config.url, &self.config.service) {
            (Some(url), _) => parse_url(url).map_err(broken),
            (None, Some(service)) => {
                let service = Service::parse(service).map_err(broken)?;
                parse_url(&format!("http://{}.{}.svc:{}", service.name, service.namespace, service.port))
                    .map_err(broken)
            }
            (None, None) => Err(broken(Error::new(Kind::Config, "neither url nor service is set"))),
        }
    }

    /// The URL of a path, which may have a query: below the base's own path.
    pub(super) fn join(&self, path: &str) -> Result<Url> {
        if path.contains("://") {
            return Err(Error::new(Kind::Script, format!("endpoint {} takes a path, not \"{path}\"", self.name))
                .hint("http::get(url) takes a whole URL"));
        }
        let mut url = self.base()?;
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let whole = format!("{}/{}", url.path().trim_end_matches('/'), path.trim_start_matches('/'));
        url.set_path(&whole);
        if query.is_some() {
            url.set_query(query);
        }
        Ok(url)
    }

    /// Its credentials, which are read when they are needed.
    pub(super) fn credentials(&self, world: &World) -> Result<Credentials> {
        Credentials::of(world, &self.name, &self.config)
    }
}

/// `cluster/namespace/service:port`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) cluster: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) port: u16,
}

impl Service {
    /// Reads it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(Kind::Config, format!("service \"{text}\" is not of the form cluster/namespace/service:port"))
        };
        let parts: Vec<&str> = text.split('/').collect();
        let [cluster, namespace, service] = parts.as_slice() else { return Err(wrong()) };
        let (name, port) = service.split_once(':').ok_or_else(wrong)?;
        if cluster.is_empty() || namespace.is_empty() || name.is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            cluster: (*cluster).into(),
            namespace: (*namespace).into(),
            name: name.into(),
            port: port.parse().map_err(|_| wrong())?,
        })
    }
}

/// Opens a way to a service, for as long as the forward lives.
pub(super) async fn forward_for(world: &World, service: &str) -> Result<Forward> {
    let Service { cluster, namespace, name, port } = Service::parse(service)?;
    let cluster = world.part::<Clusters>().get(world, &cluster).await?;
    let target = Target::parse(&format!("svc/{name}"), &namespace)?;
    forward(&cluster, &target, &Port::Number(port)).await
}
