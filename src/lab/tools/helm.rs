//! `helm list` and `status`, by the HelmReleases that Flux has; `helmfile`, which bootstraps the core and takes it back.

use std::sync::Arc;

use serde_json::{Value, json};

use super::words::{Words, columns};
use super::{Bench, Call, Say, act, not_simulated};
use crate::lab::kube::cluster::Cluster;

const VALUED: [&str; 10] = ["kube-context", "n", "namespace", "o", "output", "f", "file", "e", "environment", "l"];
const RELEASES: &str = "helmreleases.helm.toolkit.fluxcd.io";

/// `helm`
pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    let cluster = match bench.cluster(words.value(&["kube-context"])) {
        Ok(cluster) => cluster,
        Err(why) => {
            say.err(format!("Error: Kubernetes cluster unreachable: {why}\n"));
            return 1;
        }
    };
    let space = if words.has(&["A", "all-namespaces"]) {
        None
    } else {
        Some(words.value(&["n", "namespace"]).unwrap_or("default"))
    };
    match words.plain().as_slice() {
        ["list" | "ls"] => {
            let all: Vec<Release> =
                releases(cluster).into_iter().filter(|one| space.is_none_or(|space| one.namespace == space)).collect();
            if matches!(words.value(&["o", "output"]), Some("json")) {
                let one = |one: &Release| json!({ "name": one.name, "namespace": one.namespace, "revision": "1", "status": one.status, "chart": one.chart, "app_version": "" });
                say.out(Value::from(all.iter().map(one).collect::<Vec<_>>()).to_string() + "\n");
                return 0;
            }
            let mut rows = vec![["NAME", "NAMESPACE", "REVISION", "STATUS", "CHART"].map(String::from).to_vec()];
            rows.extend(
                all.into_iter().map(|one| vec![one.name, one.namespace, "1".into(), one.status.into(), one.chart]),
            );
            say.out(columns(&rows, "\t"));
            0
        }
        ["status", name] => match releases(cluster)
            .into_iter()
            .find(|one| one.name == *name && space.is_none_or(|space| one.namespace == space))
        {
            Some(one) => {
                say.out(format!(
                    "NAME: {}\nNAMESPACE: {}\nSTATUS: {}\nREVISION: 1\n",
                    one.name, one.namespace, one.status
                ));
                0
            }
            None => {
                say.err("Error: release: not found\n");
                1
            }
        },
        _ => not_simulated(say, call),
    }
}

struct Release {
    name: String,
    namespace: String,
    status: &'static str,
    chart: String,
}

/// The releases of a cluster, as the HelmReleases have installed them.
fn releases(cluster: &Cluster) -> Vec<Release> {
    let one = |object: Value| {
        let text = |value: &Value| value.as_str().map(String::from);
        let own = text(&object["metadata"]["namespace"])?;
        let name = text(&object["spec"]["releaseName"]).or_else(|| text(&object["metadata"]["name"]))?;
        let history = &object["status"]["history"][0];
        let status = match act::condition(&object, "Ready") {
            Some(("True", ..)) => "deployed",
            Some((_, reason, _)) if reason.contains("Upgrade") || reason.contains("Install") => "failed",
            _ => "pending-install",
        };
        let chart = text(&history["chartName"])
            .or_else(|| text(&object["spec"]["chart"]["spec"]["chart"]))
            .unwrap_or_else(|| name.clone());
        let version = text(&history["chartVersion"])
            .or_else(|| text(&object["spec"]["chart"]["spec"]["version"]))
            .unwrap_or_default();
        let namespace = text(&object["spec"]["targetNamespace"]).unwrap_or(own);
        Some(Release { name, namespace, status, chart: format!("{chart}-{version}").trim_end_matches('-').to_string() })
    };
    act::list(cluster, RELEASES, None).into_iter().filter_map(one).collect()
}

/// `helmfile`: the two files of the bootstrap, for the environment that names the cluster.
pub(super) async fn file(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    let cluster = match bench.cluster(words.value(&["e", "environment", "kube-context"])) {
        Ok(cluster) => cluster,
        Err(why) => {
            say.err(format!("err: no releases found that matches specified selector and environment: {why}\n"));
            return 1;
        }
    };
    let file = words.value(&["f", "file"]).unwrap_or("helmfile.yaml");
    match words.plain().as_slice() {
        ["list"] => {
            let mut rows = vec![["NAME", "NAMESPACE", "ENABLED", "INSTALLED", "CHART"].map(String::from).to_vec()];
            rows.extend(CORE.iter().map(|(name, namespace, _)| {
                vec![(*name).to_string(), (*namespace).to_string(), "true".into(), "true".into(), (*name).to_string()]
            }));
            say.out(columns(&rows, "\t"));
            0
        }
        ["sync" | "apply"] => {
            super::task::stage(bench, &cluster.name, if file.contains("crd") { "crds" } else { "core" }, say).await
        }
        ["template"] if file.contains("crd") => {
            let all = act::list(cluster, "customresourcedefinitions.apiextensions.k8s.io", None);
            say.out(
                all.iter()
                    .filter_map(|one| serde_saphyr::to_string(one).ok())
                    .map(|text| format!("---\n{text}"))
                    .collect::<String>(),
            );
            0
        }
        ["destroy"] if file.contains("core") => match destroy(cluster, say) {
            0 => super::teardown::back(bench, cluster, "crds", say),
            code => code,
        },
        ["destroy"] if file.contains("crd") => super::teardown::definitions(bench, cluster, say),
        _ => not_simulated(say, call),
    }
}

/// The core releases, with what runs of them.
const CORE: [(&str, &str, &[&str]); 5] = [
    (
        "cilium",
        "kube-system",
        &[
            "DaemonSet/cilium",
            "DaemonSet/cilium-envoy",
            "Deployment/cilium-operator",
            "Deployment/hubble-relay",
            "Deployment/hubble-ui",
            "Deployment/clustermesh-apiserver",
        ],
    ),
    ("coredns", "kube-system", &["Deployment/coredns"]),
    (
        "cert-manager",
        "cert-manager",
        &["Deployment/cert-manager", "Deployment/cert-manager-webhook", "Deployment/cert-manager-cainjector"],
    ),
    (
        "external-secrets",
        "external-secrets",
        &[
            "Deployment/external-secrets",
            "Deployment/external-secrets-webhook",
            "Deployment/external-secrets-cert-controller",
        ],
    ),
    (
        "flux-operator",
        "flux-system",
        &[
            "Deployment/flux-operator",
            "Deployment/source-controller",
            "Deployment/kustomize-controller",
            "Deployment/helm-controller",
            "Deployment/notification-controller",
        ],
    ),
];

/// Takes the core away; the controllers see to the rest.
fn destroy(cluster: &Arc<Cluster>, say: &Say) -> i32 {
    for (name, namespace, workloads) in CORE.iter().rev() {
        for (kind, workload) in workloads.iter().filter_map(|one| one.split_once('/')) {
            let resource = if kind == "DaemonSet" { "daemonsets.apps" } else { "deployments.apps" };
            if let Some(object) = act::get(cluster, resource, namespace, workload)
                && let Err(why) = act::delete(cluster, &object, "helm")
            {
                say.err(format!("Error: {why}\n"));
                return 1;
            }
        }
        say.out(format!("Deleting {name}\nrelease \"{name}\" uninstalled\n"));
    }
    0
}
