//! Collectors, messaging, delivery tools and registries: what of them runs, and what they are told.

use serde_json::{Value, json};

use crate::lab::faults::fault::{Broken, Fault, Target};
use crate::lab::faults::ground::Ground;
use crate::lab::world::{Cause, Wrong};

const DEPLOYMENTS: &str = "deployments.apps";
const DAEMON_SETS: &str = "daemonsets.apps";
const STATEFUL_SETS: &str = "statefulsets.apps";

/// A workload of a name that is scaled to nothing.
fn scaled(ground: &Ground<'_>, resource: &str, name: &str) -> Result<Broken, String> {
    let target = ground.named(resource, name)?;
    Ok(target.broken(vec![target.merged(&json!({ "spec": { "replicas": 0 } }))]))
}

/// Workloads that want nodes with a label that none has.
fn nowhere(target: &Target) -> Broken {
    let patch = json!({ "spec": { "template": { "spec": { "nodeSelector": { "disk": "fast" } } } } });
    target.broken(vec![target.merged(&patch)])
}

/// An object of a name in the second cluster.
fn of_other(ground: &Ground<'_>, resource: &str, name: &str) -> Result<Target, String> {
    let (cluster, _) = ground.other()?;
    let found = ground.all(cluster, resource).into_iter().find(|target| target.name() == name);
    found.ok_or_else(|| format!("the second cluster has no {name}"))
}

