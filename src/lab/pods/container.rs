//! The pod and the container that a request means, and what is said where there is none.
//!
//! Source: k8s.io/kubernetes `pkg/registry/core/pod/strategy.go`, `pkg/kubelet/kubelet_pods.go`.

use serde_json::Value;

use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::{Answer, Named, Refusal};
use crate::lab::kube::store::Place;

/// A container of a pod.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) pod: Value,
    /// The container's name.
    pub(crate) container: String,
}

impl Target {
    /// The container that is asked for; a pod's only one needs no name.
    pub(crate) fn of(cluster: &Cluster, place: (&str, &str), asked: Option<&str>) -> Answer<Self> {
        let pod = pod(cluster, place)?;
        let container = chosen(&pod, place.1, asked.filter(|name| !name.is_empty()))?;
        Ok(Self { pod, container })
    }

    pub(crate) fn uid(&self) -> &str {
        self.pod["metadata"]["uid"].as_str().unwrap_or_default()
    }

    /// The pod's node; none before it has one.
    pub(crate) fn node(&self) -> Option<&str> {
        self.pod["spec"]["nodeName"].as_str()
    }

    /// What its kubelet says of it.
    pub(crate) fn status(&self) -> Option<&Value> {
        ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"].iter().find_map(|list| {
            self.pod["status"][list].as_array()?.iter().find(|one| one["name"] == self.container.as_str())
        })
    }

    /// What it is to be.
    pub(crate) fn spec(&self) -> &Value {
        let lists = LISTS.iter().filter_map(|list| self.pod["spec"][list].as_array()).flatten();
        let mut own = lists.filter(|one| one["name"] == self.container.as_str());
        own.next().unwrap_or(&Value::Null)
    }

    /// Whether it runs, as far as anybody knows.
    pub(crate) fn runs(&self) -> bool {
        match self.status() {
            Some(status) => status["state"]["running"].is_object(),
            None => self.pod["status"]["phase"] == "Running",
        }
    }
}

/// The lists that containers are in, in the order in which they are told.
const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// The pod of that name.
pub(crate) fn pod(cluster: &Cluster, (namespace, name): (&str, &str)) -> Answer<Value> {
    let found = cluster.world().store.get(&Place::new("pods", namespace, name)).map(|pod| pod.value.clone());
    found.ok_or_else(|| Refusal::not_found(&Named { group: "", kind: "pods", name }))
}

fn chosen(pod: &Value, name: &str, asked: Option<&str>) -> Answer<String> {
    let names = |list: &str| -> Vec<&str> {
        pod["spec"][list].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect()
    };
    if let Some(asked) = asked {
        let known = LISTS.iter().any(|list| names(list).contains(&asked));
        let why = format!("container {asked} is not valid for pod {name}");
        return if known { Ok(asked.to_owned()) } else { Err(Refusal::bad_request(why)) };
    }
    match names("containers").as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Refusal::bad_request(format!("a container name must be specified for pod {name}"))),
        _ => {
            let all: Vec<&str> = LISTS.iter().flat_map(|list| names(list)).collect();
            let why = format!("a container name must be specified for pod {name}, choose one of: [{}]", all.join(" "));
            Err(Refusal::bad_request(why))
        }
    }
}
