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
}
