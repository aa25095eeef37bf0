//! The messages about a machine: its version, its name, what it is busy with, and what it logs.

use super::{Metadata, answers};

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Version {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(message, optional, tag = "2")]
    pub(crate) version: Option<VersionInfo>,
    #[prost(message, optional, tag = "3")]
    pub(crate) platform: Option<PlatformInfo>,
    #[prost(message, optional, tag = "4")]
    pub(crate) features: Option<FeaturesInfo>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct VersionInfo {
    /// `v1.11.2`
    #[prost(string, tag = "1")]
    pub(crate) tag: String,
    #[prost(string, tag = "2")]
    pub(crate) sha: String,
    #[prost(string, tag = "3")]
    pub(crate) built: String,
    #[prost(string, tag = "4")]
    pub(crate) go_version: String,
    #[prost(string, tag = "5")]
    pub(crate) os: String,
    #[prost(string, tag = "6")]
    pub(crate) arch: String,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct PlatformInfo {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// `metal`, `cloud`, `container`
    #[prost(string, tag = "2")]
    pub(crate) mode: String,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct FeaturesInfo {
    #[prost(bool, tag = "1")]
    pub(crate) rbac: bool,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Hostname {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(string, tag = "2")]
    pub(crate) hostname: String,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct LoadAvg {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(double, tag = "2")]
    pub(crate) load1: f64,
    #[prost(double, tag = "3")]
    pub(crate) load5: f64,
    #[prost(double, tag = "4")]
    pub(crate) load15: f64,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Memory {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(message, optional, tag = "2")]
    pub(crate) meminfo: Option<MemInfo>,
}

/// The beginning of `/proc/meminfo`, in KiB.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct MemInfo {
    #[prost(uint64, tag = "1")]
    pub(crate) memtotal: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) memfree: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) memavailable: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) buffers: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) cached: u64,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct SystemStat {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    /// When the kernel started, in seconds since 1970.
    #[prost(uint64, tag = "2")]
    pub(crate) boot_time: u64,
    /// In seconds of all processors.
    #[prost(message, optional, tag = "3")]
    pub(crate) cpu_total: Option<CpuStat>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) cpu: Vec<CpuStat>,
    #[prost(uint64, tag = "8")]
    pub(crate) process_created: u64,
    #[prost(uint64, tag = "9")]
    pub(crate) process_running: u64,
    #[prost(uint64, tag = "10")]
    pub(crate) process_blocked: u64,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct CpuStat {
    #[prost(double, tag = "1")]
    pub(crate) user: f64,
    #[prost(double, tag = "2")]
    pub(crate) nice: f64,
    #[prost(double, tag = "3")]
    pub(crate) system: f64,
    #[prost(double, tag = "4")]
    pub(crate) idle: f64,
    #[prost(double, tag = "5")]
    pub(crate) iowait: f64,
}

#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct DmesgRequest {
    #[prost(bool, tag = "1")]
    pub(crate) follow: bool,
    /// Only what comes from now on.
    #[prost(bool, tag = "2")]
    pub(crate) tail: bool,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct LogsRequest {
    /// `system` for Talos' services, `k8s.io` for containers.
    #[prost(string, tag = "1")]
    pub(crate) namespace: String,
    #[prost(string, tag = "2")]
    pub(crate) id: String,
    /// 0 containerd, 1 CRI.
    #[prost(int32, tag = "3")]
    pub(crate) driver: i32,
    #[prost(bool, tag = "4")]
    pub(crate) follow: bool,
    /// Negative for all.
    #[prost(int32, tag = "5")]
    pub(crate) tail_lines: i32,
}

answers! {
    VersionResponse of Version,
    HostnameResponse of Hostname,
    LoadAvgResponse of LoadAvg,
    MemoryResponse of Memory,
    SystemStatResponse of SystemStat,
}
