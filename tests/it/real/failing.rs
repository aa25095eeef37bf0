//! What cannot be found out on real things: kinds that are not there, keys that do not fit.

use super::{Real, router_dir};

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_kind_that_the_cluster_lacks_is_errored_and_named() {
    let real = Real::alone();
    let ran = real
        .test("")
        .file(
            "k.rhai",
            r#"playbook(#{ id: "k" });
               step("s", #{ on: "infra" }, |t| { expect(t.kube.list("ciliumloadbalancerippools.cilium.io"), "pools").not_to_be_empty(); });
               step("near", #{ on: "infra" }, |t| { t.kube.list("deploymets"); });"#,
        )
        .pb("run k.rhai --report json=report.json")
        .code(3)
        .says(&["ciliumloadbalancerippools.cilium.io", "infra", "did you mean \"deployments\"?"]);
    assert_eq!(ran.outcome("k/s@infra"), "errored");
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_key_that_the_router_does_not_know_is_refused() {
    let real = Real::alone();
    let test = real.test("");
    let key = test.path().join("other");
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.expect("ssh-keygen runs").success());
    let toml = std::fs::read_to_string(test.path().join("pb.toml")).expect("pb.toml");
    let own = router_dir().join("id_ed25519").display().to_string();
    let toml = toml.replace(&own, &key.display().to_string());
    test.toml(&toml).pb("run t5 --only bgp-sessions --cluster infra").code(3).says(&["edge-1", "netops"]);
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_changed_host_key_is_refused_with_both_fingerprints() {
    let real = Real::alone();
    let test = real.test("");
    let key = test.path().join("host");
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.expect("ssh-keygen runs").success());
    let public = std::fs::read_to_string(key.with_extension("pub")).expect("a key");
    let toml = std::fs::read_to_string(test.path().join("pb.toml")).expect("pb.toml");
    let own = router_dir().join("known_hosts").display().to_string();
    let file = test.path().join("changed").display().to_string();
    let ran = test
        .file("changed", format!("10.99.0.1 {public}"))
        .toml(&toml.replace(&own, &file))
        .pb("run t5 --only bgp-sessions --cluster infra")
        .code(3)
        .says(&["changed", "SHA256:"]);
    assert_eq!(ran.out().matches("SHA256:").collect::<Vec<_>>().len() % 2, 0, "both fingerprints");
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_client_certificate_that_ran_out_is_named_with_its_date() {
    let real = Real::alone();
    let test = real.test("");
    let dir = test.path().display().to_string();
    let cluster = super::kubeconfig().with_file_name("infra");
    let ca = cluster.join("pki/ca").display().to_string();
    let script = format!(
        "cd {dir} && touch index.txt && echo 01 > serial && \
         printf '[ca]\\ndefault_ca=d\\n[d]\\nnew_certs_dir=.\\ndatabase=index.txt\\nserial=serial\\ndefault_md=sha256\\npolicy=p\\nx509_extensions=x\\n[x]\\nbasicConstraints=CA:FALSE\\n[p]\\ncommonName=supplied\\norganizationName=optional\\n' > ca.cnf && \
         openssl req -newkey rsa:2048 -nodes -keyout old.key -out old.csr -subj /O=system:masters/CN=admin && \
         openssl ca -batch -config ca.cnf -in old.csr -out old.pem -cert {ca}.crt -keyfile {ca}.key -preserveDN -noemailDN \
           -startdate 20200101000000Z -enddate 20200201000000Z -notext && \
         cp {kubeconfig} kc && kubectl --kubeconfig kc config set-credentials infra-admin --client-certificate=old.pem --client-key=old.key --embed-certs",
        kubeconfig = super::kubeconfig().display(),
    );
    let made = std::process::Command::new("bash").args(["-euc", &script]).output().expect("bash runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    test.toml("[clusters.infra]\nkubeconfig = \"kc\"\n")
        .playbook(r#"step("s", #{ on: "infra" }, |t| { t.kube.list("pods"); });"#)
        .pb("run p.rhai")
        .code(3)
        .says(&["cluster infra", "certificate", "2020-02-01"]);
}
