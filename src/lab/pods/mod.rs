//! What happens inside of pods, as far as somebody outside can see it: programs that are run, what they write, and
//! evictions.
//!
//! | module | what lives there |
//! |---|---|
//! | `process` | a container's own program, from its start to its end |
//! | `script`, `applets`, `programs` | scripts, and the programs that containers have |
//! | `environment`, `disk`, `files`, `images` | what they find: variables, files, what their images are |
//! | `projects` | what can be fetched from the platform's own GitLab |
//! | `reach`, `way` | what they reach: names, Services, other pods; and what lies between |
//! | `mesh` | what the other cluster shares |
//! | `line`, `ask`, `policy` | what they ask of others: the platform's services, names outside; what may pass |
//! | `container` | the pod and the container that a request means |
//! | `log`, `logs` | what containers wrote, kept and handed out |
//! | `exec`, `run`, `terminal` | programs with input, a terminal and an exit code |
//! | `archive`, `tar` | files carried in and out |
//! | `platform` | `ceph`, `psql`, `redis-cli`, Kafka's scripts, `cilium` and `hubble` |
//! | `serve`, `forward` | what listens at pods' ports, and how it is reached |
//! | `evict` | pods that are to go |

pub(crate) mod applets;
mod archive;
mod ask;
pub(crate) mod container;
pub(crate) mod disk;
pub(crate) mod environment;
pub(crate) mod evict;
pub(crate) mod exec;
pub(crate) mod files;
pub(crate) mod forward;
pub(crate) mod images;
pub(crate) mod line;
pub(crate) mod log;
pub(crate) mod logs;
pub(crate) mod mesh;
pub(crate) mod platform;
pub(crate) mod policy;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod projects;
pub(crate) mod reach;
mod run;
pub(crate) mod script;
pub(crate) mod serve;
mod tar;
mod terminal;
pub(crate) mod way;
pub(crate) mod words;

/// The inside of a cluster's pods, as far as it is no object of the API.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// What containers wrote.
    pub(crate) logs: log::Logs,
    /// What they have on their disks.
    pub(crate) disks: disk::Disks,
    /// What databases and brokers hold that somebody has put there.
    pub(crate) kept: platform::kept::Kept,
    /// What can be pulled.
    pub(crate) images: images::Registry,
    /// What can be fetched from the platform's own GitLab.
    pub(crate) projects: projects::Projects,
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
