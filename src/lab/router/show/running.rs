//! `show running-config`: the configuration that makes the neighbours.

use std::fmt::Write as _;

use super::super::Seen;
use super::VERSION;

/// In text; there is no other form.
pub fn text(seen: Seen<'_>) -> String {
    let config = &seen.router.config;
    let mut out = format!(
        "Building configuration...\n\nCurrent configuration:\n!\nfrr version {VERSION}\nfrr defaults traditional\n\
         hostname {}\n!\nrouter bgp {}\n bgp router-id {}\n no bgp ebgp-requires-policy\n",
        config.name, config.asn, config.address
    );
    let (keepalive, hold, retry) = (config.keepalive.as_secs(), config.hold.as_secs(), config.connect_retry.as_secs());
    for peer in &seen.router.peers {
        let neighbour = format!(" neighbor {}", peer.neighbour.address);
        let _ = writeln!(
            out,
            "{neighbour} remote-as {}\n{neighbour} description {}\n{neighbour} timers {keepalive} {hold}\n\
             {neighbour} timers connect {retry}",
            peer.neighbour.asn, peer.neighbour.name
        );
        if peer.is_shut {
            let _ = writeln!(out, "{neighbour} shutdown");
        }
    }
    let _ = write!(
        out,
        " !\n address-family ipv4 unicast\n  maximum-paths {}\n exit-address-family\nexit\n!\nend\n",
        config.max_paths
    );
    out
}
