//! The router's command line: words, each of which may be cut short where it stays clear, and what answers them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::rib::Entry;
use super::show::{self, Family, neighbour, neighbour_json, prefix, route, running, summary, table};
use super::{Peer, Seen};

/// What the router knows: in brackets what may be left out, between bars what there is to choose from.
const COMMANDS: &[&str] = &[
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] summary [established|failed] [terse] [wide] [json]",
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] summary neighbor NAME [terse] [wide] [json]",
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] summary remote-as NAME [terse] [wide] [json]",
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] [json]",
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] PREFIX [bestpath] [json]",
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] PREFIX longer-prefixes [json]",
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] regexp REGEX [json]",
    "show [ip] bgp [ipv4|ipv6] neighbors [json]",
    "show [ip] bgp [ipv4|ipv6] neighbors NAME [json]",
    "show [ip] bgp [ipv4|ipv6|unicast|ipv4 unicast|ipv6 unicast] neighbors NAME routes|advertised-routes|received-routes|filtered-routes [json]",
    "show ip route [bgp] [json]",
    "show running-config",
    "show version",
    "write terminal",
    "terminal length NAME",
    "terminal no length",
    "configure [terminal]",
    "enable",
    "disable",
    "exit",
    "quit",
    "end",
];

/// What a command printed, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The text, with its last line break.
    pub text: String,
    /// 1 where the command was not understood.
    pub code: u32,
    /// What it does beside printing.
    pub then: Then,
}

/// What a command does to the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    #[default]
    Stay,
    /// It goes into the configuration.
    Configure,
    /// It goes out of where it is: out of the configuration, or away.
    Leave,
    /// It goes out of the configuration, wherever in it.
    End,
}

/// Answers a line.
pub fn answer(seen: Seen<'_>, line: &str) -> Answer {
    let (command, filter) = line.split_once('|').map_or((line, None), |(command, filter)| (command, Some(filter)));
    let words: Vec<&str> = command.split_whitespace().collect();
    if words.is_empty() {
        return Answer::default();
    }
    let wrong = |what: &str| Answer { text: format!("% {what}: {}\n", line.trim()), code: 1, then: Then::Stay };
    let matched = match recognise(&words) {
        Ok(matched) => matched,
        Err(what) => return wrong(what),
    };
    let has = |word: &str| matched.iter().any(|known| known == word);
    let then = match matched[0].as_str() {
        "configure" => Then::Configure,
        "exit" | "quit" => Then::Leave,
        "end" => Then::End,
        _ => Then::Stay,
    };
    let text = if has("show") || has("write") { shown(seen, &matched) } else { String::new() };
    match filter.map(|filter| filter.trim().split_once(char::is_whitespace)) {
        None => Answer { text, code: 0, then },
        Some(Some((word, wanted))) if "include".starts_with(word) => {
            let kept: String =
                text.lines().filter(|line| line.contains(wanted.trim())).map(|l| format!("{l}\n")).collect();
            Answer { text: kept, code: 0, then }
        }
        Some(_) => wrong("Unknown command"),
    }
}

/// The words that could stand next, after those that are there.
pub fn next_words(words: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = variants()
        .filter(|variant| variant.len() >= words.len())
        .filter(|variant| variant.iter().zip(words).all(|(token, word)| fits(token, word)))
        .map(|variant| variant.get(words.len()).cloned().unwrap_or_else(|| "<cr>".into()))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The command in full words, values as they were typed.
fn recognise(words: &[&str]) -> Result<Vec<String>, &'static str> {
    let fitting = |variant: &Vec<String>| variant.iter().zip(words).all(|(token, word)| fits(token, word));
    let mut whole: Vec<Vec<String>> = variants().filter(|v| v.len() == words.len() && fitting(v)).collect();
    // A keyword stands above a value, and a whole word above one that only begins so.
    for at in 0..words.len() {
        for better in [|token: &str, word: &str| token == word, |token: &str, _: &str| !is_value(token)] {
            if whole.iter().any(|variant| better(&variant[at], words[at])) {
                whole.retain(|variant| better(&variant[at], words[at]));
            }
        }
    }
    let full = |variant: &Vec<String>| -> Vec<String> {
        let typed = variant.iter().zip(words);
        typed.map(|(token, word)| if is_value(token) { (*word).to_string() } else { token.clone() }).collect()
    };
    match whole.as_slice() {
        [one] => Ok(full(one)),
        [one, rest @ ..] if rest.iter().all(|other| full(other) == full(one)) => Ok(full(one)),
        [_, ..] => Err("Ambiguous command"),
        [] if variants().any(|variant| variant.len() > words.len() && fitting(&variant)) => Err("Command incomplete"),
        [] => Err("Unknown command"),
    }
}

fn is_value(token: &str) -> bool {
    matches!(token, "PREFIX" | "NAME" | "REGEX")
}

fn fits(token: &str, word: &str) -> bool {
    match token {
        "NAME" => word.contains(['.', ':']) || word.parse::<u32>().is_ok(),
        "REGEX" => true,
        "PREFIX" => word.parse::<IpNet>().is_ok() || word.parse::<IpAddr>().is_ok(),
        keyword => keyword.starts_with(word),
    }
}

/// Every command, with all that may be left out there and not there.
fn variants() -> impl Iterator<Item = Vec<String>> {
    COMMANDS.iter().flat_map(|pattern| {
        let mut all: Vec<Vec<String>> = vec![Vec::new()];
        for (optional, choices) in parts(pattern) {
            let mut longer = if optional { all.clone() } else { Vec::new() };
            for choice in choices {
                longer.extend(all.iter().map(|before| {
                    before.iter().cloned().chain(choice.split(' ').map(String::from)).collect::<Vec<_>>()
                }));
            }
            all = longer;
        }
        all
    })
}

