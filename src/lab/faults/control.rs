//! The control of an open lab: a port of loopback, and a file in the lab's folder that leads to it. A line of JSON is asked,
//! a line of JSON answered. Whoever can read the folder may ask: the file has a token.
//!
//! `{"token": "…", "fault": "ip-pool-disabled", "on": true}` → `{"ok": {"changed": true, "object": "…", "effect": "…"}}`;
//! `{"token": "…"}` → `{"ok": {"topology": "…", "broken": {"NAME": "OBJECT"}}}`; else `{"error": {"message": "…", "hints": […]}}`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Faults, named};
use crate::error::{Error, Kind, Result};

/// The file in the lab's folder.
const FILE: &str = "control";
/// The longest line that is read, in bytes.
const LONGEST: u64 = 64 * 1024;
/// How long a client waits: a change has to pass the API server's own checks, which takes no time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the file says.
#[derive(Debug, Serialize, Deserialize)]
struct Leads {
    address: SocketAddr,
    token: String,
    topology: String,
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(default)]
    on: bool,
}

/// Listens until the lab ends, and writes the file that leads there.
///
/// # Errors
/// [`Kind::Io`]: no port can be had, or the file can't be written.
pub async fn serve(faults: &Faults, dir: &Path, end: &CancellationToken) -> Result<()> {
    let failed = |e: std::io::Error| Error::new(Kind::Io, "the lab's control can't be opened").caused_by(&e);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let token = token()?;
    let topology = faults.inner.world.topology.name.clone();
    let leads = Leads { address: listener.local_addr().map_err(failed)?, token: token.clone(), topology };
    let file = dir.join(FILE);
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&file).map_err(failed)?;
    opened.write_all(json!(leads).to_string().as_bytes()).map_err(failed)?;
    let (faults, end) = (faults.clone(), end.clone());
    tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                () = end.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    // Too many open files, say: it passes.
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
            };
            let (faults, token) = (faults.clone(), token.clone());
            // A client that breaks off is no matter of ours.
            tokio::spawn(tokio::time::timeout(PATIENCE, async move {
                let (read, mut write) = stream.into_split();
                let mut line = String::new();
                let mut read = tokio::io::BufReader::new(read.take(LONGEST));
                if read.read_line(&mut line).await.is_ok() {
                    let told = answer(&faults, &token, &line).to_string() + "\n";
                    let _ = write.write_all(told.as_bytes()).await;
                }
            }));
        }
        let _ = std::fs::remove_file(&file);
    });
    Ok(())
}

/// 128 bits that nobody guesses.
fn token() -> Result<String> {
    use ring::rand::SecureRandom as _;
    let mut bytes = [0; 16];
    let failed = |_| Error::new(Kind::Io, "the system has no random numbers for the lab's control");
    ring::rand::SystemRandom::new().fill(&mut bytes).map_err(failed)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn answer(faults: &Faults, token: &str, line: &str) -> Value {
    match asked(faults, token, line) {
        Ok(told) => json!({ "ok": told }),
        Err(e) => json!({ "error": { "message": e.message, "hints": e.hints } }),
    }
}

fn asked(faults: &Faults, token: &str, line: &str) -> Result<Value> {
    let wrong = |why: &str| Error::new(Kind::Usage, format!("the lab's control does not understand that: {why}"));
    let asked: Asked = serde_json::from_str(line).map_err(|e| wrong(&e.to_string()))?;
    if asked.token != token {
        return Err(wrong("it is another lab's token"));
    }
    let Some(name) = &asked.fault else {
        let broken = faults.broken();
        let broken: Vec<_> = broken.iter().map(|(name, broken)| (*name, broken.object.as_str())).collect();
        return Ok(json!({
            "topology": faults.inner.world.topology.name,
            "broken": broken.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        }));
    };
    let fault = named(name)?;
    let before = faults.broken();
    let object = match (asked.on, before.get(fault.name)) {
        (true, _) => {
            let broken = faults.on(name)?;
            return Ok(
                json!({ "changed": !before.contains_key(fault.name), "object": broken.object, "effect": fault.effect }),
            );
        }
        (false, Some(broken)) => broken.object.clone(),
        (false, None) => String::new(),
    };
    Ok(json!({ "changed": faults.off(name)?, "object": object, "effect": fault.effect }))
}

/// What an open lab answered to a switch.
#[derive(Debug, Deserialize)]
pub struct Switched {
    /// Whether it was otherwise before.
    pub changed: bool,
    /// What is, or was, broken.
    pub object: String,
    /// What follows.
    pub effect: String,
}

/// Asks the lab that is open in a folder to break or to mend something.
///
/// # Errors
/// [`Kind::Usage`]: no lab is open there, or it says no.
pub fn switch(dir: &Path, fault: &str, on: bool) -> Result<Switched> {
    let told = ask(dir, Some(fault), on)?;
    serde_json::from_value(told).map_err(|e| strange(dir, &e.to_string()))
}

/// What is broken in the lab that is open in a folder: faults' names, and what they broke.
///
/// # Errors
/// [`Kind::Usage`]: no lab is open there.
pub fn broken(dir: &Path) -> Result<std::collections::BTreeMap<String, String>> {
    let mut told = ask(dir, None, false)?;
    serde_json::from_value(told["broken"].take()).map_err(|e| strange(dir, &e.to_string()))
}

fn ask(dir: &Path, fault: Option<&str>, on: bool) -> Result<Value> {
    let none = |why: String| {
        Error::new(Kind::Usage, format!("no lab is open in {}", dir.display()))
            .because(why)
            .hint("pb lab up --dir DIR opens one; --dir says which one is meant")
    };
    let file = dir.join(FILE);
    let text = std::fs::read_to_string(&file).map_err(|e| none(format!("{}: {e}", file.display())))?;
    let leads: Leads = serde_json::from_str(&text).map_err(|e| none(format!("{}: {e}", file.display())))?;
    let ended =
        |e: std::io::Error| none(format!("what was open there has ended without a word: {}: {e}", leads.address));
    let stream = TcpStream::connect_timeout(&leads.address, PATIENCE).map_err(ended)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(ended)?;
    let asked = Asked { token: leads.token.clone(), fault: fault.map(str::to_owned), on };
    (&stream).write_all((json!(asked).to_string() + "\n").as_bytes()).map_err(ended)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).map_err(ended)?;
    let mut told: Value = serde_json::from_str(&line).map_err(|e| strange(dir, &e.to_string()))?;
    if let Some(message) = told["error"]["message"].as_str() {
        let hints = told["error"]["hints"].as_array().into_iter().flatten().filter_map(Value::as_str);
        return Err(hints.fold(Error::new(Kind::Usage, message), Error::hint));
    }
    Ok(told["ok"].take())
}

