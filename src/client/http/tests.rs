//! Every way in which an answer can fail to come, and what is said then.

use std::time::Duration;

use super::*;
use crate::client::testing::{Tls, closed_port, socks_proxy, tls_web, web};

fn get(url: &str) -> Request {
    Request::new(Method::GET, url.parse().expect("a URL"), Duration::from_secs(2))
}

async fn send(request: &Request) -> Result<Answer> {
    Clients::default().send(&Routes::default(), request).await
}

#[tokio::test]
async fn a_whole_answer_has_status_headers_body_and_times() {
    let web = web().await;
    let answer = send(&get(&format!("http://{web}/json"))).await.unwrap();
    assert_eq!((answer.status, answer.version.as_str()), (200, "HTTP/1.1"));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body.text(), r#"{"ok":true,"items":[1,2]}"#);
    assert_eq!(answer.address, Some(web.to_string()));
    assert!(Duration::ZERO < answer.first_byte && answer.first_byte <= answer.total);
    assert_eq!(send(&get(&format!("http://{web}/chunked"))).await.unwrap().body.text(), "one two three");
    assert_eq!(send(&get(&format!("http://{web}/bytes"))).await.unwrap().body.bytes(), [0xff, 0xfe, 0, 0x41]);
    assert_eq!(send(&get(&format!("http://{web}/nowhere"))).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_body_is_sent_and_a_head_request_reads_none() {
    let web = web().await;
    let mut request = get(&format!("http://{web}/echo"));
    (request.method, request.body) = (Method::POST, "the body".into());
    assert_eq!(send(&request).await.unwrap().body.text(), "the body");
    let mut request = get(&format!("http://{web}/"));
    request.method = Method::HEAD;
    let answer = send(&request).await.unwrap();
    assert_eq!((answer.body.size(), answer.headers["content-length"].as_str()), (0, "19"));
}

#[tokio::test]
async fn redirects_are_followed_up_to_a_limit_or_not_at_all() {
    let web = web().await;
    let answer = send(&get(&format!("http://{web}/redirect/3"))).await.unwrap();
    assert_eq!((answer.status, answer.redirects, answer.url), (200, 4, format!("http://{web}/")));
    let mut request = get(&format!("http://{web}/redirect/3"));
    request.follow = 2;
    let error = send(&request).await.unwrap_err();
    assert!(error.message.contains("more than 2 redirects"), "{error}");
    assert!(error.causes[0].contains("/redirect/3 → "), "{error}");
    request.follow = 0;
    assert_eq!(send(&request).await.unwrap().status, 302);
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_server() {
    let (first, second) = (web().await, web().await);
    let mut request = get(&format!("http://{first}/away?http://{second}/request"));
    request.headers.insert(header::AUTHORIZATION, "Bearer abc".parse().unwrap());
    request.headers.insert("x-other", "kept".parse().unwrap());
    let text = send(&request).await.unwrap().body.text();
    assert!(!text.contains("Bearer abc") && text.contains("x-other: kept"), "{text}");
    request.url = format!("http://{first}/away?/request").parse().unwrap();
    let text = send(&request).await.unwrap().body.text();
    assert!(text.contains("Bearer abc"), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_too_big_is_an_error_and_not_cut() {
    let web = web().await;
    let mut request = get(&format!("http://{web}/endless"));
    request.max_size = 100_000;
    let error = send(&request).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreadable);
    assert!(error.message.contains("more than the limit of 100000 bytes"), "{error}");
    let mut request = get(&format!("http://{web}/broken"));
    request.max_size = 999;
    let error = send(&request).await.unwrap_err();
    assert!(error.message.contains("has 1000 bytes"), "{error}");
}

#[tokio::test]
async fn a_connection_that_ends_within_the_body_is_told_with_its_bytes() {
    let web = web().await;
    let error = send(&get(&format!("http://{web}/broken"))).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.contains(&format!("after 10 of 1000 bytes of the body at {web}")), "{error}");
}

#[tokio::test]
async fn when_the_time_is_up_it_says_how_far_it_came() {
    // One that accepts and says nothing, and one that never ends its answer.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().unwrap();
    let part = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let partly = part.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = part.accept().await.unwrap();
        let mut asked = [0; 1024];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut asked).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc";
        tokio::io::AsyncWriteExt::write_all(&mut stream, head).await.unwrap();
        std::future::pending::<()>().await;
    });
    for (at, says) in [
        (silent, format!("no answer within 300ms at {silent}, not even its head")),
        (partly, format!("no whole answer within 300ms at {partly}: its head came, and 3 of 10 bytes of its body")),
    ] {
        let request = get(&format!("http://{at}/x"));
        let limit = Duration::from_millis(300);
        let error = Clients::default().send_within(&Routes::default(), &request, limit).await.unwrap_err();
        assert_eq!(error.kind, Kind::Timeout);
        assert_eq!(error.message, format!("GET http://{at}/x: {says}"));
    }
    answering.abort();
}

