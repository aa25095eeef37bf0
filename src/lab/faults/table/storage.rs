//! Storage and databases: Ceph, classes and claims, PostgreSQL, Dragonfly, Kafka, backups.

use serde_json::json;

use crate::lab::faults::fault::{Broken, Fault, Target};
use crate::lab::faults::ground::Ground;
use crate::lab::world::Cause;

/// A Deployment that was scaled to nothing.
fn scaled_down(ground: &Ground<'_>, name: &str) -> Result<Broken, String> {
    let target = ground.named("deployments.apps", name)?;
    Ok(target.broken(vec![target.merged(&json!({ "spec": { "replicas": 0 } }))]))
}

/// The first object of a kind that a cluster has.
fn first_of(ground: &Ground<'_>, cluster: &str, resource: &str) -> Result<Target, String> {
    let first = ground.all(cluster, resource).into_iter().next();
    first.ok_or_else(|| format!("cluster {cluster} has none of {resource}"))
}

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "ceph-node-names",
        about: "the node names in the CephCluster match no node",
        risk: "R5",
        effect: "no OSD is made: the cluster has no capacity, and HEALTH_WARN",
        wrong: |ground| {
            let ceph = ground.object("cephclusters.ceph.rook.io")?;
            let mut nodes = ceph.value["spec"]["storage"]["nodes"].clone();
            let list = nodes.as_array_mut().filter(|list| !list.is_empty());
            for node in list.ok_or_else(|| format!("CephCluster {} names no nodes", ceph.name()))? {
                let name = format!("{}.local", node["name"].as_str().unwrap_or_default());
                node["name"] = name.into();
            }
            Ok(ceph.broken(vec![ceph.merged(&json!({ "spec": { "storage": { "nodes": nodes } } }))]))
        },
    },
    Fault {
        name: "ceph-osd-down",
        about: "a disk of Ceph is gone, and its OSD with it",
        risk: "R5",
        effect: "placement groups are degraded: HEALTH_WARN, until the OSD is back",
        wrong: |ground| {
            let ceph = ground.object("cephclusters.ceph.rook.io")?;
            Ok(ceph.broken(vec![Cause::Osd { cluster: ceph.cluster.clone(), osd: 0 }]))
        },
    },
    Fault {
        name: "ceph-operator-gone",
        about: "Rook's operator was scaled to nothing for a repair, and forgotten",
        risk: "R5",
        effect: "Ceph goes on, and nobody looks after it: no daemon is made anew, no failover of a monitor",
        wrong: |ground| scaled_down(ground, "rook-ceph-operator"),
    },
    Fault {
        name: "ceph-of-other-cluster",
        about: "the CephCluster of the second cluster is an external one: it uses the Ceph of the first",
        risk: "R5",
        effect: "both have the same fsid: what breaks the one's Ceph takes the other's volumes along",
        wrong: |ground| {
            let (other, _) = ground.other()?;
            let ceph = first_of(ground, other, "cephclusters.ceph.rook.io")?;
            Ok(ceph.broken(vec![ceph.merged(&json!({ "spec": { "external": { "enable": true } } }))]))
        },
    },
    Fault {
        name: "storage-class-missing",
        about: "the StorageClass that databases use was pruned",
        risk: "R5",
        effect: "new claims of the class stay Pending",
        wrong: |ground| {
            let class = ground
                .find("storageclasses.storage.k8s.io", |class| {
                    class["metadata"]["name"].as_str().is_some_and(|name| name.contains("ceph"))
                })
                .or_else(|_| ground.object("storageclasses.storage.k8s.io"))?;
            Ok(class.broken(vec![class.deleted()]))
        },
    },
    Fault {
        name: "storage-provisioner-gone",
        about: "the provisioner of volumes was scaled to nothing",
        risk: "R5",
        effect: "new claims of its class stay Pending: they wait for an external provisioner",
        wrong: |ground| {
            let provisioner = ground.find("deployments.apps", |one| {
                one["metadata"]["name"].as_str().is_some_and(|name| name.contains("provisioner"))
            })?;
            Ok(provisioner.broken(vec![provisioner.merged(&json!({ "spec": { "replicas": 0 } }))]))
        },
    },
    Fault {
        name: "postgres-operator-gone",
        about: "CloudNativePG's operator was scaled to nothing for a repair, and forgotten",
        risk: "R6",
        effect: "PostgreSQL goes on, and nobody looks after it: no failover, no backup at its time",
        wrong: |ground| scaled_down(ground, "cloudnative-pg"),
    },
    Fault {
        name: "database-gone",
        about: "the Database of an application was pruned, with the reclaim policy delete",
        risk: "R6",
        effect: "PostgreSQL drops the database: the application can't connect",
        wrong: |ground| {
            let database = ground.object("databases.postgresql.cnpg.io")?;
            let dropped = json!({ "spec": { "databaseReclaimPolicy": "delete" } });
            let mut broken = database.broken(vec![database.merged(&dropped), database.deleted()]);
            broken.names.extend(database.value["spec"]["name"].as_str().map(str::to_owned));
            Ok(broken)
        },
    },
    Fault {
        name: "postgres-fewer-instances",
        about: "a PostgreSQL cluster was scaled to one instance",
        risk: "R6",
        effect: "it has no standby: no synchronous replica, and no failover",
        wrong: |ground| {
            let cluster = ground.object("clusters.postgresql.cnpg.io")?;
            let patch = json!({ "spec": { "instances": 1, "minSyncReplicas": 0, "maxSyncReplicas": 0 } });
            Ok(cluster.broken(vec![cluster.merged(&patch)]))
        },
    },
    Fault {
        name: "pooler-without-instances",
        about: "a connection pooler was scaled to nothing",
        risk: "R6",
        effect: "its Service has no endpoints: applications can't connect to their database",
        wrong: |ground| {
            let pooler = ground.object("poolers.postgresql.cnpg.io")?;
            Ok(pooler.broken(vec![pooler.merged(&json!({ "spec": { "instances": 0 } }))]))
        },
    },
    Fault {
        name: "pooler-paused",
        about: "a connection pooler was paused, and never resumed",
        risk: "R6",
        effect: "applications connect, and their queries wait",
        wrong: |ground| {
            let pooler = ground.object("poolers.postgresql.cnpg.io")?;
            Ok(pooler.broken(vec![pooler.merged(&json!({ "spec": { "pgbouncer": { "paused": true } } }))]))
        },
    },
    Fault {
        name: "backup-cron-of-five-fields",
        about: "the schedule of a backup has five fields where six are read",
        risk: "R6",
        effect: "the first field is read as seconds: a backup two minutes past each hour, in place of one a night",
        wrong: |ground| {
            let backup = ground.object("scheduledbackups.postgresql.cnpg.io")?;
            Ok(backup.broken(vec![backup.merged(&json!({ "spec": { "schedule": "0 2 * * *" } }))]))
        },
    },
    Fault {
        name: "backup-store-unreachable",
        about: "the object store of the backups answers 503",
        risk: "R6",
        effect: "backups and the archiving of logs fail",
        wrong: |_| Ok(super::services::service("minio", crate::lab::world::Wrong::Unavailable(30))),
    },
    Fault {
        name: "cache-operator-gone",
        about: "Dragonfly's operator was scaled to nothing for a repair, and forgotten",
        risk: "R6",
        effect: "Dragonfly goes on, and nobody makes a replica the master when the master is gone",
        wrong: |ground| scaled_down(ground, "dragonfly-operator"),
    },
    Fault {
        name: "cache-fewer-replicas",
        about: "Dragonfly was scaled to one replica",
        risk: "R6",
        effect: "it has a master and nobody to take over",
        wrong: |ground| {
            let cache = ground.object("dragonflies.dragonflydb.io")?;
            Ok(cache.broken(vec![cache.merged(&json!({ "spec": { "replicas": 1 } }))]))
        },
    },
    Fault {
        name: "kafka-fewer-brokers",
        about: "a node pool of Kafka was scaled to one broker",
        risk: "—",
        effect: "topics with three replicas are under-replicated, and can't be written with min.insync.replicas 2",
        wrong: |ground| {
            let pool = ground.object("kafkanodepools.kafka.strimzi.io")?;
            Ok(pool.broken(vec![pool.merged(&json!({ "spec": { "replicas": 1 } }))]))
        },
    },
    Fault {
        name: "kafka-topic-gone",
        about: "a KafkaTopic was pruned",
        risk: "—",
        effect: "the topic operator deletes the topic, with all that was in it",
        wrong: |ground| {
            let topic = ground.object("kafkatopics.kafka.strimzi.io")?;
            Ok(topic.broken(vec![topic.deleted()]))
        },
    },
    Fault {
        name: "kafka-topic-too-many-replicas",
        about: "a KafkaTopic wants more replicas than there are brokers",
        risk: "—",
        effect: "the topic is not ready: the replication factor is larger than the number of brokers",
        wrong: |ground| {
            let topic = ground.object("kafkatopics.kafka.strimzi.io")?;
            Ok(topic.broken(vec![topic.merged(&json!({ "spec": { "replicas": 9 } }))]))
        },
    },
    Fault {
        name: "volume-backup-paused",
        about: "the replication of a volume was paused, and never resumed",
        risk: "R5",
        effect: "the time of the last backup stays where it is",
        wrong: |ground| {
            let source = ground.object("replicationsources.volsync.backube")?;
            Ok(source.broken(vec![source.merged(&json!({ "spec": { "paused": true } }))]))
        },
    },
    Fault {
        name: "volume-backup-repository-gone",
        about: "the repository's Secret that a replication names does not exist",
        risk: "R5",
        effect: "the replication makes no backup: it is in error",
        wrong: |ground| {
            let source =
                ground.find("replicationsources.volsync.backube", |source| source["spec"]["restic"].is_object())?;
            let patch = json!({ "spec": { "restic": { "repository": "nonesuch-restic" } } });
            let mut broken = source.broken(vec![source.merged(&patch)]);
            broken.names.push("nonesuch-restic".into());
            Ok(broken)
        },
    },
    Fault {
        name: "volume-backup-operator-gone",
        about: "VolSync was scaled to nothing for a repair, and forgotten",
        risk: "R5",
        effect: "no volume is copied any more, and no replication says so",
        wrong: |ground| scaled_down(ground, "volsync"),
    },
    Fault {
        name: "snapshot-controller-gone",
        about: "the snapshot controller was scaled to nothing for a repair, and forgotten",
        risk: "R5",
        effect: "new VolumeSnapshots get no content: they are never ready to use",
        wrong: |ground| scaled_down(ground, "snapshot-controller"),
    },
    Fault {
        name: "snapshot-class-missing",
        about: "the VolumeSnapshotClass of backups was pruned",
        risk: "R5",
        effect: "no snapshot of the class is made: copies by snapshots fail",
        wrong: |ground| {
            // Each cluster has one: that of the cluster with replications is missed.
            let used = ground.object("replicationsources.volsync.backube")?.cluster;
            let class = first_of(ground, &used, "volumesnapshotclasses.snapshot.storage.k8s.io")?;
            Ok(class.broken(vec![class.deleted()]))
        },
    },
    Fault {
        name: "volume-restore-repository-gone",
        about: "the repository's Secret that a restore names does not exist",
        risk: "R5",
        effect: "nothing is restored: the ReplicationDestination is in error",
        wrong: |ground| {
            let restore =
                ground.find("replicationdestinations.volsync.backube", |one| one["spec"]["restic"].is_object())?;
            let patch = json!({ "spec": { "restic": { "repository": "nonesuch-restic" } } });
            let mut broken = restore.broken(vec![restore.merged(&patch)]);
            broken.names.push("nonesuch-restic".into());
            Ok(broken)
        },
    },
    Fault {
        name: "runners-limited-to-none",
        about: "a set of GitHub runners may have no runner at all",
        risk: "—",
        effect: "jobs wait, and no runner takes them",
        wrong: |ground| {
            let set = ground.object("autoscalingrunnersets.actions.github.com")?;
            Ok(set.broken(vec![set.merged(&json!({ "spec": { "minRunners": 0, "maxRunners": 0 } }))]))
        },
    },
];
