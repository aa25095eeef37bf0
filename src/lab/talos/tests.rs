//! The client of `client::talos` against the lab's machines, over real TLS on loopback: well, and broken in each way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use super::machine::{MemoryUse, member_id};
use super::pki::{context, talosconfig};
use super::*;
use crate::client::route::Routes;
use crate::client::talos::health::State as Held;
use crate::client::talos::{Ask, Machines};
use crate::clock::System;
use crate::error::{Error, Kind};

const SECOND: Duration = Duration::from_secs(1);

/// Three machines of a control plane and a worker; the first two serve.
struct Lab {
    talos: Arc<Talos>,
    authority: Authority,
    serving: Vec<Serving>,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn new() -> Self {
        let now = Timestamp::now();
        let machine = |number: u64| {
            Machine::healthy(&format!("infra-0{number}"), &format!("10.25.11.1{number}"), number < 4, number, now)
        };
        let kubeconfig = Some("apiVersion: v1\nkind: Config\n".repeat(2000));
        let state = State { machines: (1..=4).map(machine).collect(), kubeconfig };
        let talos = Talos::new("infra", state, Arc::new(MachinesAlone), Arc::new(System));
        let authority = Authority::new().expect("an authority");
        let mut serving = Vec::new();
        for node in ["infra-01", "infra-02"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let tls = authority.server(&[node, "127.0.0.1"]).expect("a certificate");
            serving.push(serve(talos.clone(), node, listener, tls).expect("serving"));
        }
        Self { talos, authority, serving, folder: tempfile::tempdir().expect("a folder") }
    }

    fn endpoints(&self) -> Vec<String> {
        self.serving.iter().map(|serving| serving.address.to_string()).collect()
    }

    fn machines(&self, lines: String) -> Machines {
        let file = self.folder.path().join("talosconfig");
        std::fs::write(&file, talosconfig(&[("infra", lines)])).expect("written");
        Machines::new("infra", Some(&file), "infra", Routes::default(), SECOND).expect("a talosconfig")
    }

    fn client(&self, role: Role) -> Machines {
        let nodes: Vec<String> = (1..=3).map(|number| format!("10.25.11.1{number}")).collect();
        self.machines(self.authority.context(role, &self.endpoints(), &nodes, Timestamp::now()).expect("a context"))
    }

    fn admin(&self) -> Machines {
        self.client(Role::Admin)
    }
}

/// The nodes of the context.
fn each(machines: &Machines) -> Ask {
    Ask { nodes: machines.nodes().expect("nodes"), limit: SECOND }
}

fn node(name: &str) -> Ask {
    Ask { nodes: vec![name.into()], limit: SECOND }
}

fn failed<T: fmt::Debug>(told: &[crate::client::talos::Told<T>]) -> Error {
    match told {
        [one] => one.answer.as_ref().expect_err("a failure").clone(),
        other => panic!("{other:?}"),
    }
}

fn whole(error: &Error) -> String {
    format!("{error} {}", error.hints.join(" "))
}

#[tokio::test]
async fn every_call_is_answered_by_every_node_with_its_name() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    let ask = each(&machines);
    let versions = machines.version(&ask).await;
    let names: Vec<(&str, &str)> = versions.iter().map(|t| (t.node.as_str(), t.name.as_str())).collect();
    assert_eq!(names, [("10.25.11.11", "infra-01"), ("10.25.11.12", "infra-02"), ("10.25.11.13", "infra-03")]);
    assert!(versions.iter().all(|t| t.answer.as_ref().is_ok_and(|v| v.version == "v1.11.2" && v.rbac)), "{versions:?}");
    for told in machines.members(&ask).await {
        let members = told.answer.expect("members");
        let names: Vec<&str> = members.iter().map(|member| member.hostname.as_str()).collect();
        assert_eq!(names, ["infra-01", "infra-02", "infra-03"]);
        assert_eq!(members[1].peer_urls, ["https://10.25.11.12:2380"]);
    }
    let leader = format!("{:016x}", member_id(1));
    for told in machines.etcd_status(&ask).await {
        let status = told.answer.expect("a status");
        assert_eq!((status.leader.as_deref(), status.errors.len()), (Some(leader.as_str()), 0));
    }
    assert!(machines.alarms(&ask).await.iter().all(|t| t.answer.as_ref().is_ok_and(Vec::is_empty)));
    for told in machines.services(&ask).await {
        let services = told.answer.expect("services");
        assert!(services.iter().any(|s| s.id == "kubelet" && s.state == "Running" && s.health == "ok"), "{services:?}");
    }
    assert!(machines.load(&ask).await.iter().all(|t| t.answer.as_ref().is_ok_and(|load| load.load1 == 0.42)));
    assert!(machines.memory(&ask).await.iter().all(|t| t.answer.as_ref().is_ok_and(|m| m.total == 32_768_000 << 10)));
    for told in machines.system(&ask).await {
        let system = told.answer.expect("statistics");
        assert_eq!((system.cpus, system.booted < Timestamp::now()), (8, true));
    }
}

