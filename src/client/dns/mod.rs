//! Asks name servers: one that is named, or the system's, with the search list and the hosts file.

mod answer;
mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::{Duration, Instant};

use hickory_resolver::Hosts;
use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;

pub use answer::{Answer, Record};

use super::route::{Routes, host_and_port, resolve};
use crate::error::{Error, Kind, Result, did_you_mean};

/// The types that can be asked for.
pub const TYPES: &[&str] = &["A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"];
/// How long one server of several is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A question.
#[derive(Debug, Clone)]
pub struct Question {
    /// The name, or for PTR an address.
    pub name: String,
    /// One of [`TYPES`].
    pub record_type: String,
    /// `host` or `host:port`; none for the system's servers.
    pub server: Option<String>,
    /// Over TCP from the start.
    pub tcp: bool,
    /// How long to wait in all.
    pub limit: Duration,
}

/// A question that is understood, with the servers to ask.
#[derive(Debug, Clone)]
pub struct Prepared {
    question: Question,
    names: Vec<Name>,
    record_type: RecordType,
    servers: Vec<SocketAddr>,
    local: Option<Answer>,
}

impl Prepared {
    /// Leaves out what this machine answers by itself: the servers are to be measured.
    #[must_use]
    pub fn servers_only(mut self) -> Self {
        self.local = None;
        self
    }

    /// The servers that will be asked.
    pub fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }
}

/// Understands a question and finds its servers.
///
/// # Errors
/// [`Kind::Script`] when name, type or server make no sense; [`Kind::Config`] without a usable `/etc/resolv.conf`.
pub async fn prepare(question: Question) -> Result<Prepared> {
    let record_type = record_type(&question.record_type)?;
    let name = parse_name(&question.name, record_type)?;
    let plain = || Prepared {
        question: question.clone(),
        names: vec![fully_qualified(name.clone())],
        record_type,
        servers: Vec::new(),
        local: None,
    };
    if let Some(server) = &question.server {
        let (host, port) = host_and_port(server, Some(53)).map_err(|e| e.context("server"))?;
        return Ok(Prepared { servers: resolve(&host, port).await?, ..plain() });
    }
    let local = by_hosts_file(&name, record_type);
    let (config, options) = match read_system_conf() {
        Ok(found) => found,
        Err(_) if local.is_some() => return Ok(Prepared { local, ..plain() }),
        Err(e) => {
            return Err(Error::new(Kind::Config, "/etc/resolv.conf names no usable server")
                .because(e)
                .hint("server: \"10.0.0.10\" asks a server of your choice"));
        }
    };
    let servers = config.name_servers().iter().map(|s| SocketAddr::new(s.ip, 53)).collect();
    let names = candidates(&name, config.search(), options.ndots);
    Ok(Prepared { servers, names, local, ..plain() })
}

/// Asks the servers in turn until one answers, and each name of the search list until one exists.
///
/// # Errors
/// [`Kind::NotFound`] where the name or the type does not exist, [`Kind::Forbidden`] where the server refuses,
/// [`Kind::Timeout`] where none answers, [`Kind::Unreachable`] where none is there or it failed itself (SERVFAIL),
/// [`Kind::Unreadable`] where the answer makes no sense.
pub async fn ask(routes: &Routes, prepared: &Prepared) -> Result<Answer> {
    if let Some(local) = &prepared.local {
        return Ok(local.clone());
    }
    let deadline = Instant::now() + prepared.question.limit;
    let mut missing = None;
    for name in &prepared.names {
        match ask_servers(routes, prepared, name, deadline).await {
            Err(error) if error.kind == Kind::NotFound => missing = missing.or(Some(error)),
            other => return other,
        }
    }
    Err(missing.unwrap_or_else(|| Error::new(Kind::Config, "no name server is known")))
}

async fn ask_servers(routes: &Routes, prepared: &Prepared, name: &Name, deadline: Instant) -> Result<Answer> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name.clone(), prepared.record_type));
    let mut failure = None;
    for (at, server) in prepared.servers.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let last = at + 1 == prepared.servers.len();
        let limit = if last { left } else { left.min(PATIENCE) };
        let started = Instant::now();
        let reply = match wire::exchange(routes, *server, &message, prepared.question.tcp, limit).await {
            Ok(reply) => reply,
            // A server that is away leaves the question to the next one.
            Err(error) => {
                failure = Some(error);
                continue;
            }
        };
        let latency = started.elapsed();
        match judge(name, prepared.record_type, *server, &reply.message) {
            Ok(()) => return Ok(Answer::new(name, prepared.record_type, &server.to_string(), latency, &reply)),
            Err(error) if error.kind == Kind::Unreachable && !last => failure = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| Error::new(Kind::Config, "no name server is known")))
}

