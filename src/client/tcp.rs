//! Opens a TCP connection, times it, and listens for what the other side says.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::route::{Missed, Opened, Routes};
use crate::error::{Error, Kind, Result};
use crate::event::short;

/// Bytes of an answer that are read at most.
const ANSWER_SIZE: usize = 64 << 10;

/// What to do over a connection.
#[derive(Debug, Clone, Default)]
pub struct Talk {
    /// Sent first.
    pub send: Option<Vec<u8>>,
    /// The answer is read until it contains this.
    pub expect: Option<String>,
    /// Whether a port that is not open is an answer, not an error.
    pub closed_is_fine: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// `open`, `refused`, `filtered` or `unreachable`.
    pub state: String,
    /// Until the connection stood, or was known not to.
    pub latency: Duration,
    /// The own address; none without a connection.
    pub local: Option<String>,
    /// The other side's address.
    pub peer: String,
    /// What it said.
    pub banner: Option<String>,
    /// In words, where it is not open.
    pub problem: Option<String>,
}

/// Connects to `host:port`; tries its addresses in turn.
///
/// # Errors
/// [`Kind::Unreachable`] when it is refused, [`Kind::Timeout`] when nothing answers, and
/// [`Kind::Expectation`] when the answer lacks what is expected.
pub async fn connect(routes: &Routes, host: &str, port: u16, limit: Duration, talk: &Talk) -> Result<Connection> {
    let started = Instant::now();
    match routes.open(host, port, limit).await? {
        Ok(Opened { stream, address, latency }) => {
            let local = stream.local_addr().ok().map(|a| a.to_string());
            let left = limit.saturating_sub(started.elapsed());
            let banner = converse(stream, talk, left).await.map_err(|e| e.context(address))?;
            let (state, peer) = ("open".into(), address.to_string());
            Ok(Connection { state, latency, local, peer, banner, problem: None })
        }
        Err(Missed { unreached, latency }) if talk.closed_is_fine => Ok(Connection {
            state: unreached.how.word().into(),
            latency,
            local: None,
            peer: unreached.address.to_string(),
            banner: None,
            problem: Some(unreached.to_string()),
        }),
        Err(missed) => Err(missed.into()),
    }
}

async fn converse(mut stream: TcpStream, talk: &Talk, limit: Duration) -> Result<Option<String>> {
    if let Some(bytes) = &talk.send {
        let broken = |e| Error::new(Kind::Unreachable, "the connection broke while sending").because(e);
        stream.write_all(bytes).await.map_err(broken)?;
    }
    let Some(expect) = &talk.expect else { return Ok(None) };
    let mut got = Vec::new();
    let listen = async {
        let mut buffer = [0; 4096];
        while got.len() < ANSWER_SIZE {
            match stream.read(&mut buffer).await {
                Ok(0) => return "then it closed the connection".to_string(),
                Ok(n) => got.extend_from_slice(&buffer[..n]),
                Err(e) => return format!("then the connection broke ({e})"),
            }
            if String::from_utf8_lossy(&got).contains(expect.as_str()) {
                return String::new();
            }
        }
        format!("and more than {ANSWER_SIZE} bytes")
    };
    let end = tokio::time::timeout(limit, listen).await;
    let text = String::from_utf8_lossy(&got).into_owned();
    if text.contains(expect.as_str()) {
        return Ok(Some(text));
    }
    let end = end.unwrap_or_else(|_| format!("and nothing more within {}", short(limit)));
    let said = if text.is_empty() { "nothing".into() } else { format!("{:?}", crate::error::beginning(&text, 200)) };
    Err(Error::new(Kind::Expectation, format!("expected an answer with {expect:?}; it said {said}, {end}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::{closed_port, greeter};

    async fn to(port: u16, talk: &Talk) -> Result<Connection> {
        connect(&Routes::default(), "127.0.0.1", port, Duration::from_millis(500), talk).await
    }

    #[tokio::test]
    async fn the_banner_is_read_until_it_has_what_is_expected() {
        let server = greeter("SSH-2.0-OpenSSH_9.9\r\n").await;
        let talk = Talk { expect: Some("SSH-2.0".into()), ..Default::default() };
        let found = to(server.port(), &talk).await.unwrap();
        assert_eq!((found.state.as_str(), found.banner.as_deref()), ("open", Some("SSH-2.0-OpenSSH_9.9\r\n")));
        let talk = Talk { expect: Some("220 ".into()), ..Default::default() };
        let error = to(server.port(), &talk).await.unwrap_err();
        assert_eq!(error.kind, Kind::Expectation);
        assert!(error.to_string().contains("SSH-2.0-OpenSSH_9.9"), "{error}");
    }

    #[tokio::test]
    async fn a_closed_port_is_an_error_unless_that_is_the_question() {
        let port = closed_port().await.port();
        let error = to(port, &Talk::default()).await.unwrap_err();
        assert!(error.to_string().contains(&format!("127.0.0.1:{port} (connection refused)")), "{error}");
        let found = to(port, &Talk { closed_is_fine: true, ..Default::default() }).await.unwrap();
        assert_eq!(found.state, "refused");
    }
}
