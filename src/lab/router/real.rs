//! The lab's router beside the real one: the same speakers and prefixes, the same commands.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::cli::answer;
use super::*;

const KEY: &str = "/var/tmp/pbrouter/id_ed25519";
const KNOWN_HOSTS: &str = "/var/tmp/pbrouter/known_hosts";

/// Paths in the JSON that only one of the two has, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The real one's speakers were restarted by tests; what a session left behind is there or not.
    ("*.lastErrorCodeSubcode", "history"),
    ("*.lastNotificationReason", "history"),
    ("*.lastNotificationHardReset", "history"),
    // FRR shows it only where the kernel's estimate is above zero milliseconds: here a matter of luck.
    ("*.estimatedRttInMsecs", "a session on one machine takes less than a millisecond"),
];

fn real(line: &str) -> (String, i32) {
    let options = format!("UserKnownHostsFile={KNOWN_HOSTS}");
    let output = Command::new("ssh").args(["-i", KEY, "-o", &options, "netops@10.99.0.1", line]).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// When each neighbour came, as far as the table tells: the newest path stands first; paths that the router judged
/// by their router ids came together, and others one after the other.
fn arrivals(routes: &Value) -> Vec<(Duration, IpAddr)> {
    let mut found: Vec<(Duration, IpAddr)> = Vec::new();
    let mut wait = Duration::ZERO;
    let shared_first = |paths: &&Value| usize::MAX - paths.as_array().unwrap().len();
    let mut all: Vec<&Value> = routes.as_object().unwrap().values().collect();
    all.sort_by_key(shared_first);
    for paths in all {
        let paths = paths.as_array().unwrap();
        let together = paths.iter().any(|path| path["selectionReason"] == "Router ID");
        wait += Duration::from_secs(10);
        for path in paths.iter().rev() {
            let from = path["peerId"].as_str().unwrap().parse().unwrap();
            if found.iter().all(|(_, other)| *other != from) {
                wait += if together { Duration::from_millis(10) } else { Duration::from_secs(10) };
                found.push((wait, from));
            }
        }
    }
    found
}

/// A router of the lab, loaded with what the real one says that it has.
fn loaded() -> (Router, Instant) {
    let summary: Value = serde_json::from_str(&real("show bgp ipv4 unicast summary json").0).unwrap();
    let table: Value = serde_json::from_str(&real("show bgp ipv4 unicast json").0).unwrap();
    let speakers: Vec<Speaker> = summary["peers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(address, peer)| Speaker {
            address: address.parse().unwrap(),
            host: peer["hostname"].as_str().unwrap().into(),
            asn: u32::try_from(peer["remoteAs"].as_u64().unwrap()).unwrap(),
            voice: Voice::Speaks,
            prefixes: table["routes"]
                .as_object()
                .unwrap()
                .iter()
                .filter(|(_, paths)| paths.as_array().unwrap().iter().any(|path| path["peerId"] == address.as_str()))
                .map(|(prefix, _)| prefix.parse().unwrap())
                .collect(),
        })
        .collect();
    let described = |s: &Speaker| summary["peers"][s.address.to_string()]["desc"].as_str().unwrap().to_string();
    let neighbours =
        speakers.iter().map(|s| Neighbour { address: s.address, asn: s.asn, name: described(s) }).collect();
    let mut config = crate::lab::world::read::embedded("monosense").unwrap().router;
    config.address = summary["routerId"].as_str().unwrap().parse().unwrap();
    let begin = Instant::now();
    let mut router = Router::new(config, neighbours, begin);
    let mut known: Vec<Speaker> = Vec::new();
    for (wait, address) in arrivals(&table["routes"]) {
        known.push(speakers.iter().find(|s| s.address == address).unwrap().clone());
        router.hear(begin + wait, &known);
    }
    let now = begin + Duration::from_secs(600);
    router.run(now);
    (router, now)
}

/// Every place of a JSON value with the type that stands there; list items are one place.
fn places(value: &Value, at: &str, found: &mut BTreeMap<String, String>) {
    let name = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "list",
        Value::String(_) => "text",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Null => "null",
    };
    found.insert(at.to_string(), name.into());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| places(inner, &format!("{at}.{key}"), found)),
        Value::Array(list) => list.iter().for_each(|inner| places(inner, &format!("{at}[]"), found)),
        _ => {}
    }
}

fn is_exception(place: &str) -> bool {
    EXCEPTIONS.iter().any(|(pattern, _)| place.ends_with(pattern.trim_start_matches('*')))
}

/// A text without what differs by time or history: each number alike. In columns, which are right-aligned, the place
/// where it ends stays; a router that has run for a day has counted to more digits.
fn shape(text: &str, host: &str) -> Vec<String> {
    let clean = text.replace(host, "HOST");
    let alike = |line: &str| {
        let digits: String = line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if line.trim_start().contains("  ") {
            let next = digits.chars().skip(1).chain([' ']);
            return digits.chars().zip(next).map(|pair| if pair == ('0', '0') { ' ' } else { pair.0 }).collect();
        }
        let mut short = digits;
        while short.contains("00") {
            short = short.replace("00", "0");
        }
        short
    };
    clean.lines().map(alike).collect()
}