/// Turns the response code into an error, and an answer without a fitting record too.
fn judge(name: &Name, wanted: RecordType, server: SocketAddr, message: &Message) -> Result<()> {
    let shown = answer::show(name);
    let error = |kind, what: &str| Err(Error::new(kind, format!("{shown} {wanted}: {what}, says {server}")));
    match message.metadata.response_code {
        ResponseCode::NoError if message.answers.iter().any(|r| r.record_type() == wanted) => Ok(()),
        ResponseCode::NoError if !message.answers.is_empty() => {
            error(Kind::NotFound, &format!("the name leads elsewhere (CNAME), but there is no {wanted} record"))
        }
        ResponseCode::NoError => error(Kind::NotFound, &format!("the name has no {wanted} record (NODATA)")),
        ResponseCode::NXDomain => error(Kind::NotFound, "there is no such name (NXDOMAIN)"),
        ResponseCode::ServFail => error(Kind::Unreachable, "the server could not find out (SERVFAIL)"),
        ResponseCode::Refused => error(Kind::Forbidden, "the server refuses to answer (REFUSED)"),
        other => error(Kind::Unreadable, &format!("the server answers with \"{other}\"")),
    }
}

fn record_type(text: &str) -> Result<RecordType> {
    let upper = text.to_uppercase();
    RecordType::from_str(&upper).ok().filter(|_| TYPES.contains(&upper.as_str())).ok_or_else(|| {
        Error::new(Kind::Script, format!("dns: no record type \"{text}\" (there is {})", TYPES.join(", ")))
            .maybe_hint(did_you_mean(&upper, TYPES.iter().copied()))
    })
}

fn parse_name(text: &str, record_type: RecordType) -> Result<Name> {
    if record_type == RecordType::PTR
        && let Ok(address) = text.parse::<IpAddr>()
    {
        return Ok(Name::from(address));
    }
    let wrong = || Error::new(Kind::Script, format!("\"{text}\" is no domain name"));
    if text.is_empty() {
        return Err(wrong());
    }
    Name::from_str_relaxed(text).map_err(|e| wrong().because(e))
}

fn fully_qualified(mut name: Name) -> Name {
    name.set_fqdn(true);
    name
}

/// The names to try, as resolv.conf(5) says: with at least `ndots` dots the name itself comes first.
fn candidates(name: &Name, search: &[Name], ndots: usize) -> Vec<Name> {
    if name.is_fqdn() {
        return vec![name.clone()];
    }
    let own = fully_qualified(name.clone());
    let found = search.iter().filter_map(|domain| name.clone().append_domain(domain).ok()).map(fully_qualified);
    let mut names: Vec<Name> = found.collect();
    if usize::from(name.num_labels()) > ndots {
        names.insert(0, own);
    } else {
        names.push(own);
    }
    names
}

