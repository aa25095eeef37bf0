//! A container's own program, from its start to its end: it writes its log, sleeps by the lab's clock, and ends by itself
//! or because it is told to.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::applets::{self, Context};
use super::ask;
use super::environment;
use super::images::{self, Does};
use super::line::Came;
use super::log::{Log, Stream};
use super::script::{Machine, Step};
use super::terminal;
use super::words::{command, text};
use crate::lab::kube::cluster::World as Objects;

/// How many steps one look takes, and how short the shortest of them is: a loop that does not sleep takes time, too.
const STEPS: usize = 2_000;
const BUSY: Duration = Duration::from_millis(5);
/// How soon it is seen whether somebody has answered.
const SOON: Duration = Duration::from_millis(20);
/// How late it is seen at most that whoever attached has ended the program.
const LATEST: Duration = Duration::from_secs(1);
/// What a program takes to end.
const QUICK: Duration = Duration::from_millis(100);

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Process {
    machine: Option<Machine>,
    /// Until when it is known what it does.
    at: Timestamp,
    /// How it ended, and when.
    ended: Option<(Timestamp, i32)>,
    /// Nothing comes of it by itself any more.
    forever: bool,
    heeds: bool,
    log: Arc<Log>,
    /// Since when it waits for somebody's answer.
    asking: Option<(Timestamp, Pending)>,
    /// Since when it waits for whoever attaches, to read what they type.
    fed: Option<Timestamp>,
}

/// What came of what its program asks, once it has.
type Pending = Arc<OnceLock<Came>>;

impl Process {
    /// Starts a container's program.
    ///
    /// # Errors
    /// What the runtime says where there is no such program.
    pub(crate) fn start(
        objects: &Objects,
        pod: &Value,
        container: &Value,
        now: Timestamp,
        log: Arc<Log>,
    ) -> Result<Self, String> {
        let variables = environment::of(objects, pod, container)?;
        let words: Vec<String> =
            command(container).iter().map(|word| environment::substituted(word, &variables)).collect();
        let folder = container["workingDir"].as_str().unwrap_or("/");
        let known = images::program(text(container, "/image"));
        let has_command = container["command"].as_array().is_some_and(|list| !list.is_empty());
        let mut process = Self::there(now, log);
        let Some(program) = known else {
            // Software of the platform: it serves. What it is told by a shell or a tool, it does.
            let plain = words.first().is_some_and(|word| {
                matches!(word.rsplit('/').next(), Some("sh" | "bash" | "ash" | "sleep" | "echo" | "true" | "false"))
            });
            if plain && has_command {
                process.script(&words, variables, folder);
            }
            return Ok(process);
        };
        if reads(container).is_some() {
            (process.fed, process.heeds) = (Some(now), false);
            return Ok(process);
        }
        // Arguments alone are for the image's own program, which in a shell's image is looked up by name.
        let own = !has_command && program.does != Does::Shell;
        if words.is_empty() || own {
            process.log.append(now, Stream::Stdout, program.says);
            if program.does == Does::Serves {
                return Ok(process);
            }
            if own && !words.is_empty() {
                let name = program_name(text(container, "/image"));
                let mut all = vec![name];
                all.extend(words);
                process.script(&all, variables, folder);
                return Ok(process);
            }
            (process.forever, process.ended) = (false, Some((now + QUICK, 0)));
            return Ok(process);
        }
        let shell = matches!(words[0].rsplit('/').next(), Some("sh" | "bash" | "ash"));
        let serves = program.does == Does::Serves
            && words[0].rsplit('/').next() == Some(program_name(text(container, "/image")).as_str());
        if serves {
            process.log.append(now, Stream::Stdout, program.says);
            return Ok(process);
        }
        if !shell && !is_program(&words) {
            return Err(format!(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable \
                 to start container process: error during container init: exec: {:?}: executable file not found in $PATH",
                words[0]
            ));
        }
        process.script(&words, variables, folder);
        Ok(process)
    }

    /// One that was there before anybody looked: it serves.
    pub(crate) fn there(now: Timestamp, log: Arc<Log>) -> Self {
        Self { machine: None, at: now, ended: None, forever: true, heeds: true, log, asking: None, fed: None }
    }

    /// Runs words as a shell would run them.
    fn script(&mut self, words: &[String], variables: std::collections::BTreeMap<String, String>, folder: &str) {
        let script = match words {
            [shell, flag, script, ..]
                if matches!(shell.rsplit('/').next(), Some("sh" | "bash" | "ash"))
                    && flag.starts_with('-')
                    && flag.ends_with('c') =>
            {
                script.clone()
            }
            [shell] if matches!(shell.rsplit('/').next(), Some("sh" | "bash" | "ash")) => "exit 0".to_owned(),
            words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
        };
        match Machine::new(&script, variables, folder) {
            Ok(machine) => {
                self.machine = Some(machine);
                self.forever = false;
                self.heeds = false;
            }
            Err(why) if why.ends_with("not understood") || why.ends_with(" here") => {
                // A script that is beyond the lab's shell is taken for one that serves.
                self.log.append(self.at, Stream::Stderr, &format!("the lab's shell: {why}\n"));
            }
            Err(why) => {
                self.log.append(self.at, Stream::Stderr, &format!("sh: {why}\n"));
                (self.forever, self.ended) = (false, Some((self.at + QUICK, 2)));
            }
        }
    }

