//! `show ip bgp neighbors` in text: everything about a session.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::since::uptime;
use super::super::{Peer, Seen};
use super::summary::{accepted, keepalives, messages, updates_sent};

/// The local port of a session: any would do, and it should stay the same.
pub(super) fn local_port(peer: &Peer) -> u64 {
    let last = match peer.neighbour.address {
        std::net::IpAddr::V4(v4) => u64::from(v4.octets()[3]),
        std::net::IpAddr::V6(v6) => u64::from(v6.segments()[7]),
    };
    32_768 + (last * 97 + peer.established * 13) % 28_000
}

/// What is known before the first session: the neighbour's own id is nobody's.
pub(super) fn remote_id(peer: &Peer) -> String {
    if peer.is_established() { peer.neighbour.address.to_string() } else { "0.0.0.0".into() }
}

/// One neighbour.
pub fn text(seen: Seen<'_>, peer: &Peer) -> String {
    let (config, neighbour) = (&seen.router.config, &peer.neighbour);
    let mut out = format!(
        "BGP neighbor is {}, remote AS {}, local AS {}, external link\n  Local Role: undefined\n  Remote Role: undefined\n \
         Description: {}\n",
        neighbour.address, neighbour.asn, config.asn, neighbour.name
    );
    if let Some(host) = &peer.host {
        let _ = writeln!(out, "Hostname: {host}");
    }
    if peer.is_shut {
        out.push_str(" Administratively shut down\n");
    }
    let state = if peer.is_established() {
        format!("Established, up for {}", uptime(seen.ago(peer.since())))
    } else {
        peer.state(seen.now).into()
    };
    let (hold, keepalive) = (config.hold.as_secs(), config.keepalive.as_secs());
    let read = uptime(seen.ago(peer.last_read(seen.now, config.keepalive)));
    let _ = writeln!(
        out,
        "  BGP version 4, remote router ID {}, local router ID {}\n  BGP state = {state}\n  \
         Last read {read}, Last write {}\n  \
         Hold time is {hold} seconds, keepalive interval is {keepalive} seconds\n  \
         Configured hold time is {hold} seconds, keepalive interval is {keepalive} seconds\n  \
         Configured conditional advertisements interval is 60 seconds",
        remote_id(peer),
        config.address,
        uptime(last_write(seen, peer)),
    );
    if peer.is_established() {
        let _ = writeln!(out, "{}", capabilities(&config.name, peer.host.as_deref().unwrap_or_default()));
    }
    let _ = writeln!(
        out,
        "  Graceful restart information:\n    Local GR Mode: Helper*\n    Remote GR Mode: {}\n    R bit: False\n    \
         N bit: False\n    Timers:\n      Configured Restart Time(sec): {}\n      Received Restart Time(sec): 0",
        if peer.is_established() { "Disable" } else { "NotApplicable" },
        config.graceful_restart.as_secs(),
    );
    counters(&mut out, seen, peer);
    ending(&mut out, seen, peer);
    out
}

/// The router says something at every keepalive, heard or not, while there is a session.
pub(super) fn last_write(seen: Seen<'_>, peer: &Peer) -> Duration {
    let keepalive = seen.router.config.keepalive.as_secs().max(1);
    let ago = seen.ago(peer.since());
    if peer.is_established() { Duration::from_secs(ago.as_secs() % keepalive) } else { ago }
}

fn capabilities(own: &str, other: &str) -> String {
    format!(
        "  Neighbor capabilities:\n    4 Byte AS: advertised and received\n    Extended Message: advertised\n    AddPath:\n      \
         IPv4 Unicast: RX advertised\n    Extended nexthop: received\n      Address families by peer:\n                   \
         IPv4 Unicast\n    Long-lived Graceful Restart: advertised\n    Route refresh: advertised and received(new)\n    \
         Enhanced Route Refresh: advertised\n    Address Family IPv4 Unicast: advertised and received\n    \
         Hostname Capability: advertised (name: {own},domain name: n/a) received (name: {other},domain name: n/a)\n    \
         Graceful Restart Capability: advertised"
    )
}

fn counters(out: &mut String, seen: Seen<'_>, peer: &Peer) {
    let (received, sent) = messages(seen, peer);
    let beats = keepalives(seen, peer);
    out.push_str(
        "  Message statistics:\n    Inq depth is 0\n    Outq depth is 0\n                         Sent       Rcvd\n",
    );
    for (name, sent, received) in [
        ("Opens", peer.established, peer.established),
        ("Notifications", 0, peer.dropped),
        ("Updates", updates_sent(seen, peer), peer.updates()),
        ("Keepalives", beats, beats),
        ("Route Refresh", 0, 0),
        ("Capability", 0, 0),
        ("Total", sent, received),
    ] {
        let _ = writeln!(out, "    {:<17}{sent:>9} {received:>10}", format!("{name}:"));
    }
    out.push_str("  Minimum time between advertisement runs is 0 seconds\n\n For address family: IPv4 Unicast\n");
    if peer.is_established() {
        out.push_str("  Update group 1, subgroup 1\n  Packet Queue length 0\n");
    } else {
        out.push_str("  Not part of any update group\n");
    }
    let _ = writeln!(
        out,
        "  Community attribute sent to this neighbor(all)\n  {} accepted prefixes\n\n  \
         Connections established {}; dropped {}",
        accepted(seen, peer),
        peer.established,
        peer.dropped
    );
}

fn ending(out: &mut String, seen: Seen<'_>, peer: &Peer) {
    match peer.reset {
        Some((at, reset)) => {
            let _ = writeln!(out, "  Last reset {},  {}", uptime(seen.ago(at)), reset.told().0);
        }
        None => {
            let since = uptime(seen.ago(seen.router.started()));
            let _ = writeln!(out, "  Last reset {since},  No AFI/SAFI activated for peer");
        }
    }
    out.push_str("  External BGP neighbor may be up to 1 hops away.\n");
    let own = seen.router.config.address;
    if peer.was_up() {
        let _ = writeln!(
            out,
            "Local host: {own}, Local port: {}\nForeign host: {}, Foreign port: 179\nNexthop: {own}\nNexthop global: ::\n\
             Nexthop local: ::\nBGP connection: non shared network",
            local_port(peer),
            peer.neighbour.address,
        );
    }
    let _ = writeln!(out, "BGP Connect Retry Timer in Seconds: {}", seen.router.config.connect_retry.as_secs());
    let io = if peer.is_established() { ("on", 18) } else { ("off", -1) };
    if !peer.is_established() && !peer.is_shut {
        out.push_str("Next start timer due in 1 seconds\n");
    }
    let _ = writeln!(out, "Read thread: {0}  Write thread: {0}  FD used: {1}\n\n", io.0, io.1);
}
