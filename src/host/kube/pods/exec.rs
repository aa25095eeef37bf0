//! `exec`: a program in a container.

use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::json;

use super::explain;
use super::line::{kubectl, quoted};
use super::spec::shell;
use crate::client::kube::exec::{ExecRequest, ExecResult, OUTPUT_LIMIT, exec as run};
use crate::client::sh::{quoted as quote, without_newline};
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::call::{Call, Limit};
use crate::host::context::{Context, HostResult};
use crate::host::kube::ClusterHandle;
use crate::host::options::Options;
use crate::host::redact::programs;
use crate::host::registrar::Registrar;
use crate::host::values::Secret;

const FUNCTION: &str = "cluster.exec";
pub(super) const OPTIONS: &[&str] = &["check", "container", "effect", "max_output", "namespace", "stdin", "within"];

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "exec")
        .sig("(pod: string, command: string | list, options?: map) -> map")
        .options(OPTIONS)
        .effect(Effect::Write)
        .doc(
            "Runs a program in a container of a pod and waits for its end. `command` is a list of words, or a string \
             for `sh -c`. The result has `stdout` and `stderr` (without their last newline) and `code`. A code other \
             than 0 throws `exit_code`, a program that the container lacks `missing_tool`.\n\nOptions: `namespace`, `container` (default: the pod's default or only one), \
             `stdin` (a string or secret), `check: false` (a code other than 0 does not throw; a missing \
             program has the code 127, one that can't be run 126, as in a shell), `within` (default: \
             the step's time), `max_output` (bytes of each output, default 16 MiB; more throws `unreadable`), \
             `effect: \"read\"` (the program only looks; without it the call counts as `write`).\n\nWhen the time is \
             up the connection is closed; a program that then neither reads nor writes goes on in its container. \
             On servers before 1.30 `stdin` needs `sh` and `head` in the container.",
        )
        .example(
            r#"let k = kube("infra");
let pod = k.pod(#{});
let shown = k.exec(pod.name, ["cat", "/etc/hostname"], #{ namespace: pod.namespace, effect: "read" });
shown.stdout == pod.name"#,
        )
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, pod: &str, command: Dynamic| {
            exec(&ctx, k, pod, &command, Map::new())
        })
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, pod: &str, command: Dynamic, options: Map| {
            exec(&ctx, k, pod, &command, options)
        });
}

/// Runs it, from `k.exec` and `pod.exec`.
pub(super) fn exec(
    ctx: &NativeCallContext,
    k: &ClusterHandle,
    pod: &str,
    command: &Dynamic,
    options: Map,
) -> HostResult<Map> {
    let cx = Context::current()?;
    if let Some((kind, name)) = pod.split_once('/') {
        return Err(no_pod(pod, kind, name).into());
    }
    let shown_stdin = options.get("stdin").map(explain::hide);
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let shown = words(&explain::hide(command), FUNCTION)?;
    let command = words(command, FUNCTION)?;
    let namespace = options.string("namespace")?;
    let container = options.string("container")?;
    let stdin = options.text("stdin")?;
    let effect = effect(&options)?;
    let limit = options.size("max_output")?.map_or(OUTPUT_LIMIT, |s| usize::try_from(s.0).unwrap_or(usize::MAX));
    let redactor = &cx.world.redactor;
    let shown = programs::words(redactor, shown);
    let shown_stdin = shown_stdin.filter(|_| stdin.is_some()).map(|text| programs::text(redactor, &text.to_string()));
    let line = typed(pod, namespace.as_deref(), container.as_deref(), &shown, stdin.is_some());
    let check = options.bool("check")?.unwrap_or(true);
    let call = match &shown_stdin {
        Some(text) => Call::new("kube.exec", format!("printf %s {} | {} {line}", quote(text), k.kubectl()))
            .effect(effect)
            .cluster(k.name()),
        None => k.call("kube.exec", effect, &line),
    };
    let call = call
        .usual(Effect::Write)
        .args(json!({ "pod": pod, "namespace": namespace, "container": container, "command": shown, "stdin": shown_stdin }))
        .limit(within(&options)?);
    let shown = quoted(&shown.iter().map(String::as_str).collect::<Vec<_>>());
    let result = cx.call_with(ctx, call, |r: &ExecResult| format!("exit {}", r.code), async {
        let cluster = k.connection(&cx).await?;
        let namespace = namespace.unwrap_or_else(|| cluster.default_namespace().to_string());
        let stdin = stdin.map(String::into_bytes);
        let request = ExecRequest { namespace, pod: pod.into(), container, command, stdin, limit, check };
        let result = run(&cluster, &request).await?;
        [&result.stdout, &result.stderr].into_iter().for_each(|text| programs::printed(redactor, text));
        Ok(result)
    })?;
    if result.code != 0 && check {
        let said = if result.stderr.trim().is_empty() { &result.stdout } else { &result.stderr };
        return Err(exit_error(&format!("{shown} in pod {pod} on cluster {}", k.name()), result.code, said).into());
    }
    let mut map = Map::new();
    map.insert("stdout".into(), without_newline(&result.stdout).to_string().into());
    map.insert("stderr".into(), without_newline(&result.stderr).to_string().into());
    map.insert("code".into(), result.code.into());
    Ok(map)
}

