//! What happens inside of pods, as far as somebody outside can see it: programs that are run, and evictions.

pub(crate) mod evict;
pub(crate) mod exec;
pub(crate) mod programs;
