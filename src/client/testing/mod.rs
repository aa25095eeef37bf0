//! For tests: small servers on loopback that answer as they are told, also wrongly.

mod dns;
mod tls;
mod web;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

pub(crate) use dns::{DnsAnswer, dns_server};
pub(crate) use tls::{Tls, tls_server, tls_web};
pub(crate) use web::web;

/// A listener on a port of the system's choice.
pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A server that says this to everybody, and closes.
pub(crate) async fn greeter(greeting: &'static str) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(greeting.as_bytes()).await;
            let _ = stream.shutdown().await;
            // Reads what came, so that closing does not reset the connection.
            let mut rest = [0; 1024];
            let _ = stream.read(&mut rest).await;
        }
    });
    address
}

/// A port where nothing listens.
pub(crate) async fn closed_port() -> SocketAddr {
    listener().await.1
}

/// A UDP port where nothing listens.
pub(crate) async fn closed_udp_port() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    socket.local_addr().expect("an address")
}

/// A SOCKS 5 proxy that connects to IPv4 addresses.
pub(crate) async fn socks_proxy() -> SocketAddr {
    proxy(SocketAddr::from).await
}

/// A SOCKS 5 proxy that leads to one server for each port asked for, whatever the address: a network of the test's own.
pub(crate) async fn network(ports: &[(u16, SocketAddr)]) -> SocketAddr {
    let ports = ports.to_vec();
    proxy(move |(ip, port)| {
        ports.iter().find(|(p, _)| *p == port).map_or_else(|| SocketAddr::from((ip, port)), |(_, server)| *server)
    })
    .await
}

async fn proxy(way: impl Fn(([u8; 4], u16)) -> SocketAddr + Clone + Send + 'static) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_socks(stream, way.clone()));
        }
    });
    address
}

async fn serve_socks(mut client: TcpStream, way: impl Fn(([u8; 4], u16)) -> SocketAddr) -> std::io::Result<()> {
    let mut hello = [0; 3];
    client.read_exact(&mut hello).await?;
    client.write_all(&[5, 0]).await?;
    let mut request = [0; 10];
    client.read_exact(&mut request).await?;
    let ip: [u8; 4] = request[4..8].try_into().expect("four bytes");
    let port = u16::from_be_bytes([request[8], request[9]]);
    match TcpStream::connect(way((ip, port))).await {
        Ok(mut server) => {
            client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await.map(|_| ())
        }
        Err(_) => client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await,
    }
}
