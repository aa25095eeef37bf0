//! Bad input: a clear message, the right exit code, nothing lost.

use crate::Test;

#[test]
fn a_broken_playbook_shows_its_line() {
    let ran = Test::new()
        .file("p.rhai", "playbook(#{ id: \"p\" });\nstep(\"s\", #{ on \"none\" }, |t| {});\n")
        .pb("run p.rhai")
        .code(2);
    insta::assert_snapshot!(ran.masked_err());
}

#[test]
fn an_unknown_function_has_a_suggestion() {
    Test::new().step("expekt(1);").pb("run p.rhai").code(2).says(&["expekt", "did you mean \"expect\"?"]);
}

#[test]
fn an_unknown_method_has_a_suggestion() {
    Test::new()
        .step("let l = [1]; l.fliter(|x| x);")
        .pb("run p.rhai")
        .code(2)
        .says(&["fliter", "did you mean \"filter\"?"]);
}

#[test]
fn an_unknown_playbook_has_a_suggestion() {
    Test::new().pb("run t5x").code(2).complains(&["t5x", "did you mean \"t5\"?"]);
    Test::new().pb("run playbooks/t5-netwroking.rhai").code(2).complains(&["playbooks/t5-networking.rhai"]);
}

#[test]
fn an_unknown_step_has_a_suggestion() {
    Test::new().step("1").pb("run p.rhai --only ss").code(2).complains(&["--only ss", "steps: s"]);
}

