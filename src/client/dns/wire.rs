//! One question to one server: over UDP, and over TCP where the answer was cut or a proxy stands between
//! (RFC 1035, sections 4.2.1 and 4.2.2; RFC 7766).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;

use crate::client::route::Routes;
use crate::error::{Error, Kind, Result};
use crate::event::short;

/// An answer and the way it came.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) message: Message,
    pub(super) tcp: bool,
}

/// Sends the question and waits for its answer.
pub(super) async fn exchange(
    routes: &Routes,
    server: SocketAddr,
    question: &Message,
    tcp: bool,
    limit: Duration,
) -> Result<Reply> {
    let started = Instant::now();
    let bytes = question
        .to_vec()
        .map_err(|e| Error::new(Kind::Script, "the question can't be put into a DNS message").because(e))?;
    if !tcp && routes.proxy_for(server.ip()).is_none() {
        let message = within(limit, server, over_udp(server, question, &bytes)).await?;
        if !message.metadata.truncation {
            return Ok(Reply { message, tcp: false });
        }
    }
    let left = limit.saturating_sub(started.elapsed());
    let message = within(limit, server, over_tcp(routes, server, question, &bytes, left)).await?;
    if message.metadata.truncation {
        return Err(Error::new(Kind::Unreadable, format!("{server} cuts its answer short even over TCP")));
    }
    Ok(Reply { message, tcp: true })
}

async fn within<F: Future<Output = Result<Message>>>(limit: Duration, server: SocketAddr, work: F) -> Result<Message> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => {
            Err(Error::new(Kind::Timeout, format!("the name server {server} does not answer within {}", short(limit))))
        }
    }
}

async fn over_udp(server: SocketAddr, question: &Message, bytes: &[u8]) -> Result<Message> {
    let broken = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            Error::new(Kind::Unreachable, format!("nothing listens at {server} for DNS (UDP port refused)"))
        }
        _ => Error::new(Kind::Unreachable, format!("the name server {server} can't be reached")).because(e),
    };
    let any: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await.map_err(broken)?;
    // Connected: only this server's packets arrive, and its "port unreachable" becomes an error.
    socket.connect(server).await.map_err(broken)?;
    socket.send(bytes).await.map_err(broken)?;
    let mut buffer = vec![0; 65_535];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(broken)?;
        // What does not belong to the question may be forged or late: it is passed over.
        if let Ok(message) = Message::from_vec(&buffer[..length])
            && belongs(question, &message)
        {
            return Ok(message);
        }
    }
}

async fn over_tcp(
    routes: &Routes,
    server: SocketAddr,
    question: &Message,
    bytes: &[u8],
    limit: Duration,
) -> Result<Message> {
    let mut stream = routes.dial(server, limit).await?;
    let broken = |e: std::io::Error| {
        Error::new(Kind::Unreachable, format!("the name server {server} broke the connection off")).because(e)
    };
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    stream.write_all(&framed).await.map_err(broken)?;
    let length = stream.read_u16().await.map_err(broken)?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await.map_err(broken)?;
    let strange = || Error::new(Kind::Unreadable, format!("{server} answers with {length} bytes that are no answer"));
    let message = Message::from_vec(&buffer).map_err(|e| strange().because(e))?;
    if belongs(question, &message) { Ok(message) } else { Err(strange()) }
}

fn belongs(question: &Message, answer: &Message) -> bool {
    answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == hickory_resolver::proto::op::MessageType::Response
        && answer.queries.first().is_none_or(|q| question.queries.first() == Some(q))
}
