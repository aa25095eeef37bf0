//! Where values come from, and what is said of wrong ones.

use crate::Test;

const BODY: &str = r#"
let n = setting("n", 1, "a number");
let within = setting("within", duration("15s"), "a time");
let names = setting("names", ["a"], "names");
step("s", #{ on: "none" }, |t| { expect(n, "n").to_be(7); });"#;

#[test]
fn a_value_comes_from_the_strongest_place() {
    let toml = "[settings]\nn = 2\n\"p.n\" = 3\n[profiles.x.settings]\nn = 4\n";
    for (args, env, value) in [
        ("", None, 3),
        ("--profile x", None, 4),
        ("--profile x", Some("5"), 5),
        ("--set n=6", Some("5"), 6),
        ("--set n=6 --set p.n=7", None, 7),
    ] {
        let mut test = Test::new().toml(toml).playbook(BODY);
        if let Some(env) = env {
            test = test.env("PB_SET_N", env);
        }
        let ran = test.pb(&format!("run p.rhai --report json=report.json {args}"));
        let report = ran.json("report.json");
        let setting =
            report["settings"].as_array().expect("settings").iter().find(|s| s["name"] == "n").expect("n").clone();
        assert_eq!(setting["value"], value, "{args} {env:?}");
        assert_eq!(setting["default"], 1);
    }
}

#[test]
fn a_wrong_type_names_setting_place_expected_and_actual() {
    Test::new().toml("[settings]\nwithin = 15\n").playbook(BODY).pb("run p.rhai").code(2).complains(&[
        "within",
        "pb.toml:2",
        "a duration such as \"15s\"",
        "15",
    ]);
    Test::new().playbook(BODY).pb("run p.rhai --set n=many").code(2).complains(&[
        "--set n=many",
        "whole number",
        "\"many\"",
    ]);
}

#[test]
fn an_unknown_setting_is_an_error_with_the_nearest_name() {
    Test::new().playbook(BODY).pb("run p.rhai --set namez=a").code(2).complains(&["namez", "did you mean \"names\""]);
    Test::new()
        .toml("[settings]\nwithni = \"15s\"\n")
        .playbook(BODY)
        .pb("run p.rhai")
        .code(2)
        .complains(&["withni", "did you mean \"within\""]);
}

#[test]
fn lists_come_from_the_command_line() {
    Test::new()
        .playbook(
            r#"let names = setting("names", ["a"], "names");
               step("s", #{ on: "none" }, |t| { expect(names, "names").to_equal(["x", "y"]); });"#,
        )
        .pb("run p.rhai --set names=x,y")
        .code(0);
}

#[test]
fn the_configuration_is_found_upwards_or_named() {
    let body = r#"let n = setting("n", 1, "a number"); step("s", #{ on: "none" }, |t| { expect(n, "n").to_be(7); });"#;
    Test::new()
        .file("elsewhere/other.toml", "[settings]\nn = 7\n")
        .playbook(body)
        .pb("run p.rhai --config elsewhere/other.toml")
        .code(0);
    Test::new().playbook(body).pb("run p.rhai --config nowhere.toml").code(2).complains(&["nowhere.toml"]);
    let test = Test::new().toml("[settings]\nn = 7\n").playbook(body).file("deep/er/x", "");
    let output = test.command("run ../../p.rhai").current_dir(test.path().join("deep/er")).output().expect("pb runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn contexts_are_mapped_and_those_that_nobody_named_are_not_touched() {
    Test::new()
        .playbook(r#"step("s", #{ on: "all" }, |t| { expect(t.clusters, "clusters").to_equal(["core"]); });"#)
        .toml("[clusters.core]\n")
        .pb("run p.rhai --context core=kind-core")
        .code(0);
    Test::new().step("1").pb("run p.rhai --context infra").code(2).complains(&["infra", "NAME=CONTEXT"]);
    Test::new().step("1").pb("run p.rhai --cluster infre").code(2).complains(&["did you mean \"infra\"?"]);
}

#[test]
fn a_profile_has_to_exist() {
    Test::new().step("1").pb("run p.rhai --profile nobody").code(2).complains(&["nobody", "monosense, spec"]);
}

#[test]
fn a_profile_comes_with_the_program() {
    let test = Test::new()
        .toml("profile = \"monosense\"\n[profiles.monosense.clusters.apps.settings]\nlb_pools = [\"10.9.0.0/24\"]\n");
    let output = test.command("plan t5").output().expect("pb runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("10.25.11.100-119") && text.contains("10.9.0.0/24"), "{text}");
    assert!(!text.contains("10.25.11.120-139"), "pb.toml lays its own over it: {text}");
}
