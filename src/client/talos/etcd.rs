//! etcd, as each control plane node sees it: members, status, alarms.

use serde::{Deserialize, Serialize};

use super::wire::{
    self, Empty, EtcdAlarmListResponse, EtcdMemberListRequest, EtcdMemberListResponse, EtcdStatusResponse, path,
};
use super::{Ask, Machines, Told};
use crate::error::{Error, Kind};

/// A member, as a node knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// 16 digits in hex, as etcdctl writes it.
    pub id: String,
    /// The name of its machine.
    pub hostname: String,
    /// Where the other members reach it.
    pub peer_urls: Vec<String>,
    /// Where clients reach it.
    pub client_urls: Vec<String>,
    /// Whether it has no vote yet.
    pub learner: bool,
}

/// What a node's own member says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its id.
    pub member: String,
    /// The id of the member that leads, as this one knows it; none where nobody does.
    pub leader: Option<String>,
    /// The database's size on the disk, in bytes.
    pub db_size: u64,
    /// What of that is in use, in bytes.
    pub db_in_use: u64,
    /// How far its log has come.
    pub raft_index: u64,
    /// How far it has applied it.
    pub raft_applied: u64,
    /// How many elections there were.
    pub raft_term: u64,
    /// Whether it has no vote yet.
    pub learner: bool,
    /// etcd's version.
    pub protocol: String,
    /// The version of what it stores.
    pub storage: String,
    /// What it complains of.
    pub errors: Vec<String>,
}

/// An alarm of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Whose it is.
    pub member: String,
    /// The name of that member's machine; empty where nobody knows it.
    pub hostname: String,
    /// `NOSPACE`, `CORRUPT`
    pub alarm: String,
}

impl Machines {
    /// Whom each node knows as members of etcd. A node throws where etcd has no leader.
    pub async fn members(&self, ask: &Ask) -> Vec<Told<Vec<Member>>> {
        const WHAT: &str = "etcd's members";
        let one = |node: String| async move {
            let question = EtcdMemberListRequest::default();
            let answer = self.unary::<_, EtcdMemberListResponse>(&node, path::MEMBERS, WHAT, question).await?;
            if answer.members.is_empty() {
                return Err(empty(WHAT));
            }
            Ok(answer.members.into_iter().map(Member::from).collect())
        };
        self.each(ask, WHAT, one).await
    }

    /// How each node's own member of etcd is.
    pub async fn etcd_status(&self, ask: &Ask) -> Vec<Told<Status>> {
        const WHAT: &str = "etcd's status";
        let make = |answer: wire::EtcdStatus| answer.member_status.map(Status::from).ok_or_else(|| empty(WHAT));
        self.all::<EtcdStatusResponse, _>(ask, path::ETCD_STATUS, WHAT, make).await
    }

    /// The alarms that each node knows of. etcd knows those of all members, so that each node tells all of them.
    pub async fn alarms(&self, ask: &Ask) -> Vec<Told<Vec<Alarm>>> {
        const WHAT: &str = "etcd's alarms";
        let one = |node: String| async move {
            let answer = self.unary::<_, EtcdAlarmListResponse>(&node, path::ALARMS, WHAT, Empty {}).await?;
            // "None" is how a member says that it has none.
            let set = answer.member_alarms.into_iter().filter(|alarm| alarm.alarm != 0);
            let mut alarms: Vec<Alarm> = set.map(Alarm::from).collect();
            if !alarms.is_empty() {
                let question = EtcdMemberListRequest::default();
                let members = self.unary::<_, EtcdMemberListResponse>(&node, path::MEMBERS, WHAT, question).await;
                // An alarm without the name of its machine is still an alarm.
                let members = members.map(|answer| answer.members).unwrap_or_default();
                for alarm in &mut alarms {
                    let member = members.iter().find(|member| member_id(member.id) == alarm.member);
                    alarm.hostname = member.map(|member| member.hostname.clone()).unwrap_or_default();
                }
            }
            Ok(alarms)
        };
        self.each(ask, WHAT, one).await
    }
}

fn empty(what: &str) -> Error {
    Error::new(Kind::Unreadable, format!("the answer about {what} is empty"))
}

/// A member's id as etcdctl and talosctl write it.
pub(crate) fn member_id(id: u64) -> String {
    format!("{id:016x}")
}

fn bytes(size: i64) -> u64 {
    u64::try_from(size).unwrap_or_default()
}

impl From<wire::EtcdMember> for Member {
    fn from(member: wire::EtcdMember) -> Self {
        Self {
            id: member_id(member.id),
            hostname: member.hostname,
            peer_urls: member.peer_urls,
            client_urls: member.client_urls,
            learner: member.is_learner,
        }
    }
}

impl From<wire::EtcdMemberStatus> for Status {
    fn from(status: wire::EtcdMemberStatus) -> Self {
        Self {
            member: member_id(status.member_id),
            leader: (status.leader != 0).then(|| member_id(status.leader)),
            db_size: bytes(status.db_size),
            db_in_use: bytes(status.db_size_in_use),
            raft_index: status.raft_index,
            raft_applied: status.raft_applied_index,
            raft_term: status.raft_term,
            learner: status.is_learner,
            protocol: status.protocol_version,
            storage: status.storage_version,
            errors: status.errors,
        }
    }
}

impl From<wire::EtcdMemberAlarm> for Alarm {
    fn from(alarm: wire::EtcdMemberAlarm) -> Self {
        let name = match alarm.alarm {
            1 => "NOSPACE".into(),
            2 => "CORRUPT".into(),
            other => format!("alarm {other}"),
        };
        Self { member: member_id(alarm.member_id), hostname: String::new(), alarm: name }
    }
}
