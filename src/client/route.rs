//! How an address is reached: directly, or through the proxy that `[networks]` names for it.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ipnet::IpNet;
use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::{Error, Kind, Result};
use crate::event::short;

/// The networks of `pb.toml` with their proxies.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    rows: Vec<(IpNet, Url)>,
}

impl Routes {
    /// Reads `[networks]`: CIDR notation to `socks5://host:port` or `http://host:port`.
    ///
    /// # Errors
    /// [`Kind::Config`], naming the row.
    pub fn new(networks: &BTreeMap<String, String>) -> Result<Self> {
        let wrong = |network: &str, what: String| {
            Error::new(Kind::Config, format!("[networks] \"{network}\": {what}"))
                .hint("\"10.25.11.0/24\" = \"socks5://127.0.0.1:1080\" is how a row looks")
        };
        let mut rows = Vec::new();
        for (network, proxy) in networks {
            let net = network
                .parse::<IpNet>()
                .or_else(|_| network.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| wrong(network, "expected a network in CIDR notation".into()))?;
            let url = Url::parse(proxy).map_err(|e| wrong(network, format!("\"{proxy}\" is no URL: {e}")))?;
            if !matches!(url.scheme(), "socks5" | "socks5h" | "http") || url.host_str().is_none() {
                return Err(wrong(
                    network,
                    format!("expected socks5://HOST:PORT or http://HOST:PORT, not \"{proxy}\""),
                ));
            }
            rows.push((net, url));
        }
        // The narrowest network decides.
        rows.sort_by_key(|(net, _)| std::cmp::Reverse(net.prefix_len()));
        Ok(Self { rows })
    }

    /// Whether there is no network with a proxy.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The proxy through which an address is reached; none where it is reached directly.
    pub fn proxy_for(&self, address: IpAddr) -> Option<&Url> {
        self.rows.iter().find(|(net, _)| net.contains(&address)).map(|(_, proxy)| proxy)
    }

    /// Opens a TCP connection to an address.
    ///
    /// # Errors
    /// [`Unreached`], which tells refused from filtered.
    pub async fn dial(&self, address: SocketAddr, limit: Duration) -> Result<TcpStream, Unreached> {
        let proxy = self.proxy_for(address.ip());
        let unreached = |how| Unreached { address, proxy: proxy.map(shown), how };
        let connect = async {
            match proxy {
                None => TcpStream::connect(address).await.map_err(|e| How::of(&e)),
                Some(proxy) => through(proxy, address).await,
            }
        };
        match crate::clock::timeout(limit, connect).await {
            Ok(result) => result.map_err(unreached),
            Err(_) => Err(unreached(How::Silent(limit))),
        }
    }

    /// Opens a TCP connection to a host; tries its addresses in turn, which share the time. That none of them
    /// takes it is the inner `Err`: some callers judge it.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] when the name has no address.
    pub async fn open(&self, host: &str, port: u16, limit: Duration) -> Result<Result<Opened, Missed>> {
        let addresses = resolve(host, port).await?;
        let share = limit / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let mut missed = None;
        for address in addresses {
            let begun = Instant::now();
            match self.dial(address, share).await {
                Ok(stream) => return Ok(Ok(Opened { stream, address, latency: begun.elapsed() })),
                Err(unreached) => missed = Some(Missed { unreached, latency: begun.elapsed() }),
            }
        }
        missed.map(Err).ok_or_else(|| Error::new(Kind::Unreachable, format!("{host} has no address")))
    }
}

/// A connection to one of a host's addresses.
#[derive(Debug)]
pub struct Opened {
    /// The connection.
    pub stream: TcpStream,
    /// The address that took it.
    pub address: SocketAddr,
    /// How long that took.
    pub latency: Duration,
}

/// No connection to any of a host's addresses: the last that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Why.
    pub unreached: Unreached,
    /// When that was known.
    pub latency: Duration,
}

impl From<Missed> for Error {
    fn from(missed: Missed) -> Self {
        missed.unreached.into()
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// Where to.
    pub address: SocketAddr,
    /// The proxy that was to be gone through, without its password.
    pub proxy: Option<String>,
    /// What happened.
    pub how: How,
}

/// What stood in the way of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The machine answered that nothing listens there.
    Refused,
    /// No answer at all within this time: a firewall drops the packets, or the machine is down.
    Silent(Duration),
    /// A router or the own machine said that there is no way.
    NoRoute(String),
    /// The proxy failed.
    Proxy(String),
    /// Anything else, in the system's words.
    Other(String),
}

impl How {
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Silent(Duration::ZERO),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::NoRoute(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }

    /// One word for it: `refused`, `filtered`, `unreachable`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Silent(_) => "filtered",
            Self::NoRoute(_) | Self::Proxy(_) | Self::Other(_) => "unreachable",
        }
    }
}

