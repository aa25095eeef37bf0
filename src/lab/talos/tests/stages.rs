//! The machines of a lab that is being built up, as playbooks reach them.

use std::time::{Duration, Instant};

use super::open_lab::{UNMET, open_at, text};
use crate::host::testing::eval_in;
use crate::lab::clock::LabClock;

#[test]
fn machines_wait_for_a_configuration_then_for_etcd_and_are_well_only_with_a_network() {
    let clock = LabClock::real();
    let (lab, config, _dir) = open_at("bare", clock.clone());
    let asked = |script: &str| eval_in(config.clone(), script).map(|value| value.to_string());
    // The certificate is one that the machine made itself: the talosconfig's authority does not know it.
    let error = asked(r#"talos("infra").version()"#).expect_err("in maintenance");
    let said = format!("{error} {} {}", error.causes.join(" "), error.hints.join(" "));
    assert!(said.to_lowercase().contains("certificate"), "{said}");

    lab.world.advance("infra", "configured").expect("a stage");
    until(|| {
        clock.jump(Duration::from_secs(3));
        lab.world.reached("infra", "configured")
    });
    assert_eq!(text(&config, r#"talos("infra").version().len()"#), "3");
    let state = r#"talos("infra").services().filter(|s| s.id == "etcd").map(|s| s.state).unique().to_string()"#;
    assert_eq!(text(&config, state), r#"["Preparing"]"#);
    let error = asked(r#"talos("infra").etcd_status()"#).expect_err("no etcd");
    assert!(format!("{error:?}").contains("2379"), "{error:?}");
    let unmet = text(&config, UNMET);
    assert!(
        unmet.starts_with("etcd to be healthy: 3 errors occurred: * 10.25.11.11: service \"etcd\" not in"),
        "{unmet}"
    );
    let error = asked(r#"kube("infra").list("nodes")"#).expect_err("no API server");
    assert!(error.message.contains("refuses the connection"), "{error:?}");

    lab.world.advance("infra", "api").expect("a stage");
    until(|| {
        clock.jump(Duration::from_secs(3));
        lab.world.reached("infra", "api")
    });
    assert_eq!(text(&config, r#"kube("infra").list("nodes").len()"#), "3");
    assert_eq!(text(&config, r#"talos("infra").etcd_status().len()"#), "3");
    let unmet = text(&config, UNMET);
    assert!(unmet.starts_with("all k8s nodes to report ready: some nodes are not ready: [infra-01"), "{unmet}");
}

fn until(mut so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !so() {
        assert!(Instant::now() < end, "it never comes to that");
        std::thread::sleep(Duration::from_millis(20));
    }
}
