//! What `talosctl` prints of what machines told.

use jiff::Timestamp;

use super::super::words::columns;
use crate::client::talos::etcd::{Alarm, Member, Status};
use crate::client::talos::machine::{Memory, Version};
use crate::client::talos::services::Service;
use crate::lab::world::topology::{Node, Role};

/// What it is itself.
pub(in crate::lab::tools) const VERSION: &str = "v1.11.2";
/// Between columns.
const BETWEEN: &str = "   ";

pub(super) fn client(short: bool) -> String {
    if short {
        return format!("Talos {VERSION}\n");
    }
    format!("Client:\n\tTag:         {VERSION}\n\tSHA:         lab\n\tOS/Arch:     linux/amd64\n")
}

pub(super) fn server(node: &str, version: &Version, short: bool) -> String {
    let head = format!("\tNODE:        {node}\n\tTag:         {}\n", version.version);
    if short {
        return head;
    }
    let Version { sha, os, arch, .. } = version;
    let roles = if version.rbac { "\tEnabled:     RBAC\n" } else { "" };
    format!("{head}\tSHA:         {sha}\n\tOS/Arch:     {os}/{arch}\n{roles}")
}

fn table(head: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let head = head.split("  ").map(|cell| cell.trim().to_owned()).filter(|cell| !cell.is_empty()).collect();
    let all: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    columns(&all, BETWEEN)
}

fn word(service: &Service) -> &'static str {
    match service.health.as_str() {
        "ok" => "OK",
        "failing" => "Fail",
        _ => "?",
    }
}

fn ago(time: Option<Timestamp>) -> String {
    let Some(time) = time else { return String::new() };
    let seconds = Timestamp::now().duration_since(time).as_secs().max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s ago"),
        (0, _) => format!("{minutes}m{seconds}s ago"),
        _ => format!("{hours}h{minutes}m{seconds}s ago"),
    }
}

pub(super) fn services(rows: &[(String, Service)]) -> String {
    table(
        "NODE  SERVICE  STATE  HEALTH  LAST CHANGE  LAST EVENT",
        rows.iter().map(|(node, one)| {
            let health = word(one).to_owned();
            vec![node.clone(), one.id.clone(), one.state.clone(), health, ago(one.since), one.last_event.clone()]
        }),
    )
}

pub(super) fn service(rows: &[(String, Service)]) -> String {
    let one = |(node, one): &(String, Service)| {
        let health = match one.health_message.as_str() {
            "" => word(one).to_owned(),
            message => format!("{} ({message})", word(one)),
        };
        let last = format!("[{}]: {} ({})", one.state, one.last_event, ago(one.last_event_at));
        let pairs = [("NODE", node), ("ID", &one.id), ("STATE", &one.state), ("HEALTH", &health), ("EVENTS", &last)];
        pairs.iter().map(|(name, value)| format!("{name:<9}{value}\n")).collect::<String>()
    };
    rows.iter().map(one).collect()
}

pub(super) fn member(asked: &str, node: &Node, version: &Version) -> Vec<String> {
    let kind = if node.roles.contains(&Role::ControlPlane) { "controlplane" } else { "worker" };
    vec![
        asked.to_owned(),
        "cluster".into(),
        "Member".into(),
        node.name.get_ref().clone(),
        "1".into(),
        node.name.get_ref().clone(),
        kind.into(),
        format!("Talos ({})", version.version),
        format!("[\"{}\"]", node.address.get_ref()),
    ]
}

pub(super) fn members(rows: Vec<Vec<String>>) -> String {
    table("NODE  NAMESPACE  TYPE  ID  VERSION  HOSTNAME  MACHINE TYPE  OS  ADDRESSES", rows)
}

pub(super) fn etcd_members(rows: &[(String, Member)]) -> String {
    table(
        "NODE  ID  HOSTNAME  PEER URLS  CLIENT URLS  LEARNER",
        rows.iter().map(|(node, one)| {
            let (peers, clients) = (one.peer_urls.join(","), one.client_urls.join(","));
            vec![node.clone(), one.id.clone(), one.hostname.clone(), peers, clients, one.learner.to_string()]
        }),
    )
}

/// Bytes as people count them.
fn bytes(number: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let mut value = number as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{value} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

pub(super) fn etcd_status(rows: &[(String, Status)]) -> String {
    table(
        "NODE  MEMBER  DB SIZE  IN USE  LEADER  RAFT INDEX  RAFT TERM  RAFT APPLIED INDEX  LEARNER  PROTOCOL  STORAGE  ERRORS",
        rows.iter().map(|(node, one)| {
            #[allow(clippy::cast_precision_loss)]
            let share = one.db_in_use as f64 * 100.0 / one.db_size.max(1) as f64;
            vec![
                node.clone(),
                one.member.clone(),
                bytes(one.db_size),
                format!("{} ({share:.2}%)", bytes(one.db_in_use)),
                one.leader.clone().unwrap_or_else(|| "0000000000000000".into()),
                one.raft_index.to_string(),
                one.raft_term.to_string(),
                one.raft_applied.to_string(),
                one.learner.to_string(),
                one.protocol.clone(),
                one.storage.clone(),
                one.errors.join(", "),
            ]
        }),
    )
}

pub(super) fn alarms(rows: &[(String, Alarm)]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let row = |(node, one): &(String, Alarm)| vec![node.clone(), one.member.clone(), one.alarm.clone()];
    table("NODE  MEMBER  ALARM", rows.iter().map(row))
}

pub(super) fn memory(rows: &[(String, Memory)]) -> String {
    let mib = |number: u64| (number >> 20).to_string();
    table(
        "NODE  TOTAL  USED  FREE  BUFFERS  CACHE  AVAILABLE",
        rows.iter().map(|(node, one)| {
            let used = one.total.saturating_sub(one.free + one.buffers + one.cached);
            let own = [one.total, used, one.free, one.buffers, one.cached, one.available];
            std::iter::once(node.clone()).chain(own.map(mib)).collect()
        }),
    )
}
