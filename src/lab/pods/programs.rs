//! Programs that somebody runs in a pod: `kubectl exec`, and probes.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::applets::{self, Context, Outcome, Takes};
use super::environment;
use super::files::Files;
use super::script::{Machine, finish};
use super::words::list;
use crate::lab::kube::cluster::World;

/// What a program printed, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
    /// How long it took. A server, or a loop without an end, took no time, and has not ended.
    pub(crate) took: Duration,
    /// Whether it goes on until it is told to end.
    pub(crate) endless: bool,
}

/// Runs a program in a pod's first container. None where the container has no such program.
#[cfg(test)]
pub(crate) fn run(world: &World, pod: &Value, command: &[String]) -> Option<Ran> {
    let container = list(pod, "/spec/containers").first().unwrap_or(&Value::Null);
    run_in(world, pod, container, command, "", Timestamp::now())
}

/// Runs a program in a container, with what it reads from its input. None where the container has no such program.
pub(crate) fn run_in(
    world: &World,
    pod: &Value,
    container: &Value,
    command: &[String],
    input: &str,
    now: Timestamp,
) -> Option<Ran> {
    let variables = environment::of(world, pod, container).unwrap_or_default();
    let folder = container["workingDir"].as_str().unwrap_or("/");
    let context = Context { objects: world, pod, container, now, variables: &variables, folder, line: None };
    let name = command.first()?.rsplit('/').next()?;
    let outcome = match (name, &command[1..]) {
        ("sh" | "bash" | "ash", [flag, script, ..]) if flag.starts_with('-') && flag.ends_with('c') => {
            shell(&context, script)
        }
        ("sh" | "bash" | "ash", []) => shell(&context, input),
        ("sh" | "bash" | "ash", [file, ..]) => match context_files(&context).read(file) {
            Some(script) => shell(&context, &script),
            None => Outcome {
                err: format!("sh: can't open '{file}': No such file or directory\n"),
                code: 2,
                ..Outcome::default()
            },
        },
        _ => applets::run(&context, command, input)?,
    };
    let (took, endless) = match outcome.takes {
        Takes::Nothing => (Duration::ZERO, false),
        Takes::Sleep(span) => (span, false),
        Takes::Forever => (Duration::ZERO, true),
    };
    Some(Ran { stdout: outcome.out, stderr: outcome.err, code: outcome.code, took, endless })
}

fn context_files<'c>(context: &Context<'c>) -> Files<'c> {
    Files::of(context.objects, context.pod, context.container, context.folder)
}

fn shell(context: &Context<'_>, script: &str) -> Outcome {
    match Machine::new(script, context.variables.clone(), context.folder) {
        Ok(mut machine) => finish(&mut machine, context),
        Err(why) => Outcome { err: format!("sh: {why}\n"), code: 2, ..Outcome::default() },
    }
}

/// A file of a pod's containers, from the first that has it.
pub(crate) fn file(world: &World, pod: &Value, path: &str) -> Option<String> {
    list(pod, "/spec/containers").iter().find_map(|container| Files::of(world, pod, container, "/").read(path))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;

    fn pod() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "default", "uid": "u" },
            "spec": { "containers": [{ "name": "c", "image": "busybox", "env": [{ "name": "WHO", "value": "me" }],
                      "volumeMounts": [{ "name": "settings", "mountPath": "/settings" }] }],
                      "volumes": [{ "name": "settings", "configMap": { "name": "settings" } }] },
        })
    }

    #[test]
    fn programs_see_the_cluster() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let mut world = cluster.world();
        let now = Timestamp::UNIX_EPOCH;
        let service = |namespace: &str, name: &str, ip: &str| {
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
                    "spec": { "clusterIP": ip } })
        };
        world.plant(&service("kube-system", "kube-dns", "10.245.0.10"), now);
        world.plant(&service("default", "kubernetes", "10.245.0.1"), now);
        let pod = pod();
        let ran = |world: &World, line: &str| {
            let words: Vec<String> = line.split(' ').map(String::from).collect();
            run(world, &pod, &words)
        };
        let lookup = "nslookup kubernetes.default.svc.cluster.local";
        assert!(ran(&world, lookup).unwrap().stderr.contains("no servers could be reached"), "no CoreDNS runs");
        let mut dns =
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "dns", "namespace": "kube-system" } });
        dns["metadata"]["labels"] = json!({ "k8s-app": "kube-dns" });
        dns["status"]["phase"] = "Running".into();
        world.plant(&dns, now);
        assert!(ran(&world, lookup).unwrap().stdout.contains("Address: 10.245.0.1\n"));
        assert_eq!(ran(&world, "nslookup nowhere.default").unwrap().code, 1);
        assert_eq!(ran(&world, "/bin/echo a b").unwrap().stdout, "a b\n");
        assert_eq!(ran(&world, "cat /none").unwrap().code, 1);
        assert_eq!(ran(&world, "sleep 3").unwrap().took, Duration::from_secs(3));
        assert_eq!(ran(&world, "emacs"), None);
    }

    #[test]
    fn a_shell_reads_files_and_variables_of_its_container() {
        let cluster = Cluster::new("infra", Arc::new(LabClock::real()));
        let mut world = cluster.world();
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings", "namespace": "default" },
                          "data": { "colour": "blue" } });
        world.plant(&map, Timestamp::UNIX_EPOCH);
        let pod = pod();
        let sh = |script: &str| run(&world, &pod, &["sh".into(), "-c".into(), script.into()]).unwrap();
        assert_eq!(sh("echo $WHO likes $(cat /settings/colour)").stdout, "me likes blue\n");
        assert_eq!(sh("echo x > /settings/y").stderr, "sh: can't create /settings/y: Read-only file system\n");
        assert_eq!(sh("echo x > /tmp/y; cat /tmp/y; ls /settings").stdout, "x\ncolour\n");
        assert_eq!(sh("nothing-of-the-kind").code, 127);
        assert_eq!(sh("case x in esac").code, 2, "what is beyond it is told");
    }
}
