//! `show ip bgp neighbors json`: everything about a session.

use super::super::json::{Json, map};
use super::super::since::{millis, uptime};
use super::super::{Peer, Seen};
use super::neighbour::{last_write, local_port, remote_id};
use super::summary::{accepted, keepalives, messages, sent_prefixes, updates_sent};

/// Some neighbours, by their addresses.
pub fn json(seen: Seen<'_>, peers: &[&Peer]) -> String {
    let rows = peers.iter().map(|peer| (peer.neighbour.address.to_string(), one(seen, peer)));
    format!("{}\n", Json::Map(rows.collect()).pretty_escaped())
}

fn one(seen: Seen<'_>, peer: &Peer) -> Json {
    let (config, neighbour) = (&seen.router.config, &peer.neighbour);
    let (hold, keepalive) = (millis(config.hold), millis(config.keepalive));
    let up = peer.is_established();
    let state = if up { "Established" } else { peer.state(seen.now) };
    map([
        ("remoteAs", neighbour.asn.into()),
        ("localAs", config.asn.into()),
        ("nbrExternalLink", true.into()),
        ("localRole", "undefined".into()),
        ("remoteRole", "undefined".into()),
        ("nbrDesc", neighbour.name.as_str().into()),
    ])
    .and_some("hostname", peer.host.as_deref().map(Json::from))
    .and_some("adminShutDown", peer.is_shut.then(|| true.into()))
    .and([
        ("bgpVersion", 4_i64.into()),
        ("remoteRouterId", remote_id(peer).into()),
        ("localRouterId", config.address.to_string().into()),
        ("bgpState", state.into()),
    ])
    .joined(up.then(|| {
        let span = seen.ago(peer.since());
        map([
            ("bgpTimerUpMsec", millis(span).into()),
            ("bgpTimerUpString", uptime(span).into()),
            ("bgpTimerUpEstablishedEpoch", seen.epoch(peer.since()).into()),
        ])
    }))
    .and([
        ("bgpTimerLastRead", millis(seen.ago(peer.last_read(seen.now, config.keepalive))).into()),
        ("bgpTimerLastWrite", millis(last_write(seen, peer)).into()),
        ("bgpInUpdateElapsedTimeMsecs", millis(seen.ago(peer.since())).into()),
        ("bgpTimerConfiguredHoldTimeMsecs", hold.into()),
        ("bgpTimerConfiguredKeepAliveIntervalMsecs", keepalive.into()),
        ("bgpTimerHoldTimeMsecs", hold.into()),
        ("bgpTimerKeepAliveIntervalMsecs", keepalive.into()),
        ("extendedOptionalParametersLength", false.into()),
        ("bgpTimerConfiguredConditionalAdvertisementsSec", 60_i64.into()),
    ])
    .and_some("neighborCapabilities", up.then(|| capabilities(&config.name, peer.host.as_deref().unwrap_or_default())))
    .and([
        ("gracefulRestartInfo", graceful(seen, up)),
        ("messageStats", counters(seen, peer)),
        ("minBtwnAdvertisementRunsTimerMsecs", 0_i64.into()),
        ("addressFamilyInfo", map([("ipv4Unicast", family(seen, peer))])),
        ("connectionsEstablished", peer.established.into()),
        ("connectionsDropped", peer.dropped.into()),
    ])
    .joined(Some(reset(seen, peer)))
    .joined(Some(connection(seen, peer)))
}

fn capabilities(own: &str, other: &str) -> Json {
    map([
        ("4byteAs", "advertisedAndReceived".into()),
        ("extendedMessage", "advertised".into()),
        ("addPath", map([("ipv4Unicast", map([("rxAdvertised", true.into())]))])),
        ("extendedNexthop", "received".into()),
        // The router's own spelling.
        ("extendedNexthopFamililesByPeer", map([("ipv4Unicast", "recieved".into())])),
        ("longLivedGracefulRestart", "advertised".into()),
        ("routeRefresh", "advertisedAndReceivedNew".into()),
        ("enhancedRouteRefresh", "advertised".into()),
        ("multiprotocolExtensions", map([("ipv4Unicast", map([("advertisedAndReceived", true.into())]))])),
        (
            "hostName",
            map([
                ("advHostName", own.into()),
                ("advDomainName", "n/a".into()),
                ("rcvHostName", other.into()),
                ("rcvDomainName", "n/a".into()),
            ]),
        ),
        ("gracefulRestartCapability", "advertised".into()),
    ])
}

