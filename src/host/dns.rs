//! `dns::` — names and addresses, asked of the system's resolver or of a server of your choice.

use std::net::SocketAddr;
use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::json;

use super::call::{Call, Limit};
use super::net::{Net, gate, how_many, kind_word, summary, summary_line};
use super::{Context, HostResult, Module, Needs, Options, Registrar};
use crate::client::dns::{Answer, Question, Record, ask, prepare};
use crate::client::load;
use crate::client::route::host_and_port;
use crate::client::sh::quoted;
use crate::error::Result;
use crate::event::{Effect, short};

const OPTIONS: &[&str] = &["server", "type", "within", "tcp"];
/// The options that a measurement has besides.
const MORE: &[&str] = &["queries", "concurrency"];

/// How long an answer is waited for.
const WITHIN: Duration = Duration::from_secs(5);

pub(crate) const MODULE: Module = Module {
    name: "dns",
    about: "Names and addresses, asked of the system's resolver or of a server of your choice.",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.path("lookup")
        .sig("(name: string, options?: map) -> map")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "Looks a name up. Options: `type` (`A` by default, `AAAA`, `CAA`, `CNAME`, `MX`, `NS`, `PTR`, `SOA`, \
             `SRV`, `TXT`; for `PTR` the name may be an address), `server` (`host` or `host:port`; by default the \
             hosts file and the servers and the search list of `/etc/resolv.conf`), `tcp` (`true`: not over UDP), \
             `within` (a duration, 5 s).\n\nThe result has `addresses` (list of strings), `answers` (every record, \
             each a map of `name`, `type`, `ttl`, `data`, and for SRV `priority`, `weight`, `port`, `target`, for MX \
             `preference`, `exchange`, for SOA `primary`, `mail`, `serial` …), `name`, `type`, `ttl` (the smallest, \
             a duration), `server`, `protocol`, `authoritative`, `latency` (a duration). Throws `not_found` when the \
             name, or a record of that type, does not exist; `forbidden` when the server refuses; `unreachable` \
             when it fails (SERVFAIL) or nothing listens; `timeout` when none answers.",
        )
        .example(r#"let a = dns::lookup("localhost"); a.addresses.contains("127.0.0.1") && a.latency < duration("5s")"#)
        .add(|at: NativeCallContext, name: &str| lookup(&at, name, Map::new()))
        .add(|at: NativeCallContext, name: &str, options: Map| lookup(&at, name, options));
    m.path("bench")
        .sig("(name: string, options?: map) -> map")
        .options(OPTIONS)
        .options(MORE)
        .effect(Effect::Read)
        .doc(
            "Asks a server for a name many times and measures. Options: `queries` (100), `concurrency` (10), and \
             `server`, `type`, `tcp`, `within` (for one answer) of `dns::lookup`. The hosts file is not asked. The \
             result has `count` (answers), `errors`, `error_kinds` (a map of their numbers), `first_error`, `min`, \
             `mean`, `p50`, `p90`, `p95`, `p99`, `max`, `time` (durations), `per_second`. Errors are not among the \
             latencies; when every query failed the first error is thrown.",
        )
        .example(
            r#"let asked = dns::bench("shop.test", #{ server: "192.0.2.53", queries: 20, concurrency: 4 });
asked.count == 20 && asked.errors == 0 && asked.p99 < duration("5s")"#,
        )
        .add(|at: NativeCallContext, name: &str| bench(&at, name, Map::new()))
        .add(|at: NativeCallContext, name: &str, options: Map| bench(&at, name, options));
}

struct Asked {
    question: Question,
    /// `dig @10.0.0.10 web.shop A`
    line: String,
    target: String,
    args: serde_json::Value,
}

fn asked(name: &str, options: &Options, shown: &serde_json::Value) -> Result<Asked> {
    let question = Question {
        name: name.into(),
        record_type: options.string("type")?.unwrap_or_else(|| "A".into()).to_uppercase(),
        server: options.string("server")?,
        tcp: options.bool("tcp")?.unwrap_or(false),
        limit: options.duration("within")?.unwrap_or(WITHIN),
    };
    let mut line = "dig".to_string();
    match &question.server {
        Some(server) => {
            let (host, port) = host_and_port(server, Some(53))?;
            line.push_str(&format!(" @{}", quoted(&host)));
            if port != 53 {
                line.push_str(&format!(" -p {port}"));
            }
        }
        None => line.push_str(" +search"),
    }
    let reverse = question.record_type == "PTR" && name.parse::<std::net::IpAddr>().is_ok();
    if reverse {
        line.push_str(&format!(" -x {}", quoted(name)));
    } else {
        line.push_str(&format!(" {} {}", quoted(name), quoted(&question.record_type)));
    }
    if question.tcp {
        line.push_str(" +tcp");
    }
    let target = question.server.clone().unwrap_or_else(|| "the system's resolver".into());
    Ok(Asked { question, line, target, args: json!({ "name": name, "options": shown }) })
}

