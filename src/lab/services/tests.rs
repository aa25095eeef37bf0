//! Services of a small platform, reached as clients reach them: by the pods that are there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::lab::clock::{LabClock, Pace};
use crate::lab::world::{Cause, Wrong, read};

/// A platform of one cluster with some pods and Services. Its clock stands still.
pub(crate) fn platform() -> (Arc<Services>, LabClock) {
    let clock = LabClock::new("2026-01-01T00:00:00Z".parse().unwrap(), Pace::Still);
    let world = World::new(read::embedded("one-node").unwrap(), Arc::new(clock.clone()));
    let cluster = Cluster::new("infra", world.clock.clone());
    for (namespace, name, image, port) in [
        ("observability", "vmagent", "victoriametrics/vmagent:v1", 8429),
        ("observability", "vminsert", "victoriametrics/vminsert:v1", 8480),
        ("observability", "vmselect", "victoriametrics/vmselect:v1", 8481),
        ("observability", "vmalert", "victoriametrics/vmalert:v1", 8880),
        ("observability", "kube-state-metrics", "kube-state-metrics:v2", 8080),
        ("observability", "victorialogs", "victoria-logs:v1", 9428),
        ("observability", "fluent-bit", "fluent-bit:4", 2020),
        ("observability", "alertmanager", "alertmanager:v0.28", 9093),
        ("observability", "grafana", "grafana:12", 3000),
        ("harbor", "harbor-core", "goharbor/harbor-core:v2", 8080),
        ("default", "web", "nginx:1.29", 80),
        ("external-dns", "external-dns", "external-dns:v0.19", 7979),
    ] {
        pod(&cluster, namespace, name, image, port);
    }
    let mut there = cluster.world();
    let now = clock_now(&world);
    for (group, version, kind, plural) in [
        ("gateway.networking.k8s.io", "v1", "Gateway", "gateways"),
        ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
        ("cert-manager.io", "v1", "Certificate", "certificates"),
        ("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
    ] {
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": format!("{plural}.{group}") },
            "spec": { "group": group, "scope": "Namespaced", "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
                      "versions": [{ "name": version, "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }] },
        });
        there.plant(&definition, now);
        there.register(&definition, true);
    }
    drop(there);
    (Services::new(world, [("infra".to_string(), cluster)].into()).unwrap(), clock)
}

fn clock_now(world: &World) -> Timestamp {
    world.clock.now()
}

fn pod(cluster: &Cluster, namespace: &str, name: &str, image: &str, port: u16) {
    let labels = json!({ "app.kubernetes.io/name": name });
    let mut world = cluster.world();
    let now = cluster.clock.now();
    world.plant(&json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": format!("{name}-0"), "namespace": namespace, "labels": labels },
        "spec": { "nodeName": "infra-01", "containers": [{ "name": name, "image": image, "ports": [{ "containerPort": port }] }] },
        "status": { "phase": "Running", "podIP": "10.244.0.9", "conditions": [{ "type": "Ready", "status": "True" }] },
    }), now);
    world.plant(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
        "spec": { "type": "ClusterIP", "selector": labels, "ports": [{ "name": "http", "port": port, "targetPort": port }] },
    }), now);
}

async fn get(services: &Arc<Services>, host: &str, port: u16, address: &str) -> Reply {
    ask(services, host, port, Asked::get(address)).await.unwrap()
}

async fn ask(services: &Arc<Services>, host: &str, port: u16, asked: Asked) -> Result<Reply, at::Unfetched> {
    at::fetch(services, "infra", "default", host, port, Asked { host: host.into(), ..asked }).await
}

fn post(address: &str, body: &Value) -> Asked {
    Asked { method: ::http::Method::POST, body: body.to_string().into(), ..Asked::get(address) }
}

fn unready(services: &Services, namespace: &str, name: &str) {
    let mut world = services.clusters["infra"].world();
    let place = Place::new("pods", namespace, name);
    let mut pod = world.store.get(&place).unwrap().value.clone();
    pod["status"]["conditions"] =
        json!([{ "type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z" }]);
    world.store.put(place, pod);
}