#[tokio::test]
async fn refused_and_unknown_names_say_where() {
    let closed = closed_port().await;
    let error = send(&get(&format!("http://{closed}/x"))).await.unwrap_err();
    assert_eq!(error.to_string(), format!("GET http://{closed}/x: connection refused at {closed}"));
    assert_eq!(error.kind, Kind::Unreachable);
    let mut request = get("http://web.invalid/");
    request.connect_to = Some(closed);
    let error = send(&request).await.unwrap_err();
    assert!(error.message.contains(&format!("refused at {closed}")), "{error}");
}

#[tokio::test]
async fn an_address_can_stand_in_for_dns() {
    let web = web().await;
    for url in ["http://web.invalid/request", "http://192.0.2.1:81/request"] {
        let mut request = get(url);
        request.connect_to = Some(web);
        let answer = send(&request).await.unwrap();
        assert_eq!(answer.url, url);
        let host = url.trim_start_matches("http://").trim_end_matches("/request");
        assert!(answer.body.text().contains(&format!("host: {host}\"")), "{}", answer.body.text());
    }
}

#[tokio::test]
async fn bad_certificates_are_explained() {
    let good = Tls::new(&["web.test"], (2020, 2120));
    let expired = Tls::new(&["web.test"], (2020, 2021));
    for (tls, name, trust, says, authority) in [
        (&good, "other.test", good.trust(), "is for web.test, not for other.test", false),
        (&expired, "web.test", expired.trust(), "expired on 2021-01-01", false),
        (&good, "web.test", expired.trust(), "not trusted: ", true),
    ] {
        let mut request = get(&format!("https://{name}/"));
        (request.connect_to, request.trust) = (Some(tls_web(tls).await), trust);
        let error = send(&request).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable);
        assert!(error.message.contains(says), "{error}");
        // Another authority helps where that is what is wrong, and nowhere else.
        assert_eq!(error.hints[0].starts_with("ca: "), authority, "{error:?}");
    }
}

#[tokio::test]
async fn a_good_certificate_is_trusted_by_its_authority_and_a_bad_one_on_demand() {
    let tls = Tls::new(&["web.test"], (2020, 2120));
    let mut request = get("https://web.test/");
    (request.connect_to, request.trust) = (Some(tls_web(&tls).await), tls.trust());
    assert_eq!(send(&request).await.unwrap().status, 200);
    request.trust = Trust::Anyone;
    request.url = "https://other.test/".parse().unwrap();
    assert_eq!(send(&request).await.unwrap().status, 200);
}

#[tokio::test]
async fn https_to_a_plain_server_says_that_it_speaks_no_tls() {
    let web = web().await;
    let error = send(&get(&format!("https://{web}/"))).await.unwrap_err();
    assert!(error.message.contains(&format!("no connection at {web}")), "{error}");
    assert!(error.hints[0].contains("plain HTTP"), "{error:?}");
    let greeter = crate::client::testing::greeter("220 mail.test ready\r\n").await;
    let error = send(&get(&format!("https://{greeter}/"))).await.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a_network_of_the_configuration_goes_through_its_proxy() {
    let (web, proxy) = (web().await, socks_proxy().await);
    let networks = [("127.0.0.0/8".to_string(), format!("socks5://{proxy}"))].into();
    let routes = Routes::new(&networks).unwrap();
    let answer = Clients::default().send(&routes, &get(&format!("http://{web}/"))).await.unwrap();
    assert_eq!(answer.status, 200);
    let mut request = get("http://web.invalid/");
    request.connect_to = Some(web);
    assert_eq!(Clients::default().send(&routes, &request).await.unwrap().status, 200);
    let gone = closed_port().await;
    let routes = Routes::new(&[("127.0.0.0/8".to_string(), format!("socks5://{gone}"))].into()).unwrap();
    let error = Clients::default().send(&routes, &get(&format!("http://{web}/"))).await.unwrap_err();
    assert!(error.message.contains(&format!("through socks5://{gone}")), "{error}");
}
