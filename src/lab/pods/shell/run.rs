//! Scripts, run: what is printed goes out as it comes, and who sleeps does so by the lab's clock.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use super::parse::{Command, Script, What, When, parse};
use super::words::Part;
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::stream::{Input, Output};
use crate::lab::pods::disk::{Disk, Node, absolute};
use crate::lab::pods::tools;

/// How often a loop may go round: one that never ends otherwise ends with its client.
const ROUNDS: usize = 100_000;
/// How much a program may be told.
const MOST: usize = 64 << 20;

/// What programs have around them.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) pod: Value,
    pub(crate) container: String,
    pub(crate) disk: Arc<Disk>,
}

/// What a program reads.
#[derive(Debug)]
pub(crate) enum Stdin {
    None,
    Bytes(Vec<u8>),
    Session(mpsc::UnboundedReceiver<Input>),
}

impl Stdin {
    /// All of it, up to its end; or to where `whole` says that nothing more is needed.
    pub(crate) async fn all(&mut self, whole: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Bytes(bytes) => std::mem::take(bytes),
            Self::Session(input) => {
                let mut all = Vec::new();
                while let Some(one) = input.recv().await {
                    match one {
                        Input::Data(bytes) => all.extend_from_slice(&bytes),
                        Input::End => break,
                        Input::Size => {}
                    }
                    if all.len() > MOST || whole(&all) {
                        break;
                    }
                }
                all
            }
        }
    }
}

/// Where a program writes to.
#[derive(Debug)]
pub(crate) enum Out {
    /// Both streams are kept.
    Kept(Vec<u8>, Vec<u8>),
    /// Both go to whoever listens; a terminal wants its lines ended its own way.
    Live { to: mpsc::Sender<Output>, tty: bool },
}

impl Out {
    fn kept() -> Self {
        Self::Kept(Vec::new(), Vec::new())
    }

    /// Writes; whether anybody is there to read it.
    pub(crate) async fn write(&mut self, error: bool, bytes: &[u8]) -> bool {
        if bytes.is_empty() {
            return true;
        }
        match self {
            Self::Kept(stdout, stderr) => {
                if error { stderr } else { stdout }.extend_from_slice(bytes);
                true
            }
            Self::Live { to, tty } => {
                let bytes = if *tty { terminal(bytes) } else { Bytes::copy_from_slice(bytes) };
                let output = if error && !*tty { Output::Stderr(bytes) } else { Output::Stdout(bytes) };
                to.send(output).await.is_ok()
            }
        }
    }
}

/// Lines as a terminal shows them.
fn terminal(bytes: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for byte in bytes {
        if *byte == b'\n' {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out.into()
}

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It goes on, with the last exit code.
    With(i32),
    /// `exit`, or nobody reads any more: it does not go on.
    Exit(i32),
    Break,
    Continue,
}

type Running<'a> = Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;

/// A shell, with its folder and variables.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) around: Around,
    pub(crate) folder: String,
    pub(crate) variables: BTreeMap<String, String>,
    /// `$1`, `$2` …, and first of all `$0`.
    pub(crate) arguments: Vec<String>,
    pub(crate) last: i32,
}

impl Shell {
    pub(crate) fn new(around: Around) -> Self {
        let variables = tools::environment(&around);
        let spec = around.pod["spec"]["containers"].as_array();
        let own = spec.and_then(|all| all.iter().find(|one| one["name"] == around.container.as_str()));
        let folder = own.and_then(|own| own["workingDir"].as_str()).unwrap_or("/").to_owned();
        Self { around, folder, variables, arguments: vec!["sh".to_owned()], last: 0 }
    }

    /// Runs a script to its end; gives the exit code.
    pub(crate) async fn script(&mut self, text: &str, stdin: &mut Stdin, out: &mut Out) -> Ended {
        match parse(text) {
            Ok(script) => self.steps(&script, stdin, out).await,
            Err(why) => {
                out.write(true, format!("sh: {why}\n").as_bytes()).await;
                Ended::With(2)
            }
        }
    }

