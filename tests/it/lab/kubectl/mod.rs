//! An unmodified `kubectl` on the lab: a test a command, and where the real cluster can do the same, what both print is
//! compared.
//!
//! They need `kubectl` and the real clusters, so they are ignored unless asked for; without either they fail. What the
//! lab answers below `kubectl` is in the tables of requests, which always run.

mod about;
mod access;
mod get;
mod pods;
mod workloads;
mod write;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use pb::lab::clock::LabClock;
use pb::lab::up::Lab;
use pb::lab::world::read;
use regex::Regex;
use tempfile::TempDir;

use crate::real::Real;

/// What a command printed, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Said {
    /// Both streams, for messages.
    fn all(&self) -> String {
        format!("{}{}= {}", self.out, self.err, self.code)
    }
}

/// `kubectl` on one cluster, in a namespace of a test.
#[derive(Debug, Clone)]
struct Kubectl {
    kubeconfig: PathBuf,
    namespace: String,
}

impl Kubectl {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["60", "kubectl", "--kubeconfig"]).arg(&self.kubeconfig).args(["--context", "infra"]);
        command.args(["-n", &self.namespace]).args(args).env_remove("KUBECONFIG");
        command
    }

    /// Runs it with something to read.
    fn with(&self, input: &str, args: &[&str]) -> Said {
        use std::io::Write as _;
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kubectl is on PATH");
        let mut stdin = child.stdin.take().expect("its input");
        // What begins with a brace is taken for JSON, unless a document begins before it.
        let yaml = if input.starts_with("{a") { "---\n" } else { "" };
        let input = format!("{yaml}{input}").into_bytes();
        // A program that does not read all of it is no fault.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("its output");
        writer.join().expect("written");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code().unwrap_or(-1) }
    }

    fn run(&self, args: &[&str]) -> Said {
        self.with("", args)
    }

    /// What it prints, which has to go well.
    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 0, "kubectl {args:?}: {}", said.all());
        said.out
    }

    #[track_caller]
    fn apply(&self, manifest: &str) -> String {
        let said = self.with(manifest, &["apply", "-f", "-"]);
        assert_eq!(said.code, 0, "{}", said.all());
        said.out
    }

    /// Asks until what is printed fits.
    #[track_caller]
    fn until(&self, args: &[&str], fits: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let said = self.run(args);
            if said.code == 0 && fits(&said.out) {
                return said.out;
            }
            assert!(Instant::now() < until, "kubectl {args:?} still says {}", said.all());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The lab, opened once for all of these tests.
struct Open {
    _lab: Lab,
    dir: TempDir,
    _runtime: tokio::runtime::Runtime,
}

fn open() -> &'static Open {
    static OPEN: OnceLock<Open> = OnceLock::new();
    OPEN.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = TempDir::new().expect("a folder");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let topology = read::embedded("one-node").expect("a topology");
        let lab = runtime.block_on(Lab::open(topology, LabClock::real(), dir.path())).expect("a lab");
        Open { _lab: lab, dir, _runtime: runtime }
    })
}

/// The lab and the real cluster, each with a namespace of this test, which goes when it ends.
struct Both {
    lab: Kubectl,
    real: Kubectl,
    _real: Real,
}

impl Both {
    fn new(test: &str) -> Self {
        let real = Real::alone();
        let namespace = format!("kubectl-{test}-{}", std::process::id());
        let of = |kubeconfig: PathBuf| Kubectl { kubeconfig, namespace: namespace.clone() };
        let both =
            Self { lab: of(open().dir.path().join("kubeconfig")), real: of(crate::real::kubeconfig()), _real: real };
        both.each(|k| drop(k.ok(&["create", "namespace", &k.namespace])));
        // A young namespace has no account for its pods yet.
        both.each(|k| drop(k.until(&["get", "sa", "default", "-o", "name"], |out| !out.is_empty())));
        both
    }

    /// Does something on both.
    fn each(&self, mut what: impl FnMut(&Kubectl)) {
        what(&self.lab);
        what(&self.real);
    }

