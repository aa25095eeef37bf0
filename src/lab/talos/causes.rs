//! What is wrong with machines and follows from elsewhere: applied whenever somebody looks, so that it goes as it came.

use std::fmt;

use jiff::Timestamp;

use super::{Machine, Power};

/// What puts something wrong into machines.
pub trait Causes: fmt::Debug + Send + Sync {
    /// Changes the machines as they are looked at.
    fn apply(&self, machines: &mut [Machine], now: Timestamp);
}

/// Nothing is wrong but what the machines say themselves.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCauses;

impl Causes for NoCauses {
    fn apply(&self, _machines: &mut [Machine], _now: Timestamp) {}
}

/// Has etcd's members find out who leads: with a majority of them there is a leader, without it none.
pub(super) fn elect(machines: &mut [Machine]) {
    let runs = |machine: &Machine| {
        machine.power == Power::On && machine.service("etcd").is_some_and(|service| service.state == "Running")
    };
    let voters = machines.iter().filter(|machine| machine.etcd.as_ref().is_some_and(|etcd| !etcd.learner));
    let (all, alive): (usize, Vec<u64>) = voters.fold((0, Vec::new()), |(all, mut alive), machine| {
        alive.extend(machine.etcd.as_ref().filter(|_| runs(machine)).map(|etcd| etcd.id));
        (all + 1, alive)
    });
    let majority = alive.len() > all / 2;
    let next = alive.first().copied().unwrap_or_default();
    for machine in machines {
        let (on, Some(etcd)) = (machine.power == Power::On, machine.etcd.as_mut()) else { continue };
        // Who knew no leader before has a reason of its own.
        if etcd.leader == 0 {
            continue;
        }
        if !majority || !on {
            etcd.leader = 0;
        } else if !alive.contains(&etcd.leader) {
            (etcd.leader, etcd.raft_term) = (next, etcd.raft_term + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaders(gone: &[usize]) -> Vec<u64> {
        let now = Timestamp::UNIX_EPOCH;
        let mut machines: Vec<Machine> =
            (1..=3).map(|n| Machine::healthy(&format!("n{n}"), &format!("10.0.0.{n}"), true, n, now)).collect();
        gone.iter().for_each(|n| machines[*n].stop("etcd", now));
        elect(&mut machines);
        let id = |machine: &Machine| machine.etcd.as_ref().map(|etcd| etcd.id);
        let ids: Vec<Option<u64>> = machines.iter().map(id).collect();
        let place = |leader: u64| ids.iter().position(|id| *id == Some(leader)).map_or(0, |place| place as u64 + 1);
        machines.iter().map(|machine| place(machine.etcd.as_ref().expect("a member").leader)).collect()
    }

    #[test]
    fn a_majority_has_a_leader_and_less_has_none() {
        assert_eq!(leaders(&[]), [1, 1, 1]);
        assert_eq!(leaders(&[2]), [1, 1, 1]);
        assert_eq!(leaders(&[0]), [2, 2, 2], "another is elected");
        assert_eq!(leaders(&[0, 1]), [0, 0, 0]);
    }
}