    fn steps<'a>(&'a mut self, script: &'a Script, stdin: &'a mut Stdin, out: &'a mut Out) -> Running<'a> {
        Box::pin(async move {
            for step in script {
                let skipped = match step.when {
                    When::Always => false,
                    When::Well => self.last != 0,
                    When::Badly => self.last == 0,
                };
                if skipped {
                    continue;
                }
                match self.pipe(&step.pipe, stdin, out).await {
                    Ended::With(code) => self.last = if step.negated { i32::from(code == 0) } else { code },
                    other => return other,
                }
            }
            Ended::With(self.last)
        })
    }

    async fn pipe(&mut self, pipe: &[Command], stdin: &mut Stdin, out: &mut Out) -> Ended {
        let Some((last, before)) = pipe.split_last() else { return Ended::With(0) };
        if before.is_empty() {
            return self.command(last, stdin, out).await;
        }
        let mut first = Some(stdin);
        let mut passed = Stdin::None;
        for command in before {
            let mut kept = Out::kept();
            let mut own = self.clone();
            let from = match first.take() {
                Some(stdin) => stdin,
                None => &mut passed,
            };
            own.command(command, from, &mut kept).await;
            let Out::Kept(stdout, stderr) = kept else { continue };
            out.write(true, &stderr).await;
            passed = Stdin::Bytes(stdout);
        }
        match self.clone().command(last, &mut passed, out).await {
            Ended::Exit(code) => Ended::With(code),
            other => other,
        }
    }

    async fn command(&mut self, command: &Command, stdin: &mut Stdin, out: &mut Out) -> Ended {
        if command.redirections.is_empty() {
            return self.bare(&command.what, stdin, out).await;
        }
        let mut kept = Out::kept();
        let mut read = None;
        let (mut stdout, mut stderr, mut joined) = (None, None, None);
        for (sign, target) in &command.redirections {
            let path = self.filled(target).await.concat();
            let path = absolute(&self.folder, &path);
            match *sign {
                "<" => match tools::file(&self.around, &path) {
                    Some(bytes) => read = Some(Stdin::Bytes(bytes)),
                    None => {
                        let why = format!("sh: can't open {path}: no such file\n");
                        out.write(true, why.as_bytes()).await;
                        return Ended::With(1);
                    }
                },
                ">" | ">>" => stdout = Some((path, *sign == ">>")),
                "2>" | "2>>" => stderr = Some((path, *sign == "2>>")),
                "&>" => {
                    stdout = Some((path, false));
                    joined = Some(false);
                }
                "2>&1" => joined = Some(false),
                _ => joined = Some(true),
            }
        }
        let ended = self.bare(&command.what, read.as_mut().unwrap_or(stdin), &mut kept).await;
        let Out::Kept(mut printed, mut failed) = kept else { return ended };
        match joined {
            Some(false) => printed.append(&mut failed),
            Some(true) => failed.append(&mut printed),
            None => {}
        }
        for (error, bytes, target) in [(false, printed, stdout), (true, failed, stderr)] {
            match target {
                Some((path, _)) if path == "/dev/null" => {}
                Some((path, true)) => self.around.disk.append(&path, &bytes),
                Some((path, false)) => self.around.disk.put(&path, Node::File(bytes)),
                None => {
                    if !out.write(error, &bytes).await {
                        return Ended::Exit(141);
                    }
                }
            }
        }
        ended
    }

