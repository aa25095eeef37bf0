//! Tests against the real router and against an OpenSSH server of their own.

use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use super::testing::{Sshd, keygen, router};
use super::*;
use crate::client::testing::{closed_port, socks_proxy};

const LIMIT: Duration = Duration::from_secs(5);

fn on<T>(future: impl Future<Output = T>) -> T {
    crate::host::testing::runtime().block_on(future)
}

fn command(line: &str) -> Command {
    Command { line: line.into(), output_limit: 4 << 20, ..Command::default() }
}

fn connect(target: Target) -> Result<Session> {
    on(Session::connect(&Routes::default(), vec![target], LIMIT))
}

fn run(session: &Session, line: &str) -> Output {
    on(session.run(command(line))).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn nobody_listening_is_unreachable_and_names_the_address() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error =
        connect(Target { name: "gone".into(), address: "127.0.0.1".into(), port, ..Target::default() }).unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[test]
fn a_server_that_says_nothing_ends_at_the_connect_deadline() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let target = Target { name: "mute".into(), address: "127.0.0.1".into(), port, ..Target::default() };
    let started = Instant::now();
    let error = on(Session::connect(&Routes::default(), vec![target], Duration::from_millis(300))).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.to_string().contains("exchanging keys"), "{error}");
}

/// Loopback through a SOCKS proxy.
fn through_a_proxy() -> (Routes, String) {
    let proxy = format!("socks5://{}", on(socks_proxy()));
    (Routes::new(&[("127.0.0.0/8".to_string(), proxy.clone())].into()).unwrap(), proxy)
}

#[test]
fn the_proxy_of_the_network_is_gone_through_and_named() {
    let (routes, proxy) = through_a_proxy();
    let port = on(closed_port()).port();
    let target = Target { name: "far".into(), address: "127.0.0.1".into(), port, ..Target::default() };
    let error = on(Session::connect(&routes, vec![target], LIMIT)).unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.starts_with("far: ") && error.message.contains(&format!("through {proxy}")), "{error:?}");
}

#[test]
#[ignore = "needs sshd"]
fn real_a_host_is_reached_through_a_proxy() {
    let sshd = Sshd::start("");
    let (routes, _) = through_a_proxy();
    let session = on(Session::connect(&routes, vec![sshd.target()], LIMIT)).unwrap();
    assert_eq!(run(&session, "echo in").stdout, b"in\n");
}

#[test]
#[ignore = "needs the real router"]
fn real_router_runs_one_command_after_another() {
    let session = connect(router()).unwrap();
    for _ in 0..3 {
        assert!(text(&run(&session, "show version").stdout).starts_with("FRRouting"));
    }
    assert!(session.is_alive());
    let unknown = run(&session, "show frobnicate");
    assert!(text(&unknown.stdout).contains("% Unknown command"), "{unknown:?}");
}

#[test]
#[ignore = "needs the real router"]
fn real_router_shell_is_read_to_its_prompt() {
    let session = connect(router()).unwrap();
    for _ in 0..2 {
        let shown = on(session.run(Command { shell: true, ..command("show ip bgp") })).unwrap();
        let shown = text(&shown.stdout).to_string();
        assert!(shown.starts_with("BGP table version") && shown.contains("total paths"), "{shown:?}");
        assert_eq!(shown.trim_end(), text(&run(&session, "show ip bgp").stdout).trim_end());
    }
}

