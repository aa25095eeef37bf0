//! Services: metrics, logs, alerts, registries, and what lies outside.

use crate::lab::faults::fault::{Broken, Fault};
use crate::lab::world::{Cause, Wrong};

/// A service that is not as it should be.
pub(super) fn service(name: &str, wrong: Wrong) -> Broken {
    Broken::new(format!("service {name}"), &[name], vec![Cause::service(name, wrong)])
}

/// The logs' store, which platforms know by another name than the lab.
fn logs(wrong: Wrong) -> Broken {
    let mut broken = service("vlogs", wrong);
    broken.names.push("victorialogs".into());
    broken
}

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "metrics-empty",
        about: "the metrics' store answers queries with no series",
        risk: "R10",
        effect: "every query is a success with nothing in it",
        wrong: |_| Ok(service("vmselect", Wrong::Empty)),
    },
    Fault {
        name: "metrics-fail",
        about: "the metrics' store answers queries with 500",
        risk: "R10",
        effect: "no metric can be read",
        wrong: |_| Ok(service("vmselect", Wrong::Status(500))),
    },
    Fault {
        name: "metrics-slow",
        about: "the metrics' store takes twelve seconds for each query",
        risk: "R10",
        effect: "queries are right, and slower than any target",
        wrong: |_| Ok(service("vmselect", Wrong::Slow(12_000))),
    },
    Fault {
        name: "metrics-targets-down",
        about: "every scrape fails: a firewall keeps the agents from their targets",
        risk: "R10",
        effect: "up is 0 for all targets, and alerts about it fire",
        wrong: |_| {
            let cause = Cause::service("scrapes", Wrong::Down);
            Ok(Broken::new("scrapes of vmagent", &["vmagent", "up"], vec![cause]))
        },
    },
    Fault {
        name: "metrics-ingestion-down",
        about: "what takes metrics in does not listen",
        risk: "R10",
        effect: "agents can't write, and nothing newer is found",
        wrong: |_| Ok(service("vminsert", Wrong::Down)),
    },
    Fault {
        name: "logs-empty",
        about: "the logs' store answers queries with no line",
        risk: "R10",
        effect: "every query is a success with nothing in it",
        wrong: |_| Ok(logs(Wrong::Empty)),
    },
    Fault {
        name: "logs-down",
        about: "the logs' store does not listen",
        risk: "R10",
        effect: "no log can be read, and none is kept",
        wrong: |_| Ok(logs(Wrong::Down)),
    },
    Fault {
        name: "alerts-unavailable",
        about: "Alertmanager answers 503",
        risk: "—",
        effect: "nobody is told of anything",
        wrong: |_| Ok(service("alertmanager", Wrong::Unavailable(5))),
    },
    Fault {
        name: "dashboards-down",
        about: "Grafana does not listen",
        risk: "—",
        effect: "its host answers with the gateway's 503",
        wrong: |_| Ok(service("grafana", Wrong::Down)),
    },
    Fault {
        name: "schemas-fail",
        about: "the Schema Registry answers 500",
        risk: "—",
        effect: "no schema can be read or registered",
        wrong: |_| Ok(service("schema-registry", Wrong::Status(500))),
    },
    Fault {
        name: "registry-breaks-off",
        about: "Harbor's answers break off in the middle",
        risk: "R2",
        effect: "pulls and pushes end with a reset connection",
        wrong: |_| Ok(service("harbor", Wrong::Reset)),
    },
    Fault {
        name: "registry-slow",
        about: "Harbor takes eight seconds for each answer",
        risk: "R10",
        effect: "pulls are right, and slower than any target",
        wrong: |_| Ok(service("harbor", Wrong::Slow(8000))),
    },
    Fault {
        name: "gitlab-fails",
        about: "GitLab answers 502",
        risk: "—",
        effect: "neither its pages nor its API can be used",
        wrong: |_| Ok(service("gitlab", Wrong::Status(502))),
    },
    Fault {
        name: "single-sign-on-down",
        about: "Keycloak does not listen",
        risk: "—",
        effect: "nobody can log in anywhere",
        wrong: |_| Ok(service("keycloak", Wrong::Down)),
    },
    Fault {
        name: "runners-unregistered",
        about: "GitHub knows no runner of the organisation",
        risk: "—",
        effect: "the list of runners is empty; jobs wait",
        wrong: |_| Ok(service("github", Wrong::Empty)),
    },
    Fault {
        name: "dns-provider-limits",
        about: "the DNS provider's API has had too many requests",
        risk: "—",
        effect: "records are neither read nor written for a while: 429",
        wrong: |_| Ok(service("cloudflare", Wrong::TooMany(60))),
    },
];