impl std::fmt::Display for Unreached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let address = self.address;
        match &self.how {
            How::Refused => write!(f, "nothing listens at {address} (connection refused)"),
            How::Silent(limit) if limit.is_zero() => write!(f, "{address} does not answer (filtered, or down)"),
            How::Silent(limit) => write!(f, "{address} does not answer within {} (filtered, or down)", short(*limit)),
            How::NoRoute(why) => write!(f, "there is no way to {address} ({why})"),
            How::Proxy(why) => write!(f, "{address} is not reached: {why}"),
            How::Other(why) => write!(f, "{address} can't be connected to ({why})"),
        }?;
        match &self.proxy {
            Some(proxy) => write!(f, ", through {proxy}"),
            None => Ok(()),
        }
    }
}

impl From<Unreached> for Error {
    fn from(unreached: Unreached) -> Self {
        let kind = if matches!(unreached.how, How::Silent(_)) { Kind::Timeout } else { Kind::Unreachable };
        let error = Self::new(kind, unreached.to_string());
        if unreached.proxy.is_some() { error.hint("the proxy stands in pb.toml's [networks]") } else { error }
    }
}

/// A proxy's address without its credentials.
pub(crate) fn shown(proxy: &Url) -> String {
    format!("{}://{}:{}", proxy.scheme(), proxy.host_str().unwrap_or_default(), port_of(proxy))
}

fn port_of(proxy: &Url) -> u16 {
    proxy.port().unwrap_or(if proxy.scheme() == "http" { 80 } else { 1080 })
}

async fn through(proxy: &Url, to: SocketAddr) -> Result<TcpStream, How> {
    let host = proxy.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, port_of(proxy)))
        .await
        .map_err(|e| How::Proxy(format!("the proxy {} can't be reached ({e})", shown(proxy))))?;
    let broken = |e: io::Error| How::Proxy(format!("the proxy {} broke off ({e})", shown(proxy)));
    if proxy.scheme() == "http" {
        connect_http(&mut stream, proxy, to).await.map_err(broken)??;
    } else {
        connect_socks(&mut stream, proxy, to).await.map_err(broken)??;
    }
    Ok(stream)
}

/// The CONNECT method, RFC 9110, section 9.3.6.
async fn connect_http(stream: &mut TcpStream, proxy: &Url, to: SocketAddr) -> io::Result<Result<(), How>> {
    let mut head = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
    if !proxy.username().is_empty() {
        let credentials = format!("{}:{}", proxy.username(), proxy.password().unwrap_or_default());
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        head.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    // Byte by byte: what follows the head belongs to the destination.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < 8192 {
        answer.push(stream.read_u8().await?);
    }
    let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_string();
    let status = line.split(' ').nth(1).unwrap_or_default();
    if status.len() == 3 && status.starts_with('2') {
        return Ok(Ok(()));
    }
    Ok(Err(How::Proxy(format!("the proxy {} says \"{line}\"", shown(proxy)))))
}

/// SOCKS version 5, RFC 1928, with the user and password of RFC 1929 where the URL has them.
async fn connect_socks(stream: &mut TcpStream, proxy: &Url, to: SocketAddr) -> io::Result<Result<(), How>> {
    let says = |what: &str| Ok(Err(How::Proxy(format!("the proxy {} {what}", shown(proxy)))));
    let (user, password) = (proxy.username().as_bytes(), proxy.password().unwrap_or_default().as_bytes());
    let method = if user.is_empty() { 0 } else { 2 };
    stream.write_all(&[5, 1, method]).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    if chosen[0] != 5 {
        return says("does not speak SOCKS 5");
    }
    if chosen[1] != method {
        return says("wants other credentials than the URL in [networks] has");
    }
    if method == 2 {
        let mut login = vec![1, u8::try_from(user.len()).unwrap_or(u8::MAX)];
        login.extend_from_slice(&user[..user.len().min(255)]);
        login.push(u8::try_from(password.len()).unwrap_or(u8::MAX));
        login.extend_from_slice(&password[..password.len().min(255)]);
        stream.write_all(&login).await?;
        let mut verdict = [0; 2];
        stream.read_exact(&mut verdict).await?;
        if verdict[1] != 0 {
            return says("does not accept the user and password in [networks]");
        }
    }
    let mut request = vec![5, 1, 0];
    match to.ip() {
        IpAddr::V4(ip) => {
            request.push(1);
            request.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            request.push(4);
            request.extend_from_slice(&ip.octets());
        }
    }
    request.extend_from_slice(&to.port().to_be_bytes());
    stream.write_all(&request).await?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    match reply[1] {
        0 => {}
        2 => return says("does not allow it"),
        3 | 4 => return Ok(Err(How::NoRoute("the proxy says so".into()))),
        5 => return Ok(Err(How::Refused)),
        6 => return Ok(Err(How::Silent(Duration::ZERO))),
        other => return says(&format!("answers with SOCKS error {other}")),
    }
    let length = match reply[3] {
        1 => 4,
        4 => 16,
        _ => usize::from(stream.read_u8().await?),
    };
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await?;
    Ok(Ok(()))
}

