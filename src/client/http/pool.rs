//! The clients of a run, one for each way of connecting, so that connections are used again.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Proxy, Url};

use super::Request;
use crate::client::route::{Routes, resolve, shown};
use crate::client::trust::Trust;
use crate::error::{Error, Kind, Result};

/// The clients that were built so far.
#[derive(Debug, Default)]
pub struct Clients {
    built: Mutex<HashMap<Key, Client>>,
    known: Addresses,
}

/// What tells one client from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    trust: Trust,
    pinned: Option<(String, SocketAddr)>,
    road: Road,
    connect_limit: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Road {
    Direct,
    Proxy(Url),
    /// What `HTTPS_PROXY` and its sisters say.
    Environment,
}

/// How a request is sent.
#[derive(Debug)]
pub(super) struct Way {
    /// With what.
    pub(super) client: Client,
    /// The URL with the port that is really connected to.
    pub(super) url: Url,
    /// The addresses that are tried; empty where a proxy looks the name up.
    pub(super) addresses: Vec<SocketAddr>,
    /// The proxy between, for messages.
    pub(super) proxy: Option<String>,
    /// How long a connection may take.
    pub(super) connect_limit: Duration,
}

impl Clients {
    /// Chooses client and addresses for a request.
    pub(super) async fn way(&self, routes: &Routes, request: &Request) -> Result<Way> {
        let url = &request.url;
        let what = format!("{} {url}", request.method);
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(Error::new(Kind::Script, format!("{what}: the URL has no host")));
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = match request.connect_to {
            Some(address) => vec![address],
            None => match self.known.look_up(host, port).await {
                Ok(addresses) => addresses,
                Err(_) if environment_has_proxy(url.scheme()) => Vec::new(),
                Err(error) => return Err(error.context(what)),
            },
        };
        let road = match addresses.first() {
            Some(first) => match routes.proxy_for(first.ip()) {
                Some(proxy) => Road::Proxy(proxy.clone()),
                None if first.ip().is_loopback() || request.connect_to.is_some() => Road::Direct,
                None => Road::Environment,
            },
            None => Road::Environment,
        };
        let (sent, pinned) = match request.connect_to {
            Some(address) => pin(url, host, address).map_err(|e| e.context(&what))?,
            None => (url.clone(), None),
        };
        if let (Road::Proxy(proxy), Some(_)) = (&road, &pinned)
            && proxy.scheme() != "socks5"
        {
            let why = format!("{what}: resolve has no effect through {}, which looks names up itself", shown(proxy));
            return Err(Error::new(Kind::Config, why).hint("a socks5:// proxy in [networks] is given the address"));
        }
        let proxy = match &road {
            Road::Direct => None,
            Road::Proxy(proxy) => Some(shown(proxy)),
            Road::Environment => environment_has_proxy(url.scheme()).then(|| "the environment's proxy".to_string()),
        };
        let connect_limit = request.connect_limit;
        let client = self.client(Key { trust: request.trust.clone(), pinned, road, connect_limit })?;
        Ok(Way { client, url: sent, addresses, proxy, connect_limit })
    }

    fn client(&self, key: Key) -> Result<Client> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = built.get(&key) {
            return Ok(client.clone());
        }
        let client = build(&key, &self.known)?;
        built.insert(key, client.clone());
        Ok(client)
    }
}

/// The URL to hand to the client so that it connects to `address`, and the name to pin there.
fn pin(url: &Url, host: &str, address: SocketAddr) -> Result<(Url, Option<(String, SocketAddr)>)> {
    let unfit = || Error::new(Kind::Script, format!("it can't be sent to {address} instead"));
    let mut sent = url.clone();
    if url.port_or_known_default() != Some(address.port()) {
        sent.set_port(Some(address.port())).map_err(|()| unfit())?;
    }
    match host.parse::<IpAddr>() {
        Err(_) => return Ok((sent, Some((host.to_string(), address)))),
        Ok(own) if own == address.ip() => {}
        Ok(_) if url.scheme() == "http" => sent.set_ip_host(address.ip()).map_err(|()| unfit())?,
        Ok(_) => {
            return Err(Error::new(Kind::Script, "resolve needs a name in the URL, not an address")
                .hint("the name is what the server's certificate is judged by"));
        }
    }
    Ok((sent, None))
}

fn build(key: &Key, known: &Addresses) -> Result<Client> {
    let mut tls = key.trust.client_config(false, None)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let names = match &key.pinned {
        Some((host, address)) => {
            let pinned = Addresses::default();
            pinned.set(host, &[*address]);
            pinned
        }
        None => known.clone(),
    };
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(names)
        .user_agent(concat!("pb/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // A request that is sent twice could act twice.
        .retry(reqwest::retry::never())
        .connect_timeout(key.connect_limit)
        .pool_idle_timeout(Duration::from_secs(30));
    let unfit = |e: reqwest::Error| Error::new(Kind::Config, "the HTTP client can't be set up").caused_by(&e);
    let builder = match &key.road {
        Road::Direct => builder.no_proxy(),
        Road::Proxy(proxy) => builder.no_proxy().proxy(Proxy::all(proxy.clone()).map_err(unfit)?),
        Road::Environment => builder,
    };
    builder.build().map_err(unfit)
}

/// `host` or `host:port`, as the Host header has it.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

fn environment_has_proxy(scheme: &str) -> bool {
    let names: &[&str] = match scheme {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The addresses that were looked up before a request, given to its client: one look-up, one truth.
#[derive(Debug, Clone, Default)]
struct Addresses {
    by_name: Arc<Mutex<HashMap<String, Found>>>,
}

/// The ports are 0: the URL's counts.
type Found = (Instant, Vec<SocketAddr>);

/// How long a look-up is used again, so that a measurement does not measure the resolver.
const FRESH: Duration = Duration::from_secs(1);

impl Addresses {
    async fn look_up(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let with_port = |found: Vec<SocketAddr>| found.iter().map(|a| SocketAddr::new(a.ip(), port)).collect();
        if let Some((at, found)) = self.get(name)
            && at.elapsed() < FRESH
        {
            return Ok(with_port(found));
        }
        let found = resolve(name, port).await?;
        self.set(name, &found);
        Ok(found)
    }

    fn set(&self, name: &str, addresses: &[SocketAddr]) {
        let addresses = addresses.iter().map(|a| SocketAddr::new(a.ip(), 0)).collect();
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.insert(name.to_string(), (Instant::now(), addresses));
    }

    fn get(&self, name: &str) -> Option<Found> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.get(name.as_str());
        Box::pin(async move {
            let addresses = match found {
                Some((_, addresses)) => addresses,
                // A proxy's own name.
                None => resolve(name.as_str(), 0).await?,
            };
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