fn strange(dir: &Path, why: &str) -> Error {
    Error::new(Kind::Usage, format!("what listens for the lab in {} is none", dir.display())).because(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::world::{World, read};

    fn bench() -> (tokio::runtime::Runtime, tempfile::TempDir, Faults, CancellationToken) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let end = CancellationToken::new();
        let faults = runtime.block_on(async {
            let world = World::new(read::embedded("monosense").unwrap(), std::sync::Arc::new(LabClock::real()));
            let faults = Faults::start(&world, &Default::default(), &end);
            serve(&faults, dir.path(), &end).await.unwrap();
            faults
        });
        (runtime, dir, faults, end)
    }

    #[test]
    fn a_running_lab_is_moved_from_outside() {
        let (_runtime, dir, faults, _end) = bench();
        let switched = switch(dir.path(), "node-cut-off", true).unwrap();
        assert!(switched.changed && switched.object == "Node infra-03 (10.25.11.13)", "{switched:?}");
        assert!(faults.broken().contains_key("node-cut-off"));
        assert!(!switch(dir.path(), "node-cut-off", true).unwrap().changed, "it was cut off before");
        assert_eq!(broken(dir.path()).unwrap().keys().collect::<Vec<_>>(), ["node-cut-off"]);
        assert!(switch(dir.path(), "node-cut-off", false).unwrap().changed);
        assert!(broken(dir.path()).unwrap().is_empty());
        let unknown = switch(dir.path(), "node-cut", true).unwrap_err();
        assert!(unknown.message.contains("no fault \"node-cut\"") && !unknown.hints.is_empty(), "{unknown:?}");
        let impossible = switch(dir.path(), "ip-pool-disabled", true).unwrap_err();
        assert!(impossible.message.contains("not possible in this platform"), "{impossible:?}");
    }

    #[test]
    fn where_no_lab_is_open_that_is_said() {
        let empty = tempfile::tempdir().unwrap();
        assert!(broken(empty.path()).unwrap_err().message.starts_with("no lab is open in /"));
        let (runtime, dir, _faults, end) = bench();
        let leads = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        let other = leads.replacen("\"token\":\"", "\"token\":\"0", 1);
        std::fs::write(dir.path().join(FILE), other).unwrap();
        assert!(broken(dir.path()).unwrap_err().message.contains("another lab's token"));
        end.cancel();
        drop(runtime);
        std::fs::write(dir.path().join(FILE), leads).unwrap();
        let ended = broken(dir.path()).unwrap_err();
        assert!(ended.message.starts_with("no lab is open in /") && ended.causes[0].contains("ended"), "{ended:?}");
    }
}
