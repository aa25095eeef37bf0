//! The first connection: to the first host on the way, or to the proxy before it.

use std::net::TcpStream;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Target;
use crate::error::{Kind, Result};

/// Opens the TCP connection, through the proxy if there is one.
pub(super) async fn dial(target: &Target) -> Result<TcpStream> {
    let refused = |e: &std::io::Error| {
        target
            .error(Kind::Unreachable, format!("no connection to {}:{}", target.address, target.port))
            .caused_by(e)
            .maybe_hint(target.proxy.as_ref().map(|p| format!("the way leads through {p}")))
    };
    let stream = match &target.proxy {
        None => {
            tokio::net::TcpStream::connect((target.address.as_str(), target.port)).await.map_err(|e| refused(&e))?
        }
        Some(proxy) => {
            let at = proxy.strip_prefix("socks5://").or_else(|| proxy.strip_prefix("socks5h://")).ok_or_else(|| {
                target.error(Kind::Config, format!("the proxy {proxy} can't carry SSH; expected socks5://ADDRESS:PORT"))
            })?;
            let mut stream = tokio::net::TcpStream::connect(at.trim_end_matches('/')).await.map_err(|e| refused(&e))?;
            socks(&mut stream, &target.address, target.port).await.map_err(|e| refused(&e))?;
            stream
        }
    };
    let _ = stream.set_nodelay(true);
    let stream = stream.into_std().map_err(|e| refused(&e))?;
    stream.set_nonblocking(false).map_err(|e| refused(&e))?;
    Ok(stream)
}

/// The client's side of SOCKS 5 without authentication (RFC 1928): greeting, CONNECT, reply.
async fn socks(stream: &mut tokio::net::TcpStream, host: &str, port: u16) -> std::io::Result<()> {
    let wrong = |what: String| std::io::Error::other(what);
    stream.write_all(&[5, 1, 0]).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    if chosen != [5, 0] {
        return Err(wrong("the SOCKS proxy wants credentials or is none".into()));
    }
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(std::net::IpAddr::V4(ip)) => {
            request.push(1);
            request.extend(ip.octets());
        }
        Ok(std::net::IpAddr::V6(ip)) => {
            request.push(4);
            request.extend(ip.octets());
        }
        Err(_) => {
            let length = u8::try_from(host.len()).map_err(|_| wrong(format!("the host name {host} is too long")))?;
            request.extend([3, length]);
            request.extend(host.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).await?;
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    if reply[1] != 0 {
        return Err(wrong(format!("the SOCKS proxy could not connect (reply {})", reply[1])));
    }
    let bound = match reply[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        other => return Err(wrong(format!("the SOCKS proxy answered with address type {other}"))),
    };
    let mut rest = vec![0; bound + 2];
    stream.read_exact(&mut rest).await?;
    Ok(())
}
