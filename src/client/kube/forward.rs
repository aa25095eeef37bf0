//! A local address that leads to a port of a pod or a service: one WebSocket for each connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Cluster;
use super::rest;
use super::target::Target;
use crate::error::{Error, Kind, Result};

/// How long the pod may go on being silent after the local side has sent its last byte.
const AFTERWARDS: Duration = Duration::from_secs(30);
/// Bytes carried at a time.
const CHUNK: usize = 64 << 10;

/// A port that is named by its number or its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// `8080`
    Number(u16),
    /// `http`
    Name(String),
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// An open forward; dropping it closes its connections and gives the local port back.
#[derive(Debug)]
pub struct Forward {
    /// Where to connect, on loopback.
    pub address: SocketAddr,
    /// The pod that it leads to.
    pub pod: String,
    /// The port there.
    pub port: u16,
    problem: Arc<Mutex<Option<String>>>,
    _closes: DropGuard,
}

impl Forward {
    /// What the last failed connection said: `connection refused` in the pod, for example.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, for whoever outlives the forward.
    pub fn problems(&self) -> Arc<Mutex<Option<String>>> {
        self.problem.clone()
    }
}

/// Opens a forward to a pod, to a ready pod of a service, or to a running pod of a workload.
///
/// # Errors
/// [`Kind::NotFound`] where there is no such target, port, or no ready pod; [`Kind::Io`] when no local port is free.
pub async fn forward(cluster: &Cluster, target: &Target, port: &Port) -> Result<Forward> {
    let (pod, port) = resolve(cluster, target, port).await?;
    let local = |e: std::io::Error| Error::new(Kind::Io, "no local port on 127.0.0.1 is free").caused_by(&e);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(local)?;
    let address = listener.local_addr().map_err(local)?;
    let problem = Arc::new(Mutex::new(None));
    let stop = CancellationToken::new();
    let api = Api::namespaced(cluster.client().clone(), &target.namespace);
    tokio::spawn(serve(listener, api, pod.clone(), port, problem.clone(), stop.clone()));
    Ok(Forward { address, pod, port, problem, _closes: stop.drop_guard() })
}

async fn serve(
    listener: TcpListener,
    api: Api<Pod>,
    pod: String,
    port: u16,
    problem: Arc<Mutex<Option<String>>>,
    stop: CancellationToken,
) {
    // Dropped with this function, and every connection with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // Out of descriptors, for example: the next attempt may find one free.
                let Ok((local, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (api, pod, problem) = (api.clone(), pod.clone(), problem.clone());
                connections.spawn(async move {
                    if let Err(message) = carry(local, &api, &pod, port).await {
                        *problem.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
                    }
                });
            }
        }
    }
}

