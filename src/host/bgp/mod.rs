//! What routers print of BGP, read: the native half of the standard library's `bgp`, which chooses the commands.

mod dialect;
mod json;
mod model;
mod neighbours_text;
mod reader;
mod routes;
mod routes_text;
mod summary_text;
#[cfg(test)]
mod tests;

use rhai::{Dynamic, Map, NativeCallContext};

use super::context::HostResult;
use super::object::List;
use super::options::Options;
use super::registrar::{Module, Needs, Registrar};
use super::ssh::SshHost;
use crate::error::{Error, Kind};
use crate::event::Effect;
use reader::{ABOUT, Reader};

const OF_FAMILY: &[&str] = &["family"];
pub use routes::Routes;

pub(crate) const MODULE: Module = Module {
    name: "bgp_text",
    about: "what routers print of BGP, read strictly: the native half of bgp",
    needs: Needs::Router,
    register,
};

fn register(m: &mut Registrar) {
    m.path("summary")
        .sig("(text: string, about: map) -> map")
        .options(ABOUT)
        .doc(
            "Reads `show … bgp … summary`. `about`: `host`, `command`, `dialect` (frr, ios, eos), `family` (ipv4, ipv6), \
             `json` (bool), `neighbours` (their number, where the text has no total). Gives \
             `#{ host, family, router_id, asn, neighbours }`. Throws `unreadable`, with the text, for anything cut short.",
        )
        .example(
            "let text = ssh(\"edge-1\").run(\"show bgp ipv4 unicast summary json\", #{ effect: \"read\" }).stdout;\n\
             bgp_text::summary(text, #{ dialect: \"frr\", json: true }).asn == 64501",
        )
        .add(|text: &str, about: Map| summary(text, about));
    m.path("neighbours")
        .sig("(text: string, about: map) -> list")
        .options(ABOUT)
        .doc("Reads `show … bgp … neighbors`. `about` is that of `summary`. Throws `unreadable`, with the text.")
        .example(
            "let text = ssh(\"edge-1\").run(\"show bgp ipv4 neighbors json\", #{ effect: \"read\" }).stdout;\n\
             bgp_text::neighbours(text, #{ dialect: \"frr\", json: true })[0].address == \"10.99.0.10\"",
        )
        .add(|text: &str, about: Map| neighbours(text, about));
    m.path("routes")
        .sig("(text: string, about: map) -> routes")
        .options(ABOUT)
        .doc(
            "Reads `show … bgp …`. `about` is that of `summary`; `networks` and `paths` are the numbers of both where the \
             text has no total (EOS: the paths from neighbours). Throws `unreadable`, with the text.",
        )
        .example(
            "let text = ssh(\"edge-1\").run(\"show bgp ipv4 unicast json\", #{ effect: \"read\" }).stdout;\n\
             bgp_text::routes(text, #{ dialect: \"frr\", json: true }).len() > 0",
        )
        .add(|text: &str, about: Map| table(text, about));
    m.path("counts")
        .sig("(text: string, about: map) -> map")
        .options(ABOUT)
        .doc(
            "The numbers that a summary in text gives for the table: `#{ networks, paths }`; for EOS `networks` is `()` and \
             `paths` what the neighbours sent.",
        )
        .example(
            "let text = \"BGP router identifier 10.0.0.1, local AS number 65000\\n2 network entries using 288 bytes of memory\\n\
             3 path entries using 240 bytes of memory\\n\";\n\
             bgp_text::counts(text, #{ dialect: \"ios\" }).paths == 3",
        )
        .add(|text: &str, about: Map| counts(text, about));
    m.path("count_neighbours")
        .sig("(text: string, about: map) -> int")
        .options(ABOUT)
        .doc("How many neighbours `show … bgp … neighbors | include BGP neighbor is` names.")
        .example(
            "bgp_text::count_neighbours(\"BGP neighbor is 10.0.0.2,  remote AS 65002, external link\\n\", \
             #{ dialect: \"ios\" }) == 1",
        )
        .add(|text: &str, about: Map| -> HostResult<i64> {
            let reader = Reader::new("bgp_text::count_neighbours", text, about)?;
            Ok(i64::try_from(neighbours_text::count(&reader)?).unwrap_or(i64::MAX))
        });
    m.path("refused")
        .sig("(text: string) -> bool")
        .doc("Whether a router did not know the command, so that another form of it may be tried.")
        .example(r#"bgp_text::refused("% Unknown command: show x") && !bgp_text::refused("{}")"#)
        .add(refused);
    m.path("family")
        .sig("(options: map) -> string")
        .options(OF_FAMILY)
        .doc("The option `family` of bgp's functions: `ipv4` (the default) or `ipv6`.")
        .example(r#"bgp_text::family(#{}) == "ipv4""#)
        .add(family);
    m.method("host", "dialect")
        .sig("() -> string")
        .effect(Effect::Read)
        .doc(
            "How the router speaks: `frr`, `ios` or `eos`. The `dialect` of pb.toml, or what `show version` shows, asked once a \
             run. Throws `unreadable` where it is none of them.",
        )
        .example(r#"ssh("edge-1").dialect() == "frr""#)
        .add(|ctx: NativeCallContext, host: &mut SshHost| dialect::of(&ctx, host));
    routes::register(m);
}

fn summary(text: &str, about: Map) -> HostResult<Map> {
    let reader = Reader::new("bgp_text::summary", text, about)?;
    let read = if reader.json { json::summary(&reader)? } else { summary_text::read(&reader)? };
    Ok(read.to_map(&reader.host, &reader.family))
}

fn neighbours(text: &str, about: Map) -> HostResult<List> {
    let reader = Reader::new("bgp_text::neighbours", text, about)?;
    let read = if reader.json { json::neighbours(&reader)? } else { neighbours_text::read(&reader)? };
    Ok(model::list_of(&read, &reader.host))
}

fn table(text: &str, about: Map) -> HostResult<Routes> {
    let reader = Reader::new("bgp_text::routes", text, about)?;
    let read = if reader.json { json::routes(&reader)? } else { routes_text::read(&reader)? };
    Ok(Routes::new(read, &reader.host, &reader.family))
}

fn counts(text: &str, about: Map) -> HostResult<Map> {
    let reader = Reader::new("bgp_text::counts", text, about)?;
    reader.check()?;
    let number = |n: u64| Dynamic::from(i64::try_from(n).unwrap_or(i64::MAX));
    let mut map = Map::new();
    if reader.dialect == reader::Dialect::Eos {
        let summary = summary_text::read(&reader)?;
        let paths: i64 = summary.neighbours.iter().filter_map(|n| n.received).sum();
        map.insert("networks".into(), Dynamic::UNIT);
        map.insert("paths".into(), paths.into());
        return Ok(map);
    }
    // IOS leaves both lines out while the table is empty.
    reader
        .find(r"(?i)router identifier (\S+), local AS number")
        .ok_or_else(|| reader.unreadable("no line names the router's identifier"))?;
    let count = |pattern: &str| reader.find(pattern).and_then(|n| n.parse::<u64>().ok());
    map.insert("networks".into(), number(count(r"(\d+) network entries").unwrap_or(0)));
    map.insert("paths".into(), number(count(r"(?m)^(\d+) path entries").unwrap_or(0)));
    Ok(map)
}

fn refused(text: &str) -> bool {
    let refusals =
        ["% Unknown command", "% Invalid input", "% Command incomplete", "% Incomplete command", "% Ambiguous command"];
    text.lines().any(|line| refusals.iter().any(|r| line.trim_start().starts_with(r)))
}

fn family(options: Map) -> HostResult<String> {
    let options = Options::new(options, "bgp", OF_FAMILY)?;
    let family = options.string("family")?.unwrap_or_else(|| "ipv4".into());
    if ["ipv4", "ipv6"].contains(&family.as_str()) {
        return Ok(family);
    }
    Err(Error::new(Kind::Script, format!("bgp: the family \"{family}\" is neither \"ipv4\" nor \"ipv6\"")).into())
}
