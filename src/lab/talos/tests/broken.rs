//! Machines that are not well: what the client says, and that it names them.

use super::*;

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
        assert_eq!(alarm.hostname, "infra-02");
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

#[tokio::test]
async fn messages_may_be_long_and_one_that_is_too_long_is_told() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    let ask = Ask { limit: SECOND * 20, ..node("infra-01") };
    assert!(lab.talos.change("infra-01", |machine| machine.dmesg = vec!["x".repeat(5 << 20)]));
    let text = machines.dmesg(&ask).await.remove(0).answer.expect("more than gRPC's own limit");
    assert_eq!(text.len(), 5 << 20);
    assert!(lab.talos.change("infra-01", |machine| machine.dmesg = vec!["x".repeat(17 << 20)]));
    let error = failed(&machines.dmesg(&ask).await);
    assert!(error.message.contains("is longer than 16 MiB"), "{error}");
    assert!(lab.talos.change("infra-01", |machine| machine.services[0].health_message = "x".repeat(33 << 20)));
    let error = failed(&machines.services(&ask).await);
    assert_eq!(error.kind, Kind::Unreadable);
    assert!(error.message.contains("node infra-01: the answer about the services is not understood"), "{error}");
}

#[tokio::test]
async fn what_one_node_does_for_all_is_not_held_up_by_a_hung_one() {
    let lab = Lab::new().await;
    let machines = lab.admin();
    assert!(lab.talos.change("infra-01", |machine| machine.power = Power::Hung));
    // It is the first endpoint, too.
    let ask = each(&machines);
    let text = machines.kubeconfig(&ask).await.expect("another's");
    assert_eq!(text, kubeconfig());
    let health = machines.health(&ask, Duration::from_millis(20), &[], &[]).await.expect("another looks");
    assert_eq!(health.node, "10.25.11.12");
    assert!(lab.talos.change("infra-02", |machine| machine.power = Power::Off));
    assert!(lab.talos.change("infra-03", |machine| machine.power = Power::Off));
    let error = machines.kubeconfig(&ask).await.expect_err("nobody is there");
    assert_eq!(error.kind, Kind::Timeout);
}
