//! etcd, as a control plane node sees it.

use tonic::Status;

use super::route::Call;
use super::{Etcd, Machine, Power};
use crate::client::talos::wire::{
    EtcdAlarm, EtcdAlarmListResponse, EtcdMember, EtcdMemberAlarm, EtcdMemberListRequest, EtcdMemberListResponse,
    EtcdMemberStatus, EtcdMembers, EtcdStatus, EtcdStatusResponse,
};

pub(super) fn members(call: &Call, question: EtcdMemberListRequest) -> Result<EtcdMemberListResponse, Status> {
    call.control_plane("member list")?;
    let machines = call.talos.machines();
    // Without `query_local` a node asks any member that answers, and it serves only while somebody leads.
    let asked = if question.query_local { own(&call.machine)? } else { any(&call.machine, &machines)? };
    if asked.leader == 0 {
        return Err(Status::unavailable("etcdserver: no leader"));
    }
    let members: Vec<EtcdMember> =
        known(asked, &machines).into_iter().map(|(machine, etcd)| member(machine, etcd)).collect();
    let legacy_members = members.iter().map(|member| member.hostname.clone()).collect();
    Ok(EtcdMembers { metadata: None, legacy_members, members }.into())
}

/// The members that one knows.
pub(super) fn known<'a>(etcd: &Etcd, machines: &'a [Machine]) -> Vec<(&'a Machine, &'a Etcd)> {
    let all = machines.iter().filter_map(|machine| Some((machine, machine.etcd.as_ref()?)));
    all.filter(|(_, member)| etcd.knows.is_empty() || etcd.knows.contains(&member.id)).collect()
}

/// The node's own member, if its etcd runs.
pub(super) fn own(machine: &Machine) -> Result<&Etcd, Status> {
    let runs = machine.service("etcd").is_some_and(|service| service.state == "Running");
    machine.etcd.as_ref().filter(|_| runs).ok_or_else(|| {
        let why = "dial tcp 127.0.0.1:2379: connect: connection refused";
        Status::unavailable(format!("connection error: desc = \"transport: Error while dialing: {why}\""))
    })
}

fn any<'a>(machine: &'a Machine, machines: &'a [Machine]) -> Result<&'a Etcd, Status> {
    own(machine).or_else(|status| {
        let others = machines.iter().filter(|other| other.power == Power::On);
        others.filter_map(|other| own(other).ok()).next().ok_or(status)
    })
}

fn member(machine: &Machine, etcd: &Etcd) -> EtcdMember {
    EtcdMember {
        id: etcd.id,
        hostname: machine.hostname.clone(),
        peer_urls: vec![format!("https://{}:2380", machine.address)],
        client_urls: vec![format!("https://{}:2379", machine.address)],
        is_learner: etcd.learner,
    }
}

pub(super) fn status(call: &Call) -> Result<EtcdStatusResponse, Status> {
    call.control_plane("etcd status")?;
    let etcd = own(&call.machine)?;
    let mut errors = etcd.errors.clone();
    if etcd.leader == 0 {
        errors.push("etcdserver: no leader".into());
    }
    let status = EtcdMemberStatus {
        protocol_version: "3.6.4".into(),
        db_size: etcd.db_size,
        db_size_in_use: etcd.db_in_use,
        leader: etcd.leader,
        raft_index: etcd.raft_index,
        raft_term: etcd.raft_term,
        raft_applied_index: etcd.raft_applied,
        errors,
        is_learner: etcd.learner,
        member_id: etcd.id,
        storage_version: "3.6.0".into(),
    };
    Ok(EtcdStatus { metadata: None, member_status: Some(status) }.into())
}

/// Each member knows the alarms of all.
pub(super) fn alarms(call: &Call) -> Result<EtcdAlarmListResponse, Status> {
    call.control_plane("etcd alarm list")?;
    own(&call.machine)?;
    let machines = call.talos.machines();
    let members = machines.iter().filter_map(|machine| machine.etcd.as_ref());
    let set = members.filter(|etcd| etcd.alarm != 0);
    let member_alarms = set.map(|etcd| EtcdMemberAlarm { member_id: etcd.id, alarm: etcd.alarm }).collect();
    Ok(EtcdAlarm { metadata: None, member_alarms }.into())
}
