//! The layers between a request and its API server: credentials, compression, TLS, and TCP that sends at once.
//!
//! kube's own stack leaves Nagle's algorithm on. A resumed TLS session ends in a segment of the client that the server
//! has nothing to say to; the request behind it then waits for an acknowledgement that Linux delays by 40 ms
//! (`TCP_DELACK_MIN`), and each exec, each forwarded port and each page of a list side by side opens such a connection.

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;
use tower_service::Service;

/// A client for a cluster, over its proxy where it has one.
pub(super) fn client(config: kube::Config) -> kube::Result<kube::Client> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    match config.proxy_url.clone() {
        None => over(tcp, &config),
        Some(proxy) if proxy.scheme_str() == Some("socks5") => over(SocksV5::new(proxy, tcp), &config),
        // The way through an HTTP proxy is kube's, with the proxy's credentials.
        Some(_) => kube::Client::try_from(config),
    }
}

fn over<C>(connector: C, config: &kube::Config) -> kube::Result<kube::Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: std::error::Error + Send + Sync + 'static,
{
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    let http = hyper_util::client::legacy::Builder::new(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, config.default_namespace.clone()))
}
