//! The programs that containers have: a few of busybox', acting on what the cluster has.

use std::net::IpAddr;

use serde_json::Value;

use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;

/// What a program printed, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Ran {
    fn printed(text: impl Into<String>) -> Self {
        Self { stdout: text.into(), ..Self::default() }
    }

    fn failed(text: impl Into<String>, code: i32) -> Self {
        Self { stderr: text.into(), code, ..Self::default() }
    }
}

/// Runs a program in a pod. None where the container has no such program.
pub(crate) fn run(world: &World, pod: &Value, command: &[String]) -> Option<Ran> {
    let (program, arguments) = command.split_first()?;
    let text = || arguments.join(" ");
    Some(match program.rsplit('/').next()? {
        "true" | ":" => Ran::default(),
        "false" => Ran { code: 1, ..Ran::default() },
        "echo" => Ran::printed(text() + "\n"),
        "hostname" => Ran::printed(format!("{}\n", pod["metadata"]["name"].as_str().unwrap_or_default())),
        "nslookup" => look_up(world, arguments),
        "cat" => cat(world, pod, arguments),
        _ => return None,
    })
}

/// busybox' `nslookup NAME`, by the cluster's DNS.
fn look_up(world: &World, arguments: &[String]) -> Ran {
    let Some(name) = arguments.iter().find(|argument| !argument.starts_with('-')) else {
        return Ran::failed("Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n", 1);
    };
    let server = world.store.get(&Place::new("services", "kube-system", "kube-dns"));
    let server = server.and_then(|service| service.value["spec"]["clusterIP"].as_str().map(String::from));
    let answers = world.store.list("pods", "kube-system").any(|(_, pod)| {
        pod.value["metadata"]["labels"]["k8s-app"] == "kube-dns"
            && pod.value["metadata"]["deletionTimestamp"].is_null()
            && pod.value["status"]["phase"] == "Running"
    });
    let Some(server) = server.filter(|_| answers) else {
        return Ran::failed(";; connection timed out; no servers could be reached\n\n", 1);
    };
    let head = format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n");
    match service_address(world, name) {
        Some(address) => Ran::printed(format!("{head}Name:\t{name}\nAddress: {address}\n\n")),
        None => {
            Ran { stdout: format!("{head}** server can't find {name}: NXDOMAIN\n\n"), stderr: String::new(), code: 1 }
        }
    }
}

/// `SERVICE.NAMESPACE.svc.cluster.local`, whole or cut short as a pod's search list allows.
fn service_address(world: &World, name: &str) -> Option<IpAddr> {
    let bare = name.trim_end_matches('.').trim_end_matches(".cluster.local");
    let bare = bare.strip_suffix(".svc").unwrap_or(bare);
    let (service, namespace) = bare.split_once('.').unwrap_or((bare, "default"));
    let found = world.store.get(&Place::new("services", namespace, service))?;
    found.value["spec"]["clusterIP"].as_str()?.parse().ok()
}

fn cat(world: &World, pod: &Value, arguments: &[String]) -> Ran {
    let mut out = Ran::default();
    for path in arguments {
        match file(world, pod, path) {
            Some(text) => out.stdout.push_str(&text),
            None => {
                out.stderr.push_str(&format!("cat: can't open '{path}': No such file or directory\n"));
                out.code = 1;
            }
        }
    }
    out
}

/// A file of a pod: what a ConfigMap has mounted there.
pub(crate) fn file(world: &World, pod: &Value, path: &str) -> Option<String> {
    let namespace = pod["metadata"]["namespace"].as_str()?;
    let mounts = pod["spec"]["containers"].as_array()?.iter().filter_map(|c| c["volumeMounts"].as_array()).flatten();
    let mut mounts = mounts.filter(|mount| mount["mountPath"] == path);
    let mount = mounts.next()?;
    let volume = pod["spec"]["volumes"].as_array()?.iter().find(|volume| volume["name"] == mount["name"])?;
    let map = world.store.get(&Place::new("configmaps", namespace, volume["configMap"]["name"].as_str()?))?;
    map.value["data"][mount["subPath"].as_str()?].as_str().map(String::from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;

    #[test]
    fn programs_see_the_cluster() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let mut world = cluster.world();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let service = |namespace: &str, name: &str, ip: &str| {
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
                    "spec": { "clusterIP": ip } })
        };
        world.plant(&service("kube-system", "kube-dns", "10.245.0.10"), now);
        world.plant(&service("default", "kubernetes", "10.245.0.1"), now);
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "default" } });
        let ran = |world: &World, line: &str| {
            let words: Vec<String> = line.split(' ').map(String::from).collect();
            run(world, &pod, &words)
        };
        let lookup = "nslookup kubernetes.default.svc.cluster.local";
        assert!(ran(&world, lookup).unwrap().stderr.contains("no servers could be reached"), "no CoreDNS runs");
        let mut dns =
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "dns", "namespace": "kube-system" } });
        dns["metadata"]["labels"] = json!({ "k8s-app": "kube-dns" });
        dns["status"]["phase"] = "Running".into();
        world.plant(&dns, now);
        assert!(ran(&world, lookup).unwrap().stdout.contains("Address: 10.245.0.1\n"));
        assert_eq!(ran(&world, "nslookup nowhere.default").unwrap().code, 1);
        assert_eq!(ran(&world, "/bin/echo a b").unwrap().stdout, "a b\n");
        assert_eq!(ran(&world, "cat /none").unwrap().code, 1);
        assert_eq!(ran(&world, "emacs"), None);
    }
}
