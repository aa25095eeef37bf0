//! Scripts as people type them.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::lab::clock::{LabClock, Pace};
use crate::lab::kube::cluster::Cluster;
use crate::lab::pods::disk::Disk;

fn shell() -> Shell {
    let clock = LabClock::new("2026-01-01T00:00:00Z".parse().unwrap(), Pace::Still);
    let pod = json!({
        "metadata": { "name": "web-0", "namespace": "default" },
        "spec": { "containers": [{ "name": "web", "env": [{ "name": "MODE", "value": "fast" }] }] },
    });
    Shell::new(Around {
        cluster: Cluster::new("infra", Arc::new(clock)),
        pod,
        container: "web".into(),
        disk: Arc::new(Disk::default()),
    })
}

async fn ran(shell: &mut Shell, text: &str, input: &str) -> (String, String, i32) {
    let mut out = Out::Kept(Vec::new(), Vec::new());
    let ended = shell.script(text, &mut Stdin::Bytes(input.as_bytes().to_vec()), &mut out).await;
    let (Ended::With(code) | Ended::Exit(code)) = ended else { panic!("{ended:?}") };
    let Out::Kept(stdout, stderr) = out else { panic!("it is kept") };
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), code)
}

#[tokio::test]
async fn what_people_type_works() {
    for (text, stdout, code) in [
        ("echo one; echo two", "one\ntwo\n", 0),
        ("echo 'a b'  \"c  $MODE\" d\\ e", "a b c  fast d e\n", 0),
        ("false && echo no || echo yes", "yes\n", 0),
        ("true; exit 3; echo never", "", 3),
        ("for i in 1 2 3; do echo n$i; done", "n1\nn2\nn3\n", 0),
        ("if [ -d /tmp ]; then echo folder; else echo none; fi", "folder\n", 0),
        ("x=5; echo ${x} $(echo in)side ${none:-else}", "5 inside else\n", 0),
        ("echo gone >/dev/null; nonesuch 2>/dev/null; echo $?", "127\n", 0),
        ("printf 'b\\na\\n' | sort | head -n 1", "a\n", 0),
        ("mkdir -p /www && echo hi > /www/x && cat /www/x && ls /www", "hi\nx\n", 0),
        ("echo a >/f; echo b >>/f; wc -l < /f", "2\n", 0),
        ("while true; do echo once; break; done", "once\n", 0),
        ("cat | grep ne", "one\n", 0),
        ("! true", "", 1),
        ("echo err >&2; hostname", "web-0\n", 0),
        ("cd /tmp && pwd # and here we are", "/tmp\n", 0),
        ("sh -c 'echo $1 $0' a b", "b a\n", 0),
        ("test -f /nonesuch", "", 1),
        ("(echo in; exit 4); echo $? after", "in\n4 after\n", 0),
    ] {
        let mut shell = shell();
        let (printed, failed, ended) = ran(&mut shell, text, "one\ntwo\n").await;
        assert_eq!((printed.as_str(), ended), (stdout, code), "{text}: {failed}");
    }
}

#[tokio::test]
async fn what_is_no_script_is_refused() {
    for (text, words) in [
        ("echo 'a", "sh: syntax error: unterminated quoted string\n"),
        ("if true; then echo", "sh: syntax error: unexpected end of file (expecting \"fi\")\n"),
        ("| x", "sh: syntax error: unexpected \"|\"\n"),
    ] {
        assert_eq!(ran(&mut shell(), text, "").await.1, words, "{text}");
    }
    assert_eq!(ran(&mut shell(), "nonesuch", "").await, (String::new(), "sh: nonesuch: not found\n".into(), 127));
}
