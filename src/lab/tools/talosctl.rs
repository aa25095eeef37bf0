//! `talosctl`: version, health, services, members, etcd, logs; answered by the machines of the lab's world over their own
//! API, which `pb` asks with the client that its playbooks use.
//!
//! Source: github.com/siderolabs/talos 1.11, `cmd/talosctl`.

mod show;

use std::time::Duration;

use super::words::Words;
use super::{Bench, Call, Say, not_simulated};
use crate::client::route::Routes;
use crate::client::talos::health::State;
use crate::client::talos::{Ask, Machines, Told};
use crate::config::units;
use crate::error::Error;

const VALUED: [&str; 16] = [
    "context",
    "n",
    "nodes",
    "e",
    "endpoints",
    "talosconfig",
    "cluster",
    "o",
    "output",
    "tail",
    "wait-timeout",
    "control-plane-nodes",
    "worker-nodes",
    "namespace",
    "k8s-endpoint",
    "init-node",
];
/// How long a machine may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long `health` waits, unless it is told otherwise.
const WAIT: &str = "20m";

pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    let machines = match machines(bench, &words) {
        Ok(machines) => machines,
        Err(why) => {
            say.err(format!("error constructing client: {why}\n"));
            return 1;
        }
    };
    let nodes = match machines.nodes() {
        Ok(nodes) => nodes,
        Err(_) => {
            say.err("nodes are not set for the command: please use `--nodes` flag or configuration file to set the nodes to run the command against\n");
            return 1;
        }
    };
    let asked = Asked { machines, ask: Ask { nodes, limit: LIMIT }, words: &words, say };
    match words.plain().as_slice() {
        ["version"] => asked.version().await,
        ["health"] => asked.health().await,
        ["services" | "service"] => asked.services("").await,
        ["service" | "services", id] | ["service" | "services", id, "status"] => asked.services(id).await,
        ["get", "members" | "member"] => asked.members(bench).await,
        ["etcd", "members"] => asked.etcd_members().await,
        ["etcd", "status"] => asked.etcd_status().await,
        ["etcd", "alarm", "list"] | ["etcd", "alarms"] => asked.alarms().await,
        ["memory"] => asked.memory().await,
        ["dmesg"] => {
            let told = asked.machines.dmesg(&asked.ask).await;
            asked.lines(told)
        }
        ["logs" | "log", service] => {
            let tail = words.value(&["tail"]).and_then(|text| text.parse().ok());
            let told = asked.machines.logs(&asked.ask, service, tail).await;
            asked.lines(told)
        }
        ["kubeconfig", "-"] => match asked.machines.kubeconfig(&asked.ask).await {
            Ok(text) => {
                say.out(text);
                0
            }
            Err(error) => asked.failed(&[("", &error)]),
        },
        _ => not_simulated(say, call),
    }
}

/// The machines that a command line means.
fn machines(bench: &Bench, words: &Words) -> Result<Machines, String> {
    let context = words.value(&["context"]);
    let cluster = bench.cluster(context)?;
    let named = words.values(&["n", "nodes"]);
    let nodes: Vec<String> = named.iter().flat_map(|all| all.split(',')).map(str::to_owned).collect();
    let own = bench.talosconfig.as_deref();
    Machines::new(&cluster.name, own, context.unwrap_or(&cluster.name), &nodes, Routes::default(), LIMIT)
        .map_err(|error| error.message)
}

/// A command line with those whom it is sent to.
struct Asked<'a> {
    machines: Machines,
    ask: Ask,
    words: &'a Words,
    say: &'a Say,
}