const COMMANDS: &[&str] = &[
    "show ip bgp summary",
    "show bgp summary json",
    "show bgp ipv4 unicast summary",
    "show bgp ipv4 unicast summary json",
    "show ip bgp summary established",
    "show ip bgp summary failed",
    "show ip bgp summary failed json",
    "show ip bgp summary terse",
    "show ip bgp summary established terse",
    "show ip bgp summary neighbor 10.99.0.11",
    "show ip bgp summary neighbor 10.99.0.11 json",
    "show ip bgp summary neighbor 10.99.0.77",
    "show ip bgp summary remote-as 64512",
    "show ip bgp summary remote-as 64512 json",
    "show ip bgp summary remote-as 1",
    "show ip bgp",
    "show ip bgp json",
    "show ip bgp neighbors json",
    "show ip bgp neighbors 10.99.0.10 json",
    "show ip bgp neighbors 10.99.0.10 routes",
    "show ip bgp neighbors 10.99.0.10 routes json",
    "show ip bgp neighbors 10.99.0.10 advertised-routes",
    "show ip bgp neighbors 10.99.0.10 advertised-routes json",
    "show bgp ipv4 unicast 10.25.11.119/32",
    "show bgp ipv4 unicast 10.25.11.119/32 json",
    "show ip bgp 10.25.11.110",
    "show ip bgp 10.9.9.9/32",
    "show ip bgp 10.25.11.110/31 longer-prefixes",
    "show ip bgp 10.25.11.110/31 longer-prefixes json",
    "show ip bgp 192.0.2.0/24 longer-prefixes",
    "show ip bgp regexp 64512",
    "show ip bgp regexp ^64513$ json",
    "show ip bgp regexp _64512_",
    "show ip bgp regexp 65000",
    "show ip bgp neighbors 10.99.0.11 received-routes",
    "show ip bgp neighbors 10.99.0.11 received-routes json",
    "show ip bgp neighbors 10.99.0.77 received-routes",
    "show ip bgp neighbors 10.99.0.11 filtered-routes",
    "show ip bgp 10.9.9.9/32 json",
    "show ip bgp neighbors 10.99.0.77",
    "show ip bgp neighbors 10.99.0.77 json",
    "show ip bgp neighbors 10.99.0.77 routes json",
    "show bgp ipv6 unicast summary",
    "show bgp ipv6 unicast summary json",
    "show bgp ipv6 unicast",
    "show bgp ipv6 unicast json",
    "show",
    "sho ip",
    "show foo",
    "show ip bgp foo",
    "show ip bgp neighbors 1.2",
    "sh ip bg sum",
    "terminal length 0",
];

#[test]
#[ignore = "needs the real router"]
fn real_router_and_lab_answer_alike() {
    let (router, now) = loaded();
    let mut differences = Vec::new();
    for command in COMMANDS {
        let (theirs, code) = real(command);
        let ours = answer(router.seen(now, Timestamp::now()), command);
        if i64::from(code) != i64::from(ours.code) {
            differences.push(format!("{command}: ends with {code} there, {} here", ours.code));
        }
        match (serde_json::from_str::<Value>(&theirs), serde_json::from_str::<Value>(&ours.text)) {
            (Ok(theirs), Ok(ours)) => {
                let (mut there, mut here) = (BTreeMap::new(), BTreeMap::new());
                places(&theirs, "", &mut there);
                places(&ours, "", &mut here);
                let only = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>, where_: &str| -> Vec<String> {
                    let odd = a.iter().filter(|(place, kind)| b.get(*place) != Some(kind) && !is_exception(place));
                    odd.map(|(place, kind)| format!("{command}: {place} ({kind}) only {where_}")).collect()
                };
                differences.extend(only(&there, &here, "there"));
                differences.extend(only(&here, &there, "here"));
            }
            (Err(_), Err(_)) => {
                let (there, here) = (shape(&theirs, "(vm)"), shape(&ours.text, "(edge-1)"));
                if there != here {
                    let odd = there.iter().zip(&here).find(|(a, b)| a != b);
                    differences.push(format!("{command}: {} lines there, {} here; {odd:?}", there.len(), here.len()));
                }
            }
            _ => differences.push(format!("{command}: JSON here or there alone")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
#[ignore = "needs the real router"]
fn real_router_and_lab_have_the_same_table() {
    let (router, now) = loaded();
    let routes = |text: &str| -> Value {
        let mut table: Value = serde_json::from_str(text).unwrap();
        let mut routes = table["routes"].take();
        for paths in routes.as_object_mut().unwrap().values_mut() {
            for path in paths.as_array_mut().unwrap() {
                path.as_object_mut().unwrap().remove("version");
            }
            // Which path is the older one is history; how many there are, and that one is best, is not.
            paths.as_array_mut().unwrap().sort_by_key(|path| path["peerId"].to_string());
        }
        routes
    };
    let ours = answer(router.seen(now, Timestamp::now()), "show ip bgp json").text;
    let theirs = real("show ip bgp json").0;
    let (ours, theirs) = (routes(&ours), routes(&theirs));
    assert_eq!(
        ours.as_object().unwrap().keys().collect::<Vec<_>>(),
        theirs.as_object().unwrap().keys().collect::<Vec<_>>()
    );
    for (prefix, paths) in theirs.as_object().unwrap() {
        let own = ours[prefix].as_array().unwrap();
        assert_eq!(own.len(), paths.as_array().unwrap().len(), "{prefix}");
        for (a, b) in own.iter().zip(paths.as_array().unwrap()) {
            assert_eq!(
                (&a["peerId"], &a["path"], &a["nexthops"]),
                (&b["peerId"], &b["path"], &b["nexthops"]),
                "{prefix}"
            );
        }
    }
}
