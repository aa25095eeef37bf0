//! What happens inside of pods, as far as somebody outside can see it: programs that are run, what they write, and
//! evictions.

pub(crate) mod evict;
pub(crate) mod exec;
pub(crate) mod log;
pub(crate) mod programs;

/// The inside of a cluster's pods, as far as it is no object of the API.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// What containers wrote.
    pub(crate) logs: log::Logs,
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
