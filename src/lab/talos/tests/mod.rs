//! The client of `client::talos` against the lab's machines, over real TLS on loopback: well, and broken in each way.

mod broken;
mod examples;
mod open_lab;
mod refused;
mod stages;
mod well;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use super::machine::{MemoryUse, member_id};
use super::pki::{context, talosconfig};
use super::*;
use crate::client::route::Routes;
use crate::client::talos::health::State as Held;
use crate::client::talos::{Ask, Machines};
use crate::clock::System;
use crate::error::{Error, Kind};

const SECOND: Duration = Duration::from_secs(1);

/// One that is longer than a piece of a stream.
fn kubeconfig() -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: admin@infra\n\
         clusters: [{{name: infra, cluster: {{server: 'https://infra-k8s.monosense.io:6443'}}}}]\n\
         users: [{{name: admin@infra, user: {{client-key-data: {}}}}}]\n\
         contexts: [{{name: admin@infra, context: {{cluster: infra, user: admin@infra}}}}]\n",
        "c2VjcmV0".repeat(6000)
    )
}

/// Three machines of a control plane and a worker; the first two serve.
pub(crate) struct Lab {
    pub(crate) talos: Arc<Talos>,
    authority: Authority,
    serving: Vec<Serving>,
    /// With the talosconfig.
    pub(crate) folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        let now = Timestamp::now();
        let machine = |number: u64| {
            Machine::healthy(&format!("infra-0{number}"), &format!("10.25.11.1{number}"), number < 4, number, now)
        };

        let state = State { machines: (1..=4).map(machine).collect(), kubeconfig: Some(kubeconfig()) };
        let talos = Talos::new("infra", state, Arc::new(MachinesAlone), Arc::new(System));
        let authority = Authority::new().expect("an authority");
        let mut serving = Vec::new();
        for node in ["infra-01", "infra-02"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let tls = authority.server(&[node, "127.0.0.1", "192.0.2.11"]).expect("a certificate");
            serving.push(serve(talos.clone(), node, listener, tls).expect("serving"));
        }
        Self { talos, authority, serving, folder: tempfile::tempdir().expect("a folder") }
    }

    fn endpoints(&self) -> Vec<String> {
        self.serving.iter().map(|serving| serving.address.to_string()).collect()
    }

    fn machines(&self, lines: String) -> Machines {
        let file = self.folder.path().join("talosconfig");
        std::fs::write(&file, talosconfig(&[("infra", lines)])).expect("written");
        Machines::new("infra", Some(&file), "infra", &[], Routes::default(), SECOND).expect("a talosconfig")
    }

    fn client(&self, role: Role) -> Machines {
        let nodes: Vec<String> = (1..=3).map(|number| format!("10.25.11.1{number}")).collect();
        self.machines(self.authority.context(role, &self.endpoints(), &nodes, Timestamp::now()).expect("a context"))
    }

    pub(crate) fn admin(&self) -> Machines {
        self.client(Role::Admin)
    }
}

/// The nodes of the context.
fn each(machines: &Machines) -> Ask {
    Ask { nodes: machines.nodes().expect("nodes"), limit: SECOND }
}

fn node(name: &str) -> Ask {
    Ask { nodes: vec![name.into()], limit: SECOND }
}

fn failed<T: fmt::Debug>(told: &[crate::client::talos::Told<T>]) -> Error {
    match told {
        [one] => one.answer.as_ref().expect_err("a failure").clone(),
        other => panic!("{other:?}"),
    }
}

fn whole(error: &Error) -> String {
    format!("{error} {}", error.hints.join(" "))
}