#[tokio::test]
async fn logs_come_whole_or_their_end_alone() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}")).collect();
    assert!(lab.talos.change("infra-02", |machine| {
        machine.logs.insert("kubelet".into(), lines.clone());
    }));
    let all = machines.logs(&node("infra-02"), "kubelet", None).await.remove(0).answer.expect("a log");
    assert_eq!(all, lines.join("\n"));
    let end = machines.logs(&node("infra-02"), "kubelet", Some(2)).await.remove(0).answer.expect("a log");
    assert_eq!(end, "line 19998\nline 19999");
    let dmesg = machines.dmesg(&node("infra-01")).await.remove(0).answer.expect("the kernel's log");
    assert_eq!(dmesg.lines().count(), 2, "{dmesg}");
    let error = failed(&machines.logs(&node("infra-01"), "kublet", None).await);
    assert!(whole(&error).contains("log \"kublet\" was not registered"), "{error}");
}

#[tokio::test]
async fn a_kubeconfig_comes_from_the_first_node_that_makes_one() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    let ask = Ask { nodes: vec!["10.25.11.14".into(), "10.25.11.12".into()], limit: SECOND };
    let text = machines.kubeconfig(&ask).await.expect("a kubeconfig");
    assert_eq!(text, "apiVersion: v1\nkind: Config\n".repeat(2000));
    let error = machines.kubeconfig(&node("10.25.11.14")).await.expect_err("a worker");
    assert!(whole(&error).contains("node 10.25.11.14: it does not have the kubeconfig"), "{error}");
    lab.talos.state().kubeconfig = None;
    let error = machines.kubeconfig(&node("10.25.11.11")).await.expect_err("no Kubernetes yet");
    assert_eq!(error.kind, Kind::Invalid);
}

#[tokio::test]
async fn a_healthy_cluster_meets_every_condition() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    let health = machines.health(&each(&machines), SECOND, &[], &[]).await.expect("health");
    assert_eq!(health.node, "10.25.11.11");
    assert_eq!(health.found, r#"["10.25.11.11" "10.25.11.12" "10.25.11.13" "10.25.11.14"]"#);
    assert_eq!(health.conditions.len(), 16);
    let skipped: Vec<&str> =
        health.conditions.iter().filter(|c| c.state != Held::Ok).map(|c| c.name.as_str()).collect();
    assert_eq!(skipped, ["kube-proxy to report ready"]);
}

#[tokio::test]
async fn a_stopped_kubelet_is_named_by_services_and_health() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    assert!(lab.talos.change("infra-02", |machine| machine.stop("kubelet", Timestamp::now())));
    let services = machines.services(&node("10.25.11.12")).await.remove(0).answer.expect("services");
    let kubelet = services.iter().find(|service| service.id == "kubelet").expect("a kubelet");
    assert_eq!((kubelet.state.as_str(), kubelet.health.as_str()), ("Finished", "failing"));
    let health = machines.health(&each(&machines), Duration::from_millis(50), &[], &[]).await.expect("health");
    let failed: Vec<_> = health.conditions.iter().filter(|c| c.state == Held::Failed).collect();
    let [failed] = failed.as_slice() else { panic!("{health:?}") };
    assert_eq!(failed.name, "kubelet to be healthy");
    let said = "10.25.11.12: service \"kubelet\" not in expected state \"Running\": current state [Finished] \
                Service finished successfully";
    assert_eq!(failed.message, said);
    assert_eq!(health.conditions.last().map(|c| c.state), Some(Held::NotReached));
}

