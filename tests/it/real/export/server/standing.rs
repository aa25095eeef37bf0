//! What stands in a server: cleared of what an earlier test left, and waited for.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};

use super::super::printed::{Documents, Printed, key};
use crate::real::kubeconfig;

/// What servers make for themselves, or what goes by itself.
const OWN: [&str; 5] = ["events", "leases", "apiservices", "flowschemas", "prioritylevelconfigurations"];

/// Deletes everything but what servers make, definitions and namespaces; those two are what it gives, without content where
/// that is not as wanted.
pub(super) fn cleared(context: &str, wanted: &Documents) -> Printed {
    block_on(async {
        let client = client(context).await;
        let mut out = Printed::default();
        for (path, resource) in resources(&client).await {
            let listed: Value = get(&client, &path).await.expect("a list");
            let version = listed["apiVersion"].clone();
            let kind = listed["kind"].as_str().unwrap_or_default().trim_end_matches("List").to_owned();
            let mut doomed = Vec::new();
            for item in listed["items"].as_array().into_iter().flatten() {
                let metadata = &item["metadata"];
                let named = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": metadata["name"], "namespace": metadata["namespace"] } });
                match resource.as_str() {
                    "customresourcedefinitions" if version == "apiextensions.k8s.io/v1" => {
                        let own =
                            wanted.get(&key(&named)).filter(|own| own["spec"]["versions"] == item["spec"]["versions"]);
                        out.definitions.insert(key(&named), own.cloned().unwrap_or(named));
                    }
                    "namespaces" => {
                        out.objects.insert(key(&named), named);
                    }
                    "customresourcedefinitions" => {}
                    _ if own(&resource, metadata) => {}
                    _ => doomed.push((address(&path, &resource, metadata), !metadata["finalizers"].is_null())),
                }
            }
            stream::iter(doomed).for_each_concurrent(8, |(path, held)| delete(&client, path, held)).await;
        }
        out
    })
}

/// Waits until a server knows the kinds of these definitions.
pub(super) fn served(context: &str, definitions: &[&Value]) {
    block_on(async {
        let client = client(context).await;
        let until = Instant::now() + Duration::from_secs(60);
        for definition in definitions {
            let (spec, names) = (&definition["spec"], &definition["spec"]["names"]);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            for version in spec["versions"].as_array().into_iter().flatten().filter(|one| one["served"] == true) {
                let path = format!(
                    "/apis/{}/{}/{}?limit=1",
                    text(&spec["group"]),
                    text(&version["name"]),
                    text(&names["plural"])
                );
                while get(&client, &path).await.is_none() {
                    assert!(Instant::now() < until, "{path} is not served by {context}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    });
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

async fn client(context: &str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let file = Kubeconfig::read_from(kubeconfig()).expect("a kubeconfig");
    let mut config = Config::from_custom_kubeconfig(file, &options).await.expect("a configuration");
    config.proxy_url = None;
    Client::try_from(config).expect("a client")
}

async fn get(client: &Client, path: &str) -> Option<Value> {
    let request = http::Request::get(path).body(Vec::new()).expect("a request");
    client.request(request).await.ok()
}

/// Every list that a server has, in each version: its path, and the resource.
async fn resources(client: &Client) -> Vec<(String, String)> {
    let mut versions = vec!["/api/v1".to_owned()];
    let groups = client.list_api_groups().await.expect("groups").groups;
    versions
        .extend(groups.into_iter().flat_map(|group| group.versions).map(|one| format!("/apis/{}", one.group_version)));
    let mut out = Vec::new();
    for path in versions {
        let listed = get(client, &path).await.expect("resources");
        for resource in listed["resources"].as_array().into_iter().flatten() {
            let name = resource["name"].as_str().unwrap_or_default();
            let verbs = resource["verbs"].as_array().cloned().unwrap_or_default();
            let deleted = ["list", "delete"].iter().all(|verb| verbs.contains(&json!(verb)));
            if deleted && !OWN.contains(&name) {
                out.push((format!("{path}/{name}"), name.to_owned()));
            }
        }
    }
    out
}

/// Whether a server made it for itself.
fn own(resource: &str, metadata: &Value) -> bool {
    let name = metadata["name"].as_str().unwrap_or_default();
    metadata["labels"]["kubernetes.io/bootstrapping"].is_string()
        || match resource {
            "priorityclasses" => name.starts_with("system-"),
            "services" | "endpoints" | "endpointslices" => metadata["namespace"] == "default" && name == "kubernetes",
            "configmaps" => name == "extension-apiserver-authentication",
            _ => false,
        }
}

fn address(list: &str, resource: &str, metadata: &Value) -> String {
    let name = metadata["name"].as_str().unwrap_or_default();
    let Some(namespace) = metadata["namespace"].as_str() else { return format!("{list}/{name}") };
    format!("{}namespaces/{namespace}/{resource}/{name}", list.trim_end_matches(resource))
}

/// Deletes an object at once; nobody is there who would take a finalizer away.
async fn delete(client: &Client, path: String, held: bool) {
    let json = |method: &str, kind: &str, body: Value| {
        let request = http::Request::builder().method(method).uri(&path).header("Content-Type", kind);
        request.body(body.to_string().into_bytes()).expect("a request")
    };
    if held {
        let freed = json("PATCH", "application/merge-patch+json", json!({ "metadata": { "finalizers": null } }));
        let freed: Result<Value, _> = client.request(freed).await;
        freed.unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    let gone = client.request::<Value>(json("DELETE", "application/json", json!({ "gracePeriodSeconds": 0 }))).await;
    // A Service takes its slices and endpoints with it.
    assert!(gone.as_ref().err().is_none_or(|e| e.to_string().contains("not found")), "{path}: {gone:?}");
}
