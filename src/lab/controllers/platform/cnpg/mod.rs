//! CloudNativePG: clusters with their primary, poolers, databases, backups.

mod backups;
mod cluster;
mod parts;

use super::Hand;

const CLUSTERS: &str = "clusters.postgresql.cnpg.io";

pub(super) fn rows() -> Vec<Hand> {
    vec![
        ("cloudnative-pg", cluster::WATCHES, Box::new(cluster::Clusters::default())),
        ("cloudnative-pg", parts::POOLERS, Box::new(parts::Poolers)),
        ("cloudnative-pg", parts::DATABASES, Box::new(parts::Databases)),
        ("cloudnative-pg", backups::WATCHES, Box::new(backups::Backups)),
    ]
}
