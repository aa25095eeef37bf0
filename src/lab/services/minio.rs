//! MinIO, as far as somebody asks whether it is well: its health and its buckets.
//!
//! Source: MinIO's "Healthcheck API"; Amazon S3's API reference, "ListBuckets" and "Error responses".

use super::{Asked, Reply, Site, ready};

pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/minio/health/live" | "/minio/health/ready" => Reply::empty(200),
        "/minio/health/cluster" => Reply::empty(if quorum(site) { 200 } else { 503 }),
        "/metrics" | "/minio/v2/metrics/cluster" => super::metrics::of_pod(site),
        path => {
            let (code, status) =
                if asked.header("authorization").is_empty() { ("AccessDenied", 403) } else { ("NoSuchBucket", 404) };
            let text = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{code}.</Message><Resource>{path}</Resource></Error>"
            );
            if asked.header("authorization").starts_with("AWS4-HMAC-SHA256") && path == "/" {
                return Reply::new(200, "application/xml", BUCKETS);
            }
            Reply::new(status, "application/xml", text)
        }
    }
}

const BUCKETS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult><Owner><ID>minio</ID></Owner><Buckets>\
    <Bucket><Name>harbor</Name></Bucket><Bucket><Name>cnpg</Name></Bucket><Bucket><Name>volsync</Name></Bucket>\
    </Buckets></ListAllMyBucketsResult>";

/// Whether more than half of its pods are ready.
fn quorum(site: &Site<'_>) -> bool {
    let world = site.cluster.world();
    let labels = &site.pod["metadata"]["labels"]["app.kubernetes.io/name"];
    let pods = world.store.list("pods", site.namespace()).map(|(_, pod)| &*pod.value);
    let own: Vec<bool> =
        pods.filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == *labels).map(ready).collect();
    own.iter().filter(|ready| **ready).count() * 2 > own.len()
}
