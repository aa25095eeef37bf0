//! Programs that reach others: `nslookup`, `dig`, `nc`, `ping`, and `httpd`, which is reached.

use std::net::IpAddr;
use std::time::Duration;

use super::web::PATIENCE;
use super::{Context, Outcome, Takes, curl, flag, wget};
use crate::lab::pods::line::{Wants, What, Wish};
use crate::lab::pods::reach::{self, Asker, Miss};
use crate::lab::services::outside::Outside;

pub(super) fn run(context: &Context<'_>, name: &str, words: &[String], input: &str) -> Option<Outcome> {
    Some(match name {
        "nslookup" => nslookup(context, words),
        "dig" => dig(context, words),
        "wget" => wget::run(context, words),
        "curl" => curl::run(context, words, input),
        "nc" | "netcat" => nc(context, words, input),
        "ping" => ping(context, words),
        "httpd" => Outcome::takes(if words.iter().any(|word| word == "-f") { Takes::Forever } else { Takes::Nothing }),
        "ip" | "ifconfig" => Outcome::printed(format!("    inet {}/24 scope global eth0\n", own(context))),
        _ => return None,
    })
}

fn own(context: &Context<'_>) -> String {
    crate::lab::pods::words::text(context.pod, "/status/podIP").to_owned()
}

pub(super) fn asker<'c>(context: &Context<'c>) -> Asker<'c> {
    Asker { objects: context.objects, pod: context.pod, now: context.now }
}

/// The addresses that the cluster's DNS has for a name: its own, and those outside as far as they are known here.
fn addresses(context: &Context<'_>, name: &str) -> Vec<IpAddr> {
    let own = reach::addresses(context.objects, context.pod, name);
    if own.is_empty() { reach::outsider(name).map(Outside::address).into_iter().collect() } else { own }
}

/// A host's address: as it is written, or by the cluster's DNS.
pub(super) fn address(context: &Context<'_>, host: &str) -> Option<IpAddr> {
    if host == "localhost" {
        return "127.0.0.1".parse().ok();
    }
    host.parse().ok().or_else(|| {
        reach::resolver(asker(context))?;
        addresses(context, host).first().copied()
    })
}

/// The addresses of a name, as CoreDNS tells them: its own, and what lies beyond. None where that has yet to be asked.
fn names(context: &Context<'_>, name: &str) -> Option<Vec<IpAddr>> {
    let own = reach::addresses(context.objects, context.pod, name);
    let Some(line) = context.line.filter(|_| own.is_empty()) else { return Some(addresses(context, name)) };
    let wish = Wish { host: name.to_owned(), port: 53, wants: Wants::Names, limit: PATIENCE };
    Some(match line.ask(wish)?.what {
        What::Names(all) => all,
        _ => own,
    })
}

/// busybox' `nslookup NAME`.
fn nslookup(context: &Context<'_>, words: &[String]) -> Outcome {
    let Some(name) = words.iter().find(|word| !word.starts_with('-')) else {
        return Outcome::failed("Usage: nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]\n", 1);
    };
    let Some(server) = reach::resolver(asker(context)) else {
        return Outcome::failed(";; connection timed out; no servers could be reached\n\n", 1);
    };
    let head = format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n");
    let Some(found) = names(context, name) else { return Outcome::default() };
    if found.is_empty() {
        let out = format!("{head}** server can't find {name}: NXDOMAIN\n\n");
        return Outcome { out, code: 1, ..Outcome::default() };
    }
    let rows: String = found.iter().map(|address| format!("Name:\t{name}\nAddress: {address}\n")).collect();
    Outcome::printed(format!("{head}{rows}\n"))
}

fn dig(context: &Context<'_>, words: &[String]) -> Outcome {
    let Some(name) = words.iter().find(|word| !word.starts_with(['-', '+', '@'])) else { return Outcome::ended(10) };
    let Some(server) = reach::resolver(asker(context)) else {
        return Outcome {
            out: ";; connection timed out; no servers could be reached\n".into(),
            code: 9,
            ..Outcome::default()
        };
    };
    let Some(found) = names(context, name) else { return Outcome::default() };
    if words.iter().any(|word| word == "+short") {
        return Outcome::printed(found.iter().map(|address| format!("{address}\n")).collect::<String>());
    }
    let status = if found.is_empty() { "NXDOMAIN" } else { "NOERROR" };
    let rows: String = found.iter().map(|address| format!("{name}.\t30\tIN\tA\t{address}\n")).collect();
    Outcome::printed(format!(
        ";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 4711\n\n;; ANSWER SECTION:\n{rows}\n;; SERVER: {server}#53({server})\n"
    ))
}

