//! The messages about Talos' services.

use super::{Metadata, Timestamp, answers};

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct ServiceList {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) services: Vec<ServiceInfo>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct ServiceInfo {
    /// `kubelet`
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// `Running`, `Waiting`, `Finished`, `Failed` …
    #[prost(string, tag = "2")]
    pub(crate) state: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) events: Option<ServiceEvents>,
    #[prost(message, optional, tag = "4")]
    pub(crate) health: Option<ServiceHealth>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct ServiceEvents {
    #[prost(message, repeated, tag = "1")]
    pub(crate) events: Vec<ServiceEvent>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct ServiceEvent {
    #[prost(string, tag = "1")]
    pub(crate) msg: String,
    #[prost(string, tag = "2")]
    pub(crate) state: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) ts: Option<Timestamp>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct ServiceHealth {
    /// Whether nobody asks it how it is.
    #[prost(bool, tag = "1")]
    pub(crate) unknown: bool,
    #[prost(bool, tag = "2")]
    pub(crate) healthy: bool,
    #[prost(string, tag = "3")]
    pub(crate) last_message: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) last_change: Option<Timestamp>,
}

answers! { ServiceListResponse of ServiceList }
