//! A test that reads like what a person does: files in a folder, a command line, what came of it.

mod planted;
pub(crate) mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub(crate) use planted::Planted;

/// A folder with files, and a command line to run in it.
pub(crate) struct Test {
    dir: TempDir,
    env: BTreeMap<String, String>,
}

impl Test {
    /// An empty folder, and a home without anything in it.
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().expect("a folder");
        std::fs::create_dir(dir.path().join("home")).expect("a home");
        let mut env = BTreeMap::new();
        env.insert("HOME".into(), dir.path().join("home").display().to_string());
        env.insert("KUBECONFIG".into(), String::new());
        env.insert("NO_COLOR".into(), "1".into());
        Self { dir, env }
    }

    /// A file, in folders that are made.
    pub(crate) fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("written");
        self
    }

    /// A playbook `p.rhai` with the id `p` and these steps.
    pub(crate) fn playbook(self, body: &str) -> Self {
        self.file("p.rhai", format!("playbook(#{{ id: \"p\", title: \"A playbook\" }});\n{body}"))
    }

    /// A playbook `p.rhai` with one step on no cluster, whose effect is write.
    pub(crate) fn step(self, body: &str) -> Self {
        self.playbook(&format!("step(\"s\", #{{ on: \"none\", effect: \"write\" }}, |t| {{\n{body}\n}});"))
    }

    /// `pb.toml`
    pub(crate) fn toml(self, text: &str) -> Self {
        self.file("pb.toml", text)
    }

    /// A variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pb"));
        command.args(shlex::split(args).expect("a command line")).current_dir(self.dir.path()).stdin(Stdio::null());
        for name in [
            "PB_SET_ROUTER",
            "COLUMNS",
            "CLICOLOR_FORCE",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "HTTP_PROXY",
            "https_proxy",
            "all_proxy",
            "http_proxy",
        ] {
            command.env_remove(name);
        }
        command.envs(&self.env);
        // A run looks for its clusters' contexts before it begins.
        if args.starts_with("run ") && self.env.get("KUBECONFIG").is_some_and(String::is_empty) {
            let file = self.dir.path().join("home/contexts");
            std::fs::write(&file, CONTEXTS).expect("written");
            command.env("KUBECONFIG", file);
        }
        command
    }

    /// Runs `pb ARGS` and gives what came of it; the folder stays for as long as that does.
    pub(crate) fn pb(self, args: &str) -> Ran {
        let output = self.command(args).output().expect("pb runs");
        Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            test: self,
        }
    }
}

/// Clusters that nobody answers for.
const CONTEXTS: &str = r#"
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts:
- {name: infra, context: {cluster: c, user: u}}
- {name: apps, context: {cluster: c, user: u}}
- {name: kind-core, context: {cluster: c, user: u}}
"#;

/// What came of a command line.
pub(crate) struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
    test: Test,
}

impl Ran {
    /// Runs `pb ARGS` in the same folder.
    pub(crate) fn again(self, args: &str) -> Self {
        self.test.pb(args)
    }

    /// The exit code is this.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code\n{}", self.both());
        self
    }

    /// Standard output has each of these texts.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.out.contains(text), "standard output lacks {text:?}\n{}", self.both());
        }
        self
    }

    /// Standard output has none of these texts.
    #[track_caller]
    pub(crate) fn says_nothing_of(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(!self.both().contains(text), "the output has {text:?}\n{}", self.both());
        }
        self
    }

    /// Standard error has each of these texts.
    #[track_caller]
    pub(crate) fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "standard error lacks {text:?}\n{}", self.both());
        }
        self
    }

    /// Standard output, with what varies masked.
    pub(crate) fn masked(&self) -> String {
        mask(&self.out, self.test.path())
    }

    /// Standard error, with what varies masked.
    pub(crate) fn masked_err(&self) -> String {
        mask(&self.err, self.test.path())
    }

    /// Standard error.
    pub(crate) fn err(&self) -> &str {
        &self.err
    }

    /// Standard output as it is.
    pub(crate) fn out(&self) -> &str {
        &self.out
    }

    /// A file of the folder.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.test.path().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}\n{}", path.display(), self.both()))
    }

    /// Whether the folder has it.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.test.path().join(path).exists()
    }

    /// A JSON file of the folder.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(path)).expect("JSON")
    }

    /// The outcome of a step in `report.json`.
    #[track_caller]
    pub(crate) fn outcome(&self, step: &str) -> String {
        self.reported(step)["outcome"].as_str().unwrap_or_default().to_string()
    }

    /// A step of `report.json`.
    #[track_caller]
    pub(crate) fn reported(&self, step: &str) -> serde_json::Value {
        let report = self.json("report.json");
        let steps = report["steps"].as_array().expect("steps");
        steps
            .iter()
            .find(|s| s["id"] == step)
            .cloned()
            .unwrap_or_else(|| panic!("no step {step} in the report\n{}", self.both()))
    }

    /// The one run's folder.
    #[track_caller]
    pub(crate) fn run_folder(&self) -> PathBuf {
        let runs = self.test.path().join(".pb/runs");
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(&runs).expect("runs").filter_map(|e| Some(e.ok()?.path())).collect();
        assert_eq!(found.len(), 1, "runs in {}", runs.display());
        found.remove(0)
    }

    pub(crate) fn both(&self) -> String {
        format!("exit code {:?}\n--- stdout\n{}--- stderr\n{}", self.code, self.out, self.err)
    }
}

/// Masks ids, hashes, times and the folder, so that texts can be compared.
fn mask(text: &str, dir: &Path) -> String {
    let text = text.replace(&dir.display().to_string(), "DIR");
    let patterns = [
        (r"\d{8}-\d{6}-[0-9a-f]{6}", "RUN"),
        (r"\[ *\d+(\.\d+)?(ms|s|m\d+s|m)\]", "[TIME]"),
        (r"\b[0-9a-f]{64}\b", "SHA256"),
        (r"(disk|embedded)( +)[0-9a-f]{8,12}\b", "$1${2}SHA"),
        (r"in \d+\.\d+s", "in TIME"),
        (r"# \d+\.\d+s", "# TIME"),
        (r"searched PATH: \S+", "searched PATH: FOLDERS"),
    ];
    patterns.iter().fold(text, |text, (pattern, with)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *with).into_owned()
    })
}