fn lookup(at: &NativeCallContext, name: &str, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let shown = super::values::from_dynamic(&options.clone().into());
    let options = Options::new(options, "dns::lookup", OPTIONS)?;
    let Asked { question, line, target, args } = asked(name, &options, &shown)?;
    let routes = Net::of(&cx.world).routes(&cx.world)?;
    let call = Call::new("dns::lookup", line).target(&target).args(args).limit(gate(question.limit));
    let summary = |a: &Answer| format!("{} records in {}", a.answers.len(), short(a.latency));
    let found = cx.call_with(at, call, summary, async { ask(&routes, &prepare(question).await?).await })?;
    Ok(answer(&found))
}

fn bench(at: &NativeCallContext, name: &str, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let shown = super::values::from_dynamic(&options.clone().into());
    let options = Options::new(options, "dns::bench", &[OPTIONS, MORE].concat())?;
    let (queries, concurrency) = (how_many(&options, "queries", 100)?, how_many(&options, "concurrency", 10)?);
    let Asked { question, line, target, args } = asked(name, &options, &shown)?;
    let routes = Net::of(&cx.world).routes(&cx.world)?;
    let line = format!("seq {queries} | xargs -P {concurrency} -I{{}} {line}");
    let call = Call::new("dns::bench", line).target(&target).args(args).limit(Limit::Step);
    let found = cx.call_with(at, call, summary_line, async {
        let prepared = std::sync::Arc::new(prepare(question).await?.servers_only());
        let servers: Vec<SocketAddr> = prepared.servers().to_vec();
        load::run(queries, concurrency, move || {
            let (routes, prepared) = (routes.clone(), prepared.clone());
            async move { ask(&routes, &prepared).await.map(|_| ()).map_err(|e| (kind_word(&e), e)) }
        })
        .await
        .map_err(|e| e.because(format!("asked {servers:?}")))
    })?;
    Ok(summary(&found))
}

fn answer(answer: &Answer) -> Map {
    let seconds = |ttl: u32| Dynamic::from(Duration::from_secs(ttl.into()));
    let record = |record: &Record| -> Dynamic {
        let mut map: Map = Map::new();
        for (key, value) in &record.fields {
            map.insert(key.as_str().into(), super::values::to_dynamic(value));
        }
        map.insert("name".into(), record.name.as_str().into());
        map.insert("type".into(), record.record_type.as_str().into());
        map.insert("ttl".into(), seconds(record.ttl));
        map.insert("data".into(), record.data.as_str().into());
        map.into()
    };
    let addresses: rhai::Array = answer.addresses.iter().map(|a| a.as_str().into()).collect();
    let answers: rhai::Array = answer.answers.iter().map(record).collect();
    let mut map = Map::new();
    map.insert("addresses".into(), addresses.into());
    map.insert("answers".into(), answers.into());
    map.insert("name".into(), answer.name.as_str().into());
    map.insert("type".into(), answer.record_type.as_str().into());
    map.insert("ttl".into(), seconds(answer.ttl));
    map.insert("server".into(), answer.server.as_str().into());
    map.insert("protocol".into(), answer.protocol.as_str().into());
    map.insert("authoritative".into(), answer.authoritative.into());
    map.insert("latency".into(), Dynamic::from(answer.latency));
    map
}

#[cfg(test)]
mod tests {
    use crate::client::testing::{DnsAnswer, dns_server};
    use crate::error::Kind;
    use crate::host::testing::{eval, runtime};
    use hickory_resolver::proto::op::ResponseCode;

    #[test]
    fn a_named_server_is_asked() {
        let server = runtime().block_on(dns_server(DnsAnswer::Records(vec![
            "web.test. 60 IN A 192.0.2.7",
            "_h._tcp.web.test. 60 IN SRV 10 5 8443 a.web.test.",
        ])));
        let script = format!(
            r#"let a = dns::lookup("web.test", #{{ server: "{server}" }});
            let s = dns::lookup("_h._tcp.web.test", #{{ server: "{server}", type: "SRV" }});
            a.addresses == ["192.0.2.7"] && a.server == "{server}" && s.answers[0].port == 8443"#
        );
        assert!(eval(&script).unwrap().as_bool().unwrap());
        let found = eval(&format!(r#"dns::bench("web.test", #{{ server: "{server}", queries: 20, concurrency: 4 }})"#));
        let found = found.unwrap().cast::<rhai::Map>();
        assert_eq!((found["count"].as_int(), found["errors"].as_int()), (Ok(20), Ok(0)));
    }

    #[test]
    fn a_missing_name_is_not_found() {
        let server = runtime().block_on(dns_server(DnsAnswer::Code(ResponseCode::NXDomain)));
        let error = eval(&format!(r#"dns::lookup("gone.test", #{{ server: "{server}" }})"#)).unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        assert!(error.message.starts_with("gone.test A: there is no such name (NXDOMAIN)"), "{error}");
    }
}
