//! A Talos machine as plain data, and a healthy one.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The stage of a machine that waits for its configuration.
pub const MAINTENANCE: &str = "maintenance";

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// `infra-01`
    pub hostname: String,
    /// Its address in the cluster's network.
    pub address: String,
    /// Whether it belongs to the control plane.
    pub control_plane: bool,
    /// Whether anybody answers.
    pub power: Power,
    /// Talos' version, `v1.11.2`.
    pub version: String,
    /// `amd64`
    pub arch: String,
    /// `metal`, `nocloud` …
    pub platform: String,
    /// How far it has come: `booting`, `running`, `upgrading`, `resetting` …
    pub stage: String,
    /// When the kernel started.
    pub booted: Timestamp,
    /// Talos' services.
    pub services: Vec<Service>,
    /// Its member of etcd, where it has one.
    pub etcd: Option<Etcd>,
    /// Over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Processors.
    pub cpus: u64,
    /// Memory in KiB.
    pub memory: MemoryUse,
    /// The kernel's log, a message a line.
    pub dmesg: Vec<String>,
    /// The logs of services, by service and line by line.
    pub logs: BTreeMap<String, Vec<String>>,
}

/// Whether anybody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// As it should be.
    On,
    /// Switched off: nothing listens.
    Off,
    /// Hung: connections stand, and nothing is ever said.
    Hung,
}

/// Memory in KiB, as `/proc/meminfo` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// All.
    pub total: u64,
    /// Used by nobody.
    pub free: u64,
    /// What could be had.
    pub available: u64,
    /// In buffers.
    pub buffers: u64,
    /// In the page cache.
    pub cached: u64,
}

/// A service of Talos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `kubelet`
    pub id: String,
    /// `Running`, `Waiting`, `Finished`, `Failed` …
    pub state: String,
    /// Whether it is well; none where nobody asks.
    pub healthy: Option<bool>,
    /// What was last said of its health.
    pub health_message: String,
    /// What last happened to it.
    pub event: String,
    /// When that was.
    pub since: Timestamp,
}

/// A member of etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etcd {
    /// Never 0.
    pub id: u64,
    /// The id of the member that leads, as this one knows it; 0 where it knows none.
    pub leader: u64,
    /// Whether it has no vote yet.
    pub learner: bool,
    /// The ids of the members that it knows; empty for all that there are.
    pub knows: Vec<u64>,
    /// The database's size on the disk, in bytes.
    pub db_size: i64,
    /// What of that is in use.
    pub db_in_use: i64,
    /// How far its log has come.
    pub raft_index: u64,
    /// How far it has applied it.
    pub raft_applied: u64,
    /// How many elections there were.
    pub raft_term: u64,
    /// 0 none, 1 no space, 2 corrupt.
    pub alarm: i32,
    /// What it complains of.
    pub errors: Vec<String>,
}

impl Machine {
    /// A machine that is well: number `number` of its cluster, from 1.
    pub fn healthy(hostname: &str, address: &str, control_plane: bool, number: u64, now: Timestamp) -> Self {
        let booted = now.saturating_sub(jiff::SignedDuration::from_hours(72)).unwrap_or(now);
        let mut services =
            vec!["apid", "auditd", "containerd", "cri", "dashboard", "kubelet", "machined", "syslogd", "udevd"];
        if control_plane {
            services.extend(["etcd", "trustd"]);
        }
        services.sort_unstable();
        let etcd = control_plane.then(|| Etcd::healthy(member_id(number), member_id(1)));
        let services: Vec<Service> = services.into_iter().map(|id| Service::running(id, booted)).collect();
        let started = |service: &Service| (service.id.clone(), vec![format!("{booted} {} started", service.id)]);
        Self {
            hostname: hostname.into(),
            address: address.into(),
            control_plane,
            power: Power::On,
            version: "v1.11.2".into(),
            arch: "amd64".into(),
            platform: "metal".into(),
            stage: "running".into(),
            booted,
            logs: services.iter().map(started).collect(),
            services,
            etcd,
            load: [0.42, 0.37, 0.31],
            cpus: 8,
            memory: MemoryUse {
                total: 32_768_000,
                free: 9_216_000,
                available: 21_504_000,
                buffers: 204_800,
                cached: 11_264_000,
            },
            dmesg: vec![
                format!("kern:  notice: [{booted}]: Linux version 6.12.48-talos (root@buildkitsandbox) x86_64"),
                format!("user: warning: [{booted}]: [talos] machine is running and ready"),
            ],
        }
    }

    /// Whether a call for this node means it: by its name or by its address.
    pub fn is(&self, node: &str) -> bool {
        self.hostname == node || self.address == node
    }

    /// Its service of this name.
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// Whether its machine API answers.
    pub fn answers(&self) -> bool {
        self.power == Power::On && self.service("apid").is_none_or(|service| service.state == "Running")
    }

    /// Has a service be gone without a word, as if killed.
    pub fn fail(&mut self, id: &str, now: Timestamp) {
        if let Some(service) = self.services.iter_mut().find(|service| service.id == id) {
            service.state = "Failed".into();
            service.healthy = service.healthy.map(|_| false);
            service.event = format!("Failed to run task: task {id} exited with signal killed");
            service.since = now;
        }
    }

    /// Stops a service, as `talosctl service ID stop` does.
    pub fn stop(&mut self, id: &str, now: Timestamp) {
        if let Some(service) = self.services.iter_mut().find(|service| service.id == id) {
            service.state = "Finished".into();
            service.healthy = service.healthy.map(|_| false);
            service.event = "Service finished successfully".into();
            service.since = now;
        }
    }
}

impl Service {
    /// A service that is well.
    pub fn running(id: &str, since: Timestamp) -> Self {
        let event = format!("Started task {id} (PID {}) for container {id}", 1000 + id.len());
        let quiet = matches!(id, "auditd" | "dashboard" | "syslogd");
        let healthy = (!quiet).then_some(true);
        let event = if quiet { "Service started as goroutine".into() } else { event };
        Self { id: id.into(), state: "Running".into(), healthy, health_message: String::new(), event, since }
    }
}

impl Etcd {
    /// A member that is well.
    pub fn healthy(id: u64, leader: u64) -> Self {
        Self {
            id,
            leader,
            learner: false,
            knows: Vec::new(),
            db_size: 86 << 20,
            db_in_use: 41 << 20,
            raft_index: 1_482_311,
            raft_applied: 1_482_311,
            raft_term: 4,
            alarm: 0,
            errors: Vec::new(),
        }
    }
}

/// The id of a cluster's member, by its number from 1: never 0, and wide, as etcd's are.
pub fn member_id(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 << 63
}
