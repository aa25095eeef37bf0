//! The client against a server of the test's own, for what a real one does not do on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::logs::{LogsRequest, logs};
use super::target::Target;
use super::{Change, Cluster, Inner, Query, cut, discovery::known};
use crate::error::Kind;

/// The requests that a server saw.
type Asked = Arc<Mutex<Vec<String>>>;

/// At the end of an answer: the connection stays open and says no more.
const SILENT: &str = "(silent from here on)";

/// A server that answers each request by its number (from 0) and its path.
async fn server(answer: impl Fn(usize, &str) -> (u16, String) + Send + 'static) -> (Cluster, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Asked::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = head_of(&mut stream).await;
            // A body that is left unread would reset the connection when it is closed.
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            let _ = stream.read_exact(&mut body).await;
            let path = head.split(' ').nth(1).unwrap_or_default().to_string();
            let number = seen.lock().expect("not poisoned").len();
            seen.lock().expect("not poisoned").push(path.clone());
            let (code, body) = answer(number, &path);
            let said = body.strip_suffix(SILENT).unwrap_or(&body);
            let reply =
                format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{said}");
            let _ = stream.write_all(reply.as_bytes()).await;
            if said != body {
                silent.push(stream);
            }
        }
    });
    (cluster(address), asked)
}

async fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|n| n > 0) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).to_string()
}

fn cluster(address: String) -> Cluster {
    let mut config = kube::Config::new(address.parse().expect("a URL"));
    config.default_retry = false;
    let inner = Inner {
        name: "test".into(),
        context: "test".into(),
        server: address,
        proxy: None,
        loopback: true,
        certificate: None,
        client: kube::Client::try_from(config).expect("a client"),
        catalogue: tokio::sync::Mutex::default(),
    };
    Cluster { inner: Arc::new(inner) }
}

