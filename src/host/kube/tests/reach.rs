//! Clusters that can't be asked: each way has its own words, with the address and the date.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rhai::Dynamic;

use super::{KUBECONFIG, config};
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::context::Context;
use crate::host::kube::ClusterHandle;
use crate::host::testing;

const PKI: &str = "/var/tmp/realkube/infra/pki";

/// The error of asking a cluster for its version.
fn unreachable(kubeconfig: PathBuf, context: &str) -> Error {
    let world = testing::world(config(Some(("other", kubeconfig, context))));
    let context = Context::new(world, "test/step", None, Effect::Read, None);
    let _entered = context.enter();
    let engine = crate::script::engine::build();
    let result = engine.eval::<Dynamic>(r#"kube("other").version()"#);
    crate::script::diagnose::from_rhai(&result.expect_err("it can't be asked"), None)
}

/// A kubeconfig in a folder of its own: realkube's with these words replaced.
fn kubeconfig(folder: &str, replace: &[(&str, &str)]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("pb-kube-{}-{folder}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut text = std::fs::read_to_string(KUBECONFIG).expect("realkube's kubeconfig");
    for (from, to) in replace {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = folder.join("kubeconfig");
    std::fs::write(&file, text).expect("written");
    file
}

fn shell(script: &str) {
    let output = Command::new("bash").args(["-euc", script]).output().expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A certificate and key that ran out in 2020, signed by `ca` (its `.crt` and `.key`).
fn expired(folder: &std::path::Path, subject: &str, ca: &str) {
    shell(&format!(
        "cd {}; touch index.txt; printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\nrand_serial=yes\\ndefault_md=sha256\\npolicy=p\\nnew_certs_dir=.\\nx509_extensions=x\\n[p]\\n[x]\\nsubjectAltName=IP:127.0.0.1\\n' > ca.cnf; \
         openssl req -newkey rsa:2048 -nodes -keyout old.key -out old.csr -subj {subject}; \
         openssl ca -batch -config ca.cnf -in old.csr -out old.pem -cert {ca}.crt -keyfile {ca}.key -preserveDN -noemailDN \
         -startdate 20200101000000Z -enddate 20200201000000Z -notext -subj {subject}",
        folder.display()
    ));
}

#[test]
#[ignore = "needs the real clusters"]
fn real_what_can_not_be_reached_says_why() {
    let unknown = unreachable(KUBECONFIG.into(), "infa");
    assert_eq!(unknown.kind, Kind::Config);
    assert!(unknown.message.contains("no context \"infa\""), "{unknown}");
    assert!(unknown.hints.iter().any(|h| h == "did you mean \"infra\"?"), "{:?}", unknown.hints);

    let missing = unreachable("/no/such/kubeconfig".into(), "infra");
    assert_eq!(missing.kind, Kind::Config);
    assert!(missing.message.contains("/no/such/kubeconfig"), "{missing}");

    let refused = unreachable(kubeconfig("refused", &[("127.0.0.1:20443", "127.0.0.1:1")]), "infra");
    assert_eq!(refused.kind, Kind::Unreachable);
    assert_eq!(refused.message, "cluster other: https://127.0.0.1:1 refuses the connection");

    let started = Instant::now();
    let silent = unreachable(kubeconfig("silent", &[("127.0.0.1:20443", "192.0.2.1:6443")]), "infra");
    assert_eq!(silent.kind, Kind::Unreachable, "{silent}");
    assert!(silent.message.starts_with("cluster other: https://192.0.2.1:6443 "), "{silent}");
    assert!(started.elapsed() < Duration::from_secs(7), "within the connect deadline");

    let config = testing::world(config(None));
    let context = Context::new(config, "test/step", None, Effect::Read, None);
    let unknown = ClusterHandle::of(&context, "infa").expect_err("no such cluster");
    assert_eq!(unknown.kind, Kind::Config);
    assert!(unknown.hints.iter().any(|h| h == "did you mean \"infra\"?"), "{unknown:?}");
}

#[test]
#[ignore = "needs the real clusters"]
fn real_an_expired_client_certificate_is_named_with_its_date() {
    let file = kubeconfig("client", &[]);
    let folder = file.parent().expect("a folder");
    expired(folder, "/O=system:masters/CN=old", &format!("{PKI}/ca"));
    shell(&format!(
        "cd {}; export KUBECONFIG=$PWD/kubeconfig; kubectl config set-credentials old --client-certificate=old.pem --client-key=old.key; \
         kubectl config set-context old --cluster=infra --user=old",
        folder.display()
    ));
    let error = unreachable(file, "old");
    assert_eq!(error.kind, Kind::Unauthorized, "{error:?}");
    assert!(error.message.contains("https://127.0.0.1:20443"), "{error}");
    assert!(
        error.causes.iter().any(|c| c.contains("CN=old") && c.contains("ran out on 2020-02-01 00:00 UTC")),
        "{error:?}"
    );
}

#[test]
#[ignore = "needs the real clusters"]
fn real_an_expired_server_certificate_is_named_with_its_date() {
    let file = kubeconfig("server", &[("127.0.0.1:20443", "127.0.0.1:20993")]);
    let folder = file.parent().expect("a folder");
    expired(folder, "/CN=127.0.0.1", &format!("{PKI}/ca"));
    let mut server = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", "127.0.0.1:20993", "-cert", "old.pem", "-key", "old.key"])
        .current_dir(folder)
        .spawn()
        .expect("a server");
    std::thread::sleep(Duration::from_millis(500));
    let error = unreachable(file, "infra");
    let _ = server.kill();
    let _ = server.wait();
    assert_eq!(error.kind, Kind::Unauthorized, "{error:?}");
    assert_eq!(
        error.message,
        "cluster other: https://127.0.0.1:20993: the server's certificate ran out on 2020-02-01 00:00 UTC"
    );
}

#[test]
#[ignore = "needs the real clusters"]
fn real_another_clusters_certificate_is_told_from_an_expired_one() {
    let file = kubeconfig("swapped", &[("127.0.0.1:20443", "127.0.0.1:21443")]);
    let error = unreachable(file, "infra");
    assert_eq!(error.kind, Kind::Unauthorized, "{error:?}");
    assert!(error.message.contains("not signed by the authority"), "{error}");
}
