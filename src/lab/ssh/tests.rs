//! The SSH server, from an unmodified `ssh` and from `pb`'s own client.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::client::route::Routes;
use crate::client::ssh::{Command, Session, Target};
use crate::error::Kind;
use crate::lab::clock::LabClock;
use crate::lab::ssh::console::Reply;
use crate::lab::world::read;

/// Says what it was told.
#[derive(Debug)]
struct Parrot;

impl Console for Parrot {
    fn greeting(&self) -> String {
        "\nHello.\n\n".into()
    }
    fn prompt(&self, configuring: bool) -> String {
        if configuring { "edge-1(config)# ".into() } else { "edge-1# ".into() }
    }
    fn answer(&self, line: &str, configuring: bool) -> Reply {
        match line {
            "" => Reply { configuring, ..Reply::default() },
            "conf" => Reply { configuring: true, ..Reply::default() },
            "exit" => Reply { over: !configuring, ..Reply::default() },
            "long" => Reply { text: "0123456789abcdef\n".repeat(20_000), ..Reply::default() },
            "wrong" => Reply { text: "% Unknown command: wrong\n".into(), code: 1, ..Reply::default() },
            said => Reply { text: format!("{said}!\n"), configuring, ..Reply::default() },
        }
    }
    fn next_words(&self, words: &[&str]) -> Vec<String> {
        if words.is_empty() { vec!["conf".into(), "exit".into()] } else { vec!["<cr>".into()] }
    }
}

/// A server on loopback, and the files of its user.
struct Bench {
    dir: tempfile::TempDir,
    port: u16,
    world: Arc<World>,
    end: CancellationToken,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Bench {
    async fn start() -> Self {
        let world = World::new(read::embedded("one-node").unwrap(), Arc::new(LabClock::real()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (dir, end) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let (authorized, host) = (Key::generate().unwrap(), Key::generate().unwrap());
        authorized.write(&dir.path().join("key")).unwrap();
        Key::generate().unwrap().write(&dir.path().join("other")).unwrap();
        std::fs::write(dir.path().join("known_hosts"), format!("[127.0.0.1]:{port} {}\n", host.public().unwrap()))
            .unwrap();
        let server = Server {
            name: "router".into(),
            user: "netops".into(),
            authorized,
            host,
            stranger: Key::generate().unwrap(),
            console: Arc::new(Parrot),
            world: world.clone(),
        };
        tokio::spawn(Arc::new(server).serve(listener, end.clone()));
        Self { dir, port, world, end }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The system's ssh, without anything of its user's.
    fn ssh(&self, key: &str, options: &[&str], command: &[&str]) -> tokio::process::Command {
        let mut ssh = tokio::process::Command::new("ssh");
        ssh.args(["-F", "none", "-i"]).arg(self.file(key)).args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]);
        ssh.arg("-o").arg(format!("UserKnownHostsFile={}", self.file("known_hosts").display()));
        ssh.args(options).args(["-p", &self.port.to_string(), "netops@127.0.0.1"]).args(command).kill_on_drop(true);
        ssh
    }

    fn target(&self) -> Target {
        Target {
            name: "edge-1".into(),
            address: "127.0.0.1".into(),
            port: self.port,
            user: "netops".into(),
            keys: vec![self.file("key")],
            only_keys: true,
            known_hosts: vec![self.file("known_hosts")],
            ..Target::default()
        }
    }

    async fn connect(&self, limit: Duration) -> crate::error::Result<Session> {
        Session::connect(&Routes::default(), vec![self.target()], limit).await
    }
}

fn command(shell: bool) -> Command {
    Command { line: "hello".into(), output_limit: 1 << 20, shell, ..Command::default() }
}

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn an_unmodified_ssh_runs_commands() {
    let bench = Bench::start().await;
    let output = bench.ssh("key", &[], &["hello"]).output().await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "hello!\n", "{}", String::from_utf8_lossy(&output.stderr));
    let output = bench.ssh("key", &[], &["wrong"]).output().await.unwrap();
    assert_eq!((output.status.code(), output.stdout.starts_with(b"% Unknown")), (Some(1), true));
    let output = bench.ssh("key", &[], &["long"]).output().await.unwrap();
    assert_eq!(output.stdout.len(), 340_000, "what is longer than a window arrives whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmodified_ssh_gets_a_shell_with_a_terminal() {
    let bench = Bench::start().await;
    let mut child = bench.ssh("key", &["-tt"], &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello\rcon\t\rexit\rexit\r").await.unwrap();
    let mut shown = String::new();
    tokio::time::timeout(SOON, child.stdout.take().unwrap().read_to_string(&mut shown)).await.unwrap().unwrap();
    assert_eq!(shown, "\r\nHello.\r\n\r\nedge-1# hello\r\nhello!\r\nedge-1# conf \r\nconf !\r\nedge-1# exit\r\n");
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_without_a_terminal_ends_with_its_input() {
    let bench = Bench::start().await;
    let mut child = bench.ssh("key", &["-T"], &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"hello\n").await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(SOON, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "\nHello.\n\nedge-1# hello!\nedge-1# \n");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_and_another_user_are_refused() {
    let bench = Bench::start().await;
    let output = bench.ssh("other", &[], &["hello"]).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(255) && told.contains("Permission denied (publickey)"), "{told}");
    let mut target = bench.target();
    target.user = "root".into();
    let error = Session::connect(&Routes::default(), vec![target], SOON).await.err().unwrap();
    assert_eq!(error.kind, Kind::Unauthorized, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_client_runs_commands_too() {
    let bench = Bench::start().await;
    let session = bench.connect(SOON).await.unwrap();
    for _ in 0..2 {
        let output = session.run(command(false)).await.unwrap();
        assert_eq!((output.code, output.stdout.as_slice()), (Some(0), b"hello!\n".as_slice()));
    }
    let output = session.run(command(true)).await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), "hello!", "typed into the shell");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strange_host_key_and_silence_are_noticed() {
    let bench = Bench::start().await;
    bench.world.put(Cause::HostKey);
    let error = bench.connect(SOON).await.err().unwrap();
    assert_eq!(error.kind, Kind::Unauthorized, "{error}");
    bench.world.lift(&Cause::HostKey);
    bench.world.put(Cause::silent("router"));
    let begun = Instant::now();
    let error = bench.connect(Duration::from_millis(300)).await.err().unwrap();
    assert!(error.to_string().contains("within 300ms") && begun.elapsed() < SOON, "{error}");
    let waiting = tokio::spawn({
        let target = bench.target();
        async move { Session::connect(&Routes::default(), vec![target], SOON).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    bench.world.lift(&Cause::silent("router"));
    waiting.await.unwrap().unwrap();
}
