//! What lies under the API: TLS, who is let in, what is no request, and how the lab ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use kube::client::Body;
use kube::config::Kubeconfig;
use kube::{Client, Config};
use pb::clock::System;
use pb::lab::kube::cluster::Cluster;
use pb::lab::kube::server::{Server, kubeconfig};
use serde_json::Value;

async fn open() -> Server {
    Server::start(Cluster::new("infra", Arc::new(System)), 0).await.expect("the lab opens")
}

/// A client with other credentials than the kubeconfig has.
async fn client(server: &Server, token: Option<&str>) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut file = Kubeconfig::from_yaml(&kubeconfig(std::slice::from_ref(&server.access))).expect("a kubeconfig");
    for user in &mut file.auth_infos {
        if let Some(user) = &mut user.auth_info {
            user.client_certificate_data = None;
            user.client_key_data = None;
            user.token = token.map(|t| t.to_owned().into());
        }
    }
    let mut config = Config::from_custom_kubeconfig(file, &Default::default()).await.expect("a configuration");
    config.proxy_url = None;
    Client::try_from(config).expect("a client")
}

async fn get(client: &Client, path: &str) -> (u16, String) {
    let request = http::Request::get(path).body(Body::empty()).expect("a request");
    let response = client.send(request).await.expect("an answer");
    let code = response.status().as_u16();
    let bytes = response.into_body().collect_bytes().await.expect("a body");
    (code, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn a_token_lets_in_a_wrong_one_does_not_and_nobody_sees_only_that_the_server_is_there() {
    let server = open().await;
    let (code, _) = get(&client(&server, Some(&server.access.token)).await, "/api/v1/namespaces").await;
    assert_eq!(code, 200);
    let (code, text) = get(&client(&server, Some("nonesuch")).await, "/api/v1/namespaces").await;
    assert_eq!((code, text.contains("Unauthorized")), (401, true), "{text}");
    let nobody = client(&server, None).await;
    let (code, text) = get(&nobody, "/api/v1/namespaces").await;
    assert_eq!((code, text.contains("system:anonymous")), (403, true), "{text}");
    assert_eq!(get(&nobody, "/readyz").await, (200, "ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_speaks_no_tls_is_told_so_and_the_lab_lives_on() {
    let server = open().await;
    let address = server.access.url.trim_start_matches("https://").to_owned();
    let plain = address.clone();
    let said = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(plain).expect("connects");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("sends");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("reads");
        said
    });
    let said = said.await.expect("ends");
    assert!(
        said.starts_with("HTTP/1.0 400") && said.ends_with("Client sent an HTTP request to an HTTPS server.\n"),
        "{said}"
    );
    assert_eq!(get(&client(&server, None).await, "/healthz").await.0, 200);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let first = open().await;
    let port: u16 = first.access.url.rsplit(':').next().and_then(|p| p.parse().ok()).expect("a port");
    let error = Server::start(Cluster::new("apps", Arc::new(System)), port).await.expect_err("taken");
    assert!(error.message.contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn two_labs_know_nothing_of_each_other() {
    let (one, two) = (open().await, open().await);
    assert_ne!(one.access.url, two.access.url);
    let stranger = client(&two, Some(&one.access.token)).await;
    assert_eq!(get(&stranger, "/api/v1/pods").await.0, 401);
}

#[tokio::test]
async fn discovery_says_the_same_group_by_group_and_at_once() {
    let server = open().await;
    let client = client(&server, Some(&server.access.token)).await;
    let plain = client.list_api_groups().await.expect("groups").groups.len();
    let request = http::Request::get("/apis")
        .header("Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json")
        .body(Vec::new())
        .expect("a request");
    let whole: Value = client.request(request).await.expect("an answer");
    assert_eq!(whole["kind"], "APIGroupDiscoveryList");
    assert_eq!(whole["items"].as_array().map(Vec::len), Some(plain));
}