#[tokio::test]
async fn a_service_is_as_ready_as_its_pods() {
    let (services, _) = platform();
    assert!(get(&services, "web", 80, "/").await.body.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(get(&services, "web.default.svc.cluster.local", 80, "/none").await.status, 404);
    assert_eq!(ask(&services, "web", 81, Asked::get("/")).await, Err(at::Unfetched::Refused));
    assert_eq!(ask(&services, "nowhere", 80, Asked::get("/")).await, Err(at::Unfetched::NoName));
    unready(&services, "default", "web-0");
    assert_eq!(ask(&services, "web", 80, Asked::get("/")).await, Err(at::Unfetched::Refused));
}

#[tokio::test]
async fn metrics_follow_from_the_pods() {
    let (services, clock) = platform();
    let query = |text: &str| {
        format!(
            "/select/0/prometheus/api/v1/query?query={}",
            text.replace('{', "%7B").replace('}', "%7D").replace('"', "%22").replace('=', "%3D").replace(' ', "+")
        )
    };
    let host = "vmselect.observability";
    let result = |reply: &Reply| reply.value()["data"]["result"].as_array().cloned().unwrap_or_default();
    let up = get(&services, host, 8481, &query("up{cluster=\"infra\",job=\"grafana\"}")).await;
    assert_eq!(up.value()["status"], "success");
    assert_eq!(result(&up)[0]["value"][1], "1", "{:?}", up.value());
    assert!(result(&get(&services, host, 8481, &query("up{cluster=\"apps\"}")).await).is_empty());
    unready(&services, "observability", "grafana-0");
    clock.jump(Duration::from_secs(1));
    assert_eq!(result(&get(&services, host, 8481, &query("up{job=\"grafana\"}")).await)[0]["value"][1], "0");
    let phases = get(&services, host, 8481, &query("count by (phase) (kube_pod_status_phase == 1)")).await;
    assert_eq!(result(&phases)[0]["metric"], json!({ "phase": "Running" }));
    let wrong = get(&services, host, 8481, &query("up{")).await;
    assert_eq!((wrong.status.as_u16(), &wrong.value()["errorType"]), (422, &json!("422")));
    assert!(result(&get(&services, host, 8481, "/select/7/prometheus/api/v1/query?query=up").await).is_empty());
    // Without its agent nothing is collected: what there was goes stale after five minutes.
    unready(&services, "observability", "vmagent-0");
    assert!(!result(&get(&services, host, 8481, &query("up")).await).is_empty());
    clock.jump(Duration::from_secs(400));
    assert!(result(&get(&services, host, 8481, &query("up")).await).is_empty());
}

#[tokio::test]
async fn what_is_written_is_read_again() {
    let (services, _) = platform();
    let line = Asked {
        method: ::http::Method::POST,
        body: "lab_test{a=\"b\"} 7\n".into(),
        ..Asked::get("/insert/0/prometheus/api/v1/import/prometheus")
    };
    assert_eq!(ask(&services, "vminsert.observability", 8480, line).await.unwrap().status, 204);
    let read = get(&services, "vmselect.observability", 8481, "/select/0/prometheus/api/v1/query?query=lab_test")
        .await
        .value();
    assert_eq!(
        read["data"]["result"][0],
        json!({ "metric": { "__name__": "lab_test", "a": "b" }, "value": [1_767_225_600.0, "7"] })
    );
    let rows = json!({ "_msg": "hello lab", "app": "x", "_time": "0" });
    ask(&services, "victorialogs.observability", 9428, post("/insert/jsonline?_stream_fields=app", &rows))
        .await
        .unwrap();
    let read = get(&services, "victorialogs.observability", 9428, "/select/logsql/query?query=hello").await;
    assert_eq!(read.value()["_stream"], "{app=\"x\"}", "{read:?}");
}

#[tokio::test]
async fn logs_come_by_the_collector_of_their_node() {
    let (services, _) = platform();
    let inside = services.clusters["infra"].world().inside.clone();
    let uid = services.clusters["infra"].world().store.get(&Place::new("pods", "default", "web-0")).unwrap().value["metadata"]["uid"].as_str().unwrap().to_string();
    inside.logs.present(&uid, "web").append(services.now(), crate::lab::pods::log::Stream::Stdout, "GET / 200");
    let address = "/select/logsql/query?query=%7Bcluster%3D%22infra%22%7D+GET";
    let found = get(&services, "victorialogs.observability", 9428, address).await;
    assert_eq!(found.value()["pod"], "web-0", "{found:?}");
    unready(&services, "observability", "fluent-bit-0");
    inside.logs.present(&uid, "web").append(
        services.now() + jiff::SignedDuration::from_secs(1),
        crate::lab::pods::log::Stream::Stdout,
        "GET /later 200",
    );
    let all = get(&services, "victorialogs.observability", 9428, address).await;
    assert!(!String::from_utf8_lossy(&all.body).contains("later"));
}

#[tokio::test]
async fn alerts_follow_from_rules_and_silences_hush_them() {
    let (services, clock) = platform();
    {
        let mut world = services.clusters["infra"].world();
        let now = clock_now(&services.world);
        world.plant(&json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": { "name": "web", "namespace": "observability" },
            "spec": { "groups": [{ "name": "web", "rules": [{ "alert": "WebDown", "expr": "up{job=\"nginx\"} == 0", "for": "5m", "labels": { "severity": "critical" }, "annotations": { "summary": "{{ $labels.pod }} is down" } }] }] },
        }), now);
    }
    let alerts = |reply: &Reply| reply.value()["data"]["alerts"].as_array().cloned().unwrap_or_default();
    let host = "vmalert.observability";
    assert!(alerts(&get(&services, host, 8880, "/api/v1/alerts").await).is_empty());
    unready(&services, "default", "web-0");
    clock.jump(Duration::from_secs(60));
    assert_eq!(alerts(&get(&services, host, 8880, "/api/v1/alerts").await)[0]["state"], "pending");
    clock.jump(Duration::from_secs(600));
    let firing = alerts(&get(&services, "vmselect.observability", 8481, "/select/0/prometheus/api/v1/alerts").await);
    assert_eq!(
        (&firing[0]["state"], &firing[0]["annotations"]["summary"]),
        (&json!("firing"), &json!("web-0 is down"))
    );
    let shown = get(&services, "alertmanager.observability", 9093, "/api/v2/alerts").await.value();
    assert_eq!(shown[0]["status"]["state"], "active", "{shown}");
    let silence = json!({ "matchers": [{ "name": "alertname", "value": "WebDown", "isRegex": false }], "createdBy": "me", "comment": "known", "startsAt": "2025-12-31T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z" });
    let made = ask(&services, "alertmanager.observability", 9093, post("/api/v2/silences", &silence)).await.unwrap();
    assert!(made.value()["silenceID"].is_string(), "{made:?}");
    assert_eq!(
        get(&services, "alertmanager.observability", 9093, "/api/v2/alerts").await.value()[0]["status"]["state"],
        "suppressed"
    );
}