fn nc(context: &Context<'_>, words: &[String], _input: &str) -> Outcome {
    if words.iter().any(|word| word.starts_with('-') && word.contains('l')) {
        return Outcome::takes(Takes::Forever);
    }
    let mut plain = Vec::new();
    let mut skip = false;
    for word in words {
        match word.as_str() {
            _ if skip => skip = false,
            "-w" | "-p" | "-s" | "-i" => skip = true,
            word if word.starts_with('-') => {}
            word => plain.push(word),
        }
    }
    let (Some(host), Some(port)) = (plain.first(), plain.get(1).and_then(|port| port.parse::<u16>().ok())) else {
        return Outcome::failed("Usage: nc [-l] [-p PORT] [IPADDR PORT]\n", 1);
    };
    let limit = flag(words, "-w").and_then(|text| text.parse().ok()).map_or(PATIENCE, Duration::from_secs);
    let told = words.iter().any(|word| word.starts_with('-') && word.contains('v'));
    let (at, found) = match context.line {
        Some(line) => {
            let wish = Wish { host: host.to_string(), port, wants: Wants::Connection, limit };
            let Some(came) = line.ask(wish) else { return Outcome::default() };
            let found = match came.what {
                What::Refused => Err((Miss::Refused, Takes::Nothing)),
                What::Silent => Err((Miss::Silent, Takes::Nothing)),
                _ => Ok(()),
            };
            (came.at, found)
        }
        None => {
            let at = address(context, host);
            let found = at.map_or(Ok(()), |at| open(context, host, at, port));
            (at, found.map_err(|miss| (miss, if miss == Miss::Silent { Takes::Sleep(limit) } else { Takes::Nothing })))
        }
    };
    let Some(at) = at else { return Outcome::failed(format!("nc: bad address '{host}'\n"), 1) };
    match found {
        Ok(()) if told => Outcome { err: format!("{host} ({at}:{port}) open\n"), ..Outcome::default() },
        Ok(()) => Outcome::default(),
        Err((miss, takes)) => {
            let why = if miss == Miss::Refused { "Connection refused" } else { "Connection timed out" };
            Outcome { takes, ..Outcome::failed(format!("nc: {host} ({at}:{port}): {why}\n"), 1) }
        }
    }
}

/// Whether something listens at an address, as far as it can be seen from here.
fn open(context: &Context<'_>, host: &str, at: IpAddr, port: u16) -> Result<(), Miss> {
    if at.is_loopback() {
        return reach::listener(context.pod, port).map(|_| ()).ok_or(Miss::Refused);
    }
    if let Some(outsider) = reach::outsider(host) {
        return reach::connects(asker(context), outsider, host, port);
    }
    let (pod, own) = reach::find(asker(context), at, port)?;
    reach::listener(&pod, own).map(|_| ()).ok_or(Miss::Refused)
}

fn ping(context: &Context<'_>, words: &[String]) -> Outcome {
    let Some(host) = words.iter().rev().find(|word| !word.starts_with('-') && word.parse::<u32>().is_err()) else {
        return Outcome::failed("ping: missing host\n", 1);
    };
    let Some(at) = address(context, host) else { return Outcome::failed(format!("ping: bad address '{host}'\n"), 1) };
    let count: u32 = flag(words, "-c").and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let text = at.to_string();
    // Pods and nodes answer; a Service's address alone does not.
    let there = at.is_loopback()
        || context.objects.store.list("pods", "").any(|(_, pod)| pod.value["status"]["podIP"] == text.as_str())
        || context.objects.store.list("nodes", "").any(|(_, node)| {
            crate::lab::pods::words::list(&node.value, "/status/addresses")
                .iter()
                .any(|one| one["address"] == text.as_str())
        });
    let mut out = format!("PING {host} ({at}): 56 data bytes\n");
    let shown = count.min(100);
    if there {
        for number in 0..shown {
            out.push_str(&format!("64 bytes from {at}: seq={number} ttl=63 time=0.{:03} ms\n", 80 + number % 40));
        }
    }
    let (received, loss) = if there { (count, 0) } else { (0, 100) };
    out.push_str(&format!("\n--- {host} ping statistics ---\n{count} packets transmitted, {received} packets received, {loss}% packet loss\n"));
    if there {
        out.push_str("round-trip min/avg/max = 0.080/0.099/0.119 ms\n");
    }
    let takes = if count >= 1_000 {
        Takes::Forever
    } else {
        Takes::Sleep(Duration::from_secs(u64::from(count.saturating_sub(1))))
    };
    Outcome { out, code: i32::from(!there), takes, ..Outcome::default() }
}
