//! etcd's messages.

use super::{Metadata, answers};

/// Whom the node knows as members.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct EtcdMemberListRequest {
    /// Whether the node's own etcd is asked alone.
    #[prost(bool, tag = "1")]
    pub(crate) query_local: bool,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct EtcdMembers {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    /// Their names.
    #[prost(string, repeated, tag = "2")]
    pub(crate) legacy_members: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) members: Vec<EtcdMember>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct EtcdMember {
    #[prost(uint64, tag = "2")]
    pub(crate) id: u64,
    #[prost(string, tag = "3")]
    pub(crate) hostname: String,
    #[prost(string, repeated, tag = "4")]
    pub(crate) peer_urls: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    pub(crate) client_urls: Vec<String>,
    #[prost(bool, tag = "6")]
    pub(crate) is_learner: bool,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct EtcdStatus {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(message, optional, tag = "2")]
    pub(crate) member_status: Option<EtcdMemberStatus>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct EtcdMemberStatus {
    #[prost(string, tag = "1")]
    pub(crate) protocol_version: String,
    #[prost(int64, tag = "2")]
    pub(crate) db_size: i64,
    #[prost(int64, tag = "3")]
    pub(crate) db_size_in_use: i64,
    /// The member that leads, as this one knows it; 0 where there is none.
    #[prost(uint64, tag = "4")]
    pub(crate) leader: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) raft_index: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) raft_term: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) raft_applied_index: u64,
    #[prost(string, repeated, tag = "8")]
    pub(crate) errors: Vec<String>,
    #[prost(bool, tag = "9")]
    pub(crate) is_learner: bool,
    #[prost(uint64, tag = "10")]
    pub(crate) member_id: u64,
    #[prost(string, tag = "11")]
    pub(crate) storage_version: String,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct EtcdAlarm {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) member_alarms: Vec<EtcdMemberAlarm>,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct EtcdMemberAlarm {
    #[prost(uint64, tag = "1")]
    pub(crate) member_id: u64,
    /// 0 none, 1 no space, 2 corrupt.
    #[prost(int32, tag = "2")]
    pub(crate) alarm: i32,
}

answers! {
    EtcdMemberListResponse of EtcdMembers,
    EtcdStatusResponse of EtcdStatus,
    EtcdAlarmListResponse of EtcdAlarm,
}
