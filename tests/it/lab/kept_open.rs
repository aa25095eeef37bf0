//! `pb lab up`: one lab a folder, on ports of its own, which ends with whoever started it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Test;

const SOON: Duration = Duration::from_secs(30);

/// An open lab; killed when this is dropped.
struct Open(Child);

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn up(test: &Test, args: &str) -> Open {
    let mut child = test.command(&format!("lab up one-node {args}")).stdout(Stdio::piped()).spawn().expect("pb runs");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    let open = out.lines().map_while(Result::ok).any(|line| line.contains("Ctrl-C"));
    assert!(open, "it did not open");
    Open(child)
}

/// The API server's port, by the kubeconfig.
fn server(dir: &Path) -> String {
    let text = std::fs::read_to_string(dir.join("kubeconfig")).expect("a kubeconfig");
    text.split("https://")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a server")
        .trim_matches('"')
        .into()
}

fn ends(address: &str) -> bool {
    let until = Instant::now() + SOON;
    while TcpStream::connect(address).is_ok() {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

#[test]
fn a_folder_has_one_lab_and_a_kill_leaves_nothing_in_the_way_of_the_next() {
    let test = Test::new();
    let first = up(&test, "--dir one");
    let refused = test.command("lab up one-node --dir one").output().expect("pb runs");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{text}");
    assert!(text.contains(&format!("already, by process {}", first.0.id())) && text.contains("--dir"), "{text}");
    let second = up(&test, "--dir two");
    let (one, two) = (server(&test.path().join("one")), server(&test.path().join("two")));
    assert_ne!(one, two);
    // A kill gives nobody time to tidy up.
    drop(first);
    assert!(ends(&one));
    assert!(TcpStream::connect(&two).is_ok(), "the other goes on");
    drop(up(&test, "--dir one"));
    drop(second);
}

#[test]
fn it_ends_with_whoever_started_it() {
    let test = Test::new();
    let mut shell = Command::new("sh");
    let line = format!("'{}' lab up one-node --dir one > up.txt 2>&1 & read line", env!("CARGO_BIN_EXE_pb"));
    shell.args(["-c", &line]).current_dir(test.path()).stdin(Stdio::piped());
    let mut shell = shell.spawn().expect("a shell");
    let until = Instant::now() + SOON;
    let said = || std::fs::read_to_string(test.path().join("up.txt")).unwrap_or_default();
    while !said().contains("Ctrl-C") {
        assert!(Instant::now() < until, "it did not open: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    let server = server(&test.path().join("one"));
    assert!(TcpStream::connect(&server).is_ok());
    shell.stdin.take().expect("its input").write_all(b"\n").expect("told");
    shell.wait().expect("the shell ends");
    assert!(ends(&server), "it goes on");
}

#[test]
fn what_there_is_not_is_refused_with_what_was_meant() {
    let test = Test::new();
    for (args, wanted) in [
        ("lab up monosens", "did you mean \"monosense\"?"),
        ("lab up --stage datbases", "did you mean \"databases\"?"),
        ("lab up --clock skip", "skip is for pb run --lab"),
        ("lab up --clock 1000000x", "from 0.001x to 1000x"),
        ("lab topology ./nowhere.toml", "pb lab topology > mine.toml"),
        ("lab stages onenode", "did you mean \"one-node\"?"),
    ] {
        let output = test.command(args).output().expect("pb runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args}: {text}");
        assert!(
            text.replace('\n', " ").split_whitespace().collect::<Vec<_>>().join(" ").contains(wanted),
            "{args}: {text}"
        );
    }
}

#[test]
fn a_topology_can_be_printed_changed_and_used() {
    let test = Test::new();
    let print = |args: &str| {
        let output = test.command(args).output().expect("pb runs");
        assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let text = print("lab topology one-node --stages");
    let mine = text.replace("infra-01", "alpha").replace("name = \"core\"", "name = \"heart\"");
    std::fs::write(test.path().join("mine.toml"), mine).expect("written");
    assert!(print("lab stages mine.toml").contains("heart"));
    let plan = print("plan t5 --lab=mine.toml --stage heart");
    assert!(plan.contains("t5/dns@infra"), "{plan}");
    let listed = print("lab stages");
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names.first().zip(names.last()), Some((&"bare", &"workloads")), "{listed}");
}
