//! The machines themselves: their version, and what they are busy with.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::wire::{self, LoadAvgResponse, MemoryResponse, SystemStatResponse, VersionResponse, path};
use super::{Ask, Machines, Told};
use crate::error::{Error, Kind};

/// What runs on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// `v1.11.2`
    pub version: String,
    /// The commit that it was built from.
    pub sha: String,
    /// `linux`
    pub os: String,
    /// `amd64`
    pub arch: String,
    /// `metal`, `nocloud`, `aws` …
    pub platform: String,
    /// `metal`, `cloud`, `container`
    pub mode: String,
    /// Whether roles limit what a client may do.
    pub rbac: bool,
}

/// How many processes ran or waited, on average.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Over one minute.
    pub load1: f64,
    /// Over five.
    pub load5: f64,
    /// Over fifteen.
    pub load15: f64,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// All of it.
    pub total: u64,
    /// Used by nobody.
    pub free: u64,
    /// What could be had without swapping.
    pub available: u64,
    /// In buffers.
    pub buffers: u64,
    /// In the page cache.
    pub cached: u64,
}

/// The kernel's own statistics.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// When the kernel started.
    pub booted: Timestamp,
    /// Processors.
    pub cpus: u64,
    /// Seconds of all processors together in which nothing was to be done.
    pub idle: f64,
    /// Seconds in which a disk was waited for.
    pub iowait: f64,
    /// Seconds in which programs or the kernel ran.
    pub busy: f64,
    /// Processes that run now.
    pub running: u64,
    /// Processes that wait for a disk now.
    pub blocked: u64,
}

impl Machines {
    /// What runs on each node.
    pub async fn version(&self, ask: &Ask) -> Vec<Told<Version>> {
        self.all::<VersionResponse, _>(ask, path::VERSION, "the version", |answer| {
            let version = answer.version.filter(|v| !v.tag.is_empty()).ok_or_else(|| empty("the version"))?;
            let platform = answer.platform.unwrap_or_default();
            Ok(Version {
                version: version.tag,
                sha: version.sha,
                os: version.os,
                arch: version.arch,
                platform: platform.name,
                mode: platform.mode,
                rbac: answer.features.is_some_and(|features| features.rbac),
            })
        })
        .await
    }

    /// The load of each node.
    pub async fn load(&self, ask: &Ask) -> Vec<Told<Load>> {
        let make = |wire::LoadAvg { load1, load5, load15, .. }| Ok(Load { load1, load5, load15 });
        self.all::<LoadAvgResponse, _>(ask, path::LOAD, "the load", make).await
    }

    /// The memory of each node.
    pub async fn memory(&self, ask: &Ask) -> Vec<Told<Memory>> {
        self.all::<MemoryResponse, _>(ask, path::MEMORY, "the memory", |answer| {
            let info = answer.meminfo.filter(|info| info.memtotal > 0).ok_or_else(|| empty("the memory"))?;
            let bytes = |kib: u64| kib.saturating_mul(1024);
            Ok(Memory {
                total: bytes(info.memtotal),
                free: bytes(info.memfree),
                available: bytes(info.memavailable),
                buffers: bytes(info.buffers),
                cached: bytes(info.cached),
            })
        })
        .await
    }

    /// The kernel's statistics of each node.
    pub async fn system(&self, ask: &Ask) -> Vec<Told<System>> {
        self.all::<SystemStatResponse, _>(ask, path::SYSTEM, "the kernel's statistics", |answer| {
            let booted = i64::try_from(answer.boot_time).ok().filter(|seconds| *seconds > 0);
            let booted = booted.and_then(|seconds| Timestamp::from_second(seconds).ok());
            let cpu = answer.cpu_total.unwrap_or_default();
            Ok(System {
                booted: booted.ok_or_else(|| empty("the kernel's statistics"))?,
                cpus: answer.cpu.len() as u64,
                idle: cpu.idle,
                iowait: cpu.iowait,
                busy: cpu.user + cpu.nice + cpu.system,
                running: answer.process_running,
                blocked: answer.process_blocked,
            })
        })
        .await
    }
}

fn empty(what: &str) -> Error {
    Error::new(Kind::Unreadable, format!("the answer about {what} is empty"))
}
