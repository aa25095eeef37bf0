//! `/metrics` of pods, in the text format: what their series say.

use super::series::{self, Scope};
use super::{Asked, Reply, Site};

/// A pod's own metrics.
pub(super) fn of_pod(site: &Site<'_>) -> Reply {
    let now = site.services.now().as_millisecond() as f64 / 1000.0;
    let text = site
        .services
        .clusters
        .get(&site.cluster.name)
        .map(|cluster| series::exposed(&Scope { services: site.services, cluster, now }, site.name()));
    Reply::new(200, "text/plain; version=0.0.4; charset=utf-8", text.unwrap_or_default())
}

/// A program that shows its metrics and its health, and nothing else.
pub(super) fn plain(site: &Site<'_>, asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/metrics" => of_pod(site),
        "/healthz" | "/readyz" | "/livez" | "/health" | "/ready" => Reply::text(200, "ok"),
        _ => Reply::text(404, "404 page not found\n"),
    }
}

/// CoreDNS: health, readiness, metrics.
pub(super) fn coredns(site: &Site<'_>, asked: &Asked) -> Reply {
    match (site.port, asked.path.as_str()) {
        (8080, "/health") | (8181, "/ready") => Reply::text(200, "OK"),
        (9153, "/metrics") => of_pod(site),
        _ => Reply::text(404, "404 page not found\n"),
    }
}

/// Spegel: its metrics, and a registry that has what the cluster's nodes run.
pub(super) fn spegel(site: &Site<'_>, asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/metrics" => of_pod(site),
        "/healthz" | "/readyz" | "/livez" => Reply::text(200, "ok"),
        "/v2/" | "/v2" => Reply::empty(200),
        _ => Reply::text(404, "404 page not found\n"),
    }
}
