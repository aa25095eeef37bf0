//! One server, real or simulated: requests are sent to it, one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;

use super::requests::{Request, filled};

/// An answer as it came.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) text: String,
}

/// A server.
pub(super) struct Side {
    client: Client,
}

impl Side {
    /// The server of a kubeconfig's context.
    pub(super) async fn new(kubeconfig: Kubeconfig, context: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a configuration");
        config.proxy_url = None;
        Self { client: Client::try_from(config).expect("a client") }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(String, String)], body: String) -> Answer {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body.into_bytes())).expect("a request");
        let sent = async {
            let response = self.client.send(request).await.expect("an answer");
            let code = response.status().as_u16();
            let bytes = response.into_body().collect_bytes().await.expect("a body");
            Answer { code, text: String::from_utf8_lossy(&bytes).into_owned() }
        };
        tokio::time::timeout(Duration::from_secs(30), sent)
            .await
            .unwrap_or_else(|_| panic!("{method} {path}: no answer"))
    }

    /// Sends a topic's requests, in a namespace of that topic, and cleans up.
    pub(super) async fn run(&self, namespace: &str, requests: &[Request]) -> Vec<Answer> {
        let json = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let made = format!("{{\"metadata\":{{\"name\":\"{namespace}\"}}}}");
        let made = self.send("POST", "/api/v1/namespaces", &json, made).await;
        assert_eq!(made.code, 201, "{}", made.text);
        let mut variables = BTreeMap::from([
            ("ns".to_owned(), namespace.to_owned()),
            ("large".to_owned(), "x".repeat(3_200_000)),
            // A byte more than an object's data may have.
            ("long".to_owned(), "x".repeat((1 << 20) + 1)),
        ]);
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.one(request, &mut variables).await);
        }
        for plural in ["widgets", "racks", "plugs"] {
            let path =
                format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{namespace}.example.com");
            self.send("DELETE", &path, &[], String::new()).await;
        }
        self.send("DELETE", &format!("/api/v1/namespaces/{namespace}"), &[], String::new()).await;
        answers
    }

    async fn one(&self, request: &Request, variables: &mut BTreeMap<String, String>) -> Answer {
        let path = filled(&request.path, variables);
        let body = filled(&request.body, variables);
        let mut answer = if request.method == "WAIT" {
            self.wait(&path, &request.headers).await
        } else {
            self.send(&request.method, &path, &request.headers, body).await
        };
        let value: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        for (name, pointer) in &request.keep {
            let kept = value.pointer(pointer).and_then(Value::as_str);
            let kept = kept.unwrap_or_else(|| panic!("{}: no {pointer} in {}", request.title, answer.text));
            variables.insert(name.clone(), kept.to_owned());
        }
        answer.text = answer.text.replace(&variables["large"], "LARGE").replace(&variables["long"], "LONG");
        answer
    }

    async fn wait(&self, path: &str, headers: &[(String, String)]) -> Answer {
        for _ in 0..100 {
            let answer = self.send("GET", path, headers, String::new()).await;
            if answer.code == 200 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{path} is not served")
    }
}