#[test]
fn an_unknown_option_of_a_step_has_a_suggestion() {
    Test::new()
        .playbook(r#"step("s", #{ tittle: "x" }, |t| {});"#)
        .pb("run p.rhai")
        .code(2)
        .complains(&["tittle", "did you mean \"title\"?"]);
}

#[test]
fn a_reserved_word_as_a_property_is_explained() {
    Test::new().step("let x = #{}; x.default").pb("run p.rhai").code(2).complains(&[
        "default",
        "reserved",
        "[\"default\"]",
    ]);
}

#[test]
fn a_missing_kubeconfig_is_named() {
    Test::new()
        .toml("[clusters.infra]\nkubeconfig = \"nowhere/config\"\n")
        .playbook(r#"step("s", #{ on: "infra" }, |t| { t.kube.list("pods"); });"#)
        .pb("run p.rhai")
        .code(2)
        .complains(&["cluster infra", "nowhere/config"]);
}

#[test]
fn an_unknown_context_lists_those_there_are() {
    Test::new()
        .file("kc", KUBECONFIG)
        .toml("[clusters.infra]\nkubeconfig = \"kc\"\ncontext = \"infre\"\n")
        .playbook(r#"step("s", #{ on: "infra" }, |t| { t.kube.list("pods"); });"#)
        .pb("run p.rhai")
        .code(2)
        .complains(&["cluster infra", "infre", "did you mean \"infra\"?", "--context infra=CONTEXT"]);
}

#[test]
fn every_cluster_that_is_not_there_is_named_before_anything_runs() {
    let test = Test::new().file("kc", KUBECONFIG).toml(
        "[clusters.infra]\nkubeconfig = \"kc\"\ncontext = \"x\"\n[clusters.apps]\nkubeconfig = \"kc\"\ncontext = \"y\"\n",
    );
    let body = r#"step("s", #{ on: "none", effect: "write" }, |t| { sh::script("echo ran > ran"); expect(1).to_be(1); });
                  step("e", #{ on: "each cluster" }, |t| { expect(1).to_be(1); });"#;
    let ran = test.playbook(body).pb("run p.rhai").code(2).complains(&["cluster infra", "cluster apps"]);
    assert!(!ran.has("ran") && !ran.has(".pb/runs"));
    // A step on no cluster needs none.
    Test::new()
        .toml("[clusters.infra]\nkubeconfig = \"nowhere\"\n")
        .step("expect(1, \"one\").to_be(1);")
        .pb("run p.rhai")
        .code(0);
}

#[test]
fn an_unreachable_api_is_named_within_the_connect_deadline() {
    let began = std::time::Instant::now();
    Test::new()
        .file("kc", KUBECONFIG)
        .toml("[clusters.infra]\nkubeconfig = \"kc\"\n")
        .playbook(r#"step("s", #{ on: "infra" }, |t| { t.kube.list("pods"); });"#)
        .pb("run p.rhai")
        .code(3)
        .says(&["127.0.0.1:1"]);
    assert!(began.elapsed() < std::time::Duration::from_secs(15));
}

#[test]
fn a_server_without_tls_is_told_from_one_that_is_not_there() {
    let plain = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = plain.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    });
    Test::new()
        .file("kc", KUBECONFIG.replace("127.0.0.1:1", &address.to_string()))
        .toml("[clusters.infra]\nkubeconfig = \"kc\"\n")
        .playbook(&format!(
            r#"step("kube", #{{ on: "infra" }}, |t| {{ t.kube.list("pods"); }});
step("https", #{{ on: "none" }}, |t| {{ http::get("https://{address}/"); }});"#
        ))
        .pb("run p.rhai")
        .code(3)
        .says(&[&format!("https://{address}"), "TLS"]);
}

#[test]
fn a_listener_that_says_nothing_is_given_up_at_the_connect_deadline_and_named() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    // The kernel takes the connections; nobody answers on them.
    Test::new()
        .file("kc", KUBECONFIG.replace("127.0.0.1:1", &address.to_string()))
        .toml(&format!(
            "[clusters.infra]\nkubeconfig = \"kc\"\n[hosts.edge-1]\naddress = \"127.0.0.1\"\nport = {}\nuser = \"u\"\n",
            address.port()
        ))
        .playbook(&format!(
            r#"step("kube", #{{ on: "infra" }}, |t| {{ t.kube.list("pods"); }});
step("ssh", #{{ on: "none" }}, |t| {{ ssh("edge-1").run("x", #{{ effect: "read" }}); }});
step("https", #{{ on: "none" }}, |t| {{ http::get("https://{address}/"); }});"#
        ))
        .pb("run p.rhai --jobs 3")
        .code(3)
        .says(&[
            &format!("cluster infra: https://{address} no connection within the connect deadline of 5s"),
            &format!("edge-1: no connection to u@{address} within 5s"),
            &format!("GET https://{address}/: no connection within 5s"),
        ]);
}

#[test]
fn a_program_that_prints_a_gigabyte_is_stopped() {
    Test::new().step(r#"sh::script("head -c 1000000000 /dev/zero");"#).pb("run p.rhai").code(3).says(&["max_output"]);
}

#[test]
fn an_unknown_key_of_pb_toml_has_its_line() {
    Test::new().toml("[clusters.infra]\ncontxt = \"x\"\n").step("1").pb("run p.rhai").code(2).complains(&[
        "contxt",
        "pb.toml:2",
        "did you mean \"context\"?",
    ]);
}

#[test]
fn an_unknown_host_or_cluster_has_a_suggestion() {
    Test::new()
        .toml("[hosts.edge-1]\naddress = \"127.0.0.1\"\n")
        .step(r#"ssh("edge1").run("x");"#)
        .pb("run p.rhai")
        .code(2)
        .says(&["edge1", "did you mean \"edge-1\"?"]);
    Test::new()
        .step(r#"kube("infre").list("pods");"#)
        .pb("run p.rhai")
        .code(2)
        .says(&["infre", "did you mean \"infra\"?"]);
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_the_run() {
    Test::new().step("1").pb("run p.rhai --report json=nowhere/x.json").code(2).complains(&["nowhere"]);
    Test::new().step("1").pb("run p.rhai --report jsn=x.json").code(2).complains(&["did you mean \"json\"?"]);
}

/// A cluster that nobody answers for.
const KUBECONFIG: &str = r#"
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: infra, context: {cluster: c, user: u}}]
"#;