#[tokio::test]
async fn faults_of_services_are_honoured_wherever_they_are_asked() {
    let (services, _) = platform();
    services.world.put(Cause::service("grafana", Wrong::Status(500)));
    assert_eq!(get(&services, "grafana.observability", 3000, "/api/health").await.status, 500);
    services.world.put(Cause::service("alertmanager", Wrong::Down));
    assert_eq!(
        ask(&services, "alertmanager.observability", 9093, Asked::get("/-/ready")).await,
        Err(at::Unfetched::Refused)
    );
}

#[tokio::test]
async fn a_gateway_leads_by_host_and_path() {
    let (services, _) = platform();
    {
        let mut world = services.clusters["infra"].world();
        let now = clock_now(&services.world);
        world.plant(&json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": { "name": "ext", "namespace": "kube-system" },
            "spec": { "listeners": [{ "name": "http", "protocol": "HTTP", "port": 80 }] }, "status": { "addresses": [{ "type": "IPAddress", "value": "10.25.11.140" }] },
        }), now);
        world.plant(&json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "cilium-gateway-ext", "namespace": "kube-system" },
            "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] }, "status": { "loadBalancer": { "ingress": [{ "ip": "10.25.11.140" }] } },
        }), now);
        let route = |name: &str, host: &str, path: &str, backend: &str, accepted: &str| {
            json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": { "name": name, "namespace": "default" },
                "spec": { "hostnames": [host], "parentRefs": [{ "name": "ext", "namespace": "kube-system" }],
                          "rules": [{ "matches": [{ "path": { "type": "PathPrefix", "value": path } }], "backendRefs": [{ "name": backend, "port": 80 }] }] },
                "status": { "parents": [{ "parentRef": { "name": "ext" }, "conditions": [{ "type": "Accepted", "status": accepted }] }] },
            })
        };
        world.plant(&route("web", "test.monosense.io", "/", "web", "True"), now);
        world.plant(&route("gone", "gone.monosense.io", "/", "nowhere", "True"), now);
        world.plant(&route("refused", "refused.monosense.io", "/", "web", "False"), now);
    }
    let at = "10.25.11.140";
    let by = |host: &str, path: &str| (host.to_string(), Asked::get(path));
    for (host, path, status) in [
        ("test.monosense.io", "/", 200),
        ("test.monosense.io", "/no", 404),
        ("other.monosense.io", "/", 404),
        ("gone.monosense.io", "/", 500),
        ("refused.monosense.io", "/", 404),
    ] {
        let (host, asked) = by(host, path);
        let reply =
            at::fetch(&services, "infra", "default", at, 80, Asked { host: host.clone(), ..asked }).await.unwrap();
        assert_eq!(reply.status.as_u16(), status, "{host}{path}");
        assert!(status == 200 || reply.headers.contains_key("server"));
    }
    assert_eq!(links::resolve(&services, "test.monosense.io"), Some("10.25.11.140".parse().unwrap()));
    unready(&services, "default", "web-0");
    let reply =
        at::fetch(&services, "infra", "default", at, 80, Asked { host: "test.monosense.io".into(), ..Asked::get("/") })
            .await
            .unwrap();
    assert_eq!((reply.status.as_u16(), reply.body.as_ref()), (503, b"no healthy upstream".as_slice()));
    // ExternalDNS has told Cloudflare what the routes say.
    let mut asked =
        Asked::get(&format!("/client/v4/zones/{}/dns_records?name=test.monosense.io&type=A", zone(&services).await));
    asked.headers.insert("authorization", format!("Bearer {}", cloudflare::token()).parse().unwrap());
    let records = ask(&services, "api.cloudflare.com", 443, asked).await.unwrap().value();
    assert_eq!(records["result"][0]["content"], "10.25.11.140", "{records}");
}

