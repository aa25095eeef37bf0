//! The text of `show … bgp … neighbors`: a block a neighbour, much alike in FRR, IOS and EOS.

use std::time::Duration;

use super::model::Neighbour;
use super::reader::{Reader, asn, first, uptime};
use crate::error::Result;

const BEGIN: &str = "BGP neighbor is ";

pub(super) fn read(reader: &Reader<'_>) -> Result<Vec<Neighbour>> {
    reader.check()?;
    reader.whole_lines()?;
    let mut blocks: Vec<String> = Vec::new();
    for line in reader.text.lines() {
        if line.starts_with(BEGIN) {
            blocks.push(String::new());
        }
        match blocks.last_mut() {
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            // IOS names the family before the first one.
            None if line.trim().is_empty() || line.starts_with("For address family") => {}
            None => return Err(reader.unreadable(format!("it begins with \"{line}\", not with a neighbour"))),
        }
    }
    reader.agree("neighbours", reader.neighbours, blocks.len())?;
    blocks.iter().map(|block| neighbour(reader, block)).collect()
}

/// Counts the lines of `… neighbors | include BGP neighbor is`.
pub(super) fn count(reader: &Reader<'_>) -> Result<u64> {
    reader.check()?;
    reader.whole_lines()?;
    let mut count = 0;
    for line in reader.text.lines().filter(|l| !l.trim().is_empty()) {
        if !line.starts_with(BEGIN) {
            return Err(reader.unreadable(format!("this line names no neighbour: {line}")));
        }
        count += 1;
    }
    Ok(count)
}

fn neighbour(reader: &Reader<'_>, block: &str) -> Result<Neighbour> {
    let name = block.lines().next().unwrap_or_default();
    let need = |what: &str, pattern: &str| {
        first(block, pattern).ok_or_else(|| reader.unreadable(format!("the block \"{name}\" has no {what}")))
    };
    let remote = need("remote AS", r"remote AS ([0-9.]+)")?;
    let hold = need("hold time", r"(?i)hold time is (\d+)")?;
    let counts = counts(block, &reader.family);
    Ok(Neighbour {
        address: need("address", r"BGP neighbor is \*?(\S+?),")?.into(),
        asn: asn(remote).ok_or_else(|| reader.unreadable(format!("\"{remote}\" is no AS number")))?,
        state: need("state", r"BGP state (?:=|is) (\w+)")?.into(),
        uptime: first(block, r"BGP state (?:=|is) Established, up for (\S+)").and_then(uptime),
        received: counts.0,
        sent: counts.1,
        description: first(block, r"(?m)^\s*Description: (.+?)\s*$").map(Into::into),
        router_id: first(block, r"remote router ID (\S+?),?\s").map(Into::into),
        hold_time: hold.parse().ok().map(Duration::from_secs),
        last_reset: first(block, r"Last reset [^,]+, (?:due to )?(.+)").map(|r| r.trim().into()),
    })
}

/// Prefixes received and sent.
fn counts(block: &str, family: &str) -> (Option<i64>, Option<i64>) {
    let number = |pattern: &str| first(block, pattern).and_then(|n| n.parse().ok());
    let family = if family == "ipv6" { "IPv6" } else { "IPv4" };
    // EOS: sent, received.
    let (sent, received) = (format!(r"{family} Unicast:\s+(\d+)\s+\d+"), format!(r"{family} Unicast:\s+\d+\s+(\d+)"));
    let received = number(r"(\d+) accepted prefixes")
        .or_else(|| number(r"Prefixes Current:\s+\d+\s+(\d+)"))
        .or_else(|| number(&received));
    (received, number(r"Prefixes Current:\s+(\d+)").or_else(|| number(&sent)))
}
