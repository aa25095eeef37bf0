//! The text of `show … bgp … summary`: FRR, IOS and EOS.

use super::model::{Neighbour, Summary};
use super::reader::{Dialect, Reader, asn, uptime};
use crate::error::Result;

pub(super) fn read(reader: &Reader<'_>) -> Result<Summary> {
    reader.check()?;
    let identity = r"(?i)router identifier (\S+),";
    let router_id = reader.find(identity).ok_or_else(|| reader.unreadable("no line names the router's identifier"))?;
    let local = reader.find(r"(?i)local AS number ([0-9.]+)").and_then(asn);
    let local = local.ok_or_else(|| reader.unreadable("no line names the local AS number"))?;
    let mut lines = reader.text.lines().skip_while(|l| !is_header(l));
    let header = lines.next().ok_or_else(|| reader.unreadable("the table's header is missing"))?;
    let sent = header.contains("PfxSnt");
    let mut neighbours = Vec::new();
    let mut announced = None;
    let mut wrapped = String::new();
    for line in lines {
        if let Some(total) = line.strip_prefix("Total number of neighbors ") {
            announced = total.trim().parse().ok();
            break;
        }
        if is_header(line) || line.starts_with("BGP summary information") {
            return Err(reader.unreadable("there is more than one table in it"));
        }
        // What IOS says of peers from a listen range stands below the table.
        if line.starts_with("* Dynamically created") {
            break;
        }
        if line.trim().is_empty() {
            continue;
        }
        // A name too long for its column stands on a line of its own.
        if wrapped.is_empty() && line.split_whitespace().count() == 1 {
            wrapped = line.trim().to_string();
            continue;
        }
        let whole = format!("{} {line}", std::mem::take(&mut wrapped));
        let words: Vec<&str> = whole.split_whitespace().collect();
        let row = match reader.dialect {
            Dialect::Eos => eos(&words),
            Dialect::Frr | Dialect::Ios => ios(&words, sent),
        };
        neighbours.push(row.ok_or_else(|| reader.unreadable(format!("this line is no neighbour: {}", whole.trim())))?);
    }
    if !wrapped.is_empty() {
        return Err(reader.unreadable(format!("the line of {wrapped} is cut short")));
    }
    reader.whole_lines()?;
    reader.agree("neighbours", announced.or(reader.neighbours), neighbours.len())?;
    Ok(Summary { router_id: router_id.into(), asn: local, neighbours })
}

fn is_header(line: &str) -> bool {
    line.contains("Neighbor") && line.contains("Up/Down") && line.contains("PfxRcd")
}

/// Neighbor V AS MsgRcvd MsgSent TblVer InQ OutQ Up/Down State/PfxRcd, and in FRR PfxSnt Desc.
fn ios(words: &[&str], sent: bool) -> Option<Neighbour> {
    let [address, "4", remote, rest @ ..] = words else { return None };
    if rest.len() < 7 || rest[..5].iter().any(|w| w.parse::<u64>().is_err()) {
        return None;
    }
    let mut state = rest[6].to_string();
    let mut after = &rest[7..];
    // `Idle (Admin)` is one state.
    if let Some(reason) = after.first().filter(|w| w.starts_with('(')) {
        state = format!("{state} {reason}");
        after = &after[1..];
    }
    let received = state.parse().ok();
    // FRR shows `(Policy)` in place of a number where a policy is missing on a session that is up.
    if received.is_some() || state == "(Policy)" {
        state = "Established".into();
    } else if !state.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut neighbour = Neighbour {
        // The star marks a peer from a listen range.
        address: address.trim_start_matches('*').into(),
        asn: asn(remote)?,
        state,
        uptime: uptime(rest[5]),
        received,
        ..Neighbour::default()
    };
    if sent {
        let (count, description) = after.split_first()?;
        neighbour.sent = count.parse().ok();
        neighbour.description = Some(description.join(" ")).filter(|d| !d.is_empty() && d != "N/A");
    } else if !after.is_empty() {
        return None;
    }
    Some(neighbour)
}

/// `[Description] Neighbor V AS MsgRcvd MsgSent InQ OutQ Up/Down State [PfxRcd PfxAcc [PfxAdv]]`
fn eos(words: &[&str]) -> Option<Neighbour> {
    let version = words.iter().enumerate().skip(1).position(|(at, w)| {
        *w == "4"
            && words[at - 1].parse::<std::net::IpAddr>().is_ok()
            && words.get(at + 1).is_some_and(|a| asn(a).is_some())
    })? + 1;
    let rest = &words[version + 1..];
    if rest.len() < 7 || rest[1..5].iter().any(|w| w.parse::<u64>().is_err()) {
        return None;
    }
    let up = rest[6] == "Estab";
    let count = |at: usize| rest.get(at).and_then(|w| w.parse().ok());
    if up && count(7).is_none() {
        return None;
    }
    Some(Neighbour {
        address: words[version - 1].into(),
        asn: asn(rest[0])?,
        state: if up { "Established".into() } else { rest[6..].join(" ") },
        uptime: uptime(rest[5]),
        received: count(7),
        sent: count(9),
        description: Some(words[..version - 1].join(" ")).filter(|d| !d.is_empty()),
        ..Neighbour::default()
    })
}
