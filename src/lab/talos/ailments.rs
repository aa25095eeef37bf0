//! What each of the world's causes makes of a machine.

use jiff::Timestamp;

use super::{Machine, Power};
use crate::lab::world::Cause;

/// What etcd's database may hold, by Talos' default.
const QUOTA: i64 = 2 << 30;

/// Changes the machines that a cause is about.
pub(super) fn apply(machines: &mut [Machine], cause: &Cause, now: Timestamp) {
    if let Cause::NotAMember { node } = cause {
        return removed(machines, node);
    }
    let Some((node, change)) = change(cause, now) else { return };
    machines.iter_mut().filter(|machine| machine.hostname == node).for_each(change);
}

type Ailment<'c> = Box<dyn Fn(&mut Machine) + 'c>;

/// The node that a cause is about, and what it does there.
fn change(cause: &Cause, now: Timestamp) -> Option<(&str, Ailment<'_>)> {
    Some(match cause {
        Cause::Link { node } => (node, Box::new(|machine| machine.power = Power::Off)),
        Cause::Silent { listener } => {
            (listener.strip_prefix("talos/")?, Box::new(|machine| machine.power = Power::Hung))
        }
        Cause::Process { node, process } => (node, Box::new(move |machine| machine.fail(process, now))),
        Cause::NoLeader { node } => {
            (node, Box::new(|machine| machine.etcd.iter_mut().for_each(|etcd| etcd.leader = 0)))
        }
        Cause::NoSpace { node } => (
            node,
            Box::new(move |machine| {
                if let Some(etcd) = &mut machine.etcd {
                    (etcd.alarm, etcd.db_size, etcd.db_in_use) = (1, QUOTA, QUOTA - (1 << 20));
                    etcd.errors.push("memberID has alarm NOSPACE".into());
                }
                log(machine, "etcd", "warn", "etcdserver: mvcc: database space exceeded", now);
            }),
        ),
        Cause::DiskFull { node } => (
            node,
            Box::new(move |machine| {
                kernel(machine, "XFS (sda4): No space left on device", now);
                log(
                    machine,
                    "kubelet",
                    "error",
                    "eviction manager: must evict pod(s) to reclaim ephemeral-storage",
                    now,
                );
                log(machine, "cri", "error", "write /var/lib/containerd/tmp: no space left on device", now);
            }),
        ),
        Cause::DiskSlow { node } => (
            node,
            Box::new(move |machine| {
                machine.load = [14.2, 13.8, 11.9];
                if let Some(etcd) = &mut machine.etcd {
                    etcd.raft_applied = etcd.raft_index.saturating_sub(4_812);
                }
                kernel(machine, "INFO: task etcd:2410 blocked for more than 120 seconds.", now);
                log(machine, "etcd", "warn", "slow fdatasync, took 2.912s, expected-duration 1s", now);
            }),
        ),
        Cause::MemoryFull { node } => (
            node,
            Box::new(move |machine| {
                let total = machine.memory.total;
                let memory = &mut machine.memory;
                (memory.free, memory.available, memory.cached) = (total / 160, total / 120, total / 90);
                kernel(machine, "Out of memory: Killed process 8831 (java) total-vm:18874368kB", now);
            }),
        ),
        Cause::Clock { node, seconds } => (
            node,
            Box::new(move |machine| {
                let drift = format!("prober found high clock drift, clock-drift {seconds}s");
                log(machine, "etcd", "warn", &drift, now);
                log(machine, "machined", "warn", &format!("time is out of sync by {seconds}s"), now);
            }),
        ),
        _ => return None,
    })
}

/// A node that is no member any more waits to join; the others know of themselves alone.
fn removed(machines: &mut [Machine], node: &str) {
    let mut gone = None;
    for machine in machines.iter_mut().filter(|machine| machine.hostname == node) {
        gone = machine.etcd.take().map(|etcd| etcd.id);
        for service in machine.services.iter_mut().filter(|service| service.id == "etcd") {
            service.state = "Preparing".into();
            service.healthy = None;
            service.event = "Running pre state".into();
        }
    }
    for etcd in machines.iter_mut().filter_map(|machine| machine.etcd.as_mut()) {
        etcd.knows.retain(|id| Some(*id) != gone);
    }
}

fn kernel(machine: &mut Machine, text: &str, now: Timestamp) {
    machine.dmesg.push(format!("kern:    err: [{now}]: {text}"));
}

fn log(machine: &mut Machine, service: &str, level: &str, text: &str, now: Timestamp) {
    if let Some(lines) = machine.logs.get_mut(service) {
        lines.push(format!("{now} {level} {text}"));
    }
}

#[cfg(test)]
mod tests {
    use super::super::causes::elect;
    use super::*;

    fn under(causes: &[Cause]) -> Vec<Machine> {
        let now = Timestamp::UNIX_EPOCH;
        let mut machines: Vec<Machine> =
            (1..=3).map(|n| Machine::healthy(&format!("n{n}"), &format!("10.0.0.{n}"), true, n, now)).collect();
        causes.iter().for_each(|cause| apply(&mut machines, cause, now));
        elect(&mut machines);
        machines
    }

    #[test]
    fn each_cause_is_seen_at_its_machine_and_at_no_other() {
        let node = || "n2".to_owned();
        let healthy = under(&[]);
        for cause in [
            Cause::link("n2"),
            Cause::silent("talos/n2"),
            Cause::process("n2", "kubelet"),
            Cause::NoLeader { node: node() },
            Cause::NoSpace { node: node() },
            Cause::DiskFull { node: node() },
            Cause::DiskSlow { node: node() },
            Cause::MemoryFull { node: node() },
            Cause::Clock { node: node(), seconds: 300 },
            Cause::NotAMember { node: node() },
        ] {
            let ill = under(std::slice::from_ref(&cause));
            assert_ne!(ill[1], healthy[1], "{cause}");
            assert_eq!((&ill[0], &ill[2]), (&healthy[0], &healthy[2]), "{cause}");
        }
    }

    #[test]
    fn one_member_alone_leads_itself() {
        let machines = under(&[Cause::NotAMember { node: "n2".into() }, Cause::NotAMember { node: "n3".into() }]);
        let etcd = machines[0].etcd.as_ref().unwrap();
        assert_eq!(etcd.leader, etcd.id);
        assert!(machines[1].etcd.is_none() && machines[1].service("etcd").unwrap().state == "Preparing");
    }
}