/// The addresses of a host: its own, if it is one, else what the system's resolver says.
///
/// # Errors
/// [`Kind::Unreachable`] when the name has no address.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let failed = || Error::new(Kind::Unreachable, format!("the name {bare} can't be resolved"));
    let found: Vec<SocketAddr> = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|e| failed().because(e).hint(format!("getent hosts {bare} asks the same resolver")))?
        .collect();
    if found.is_empty() { Err(failed().because("it has no address")) } else { Ok(found) }
}

/// `host:port`, `[address]:port` or, where there is a default port, the host alone.
///
/// # Errors
/// [`Kind::Script`], with what was expected.
pub fn host_and_port(text: &str, default: Option<u16>) -> Result<(String, u16)> {
    let wrong = || Error::new(Kind::Script, format!("\"{text}\" is no address: expected \"host:port\""));
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok((address.ip().to_string(), address.port()));
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let (Ok(ip), Some(port)) = (bare.parse::<IpAddr>(), default) {
        return Ok((ip.to_string(), port));
    }
    let is_name = |h: &str| !h.is_empty() && !h.contains([':', '/', ' ', '@', '[', ']']);
    match (text.rsplit_once(':'), default) {
        (Some((host, port)), _) if is_name(host) => Ok((host.to_string(), port.parse().map_err(|_| wrong())?)),
        (None, Some(port)) if is_name(text) => Ok((text.to_string(), port)),
        _ if text.contains("://") => Err(wrong().hint("without the scheme: \"grafana.example.org:443\"")),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(rows: &[(&str, &str)]) -> Result<Routes> {
        Routes::new(&rows.iter().map(|(n, p)| ((*n).to_string(), (*p).to_string())).collect())
    }

    #[test]
    fn the_narrowest_network_decides() {
        let routes =
            routes(&[("10.0.0.0/8", "http://far:3128"), ("10.25.11.0/24", "socks5://127.0.0.1:1080")]).unwrap();
        let through = |ip: &str| routes.proxy_for(ip.parse().unwrap()).map(shown);
        assert_eq!(through("10.25.11.7").as_deref(), Some("socks5://127.0.0.1:1080"));
        assert_eq!(through("10.25.12.7").as_deref(), Some("http://far:3128"));
        assert_eq!(through("192.0.2.1"), None);
    }

    #[test]
    fn a_row_that_makes_no_sense_is_named() {
        let text = routes(&[("10.25.11", "socks5://h:1")]).unwrap_err().to_string();
        assert!(text.contains("\"10.25.11\""), "{text}");
        let text = routes(&[("10.25.11.0/24", "ftp://h:1")]).unwrap_err().to_string();
        assert!(text.contains("ftp://h:1"), "{text}");
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        assert_eq!(host_and_port("web:80", None).unwrap(), ("web".into(), 80));
        assert_eq!(host_and_port("[::1]:80", None).unwrap(), ("::1".into(), 80));
        assert_eq!(host_and_port("::1", Some(443)).unwrap(), ("::1".into(), 443));
        assert_eq!(host_and_port("web", Some(443)).unwrap(), ("web".into(), 443));
        for wrong in ["web", "web:http", "https://web:1", ":80", ""] {
            assert_eq!(host_and_port(wrong, None).unwrap_err().kind, Kind::Script, "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_connection_goes_through_the_socks_proxy_of_its_network() {
        let proxy = crate::client::testing::socks_proxy().await;
        let server = crate::client::testing::greeter("hello").await;
        let routes = routes(&[("127.0.0.0/8", &format!("socks5://{proxy}"))]).unwrap();
        let mut stream = routes.dial(server, Duration::from_secs(2)).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        let closed = crate::client::testing::closed_port().await;
        let error = routes.dial(closed, Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(error.how, How::Refused);
        assert!(error.to_string().contains("through socks5://"), "{error}");
    }

    #[tokio::test]
    async fn refused_is_not_the_same_as_no_answer() {
        let closed = crate::client::testing::closed_port().await;
        let error = Routes::default().dial(closed, Duration::from_secs(2)).await.unwrap_err();
        assert_eq!((error.how.word(), Error::from(error).kind), ("refused", Kind::Unreachable));
    }
}
