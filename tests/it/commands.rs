//! The other subcommands: list, plan, doc, init, new, completions.

use crate::Test;

#[test]
fn the_embedded_playbooks_are_listed_and_right() {
    Test::new().pb("list").code(0).says(&["t2", "t5", "t14", "Networking"]);
    Test::new()
        .pb("list -v t5")
        .code(0)
        .says(&["bgp-sessions", "bgp-table", "bgp-failover", "disrupt"])
        .says_nothing_of(&["t14"]);
    Test::new().pb("check").code(0).says(&["nothing wrong"]);
}

#[test]
fn a_plan_shows_order_effects_and_settings() {
    Test::new()
        .playbook(
            r#"let n = setting("n", 1, "a number");
               step("b", #{ on: "none", needs: ["a"], effect: "disrupt" }, |t| {});
               step("a", #{ title: "The first" }, |t| {});"#,
        )
        .pb("plan p.rhai --set n=2")
        .code(0)
        .says(&[
            "p/a@apps",
            "p/a@infra",
            "p/b",
            "The first",
            "disrupt",
            "needs p/a@apps, p/a@infra",
            "p.n",
            "--set",
            "--allow disrupt",
        ]);
}

#[test]
fn a_function_has_a_page() {
    Test::new().pb("doc eventually").code(0).says(&["(within: duration, body: ||) -> any", "Repeats the closure"]);
    Test::new().pb("doc evntually").code(2).complains(&["did you mean \"eventually\"?"]);
    Test::new().pb("doc").code(0).says(&["kube", "bgp", "step"]);
    Test::new().pb("doc step").code(0).says(&["eventually", "step.evidence"]);
}

#[test]
fn definitions_are_written_for_editors() {
    let ran = Test::new().pb("doc --definitions defs").code(0);
    assert!(ran.read("defs/pb.d.rhai").contains("fn eventually("));
    // The grammar of definition files: no optional parameters, a type for each, properties with `get`.
    let one = r"(\?|\(\)|[A-Za-z_]+|\[(\?|[A-Za-z_]+)\])";
    let ty = format!(r"{one}( \| {one})*");
    let parameter = format!(r"[a-z_0-9]+: {ty}");
    let line = regex::Regex::new(&format!(r"^fn (get )?[a-z_0-9]+\(({parameter}(, {parameter})*)?\)( -> {ty})?;$"))
        .expect("it is");
    for module in ["pb", "base64", "bgp", "file", "http", "sh", "stats", "table", "time", "tls", "yaml"] {
        let text = ran.read(&format!("defs/{module}.d.rhai"));
        assert!(text.starts_with("module ") && text.contains("\nfn "), "{module}");
        for declared in text.lines().skip(1).filter(|line| !line.starts_with("///") && !line.is_empty()) {
            assert!(line.is_match(declared), "{module}: {declared}");
        }
    }
}

#[test]
fn what_init_and_new_write_is_right() {
    let test = Test::new();
    test.command("init here").output().expect("init");
    let dir = test.path().join("here");
    assert!(dir.join("playbooks/t5-networking.rhai").exists() && dir.join("stdlib/bgp.rhai").exists());
    assert!(dir.join("playbooks/profiles/monosense.toml").exists());
    let pb = |args: &str| {
        let output = test.command(args).current_dir(&dir).output().expect("pb runs");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + String::from_utf8_lossy(&output.stderr).as_ref();
        (output.status.code(), text)
    };
    let (code, text) = pb("check");
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(pb("new t16-backups").0, Some(0));
    let (code, text) = pb("check t16");
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = pb("plan t16");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_shell_gets_completions() {
    Test::new().pb("completions bash").code(0).says(&["_pb", "--read-only"]);
}

#[test]
fn the_version_is_told() {
    Test::new().pb("--version").code(0).says(&[concat!("pb ", env!("CARGO_PKG_VERSION"))]);
}

#[test]
fn a_module_beside_the_playbooks_is_none_of_them() {
    let test = || {
        Test::new().file("playbooks/side.rhai", "fn two() { 2 }\nfn three() { [1].map(|x| x + 2)[0] }").file(
            "playbooks/t90-own.rhai",
            "import \"./side\" as side;\nplaybook(#{ id: \"t90\" });\nstep(\"s\", #{ on: \"none\" }, |t| { expect(side::two(), \"two\").to_be(2); });",
        )
    };
    test().pb("list").code(0).says(&["t90"]).says_nothing_of(&["side"]);
    for line in ["plan playbooks/", "check", "check playbooks/", "check playbooks/side.rhai", "run playbooks/"] {
        test().pb(line).code(0);
    }
    test().pb("run playbooks/side.rhai").code(2).complains(&["declares no playbook"]);
    test().pb("run side").code(2).complains(&["\"side\" is a module", "pb check side"]);
    // A module is looked over, too, and a text without functions is no module.
    Test::new().file("playbooks/side.rhai", "fn two() { expekt(2) }").pb("check").code(2).says(&["\"expekt\""]);
    Test::new().file("playbooks/empty.rhai", "let x = 1;").pb("list").code(2).complains(&["declares no playbook"]);
}

#[test]
fn a_playbook_after_one_that_nobody_knows_is_warned_of() {
    let test = |id: &str| {
        let text = format!(
            "playbook(#{{ id: \"p\", after: [\"{id}\"] }});\nstep(\"s\", #{{ on: \"none\" }}, |t| {{ expect(1).to_be(1); }});"
        );
        Test::new().file("p.rhai", &text).pb("check p.rhai").code(0)
    };
    test("nope").says(&["\"nope\", which nobody knows", "p.rhai:1:", "1 warning"]);
    for known in ["t2", "t0", "t15"] {
        test(known).says(&["nothing wrong"]);
    }
}