impl Asked<'_> {
    /// What the nodes told; who did not is complained of at the end.
    fn shown<T>(&self, told: Vec<Told<T>>, mut show: impl FnMut(&str, T)) -> i32 {
        let mut wrong = Vec::new();
        for one in told {
            match one.answer {
                Ok(answer) => show(&one.node, answer),
                Err(error) => wrong.push((one.node, error)),
            }
        }
        let wrong: Vec<(&str, &Error)> = wrong.iter().map(|(node, error)| (node.as_str(), error)).collect();
        self.failed(&wrong)
    }

    /// Complains as its errors are joined; the exit code.
    fn failed(&self, wrong: &[(&str, &Error)]) -> i32 {
        if wrong.is_empty() {
            return 0;
        }
        let rows: String = wrong
            .iter()
            .map(|(node, error)| {
                let at = if node.is_empty() { String::new() } else { format!("{node}: ") };
                format!("\t* {at}{}\n", error.message)
            })
            .collect();
        let count = if wrong.len() == 1 { "1 error".to_owned() } else { format!("{} errors", wrong.len()) };
        self.say.err(format!("{count} occurred:\n{rows}\n"));
        1
    }

    fn lines(&self, told: Vec<Told<String>>) -> i32 {
        self.shown(told, |node, text| {
            self.say.out(text.lines().map(|line| format!("{node}: {line}\n")).collect::<String>());
        })
    }

    async fn version(&self) -> i32 {
        let short = self.words.has(&["short"]);
        self.say.out(show::client(short));
        if self.words.has(&["client"]) {
            return 0;
        }
        self.say.out("Server:\n");
        let told = self.machines.version(&self.ask).await;
        self.shown(told, |node, version| self.say.out(show::server(node, &version, short)))
    }

    /// Tells each condition as it is waited for. What does not come to hold ends it.
    async fn health(&self) -> i32 {
        let text = self.words.value(&["wait-timeout"]).unwrap_or(WAIT);
        let Some(wait) = units::duration(text) else {
            self.say.err(format!(
                "invalid argument \"{text}\" for \"--wait-timeout\" flag: time: invalid duration \"{text}\"\n"
            ));
            return 1;
        };
        let list = |flag: &str| -> Vec<String> {
            self.words.values(&[flag]).iter().flat_map(|all| all.split(',')).map(str::to_owned).collect()
        };
        let (planes, workers) = (list("control-plane-nodes"), list("worker-nodes"));
        let health = match self.machines.health(&self.ask, wait, &planes, &workers).await {
            Ok(health) => health,
            Err(error) => return self.failed(&[("", &error)]),
        };
        self.say.err(format!("discovered nodes: {}\n", health.found));
        for condition in &health.conditions {
            let name = &condition.name;
            let said = match condition.state {
                State::NotReached => continue,
                State::Ok => "OK",
                State::Skipped => "SKIP",
                State::Failed => condition.message.as_str(),
            };
            self.say.err(format!("waiting for {name}: ...\nwaiting for {name}: {said}\n"));
        }
        if health.conditions.iter().any(|condition| condition.state == State::Failed) {
            self.say.err("healthcheck error: rpc error: code = DeadlineExceeded desc = context deadline exceeded\n");
            return 1;
        }
        0
    }

    async fn services(&self, id: &str) -> i32 {
        let told = self.machines.services(&self.ask).await;
        let mut rows = Vec::new();
        let code = self.shown(told, |node, all| {
            rows.extend(all.into_iter().filter(|one| id.is_empty() || one.id == id).map(|one| (node.to_owned(), one)));
        });
        if rows.is_empty() && code == 0 {
            self.say.err(format!("service {id:?} is not registered on nodes {:?}\n", self.ask.nodes));
            return 1;
        }
        self.say.out(if id.is_empty() { show::services(&rows) } else { show::service(&rows) });
        code
    }

    async fn members(&self, bench: &Bench) -> i32 {
        let told = self.machines.version(&self.ask).await;
        let cluster = bench.services.world.topology.clusters.get(self.machines.name());
        let mut rows = Vec::new();
        let code = self.shown(told, |node, version| {
            rows.extend(cluster.into_iter().flat_map(|one| &one.nodes).map(|one| show::member(node, one, &version)));
        });
        self.say.out(show::members(rows));
        code
    }

    async fn etcd_members(&self) -> i32 {
        let told = self.machines.members(&self.ask).await;
        let mut rows = Vec::new();
        let code = self.shown(told, |node, all| rows.extend(all.into_iter().map(|one| (node.to_owned(), one))));
        self.say.out(show::etcd_members(&rows));
        code
    }

    async fn etcd_status(&self) -> i32 {
        let told = self.machines.etcd_status(&self.ask).await;
        let mut rows = Vec::new();
        let code = self.shown(told, |node, status| rows.push((node.to_owned(), status)));
        self.say.out(show::etcd_status(&rows));
        code
    }

    async fn alarms(&self) -> i32 {
        let told = self.machines.alarms(&self.ask).await;
        let mut rows = Vec::new();
        let code = self.shown(told, |node, all| rows.extend(all.into_iter().map(|one| (node.to_owned(), one))));
        self.say.out(show::alarms(&rows));
        code
    }

    async fn memory(&self) -> i32 {
        let told = self.machines.memory(&self.ask).await;
        let mut rows = Vec::new();
        let code = self.shown(told, |node, memory| rows.push((node.to_owned(), memory)));
        self.say.out(show::memory(&rows));
        code
    }
}