async fn carry(local: TcpStream, api: &Api<Pod>, pod: &str, port: u16) -> Result<(), String> {
    let _ = local.set_nodelay(true);
    let mut forwarder = api.portforward(pod, &[port]).await.map_err(|e| e.to_string())?;
    let refused = forwarder.take_error(port);
    let remote = forwarder.take_stream(port).ok_or("the server gave no stream for the port")?;
    let (mut from_pod, mut to_pod) = tokio::io::split(remote);
    let (mut from_local, mut to_local) = local.into_split();
    let sent = CancellationToken::new();
    let up = async {
        pump(&mut from_local, &mut to_pod).await;
        // Ending the stream to the pod would end the whole WebSocket, and with it what the pod still has to say.
        sent.cancel();
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = tokio::select! {
                read = from_pod.read(&mut chunk) => read.unwrap_or(0),
                () = silence(&sent) => 0,
            };
            if count == 0 || to_local.write_all(&chunk[..count]).await.is_err() {
                let _ = to_local.shutdown().await;
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
    forwarder.abort();
    match refused {
        Some(refused) => match tokio::time::timeout(Duration::from_millis(100), refused).await {
            Ok(Some(message)) => Err(message.trim().to_string()),
            _ => Ok(()),
        },
        None => Ok(()),
    }
}

async fn silence(sent: &CancellationToken) {
    sent.cancelled().await;
    tokio::time::sleep(AFTERWARDS).await;
}

async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(count) = from.read(&mut chunk).await {
        if count == 0 || to.write_all(&chunk[..count]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
}

/// The pod and its port that a forward leads to.
async fn resolve(cluster: &Cluster, target: &Target, port: &Port) -> Result<(String, u16)> {
    if target.kind != "Service" {
        let pods = target.pods(cluster).await?;
        let running = pods.iter().find(|p| p.pointer("/status/phase").is_some_and(|phase| phase == "Running"));
        let Some(pod) = running else {
            let phase = pods[0].pointer("/status/phase").and_then(Value::as_str).unwrap_or("unknown");
            return Err(Error::new(
                Kind::NotFound,
                format!("{target} on cluster {}: no pod is Running (the first is {phase})", cluster.name()),
            ));
        };
        let name = pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        return Ok((name.to_string(), pod_port(pod, port, target)?));
    }
    let service = target.get(cluster).await?;
    let path = format!("/api/v1/namespaces/{}/endpoints/{}", target.namespace, target.name);
    let endpoints = rest::find(cluster, &path, &format!("the endpoints of {target}")).await?.unwrap_or(Value::Null);
    ready_endpoint(&service, &endpoints, port).map_err(|e| e.context(format!("{target} on cluster {}", cluster.name())))
}

/// A port of a pod: any number, or a name that one of its containers declares.
fn pod_port(pod: &Value, port: &Port, target: &Target) -> Result<u16> {
    let name = match port {
        Port::Number(number) => return Ok(*number),
        Port::Name(name) => name,
    };
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let ports: Vec<&Value> =
        containers.into_iter().flatten().filter_map(|c| c.get("ports")?.as_array()).flatten().collect();
    let found = ports.iter().find(|p| p.get("name").is_some_and(|n| n == name.as_str()));
    found.and_then(|p| u16::try_from(p.get("containerPort")?.as_u64()?).ok()).ok_or_else(|| {
        let known: Vec<&str> = ports.iter().filter_map(|p| p.get("name")?.as_str()).collect();
        Error::new(Kind::NotFound, format!("{target} has no port named \"{name}\" (it has: {})", known.join(", ")))
    })
}

/// The pod behind a ready address of a service, and the port there: what `targetPort` says, names resolved.
fn ready_endpoint(service: &Value, endpoints: &Value, port: &Port) -> Result<(String, u16)> {
    let ports = service.pointer("/spec/ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name_of = |p: &Value| p.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
    let wanted = ports.iter().find(|p| match port {
        Port::Number(number) => p.get("port").and_then(Value::as_u64) == Some(u64::from(*number)),
        Port::Name(name) => name_of(p) == *name,
    });
    let Some(wanted) = wanted else {
        let known: Vec<String> = ports
            .iter()
            .map(|p| format!("{} {}", p.get("port").unwrap_or(&Value::Null), name_of(p)).trim().to_string())
            .collect();
        return Err(Error::new(Kind::NotFound, format!("it has no port {port} (it has: {})", known.join(", "))));
    };
    let name = name_of(wanted);
    let array = |v: &Value, key: &str| v.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut waiting = Vec::new();
    for subset in array(endpoints, "subsets") {
        let target = array(&subset, "ports").iter().find(|p| name_of(p) == name).and_then(|p| p.get("port")?.as_u64());
        let Some(target) = target.and_then(|p| u16::try_from(p).ok()) else { continue };
        let pod = |address: &Value| {
            let reference = address.get("targetRef").filter(|r| r.get("kind").is_some_and(|k| k == "Pod"))?;
            Some(reference.get("name")?.as_str()?.to_string())
        };
        if let Some(pod) = array(&subset, "addresses").iter().find_map(pod) {
            return Ok((pod, target));
        }
        waiting.extend(array(&subset, "notReadyAddresses").iter().filter_map(pod));
    }
    let error = Error::new(Kind::NotFound, format!("no ready pod stands behind port {port}"));
    Err(match waiting.as_slice() {
        [] => error.because("its endpoints name no pod at all").hint("does its selector match any pod?"),
        waiting => error.because(format!("not ready: {}", waiting.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_service_leads_to_a_ready_pod_and_its_named_target_port() {
        let service = json!({ "spec": { "ports": [{ "name": "web", "port": 80, "targetPort": "http" }] } });
        let mut endpoints = json!({ "subsets": [{
            "addresses": [{ "ip": "10.0.0.2", "targetRef": { "kind": "Pod", "name": "shop-1" } }],
            "notReadyAddresses": [{ "ip": "10.0.0.3", "targetRef": { "kind": "Pod", "name": "shop-2" } }],
            "ports": [{ "name": "web", "port": 8080 }] }] });
        let by_number = ready_endpoint(&service, &endpoints, &Port::Number(80));
        assert_eq!(by_number, Ok(("shop-1".into(), 8080)));
        assert_eq!(ready_endpoint(&service, &endpoints, &Port::Name("web".into())), Ok(("shop-1".into(), 8080)));
        let error = ready_endpoint(&service, &endpoints, &Port::Number(81)).expect_err("no such port");
        assert_eq!(error.message, "it has no port 81 (it has: 80 web)");
        endpoints["subsets"][0]["addresses"] = json!([]);
        let error = ready_endpoint(&service, &endpoints, &Port::Number(80)).expect_err("nothing ready");
        assert_eq!(error.causes, ["not ready: shop-2"]);
    }

    #[test]
    fn a_pod_has_any_number_and_the_names_it_declares() {
        let pod = json!({ "spec": { "containers": [{ "name": "a", "ports": [{ "name": "http", "containerPort": 8080 }] }] } });
        let target = Target::parse("shop", "web").expect("a pod");
        assert_eq!(pod_port(&pod, &Port::Number(9), &target), Ok(9));
        assert_eq!(pod_port(&pod, &Port::Name("http".into()), &target), Ok(8080));
        let error = pod_port(&pod, &Port::Name("grpc".into()), &target).expect_err("no such name");
        assert!(error.message.contains("it has: http"), "{error}");
    }
}
