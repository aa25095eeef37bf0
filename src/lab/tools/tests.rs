//! Stand-ins on the platform as it was built.

use super::*;
use crate::lab::clock::LabClock;
use crate::lab::up::Lab;
use crate::lab::world::{Cause, Wrong, read};

/// An open lab, and what a tool printed to both streams with its code.
async fn open() -> (Lab, tempfile::TempDir, Bench) {
    let dir = tempfile::tempdir().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lab = Lab::open(read::embedded("monosense").unwrap(), LabClock::real(), dir.path()).await.unwrap();
    let bench = Bench::new(lab.services.clone()).with_talosconfig(dir.path().join("talosconfig"));
    (lab, dir, bench)
}

async fn ran(bench: &Bench, line: &str, stdin: &str) -> (String, String, i32) {
    let words = shlex::split(line).unwrap();
    let call = Call { name: words[0].clone(), args: words[1..].to_vec(), dir: "/".into(), stdin: stdin.into() };
    let (say, mut said) = Say::new();
    let tool = named(&words[0]).unwrap();
    let code = match tool.here(&call) {
        Some(ended) => return (ended.out, ended.err, ended.code),
        None => tool.there(bench, &call, &say).await,
    };
    drop(say);
    let (mut out, mut err) = (String::new(), String::new());
    while let Some((to_err, text)) = said.recv().await {
        if to_err { err.push_str(&text) } else { out.push_str(&text) }
    }
    (out, err, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tool_says_its_version_and_what_it_does_not_know() {
    let (_lab, _dir, bench) = open().await;
    for tool in &TOOLS {
        let (out, _, code) = ran(&bench, &format!("{} --version", tool.name), "").await;
        assert!(code == 0 && out.contains('.'), "{}: {out}", tool.name);
        if !matches!(tool.name, "task" | "kubeconform") {
            let (_, err, code) = ran(&bench, &format!("{} dance", tool.name), "").await;
            assert!(code == NOT_SIMULATED && err.contains("not simulated by the lab"), "{}: {err}", tool.name);
        }
    }
    assert_eq!(ran(&bench, "task dance", "").await.2, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cilium_tells_of_agents_and_of_the_mesh() {
    let (lab, _dir, bench) = open().await;
    let (out, err, code) = ran(&bench, "cilium --context=infra status", "").await;
    assert!(code == 0 && out.contains("Operator:           OK"), "{out}{err}");
    let (out, _, code) = ran(&bench, "cilium --context=infra clustermesh status", "").await;
    assert!(code == 0 && out.contains("- apps: 3/3 configured, 3/3 connected"), "{out}");
    let (out, _, code) =
        ran(&bench, "cilium --context=infra connectivity test --test pod-to-pod,pod-to-service", "").await;
    assert!(code == 0 && out.contains("All 2 tests"), "{out}");
    lab.world.put(Cause::process("infra-02", "cilium-agent"));
    let (out, _, code) = ran(&bench, "cilium --context infra status", "").await;
    assert!(code == 1 && out.contains("cilium-agent of infra-02"), "{out}");
    let (out, ..) = ran(&bench, "cilium bgp peers", "").await;
    assert!(out.lines().any(|line| line.starts_with("infra-02") && line.contains("active")), "{out}");
    lab.world.put(Cause::Cut { from: "infra".into(), to: "apps".into() });
    let (out, _, code) = ran(&bench, "cilium clustermesh status", "").await;
    assert!(code == 1 && out.contains("0/3 connected"), "{out}");
    assert_eq!(ran(&bench, "cilium --context=mars status", "").await.2, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn flux_gets_reconciles_and_suspends() {
    let (_lab, _dir, bench) = open().await;
    let (out, err, code) = ran(&bench, "flux --context=infra get kustomizations -A", "").await;
    assert!(code == 0 && out.starts_with("NAMESPACE") && out.lines().count() > 5, "{out}{err}");
    let line = out.lines().find(|line| line.contains("cilium")).unwrap().to_string();
    let name = line.split_whitespace().nth(1).unwrap();
    let (out, err, code) =
        ran(&bench, &format!("flux reconcile kustomization {name} --with-source --timeout 60s"), "").await;
    assert!(code == 0 && out.contains("✔ applied revision"), "{out}{err}");
    assert_eq!(ran(&bench, &format!("flux suspend kustomization {name}"), "").await.2, 0);
    let (out, ..) = ran(&bench, &format!("flux get ks {name}"), "").await;
    assert!(out.lines().nth(1).is_some_and(|line| line.contains("True")), "{out}");
    let (_, err, code) = ran(&bench, &format!("flux reconcile ks {name}"), "").await;
    assert!(code == 1 && err.contains("resource is suspended"), "{err}");
    assert_eq!(ran(&bench, &format!("flux resume ks {name} --timeout 60s"), "").await.2, 0);
    let (_, err, code) = ran(&bench, "flux reconcile kustomization nowhere", "").await;
    assert!(code == 1 && err.contains("not found"), "{err}");
    let (out, err, code) = ran(&bench, "flux check", "").await;
    assert!(code == 0 && out.contains("✔ all checks passed"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_pushes_to_harbor_and_pulls_again() {
    let (lab, _dir, bench) = open().await;
    let password = crate::lab::services::onepassword::field(&bench.services, "harbor", "password");
    let host = "harbor.monosense.io";
    let (out, err, code) = ran(&bench, &format!("docker login {host} -u admin --password-stdin"), &password).await;
    assert!(code == 0 && out == "Login Succeeded\n", "{out}{err}");
    assert_eq!(ran(&bench, "docker pull nginx:latest", "").await.2, 0);
    assert_eq!(ran(&bench, &format!("docker tag nginx:latest {host}/library/nginx:test"), "").await.2, 0);
    let (out, err, code) = ran(&bench, &format!("docker push {host}/library/nginx:test"), "").await;
    assert!(code == 0 && out.contains("test: digest: sha256:"), "{out}{err}");
    assert_eq!(ran(&bench, &format!("docker rmi {host}/library/nginx:test"), "").await.2, 0);
    assert_eq!(ran(&bench, &format!("docker pull {host}/library/nginx:test"), "").await.2, 0);
    let (_, err, code) = ran(&bench, &format!("docker pull {host}/library/none:1"), "").await;
    assert!(code == 1 && err.contains("unknown"), "{err}");
    lab.world.put(Cause::service("harbor", Wrong::Status(503)));
    assert_eq!(ran(&bench, &format!("docker push {host}/library/nginx:test"), "").await.2, 1);
    let (_, err, code) = ran(&bench, "docker login nowhere.monosense.io -u a -p b", "").await;
    assert!(code == 1 && err.contains("no such host"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_tasks_end_when_what_they_make_works() {
    let (_lab, _dir, bench) = open().await;
    for line in [
        "task bootstrap:talos CLUSTER=infra",
        "task :bootstrap:phase:1 CLUSTER=infra CONTEXT=infra",
        "task :bootstrap:phase:2 CLUSTER=apps CONTEXT=apps",
    ] {
        let (out, err, code) = ran(&bench, line, "").await;
        assert_eq!(code, 0, "{line}: {out}{err}");
    }
    assert_eq!(ran(&bench, "task bootstrap:talos", "").await.2, 209);
    assert_eq!(ran(&bench, "task bootstrap:talos CLUSTER=mars", "").await.2, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_read_and_releases_listed() {
    let (lab, _dir, bench) = open().await;
    let (out, _, code) = ran(&bench, "op read op://monosense/cloudflare/api-token", "").await;
    assert!(code == 0 && out.starts_with("lab-cloudflare-"), "{out}");
    assert_eq!(ran(&bench, "op read op://monosense/cloudflare/none", "").await.2, 1);
    lab.world.put(Cause::service("onepassword", Wrong::Down));
    assert_eq!(ran(&bench, "op read op://monosense/cloudflare/api-token", "").await.2, 1);
    let (out, _, code) = ran(&bench, "helm list -A", "").await;
    assert!(code == 0 && out.contains("deployed"), "{out}");
    let (out, _, code) = ran(&bench, "hubble observe --last 3", "").await;
    assert!(code == 0 && out.lines().count() == 3, "{out}");
}

#[test]
fn manifests_are_held_to_their_schemas() {
    let judged = |text: &str, flags: &str| {
        let call = Call {
            name: "kubeconform".into(),
            args: shlex::split(flags).unwrap(),
            dir: "/".into(),
            stdin: text.into(),
        };
        kubeconform::run(&call)
    };
    let good = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  a: b\n";
    let ended = judged(good, "-summary -strict");
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (0, "Summary: 1 resource found parsing stdin - Valid: 1, Invalid: 0, Errors: 0, Skipped: 0\n")
    );
    let odd = good.replace("\ndata:", "\ndta:");
    assert_eq!((judged(&odd, "-summary").code, judged(&odd, "-strict").code), (0, 1));
    let wrong =
        judged("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  replicas: many\n", "-summary");
    assert!(
        wrong.code == 1 && wrong.out.contains("Deployment a is invalid") && wrong.out.contains("Invalid: 1"),
        "{wrong:?}"
    );
    let unknown = judged("apiVersion: x.y/v1\nkind: Thing\nmetadata:\n  name: a\n", "-summary");
    assert!(unknown.code == 1 && unknown.out.contains("could not find schema for Thing"), "{unknown:?}");
    assert_eq!(judged("apiVersion: x.y/v1\nkind: Thing\nmetadata:\n  name: a\n", "-ignore-missing-schemas").code, 0);
    let registered =
        judged("apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata:\n  name: a\nspec: {}\n", "");
    assert_eq!((registered.code, registered.out.as_str()), (0, ""), "{registered:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn talosctl_asks_the_machines() {
    let (lab, _dir, bench) = open().await;
    let all = "-n 10.25.11.11,10.25.11.12,10.25.11.13";
    let (out, err, code) = ran(&bench, &format!("talosctl --context=infra {all} version --short"), "").await;
    assert!(code == 0 && out.matches("NODE:").count() == 3 && out.contains("Tag:         v1.11.2"), "{out}{err}");
    let (out, err, code) = ran(&bench, "talosctl --context=infra --nodes 10.25.11.11 etcd members", "").await;
    assert!(code == 0 && out.starts_with("NODE ") && out.lines().count() == 4, "{out}{err}");
    let (out, err, code) = ran(&bench, "talosctl --context apps etcd status", "").await;
    assert!(code == 0 && out.contains("RAFT APPLIED INDEX") && out.lines().count() == 4, "{out}{err}");
    let (out, err, code) = ran(&bench, "talosctl --context=infra -n 10.25.11.12 services", "").await;
    assert!(code == 0 && out.contains("kubelet") && out.contains("Running"), "{out}{err}");
    let (out, _, code) = ran(&bench, "talosctl --context=infra -n 10.25.11.12 get members", "").await;
    assert!(code == 0 && out.contains("infra-03") && out.contains("controlplane"), "{out}");
    let (_, err, code) = ran(&bench, "talosctl --context=infra health --wait-timeout 2m", "").await;
    assert!(code == 0 && err.contains("waiting for etcd to be healthy: OK\n"), "{err}");
    lab.world.put(Cause::process("infra-02", "kubelet"));
    let (out, _, code) = ran(&bench, "talosctl --context=infra -n 10.25.11.12 service kubelet", "").await;
    assert!(code == 0 && !out.contains("STATE    Running"), "{out}");
    let (_, err, code) = ran(&bench, "talosctl --context=nowhere version", "").await;
    assert!(code == 1 && err.contains("nowhere"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_down_is_no_more_there() {
    let (lab, _dir, bench) = open().await;
    let count = |resource: &str| act::list(&bench.services.clusters["infra"], resource, None).len();
    let definitions = "customresourcedefinitions.apiextensions.k8s.io";
    let (out, err, code) =
        ran(&bench, "helmfile -f bootstrap/helmfile.d/01-core.yaml.gotmpl -e infra destroy", "").await;
    assert!(code == 0 && out.contains("release \"cilium\" uninstalled"), "{out}{err}");
    assert!(!lab.world.reached("infra", "core") && lab.world.reached("infra", "crds"), "it is to be built anew");
    assert!(count(definitions) > 50, "the definitions stay");
    let (out, err, code) = ran(&bench, "helmfile -f bootstrap/helmfile.d/00-crds.yaml -e infra destroy", "").await;
    assert!(code == 0 && out.contains("\"kustomizations.kustomize.toolkit.fluxcd.io\" deleted"), "{out}{err}");
    assert!(!lab.world.reached("infra", "crds") && lab.world.api_runs("infra"));
    assert_eq!(ran(&bench, "task cluster:destroy CLUSTER=infra", "").await.2, 0);
    assert!(!lab.world.api_runs("infra") && lab.world.reached("apps", "complete"), "the other one stays");
    assert_eq!((count("nodes"), count(definitions)), (0, 0));
    assert_ne!(ran(&bench, "task cluster:destroy CLUSTER=mars", "").await.2, 0);
}
