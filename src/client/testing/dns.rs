//! A name server that gives one fixed answer, over UDP and TCP.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, MX, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum DnsAnswer {
    /// Those of these records that have the type asked for: `web.test. 60 IN A 192.0.2.7`.
    Records(Vec<&'static str>),
    /// Over UDP a cut answer, over TCP these records.
    Truncated(Vec<&'static str>),
    /// Nothing but a code.
    Code(ResponseCode),
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing at all.
    Silence,
}

/// Starts it.
pub(crate) async fn dns_server(answer: DnsAnswer) -> SocketAddr {
    let answer = Arc::new(answer);
    // The same port for both: another process may have taken it for one of them.
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().expect("an address");
    let over_udp = answer.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            if let Some(bytes) = reply(&over_udp, &buffer[..length], false) {
                let _ = udp.send_to(&bytes, from).await;
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let Ok(length) = stream.read_u16().await else { continue };
            let mut buffer = vec![0; usize::from(length)];
            if stream.read_exact(&mut buffer).await.is_ok()
                && let Some(bytes) = reply(&answer, &buffer, true)
            {
                let length = u16::try_from(bytes.len()).expect("a short answer");
                let _ = stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await;
            }
        }
    });
    address
}

fn reply(answer: &DnsAnswer, question: &[u8], tcp: bool) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).expect("a question");
    let mut message = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    message.queries = question.queries.clone();
    let wanted = question.queries.first().expect("a query").query_type();
    let records = match answer {
        DnsAnswer::Silence => return None,
        DnsAnswer::Bytes(bytes) => return Some(bytes.clone()),
        DnsAnswer::Code(code) => {
            message.metadata.response_code = *code;
            &[][..]
        }
        DnsAnswer::Truncated(_) if !tcp => {
            message.metadata.truncation = true;
            &[][..]
        }
        DnsAnswer::Records(records) | DnsAnswer::Truncated(records) => records.as_slice(),
    };
    message.answers = records.iter().map(|text| record(text)).filter(|r| r.record_type() == wanted).collect();
    Some(message.to_vec().expect("an answer"))
}

fn record(text: &str) -> Record {
    let mut words = text.splitn(5, ' ');
    let mut word = || words.next().expect("name, ttl, IN, type, data");
    let (owner, ttl, _, kind, data) = (word(), word(), word(), word(), word());
    let name = |text: &str| Name::from_str(text).expect("a name");
    let number = |text: &str| text.parse::<u16>().expect("a number");
    let parts: Vec<&str> = data.split(' ').collect();
    let data = match kind {
        "A" => RData::A(A(data.parse().expect("an address"))),
        "MX" => RData::MX(MX::new(number(parts[0]), name(parts[1]))),
        "SRV" => RData::SRV(SRV::new(number(parts[0]), number(parts[1]), number(parts[2]), name(parts[3]))),
        "TXT" => RData::TXT(TXT::new(vec![data.trim_matches('"').to_string()])),
        other => panic!("{other} is not among the types of this server"),
    };
    Record::from_rdata(name(owner), ttl.parse().expect("seconds"), data)
}