#[tokio::test]
async fn a_member_without_leader_is_named() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    assert!(lab.talos.change("infra-03", |m| m.etcd.iter_mut().for_each(|etcd| etcd.leader = 0)));
    let status = machines.etcd_status(&node("10.25.11.13")).await.remove(0).answer.expect("a status");
    assert_eq!((status.leader, status.errors), (None, vec!["etcdserver: no leader".to_string()]));
    let error = failed(&machines.members(&node("10.25.11.13")).await);
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(whole(&error).contains("node 10.25.11.13: etcd's members can't be had: etcdserver: no leader"), "{error}");
    let health = machines.health(&each(&machines), Duration::from_millis(50), &[], &[]).await.expect("health");
    let failed = health.conditions.iter().find(|c| c.state == Held::Failed).expect("a failure");
    assert!(failed.message.contains("from node \"10.25.11.13\"") && failed.message.contains("no leader"), "{failed:?}");
}

#[tokio::test]
async fn an_alarm_is_known_to_every_node_and_names_its_member() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    assert!(lab.talos.change("infra-02", |m| m.etcd.iter_mut().for_each(|etcd| etcd.alarm = 1)));
    for told in machines.alarms(&each(&machines)).await {
        let alarms = told.answer.expect("alarms");
        let [alarm] = alarms.as_slice() else { panic!("{alarms:?}") };
        assert_eq!(
            (alarm.member.as_str(), alarm.alarm.as_str()),
            (format!("{:016x}", member_id(2)).as_str(), "NOSPACE")
        );
    }
}

#[tokio::test]
async fn a_node_that_is_down_or_hung_is_named_and_the_others_answer() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    assert!(lab.talos.change("infra-03", |machine| machine.power = Power::Off));
    let ask = Ask { limit: Duration::from_millis(300), ..each(&machines) };
    let told = machines.version(&ask).await;
    assert!(told[0].answer.is_ok() && told[1].answer.is_ok(), "{told:?}");
    let error = told[2].answer.as_ref().expect_err("down");
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(whole(error).contains("node 10.25.11.13") && whole(error).contains("no route to host"), "{error}");
    assert!(whole(error).contains(&format!("asked through {}", lab.serving[0].address)), "{error}");
    assert!(lab.talos.change("infra-03", |machine| machine.power = Power::Hung));
    let begun = Instant::now();
    let told = machines.version(&ask).await;
    assert!(told[0].answer.is_ok() && begun.elapsed() < SECOND * 2, "{told:?}");
    let error = told[2].answer.as_ref().expect_err("hung");
    assert_eq!(error.kind, Kind::Timeout);
    assert!(error.message.contains("no answer about the version within 300ms"), "{error}");
    // Whoever hung is asked again over a connection of its own.
    assert!(lab.talos.change("infra-03", |machine| machine.power = Power::On));
    assert!(machines.version(&ask).await.iter().all(|told| told.answer.is_ok()));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_left_for_the_next() {
    let mut lab = Lab::new().await;
    let machines = lab.admin();
    assert!(machines.version(&each(&machines)).await.iter().all(|told| told.answer.is_ok()));
    let gone = lab.serving.remove(0).address;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(machines.version(&each(&machines)).await.iter().all(|told| told.answer.is_ok()));
    let last = lab.serving.remove(0).address;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let error = failed(&machines.version(&node("10.25.11.11")).await);
    assert_eq!(error.kind, Kind::Unreachable);
    let text = whole(&error);
    assert!(text.contains(&gone.to_string()) && text.contains(&last.to_string()), "{text}");
}

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

#[tokio::test]
async fn a_boot_that_is_not_over_little_memory_and_a_lost_member_are_seen() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    let unmet = async |change: &dyn Fn(&mut Machine)| {
        let before = lab.talos.state().clone();
        assert!(lab.talos.change("infra-02", change));
        let health = machines.health(&each(&machines), Duration::from_millis(20), &[], &[]).await.expect("health");
        *lab.talos.state() = before;
        let failed = health.conditions.into_iter().find(|c| c.state == Held::Failed).expect("a failure");
        format!("{}: {}", failed.name, failed.message)
    };
    let text = unmet(&|machine| machine.stage = "booting".into()).await;
    assert_eq!(text, "all nodes to finish boot sequence: nodes are not running: booting: [10.25.11.12]");
    let text = unmet(&|machine| machine.memory = MemoryUse { total: 1 << 20, ..machine.memory }).await;
    assert!(text.contains("expected at least 2048 MiB, actual 1024 MiB"), "{text}");
    let text = unmet(&|machine| machine.etcd.iter_mut().for_each(|etcd| etcd.knows = vec![etcd.id])).await;
    assert!(
        text.contains("10.25.11.12: expected to have [infra-01 infra-02 infra-03] members, got [infra-02]"),
        "{text}"
    );
}
