//! Clients that mean ill, or know no better: each gets a clear answer or is let go, and the lab lives on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::client::Body;
use kube::config::Kubeconfig;
use kube::{Client, Config};
use pb::clock::System;
use pb::lab::clock::LabClock;
use pb::lab::kube::cluster::Cluster;
use pb::lab::kube::server::{Access, Server, kubeconfig};
use pb::lab::up::Lab;
use pb::lab::world::read;

const SOON: Duration = Duration::from_secs(20);

fn provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

async fn client(access: &Access) -> Client {
    provider();
    let file = Kubeconfig::from_yaml(&kubeconfig(std::slice::from_ref(access))).expect("a kubeconfig");
    let mut config = Config::from_custom_kubeconfig(file, &Default::default()).await.expect("a configuration");
    config.proxy_url = None;
    Client::try_from(config).expect("a client")
}

async fn send(client: &Client, request: http::Request<Body>) -> (u16, String) {
    let response = client.send(request).await.expect("an answer");
    let code = response.status().as_u16();
    let bytes = response.into_body().collect_bytes().await.expect("a body");
    (code, String::from_utf8_lossy(&bytes).into_owned())
}

async fn lives(client: &Client) {
    let request = http::Request::get("/api/v1/namespaces/default").body(Body::empty()).expect("a request");
    let answer = tokio::time::timeout(SOON, send(client, request)).await.expect("it answers");
    assert_eq!(answer.0, 200, "{}", answer.1);
}

fn address(access: &Access) -> SocketAddr {
    access.url.trim_start_matches("https://").parse().expect("an address")
}

/// A connection on which nothing takes longer than [`SOON`].
fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).expect("connects");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    stream.set_write_timeout(Some(SOON)).expect("a limit");
    stream
}

/// Sends bytes, and reads to the end; both may end early.
fn tell(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(to);
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    said
}

