//! `pods/portforward`: a pod's ports, as if they were near: over SPDY, which `kubectl` speaks, or over a WebSocket with two
//! channels a port.
//!
//! Source: k8s.io/kubelet `pkg/cri/streaming/portforward`, k8s.io/client-go `tools/portforward`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use super::{container, serve};
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::store::Place;
use crate::lab::kube::stream::spdy::{self, Stream, Writer};
use crate::lab::kube::stream::{self, Headers, Io, Offer, Spoken, Upgrade};
use crate::lab::kube::verbs::Query;

/// How much is read at once.
const BUFFER: usize = 32 * 1024;

/// A pod whose ports are forwarded.
#[derive(Debug, Clone)]
struct Way {
    cluster: Arc<Cluster>,
    namespace: String,
    pod: String,
    uid: String,
}

/// Takes a request to forward ports, and does so once the connection is upgraded.
pub(crate) fn start(
    cluster: &Arc<Cluster>,
    place: (&str, &str),
    query: &Query,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Answer<Headers> {
    let pod = container::pod(cluster, place)?;
    let Some(node) = pod["spec"]["nodeName"].as_str() else {
        return Err(Refusal::bad_request(format!("pod {} does not have a host assigned", place.1)));
    };
    let upgrade = Upgrade::of(headers, upgrade, &Offer::FORWARD)?;
    cluster.reached(node, "portForward")?;
    let ports: Vec<u16> = query.all("ports").iter().flat_map(|ports| ports.split(',')).flat_map(str::parse).collect();
    if matches!(upgrade.spoken, Spoken::Channels { .. }) && ports.is_empty() {
        return Err(Refusal::bad_request("query parameter \"port\" is required"));
    }
    let way = Way {
        cluster: cluster.clone(),
        namespace: place.0.to_owned(),
        pod: place.1.to_owned(),
        uid: pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
    };
    let (on, spoken) = (upgrade.on, upgrade.spoken);
    tokio::spawn(async move {
        // A client that breaks off is no matter of ours.
        let Ok(upgraded) = on.await else { return };
        let io: Io = TokioIo::new(upgraded);
        match spoken {
            Spoken::Spdy => streams(io, way).await,
            Spoken::Tunnel => streams(stream::tunnel(stream::socket(io).await), way).await,
            Spoken::Channels { .. } => channels(io, way, ports).await,
        }
    });
    Ok(upgrade.headers)
}

impl Way {
    /// A connection to a port of the pod.
    ///
    /// # Errors
    /// The kubelet's words for a port where nothing listens.
    async fn connect(&self, port: u16) -> Result<TcpStream, String> {
        let place = Place::new("pods", &self.namespace, &self.pod);
        let pod = self.cluster.world().store.get(&place).map(|pod| pod.value.clone());
        let pod = pod.filter(|pod| pod["metadata"]["uid"] == self.uid.as_str());
        let (id, uid) = (self.uid.replace('-', ""), &self.uid);
        let failed = |why: &str| format!("error forwarding port {port} to pod {id}, uid {uid}: {why}");
        let Some(pod) = pod.filter(|pod| pod["status"]["phase"] == "Running") else {
            return Err(failed("failed to find sandbox in store: not found"));
        };
        let handler = serve::handler(&self.cluster, &pod, port).ok_or_else(|| {
            failed(&format!(
                "failed to execute portforward in network namespace: failed to connect to localhost:{port} inside namespace, \
                 IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6: address localhost: no suitable \
                 address found"
            ))
        })?;
        let (near, far) = connected().await.map_err(|e| failed(&e.to_string()))?;
        tokio::spawn(async move { handler(far).await });
        Ok(near)
    }
}

/// Both ends of a connection of this machine with itself.
async fn connected() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let own = near.local_addr()?;
    loop {
        // Another program may be quicker.
        let (far, from) = listener.accept().await?;
        if from == own {
            near.set_nodelay(true)?;
            far.set_nodelay(true)?;
            return Ok((near, far));
        }
    }
}

