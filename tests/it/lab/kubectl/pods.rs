//! Inside of pods: exec, cp, port-forward, logs, attach, run.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Both, Kubectl, busybox};

const READY: [&str; 4] = ["wait", "pod/p", "--for=condition=Ready", "--timeout=40s"];

fn with_pod(test: &str, command: &str) -> Both {
    let both = Both::new(test);
    both.apply(&busybox("p", command));
    both.well(&READY);
    both
}

#[test]
#[ignore = "needs the real clusters"]
fn real_exec_with_input_and_exit_codes() {
    let both = with_pod("exec", r#"["sleep", "1000"]"#);
    both.well(&["exec", "p", "--", "echo", "a b", "c"]);
    both.same(&["exec", "p", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    both.same(&["exec", "p", "--", "false"]);
    both.same(&["exec", "p", "--", "ls", "/nonesuch"]);
    both.same(&["exec", "p", "-c", "nonesuch", "--", "ls"]);
    both.same(&["exec", "nonesuch", "--", "ls"]);
    both.well(&["exec", "p", "--", "sh", "-c", "mkdir -p /w && cd /w && echo hi >f && cat f && pwd && ls /w"]);
    both.well(&["exec", "p", "--", "sh", "-c", "for i in 1 2; do echo $i | wc -l; done; hostname"]);
    let said = both.same_with("one\ntwo\n", &["exec", "-i", "p", "--", "cat"]);
    assert_eq!((said.out.as_str(), said.code), ("one\ntwo\n", 0));
    both.same_with("two\none\n", &["exec", "-i", "p", "--", "sort"]);
    both.same_with("echo from a script\nexit 5\n", &["exec", "-i", "p", "--", "sh"]);
    let large = "0123456789abcdef\n".repeat(20_000);
    assert_eq!(both.same_with(&large, &["exec", "-i", "p", "--", "wc", "-c"]).out.trim(), large.len().to_string());
    let missing = both.lab.run(&["exec", "p", "--", "nonesuch"]);
    assert!(missing.err.contains("\"nonesuch\": executable file not found in $PATH"), "{}", missing.all());
}

#[test]
#[ignore = "needs the real clusters"]
fn real_exec_at_a_terminal() {
    let both = with_pod("tty", r#"["sleep", "1000"]"#);
    // `script` gives kubectl a terminal of its own.
    let typed = |k: &Kubectl| {
        let kubectl = format!(
            "kubectl --kubeconfig {} --context infra -n {} exec -it p -- sh",
            k.kubeconfig.display(),
            k.namespace
        );
        let mut command = std::process::Command::new("timeout");
        command.args(["30", "script", "-qec", &kubectl, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("script is on PATH");
        let mut stdin = child.stdin.take().expect("its input");
        let mut stdout = child.stdout.take().expect("its output");
        let shown = std::thread::spawn(move || {
            let mut shown = String::new();
            let _ = stdout.read_to_string(&mut shown);
            shown
        });
        for line in ["", "", "echo hello $HOSTNAME\n", "test -t 0 || true\n", "exit 4\n"] {
            std::thread::sleep(Duration::from_millis(700));
            stdin.write_all(line.as_bytes()).expect("typed");
        }
        let code = child.wait().expect("it ends").code();
        (shown.join().expect("read"), code)
    };
    let (lab, real) = (typed(&both.lab), typed(&both.real));
    let plain = |text: &str| text.replace("\x1b[6n", "").replace('\r', "");
    assert_eq!((lab.1, real.1), (Some(4), Some(4)), "{} {}", lab.0, real.0);
    for line in ["/ # echo hello $HOSTNAME\nhello p\n", "/ # exit 4\n"] {
        assert!(plain(&lab.0).contains(line), "{:?}", lab.0);
        assert!(plain(&real.0).contains(line), "{:?}", real.0);
    }
}

#[test]
#[ignore = "needs the real clusters"]
fn real_cp_both_ways() {
    let both = with_pod("cp", r#"["sleep", "1000"]"#);
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir_all(dir.path().join("tree/sub")).expect("made");
    std::fs::write(at("tree/one"), "one\n").expect("written");
    std::fs::write(at("tree/sub/two"), vec![7_u8; 100_000]).expect("written");
    let pod = |path: &str| format!("{}/p:{path}", both.lab.namespace);
    both.well(&["cp", &at("tree/one"), &pod("/tmp/file")]);
    both.well(&["exec", "p", "--", "cat", "/tmp/file"]);
    both.well(&["cp", &at("tree"), &pod("/tmp")]);
    both.well(&["exec", "p", "--", "sh", "-c", "ls /tmp/tree; ls /tmp/tree/sub; wc -c /tmp/tree/sub/two"]);
    // What the program in the pod says may come or not: kubectl does not wait for it.
    both.each(|k| {
        k.ok(&["cp", &pod("/tmp/file"), &at("back")]);
        assert_eq!(std::fs::read_to_string(at("back")).expect("copied"), "one\n");
        k.ok(&["cp", &pod("/tmp/tree"), &at("copy")]);
        assert_eq!(std::fs::read(at("copy/sub/two")).expect("copied"), vec![7; 100_000]);
        std::fs::remove_file(at("back")).expect("removed");
        std::fs::remove_dir_all(at("copy")).expect("removed");
    });
    both.each(|k| {
        k.run(&["cp", &pod("/nonesuch"), &at("none")]);
        assert!(!std::path::Path::new(&at("none")).exists());
    });
}

#[test]
#[ignore = "needs the real clusters"]
fn real_port_forward() {
    let served = r#"["sh", "-c", "mkdir -p /www; echo hello >/www/index.html; httpd -f -p 8080 -h /www"]"#;
    let both = with_pod("forward", served);
    both.lab.ok(&["exec", "p", "--", "sh", "-c", "mkdir -p /www; echo hello >/www/index.html"]);
    let ports = regex::Regex::new(r"127\.0\.0\.1:(\d+) -> (\d+)").expect("a pattern");
    for k in [&both.lab, &both.real] {
        let mut child =
            k.command(&["port-forward", "p", ":8080", ":9"]).stdout(Stdio::piped()).spawn().expect("kubectl");
        let mut stdout = child.stdout.take().expect("its output");
        let (mut said, mut byte) = (String::new(), [0]);
        while ports.find_iter(&said).count() < 2 && stdout.read(&mut byte).is_ok_and(|count| count > 0) {
            said.push(byte[0] as char);
        }
        let port = |to: &str| -> u16 {
            let found = ports.captures_iter(&said).find(|found| &found[2] == to).unwrap_or_else(|| panic!("{said}"));
            found[1].parse().expect("a port")
        };
        for _ in 0..3 {
            let answer = get(port("8080"));
            assert!(
                answer.starts_with("HTTP/1.") && answer.contains("200 OK") && answer.ends_with("hello\n"),
                "{answer}"
            );
        }
        let until = Instant::now() + Duration::from_secs(5);
        assert_eq!(get(port("9")), "", "nothing listens there");
        assert!(Instant::now() < until);
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
            .expect("ended");
        child.wait().expect("ended");
    }
    both.same(&["port-forward", "nonesuch", "18080:80"]);
}

fn get(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("kubectl listens");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let _ = stream.write_all(b"GET /index.html HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}
