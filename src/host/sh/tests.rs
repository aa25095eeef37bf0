//! Programs as scripts run them: options, errors, secrets, effects.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::config::Config;
use crate::event::{Bus, Event, Listener};
use crate::host::testing::{eval, runtime, world};
use crate::host::world::Permissions;
use crate::host::{World, redact::Redactor};

fn holds(script: &str) {
    assert!(eval(script).unwrap().as_bool().unwrap(), "{script}");
}

#[test]
fn a_non_zero_code_throws_with_the_end_of_stderr() {
    let error = eval(r#"sh::script("for i in $(seq 30); do echo line $i >&2; done; exit 7")"#).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::ExitCode, "bash ended with exit code 7"));
    assert!(
        error.causes[0].starts_with("stderr ends with:\nline 21\n") && error.causes[0].ends_with("line 30"),
        "{error}"
    );
    assert!(error.causes[1].starts_with("ran: bash -euo pipefail -c "), "{error}");
    let error = eval(r#"sh::run("false")"#).unwrap_err();
    assert_eq!(error.causes[0], "it printed nothing");
    let error = eval(r#"sh::script("kill -9 $$")"#).unwrap_err();
    assert_eq!(error.message, "bash was ended by signal 9");
    let error = eval(r#"sh::script("no-such-program-at-all")"#).unwrap_err();
    assert!(error.hints[0].starts_with("127: bash did not find"), "{error:?}");
}

#[test]
fn unchecked_codes_come_back() {
    holds(
        r#"let r = sh::run("sh", ["-c", "echo out; exit 3"], #{ check: false }); r.code == 3 && r.stdout == "out" && r.signal == () && r.time > duration("0s")"#,
    );
}

#[test]
fn scripts_are_strict_and_take_arguments() {
    assert_eq!(eval(r#"sh::script("false | cat; echo here")"#).unwrap_err().kind, Kind::ExitCode);
    assert!(eval(r#"sh::script("echo $NOT_SET_ANYWHERE")"#).unwrap_err().to_string().contains("unbound variable"));
    holds(r#"sh::script("echo \"$#:$2\"", #{ args: ["a b", 7] }).stdout == "2:7""#);
}

#[test]
fn folder_input_and_environment() {
    holds(r#"sh::run("pwd", [], #{ dir: "/usr" }).stdout == "/usr""#);
    holds(r#"sh::run("cat", [], #{ stdin: "hi\n\n" }).stdout == "hi\n""#);
    holds(r#"sh::script("echo $A-$B", #{ env: #{ A: 1, B: true } }).stdout == "1-true""#);
    holds(r#"sh::run("env", [], #{ env: #{ ONLY: "x" }, clear_env: true }).stdout == "ONLY=x""#);
}

#[test]
fn wrong_calls_say_what_is_right() {
    let error = eval(r#"sh::run("kubectl get nodes")"#).unwrap_err();
    assert!(error.hints[0].contains("arguments are a list"), "{error:?}");
    let error = eval(r#"sh::run("echo", "x")"#).unwrap_err();
    assert!(error.message.contains("the arguments are a string, expected a list"), "{error}");
    let error = eval(r#"sh::run("echo", [#{}])"#).unwrap_err();
    assert!(error.message.contains("argument 1 is a map"), "{error}");
    let error = eval(r#"sh::run("echo", [], #{ efect: "read" })"#).unwrap_err();
    assert!(error.hints[0].contains("effect"), "{error:?}");
    let error = eval(r#"sh::run("echo", [], #{ effect: "reed" })"#).unwrap_err();
    assert!(error.message.contains("\"read\", \"write\""), "{error}");
    assert_eq!(eval(r#"sh::run("no-such-program-at-all")"#).unwrap_err().kind, Kind::MissingTool);
    assert!(eval(r#"sh::script(" ")"#).unwrap_err().message.contains("is empty"));
}

#[test]
fn the_deadline_ends_the_whole_tree() {
    let started = Instant::now();
    let marker = format!("86{}", std::process::id());
    let script = format!(r#"sh::script("sleep {marker} & sleep {marker}", #{{ within: duration("300ms") }})"#);
    let error = eval(&script).unwrap_err();
    assert_eq!(error.kind, Kind::Timeout);
    assert!(error.message.contains("no answer within 300ms"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
    let left = eval(&format!(r#"sh::run("pgrep", ["-fx", "sleep {marker}"], #{{ check: false }}).stdout"#)).unwrap();
    assert_eq!(left.into_string().unwrap(), "");
}

#[test]
fn an_interruption_ends_the_program() {
    let world = world(Config::default());
    let engine = crate::script::engine::build();
    let context = Context::new(world.clone(), "test/step", None, Effect::Write, None);
    let stopper = std::thread::spawn({
        let world = world.clone();
        move || {
            std::thread::sleep(Duration::from_millis(200));
            world.cancel.cancel();
        }
    });
    let _entered = context.enter();
    let started = Instant::now();
    let error = engine.eval::<Map>(r#"sh::run("sleep", ["300"])"#).unwrap_err();
    assert_eq!(crate::script::diagnose::from_rhai(&error, None).kind, Kind::Cancelled);
    assert!(started.elapsed() < Duration::from_secs(5));
    stopper.join().unwrap();
}

#[test]
fn more_output_than_allowed_is_an_error() {
    let error = eval(r#"sh::script("yes | head -c 1G", #{ max_output: size("1Mi") })"#).unwrap_err();
    assert_eq!(error.kind, Kind::Io);
    assert!(error.message.contains("more than 1.0 MiB"), "{error}");
}

#[derive(Default, Clone)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Listener for Heard {
    fn on(&mut self, event: &Event) {
        self.0.lock().unwrap().push(serde_json::to_string(event).unwrap());
    }
}

/// Runs a script as a step with an effect; its result and every event as text.
fn heard(effect: Effect, script: &str) -> (Result<Dynamic, Error>, String) {
    let clock: Arc<dyn crate::clock::Clock> = Arc::new(crate::clock::System);
    let heard = Heard::default();
    let bus = Bus::new(clock.clone(), Box::new(|event| event), vec![Box::new(heard.clone())]);
    let world = World::new(
        "20260101-000000-abc123".into(),
        None,
        Arc::new(Config::default()),
        runtime().handle().clone(),
        bus,
        clock,
        Arc::new(Redactor::default()),
        Permissions::default(),
    );
    let context = Context::new(world, "test/step", Some("infra".into()), effect, None);
    let _entered = context.enter();
    let result = crate::script::engine::build().eval::<Dynamic>(script);
    let result = result.map_err(|e| crate::script::diagnose::from_rhai(&e, None));
    context.world.bus.flush();
    let text = heard.0.lock().unwrap().join("\n");
    (result, text)
}

#[test]
fn a_secret_reaches_the_program_and_no_event() {
    let script = r#"
        let s = secret::file("/etc/hostname");
        let r = sh::script("printf %s \"$TOKEN\" | wc -c; printf %s \"$1\" | wc -c; wc -c", #{
            env: #{ TOKEN: s }, args: [s], stdin: s });
        r.stdout"#;
    let (result, events) = heard(Effect::Write, script);
    let name = std::fs::read_to_string("/etc/hostname").unwrap();
    let count = name.trim_end().len().to_string();
    let printed = result.unwrap().into_string().unwrap();
    assert_eq!(printed.split_whitespace().collect::<Vec<_>>(), [&count, &count, &count]);
    assert!(events.contains("TOKEN='<secret:1>'"), "{events}");
    // The filter of this bus is off: nothing but the call's own care keeps the value out.
    assert!(!events.contains(&format!("\"{}\"", name.trim_end())), "{events}");
    assert!(!events.contains(&format!("={}", name.trim_end())), "{events}");
}

#[test]
fn the_declared_effect_is_judged_by_the_gate() {
    let (result, events) = heard(Effect::Read, r#"sh::run("true")"#);
    let error = result.unwrap_err();
    assert_eq!(error.kind, Kind::Refused);
    assert!(error.message.contains("sh::run is \"write\""), "{error}");
    assert!(!events.contains("call_started"), "{events}");
    let (result, events) = heard(Effect::Read, r#"sh::run("echo", ["it's"], #{ effect: "read", dir: "/" })"#);
    assert!(result.is_ok());
    assert!(events.contains(r"cd / && echo 'it'\\''s'"), "{events}");
    let (result, _) = heard(Effect::Destroy, r#"sh::run("true", [], #{ effect: "destroy" })"#);
    assert!(result.unwrap_err().hints[0].contains("--allow destroy=infra"));
}

#[test]
fn programs_find_what_pb_toml_names() {
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("lab-tool");
    std::fs::write(&tool, "#!/bin/sh\necho \"$LAB_VALUE $1\"\n").unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let tools = crate::config::Tools {
        path: vec![dir.path().into()],
        env: [("LAB_VALUE".to_string(), "from the file".to_string())].into(),
    };
    let own = std::env::var_os("PATH").unwrap_or_default();
    let path = tools.path(Some(&own)).unwrap();
    assert!(std::env::split_paths(&path).next().is_some_and(|first| first == dir.path()));
    assert_eq!(which_in("lab-tool", &path), Some(tool.clone()));
    assert_eq!(which_in("lab-tool", &own), None);
    assert_eq!(crate::config::Tools::default().path(Some(&own)), None);
    let mut command = Command::new("lab-tool", ["there"]);
    surround(&mut command, &tools);
    let output = runtime().block_on(start(&command)).unwrap();
    assert_eq!(output.stdout, "from the file there");
    let mut own = Command::new("lab-tool", ["there"]);
    own.env.insert("LAB_VALUE".into(), "the call's own".into());
    surround(&mut own, &tools);
    assert_eq!(runtime().block_on(start(&own)).unwrap().stdout, "the call's own there");
}
