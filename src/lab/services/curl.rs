//! The services of an open lab, as an unmodified `curl` reaches them through the SOCKS port, and `pb` by its `pb.toml`.

use std::time::Duration;

use serde_json::Value;

use crate::lab::clock::LabClock;
use crate::lab::up::Lab;
use crate::lab::world::{Cause, Wrong, read};

async fn open() -> (Lab, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lab = Lab::open(read::embedded("monosense").unwrap(), LabClock::real(), dir.path()).await.unwrap();
    (lab, dir)
}

/// What `curl` printed, the status before it, and its exit code.
async fn curl(lab: &Lab, args: &[&str]) -> (String, i32) {
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["-s", "-m", "20", "-w", "\n%{http_code}", "--proxy", &format!("socks5h://{}", lab.socks), "--cacert"]);
    curl.arg(lab.dir.join("ca.crt")).args(args).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(30), curl.output()).await.unwrap().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(-1))
}

fn secret(lab: &Lab, name: &str) -> String {
    std::fs::read_to_string(lab.dir.join("secrets").join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reaches_what_is_behind_gateways_and_outside() {
    let (lab, _dir) = open().await;
    let (text, code) = curl(&lab, &["https://grafana.monosense.io/api/health"]).await;
    assert!(code == 0 && text.contains("\"database\":\"ok\"") && text.ends_with("\n200"), "{code}: {text}");
    let (user, _) = super::grafana::admin(&lab.services);
    let login = format!("{user}:{}", secret(&lab, "grafana"));
    let (text, _) = curl(&lab, &["-u", &login, "https://grafana.monosense.io/api/datasources"]).await;
    assert!(text.contains("VictoriaLogs") && text.ends_with("\n200"), "{text}");
    let (text, _) = curl(&lab, &["-u", "admin:wrong-password", "https://grafana.monosense.io/api/datasources"]).await;
    assert!(text.ends_with("\n401"), "{text}");
    let (text, _) = curl(&lab, &["https://harbor.monosense.io/v2/"]).await;
    assert!(text.ends_with("\n401"), "{text}");
    let bearer = format!("Authorization: Bearer {}", secret(&lab, "cloudflare"));
    let (text, _) = curl(&lab, &["-H", &bearer, "https://api.cloudflare.com/client/v4/zones"]).await;
    assert!(text.contains("\"name\":\"monosense.io\""), "{text}");
    assert_eq!(curl(&lab, &["http://10.25.11.110:81/"]).await.1, 97, "the proxy is refused");
    assert_eq!(curl(&lab, &["https://nowhere.monosense.io/"]).await.1, 97, "nobody has the name");
    lab.world.put(Cause::service("grafana", Wrong::Down));
    let (text, _) = curl(&lab, &["https://grafana.monosense.io/api/health"]).await;
    assert!(text.contains("upstream connect error") && text.ends_with("\n503"), "{text}");
    lab.world.put(Cause::service("harbor", Wrong::Reset));
    // A part of the body: 18 over HTTP/1.1, 92 over HTTP/2.
    let (_, code) = curl(&lab, &["https://harbor.monosense.io/api/v2.0/systeminfo"]).await;
    assert!([18, 56, 92].contains(&code), "{code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pb_toml_names_the_services_with_their_secrets() {
    let (lab, dir) = open().await;
    let overrides = crate::config::Overrides { config: Some(dir.path().join("pb.toml")), ..Default::default() };
    let environment = crate::config::Environment { dir: dir.path().into(), home: None, variables: Default::default() };
    let config = crate::config::load(&overrides, &environment).unwrap();
    let endpoint =
        |name: &str| config.endpoints.get(name).unwrap_or_else(|| panic!("{name}: {:?}", config.endpoints.keys()));
    assert_eq!(endpoint("vmselect").service.as_deref(), Some("infra/observability/vmselect:8481"));
    assert_eq!(endpoint("schema-registry").service.as_deref(), Some("apps/messaging/schema-registry:8081"));
    assert_eq!(endpoint("grafana").url.as_deref(), Some("https://grafana.monosense.io"));
    assert!(endpoint("grafana").password.as_deref().is_some_and(|text| text.starts_with("file:")));
    assert!(endpoint("cloudflare").token.is_some() && !secret(&lab, "cloudflare").is_empty());
    assert_eq!(config.tools.env["KUBECONFIG"], dir.path().join("kubeconfig").to_string_lossy());
    assert!(config.networks.contains_key("203.0.113.0/24"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_as_it_was_built_is_measured() {
    let (lab, _dir) = open().await;
    let ask = |text: &'static str| {
        let services = lab.services.clone();
        async move {
            let address = format!("/select/0/prometheus/api/v1/query?query={text}");
            let reply = super::at::fetch(
                &services,
                "infra",
                "default",
                "vmselect.observability",
                8481,
                super::Asked::get(&address),
            )
            .await;
            let value: Value = reply.unwrap().value();
            value["data"]["result"].as_array().cloned().unwrap_or_default()
        }
    };
    for cluster in ["infra", "apps"] {
        let up = if cluster == "infra" {
            ask("up%7Bcluster%3D%22infra%22%7D").await
        } else {
            ask("up%7Bcluster%3D%22apps%22%7D").await
        };
        assert!(up.len() > 5, "{cluster}: {up:?}");
        let down: Vec<&Value> = up.iter().filter(|one| one["value"][1] != "1").collect();
        assert!(down.is_empty(), "{cluster}: {down:?}");
    }
    assert_eq!(
        ask("count(kube_node_status_condition%7Bcondition%3D%22Ready%22,status%3D%22true%22%7D%3D%3D1)").await[0]["value"]
            [1],
        "6"
    );
    assert!(ask("ALERTS%7Balertstate%3D%22firing%22%7D").await.is_empty());
    assert!(ask("rate(coredns_dns_requests_total%5B5m%5D)").await.len() >= 4);
}
