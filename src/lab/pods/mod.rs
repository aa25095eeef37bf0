//! What happens inside of pods, as far as somebody outside can see it: programs that are run, what they write, and
//! evictions.

pub(crate) mod applets;
pub(crate) mod environment;
pub(crate) mod evict;
pub(crate) mod exec;
pub(crate) mod files;
pub(crate) mod images;
pub(crate) mod log;
pub(crate) mod process;
pub(crate) mod programs;
pub(crate) mod reach;
pub(crate) mod shell;
pub(crate) mod words;

/// The inside of a cluster's pods, as far as it is no object of the API.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// What containers wrote.
    pub(crate) logs: log::Logs,
    /// What is in their volumes.
    pub(crate) disks: files::Disks,
    /// What can be pulled.
    pub(crate) images: images::Registry,
}
