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
