//! The SOCKS 5 port (RFC 1928): CONNECT by address or by name, without credentials, and the refusals of a bastion.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::places::Places;
use super::{Network, Way};

/// A client that has not asked for anything after this long is let go.
const HELLO: Duration = Duration::from_secs(30);

/// As many connections go through it at once.
const CONNECTIONS: usize = 500;

/// The replies of RFC 1928, section 6, that are given.
mod reply {
    pub(super) const DONE: u8 = 0;
    pub(super) const FAILED: u8 = 1;
    pub(super) const HOST_UNREACHABLE: u8 = 4;
    pub(super) const REFUSED: u8 = 5;
    pub(super) const NO_SUCH_COMMAND: u8 = 7;
    pub(super) const NO_SUCH_ADDRESS: u8 = 8;
}

/// Takes connections until the lab ends.
pub async fn serve(listener: TcpListener, network: Network, end: CancellationToken) {
    let places = Places::new(CONNECTIONS);
    loop {
        let stream = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // The next one may fare better.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (network, end, place) = (network.clone(), end.clone(), places.take());
        tokio::spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = place.lost() => {}
                // A client that breaks off is no matter of ours.
                _ = client(stream, &network) => {}
            }
        });
    }
}

async fn client(mut stream: TcpStream, network: &Network) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let waits = network.asked();
    let asked = tokio::time::timeout(HELLO, request(&mut stream)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let (host, port) = match asked {
        Ok(asked) => asked,
        Err(code) => return answer(&mut stream, code).await,
    };
    let Some(address) = network.resolve(&host) else { return answer(&mut stream, reply::HOST_UNREACHABLE).await };
    match network.way(address, port) {
        Way::Listener(to) => match TcpStream::connect(to).await {
            Ok(mut server) => {
                let _ = server.set_nodelay(true);
                drop(waits);
                answer(&mut stream, reply::DONE).await?;
                tokio::io::copy_bidirectional(&mut stream, &mut server).await.map(|_| ())
            }
            Err(_) => answer(&mut stream, reply::REFUSED).await,
        },
        Way::Handler(handler) => {
            drop(waits);
            answer(&mut stream, reply::DONE).await?;
            handler(stream).await;
            Ok(())
        }
        Way::Refused => answer(&mut stream, reply::REFUSED).await,
        Way::Unreachable => answer(&mut stream, reply::HOST_UNREACHABLE).await,
        // As long as the other side waits. A real bastion would give up in minutes.
        Way::Silent => {
            let mut rest = [0; 64];
            while stream.read(&mut rest).await? > 0 {}
            Ok(())
        }
    }
}

/// The greeting and the request: host and port, or the reply that refuses it.
async fn request(stream: &mut TcpStream) -> io::Result<Result<(String, u16), u8>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    if head[0] != 5 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no SOCKS 5"));
    }
    let mut methods = vec![0; usize::from(head[1])];
    stream.read_exact(&mut methods).await?;
    if !methods.contains(&0) {
        // None of the client's methods will do (section 3).
        stream.write_all(&[5, 0xff]).await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "credentials are not asked for"));
    }
    stream.write_all(&[5, 0]).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [version, command, _, kind] = head;
    if version != 5 {
        return Ok(Err(reply::FAILED));
    }
    let host = match kind {
        1 => {
            let mut octets = [0; 4];
            stream.read_exact(&mut octets).await?;
            IpAddr::from(Ipv4Addr::from(octets)).to_string()
        }
        3 => {
            let mut name = vec![0; usize::from(stream.read_u8().await?)];
            stream.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
        4 => {
            let mut octets = [0; 16];
            stream.read_exact(&mut octets).await?;
            IpAddr::from(Ipv6Addr::from(octets)).to_string()
        }
        _ => return Ok(Err(reply::NO_SUCH_ADDRESS)),
    };
    let port = stream.read_u16().await?;
    Ok(if command == 1 { Ok((host, port)) } else { Err(reply::NO_SUCH_COMMAND) })
}

