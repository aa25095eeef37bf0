//! What happens inside of pods, as far as somebody outside can see it: programs that are run, what they write, and
//! evictions.
//!
//! | module | what lives there |
//! |---|---|
//! | `container` | the pod and the container that a request means |
//! | `log`, `logs` | what containers wrote, kept and handed out |
//! | `exec`, `terminal` | programs with input, a terminal and an exit code |
//! | `shell`, `tools` | the programs themselves |
//! | `disk`, `tar` | the files of containers, and how they are carried |
//! | `serve`, `forward` | what listens at pods' ports, and how it is reached |

pub(crate) mod container;
pub(crate) mod disk;
pub(crate) mod evict;
pub(crate) mod exec;
pub(crate) mod forward;
pub(crate) mod log;
pub(crate) mod logs;
pub(crate) mod programs;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod tar;
mod terminal;
pub(crate) mod tools;

/// The inside of a cluster's pods, as far as it is no object of the API.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// What containers wrote.
    pub(crate) logs: log::Logs,
    /// What they have on their disks.
    pub(crate) disks: disk::Disks,
    services: std::sync::OnceLock<std::sync::Weak<crate::lab::services::Services>>,
}

impl Inside {
    /// Lets the pods' programs reach the lab's services.
    pub(crate) fn reach(&self, services: &std::sync::Arc<crate::lab::services::Services>) {
        // A cluster is in one lab.
        let _ = self.services.set(std::sync::Arc::downgrade(services));
    }

    /// The lab's services; none where the cluster is in no lab, or that has been closed.
    pub(crate) fn services(&self) -> Option<std::sync::Arc<crate::lab::services::Services>> {
        self.services.get()?.upgrade()
    }
}
