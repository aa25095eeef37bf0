//! Machines of a cluster that is not built yet: what they show of themselves before Kubernetes runs on them.
//!
//! Source: Talos 1.11, `internal/app/maintenance`, `internal/app/machined/pkg/runtime/v1alpha1`.

use jiff::Timestamp;

use super::Machine;
use super::machine::MAINTENANCE;
use crate::lab::world::stage::Machines;

/// What a control plane node says in its log until somebody bootstraps etcd.
const BOOTSTRAP: &str = "etcd is waiting to join the cluster, if this node is the first node in the cluster, please run \
                         `talosctl bootstrap` against one of the following IPs:";

/// Has a machine show itself as far as it is built.
pub(super) fn show(machine: &mut Machine, built: Machines, now: Timestamp) {
    match built {
        Machines::Running => {}
        Machines::Configured => {
            machine.stage = "booting".into();
            machine.etcd = None;
            if let Some(service) = machine.services.iter_mut().find(|service| service.id == "etcd") {
                service.state = "Preparing".into();
                (service.healthy, service.event) = (None, "Running pre state".into());
                service.since = now;
            }
            machine.dmesg.retain(|line| !line.contains("running and ready"));
            if machine.control_plane {
                machine.dmesg.push(format!("user: warning: [{now}]: [talos] {BOOTSTRAP}"));
                machine.dmesg.push(format!("user: warning: [{now}]: [talos] [{}]", machine.address));
            }
        }
        Machines::Maintenance => {
            machine.stage = MAINTENANCE.into();
            machine.etcd = None;
            machine
                .services
                .retain(|service| matches!(service.id.as_str(), "apid" | "containerd" | "machined" | "udevd"));
            machine.dmesg.retain(|line| !line.contains("running and ready"));
            machine.dmesg.push(format!(
                "user: warning: [{now}]: [talos] this machine is reachable at: {}; it waits for its configuration",
                machine.address
            ));
        }
    }
}
