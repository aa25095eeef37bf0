//! What moves the clusters' objects, a file a controller.

pub mod pools;