/// What no protocol begins with.
fn garbage() -> Vec<u8> {
    (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_and_heads_that_are_too_large_are_refused() {
    let server = Server::start(Cluster::new("infra", Arc::new(System)), 0).await.expect("opens");
    let client = client(&server.access).await;
    let large = format!("{{\"metadata\":{{\"name\":\"{}\"}}}}", "x".repeat(4 << 20));
    let request = http::Request::post("/api/v1/namespaces").header("Content-Type", "application/json");
    let (code, text) = send(&client, request.body(Body::from(large.into_bytes())).expect("a request")).await;
    assert_eq!(code, 413, "{text}");
    assert!(
        text.contains("\"kind\":\"Status\"") && text.contains("Request entity too large: limit is 3145728"),
        "{text}"
    );
    let many = (0..200).fold(http::Request::get("/api"), |request, n| request.header(format!("x-{n}"), "y"));
    assert_eq!(send(&client, many.body(Body::empty()).expect("a request")).await.0, 431);
    // It may be cut off while it is still talking.
    let long = http::Request::get("/api").header("x-long", "y".repeat(1 << 20)).body(Body::empty());
    if let Ok(answer) = client.send(long.expect("a request")).await {
        assert_eq!(answer.status().as_u16(), 431);
    }
    lives(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_hello_and_hundreds_that_only_connect_keep_nobody_out() {
    let server = Server::start(Cluster::new("infra", Arc::new(System)), 0).await.expect("opens");
    let to = address(&server.access);
    let idle = tokio::task::spawn_blocking(move || {
        let mut half = connect(to);
        half.write_all(&[0x16, 3, 1, 2, 0, 1]).expect("sends");
        // More than there are places.
        let mut all: Vec<TcpStream> = (0..600).map(|_| connect(to)).collect();
        all.push(half);
        all
    });
    let idle = idle.await.expect("connected");
    let begun = Instant::now();
    lives(&client(&server.access).await).await;
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // Those that came first have lost their places.
    let lost = idle.iter().filter(|stream| {
        stream.set_nonblocking(true).expect("set");
        matches!((&**stream).read(&mut [0; 1]), Ok(0))
            || matches!((&**stream).read(&mut [0; 1]), Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset)
    });
    assert!(lost.count() >= 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_at_every_port_ends_the_connection_and_nothing_else() {
    provider();
    let dir = tempfile::tempdir().expect("a folder");
    let topology = read::embedded("one-node").expect("a topology");
    let lab = Lab::open(topology, LabClock::real(), dir.path()).await.expect("opens");
    let talos: SocketAddr = {
        let text = std::fs::read_to_string(dir.path().join("talosconfig")).expect("a talosconfig");
        let endpoint = text.lines().find_map(|line| line.trim().strip_prefix("- 127.0.0.1:")).expect("an endpoint");
        format!("127.0.0.1:{endpoint}").parse().expect("an address")
    };
    let (ssh, socks, api) = (lab.ssh, lab.socks, address(&lab.accesses[0]));
    let told = tokio::task::spawn_blocking(move || {
        let all = [ssh, socks, talos, api].map(|port| (port, tell(port, &garbage()), tell(port, b"")));
        // SOCKS: as many methods as there can be, and none of them; a name that goes on and on.
        tell(socks, &[&[5, 255][..], &[7; 255]].concat());
        tell(socks, &[&[5, 1, 0, 5, 1, 0, 3, 255][..], &[b'a'; 100]].concat());
        all
    });
    let told = told.await.expect("told");
    assert!(told[0].1.starts_with(b"SSH-2.0-"), "a server says who it is before it hears anything");
    assert!(told[1].1.is_empty() && told[1].2.is_empty());
    let banner = tokio::task::spawn_blocking(move || {
        // Through the SOCKS port to the router.
        let mut stream = connect(socks);
        stream.write_all(&[5, 1, 0, 5, 1, 0, 1, 10, 25, 11, 1, 0, 22]).expect("sends");
        let mut said = [0; 20];
        stream.read_exact(&mut said).expect("answers");
        said
    });
    assert!(banner.await.expect("reads").ends_with(b"SSH-2.0-"));
    lives(&client(&lab.accesses[0]).await).await;
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_pb"))
        .args(["doctor", "--config"])
        .arg(dir.path().join("pb.toml"))
        .current_dir(dir.path())
        .output();
    let output = tokio::time::timeout(SOON * 3, output).await.expect("ends").expect("runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.to_lowercase().contains("talos"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_stop_reading_a_long_list_hold_no_copies_of_it() {
    provider();
    let dir = tempfile::tempdir().expect("a folder");
    let begin = "cluster-made-of-data";
    let text = large(begin);
    let topology = read::parse("large", "large.toml", &text).expect("a topology");
    let lab = Lab::open(topology, LabClock::real(), dir.path()).await.expect("opens");
    let client = client(&lab.accesses[0]).await;
    let list = || http::Request::get("/api/v1/pods").body(Body::empty()).expect("a request");
    let whole = send(&client, list()).await.1.len();
    assert!(whole > 2_000_000, "{whole}");
    let before = resident();
    let mut stalled = Vec::new();
    for _ in 0..60 {
        // The head is read, the body never.
        stalled.push(tokio::time::timeout(SOON, client.send(list())).await.expect("answers").expect("an answer"));
    }
    lives(&client).await;
    let grown = resident().saturating_sub(before);
    // Copies would be 60 times the list; other tests run in this process, too.
    assert!(grown < 40 * whole as u64, "{grown} bytes more, the list has {whole}");
    drop(stalled);
    lives(&client).await;
}

/// A topology of one cluster with many pods.
fn large(name: &str) -> String {
    let (_, text) = read::EMBEDDED.iter().find(|(name, _)| *name == "one-node").expect("a topology");
    let load = format!(
        "\n[[clusters.infra.workloads]]\nkind = \"Deployment\"\nnamespace = \"kube-system\"\nname = \"{name}\"\n\
         replicas = 2000\nimage = \"load:1\"\n"
    );
    let (before, after) = text.split_once("[[clusters.infra.services]]").expect("services");
    format!("{before}{load}\n[[clusters.infra.services]]{after}")
}

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
