//! What a machine says of itself: version, name, load, memory, statistics.

use tonic::Status;

use super::route::Call;
use crate::client::talos::wire::{
    CpuStat, FeaturesInfo, Hostname, HostnameResponse, LoadAvg, LoadAvgResponse, MemInfo, Memory, MemoryResponse,
    PlatformInfo, SystemStat, SystemStatResponse, Version, VersionInfo, VersionResponse,
};

pub(super) fn version(call: &Call) -> Result<VersionResponse, Status> {
    let machine = &call.machine;
    let version = VersionInfo {
        tag: machine.version.clone(),
        sha: "8c8e7a1d".into(),
        built: String::new(),
        go_version: "go1.24.6".into(),
        os: "linux".into(),
        arch: machine.arch.clone(),
    };
    let platform = PlatformInfo { name: machine.platform.clone(), mode: "metal".into() };
    let features = FeaturesInfo { rbac: true };
    Ok(Version { metadata: None, version: Some(version), platform: Some(platform), features: Some(features) }.into())
}

pub(super) fn hostname(call: &Call) -> Result<HostnameResponse, Status> {
    Ok(Hostname { metadata: None, hostname: call.machine.hostname.clone() }.into())
}

pub(super) fn load(call: &Call) -> Result<LoadAvgResponse, Status> {
    let [load1, load5, load15] = call.machine.load;
    Ok(LoadAvg { metadata: None, load1, load5, load15 }.into())
}

pub(super) fn memory(call: &Call) -> Result<MemoryResponse, Status> {
    let memory = call.machine.memory;
    let info = MemInfo {
        memtotal: memory.total,
        memfree: memory.free,
        memavailable: memory.available,
        buffers: memory.buffers,
        cached: memory.cached,
    };
    Ok(Memory { metadata: None, meminfo: Some(info) }.into())
}

/// The processors were as busy as the load says, since the machine started.
pub(super) fn system(call: &Call) -> Result<SystemStatResponse, Status> {
    let machine = &call.machine;
    let up = call.talos.clock.now().duration_since(machine.booted).as_secs_f64().max(1.0);
    let share = (machine.load[2] / machine.cpus as f64).clamp(0.0, 1.0);
    let one = CpuStat {
        user: up * share * 0.7,
        nice: 0.0,
        system: up * share * 0.3,
        idle: up * (1.0 - share),
        iowait: up * share * 0.02,
    };
    let of_all = |part: f64| part * machine.cpus as f64;
    let total = CpuStat {
        user: of_all(one.user),
        nice: 0.0,
        system: of_all(one.system),
        idle: of_all(one.idle),
        iowait: of_all(one.iowait),
    };
    let stat = SystemStat {
        metadata: None,
        boot_time: u64::try_from(machine.booted.as_second()).unwrap_or_default(),
        cpu_total: Some(total),
        cpu: (0..machine.cpus).map(|_| one).collect(),
        process_created: 184_000,
        process_running: machine.load[0].ceil() as u64 + 1,
        process_blocked: 0,
    };
    Ok(stat.into())
}