#[test]
#[ignore = "needs the real router"]
fn real_wrong_key_unknown_host_and_changed_key_are_refused() {
    let dir = std::env::temp_dir().join(format!("pb-ssh-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    keygen(&dir.join("wrong"), "");
    let error = connect(Target { keys: vec![dir.join("wrong")], ..router() }).unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(error.to_string().contains("wrong: the server does not accept it"), "{error}");
    assert!(error.to_string().contains("the server offers: publickey"), "{error}");

    let error = connect(Target { known_hosts: vec![dir.join("none")], ..router() }).unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(error.message.contains("not known") && error.hints[0].contains("10.99.0.1 ssh-ed25519"), "{error:?}");

    let other = std::fs::read_to_string(dir.join("wrong.pub")).unwrap();
    std::fs::write(dir.join("changed"), format!("# changed\n10.99.0.1 {other}")).unwrap();
    let error = connect(Target { known_hosts: vec![dir.join("changed")], ..router() }).unwrap_err();
    assert_eq!(error.kind, Kind::Unauthorized);
    assert!(error.message.contains("CHANGED"), "{error}");
    assert_eq!(error.to_string().matches("SHA256:").count(), 2, "{error}");
    assert!(error.to_string().contains("changed:2"), "{error}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
#[ignore = "needs sshd"]
fn real_streams_status_input_and_signal_come_back() {
    let sshd = Sshd::start("");
    let session = connect(sshd.target()).unwrap();
    let out = run(&session, "seq 100000; seq 200000 >&2; exit 3");
    assert_eq!((out.stdout.len(), out.stderr.len(), out.code), (588_895, 1_288_895, Some(3)));
    let input = vec![b'x'; 300_000];
    let out = on(session.run(Command { stdin: input, ..command("wc -c") })).unwrap();
    assert_eq!(text(&out.stdout).trim(), "300000");
    assert_eq!(run(&session, "kill -TERM $$").signal.as_deref(), Some("TERM"));
    assert_eq!(run(&session, "true").code, Some(0));
}

#[test]
#[ignore = "needs sshd"]
fn real_a_dropped_command_ends_at_once_and_breaks_the_session() {
    let sshd = Sshd::start("");
    let session = connect(sshd.target()).unwrap();
    let started = Instant::now();
    let cut = on(async { tokio::time::timeout(Duration::from_millis(300), session.run(command("sleep 60"))).await });
    assert!(cut.is_err() && started.elapsed() < Duration::from_secs(2));
    assert!(!session.is_alive());
    assert!(matches!(on(session.run(command("true"))), Err(Failed::NotSent(_))));
}

#[test]
#[ignore = "needs sshd"]
fn real_endless_output_is_cut_off() {
    let sshd = Sshd::start("");
    let session = connect(sshd.target()).unwrap();
    let started = Instant::now();
    let Err(Failed::Sent(error)) = on(session.run(command("yes"))) else { panic!("no error") };
    assert_eq!(error.kind, Kind::Unreadable);
    assert!(error.message.contains("4194304 bytes"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
#[ignore = "needs sshd"]
fn real_a_server_that_went_away_is_noticed_before_anything_is_sent() {
    let sshd = Sshd::start("");
    let session = connect(sshd.target()).unwrap();
    // The process that serves this connection, ended from within it.
    let _ = on(session.run(command("kill -9 $PPID")));
    std::thread::sleep(Duration::from_millis(100));
    assert!(!session.is_alive());
}

#[test]
#[ignore = "needs sshd and the real router"]
fn real_the_router_is_reached_through_a_jump_host() {
    let sshd = Sshd::start("");
    let session = on(Session::connect(&Routes::default(), vec![sshd.target(), router()], LIMIT)).unwrap();
    for _ in 0..3 {
        assert!(text(&run(&session, "show ip bgp").stdout).contains("total paths"));
    }
    let nowhere = Target { name: "nowhere".into(), address: "127.0.0.1".into(), port: 9, ..router() };
    let error = on(Session::connect(&Routes::default(), vec![sshd.target(), nowhere], LIMIT)).unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.contains("through local"), "{error}");
}

#[test]
#[ignore = "needs sshd"]
fn real_a_locked_key_opens_with_its_passphrase_alone() {
    let sshd = Sshd::start("");
    let locked = |passphrase: Option<&str>| {
        let keys = vec![sshd.dir.join("locked")];
        connect(Target { keys, passphrase: passphrase.map(|p| Passphrase(p.into())), ..sshd.target() })
    };
    assert_eq!(run(&locked(Some("open sesame")).unwrap(), "echo in").stdout, b"in\n");
    let error = locked(None).unwrap_err();
    assert!(error.to_string().contains("none is configured"), "{error}");
    let error = locked(Some("wrong")).unwrap_err();
    assert!(error.to_string().contains("does not open it"), "{error}");
    assert_eq!(error.kind, Kind::Unauthorized);
}

#[test]
#[ignore = "needs sshd"]
fn real_the_agents_identities_are_all_tried() {
    let sshd = Sshd::start("");
    let socket = sshd.dir.join("agent");
    let mut agent = Program::new("ssh-agent")
        .arg("-D")
        .arg("-a")
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .expect("ssh-agent is installed");
    while !socket.exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    keygen(&sshd.dir.join("stranger"), "");
    for key in ["stranger", "open"] {
        let added = Program::new("ssh-add")
            .env("SSH_AUTH_SOCK", &socket)
            .arg(sshd.dir.join(key))
            .stderr(Stdio::null())
            .status();
        assert!(added.unwrap().success());
    }
    let target = Target { keys: Vec::new(), only_keys: false, agent: Some(socket.clone()), ..sshd.target() };
    let session = connect(target.clone());
    // A locked key whose public half is known is used from the agent.
    let named = connect(Target { keys: vec![sshd.dir.join("open")], only_keys: true, ..target.clone() });
    std::fs::remove_file(sshd.dir.join("authorized_keys")).unwrap();
    let refused = connect(target);
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert_eq!(run(&session.unwrap(), "echo in").stdout, b"in\n");
    assert!(named.is_ok());
    let refused = refused.unwrap_err();
    assert_eq!(refused.to_string().matches("the agent's").count(), 2, "{refused}");
}

#[test]
#[ignore = "needs sshd"]
fn real_hosts_with_hashed_names_are_known() {
    let sshd = Sshd::start("");
    let hashed =
        Program::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(sshd.dir.join("known_hosts")).output().unwrap();
    assert!(hashed.status.success());
    assert!(std::fs::read_to_string(sshd.dir.join("known_hosts")).unwrap().starts_with("|1|"));
    assert!(connect(sshd.target()).is_ok());
}