fn graceful(seen: Seen<'_>, up: bool) -> Json {
    map([
        ("endOfRibSend", map([])),
        ("endOfRibRecv", map([])),
        ("localGrMode", "Helper*".into()),
        ("remoteGrMode", if up { "Disable" } else { "NotApplicable" }.into()),
        ("rBit", false.into()),
        ("nBit", false.into()),
        (
            "timers",
            map([
                ("configuredRestartTimer", seen.router.config.graceful_restart.as_secs().into()),
                ("receivedRestartTimer", 0_i64.into()),
            ]),
        ),
    ])
}

fn counters(seen: Seen<'_>, peer: &Peer) -> Json {
    let (received, sent) = messages(seen, peer);
    let beats = keepalives(seen, peer);
    map([
        ("depthInq", 0_i64.into()),
        ("depthOutq", 0_i64.into()),
        ("opensSent", peer.established.into()),
        ("opensRecv", peer.established.into()),
        ("notificationsSent", 0_i64.into()),
        ("notificationsRecv", peer.dropped.into()),
        ("updatesSent", updates_sent(seen, peer).into()),
        ("updatesRecv", peer.updates().into()),
        ("keepalivesSent", beats.into()),
        ("keepalivesRecv", beats.into()),
        ("routeRefreshSent", 0_i64.into()),
        ("routeRefreshRecv", 0_i64.into()),
        ("capabilitySent", 0_i64.into()),
        ("capabilityRecv", 0_i64.into()),
        ("totalSent", sent.into()),
        ("totalRecv", received.into()),
    ])
}

fn family(seen: Seen<'_>, peer: &Peer) -> Json {
    let group =
        map([("updateGroupId", 1_i64.into()), ("subGroupId", 1_i64.into()), ("packetQueueLength", 0_i64.into())]);
    map([])
        .joined(peer.is_established().then_some(group))
        .and([
            ("commAttriSentToNbr", "extendedAndStandard".into()),
            ("acceptedPrefixCounter", accepted(seen, peer).into()),
        ])
        .and_some("sentPrefixCounter", peer.is_established().then(|| sent_prefixes(seen, peer).into()))
}

fn reset(seen: Seen<'_>, peer: &Peer) -> Json {
    let at = peer.reset.map_or_else(|| seen.router.started(), |(at, _)| at);
    let since = map([("lastResetTimerMsecs", millis(seen.ago(at)).into())]);
    if peer.reset.is_some() {
        return since.with_reset(peer);
    }
    since.and([("lastResetDueTo", "No AFI/SAFI activated for peer".into()), ("lastResetCode", 30_i64.into())])
}

fn connection(seen: Seen<'_>, peer: &Peer) -> Json {
    let own = seen.router.config.address.to_string();
    let retry = ("connectRetryTimer", seen.router.config.connect_retry.as_secs().into());
    let hops = map([("externalBgpNbrMaxHopsAway", 1_i64.into())]);
    if !peer.is_established() {
        return hops.and([
            ("hostLocal", "Unknown".into()),
            ("portLocal", (-1_i64).into()),
            ("hostForeign", "Unknown".into()),
            ("portForeign", (-1_i64).into()),
            retry,
            ("nextConnectTimerDueInMsecs", 1000_i64.into()),
            ("readThread", "off".into()),
            ("writeThread", "off".into()),
        ]);
    }
    hops.and([
        ("hostLocal", own.as_str().into()),
        ("portLocal", local_port(peer).into()),
        ("hostForeign", peer.neighbour.address.to_string().into()),
        ("portForeign", 179_i64.into()),
        ("nexthop", own.into()),
        ("nexthopGlobal", "::".into()),
        ("nexthopLocal", "::".into()),
        ("bgpConnection", "nonSharedNetwork".into()),
        retry,
        ("readThread", "on".into()),
        ("writeThread", "on".into()),
    ])
}

impl Json {
    /// Adds another object's pairs.
    fn joined(mut self, other: Option<Self>) -> Self {
        if let (Self::Map(own), Some(Self::Map(pairs))) = (&mut self, other) {
            own.extend(pairs);
        }
        self
    }
}