    /// Runs as far as the time has come. When it wants to go on, if it does by itself.
    pub(crate) fn run(
        &mut self,
        objects: &Objects,
        pod: &Value,
        container: &Value,
        now: Timestamp,
    ) -> Option<Timestamp> {
        if let Some((at, _)) = self.ended {
            return Some(at);
        }
        if let Some(since) = self.fed {
            let waited = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            self.ended = self.log.left().map(|code| (now, code));
            return Some(if self.ended.is_some() { now } else { now + (waited / 4).clamp(SOON, LATEST) });
        }
        let machine = self.machine.as_mut().filter(|_| !self.forever)?;
        if let Some((since, pending)) = &self.asking {
            // Most answers come at once; those that do not are looked for less and less often.
            let waited = Duration::try_from(now.duration_since(*since)).unwrap_or_default();
            let Some(came) = pending.get() else { return Some(now + SOON.max(waited / 4)) };
            machine.came(came.clone());
            (self.asking, self.at) = (None, now);
        } else if ask::heard(objects) {
            machine.connect();
        }
        let variables = std::collections::BTreeMap::new();
        for _ in 0..STEPS {
            if self.at > now {
                return Some(self.at);
            }
            let context =
                Context { objects, pod, container, now: self.at, variables: &variables, folder: "/", line: None };
            let mut step = machine.step(&context);
            let mut busy = 0;
            while step == Step::On && busy < 200 {
                for (stream, text) in machine.written() {
                    self.log.append(self.at, stream, &text);
                }
                step = machine.step(&context);
                busy += 1;
            }
            for (stream, text) in machine.written() {
                self.log.append(self.at, stream, &text);
            }
            match step {
                // A container's own program has nothing to read.
                Step::Reads => machine.give(String::new()),
                Step::Asks => {
                    self.asking = ask::begin(objects, pod, machine.wanted()?).map(|pending| (now, pending));
                    return Some(now + SOON);
                }
                Step::On => self.at += BUSY,
                Step::Sleep(span) => self.at += span.max(Duration::from_millis(1)),
                Step::Forever => {
                    self.forever = true;
                    return None;
                }
                Step::Exit(code) => {
                    let at = self.at + QUICK;
                    self.ended = Some((at, code));
                    return Some(at);
                }
            }
        }
        Some(now + BUSY)
    }

    /// How it ended, once the time has come.
    pub(crate) fn ended(&self, now: Timestamp) -> Option<(Timestamp, i32)> {
        self.ended.filter(|(at, _)| *at <= now)
    }

    /// Tells it to end. When it will have, and how; none where it does not heed it, as the first process of a container
    /// does not unless it says that it does.
    pub(crate) fn terminate(&mut self, now: Timestamp) -> Option<(Timestamp, i32)> {
        if let Some(ended) = self.ended {
            return Some(ended);
        }
        if self.machine.as_ref().is_some_and(|machine| machine.trap.is_some()) {
            let code = self.machine.as_ref().and_then(|machine| trap_code(machine.trap.as_deref()?)).unwrap_or(143);
            return Some((now + QUICK, code));
        }
        self.heeds.then_some((now + 2 * QUICK, 0))
    }

    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.log
    }
}

/// A container's own program where it does what it is told through its input, a shell without a script or `cat`, and
/// the container has one.
pub(super) fn reads(container: &Value) -> Option<Vec<String>> {
    if container["stdin"] != true {
        return None;
    }
    let mut words = command(container);
    if words.is_empty() && images::program(text(container, "/image")).is_some_and(|own| own.does == Does::Shell) {
        words.push("sh".to_owned());
    }
    let cat = matches!(words.as_slice(), [cat] if cat.rsplit('/').next() == Some("cat"));
    (cat || terminal::is_shell(&words)).then_some(words)
}

/// `exit 3` of a trap.
fn trap_code(trap: &str) -> Option<i32> {
    trap.split([';', '&'])
        .find_map(|part| part.trim().strip_prefix("exit")?.trim().parse().ok())
        .or(Some(0))
        .filter(|_| trap.contains("exit"))
}

fn program_name(image: &str) -> String {
    let repository = images::Reference::of(image).repository;
    repository.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Whether the container has a program of that name; what it does with its words comes later.
fn is_program(words: &[String]) -> bool {
    let builtin = ["exit", "exec", "cd", "export", "set", "trap", "wait"].contains(&words[0].as_str());
    builtin || applets::is_there(&words[0])
}

/// A word that stays one in a shell.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
