//! Output that can't be written, and words of the command line on values.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::Test;

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_told_and_no_success() {
    for (args, code) in [("run p.rhai", 3), ("run bad.rhai", 1), ("list", 3), ("doc", 3), ("--help", 3)] {
        let test = Test::new().step("expect(1, \"one\").to_be(1);").file(
            "bad.rhai",
            "playbook(#{ id: \"bad\", title: \"Bad\" });\nstep(\"s\", #{ on: \"none\" }, |t| { expect(1).to_be(2); });",
        );
        let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let output = test.command(args).stdout(full).stderr(Stdio::piped()).output().expect("pb runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args}: {err}");
        assert_eq!(err.matches("can't be written").count(), 1, "{args}: {err}");
        assert!(err.contains("No space left"), "{args}: {err}");
        if args.starts_with("run") {
            assert!(err.contains("the run's record stands in .pb/runs/"), "{args}: {err}");
        }
    }
}

#[test]
fn a_closed_pipe_ends_no_run_and_makes_no_noise() {
    let test = Test::new().step(
        r#"finally(|| sh::script("echo cleaned > cleaned"));
           for n in 0..50 { print(`line ${n}`); }
           sh::script("sleep 0.3; echo later > later");
           expect(1, "one").to_be(1);"#,
    );
    let mut child =
        test.command("run p.rhai -v").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    // The reader goes away before the first word.
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert_eq!(err, "");
    assert!(test.path().join("later").exists() && test.path().join("cleaned").exists());
}

#[test]
fn a_time_below_zero_is_told_as_one() {
    for given in ["--timeout -5s", "--timeout=-5s"] {
        Test::new()
            .step("expect(1).to_be(1);")
            .pb(&format!("run p.rhai {given}"))
            .code(2)
            .complains(&["\"-5s\" is below zero", "90s or 5m"]);
    }
}
