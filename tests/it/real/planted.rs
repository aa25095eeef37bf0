//! Secrets of a real cluster, in an exec's output and in a Secret, are found in no file and no output of a run.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Real;
use crate::support::Planted;

const PLAYBOOK: &str = r#"
playbook(#{ id: "p", title: "Secrets of a cluster" });
step("p", #{ on: "infra", effect: "write" }, |t| {
    let pod = t.kube.pod(#{ name: "planted", command: ["sleep", "600"], files: #{ "/x/y": "z" } });
    let made = t.kube.create(#{ apiVersion: "v1", kind: "Secret",
        metadata: #{ name: "planted", namespace: pod.namespace }, data: #{ key: "ENCODED" } });
    let read = t.kube.get("secret", made.name, #{ namespace: pod.namespace });
    let text = secret::kube(t.kube, pod.namespace, made.name, "key");
    print(read.data.key);
    t.note(`${text} ${read.data}`);
    // What lies within a value is shown alone.
    let parts = t.kube.create(#{ apiVersion: "v1", kind: "Secret", metadata: #{ name: "parts", namespace: pod.namespace },
        stringData: #{ "config.json": `{"auths":{"r":{"password":"INSIDE-json"}}}`, env: "A=on\nDB_PASSWORD=INSIDE-env\n" } });
    t.note(`for ${parts.name}: INSIDE-json, INSIDE-env`);
    print("INSIDE-env");
    t.evidence("secret", read);
    t.evidence("list", t.kube.list("secrets", #{ namespace: pod.namespace }));
    t.publish("secret", read.data);
    let half = "printf %s 'PLAIN' | head -c 9; sleep 0.3; printf %s 'PLAIN' | tail -c +10; echo; printf %s 'PLAIN' | base64";
    let said = pod.exec(["sh", "-c", half]).stdout;
    print(said);
    t.note(said);
    t.evidence("exec", said);
    t.publish("exec", said);
    pod.exec(["sh", "-c", "printf %s 'PLAIN' >&2; exit 3"], #{ check: false });
    try { pod.exec(["sh", "-c", "printf %s 'PLAIN' >&2; exit 3"]); } catch (e) { t.warn(`${e}`); }
    expect(said, "said").to_be("other");
});
"#;

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_a_secret_of_a_cluster_is_in_no_file_and_no_output_of_a_run() {
    let real = Real::alone();
    let value = "cluster-Planted0s3cret/+x";
    let inside = "inside-Planted0s3cret";
    let playbook = PLAYBOOK.replace("ENCODED", &STANDARD.encode(value)).replace("PLAIN", value);
    let playbook = playbook.replace("INSIDE", inside);
    // The playbook itself has it, and its lines are shown where something fails.
    let test = real.test("").file("p.rhai", &playbook);
    let planted = Planted(vec![("a Secret", value.into()), ("a part of one", inside.into())]);
    let pb = |args: &str| test.command(args).output().expect("pb runs");
    let ran = pb("run p.rhai --explain -v --report json=report.json --report junit=report.xml");
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(1), "{out}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(out.contains("<secret:"), "{out}");
    for (args, ran) in [("run", ran), ("show", pb("show latest --explain -v")), ("clean", pb("clean latest --yes"))] {
        planted.was_not_said(args, &ran);
    }
    let names = planted.is_in_no_file(test.path(), &["p.rhai"]);
    for name in ["calls.jsonl.gz", "secret.json", "list.json", "exec.txt", "ledger.jsonl", "report.xml"] {
        assert!(names.iter().any(|n| n.ends_with(name)), "{name} was not looked at: {names:?}");
    }
}