/// A pattern's parts: whether it may be left out, and what there is to choose from.
fn parts(pattern: &str) -> Vec<(bool, Vec<&str>)> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']').map_or((rest, ""), |(part, after)| (part, after)),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        parts.push((rest.starts_with('['), part.split('|').collect()));
        rest = after.trim_start();
    }
    parts
}

fn shown(seen: Seen<'_>, words: &[String]) -> String {
    let has = |word: &str| words.iter().any(|known| known == word);
    let json = has("json");
    let family = if has("ipv6") { Family::V6 } else { Family::V4 };
    if has("version") {
        return show::version(&seen.router.config.name);
    }
    if has("running-config") || has("write") {
        return running::text(seen);
    }
    if has("route") {
        return if json { route::json(seen) } else { route::text(seen) };
    }
    let value = words.iter().skip(2).find(|word| word.contains(['.', ':', '/'])).map(String::as_str);
    if has("summary") {
        return summarised(seen, words, family, json);
    }
    if has("regexp") {
        let pattern =
            words.iter().skip_while(|word| *word != "regexp").nth(1).and_then(|word| table::Wanted::along(word));
        return match pattern {
            Some(wanted) if family == Family::V4 => tabled(seen, &wanted, json),
            Some(_) => String::new(),
            None => "Can't compile regexp\n".into(),
        };
    }
    if has("longer-prefixes") {
        return match value.and_then(|value| value.parse().ok()) {
            Some(net) if family == Family::V4 => tabled(seen, &table::Wanted::Within(net), json),
            _ => String::new(),
        };
    }
    if has("neighbors") {
        return neighbours(seen, words, value, family, json);
    }
    match (value, family, json) {
        (Some(value), Family::V4, true) => prefix::json(seen, found(seen, value), has("bestpath")),
        (Some(value), Family::V4, false) => prefix::text(seen, found(seen, value), has("bestpath")),
        (Some(_), Family::V6, true) => "{\n}\n".into(),
        (Some(_), Family::V6, false) => "% Network not in table\n".into(),
        (None, Family::V4, json) => tabled(seen, &table::Wanted::All, json),
        (None, Family::V6, true) => table::empty_json(seen),
        (None, Family::V6, false) => "No BGP prefixes displayed, 0 exist\n".into(),
    }
}

fn tabled(seen: Seen<'_>, wanted: &table::Wanted, json: bool) -> String {
    if json { table::json(seen, wanted) } else { table::text(seen, wanted) }
}

fn found<'r>(seen: Seen<'r>, value: &str) -> Option<(&'r IpNet, &'r Entry)> {
    match value.parse::<IpNet>() {
        Ok(prefix) => seen.router.rib.entries.get_key_value(&prefix),
        Err(_) => seen.router.rib.lookup(value.parse().ok()?),
    }
}

fn summarised(seen: Seen<'_>, words: &[String], family: Family, json: bool) -> String {
    let has = |word: &str| words.iter().any(|known| known == word);
    if family == Family::V6 {
        return if json { "{}\n".into() } else { "% No BGP neighbors found in VRF default\n".into() };
    }
    let which = match () {
        () if has("established") => summary::Which::Established,
        () if has("failed") => summary::Which::Failed,
        () if has("neighbor") => match words.iter().find_map(|word| word.parse().ok()) {
            Some(address) if seen.router.peers.iter().any(|peer| peer.neighbour.address == address) => {
                summary::Which::Of(address)
            }
            _ => return "No such neighbor in this view/vrf\n".into(),
        },
        () if has("remote-as") => {
            summary::Which::As(words.iter().find_map(|word| word.parse().ok()).unwrap_or_default())
        }
        () => summary::Which::All,
    };
    let heading = !has("unicast");
    if json { summary::json(seen, which, heading) } else { summary::text(seen, which, heading, has("terse")) }
}

fn neighbours(seen: Seen<'_>, words: &[String], value: Option<&str>, family: Family, json: bool) -> String {
    let has = |word: &str| words.iter().any(|known| known == word);
    let unkept = has("received-routes") || has("filtered-routes");
    let routes = has("routes") || has("advertised-routes");
    let wanted = |peer: &&Peer| value.is_none_or(|value| value.parse() == Ok(peer.neighbour.address));
    let peers: Vec<&Peer> = seen.router.peers.iter().filter(wanted).filter(|_| family == Family::V4).collect();
    if unkept {
        // What was received is kept apart only where the configuration says so, which this one does not.
        let (none, off) = ("No such neighbor in this view/vrf", "Inbound soft reconfiguration not enabled");
        return match (peers.is_empty(), json) {
            (true, false) => format!("{none}\n"),
            (true, true) => format!("{{ \"warning\": \"{none}\" }}\n"),
            (false, false) => format!("% {off}\n"),
            (false, true) => format!("{{ \"warning\": \"{off}\" }}\n"),
        };
    }
    if peers.is_empty() && value.is_some() {
        return match (json, routes) {
            (true, true) => "{\n  \"warning\":\"No such neighbor in this view/vrf\"\n}\n".into(),
            (true, false) => "{\n  \"bgpNoSuchNeighbor\":true\n}\n".into(),
            (false, _) => "% No such neighbor in this view/vrf\n\n".into(),
        };
    }
    match (peers.first().map(|peer| peer.neighbour.address), json) {
        (Some(_), true) if has("advertised-routes") => table::advertised_json(seen),
        (Some(_), false) if has("advertised-routes") => table::advertised(seen),
        (Some(from), json) if routes => tabled(seen, &table::Wanted::From(from), json),
        (_, true) => neighbour_json::json(seen, &peers),
        (_, false) => peers.iter().map(|peer| neighbour::text(seen, peer)).collect(),
    }
}
