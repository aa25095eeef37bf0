//! Which container of a pod is meant when nobody names one.

use serde_json::Value;

use super::Cluster;
use super::rest;
use crate::error::{Error, Kind, Result};

/// The annotation with which a pod names its main container.
const DEFAULT: &str = "kubectl.kubernetes.io/default-container";

/// Makes a request for a container. When none is named the server takes the only one; where it asks for a name, the
/// pod's default container is taken, so that the common case costs one request.
///
/// # Errors
/// What the request says; [`Kind::Invalid`] with the containers' names where the pod marks none as its default.
pub(super) async fn with_container<T, F>(
    cluster: &Cluster,
    namespace: &str,
    pod: &str,
    container: Option<String>,
    request: impl Fn(Option<String>) -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let named = container.is_some();
    let error = match request(container).await {
        Err(e) if !named && e.kind == Kind::Invalid && e.message.contains("container name must be specified") => e,
        other => return other,
    };
    let object = rest::get(cluster, &rest::pod_path(namespace, pod)?, &format!("Pod {namespace}/{pod}")).await?;
    match default_container(&object) {
        Some(name) => request(Some(name)).await,
        None => Err(Error::new(
            Kind::Invalid,
            format!("{}: Pod {namespace}/{pod} has several containers: {}", cluster.name(), names(&object).join(", ")),
        )
        .because(error)
        .hint("name one: #{ container: \"…\" }")),
    }
}

fn default_container(pod: &Value) -> Option<String> {
    let marked = pod.pointer("/metadata/annotations")?.get(DEFAULT)?.as_str()?;
    names(pod).contains(&marked).then(|| marked.to_string())
}

/// The names of a pod's containers, in order.
pub(super) fn names(pod: &Value) -> Vec<&str> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    containers.into_iter().flatten().filter_map(|c| c.get("name")?.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_marked_container_is_the_default_only_if_it_exists() {
        let mut pod = json!({ "metadata": { "annotations": { DEFAULT: "app" } },
            "spec": { "containers": [{ "name": "proxy" }, { "name": "app" }] } });
        assert_eq!(default_container(&pod).as_deref(), Some("app"));
        pod["spec"]["containers"][1]["name"] = "shop".into();
        assert_eq!(default_container(&pod), None);
    }
}
