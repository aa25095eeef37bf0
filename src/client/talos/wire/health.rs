//! The messages of the cluster's health check.

use super::{Answer, Duration, Metadata};

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct HealthCheckRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) wait_timeout: Option<Duration>,
    /// Which nodes there have to be; where it names none, Talos finds out.
    #[prost(message, optional, tag = "2")]
    pub(crate) cluster_info: Option<ClusterInfo>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct ClusterInfo {
    #[prost(string, repeated, tag = "1")]
    pub(crate) control_plane_nodes: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) worker_nodes: Vec<String>,
    /// The API server's address, in place of what the kubeconfig has.
    #[prost(string, tag = "3")]
    pub(crate) force_endpoint: String,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct HealthCheckProgress {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    /// `waiting for etcd to be healthy: OK`
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

impl Answer for HealthCheckProgress {
    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}
