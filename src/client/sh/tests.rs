//! Programs that behave badly: loud, deaf, forking, killed.

use super::*;
use crate::host::testing::runtime;

fn bash(script: &str) -> Command {
    Command::new("bash", ["-c", script])
}

fn run_now(command: &Command) -> Result<Output> {
    runtime().block_on(run(command))
}

/// Whether a process is there and not merely waiting to be reaped by its parent.
fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

fn pids_in(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().split_whitespace().map(Into::into).collect()
}

/// A name of its own in the system's folder for such files.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("pb-sh-{}-{name}", std::process::id()))
}

#[test]
fn output_exit_code_and_input() {
    let mut command = bash("cat; printf 'oops\\n' >&2; exit 3");
    command.stdin = Some("hello\nworld\n".into());
    let output = run_now(&command).unwrap();
    assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.code), ("hello\nworld", "oops", 3));
    assert_eq!(output.signal, None);
}

#[test]
fn more_input_than_a_pipe_holds_and_a_reader_that_prints_meanwhile() {
    let mut command = bash("cat");
    command.stdin = Some("x".repeat(3 << 20));
    assert_eq!(run_now(&command).unwrap().stdout.len(), 3 << 20);
}

#[test]
fn a_program_that_ignores_its_input_is_no_error() {
    let mut command = bash("exit 0");
    command.stdin = Some("x".repeat(1 << 20));
    assert_eq!(run_now(&command).unwrap().code, 0);
}

#[test]
fn what_is_not_utf8_is_replaced_and_only_one_newline_goes() {
    let output = run_now(&bash("printf 'a\\xffb\\n\\n'")).unwrap();
    assert_eq!(output.stdout, "a\u{fffd}b\n");
}

#[test]
fn a_gigabyte_ends_the_program_and_says_how_much_came() {
    let mut command = bash("yes | head -c 1G");
    command.max_output = 1 << 20;
    let started = Instant::now();
    let error = run_now(&command).unwrap_err();
    assert_eq!(error.kind, Kind::Io);
    assert!(error.message.contains("more than 1.0 MiB"), "{error}");
    assert!(error.causes[0].contains(r#"it began with "y\ny\n"#), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn both_streams_count_together() {
    let mut command = bash("head -c 600 /dev/zero; head -c 600 /dev/zero >&2");
    command.max_output = 1000;
    let error = run_now(&command).unwrap_err();
    assert_eq!(error.kind, Kind::Io);
    assert!(error.message.contains("more than 1000 bytes (1.2 KiB until"), "{error}");
}

#[test]
fn dropping_the_call_ends_children_of_children() {
    let file = scratch("tree");
    let command = bash(&format!("(sleep 300 & echo $!; wait) >> {0} & echo $$ $! >> {0}; wait", file.display()));
    let out = runtime().block_on(async { tokio::time::timeout(Duration::from_millis(800), run(&command)).await });
    assert!(out.is_err(), "it sleeps for longer");
    let pids = pids_in(&file);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(pids.len(), 3, "{pids:?}");
    assert!(pids.iter().all(|pid| !alive(pid)), "{pids:?}");
}

#[test]
fn a_program_that_is_deaf_to_sigterm_is_killed() {
    let file = scratch("deaf");
    let command = bash(&format!("trap '' TERM; echo $$ > {}; while true; do sleep 0.05; done", file.display()));
    let started = Instant::now();
    let out = runtime().block_on(async { tokio::time::timeout(Duration::from_millis(500), run(&command)).await });
    assert!(out.is_err());
    let pids = pids_in(&file);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(pids.len(), 1);
    assert!(!alive(&pids[0]));
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn what_the_leader_leaves_behind_ends_with_it() {
    let output = run_now(&bash("sleep 300 >/dev/null 2>&1 & echo $!")).unwrap();
    assert!(!alive(&output.stdout));
}

#[test]
fn a_child_that_ends_when_it_is_asked_does_not_hold_the_call() {
    // Whoever adopts it may fetch its exit code late, or never.
    let started = Instant::now();
    let output = run_now(&bash("sleep 30 & echo done")).unwrap();
    assert_eq!(output.stdout, "done");
    assert!(started.elapsed() < Duration::from_millis(1400), "{:?}", started.elapsed());
}

#[test]
fn a_daemon_that_keeps_the_pipe_open_does_not_hold_the_call() {
    let started = Instant::now();
    let output = run_now(&bash("setsid sleep 4 & echo started")).unwrap();
    assert_eq!(output.stdout, "started");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn a_signal_is_told_apart_from_an_exit_code() {
    let output = run_now(&bash("kill -KILL $$")).unwrap();
    assert_eq!((output.code, output.signal), (137, Some(9)));
}

#[test]
fn a_missing_program_says_where_it_was_searched() {
    let error = run_now(&Command::new("kubectll-x", ["get"])).unwrap_err();
    assert_eq!(error.kind, Kind::MissingTool);
    assert!(error.message.contains("\"kubectll-x\" is not installed"), "{error}");
    assert!(error.causes[0].starts_with("searched PATH: /"), "{error}");
    assert!(error.hints[0].contains("install kubectll-x"));
    let error = run_now(&Command::new("./nothing-here", ["x"])).unwrap_err();
    assert!(error.message.contains("./nothing-here does not exist"), "{error}");
    let error = run_now(&Command::new("/etc/passwd", ["x"])).unwrap_err();
    assert!(error.message.contains("is not executable"), "{error}");
}

#[test]
fn a_missing_folder_is_not_taken_for_a_missing_program() {
    let mut command = bash("true");
    command.dir = Some("/nothing/here".into());
    let error = run_now(&command).unwrap_err();
    assert_eq!(error.kind, Kind::Io);
    assert!(error.message.contains("/nothing/here does not exist"), "{error}");
}

#[test]
fn folder_and_environment() {
    let mut command = bash("pwd; echo \"$WHO\"; echo \"${HOME:-none}\"");
    command.dir = Some("/".into());
    command.env.insert("WHO".into(), "pb".into());
    command.clear_env = true;
    assert_eq!(run_now(&command).unwrap().stdout, "/\npb\nnone");
}

#[test]
fn which_finds_programs_only() {
    assert!(which("bash").is_some_and(|p| p.is_absolute()));
    assert_eq!(which("no-such-program-here"), None);
    assert_eq!(which("/etc/passwd"), None);
    assert_eq!(which(""), None);
}