/// The pooler in front of an application's database.
fn pooler(ground: &Ground<'_>, application: &str) -> Result<Target, String> {
    let own = |pooler: &Value| pooler["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(application));
    ground.find("poolers.postgresql.cnpg.io", own)
}

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "metrics-agent-stopped",
        about: "the metrics' agent of the second cluster was scaled to nothing, and forgotten",
        risk: "—",
        effect: "nothing of that cluster is scraped: its series end",
        wrong: |ground| {
            let agent = of_other(ground, "vmagents.operator.victoriametrics.com", "vmagent")?;
            Ok(agent.broken(vec![agent.merged(&json!({ "spec": { "replicaCount": 0 } }))]))
        },
    },
    Fault {
        name: "metrics-insert-unschedulable",
        about: "what takes metrics in asks for nodes with a label that none has",
        risk: "—",
        effect: "its new pods stay Pending; the old ones go on until they are gone",
        wrong: |ground| Ok(nowhere(&ground.named(DEPLOYMENTS, "vminsert")?)),
    },
    Fault {
        name: "metrics-proxy-unavailable",
        about: "the proxy in front of the metrics' store answers 503",
        risk: "—",
        effect: "other clusters' agents can't write",
        wrong: |_| Ok(super::services::service("vmauth", Wrong::Unavailable(30))),
    },
    Fault {
        name: "metrics-kept-too-short",
        about: "metrics are kept three days, since somebody wanted room",
        risk: "—",
        effect: "what is older is deleted",
        wrong: |ground| {
            let store = ground.object("vmclusters.operator.victoriametrics.com")?;
            let mut broken = store.broken(vec![store.merged(&json!({ "spec": { "retentionPeriod": "3d" } }))]);
            broken.names.push("vmstorage".into());
            Ok(broken)
        },
    },
    Fault {
        name: "alerting-rule-unreadable",
        about: "the expression of an alerting rule lacks a bracket",
        risk: "—",
        effect: "the rule is never evaluated, and nobody is told",
        wrong: |ground| {
            let rules = ground.object("prometheusrules.monitoring.coreos.com")?;
            let mut groups = rules.value["spec"]["groups"].clone();
            let rule = groups.get_mut(0).and_then(|group| group["rules"].get_mut(0));
            rule.ok_or("the first PrometheusRule has no rule")?["expr"] = "sum(up == 0".into();
            Ok(rules.broken(vec![rules.merged(&json!({ "spec": { "groups": groups } }))]))
        },
    },
    Fault {
        name: "state-metrics-scaled-down",
        about: "kube-state-metrics of the second cluster was scaled to nothing",
        risk: "—",
        effect: "the states of its objects are not measured any more",
        wrong: |ground| {
            let target = of_other(ground, DEPLOYMENTS, "kube-state-metrics")?;
            Ok(target.broken(vec![target.merged(&json!({ "spec": { "replicas": 0 } }))]))
        },
    },
    Fault {
        name: "node-exporter-nowhere",
        about: "node-exporter of the second cluster selects a label that no node has",
        risk: "—",
        effect: "no node is measured",
        wrong: |ground| Ok(nowhere(&of_other(ground, DAEMON_SETS, "node-exporter")?)),
    },
    Fault {
        name: "log-collector-nowhere",
        about: "the logs' collector selects a label that no node has",
        risk: "—",
        effect: "nothing that containers write is forwarded",
        wrong: |ground| Ok(nowhere(&ground.named(DAEMON_SETS, "fluent-bit")?)),
    },
    Fault {
        name: "log-store-scaled-down",
        about: "the logs' store was scaled to nothing for a repair, and forgotten",
        risk: "—",
        effect: "no log can be read, and none is kept",
        wrong: |ground| scaled(ground, STATEFUL_SETS, "victorialogs"),
    },
    Fault {
        name: "kafka-operator-scaled-down",
        about: "Strimzi's operator was scaled to nothing for a repair, and forgotten",
        risk: "—",
        effect: "Kafka runs on; nothing that is changed of it comes about",
        wrong: |ground| scaled(ground, DEPLOYMENTS, "strimzi-cluster-operator"),
    },
    Fault {
        name: "broker-disk-slow",
        about: "the disk of a node that a Kafka broker runs on takes a hundred times as long",
        risk: "R10",
        effect: "records are acknowledged late: the slowest replica counts",
        wrong: |ground| {
            let broker = ground.find("pods", |pod| pod["metadata"]["labels"]["strimzi.io/pool-name"].is_string())?;
            let node = broker.value["spec"]["nodeName"].as_str().ok_or("no node has the first broker")?;
            Ok(Broken::new(format!("Node {node}"), &[node], vec![Cause::DiskSlow { node: node.into() }]))
        },
    },
    Fault {
        name: "schema-registry-scaled-down",
        about: "the Schema Registry was scaled to nothing, and forgotten",
        risk: "—",
        effect: "no schema can be read or registered",
        wrong: |ground| scaled(ground, DEPLOYMENTS, "schema-registry"),
    },
    Fault {
        name: "runner-controller-scaled-down",
        about: "the controller of GitHub's runners was scaled to nothing, and forgotten",
        risk: "—",
        effect: "no runner is made for a job",
        wrong: |ground| scaled(ground, DEPLOYMENTS, "actions-runner-controller"),
    },
    Fault {
        name: "gitlab-sidekiq-scaled-down",
        about: "GitLab's background workers were scaled to nothing, and forgotten",
        risk: "—",
        effect: "pages answer; pipelines, mails and clean-ups wait",
        wrong: |ground| scaled(ground, DEPLOYMENTS, "gitlab-sidekiq"),
    },
    Fault {
        name: "harbor-jobs-scaled-down",
        about: "Harbor's job service was scaled to nothing, and forgotten",
        risk: "—",
        effect: "images are pushed and pulled; nothing is scanned, replicated or cleaned up",
        wrong: |ground| scaled(ground, DEPLOYMENTS, "harbor-jobservice"),
    },
    Fault {
        name: "keycloak-scaled-down",
        about: "Keycloak was scaled to nothing for a repair, and forgotten",
        risk: "—",
        effect: "nobody can log in anywhere",
        wrong: |ground| scaled(ground, STATEFUL_SETS, "keycloak"),
    },
    Fault {
        name: "cache-without-replicas",
        about: "Dragonfly was scaled to nothing for a repair, and forgotten",
        risk: "R6",
        effect: "GitLab and Harbor have no cache, and no sessions",
        wrong: |ground| {
            let cache = ground.object("dragonflies.dragonflydb.io")?;
            Ok(cache.broken(vec![cache.merged(&json!({ "spec": { "replicas": 0 } }))]))
        },
    },
    Fault {
        name: "pooler-of-harbor-paused",
        about: "the connection pooler of Harbor was paused, and never resumed",
        risk: "R6",
        effect: "Harbor waits for its database, and answers 500",
        wrong: |ground| {
            let target = pooler(ground, "harbor")?;
            Ok(target.broken(vec![target.merged(&json!({ "spec": { "pgbouncer": { "paused": true } } }))]))
        },
    },
    Fault {
        name: "pooler-of-keycloak-gone",
        about: "the connection pooler of Keycloak was scaled to nothing",
        risk: "R6",
        effect: "Keycloak is not ready: it has no database",
        wrong: |ground| {
            let target = pooler(ground, "keycloak")?;
            Ok(target.broken(vec![target.merged(&json!({ "spec": { "instances": 0 } }))]))
        },
    },
];
