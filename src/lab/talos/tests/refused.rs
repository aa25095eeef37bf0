//! Who is not let in, and what the client says of it.

use super::*;

#[tokio::test]
async fn a_client_certificate_that_ran_out_is_told_with_its_date() {
    let lab = Lab::new().await;
    let day = |days: i64| Timestamp::now().checked_sub(SignedDuration::from_hours(24 * days)).expect("a time");
    let (certificate, key) = lab.authority.client(Role::Admin, day(30), day(1)).expect("a certificate");
    let nodes = ["10.25.11.11".to_string()];
    let machines = lab.machines(context(&lab.endpoints(), &nodes, &lab.authority.pem(), &certificate, &key));
    let error = failed(&machines.version(&node("10.25.11.11")).await);
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(whole(&error).contains("the client certificate (O=os:admin) ran out on "), "{}", whole(&error));
}

#[tokio::test]
async fn certificates_of_another_authority_are_refused_by_both_sides() {
    let lab = Lab::new().await;
    let other = Authority::new().expect("an authority");
    let nodes = ["10.25.11.11".to_string()];
    let lines = other.context(Role::Admin, &lab.endpoints(), &nodes, Timestamp::now()).expect("a context");
    let error = failed(&lab.machines(lines).version(&node("10.25.11.11")).await);
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(whole(&error).contains("shows a certificate that is not accepted"), "{}", whole(&error));
    let now = Timestamp::now();
    let until = now.checked_add(SignedDuration::from_hours(1)).expect("a time");
    let (certificate, key) = other.client(Role::Admin, now, until).expect("a certificate");
    let lines = context(&lab.endpoints(), &nodes, &lab.authority.pem(), &certificate, &key);
    let error = failed(&lab.machines(lines).version(&node("10.25.11.11")).await);
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(whole(&error).contains("does not accept the client certificate"), "{}", whole(&error));
}

#[tokio::test]
async fn a_role_that_is_too_weak_is_forbidden() {
    let lab = Lab::new().await;
    let machines = lab.client(Role::Reader);
    assert!(machines.version(&node("10.25.11.11")).await[0].answer.is_ok());
    let error = machines.kubeconfig(&node("10.25.11.11")).await.expect_err("a reader");
    assert_eq!(error.kind, Kind::Forbidden);
    assert!(whole(&error).contains("node 10.25.11.11") && whole(&error).contains("os:admin"), "{}", whole(&error));
}

#[tokio::test]
async fn who_speaks_no_tls_or_shows_no_certificate_is_refused_and_the_server_lives_on() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let lab = Lab::new().await;
    let mut plain = tokio::net::TcpStream::connect(lab.serving[0].address).await.expect("connected");
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    let mut said = Vec::new();
    let _ = tokio::time::timeout(SECOND, plain.read_to_end(&mut said)).await.expect("it is closed");
    assert!(!String::from_utf8_lossy(&said).contains("HTTP/1.1 200"));
    let trust = crate::client::trust::Trust::Only(lab.authority.pem().into_bytes().into());
    let tls = Arc::new(trust.client_config(false, None).expect("a configuration"));
    let stream = tokio::net::TcpStream::connect(lab.serving[0].address).await.expect("connected");
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").expect("a name");
    let mut stream = tokio_rustls::TlsConnector::from(tls).connect(name, stream).await.expect("shaken hands");
    let refused = stream.read(&mut [0; 16]).await.expect_err("no certificate was shown");
    assert!(refused.to_string().contains("CertificateRequired"), "{refused}");
    assert!(lab.serving[0].runs());
    let machines = lab.admin();
    assert!(machines.version(&node("10.25.11.11")).await[0].answer.is_ok());
}