    /// Runs a command on both; what they print has to be the same but for what differs by nature.
    #[track_caller]
    fn same(&self, args: &[&str]) -> Said {
        self.same_with("", args)
    }

    #[track_caller]
    fn same_with(&self, input: &str, args: &[&str]) -> Said {
        let (real, lab) = (self.real.with(input, args), self.lab.with(input, args));
        assert_eq!(self.normal(&lab), self.normal(&real), "kubectl {args:?}: the lab's, then the real one's");
        lab
    }

    /// The same, and both have to go well.
    #[track_caller]
    fn well(&self, args: &[&str]) -> String {
        let said = self.same(args);
        assert_eq!(said.code, 0, "kubectl {args:?}: {}", said.all());
        said.out
    }

    #[track_caller]
    fn apply(&self, manifest: &str) {
        let said = self.same_with(manifest, &["apply", "-f", "-"]);
        assert_eq!(said.code, 0, "{}", said.all());
    }

    /// Waits on both.
    #[track_caller]
    fn until(&self, args: &[&str], fits: impl Fn(&str) -> bool) {
        self.each(|k| drop(k.until(args, &fits)));
    }

    fn normal(&self, said: &Said) -> Said {
        let text = |text: &str| normal(&text.replace(&self.lab.namespace, "NAMESPACE"));
        Said { out: text(&said.out), err: text(&said.err), code: said.code }
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        for k in [&self.lab, &self.real] {
            k.run(&["delete", "namespace", &k.namespace, "--wait=false"]);
        }
        // Whoever compares next finds nothing of this on its way out.
        self.real.run(&["wait", "--for=delete", &format!("namespace/{}", self.real.namespace), "--timeout=50s"]);
    }
}

/// A text without what differs by nature: ages, addresses, ends of names, nodes, and how wide a table is for them.
fn normal(text: &str) -> String {
    static PATTERNS: OnceLock<Vec<(Regex, &str)>> = OnceLock::new();
    let patterns = PATTERNS.get_or_init(|| {
        let of = |text: &str| Regex::new(text).expect("a pattern");
        vec![
            // The pseudo-random parts of names: of ReplicaSets, and of pods.
            (
                of(r"\b([a-z0-9-]+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b"),
                "$1-HASH-END",
            ),
            (of(r"\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b"), "$1-HASH"),
            (of(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
            (of(r"\b(?:\d+[dhms])+(?: ago)?\b"), "AGE"),
            (of(r"\b\d+\.\d+\.\d+\.\d+\b"), "ADDRESS"),
            (of(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), "TIME"),
            (of(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
            (of(r"infra-0\d"), "NODE"),
            // The width of tables follows from what is in them.
            (of(r"[ \t]+(?:\n|$)"), "\n"),
            (of(r" {2,}|\t+"), "  "),
            (of(r"-{3,}"), "---"),
        ]
    });
    let plain = text.lines().filter(|line| !line.starts_with("WARNING: version difference"));
    let plain: String = plain.map(|line| format!("{line}\n")).collect();
    patterns.iter().fold(plain, |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
}

/// A pod that the image of the real cluster can be.
fn busybox(name: &str, command: &str) -> String {
    format!(
        r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{name}", "labels": {{"app": "{name}"}}}}, "spec": {{
        "terminationGracePeriodSeconds": 0, "restartPolicy": "Never", "automountServiceAccountToken": false,
        "containers": [{{"name": "main", "image": "docker.io/library/busybox:latest", "imagePullPolicy": "IfNotPresent",
        "command": {command}}}]}}}}"#
    )
}

#[test]
fn what_differs_by_nature_is_taken_out() {
    let text = "NAME                   AGE\nweb-6d4cf56db6-7xk2p   3d4h   10.244.0.3   infra-01\n";
    assert_eq!(normal(text), "NAME  AGE\nweb-HASH-END  AGE  ADDRESS  NODE\n");
}