/// What is no pod's name: kubectl would take one of a workload's pods, and nobody would know which.
fn no_pod(given: &str, kind: &str, name: &str) -> Error {
    let error = Error::new(Kind::Script, format!("{FUNCTION}: \"{given}\" is no pod's name, and only pods are taken"));
    if matches!(kind, "pod" | "pods" | "po") {
        return error.hint(format!("the name alone: \"{name}\""));
    }
    error.hint(
        "choose one of its pods: let pods = k.list(\"pods\", #{ namespace: \"…\", labels: \"app=…\" }); \
         k.exec(pods[0].name, …, #{ namespace: \"…\" })",
    )
}

/// The error of a program that ended with another code than 0, with the last lines that it wrote.
pub(super) fn exit_error(what: &str, code: i64, said: &str) -> Error {
    let lines: Vec<&str> = said.lines().collect();
    let error = Error::new(Kind::ExitCode, format!("{what} ended with exit code {code}"));
    let error = match lines.as_slice() {
        [] => error.because("it wrote nothing"),
        lines => lines[lines.len().saturating_sub(5)..].iter().copied().fold(error, Error::because),
    };
    error.hint("#{ check: false } gives the code as a value")
}

/// A command as words: a list, or a string for a shell. Secrets are exposed: they are what is to be run.
pub(super) fn words(command: &Dynamic, function: &str) -> Result<Vec<String>> {
    let text = |value: &Dynamic| match value.read_lock::<Secret>() {
        Some(secret) => Some(secret.expose().to_string()),
        None => (value.is_string() || value.is_int()).then(|| value.to_string()),
    };
    let words = match crate::host::values::to_array(command) {
        Some(items) => items.iter().map(text).collect::<Option<Vec<_>>>(),
        None if command.is_string() => Some(shell(&command.to_string())),
        None => None,
    };
    match words {
        Some(words) if !words.is_empty() => Ok(words),
        _ => Err(Error::new(
            Kind::Script,
            format!(
                "{function}: command must be a string or a list of words, and is {}",
                crate::host::values::show(command)
            ),
        )),
    }
}

fn within(options: &Options) -> Result<Limit> {
    Ok(options.duration("within")?.map_or(Limit::Step, |within: Duration| Limit::Within(within)))
}

fn effect(options: &Options) -> Result<Effect> {
    let Some(word) = options.string("effect")? else { return Ok(Effect::Write) };
    Effect::parse(&word).ok_or_else(|| options.wrong("effect", "read, write, disrupt or destroy", &Dynamic::from(word)))
}

fn typed(pod: &str, namespace: Option<&str>, container: Option<&str>, command: &[String], stdin: bool) -> String {
    let mut words = vec!["exec", pod];
    if stdin {
        words.push("-i");
    }
    if let Some(container) = container {
        words.extend(["-c", container]);
    }
    words.push("--");
    words.extend(command.iter().map(String::as_str));
    kubectl(namespace, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_list_of_words_or_a_shell_line() {
        assert_eq!(words(&Dynamic::from("echo a | wc"), "f"), Ok(shell("echo a | wc")));
        let list = rhai::Engine::new().eval::<Dynamic>(r#"["sleep", 5]"#).expect("a list");
        assert_eq!(words(&list, "f"), Ok(vec!["sleep".into(), "5".into()]));
        assert_eq!(words(&Dynamic::from(5_i64), "f").map_err(|e| e.kind), Err(Kind::Script));
        assert_eq!(words(&Dynamic::from(rhai::Array::new()), "f").map_err(|e| e.kind), Err(Kind::Script));
    }

    #[test]
    fn a_workload_is_refused_with_the_way_to_its_pods() {
        let error = no_pod("deploy/x", "deploy", "x");
        assert_eq!(error.message, "cluster.exec: \"deploy/x\" is no pod's name, and only pods are taken");
        assert!(error.hints[0].contains("k.list(\"pods\""), "{error:?}");
        assert_eq!(no_pod("pod/x", "pod", "x").hints, ["the name alone: \"x\""]);
    }

    #[test]
    fn an_exit_code_comes_with_the_last_lines() {
        let error = exit_error("x in pod a", 3, "1\n2\n3\n4\n5\n6\n");
        assert_eq!(error.causes, ["2", "3", "4", "5", "6"]);
        assert_eq!(exit_error("x", 1, "").causes, ["it wrote nothing"]);
    }
}
