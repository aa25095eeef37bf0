//! A web server with a page for every way in which an answer can be right or wrong.
//!
//! `/` text · `/json` an object · `POST /echo` the body · `/request` the request's head as JSON · `/status/503` ·
//! `/redirect/3` counts down to `/` · `/away?URL` redirects there · `/slow?MILLISECONDS` · `/chunked` ·
//! `/endless` · `/broken` ends within the body · `/bytes` no UTF-8 · anything else: 404

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::listener;

/// Starts it on the current runtime; it serves until the runtime ends.
pub(crate) async fn web() -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

/// Serves one connection, request after request.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_string();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let length = header(&head, "content-length").and_then(|v| v.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let mut words = head[0].split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if !answer(stream.get_mut(), method, target, &head, &body).await? {
            return Ok(());
        }
    }
}

fn header(head: &[String], name: &str) -> Option<String> {
    head.iter().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_string())
    })
}

async fn answer<S: AsyncWrite + Unpin>(
    stream: &mut S,
    method: &str,
    target: &str,
    head: &[String],
    body: &[u8],
) -> std::io::Result<bool> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("POST" | "PUT" | "PATCH", ["echo"]) => {
            let kind = header(head, "content-type").unwrap_or_else(|| "text/plain".into());
            whole(stream, method, "200 OK", &format!("Content-Type: {kind}\r\n"), body).await?;
        }
        (_, [""]) => whole(stream, method, "200 OK", "Content-Type: text/plain\r\n", b"hello from the test").await?,
        (_, ["json"]) => {
            let body = br#"{"ok":true,"items":[1,2]}"#;
            whole(stream, method, "200 OK", "Content-Type: application/json\r\n", body).await?;
        }
        (_, ["request"]) => {
            let body = serde_json::json!({ "method": method, "target": target, "head": head }).to_string();
            whole(stream, method, "200 OK", "Content-Type: application/json\r\n", body.as_bytes()).await?;
        }
        (_, ["status", code]) => {
            whole(stream, method, &format!("{code} Told So"), "", b"first line\nsecond line\n").await?;
        }
        (_, ["redirect", "0"]) => whole(stream, method, "302 Found", "Location: /\r\n", b"").await?,
        (_, ["redirect", n]) => {
            let next = n.parse::<u32>().unwrap_or(1) - 1;
            whole(stream, method, "302 Found", &format!("Location: /redirect/{next}\r\n"), b"").await?;
        }
        (_, ["away"]) => whole(stream, method, "307 Away", &format!("Location: {query}\r\n"), b"").await?,
        (_, ["slow"]) => {
            tokio::time::sleep(Duration::from_millis(query.parse().unwrap_or(1000))).await;
            whole(stream, method, "200 OK", "", b"at last").await?;
        }
        (_, ["chunked"]) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            stream.write_all(b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n").await?;
        }
        (_, ["endless"]) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            let chunk = [b"1000\r\n".as_slice(), &[b'x'; 4096], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
        (_, ["broken"]) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nten bytes.").await?;
            stream.flush().await?;
            return Ok(false);
        }
        (_, ["bytes"]) => whole(stream, method, "200 OK", "", &[0xff, 0xfe, 0x00, 0x41]).await?,
        _ => whole(stream, method, "404 Not Found", "Content-Type: text/plain\r\n", b"no such page").await?,
    }
    stream.flush().await?;
    Ok(true)
}

async fn whole<S: AsyncWrite + Unpin>(
    stream: &mut S,
    method: &str,
    status: &str,
    headers: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    let body = if method == "HEAD" { &[][..] } else { body };
    stream.write_all(&[head.as_bytes(), body].concat()).await
}
