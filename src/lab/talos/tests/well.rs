//! Machines that are well: every call.

use super::*;

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
    assert_eq!(text, kubeconfig());
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
async fn an_endpoint_in_a_network_is_reached_through_its_proxy() {
    let lab = Lab::new().await;
    let proxy = crate::client::testing::network(&[(50000, lab.serving[0].address)]).await;
    let (endpoint, nodes) = (["192.0.2.11".to_string()], ["infra-02".to_string()]);
    let lines = lab.authority.context(Role::Admin, &endpoint, &nodes, Timestamp::now()).expect("a context");
    let file = lab.folder.path().join("talosconfig");
    let asked = async |lines: &str, networks: &[(String, String)]| {
        std::fs::write(&file, talosconfig(&[("infra", lines.into())])).expect("written");
        let routes = Routes::new(&networks.iter().cloned().collect()).expect("routes");
        let machines = Machines::new("infra", Some(&file), "infra", &[], routes, SECOND).expect("a talosconfig");
        machines.version(&each(&machines)).await.remove(0)
    };
    let network = [("192.0.2.0/24".to_string(), format!("socks5://{proxy}"))];
    assert_eq!(asked(&lines, &network).await.name, "infra-02");
    // The talosconfig may name a proxy itself.
    let told = asked(&format!("{lines}    proxy-url: socks5://{proxy}\n"), &[]).await;
    assert!(told.answer.is_ok(), "{told:?}");
}
