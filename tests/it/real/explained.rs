//! What `--explain` shows of test pods does the same when it is typed.

use std::process::Command;

use super::{Real, kubectl};

#[test]
#[ignore = "needs the real clusters"]
fn real_the_lines_of_test_pods_can_be_typed() {
    let real = Real::alone();
    let ran = real
        .test("")
        .env("SHORT", "abc")
        .playbook(
            r#"step("s", #{ on: "infra", effect: "write" }, |t| {
    let token = secret::env("SHORT");
    let pod = t.kube.pod(#{ name: "typed", env: #{ A: "it's $x", T: token }, files: #{ "/etc/a/b": "one\n\t'q'" },
                            labels: #{ app: "d" }, node: t.kube.list("nodes")[0].name, host_network: true });
    expect(pod.exec(["wc", "-c"], #{ stdin: "one\n\ttwo" }).stdout, "bytes").to_be("8");
    let done = t.kube.run(#{ command: "cat /x/y; exit 3", files: #{ "/x/y": "it's y" }, env: #{ T: token }, check: false });
    expect(done.code, "code").to_be(3);
});"#,
        )
        .pb("run p.rhai --explain")
        .code(0)
        .says_nothing_of(&["\"abc\""]);
    let folder = ran.run_folder();
    let id = folder.file_name().and_then(|name| name.to_str()).expect("an id");
    let namespace = format!("pb-{}", &id[id.len() - 6..]);
    let line = |with: &str| {
        let mut lines = ran.out().lines().filter_map(|line| line.strip_prefix("    $ "));
        lines.find(|line| line.contains(with)).unwrap_or_else(|| panic!("no line with {with}\n{}", ran.out()))
    };
    let typed = |line: &str| {
        let output = Command::new("bash").args(["-c", line]).output().expect("bash runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let (made, pod) = typed(line("wait --for=condition=Ready"));
    assert_eq!(made, Some(0), "{pod}");
    let env = format!("typed-{}", &id[id.len() - 6..]);
    let shown = kubectl(&["--context", "infra", "-n", &namespace, "get", "pod", &env, "-o", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let main = &shown["spec"]["containers"][0];
    assert_eq!((&main["env"][0]["value"], &main["env"][1]["value"]), (&"it's $x".into(), &"<secret:1>".into()));
    assert_eq!((&shown["spec"]["hostNetwork"], &shown["metadata"]["labels"]["app"]), (&true.into(), &"d".into()));
    assert_eq!(typed(line("printf %s")), (Some(0), "8".into()));
    let (code, out) = typed(line("--attach --rm"));
    assert!(code == Some(3) && out.ends_with("it's y"), "{code:?} {out}");
    kubectl(&["--context", "infra", "delete", "ns", &namespace, "--wait=false"]);
}
