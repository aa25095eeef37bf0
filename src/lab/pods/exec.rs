//! `pods/exec` over a WebSocket, as `v4.channel.k8s.io` and `v5.channel.k8s.io` have it: a byte in front of each message
//! names the stream, and the last one is a `Status`.
//!
//! Source: k8s.io/apimachinery `pkg/util/remotecommand`, k8s.io/kubelet `pkg/cri/streaming/remotecommand`.

use std::sync::Arc;

use futures::SinkExt as _;
use http::{HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::programs::{self, Ran};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::{Answer, Named, Refusal};
use crate::lab::kube::store::Place;

/// The protocols that are spoken, the one that is liked best first.
const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/// The streams.
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

/// What the answer to the upgrade has to say, besides 101.
pub(crate) type Headers = Vec<(&'static str, HeaderValue)>;

/// Takes a request to run a program in a pod, and runs it once the connection is a WebSocket.
pub(crate) fn start(
    cluster: &Arc<Cluster>,
    place: (&str, &str),
    command: Vec<String>,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Answer<Headers> {
    let (namespace, name) = place;
    let what = Named { group: "", kind: "pods", name };
    let pod = cluster.world().store.get(&Place::new("pods", namespace, name)).map(|pod| pod.value.clone());
    let pod = pod.ok_or_else(|| Refusal::not_found(&what))?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let offered: Vec<&str> = header("sec-websocket-protocol").split(',').map(str::trim).collect();
    let (key, protocol) = (header("sec-websocket-key"), PROTOCOLS.into_iter().find(|known| offered.contains(known)));
    let (Some(upgrade), Some(protocol), false) = (upgrade, protocol, key.is_empty()) else {
        return Err(Refusal::bad_request("Upgrade request required"));
    };
    if command.is_empty() {
        return Err(Refusal::bad_request("you must specify at least 1 command for the container"));
    }
    if pod["status"]["phase"] != "Running" {
        let why =
            format!("container not found ({:?})", pod["spec"]["containers"][0]["name"].as_str().unwrap_or_default());
        return Err(Refusal::internal(why));
    }
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
    let accept = accept.map_err(|_| Refusal::bad_request("Upgrade request required"))?;
    let cluster = cluster.clone();
    tokio::spawn(async move {
        // A client that breaks off is no matter of ours.
        if let Ok(upgraded) = upgrade.await {
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            let _ = talk(socket, &cluster, &pod, &command).await;
        }
    });
    Ok(vec![
        ("connection", HeaderValue::from_static("Upgrade")),
        ("upgrade", HeaderValue::from_static("websocket")),
        ("sec-websocket-accept", accept),
        ("sec-websocket-protocol", HeaderValue::from_static(protocol)),
    ])
}

async fn talk<S>(
    mut socket: WebSocketStream<S>,
    cluster: &Cluster,
    pod: &Value,
    command: &[String],
) -> Result<(), tokio_tungstenite::tungstenite::Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let ran = programs::run(&cluster.world(), pod, command);
    let status = status(ran.as_ref(), command);
    let ran = ran.unwrap_or_default();
    for (stream, text) in [(STDOUT, ran.stdout), (STDERR, ran.stderr), (STATUS, status.to_string())] {
        if !text.is_empty() {
            let mut message = vec![stream];
            message.extend_from_slice(text.as_bytes());
            socket.send(Message::binary(message)).await?;
        }
    }
    socket.close(None).await
}

/// How it ended, in the API's form.
fn status(ran: Option<&Ran>, command: &[String]) -> Value {
    match ran {
        Some(Ran { code: 0, .. }) => json!({ "metadata": {}, "status": "Success" }),
        Some(Ran { code, .. }) => json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!("command terminated with non-zero exit code: command terminated with exit code {code}"),
            "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
        }),
        None => {
            let program = command.first().map(String::as_str).unwrap_or_default();
            json!({
                "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
                "message": format!(
                    "Internal error occurred: error executing command in container: failed to exec in container: failed to start \
                     exec: OCI runtime exec failed: exec failed: unable to start container process: exec: {program:?}: executable \
                     file not found in $PATH"
                ),
            })
        }
    }
}
