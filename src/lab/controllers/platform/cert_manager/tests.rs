//! cert-manager: certificates that are true, renewed in time, and told of when nobody issues them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::testing::Bench;
use super::x509::read;
use crate::lab::world::{Cause, Wrong};

const CERT: &str = "certificates.cert-manager.io";
const ISSUER: &str = "clusterissuers.cert-manager.io";
const NS: &str = "kube-system";
const NAME: &str = "wildcard-tls";

#[test]
fn a_certificate_is_true_and_renewed() {
    let mut bench = Bench::new("monosense", "infra");
    assert_eq!(bench.told(CERT, NS, NAME, "Ready"), "True Ready: Certificate is up to date and has not expired");
    let pem =
        |bench: &Bench| STANDARD.decode(bench.get("secrets", NS, NAME)["data"]["tls.crt"].as_str().unwrap()).unwrap();
    let first = read(&pem(&bench)).unwrap();
    assert_eq!(first.names, ["*.monosense.io", "monosense.io"]);
    assert_eq!(bench.get(CERT, NS, NAME)["status"]["notAfter"], first.until.to_string());
    assert_eq!(
        bench.told(ISSUER, "", "letsencrypt-production", "Ready"),
        "True ACMEAccountRegistered: The ACME account was registered with the ACME server"
    );
    bench.delete("secrets", NS, NAME);
    bench.look();
    assert_eq!(bench.told(CERT, NS, NAME, "Ready"), "False DoesNotExist: Issuing certificate as Secret does not exist");
    bench.pass(40);
    assert!(bench.told(CERT, NS, NAME, "Ready").starts_with("True"), "{:#}", bench.get(CERT, NS, NAME)["status"]);
    assert_eq!(bench.get(CERT, NS, NAME)["status"]["revision"], 2);
    bench.clock.jump(std::time::Duration::from_secs(70 * 86_400));
    bench.pass(60);
    let again = read(&pem(&bench)).unwrap();
    assert!(again.until > first.until, "{again:?}");
}

#[test]
fn an_issuer_that_is_not_there_or_not_reached_leaves_it_pending() {
    let mut bench = Bench::new("monosense", "infra");
    bench.change(CERT, NS, NAME, |one| one["spec"]["issuerRef"]["name"] = "letsencrypt-prod".into());
    bench.pass(30);
    assert!(bench.told(CERT, NS, NAME, "Ready").contains("IncorrectIssuer"), "{}", bench.told(CERT, NS, NAME, "Ready"));
    let told = bench.told("certificaterequests.cert-manager.io", NS, "wildcard-tls-2", "Ready");
    assert_eq!(
        told,
        "False Pending: Referenced \"ClusterIssuer\" not found: clusterissuer.cert-manager.io \"letsencrypt-prod\" not found"
    );
    bench.change(CERT, NS, NAME, |one| one["spec"]["issuerRef"]["name"] = "letsencrypt-production".into());
    bench.world.put(Cause::service("letsencrypt", Wrong::Down));
    bench.pass(60);
    assert!(
        bench
            .told("certificaterequests.cert-manager.io", NS, "wildcard-tls-2", "Ready")
            .contains("Waiting on certificate issuance from order")
    );
    bench.world.lift(&Cause::service("letsencrypt", Wrong::Down));
    bench.pass(60);
    assert!(bench.told(CERT, NS, NAME, "Ready").starts_with("True"), "{:#}", bench.get(CERT, NS, NAME)["status"]);
    bench.change(ISSUER, "", "letsencrypt-staging", |one| {
        one["spec"]["acme"]["server"] = "https://acme.nowhere.example/directory".into();
    });
    bench.look();
    assert!(bench.told(ISSUER, "", "letsencrypt-staging", "Ready").contains("no such host"));
}

#[test]
fn an_own_authority_signs_what_is_asked_for() {
    let mut bench = Bench::new("monosense", "infra");
    bench.create(&json!({ "apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": { "name": "own", "namespace": "default" }, "spec": { "selfSigned": {} } }));
    bench.create(&json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": { "name": "web", "namespace": "default" },
        "spec": { "secretName": "web", "dnsNames": ["web.example"], "duration": "24h", "issuerRef": { "name": "own" } } }));
    bench.pass(10);
    assert!(
        bench.told(CERT, "default", "web", "Ready").starts_with("True"),
        "{:#}",
        bench.get(CERT, "default", "web")["status"]
    );
    let pem = STANDARD.decode(bench.get("secrets", "default", "web")["data"]["tls.crt"].as_str().unwrap()).unwrap();
    let read = read(&pem).unwrap();
    assert_eq!(read.until.duration_since(read.from).as_hours(), 24);
}