/// What this machine knows by itself: the hosts file, and `localhost` (RFC 6761, section 6.3).
fn by_hosts_file(name: &Name, wanted: RecordType) -> Option<Answer> {
    let query = Query::query(fully_qualified(name.clone()), wanted);
    if let Some(found) = Hosts::from_system().ok().and_then(|hosts| hosts.lookup_static_host(&query)) {
        let records: Vec<Record> = found.answers().iter().map(Record::new).collect();
        if !records.is_empty() {
            return Some(Answer::local(name, wanted, "the hosts file", records));
        }
    }
    let labels: Vec<&[u8]> = name.iter().collect();
    if !labels.last().is_some_and(|last| last.eq_ignore_ascii_case(b"localhost")) {
        return None;
    }
    let address = match wanted {
        RecordType::A => Ipv4Addr::LOCALHOST.to_string(),
        RecordType::AAAA => Ipv6Addr::LOCALHOST.to_string(),
        _ => return None,
    };
    Some(Answer::local(name, wanted, "this machine", vec![Record::address(name, wanted, address)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::{DnsAnswer, closed_udp_port, dns_server};

    async fn lookup(server: SocketAddr, name: &str, record_type: &str) -> Result<Answer> {
        let question = Question {
            name: name.into(),
            record_type: record_type.into(),
            server: Some(server.to_string()),
            tcp: false,
            limit: Duration::from_millis(400),
        };
        ask(&Routes::default(), &prepare(question).await?).await
    }

    #[tokio::test]
    async fn addresses_come_with_ttl_latency_and_server() {
        let server = dns_server(DnsAnswer::Records(vec!["web.test. 60 IN A 192.0.2.7", "web.test. 30 IN A 192.0.2.8"]));
        let server = server.await;
        let found = lookup(server, "web.test", "A").await.unwrap();
        assert_eq!(found.addresses, ["192.0.2.7", "192.0.2.8"]);
        assert_eq!((found.ttl, found.server, found.protocol.as_str()), (30, server.to_string(), "udp"));
        assert!(found.latency > Duration::ZERO);
    }

    #[tokio::test]
    async fn service_and_mail_records_have_their_fields() {
        let server = dns_server(DnsAnswer::Records(vec![
            "_h._tcp.web.test. 60 IN SRV 10 5 8443 a.web.test.",
            "web.test. 60 IN MX 10 mail.test.",
            "web.test. 60 IN TXT \"v=spf1 -all\"",
        ]))
        .await;
        let found = lookup(server, "_h._tcp.web.test", "srv").await.unwrap();
        assert_eq!(found.answers[0].fields["port"], 8443);
        assert_eq!(found.answers[0].fields["target"], "a.web.test");
        let found = lookup(server, "web.test", "TXT").await.unwrap();
        assert_eq!(found.answers[0].data, "v=spf1 -all");
    }

    #[tokio::test]
    async fn every_kind_of_failure_has_its_own_kind() {
        for (answer, kind, word) in [
            (DnsAnswer::Code(ResponseCode::NXDomain), Kind::NotFound, "NXDOMAIN"),
            (DnsAnswer::Code(ResponseCode::ServFail), Kind::Unreachable, "SERVFAIL"),
            (DnsAnswer::Code(ResponseCode::Refused), Kind::Forbidden, "REFUSED"),
            (DnsAnswer::Code(ResponseCode::NoError), Kind::NotFound, "NODATA"),
            (DnsAnswer::Silence, Kind::Timeout, "400ms"),
            (DnsAnswer::Bytes(b"\x00".to_vec()), Kind::Timeout, "400ms"),
        ] {
            let server = dns_server(answer).await;
            let error = lookup(server, "web.test", "A").await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
        let error = lookup(closed_udp_port().await, "web.test", "A").await.unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable);
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_that_was_cut_is_asked_for_again_over_tcp() {
        let server = dns_server(DnsAnswer::Truncated(vec!["web.test. 60 IN A 192.0.2.9"])).await;
        let found = lookup(server, "web.test", "A").await.unwrap();
        assert_eq!((found.addresses, found.protocol.as_str()), (vec!["192.0.2.9".to_string()], "tcp"));
    }

    #[tokio::test]
    async fn localhost_needs_no_server() {
        let question = Question {
            name: "localhost".into(),
            record_type: "A".into(),
            server: None,
            tcp: false,
            limit: Duration::from_secs(1),
        };
        let found = ask(&Routes::default(), &prepare(question).await.unwrap()).await.unwrap();
        assert!(found.addresses.contains(&"127.0.0.1".to_string()), "{found:?}");
    }

    #[test]
    fn a_short_name_goes_through_the_search_list_first() {
        let search = [Name::from_str("shop.svc.cluster.local.").unwrap()];
        let names = |text: &str| -> Vec<String> {
            candidates(&Name::from_str(text).unwrap(), &search, 1).iter().map(ToString::to_string).collect()
        };
        assert_eq!(names("web"), ["web.shop.svc.cluster.local.", "web."]);
        assert_eq!(names("web.shop"), ["web.shop.", "web.shop.shop.svc.cluster.local."]);
        assert_eq!(names("web."), ["web."]);
    }

    #[tokio::test]
    async fn an_unknown_type_is_named() {
        let error = lookup("127.0.0.1:1".parse().unwrap(), "web.test", "AAA").await.unwrap_err();
        assert_eq!(error.kind, Kind::Script);
        assert!(error.hints[0].contains("AAAA"), "{error:?}");
    }
}