fn page(names: &[&str], next: &str) -> String {
    let items: Vec<String> =
        names.iter().map(|n| format!(r#"{{"metadata":{{"name":"{n}","resourceVersion":"5"}}}}"#)).collect();
    format!(
        r#"{{"kind":"PodList","metadata":{{"resourceVersion":"7","continue":"{next}"}},"items":[{}]}}"#,
        items.join(",")
    )
}

fn status(code: u16, message: &str) -> String {
    format!(r#"{{"kind":"Status","status":"Failure","message":"{message}","code":{code}}}"#)
}

fn run<F: Future>(future: F) -> F::Output {
    crate::host::testing::runtime().block_on(future)
}

#[test]
fn a_list_whose_token_ran_out_begins_again_once() {
    run(async {
        let (cluster, asked) = server(|number, _| match number {
            0 => (200, page(&["old"], "t1")),
            1 => (410, status(410, "too old")),
            2 => (200, page(&["a"], "t2")),
            _ => (200, page(&["b"], "")),
        })
        .await;
        let pods = known("pods").expect("known");
        let pages = cluster.list(&pods, &Query::default()).await.expect("a list");
        let text: String = pages.iter().map(|p| p.text.clone()).collect();
        assert!(text.contains(r#""a""#) && text.contains(r#""b""#) && !text.contains("old"), "{text}");
        assert_eq!(asked.lock().expect("not poisoned").len(), 4);
        let (cluster, _) =
            server(|number, _| if number % 2 == 0 { (200, page(&["a"], "t")) } else { (410, status(410, "too old")) })
                .await;
        let error = cluster.list(&pods, &Query::default()).await.expect_err("it never ends");
        assert!(error.message.contains("gone (410)"), "{error}");
    });
}

#[test]
fn the_next_page_is_asked_for_while_the_former_still_comes() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let served = async {
            let long = "x".repeat(cut::HEAD);
            let (first, second) = (page(&[&long, "a"], "t1"), page(&["b"], ""));
            let (begun, rest) = first.split_at(cut::HEAD);
            let head = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let (mut one, _) = listener.accept().await.expect("a connection");
            head_of(&mut one).await;
            one.write_all((head(&first) + begun).as_bytes()).await.expect("written");
            // The first answer goes on only when the second request is there.
            let (mut two, _) = listener.accept().await.expect("a connection");
            let asked = head_of(&mut two).await;
            one.write_all(rest.as_bytes()).await.expect("written");
            two.write_all((head(&second) + second.as_str()).as_bytes()).await.expect("written");
            asked
        };
        let (cluster, pods) = (cluster(address), known("pods").expect("known"));
        let query = Query::default();
        let both = async { futures::join!(cluster.list(&pods, &query), served) };
        let (pages, asked) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("nobody waits for ever");
        let counts: Vec<usize> = pages.expect("a list").iter().map(|p| p.items.len()).collect();
        assert_eq!(counts, [2, 1]);
        assert!(asked.contains("continue=t1"), "{asked}");
    });
}

#[test]
fn a_list_that_breaks_off_is_an_error() {
    run(async {
        let (cluster, _) = server(|_, _| (200, page(&["a"], "")[..60].to_string())).await;
        let error = cluster.list(&known("pods").expect("known"), &Query::default()).await.expect_err("half a list");
        assert_eq!(error.kind, Kind::Unreadable);
    });
}

#[test]
fn a_watch_that_went_silent_lists_again() {
    run(async {
        let event = r#"{"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"b","resourceVersion":"8"}}}"#;
        let (cluster, asked) = server(move |number, _| match number {
            0 => (200, page(&["a"], "")),
            1 => (200, format!("{event}\n{SILENT}")),
            _ => (200, page(&["c"], "")),
        })
        .await;
        let mut watch = cluster.watch(&known("pods").expect("known"), Query::default());
        assert_eq!(watch.silence, Duration::from_secs(90), "as the design says");
        watch.silence = Duration::from_millis(500);
        assert!(matches!(watch.next().await, Ok(Change::Listed(pages)) if pages[0].text.contains(r#""a""#)));
        assert!(matches!(watch.next().await, Ok(Change::Set(text)) if text.contains(r#""b""#)));
        assert!(matches!(watch.next().await, Ok(Change::Listed(pages)) if pages[0].text.contains(r#""c""#)));
        let asked = asked.lock().expect("not poisoned");
        assert!(asked[1].contains("watch=1") && !asked[2].contains("watch=1"), "{asked:?}");
    });
}

#[test]
fn a_watch_goes_on_from_its_bookmark_and_lists_again_after_410() {
    run(async {
        let event = |kind: &str, name: &str, version: u32| {
            format!(
                "{{\"type\":\"{kind}\",\"object\":{{\"kind\":\"Pod\",\"metadata\":{{\"name\":\"{name}\",\"resourceVersion\":\"{version}\"}}}}}}\n"
            )
        };
        let (cluster, asked) = server(move |number, _| match number {
            0 => (200, page(&["a"], "")),
            1 => (200, [event("ADDED", "b", 8), event("BOOKMARK", "", 20)].concat()),
            2 => (200, format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status(410, "too old"))),
            _ => (200, page(&["c"], "")),
        })
        .await;
        let mut watch = cluster.watch(&known("pods").expect("known"), Query::default());
        assert!(matches!(watch.next().await, Ok(Change::Listed(pages)) if pages[0].items.len() == 1));
        assert!(matches!(watch.next().await, Ok(Change::Set(text)) if text.contains(r#""b""#)));
        assert!(matches!(watch.next().await, Ok(Change::Listed(pages)) if pages[0].text.contains(r#""c""#)));
        let asked = asked.lock().expect("not poisoned");
        assert!(asked[1].contains("resourceVersion=7") && asked[2].contains("resourceVersion=20"), "{asked:?}");
    });
}

#[test]
fn aggregated_discovery_takes_two_requests_and_names_what_is_stale() {
    run(async {
        let (cluster, asked) = server(|_, path| {
            let group = |name: &str, version: &str| format!(r#"{{"kind":"APIGroupDiscoveryList","items":[{{"metadata":{{"name":"{name}"}},"versions":[{version}]}}, {{"metadata":{{"name":"metrics.k8s.io"}},"versions":[{{"version":"v1beta1","freshness":"Stale","resources":[]}}]}}]}}"#);
            let version = r#"{"version":"v1","freshness":"Current","resources":[{"resource":"gizmos","responseKind":{"group":"","version":"","kind":"Gizmo"},"scope":"Namespaced","singularResource":"gizmo","verbs":["get"],"shortNames":["gz"],"subresources":[{"subresource":"status","verbs":["get"]}]}]}"#;
            if path == "/api" { (200, r#"{"kind":"APIGroupDiscoveryList","items":[]}"#.into()) } else { (200, group("x.io", version)) }
        })
        .await;
        let gizmo = cluster.resolve("gz").await.expect("found");
        assert_eq!(
            (gizmo.api_version().as_str(), gizmo.kind.as_str(), gizmo.subresources),
            ("x.io/v1", "Gizmo", vec!["status".to_string()])
        );
        assert_eq!(cluster.resolve("gizmos.x").await.map(|r| r.plural), Ok("gizmos".into()));
        assert_eq!(asked.lock().expect("not poisoned").len(), 2);
        let unknown = cluster.resolve("nodemetrics").await.expect_err("unknown");
        assert_eq!(unknown.kind, Kind::UnknownKind);
        assert!(
            unknown.hints.iter().any(|h| h.starts_with("metrics.k8s.io/v1beta1 could not be asked")),
            "{unknown:?}"
        );
        assert_eq!(asked.lock().expect("not poisoned").len(), 4, "asked again once");
    });
}

#[test]
fn a_broken_group_of_an_old_server_is_tolerated_and_named() {
    run(async {
        let (cluster, _) = server(|_, path| match path {
            "/api" => (200, r#"{"kind":"APIVersions","versions":["v1"]}"#.into()),
            "/apis" => {
                let group = |g: &str| format!(r#"{{"name":"{g}","versions":[{{"groupVersion":"{g}/v1"}}],"preferredVersion":{{"groupVersion":"{g}/v1"}}}}"#);
                (200, format!(r#"{{"kind":"APIGroupList","groups":[{},{}]}}"#, group("down.io"), group("up.io")))
            }
            "/apis/down.io/v1" => (503, "no endpoints".into()),
            "/apis/up.io/v1" => (200, r#"{"kind":"APIResourceList","resources":[{"name":"things","singularName":"thing","namespaced":true,"kind":"Thing","verbs":["get"],"shortNames":["th"]},{"name":"things/status","kind":"Thing","verbs":["get"]}]}"#.into()),
            _ => (200, r#"{"kind":"APIResourceList","resources":[]}"#.into()),
        })
        .await;
        assert_eq!(
            cluster.resolve("th").await.map(|r| (r.plural, r.subresources)),
            Ok(("things".into(), vec!["status".into()]))
        );
        let catalogue = cluster.kinds().await.expect("known");
        assert_eq!(catalogue.broken.iter().map(|b| b.0.as_str()).collect::<Vec<_>>(), ["down.io/v1"]);
        assert!(catalogue.broken[0].1.contains("503: no endpoints"), "{:?}", catalogue.broken);
    });
}

#[test]
fn a_kubelets_words_in_place_of_a_log_are_asked_again_and_no_log() {
    const WORDS: &str = "unable to retrieve container logs for containerd://0123abcd";
    let asks = |answers: &'static [&'static str]| {
        run(async move {
            let answer = move |number: usize, _: &str| (200, answers[number.min(answers.len() - 1)].to_string());
            let (cluster, asked) = server(answer).await;
            let request = LogsRequest::of(Target::parse("shop", "web").expect("a pod"));
            let read = logs(&cluster, &request).await;
            let count = asked.lock().expect("not poisoned").len();
            (read, count)
        })
    };
    let (read, count) = asks(&[WORDS, "one\ntwo\n"]);
    assert_eq!((read.expect("a log").as_str(), count), ("one\ntwo", 2));
    let (read, count) = asks(&["unable to retrieve container logs for containerd://0123abcd\n"]);
    assert_eq!((read.expect("a program's").as_str(), count), (WORDS, 1));
    let (read, count) = asks(&[WORDS]);
    let error = read.expect_err("never a log");
    assert_eq!((error.kind, error.causes[0].as_str()), (Kind::Unreadable, WORDS), "{error}");
    assert!((3..20).contains(&count), "{count}");
}

#[test]
fn a_pod_that_is_not_there_is_named_itself_and_not_what_was_wanted_of_it() {
    let refused = |code: u16, details: &str, message: &str, what: &str| {
        let text = format!(
            r#"{{"kind":"Status","status":"Failure","message":{message:?},"code":{code},"details":{details}}}"#
        );
        run(async {
            let (cluster, _) = server(|_, _| (200, String::new())).await;
            cluster.refusal(&serde_json::from_str(&text).expect("a status"), what)
        })
    };
    let nope = r#"{"name":"nope","kind":"pods"}"#;
    for what in ["exec cat in /x in Pod default/nope", "the log of Pod default/nope", "Pod default/nope"] {
        let error = refused(404, nope, "pods \"nope\" not found", what);
        assert_eq!((error.kind, error.message.as_str()), (Kind::NotFound, "no Pod default/nope on cluster test"));
    }
    let misspelt = "failed to create typed patch object: .spec.replica: field not declared in schema";
    assert_eq!(refused(500, "{}", misspelt, "Deployment web/shop").kind, Kind::Invalid);
    assert_eq!(refused(500, "{}", "etcdserver: request timed out", "Deployment web/shop").kind, Kind::Unreachable);
    assert_eq!(refused(503, "{}", misspelt, "Deployment web/shop").kind, Kind::Unreachable);
}

#[test]
fn refusals_are_told_apart_and_nothing_is_tried_twice() {
    run(async {
        let cases = [
            (401, Kind::Unauthorized),
            (403, Kind::Forbidden),
            (404, Kind::UnknownKind),
            (409, Kind::Conflict),
            (422, Kind::Invalid),
            (500, Kind::Unreachable),
            (429, Kind::Unreachable),
        ];
        for (code, kind) in cases {
            let (cluster, asked) = server(move |_, _| (code, status(code, "said"))).await;
            let pods = known("pods").expect("known");
            let error = cluster.create(&pods, Some("web"), "a", "{}".into()).await.expect_err("refused");
            assert_eq!(error.kind, kind, "{code}: {error}");
            assert_eq!(asked.lock().expect("not poisoned").len(), 1, "{code}");
        }
    });
}
