//! A name server's answer as plain data.

use std::time::Duration;

use hickory_resolver::proto::rr::{Name, RData, Record as Wire, RecordType};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::wire::Reply;

/// What a server said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The name that was found, with the search list's domain.
    pub name: String,
    /// `A`
    pub record_type: String,
    /// Who said it: an address and port, `the hosts file`, `this machine`.
    pub server: String,
    /// The addresses among the records of that type.
    pub addresses: Vec<String>,
    /// Every record, CNAMEs on the way included.
    pub answers: Vec<Record>,
    /// The smallest time to live of the records, in seconds.
    pub ttl: u32,
    /// Whether the server is an authority for the name.
    pub authoritative: bool,
    /// `udp`, `tcp` or `none`
    pub protocol: String,
    /// From question to answer.
    pub latency: Duration,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its name, without the last dot.
    pub name: String,
    /// `A`
    pub record_type: String,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// Its content as text; names without the last dot.
    pub data: String,
    /// Its parts, where it has some: `priority`, `weight`, `port`, `target` of SRV …
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Answer {
    pub(super) fn new(name: &Name, wanted: RecordType, server: &str, latency: Duration, reply: &Reply) -> Self {
        let answers = reply.message.answers.iter().map(Record::new).collect();
        let mut answer = Self::local(name, wanted, server, answers);
        answer.authoritative = reply.message.metadata.authoritative;
        answer.protocol = if reply.tcp { "tcp" } else { "udp" }.into();
        answer.latency = latency;
        answer
    }

    pub(super) fn local(name: &Name, wanted: RecordType, server: &str, answers: Vec<Record>) -> Self {
        let is_address = |r: &&Record| matches!(r.record_type.as_str(), "A" | "AAAA");
        Self {
            name: show(name),
            record_type: wanted.to_string(),
            server: server.into(),
            addresses: answers.iter().filter(is_address).map(|r| r.data.clone()).collect(),
            ttl: answers.iter().map(|r| r.ttl).min().unwrap_or_default(),
            answers,
            authoritative: false,
            protocol: "none".into(),
            latency: Duration::ZERO,
        }
    }
}

impl Record {
    pub(super) fn new(record: &Wire) -> Self {
        let (data, fields) = parts(&record.data);
        Self {
            name: show(&record.name),
            record_type: record.record_type().to_string(),
            ttl: record.ttl,
            data,
            fields: fields.as_object().cloned().unwrap_or_default(),
        }
    }

    pub(super) fn address(name: &Name, wanted: RecordType, address: String) -> Self {
        Self {
            name: show(name),
            record_type: wanted.to_string(),
            ttl: 0,
            data: address,
            fields: serde_json::Map::new(),
        }
    }
}

/// A name without the last dot, as people write it.
pub(super) fn show(name: &Name) -> String {
    let text = name.to_utf8();
    if text.len() > 1 { text.trim_end_matches('.').to_string() } else { text }
}

fn parts(data: &RData) -> (String, serde_json::Value) {
    let nothing = serde_json::Value::Null;
    match data {
        RData::CNAME(to) => (show(to), nothing),
        RData::NS(to) => (show(to), nothing),
        RData::PTR(to) => (show(to), nothing),
        RData::MX(mx) => {
            let exchange = show(&mx.exchange);
            (format!("{} {exchange}", mx.preference), json!({ "preference": mx.preference, "exchange": exchange }))
        }
        RData::SRV(srv) => {
            let target = show(&srv.target);
            let fields = json!({ "priority": srv.priority, "weight": srv.weight, "port": srv.port, "target": target });
            (format!("{} {} {} {target}", srv.priority, srv.weight, srv.port), fields)
        }
        RData::TXT(txt) => (txt.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect(), nothing),
        RData::SOA(soa) => {
            let fields = json!({ "primary": show(&soa.mname), "mail": show(&soa.rname), "serial": soa.serial,
                "refresh": soa.refresh, "retry": soa.retry, "expire": soa.expire, "minimum": soa.minimum });
            (data.to_string(), fields)
        }
        other => (other.to_string(), nothing),
    }
}
