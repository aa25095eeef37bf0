//! Hubble's page, which needs its relay.

use super::{Asked, Reply, Site, ready};

pub(super) fn ui(site: &Site<'_>, asked: &Asked) -> Reply {
    let relay = {
        let world = site.cluster.world();
        let mut pods = world.store.list("pods", site.namespace()).map(|(_, pod)| &*pod.value);
        pods.any(|pod| pod["metadata"]["labels"]["k8s-app"] == "hubble-relay" && ready(pod))
    };
    match asked.path.as_str() {
        "/healthz" | "/health" => Reply::text(200, "ok"),
        path if path.starts_with("/api/") && !relay => Reply::text(503, "relay is unavailable\n"),
        path if path.starts_with("/api/") => Reply::new(200, "application/grpc-web+proto", ""),
        _ => Reply::html(
            200,
            "<!doctype html>\n<html lang=\"en\"><head><title>Hubble UI</title></head><body><div id=\"app\"></div></body></html>\n",
        ),
    }
}