async fn answer(stream: &mut TcpStream, code: u8) -> io::Result<()> {
    stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

/// `socks5://127.0.0.1:PORT`, as `[networks]` of `pb.toml` names it.
pub fn url(at: SocketAddr) -> String {
    format!("socks5://{at}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::client::route::{How, Routes};
    use crate::client::testing::{closed_port, greeter};

    const SOON: Duration = Duration::from_secs(10);

    async fn bench() -> (Network, SocketAddr) {
        let network = Network::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, network.clone(), CancellationToken::new()));
        (network, at)
    }

    async fn dial(socks: SocketAddr, to: &str) -> Result<String, How> {
        let routes = Routes::new(&BTreeMap::from([("10.0.0.0/8".to_string(), url(socks))])).unwrap();
        let mut stream = routes.dial(to.parse().unwrap(), Duration::from_millis(500)).await.map_err(|e| e.how)?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        Ok(text)
    }

    #[tokio::test]
    async fn addresses_of_the_world_are_reached_and_others_refused_as_a_bastion_does() {
        let (network, socks) = bench().await;
        let ip = |last| IpAddr::from([10, 25, 11, last]);
        network.listen(ip(1), 22, Way::Listener(greeter("router").await));
        network.listen(ip(1), 23, Way::Listener(closed_port().await));
        let handler: super::super::Handler = Arc::new(|mut stream| {
            Box::pin(async move {
                let _ = stream.write_all(b"web").await;
            })
        });
        network.listen(ip(110), 80, Way::Handler(handler));
        network.listen(ip(9), 80, Way::Silent);
        assert_eq!(dial(socks, "10.25.11.1:22").await.unwrap(), "router");
        assert_eq!(dial(socks, "10.25.11.110:80").await.unwrap(), "web");
        assert_eq!(dial(socks, "10.25.11.1:23").await.unwrap_err(), How::Refused);
        assert_eq!(dial(socks, "10.25.11.110:81").await.unwrap_err(), How::Refused);
        assert!(matches!(dial(socks, "10.25.11.77:80").await.unwrap_err(), How::NoRoute(_)));
        assert!(matches!(dial(socks, "10.25.11.9:80").await.unwrap_err(), How::Silent(_)));
    }

    #[tokio::test]
    async fn names_are_resolved_by_the_network() {
        let (network, socks) = bench().await;
        network.listen(IpAddr::from([10, 25, 11, 1]), 22, Way::Listener(greeter("router").await));
        network.name("edge-1", IpAddr::from([10, 25, 11, 1]));
        for (name, expected) in [("edge-1", "router"), ("edge-2", "")] {
            let mut stream = TcpStream::connect(socks).await.unwrap();
            let mut hello = vec![5, 2, 2, 0, 5, 1, 0, 3, 6];
            hello.extend_from_slice(name.as_bytes());
            hello.extend_from_slice(&22_u16.to_be_bytes());
            stream.write_all(&hello).await.unwrap();
            let mut replies = [0; 12];
            stream.read_exact(&mut replies).await.unwrap();
            assert_eq!((replies[1], replies[3]), (0, if expected.is_empty() { 4 } else { 0 }), "{name}");
            let mut text = String::new();
            tokio::time::timeout(SOON, stream.read_to_string(&mut text)).await.unwrap().unwrap();
            assert_eq!(text, expected);
        }
    }

    #[tokio::test]
    async fn what_is_no_connect_is_told_so() {
        let (_, socks) = bench().await;
        for (said, heard) in [
            (b"\x05\x01\x00\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x16".as_slice(), b"\x05\x00\x05\x07".as_slice()),
            (b"\x05\x01\x00\x05\x01\x00\x09", b"\x05\x00\x05\x08"),
            (b"\x05\x01\x02", b"\x05\xff"),
            (b"GET / HTTP/1.1\r\n\r\n", b""),
        ] {
            let mut stream = TcpStream::connect(socks).await.unwrap();
            stream.write_all(said).await.unwrap();
            let mut all = Vec::new();
            // What it did not read may reset the connection; what it said came before.
            let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut all)).await.unwrap();
            assert!(all.starts_with(heard), "{said:?}: {all:?}");
        }
    }
}
