//! The comparison, and what the lab answers by itself.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::config::Kubeconfig;
use pb::clock::{Clock, System};
use pb::lab::kube::cluster::Cluster;
use pb::lab::kube::server::{Server, kubeconfig};
use serde_json::Value;

use super::exceptions::{ROWS, codes_agree};
use super::side::Side;
use super::{normal, requests};
use crate::real::Real;

/// The system's clock, but nobody sleeps long: a watch of a second ends at once.
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> jiff::Timestamp {
        System.now()
    }

    fn instant(&self) -> Instant {
        System.instant()
    }

    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        System.sleep(span.min(Duration::from_millis(50)))
    }
}

/// A lab, and a client of it.
async fn lab(clock: Arc<dyn Clock>) -> (Arc<Cluster>, Server, Side) {
    let cluster = Cluster::new("infra", clock);
    let server = Server::start(Arc::clone(&cluster), 0).await.expect("the lab opens");
    let text = kubeconfig(std::slice::from_ref(&server.access));
    let side = Side::new(Kubeconfig::from_yaml(&text).expect("a kubeconfig"), "infra").await;
    (cluster, server, side)
}

#[test]
#[ignore = "needs the real clusters"]
fn real_the_lab_answers_as_a_real_server_does() {
    let _real = Real::alone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (report, agreed, differ) = runtime.block_on(compare());
    // Whoever comes next compares what there is before and after: nothing of this may still be on its way out.
    for (topic, _) in requests::all() {
        let namespace = format!("ns/compare-{topic}-{}", std::process::id());
        crate::real::kubectl(&["--context", "infra", "wait", "--for=delete", &namespace, "--timeout=120s"]);
    }
    assert!(differ == 0, "{agreed} answers agree, {differ} differ (first the real one's, then the lab's):\n{report}");
    assert!(agreed >= 80, "only {agreed} answers were compared");
}

async fn compare() -> (String, usize, usize) {
    let file = crate::real::kubeconfig();
    let real = Side::new(Kubeconfig::read_from(file).expect("a kubeconfig"), "infra").await;
    let (cluster, _server, lab) = lab(Arc::new(System)).await;
    let (mut report, mut agreed, mut differ) = (String::new(), 0, 0);
    for (topic, requests) in requests::all() {
        // A young server remembers everything. The real one forgets its first changes once there are many.
        let old = "/api/v1/podtemplates?watch=1&resourceVersion=1&timeoutSeconds=1";
        let told = crate::real::kubectl(&["--context", "infra", "get", "--raw", old]);
        if told.contains("too old resource version") {
            cluster.compact();
        }
        let namespace = format!("compare-{topic}-{}", std::process::id());
        let (theirs, ours) = tokio::join!(real.run(&namespace, &requests), lab.run(&namespace, &requests));
        for ((request, theirs), ours) in requests.iter().zip(&theirs).zip(&ours) {
            let (mut a, mut b) = (normal::answer(theirs, &namespace), normal::answer(ours, &namespace));
            if let Some((_, _, reason)) = ROWS.iter().find(|(t, title, _)| *t == topic && *title == request.title) {
                let length = usize::from(codes_agree(reason));
                a.truncate(length);
                b.truncate(length);
            }
            let mut differences = Vec::new();
            differing(&Value::Array(a), &Value::Array(b), "", &mut differences);
            if differences.is_empty() {
                agreed += 1;
                continue;
            }
            differ += 1;
            let _ = writeln!(report, "{topic}: {}", request.title);
            for (place, a, b) in differences.iter().take(6) {
                let _ = writeln!(report, "  {place}\n    {a}\n    {b}");
            }
        }
    }
    (report, agreed, differ)
}

/// Every place at which two values differ.
fn differing(a: &Value, b: &Value, place: &str, found: &mut Vec<(String, String, String)>) {
    let empty = Value::Null;
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            for key in x.keys().chain(y.keys().filter(|k| !x.contains_key(*k))) {
                differing(x.get(key).unwrap_or(&empty), y.get(key).unwrap_or(&empty), &format!("{place}/{key}"), found);
            }
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            for (at, (x, y)) in x.iter().zip(y).enumerate() {
                differing(x, y, &format!("{place}/{at}"), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push((place.to_owned(), a.to_string(), b.to_string())),
    }
}

/// The codes and reasons of all answers, so that a change is seen without a real cluster.
#[test]
fn the_lab_answers_every_request_of_the_tables() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let text = runtime.block_on(async {
        let (cluster, _server, lab) = lab(Arc::new(Hasty)).await;
        let mut text = String::new();
        for (topic, requests) in requests::all() {
            cluster.compact();
            let answers = lab.run(&format!("table-{topic}"), &requests).await;
            for (request, answer) in requests.iter().zip(&answers) {
                let value: Value =
                    serde_json::from_str(answer.text.lines().next().unwrap_or_default()).unwrap_or_default();
                let what =
                    value["reason"].as_str().or(value["kind"].as_str()).or(value["type"].as_str()).unwrap_or("-");
                let _ = writeln!(text, "{} {what:<20} {topic}: {}", answer.code, request.title);
            }
        }
        text
    });
    insta::assert_snapshot!("lab_answers", text);
}
