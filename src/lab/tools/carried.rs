//! Calls of tools, carried to the open lab: a port of loopback, and the file `tools` in the lab's folder that leads to it.
//!
//! A line of JSON is asked: the token, and the call. Lines of JSON come back: `{"out": "…"}`, `{"err": "…"}`, and
//! `{"exit": 0}` at the end. A client that goes ends what it began.

use std::io::{BufRead as _, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Bench, Call, Say, named};
use crate::error::{Error, Kind, Result};

/// The file in the lab's folder.
const FILE: &str = "tools";
/// The longest line that is read: what a tool is given to read is in it.
const LONGEST: u64 = 64 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
struct Leads {
    address: SocketAddr,
    token: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    token: String,
    call: Call,
}

/// Listens until the lab ends, and writes the file that leads there.
///
/// # Errors
/// [`Kind::Io`]: no port can be had, or the file can't be written.
pub async fn serve(bench: Bench, dir: &Path, end: &CancellationToken) -> Result<()> {
    let failed = |e: std::io::Error| Error::new(Kind::Io, "the lab's tools can't be reached").caused_by(&e);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let token = token()?;
    let leads = Leads { address: listener.local_addr().map_err(failed)?, token: token.clone() };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(dir.join(FILE)).map_err(failed)?;
    file.write_all(json!(leads).to_string().as_bytes()).map_err(failed)?;
    let end = end.clone();
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                () = end.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(_) => {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let (bench, token, end) = (bench.clone(), token.clone(), end.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = end.cancelled() => {}
                    // A client that breaks off is no matter of ours.
                    _ = client(stream, &bench, &token) => {}
                }
            });
        }
    });
    Ok(())
}

fn token() -> Result<String> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 16];
    let failed = |_| Error::new(Kind::Io, "the system has no random numbers for the lab's tools");
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn client(stream: tokio::net::TcpStream, bench: &Bench, token: &str) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = tokio::io::BufReader::new(read.take(LONGEST));
    let mut line = String::new();
    read.read_line(&mut line).await?;
    let asked = serde_json::from_str::<Asked>(&line).ok().filter(|asked| asked.token == token);
    let Some(call) = asked.map(|asked| asked.call) else {
        return write.write_all(b"{\"err\":\"the lab does not understand this call\\n\"}\n{\"exit\":64}\n").await;
    };
    // Whoever started the tool waits for it.
    let _waits = bench.services.world.clock.asked();
    let Some(tool) = named(&call.name) else {
        return write.write_all(b"{\"err\":\"there is no such tool in the lab\\n\"}\n{\"exit\":127}\n").await;
    };
    let (say, mut said) = Say::new();
    let work = async {
        let code = tool.there(bench, &call, &say).await;
        drop(say);
        code
    };
    let tell = async {
        while let Some((err, text)) = said.recv().await {
            let line = if err { json!({ "err": text }) } else { json!({ "out": text }) };
            if write.write_all((line.to_string() + "\n").as_bytes()).await.is_err() {
                return None;
            }
        }
        Some(write)
    };
    let mut gone = [0; 1];
    tokio::select! {
        // The client says nothing more: what is read is its end.
        _ = read.read(&mut gone) => Ok(()),
        (code, write) = async { tokio::join!(work, tell) } => match write {
            Some(mut write) => write.write_all((json!({ "exit": code }).to_string() + "\n").as_bytes()).await,
            None => Ok(()),
        },
    }
}

/// Has a call done by the lab that is open in a folder; what it prints is written as it comes. The exit code is the
/// answer.
///
/// # Errors
/// [`Kind::Usage`]: no lab is open there; [`Kind::Io`]: it has closed, or nobody takes what is printed.
pub fn call(dir: &Path, call: Call, out: &mut dyn Write, err: &mut dyn Write) -> Result<i32> {
    let none = |why: String| {
        Error::new(Kind::Usage, format!("no lab is open in {}", dir.display()))
            .because(why)
            .hint("pb lab up --dir DIR opens one")
    };
    let file = dir.join(FILE);
    let text = std::fs::read_to_string(&file).map_err(|e| none(format!("{}: {e}", file.display())))?;
    let leads: Leads = serde_json::from_str(&text).map_err(|e| none(format!("{}: {e}", file.display())))?;
    let stream = TcpStream::connect(leads.address).map_err(|e| none(format!("what was open there has ended: {e}")))?;
    let broken = |e: std::io::Error| Error::new(Kind::Io, "the lab has closed").caused_by(&e);
    let asked = Asked { token: leads.token, call };
    (&stream).write_all((json!(asked).to_string() + "\n").as_bytes()).map_err(broken)?;
    for line in BufReader::new(&stream).lines() {
        let line: Value = serde_json::from_str(&line.map_err(broken)?)
            .map_err(|e| Error::new(Kind::Io, "what the lab says can't be read").because(e.to_string()))?;
        let unwritten = |e: std::io::Error| Error::new(Kind::Io, "nobody takes what is printed").caused_by(&e);
        if let Some(text) = line["out"].as_str() {
            out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(unwritten)?;
        }
        if let Some(text) = line["err"].as_str() {
            err.write_all(text.as_bytes()).and_then(|()| err.flush()).map_err(unwritten)?;
        }
        if let Some(code) = line["exit"].as_i64() {
            return Ok(i32::try_from(code).unwrap_or(1));
        }
    }
    Err(Error::new(Kind::Io, "the lab has closed before the tool ended"))
}
