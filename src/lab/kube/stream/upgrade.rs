//! What a client offers to speak once its connection is no longer HTTP, and the answer to it.
//!
//! Source: RFC 6455; k8s.io/apimachinery `pkg/util/httpstream`, `pkg/util/remotecommand`, `pkg/util/portforward`.

use http::{HeaderMap, HeaderValue};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::lab::kube::refusal::{Answer, Refusal};

/// What the answer to the upgrade has to say, besides 101.
pub(crate) type Headers = Vec<(&'static str, HeaderValue)>;

/// How a connection is spoken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// A WebSocket whose messages begin with the number of their channel; `closes`: a channel can be closed by itself.
    Channels { closes: bool },
    /// SPDY within a WebSocket's messages.
    Tunnel,
    /// SPDY.
    Spdy,
}

/// Protocols that are known, liked best first: by name, and how they are spoken.
#[derive(Debug)]
pub(crate) struct Offer {
    socket: &'static [(&'static str, Spoken)],
    spdy: &'static [&'static str],
}

impl Offer {
    /// For programs.
    pub(crate) const EXEC: Self = Self {
        socket: &[
            ("v5.channel.k8s.io", Spoken::Channels { closes: true }),
            ("v4.channel.k8s.io", Spoken::Channels { closes: false }),
        ],
        spdy: &["v5.channel.k8s.io", "v4.channel.k8s.io"],
    };
    /// For ports.
    pub(crate) const FORWARD: Self = Self {
        socket: &[
            ("SPDY/3.1+portforward.k8s.io", Spoken::Tunnel),
            ("v4.channel.k8s.io", Spoken::Channels { closes: false }),
        ],
        spdy: &["portforward.k8s.io"],
    };
}

/// An upgrade that is agreed on.
#[derive(Debug)]
pub(crate) struct Upgrade {
    pub(crate) on: OnUpgrade,
    pub(crate) spoken: Spoken,
    /// What the answer has to say.
    pub(crate) headers: Headers,
}

impl Upgrade {
    /// Agrees on the best that both sides know.
    ///
    /// # Errors
    /// 400: it is no upgrade, or to nothing that is known.
    pub(crate) fn of(headers: &HeaderMap, on: Option<OnUpgrade>, offer: &Offer) -> Answer<Self> {
        let required = || Refusal::bad_request("Upgrade request required");
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let list = |name: &str| -> Vec<&str> {
            let all = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            all.flat_map(|value| value.split(',')).map(str::trim).collect()
        };
        let on = on.ok_or_else(required)?;
        let plain = HeaderValue::from_static;
        if text("upgrade").eq_ignore_ascii_case("SPDY/3.1") {
            let offered = list("x-stream-protocol-version");
            let protocol = offer.spdy.iter().find(|known| offered.contains(known)).ok_or_else(required)?;
            let headers = vec![
                ("connection", plain("Upgrade")),
                ("upgrade", plain("SPDY/3.1")),
                ("x-stream-protocol-version", plain(protocol)),
            ];
            return Ok(Self { on, spoken: Spoken::Spdy, headers });
        }
        let (key, offered) = (text("sec-websocket-key"), list("sec-websocket-protocol"));
        let known = offer.socket.iter().find(|(known, _)| offered.contains(known));
        let Some((protocol, spoken)) = known.filter(|_| !key.is_empty()) else { return Err(required()) };
        let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).map_err(|_| required())?;
        let headers = vec![
            ("connection", plain("Upgrade")),
            ("upgrade", plain("websocket")),
            ("sec-websocket-accept", accept),
            ("sec-websocket-protocol", plain(protocol)),
        ];
        Ok(Self { on, spoken: *spoken, headers })
    }
}