/// Over SPDY: two streams a connection, one for what goes wrong and one for the bytes.
async fn streams<S>(io: S, way: Way)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut opened, writer) = spdy::start(io);
    let mut errors: BTreeMap<String, u32> = BTreeMap::new();
    while let Some(stream) = opened.recv().await {
        let text = |name: &str| stream.headers.get(name).map(String::as_str).unwrap_or_default();
        let (request, port) = (text("requestid").to_owned(), text("port").parse());
        match text("streamtype") {
            "error" => drop(errors.insert(request, stream.id)),
            _ => {
                let (error, port) = (errors.remove(&request), port.unwrap_or(0));
                tokio::spawn(carry(way.clone(), port, stream, error, writer.clone()));
            }
        }
    }
}

async fn carry(way: Way, port: u16, stream: Stream, error: Option<u32>, writer: Writer) {
    let Stream { id, mut input, .. } = stream;
    let mut said = Bytes::new();
    match way.connect(port).await {
        Err(why) => {
            said = Bytes::from(why);
            writer.data(id, Bytes::new(), true).await;
        }
        Ok(connection) => {
            let (mut from, mut to) = connection.into_split();
            let there = async {
                while let Some(bytes) = input.recv().await {
                    if to.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                let _ = to.shutdown().await;
            };
            let back = async {
                let mut buffer = vec![0; BUFFER];
                while let Ok(count) = from.read(&mut buffer).await {
                    let bytes = Bytes::copy_from_slice(&buffer[..count]);
                    if !writer.data(id, bytes, count == 0).await || count == 0 {
                        return;
                    }
                }
                writer.data(id, Bytes::new(), true).await;
            };
            // What comes back ends it: a client that has said all may still listen.
            tokio::pin!(back);
            tokio::select! {
                () = &mut back => {}
                () = there => back.await,
            }
        }
    }
    if let Some(error) = error {
        writer.data(error, said, true).await;
    }
}

/// Over a WebSocket: an even channel for each port's bytes, the odd one behind it for what goes wrong; each begins with
/// the port's number.
async fn channels(io: Io, way: Way, ports: Vec<u16>) {
    let mut socket = stream::socket(io).await;
    let (back, mut outgoing) = mpsc::channel::<(u8, Bytes)>(64);
    let mut incoming: BTreeMap<u8, mpsc::UnboundedSender<Bytes>> = BTreeMap::new();
    for (place, port) in ports.iter().enumerate().take(100) {
        let channel = u8::try_from(place * 2).unwrap_or(0);
        for channel in [channel, channel + 1] {
            let first = [channel, port.to_le_bytes()[0], port.to_le_bytes()[1]];
            if socket.send(Message::binary(first.to_vec())).await.is_err() {
                return;
            }
        }
        let (to, input) = mpsc::unbounded_channel();
        incoming.insert(channel, to);
        tokio::spawn(one(way.clone(), *port, channel, input, back.clone()));
    }
    drop(back);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Binary(mut bytes))) if !bytes.is_empty() => {
                    let channel = bytes.split_to(1);
                    if let Some(to) = incoming.get(&channel[0]) {
                        let _ = to.send(bytes);
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            sent = outgoing.recv() => {
                // Every connection has ended: so does this.
                let Some((channel, bytes)) = sent else { return stream::close(socket).await };
                let mut message = vec![channel];
                message.extend_from_slice(&bytes);
                if socket.send(Message::binary(message)).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn one(
    way: Way,
    port: u16,
    channel: u8,
    mut input: mpsc::UnboundedReceiver<Bytes>,
    back: mpsc::Sender<(u8, Bytes)>,
) {
    let connection = match way.connect(port).await {
        Ok(connection) => connection,
        Err(why) => {
            let _ = back.send((channel + 1, Bytes::from(why))).await;
            return;
        }
    };
    let (mut from, mut to) = connection.into_split();
    let mut buffer = vec![0; BUFFER];
    let mut more = true;
    loop {
        tokio::select! {
            bytes = input.recv(), if more => match bytes {
                Some(bytes) => if to.write_all(&bytes).await.is_err() { return },
                None => more = false,
            },
            read = from.read(&mut buffer) => match read {
                Ok(count) if count > 0 => {
                    if back.send((channel, Bytes::copy_from_slice(&buffer[..count]))).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