async fn zone(services: &Arc<Services>) -> String {
    let mut asked = Asked::get("/client/v4/zones?name=monosense.io");
    asked.headers.insert("authorization", format!("Bearer {}", cloudflare::token()).parse().unwrap());
    let zones = ask(services, "api.cloudflare.com", 443, asked).await.unwrap().value();
    zones["result"][0]["id"].as_str().unwrap().into()
}

#[tokio::test]
async fn credentials_are_asked_for() {
    let (services, _) = platform();
    for (host, port, address, status) in [
        ("api.cloudflare.com", 443, "/client/v4/user/tokens/verify", 400),
        ("api.github.com", 443, "/orgs/monosense/actions/runners", 401),
        ("opconnect.monosense.io", 8080, "/v1/vaults", 401),
        ("opconnect.monosense.io", 8080, "/heartbeat", 200),
        ("grafana.observability", 3000, "/api/datasources", 401),
        ("harbor-core.harbor", 8080, "/api/v2.0/users/current", 401),
        ("harbor-core.harbor", 8080, "/v2/", 401),
        ("harbor-core.harbor", 8080, "/api/v2.0/health", 200),
    ] {
        assert_eq!(get(&services, host, port, address).await.status.as_u16(), status, "{host}{address}");
    }
    let mut asked = Asked::get("/v1/vaults");
    asked.headers.insert("authorization", format!("Bearer {}", onepassword::token()).parse().unwrap());
    assert_eq!(ask(&services, "opconnect.monosense.io", 8080, asked).await.unwrap().value()[0]["name"], "monosense");
}

