//! What programs in pods get from the platform's services.

use serde_json::json;
use tokio::sync::mpsc;

use super::super::process::Process;
use super::super::run::{self, Out, Place};
use super::*;
use crate::lab::kube::stream::Output;
use crate::lab::services::tests::platform;
use crate::lab::world::{Cause, Wrong};

/// A platform with CoreDNS, and a pod of somebody's.
fn stage() -> (Arc<Services>, Place) {
    let (services, _clock) = platform();
    let cluster = services.clusters["infra"].clone();
    let client = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "client", "namespace": "default", "uid": "u", "labels": { "app": "client" } },
        "spec": { "nodeName": "infra-01", "containers": [{ "name": "c", "image": "busybox" }] }, "status": { "phase": "Running" },
    });
    {
        let mut objects = cluster.world();
        let now = services.now();
        objects.plant(&client, now);
        objects.plant(
            &json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "kube-dns", "namespace": "kube-system" },
                     "spec": { "clusterIP": "10.245.0.10" } }),
            now,
        );
        objects.plant(
            &json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "dns", "namespace": "kube-system", "labels": { "k8s-app": "kube-dns" } },
                     "spec": { "containers": [{ "name": "c" }] }, "status": { "phase": "Running" } }),
            now,
        );
    }
    let place = Place { cluster, container: client["spec"]["containers"][0].clone(), pod: client };
    (services, place)
}

async fn ran(place: &Place, script: &str) -> (String, String, i32) {
    let mut machine = place.shell(script).unwrap();
    let (to, mut shown) = mpsc::channel(1_000);
    let out = Out { to, tty: false, log: None };
    let code = run::run(place, &mut machine, None, &out).await;
    drop(out);
    let (mut out, mut err) = (String::new(), String::new());
    while let Some(output) = shown.recv().await {
        match output {
            Output::Stdout(bytes) => out.push_str(&String::from_utf8_lossy(&bytes)),
            Output::Stderr(bytes) => err.push_str(&String::from_utf8_lossy(&bytes)),
            Output::Status(_) => {}
        }
    }
    (out, err, code)
}

#[tokio::test]
async fn services_answer_programs_in_pods() {
    let (services, place) = stage();
    let ask = |script: &'static str| ran(&place, script);
    let query = "http://vmselect.observability:8481/select/0/prometheus/api/v1/query?query=up";
    let (out, _, code) = ran(&place, &format!("wget -qO- '{query}'")).await;
    assert!(code == 0 && out.contains("\"status\":\"success\""), "{out}");
    let (out, err, code) = ask("wget -qO- http://grafana.observability.svc.cluster.local:3000/api/none").await;
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.starts_with("wget: server returned error: HTTP/1.1 40"), "{err}");
    let post = "curl -s -X POST -H 'Content-Type: application/json' -d '{\"matchers\":[]}' -o /dev/null -w '%{http_code} %{time_total} \
                %{method}\\n' http://alertmanager.observability:9093/api/v2/silences";
    let (out, _, code) = ask(post).await;
    assert!(code == 0 && out.starts_with("400 0.00") && out.ends_with(" POST\n"), "{out}");
    let form = "curl -s -d 'query=count(up)' http://vmselect.observability:8481/select/0/prometheus/api/v1/query";
    assert!(ask(form).await.0.contains("\"vector\""));
    let lines = "for i in 1 2; do echo $i >> /tmp/n; n=$(curl -s -o /dev/null -w '%{http_code}' http://web); echo $i $n >> /tmp/n; done; cat /tmp/n";
    assert_eq!(ask(lines).await.0, "1\n1 200\n2\n2 200\n", "nothing is done twice");
    let within = "sh -c 'echo a >> /tmp/m; curl -sf http://web/none; echo $? >> /tmp/m'; cat /tmp/m";
    assert_eq!(ask(within).await, ("a\n22\n".into(), String::new(), 0));
    services.world.put(Cause::service("grafana", Wrong::Status(503)));
    assert_eq!(ask("curl -s -o /dev/null -w '%{http_code}' http://grafana.observability:3000/").await.0, "503");
}

#[tokio::test]
async fn who_is_not_reached_is_told_as_the_tools_do() {
    let (services, place) = stage();
    let ask = |script: &'static str| ran(&place, script);
    let (_, err, code) = ask("wget -qO- http://nobody.nowhere").await;
    assert_eq!((err.as_str(), code), ("wget: bad address 'nobody.nowhere'\n", 1));
    let (_, err, code) = ask("curl -sS http://nobody").await;
    assert_eq!((err.as_str(), code), ("curl: (6) Could not resolve host: nobody\n", 6));
    assert_eq!(ask("curl -s http://nobody").await, (String::new(), String::new(), 6), "-s says nothing");
    let (_, err, code) = ask("curl -sS http://web:81").await;
    assert!(err.starts_with("curl: (7) Failed to connect to web port 81") && code == 7, "{err}");
    assert_eq!(ask("curl --nonesuch http://web").await.2, 2);
    assert_eq!(ask("nc -zv web 80").await.2, 0);
    assert!(ask("nslookup api.github.com").await.0.contains("203.0.113.11"));
    assert_eq!(ask("curl -s -o /dev/null -w '%{http_code}' https://api.github.com/zen").await.0, "200");
    let (_, err, code) = ask("curl -sS https://web:80").await;
    assert!(err.contains("wrong version number") && code == 35, "{err}");
    services.world.put(Cause::service("grafana", Wrong::Down));
    let (_, err, code) = ask("wget -qO- http://grafana.observability:3000").await;
    assert!(err.contains("Connection refused") && code == 1, "{err}");
    services.world.put(Cause::link("infra-01"));
    assert_eq!(ask("curl -s http://web").await.2, 6, "nobody tells it the address");
}

#[tokio::test]
async fn a_policy_stands_between() {
    let (services, place) = stage();
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "web", "namespace": "default" },
        "spec": { "podSelector": { "matchLabels": { "app.kubernetes.io/name": "web" } }, "policyTypes": ["Ingress"], "ingress": [] } });
    let now = services.now();
    assert_eq!(ran(&place, "wget -qO /dev/null http://web").await.2, 0);
    place.cluster.world().plant(&policy, now);
    let waits = ran(&place, "wget -qO- -T 3 http://web");
    tokio::pin!(waits);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waits).await;
    assert!(early.is_err(), "it waits by the lab's clock, which stands still: {early:?}");
}

#[tokio::test]
async fn a_containers_own_program_asks_while_others_go_on() {
    let (services, place) = stage();
    place.cluster.lie_in(&services.world);
    let mut container = place.container.clone();
    let script = "wget -qO /tmp/page http://web && head -n 1 /tmp/page; sleep 1000";
    container["command"] = json!(["sh", "-c", script]);
    let log = place.cluster.world().inside.logs.begin("u", "c");
    let mut now = services.now();
    let started = Process::start(&place.cluster.world(), &place.pod, &container, now, log.clone());
    let mut process = started.unwrap();
    for _ in 0..200 {
        process.run(&place.cluster.world(), &place.pod, &container, now);
        now += SignedDuration::from_millis(20);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let lines: Vec<String> = log.read(0).lines.into_iter().map(|line| line.text).collect();
    assert_eq!(lines, ["<!DOCTYPE html>"]);
}
