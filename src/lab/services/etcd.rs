//! The etcd inside of a ClusterMesh API server, as far as it speaks HTTP.

use serde_json::json;

use super::{Asked, Reply, Site};

pub(super) fn answer(_: &Site<'_>, asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/health" => Reply::json(200, &json!({ "health": "true", "reason": "" })),
        "/version" => Reply::json(200, &json!({ "etcdserver": "3.6.4", "etcdcluster": "3.6.0" })),
        _ => Reply::text(404, "404 page not found\n"),
    }
}