#[tokio::test]
async fn an_image_goes_to_harbor_by_its_token_service() {
    let (services, _) = platform();
    let host = "harbor-core.harbor";
    let challenge = get(&services, host, 8080, "/v2/").await;
    assert!(
        challenge.headers["www-authenticate"].contains("/service/token\",service=\"harbor-registry\""),
        "{challenge:?}"
    );
    let basic = |asked: Asked| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(format!("admin:{}", harbor::admin(&services)));
        let mut asked = asked;
        asked.headers.insert("authorization", format!("Basic {text}").parse().unwrap());
        asked
    };
    let token = ask(
        &services,
        host,
        8080,
        basic(Asked::get("/service/token?service=harbor-registry&scope=repository:library/nginx:push,pull")),
    )
    .await
    .unwrap()
    .value();
    let with = |asked: Asked| {
        let mut asked = asked;
        asked.headers.insert("authorization", format!("Bearer {}", token["token"].as_str().unwrap()).parse().unwrap());
        asked
    };
    let blob = oci::digest(b"layer");
    let push = Asked {
        body: "layer".into(),
        ..post(&format!("/v2/library/nginx/blobs/uploads/?digest={blob}"), &Value::Null)
    };
    let push = Asked { body: "layer".into(), ..push };
    assert_eq!(ask(&services, host, 8080, with(push.clone())).await.unwrap().status, 201);
    let pulled = |image: &str| services.clusters["infra"].world().inside.images.pull(&format!("{host}/{image}"), false);
    assert!(pulled("library/nginx:test").is_err(), "there are only layers");
    let media = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media, "layers": [{ "digest": blob, "size": 5 }] });
    let mut put = post("/v2/library/nginx/manifests/test", &manifest);
    put.method = ::http::Method::PUT;
    put.headers.insert("content-type", media.parse().unwrap());
    assert_eq!(ask(&services, host, 8080, with(put)).await.unwrap().status, 201);
    assert_eq!((pulled("library/nginx:test"), pulled("library/nginx:other").is_err()), (Ok(()), true));
    let gone = Asked { method: ::http::Method::DELETE, ..Asked::get("/v2/library/nginx/manifests/test") };
    assert_eq!(ask(&services, host, 8080, with(gone)).await.unwrap().status, 202);
    assert!(pulled("library/nginx:test").is_err(), "it was deleted");
    services.world.put(Cause::service("minio", Wrong::Status(503)));
    let failed = ask(&services, host, 8080, with(push)).await.unwrap();
    assert_eq!((failed.status.as_u16(), &failed.value()["errors"][0]["detail"]["DriverName"]), (500, &json!("s3aws")));
    services.world.lift(&Cause::service("minio", Wrong::Status(503)));
    let made = ask(&services, host, 8080, basic(post("/api/v2.0/projects", &json!({ "project_name": "team" }))))
        .await
        .unwrap();
    assert_eq!(made.status, 201);
    let twice = ask(&services, host, 8080, basic(post("/api/v2.0/projects", &json!({ "project_name": "team" }))))
        .await
        .unwrap();
    assert_eq!(twice.status, 409);
}