    async fn bare(&mut self, what: &What, stdin: &mut Stdin, out: &mut Out) -> Ended {
        match what {
            What::Words(words) => self.words(words, stdin, out).await,
            What::Group(script) => self.steps(script, stdin, out).await,
            What::Sub(script) => match self.clone().steps(script, stdin, out).await {
                Ended::Exit(code) => Ended::With(code),
                other => other,
            },
            What::If { branches, other } => {
                for (condition, body) in branches {
                    match self.steps(condition, stdin, out).await {
                        Ended::With(0) => return self.steps(body, stdin, out).await,
                        Ended::With(_) => {}
                        ended => return ended,
                    }
                }
                self.last = 0;
                self.steps(other, stdin, out).await
            }
            What::While { condition, until, body } => {
                for _ in 0..ROUNDS {
                    match self.steps(condition, stdin, out).await {
                        Ended::With(code) if (code == 0) == *until => return Ended::With(0),
                        Ended::With(_) => {}
                        ended => return ended,
                    }
                    match self.steps(body, stdin, out).await {
                        Ended::With(_) | Ended::Continue => tokio::task::yield_now().await,
                        Ended::Break => return Ended::With(0),
                        ended @ Ended::Exit(_) => return ended,
                    }
                }
                Ended::Exit(1)
            }
            What::For { name, among, body } => {
                let mut values = Vec::new();
                for word in among {
                    values.extend(self.filled(word).await);
                }
                let mut ended = Ended::With(0);
                for value in values {
                    self.variables.insert(name.clone(), value);
                    ended = self.steps(body, stdin, out).await;
                    match ended {
                        Ended::Break => return Ended::With(0),
                        Ended::Exit(_) => return ended,
                        Ended::With(_) | Ended::Continue => {}
                    }
                }
                ended
            }
        }
    }

