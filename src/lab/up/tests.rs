//! An open lab, as clients see it.

use std::time::{Duration, Instant};

use super::*;
use crate::config::{Environment, Overrides};
use crate::host::Needs;
use crate::host::testing::runtime;
use crate::lab::world::read;
use crate::script::examples_tests::Examples;

async fn open(topology: &str) -> (Lab, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    // Fails only where another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lab = Lab::open(read::embedded(topology).unwrap(), LabClock::real(), dir.path()).await.unwrap();
    (lab, dir)
}

async fn ssh(lab: &Lab, command: &str) -> String {
    let mut ssh = tokio::process::Command::new("ssh");
    ssh.arg("-F").arg(lab.dir.join("ssh_config")).args(["-o", "BatchMode=yes", "edge-1", command]).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(20), ssh.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_lead_pb_to_the_lab() {
    let (lab, dir) = open("monosense").await;
    let overrides = Overrides { config: Some(dir.path().join("pb.toml")), ..Overrides::default() };
    let environment = Environment { dir: dir.path().into(), home: None, variables: BTreeMap::new() };
    let config = crate::config::load(&overrides, &environment).unwrap();
    assert_eq!(config.clusters.keys().collect::<Vec<_>>(), ["apps", "infra"]);
    assert_eq!(config.clusters["infra"].kubeconfig.as_deref(), Some(dir.path().join("kubeconfig").as_path()));
    assert_eq!(config.hosts["edge-1"].address.as_deref(), Some("10.25.11.1"));
    assert_eq!(config.networks["10.25.11.0/24"], socks::url(lab.socks));
    let pools: Vec<_> = config.settings.rows.iter().filter(|row| row.name == "lb_pools").collect();
    assert_eq!(pools.len(), 2);
}

#[test]
fn the_examples_of_the_standard_library_run() {
    let (lab, dir) = runtime().block_on(open("monosense"));
    let overrides = Overrides { config: Some(dir.path().join("pb.toml")), ..Overrides::default() };
    let environment = Environment { dir: dir.path().into(), home: None, variables: BTreeMap::new() };
    let platform = crate::config::load(&overrides, &environment).unwrap();
    let examples = Examples::new(|config| {
        config.clusters = platform.clusters;
        config.hosts = platform.hosts;
        config.networks = platform.networks;
        config.endpoints = platform.endpoints;
    });
    let wrong = examples.run(&[Needs::Platform]);
    assert!(wrong.is_empty(), "{} examples:\n{}", wrong.len(), wrong.join("\n"));
    drop(lab);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmodified_ssh_reaches_the_router_which_knows_the_services() {
    let (lab, _dir) = open("monosense").await;
    let summary: serde_json::Value =
        serde_json::from_str(&ssh(&lab, "show bgp ipv4 unicast summary json").await).unwrap();
    assert_eq!(summary["failedPeers"], 0);
    assert_eq!(summary["peers"]["10.25.11.14"]["pfxRcd"], 3);
    let table: serde_json::Value = serde_json::from_str(&ssh(&lab, "show ip bgp json").await).unwrap();
    assert_eq!(table["routes"]["10.25.11.120/32"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nowhere_is_refused_as_a_bastion_does() {
    let (lab, _dir) = open("one-node").await;
    let way = |ip: &str, port| format!("{:?}", lab.network.way(ip.parse().unwrap(), port));
    assert!(way("10.25.11.11", 6443).starts_with("Listener(127.0.0.1:"));
    assert_eq!((way("10.25.11.11", 80), way("10.25.11.110", 80)), ("Refused".into(), "Refused".into()));
    assert_eq!(way("10.25.11.105", 80), "Unreachable");
    lab.world.put(Cause::link("infra-01"));
    assert_eq!(way("10.25.11.11", 6443), "Silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_at_once_and_closes_whole() {
    let begun = Instant::now();
    let (lab, _dir) = open("one-node").await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let (socks, api) = (lab.socks, lab.accesses[0].url.trim_start_matches("https://").to_string());
    drop(lab);
    let until = Instant::now() + Duration::from_secs(10);
    while tokio::net::TcpStream::connect(socks).await.is_ok() || tokio::net::TcpStream::connect(&api).await.is_ok() {
        assert!(Instant::now() < until, "something still listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