    async fn words(&mut self, words: &[Vec<Part>], stdin: &mut Stdin, out: &mut Out) -> Ended {
        let mut filled = Vec::new();
        for word in words {
            filled.extend(self.filled(word).await);
        }
        let assigned = filled.iter().take_while(|word| assignment(word).is_some()).count();
        let rest = filled.split_off(assigned);
        for (name, value) in filled.iter().filter_map(|word| assignment(word)) {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
        if rest.is_empty() { Ended::With(0) } else { self.program(&rest, stdin, out).await }
    }

    /// Runs a program, or what is the shell's own.
    pub(crate) fn program<'a>(
        &'a mut self,
        words: &'a [String],
        stdin: &'a mut Stdin,
        out: &'a mut Out,
    ) -> Running<'a> {
        Box::pin(async move {
            let (name, arguments) = words.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
            let first = arguments.first().map(String::as_str);
            let code = || first.map_or(Some(self.last), |text| text.parse().ok()).unwrap_or(2);
            match name.rsplit('/').next().unwrap_or_default() {
                "exit" | "return" => return Ended::Exit(code() & 0xff),
                "break" => return Ended::Break,
                "continue" => return Ended::Continue,
                "cd" => {
                    let folder = absolute(&self.folder, first.unwrap_or("/root"));
                    if self.around.disk.get(&folder) == Some(Node::Folder) {
                        self.folder = folder;
                        return Ended::With(0);
                    }
                    let why = format!("sh: cd: can't cd to {}: No such file or directory\n", first.unwrap_or_default());
                    out.write(true, why.as_bytes()).await;
                    Ended::With(1)
                }
                "export" => {
                    for (name, value) in arguments.iter().filter_map(|word| assignment(word)) {
                        self.variables.insert(name.to_owned(), value.to_owned());
                    }
                    Ended::With(0)
                }
                "set" | "trap" | "wait" | "unset" => Ended::With(0),
                "exec" if !arguments.is_empty() => match self.program(arguments, stdin, out).await {
                    Ended::With(code) => Ended::Exit(code),
                    other => other,
                },
                "sleep" => {
                    let seconds = arguments.iter().filter_map(|text| tools::seconds(text)).sum::<f64>();
                    let listening = match out {
                        Out::Live { to, .. } => Some(to.clone()),
                        Out::Kept(..) => None,
                    };
                    let gone = async {
                        match listening {
                            Some(to) => to.closed().await,
                            None => std::future::pending().await,
                        }
                    };
                    let span = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
                    tokio::select! {
                        () = self.around.cluster.clock.sleep(span) => Ended::With(0),
                        () = gone => Ended::Exit(143),
                    }
                }
                "sh" | "ash" | "bash" => {
                    let mut inner = Self::new(self.around.clone());
                    inner.folder.clone_from(&self.folder);
                    inner.variables.clone_from(&self.variables);
                    let text = match arguments.iter().position(|word| word.starts_with('-') && word.ends_with('c')) {
                        Some(at) => {
                            inner.arguments = arguments.get(at + 2..).unwrap_or_default().to_vec();
                            arguments.get(at + 1).cloned().unwrap_or_default()
                        }
                        None => match arguments.iter().find(|word| !word.starts_with('-')) {
                            Some(path) => match tools::file(&self.around, &absolute(&self.folder, path)) {
                                Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                                None => {
                                    let why = format!("sh: can't open '{path}': No such file or directory\n");
                                    out.write(true, why.as_bytes()).await;
                                    return Ended::With(2);
                                }
                            },
                            None => String::from_utf8_lossy(&stdin.all(|_| false).await).into_owned(),
                        },
                    };
                    match inner.script(&text, stdin, out).await {
                        Ended::With(code) | Ended::Exit(code) => Ended::With(code),
                        Ended::Break | Ended::Continue => Ended::With(0),
                    }
                }
                _ => self.tool(words, stdin, out).await,
            }
        })
    }

    async fn tool(&mut self, words: &[String], stdin: &mut Stdin, out: &mut Out) -> Ended {
        let input = match tools::reads(words) {
            Some(tools::Reads::All) => stdin.all(|_| false).await,
            Some(tools::Reads::Archive) => stdin.all(crate::lab::pods::tar::ends).await,
            None => Vec::new(),
        };
        let Some(ran) = tools::run(&self.around, &self.folder, &self.variables, words, &input) else {
            let why = format!("sh: {}: not found\n", words.first().map(String::as_str).unwrap_or_default());
            out.write(true, why.as_bytes()).await;
            return Ended::With(127);
        };
        if out.write(false, &ran.stdout).await && out.write(true, &ran.stderr).await {
            Ended::With(ran.code)
        } else {
            Ended::Exit(141)
        }
    }

    /// A word with its variables filled in; one that is not quoted may become several, or none.
    async fn filled(&mut self, parts: &[Part]) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut empty = true;
        for part in parts {
            let (text, quoted) = match part {
                Part::Plain(text) => (text.clone(), true),
                Part::Variable { name, quoted } => (self.value(name), *quoted),
                Part::Output { script, quoted } => {
                    let mut kept = Out::kept();
                    let mut own = self.clone();
                    Box::pin(own.script(script, &mut Stdin::None, &mut kept)).await;
                    self.last = own.last;
                    let Out::Kept(stdout, _) = kept else { continue };
                    (String::from_utf8_lossy(&stdout).trim_end_matches('\n').to_owned(), *quoted)
                }
            };
            if quoted {
                empty = false;
                words.last_mut().into_iter().for_each(|word| word.push_str(&text));
                continue;
            }
            let mut pieces = text.split_whitespace();
            if let Some(first) = pieces.next() {
                empty = false;
                words.last_mut().into_iter().for_each(|word| word.push_str(first));
            }
            words.extend(pieces.map(str::to_owned));
        }
        if empty { Vec::new() } else { words }
    }

    fn value(&self, name: &str) -> String {
        let arguments = || self.arguments.get(1..).unwrap_or_default();
        if let Some((name, default)) = name.split_once(":-") {
            let value = self.value(name);
            return if value.is_empty() { default.to_owned() } else { value };
        }
        match name {
            "?" => self.last.to_string(),
            "$" => "7".to_owned(),
            "#" => arguments().len().to_string(),
            "@" | "*" => arguments().join(" "),
            "PWD" => self.folder.clone(),
            _ => match name.parse::<usize>() {
                Ok(place) => self.arguments.get(place).cloned().unwrap_or_default(),
                Err(_) => self.variables.get(name).cloned().unwrap_or_default(),
            },
        }
    }
}

/// `NAME=VALUE`
fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then_some((name, value))
}
