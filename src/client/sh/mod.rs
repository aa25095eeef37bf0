//! Programs: started without a shell, read within bounds, and ended with everything they started.

mod group;
mod tail;
mod words;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};

use crate::error::{Error, Kind, Result, nearest};
use group::Group;
pub use group::kill_all;
pub use tail::last_lines;
pub use words::{quoted, without_newline};

/// What a program may print, standard output and standard error together, unless the call says otherwise.
pub const MAX_OUTPUT: u64 = 16 << 20;

/// How long output is still awaited after the program itself has ended: a child that it left behind
/// may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_millis(500);

/// A program to run.
#[derive(Debug, Clone)]
pub struct Command {
    /// A name that is searched in `PATH`, or a path.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder it runs in; none is this process's.
    pub dir: Option<PathBuf>,
    /// Variables that are set in its environment.
    pub env: BTreeMap<String, String>,
    /// Whether it sees only those variables.
    pub clear_env: bool,
    /// What it reads from its standard input; none is an empty input.
    pub stdin: Option<String>,
    /// The most bytes that it may print.
    pub max_output: u64,
}

impl Command {
    /// A program with its arguments, and the defaults of everything else.
    pub fn new<A: Into<String>>(program: impl Into<String>, args: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            dir: None,
            env: BTreeMap::new(),
            clear_env: false,
            stdin: None,
            max_output: MAX_OUTPUT,
        }
    }
}

/// How a program ended and what it printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Standard output without its last newline; what is not UTF-8 became U+FFFD.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    /// The exit code; for a program that a signal ended 128 and the signal's number, as shells say it.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// From start to end.
    pub time: Duration,
}

/// Runs a program to its end. Dropping the future ends the program and everything in its process group.
///
/// # Errors
/// [`Kind::MissingTool`] when there is no such program; [`Kind::Io`] when the folder is missing, it
/// cannot be started, or it printed more than it may. A non-zero exit code is not an error here.
pub async fn run(command: &Command) -> Result<Output> {
    if let Some(dir) = &command.dir
        && !dir.is_dir()
    {
        return Err(Error::new(Kind::Io, format!("{}: the folder {} does not exist", command.program, dir.display())));
    }
    let path = locate(command)?;
    let mut start = tokio::process::Command::new(&path);
    start
        .arg0(&command.program)
        .args(&command.args)
        .envs(&command.env)
        .stdin(if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if command.clear_env {
        start.env_clear().envs(&command.env);
    }
    if let Some(dir) = &command.dir {
        start.current_dir(dir);
    }
    let started = Instant::now();
    let mut group = Group::start(&mut start).map_err(|e| cannot_start(&path, &e))?;
    let (stdin, stdout, stderr) = (group.child.stdin.take(), group.child.stdout.take(), group.child.stderr.take());

    let came = AtomicU64::new(0);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = {
        let max = command.max_output;
        let reading =
            async { tokio::try_join!(gather(stdout, &mut out, &came, max), gather(stderr, &mut err, &came, max)) };
        let feeding = feed(stdin, command.stdin.as_deref());
        tokio::pin!(reading, feeding);
        let (mut read, mut fed) = (None, false);
        let status = loop {
            tokio::select! {
                result = &mut reading, if read.is_none() => {
                    let over = result.is_err();
                    read = Some(result);
                    if over { break None; }
                }
                () = &mut feeding, if !fed => fed = true,
                status = group.child.wait() => break Some(status),
            }
        };
        if read.is_none() {
            read = tokio::time::timeout(DRAIN, &mut reading).await.ok();
        }
        match read {
            Some(Err(Gathered::Over)) => None,
            Some(Err(Gathered::Io(e))) => {
                return Err(Error::new(Kind::Io, format!("cannot read what {} prints", command.program)).caused_by(&e));
            }
            _ => status,
        }
    };
    let Some(status) = status else {
        drop(group);
        return Err(too_much(command, came.load(Ordering::Relaxed), &out, &err));
    };
    let status = status
        .map_err(|e| Error::new(Kind::Io, format!("cannot learn how {} ended", command.program)).caused_by(&e))?;
    // Whoever was left behind in its process group ends with it.
    drop(group);
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    Ok(Output {
        stdout: text(&out),
        stderr: text(&err),
        code: status.code().or(signal.map(|s| 128 + s)).unwrap_or(-1),
        signal,
        time: started.elapsed(),
    })
}

/// Where a program stands: `name` searched in `PATH`, or a path that is there and executable.
pub fn which(name: &str) -> Option<PathBuf> {
    find(name, &std::env::var_os("PATH")?)
}

fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        return executable(Path::new(name)).then(|| PathBuf::from(name));
    }
    std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| executable(file))
}

fn executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

fn locate(command: &Command) -> Result<PathBuf> {
    let name = command.program.as_str();
    if name.contains('/') {
        // A relative path counts from the folder that the program runs in.
        let file = command.dir.as_deref().unwrap_or(Path::new("")).join(name);
        if executable(&file) {
            return Ok(std::path::absolute(&file).unwrap_or(file));
        }
        let why = if file.exists() { "is not executable" } else { "does not exist" };
        return Err(Error::new(Kind::MissingTool, format!("the program {} {why}", file.display())));
    }
    // Where the call sets PATH, that one counts; otherwise ours, even for a program with a clean environment.
    let path = match command.env.get("PATH") {
        Some(path) => OsString::from(path),
        None => std::env::var_os("PATH").unwrap_or_default(),
    };
    find(name, &path).ok_or_else(|| {
        let names: Vec<String> = std::env::split_paths(&path)
            .filter_map(|dir| dir.read_dir().ok())
            .flat_map(|dir| dir.flatten().map(|file| file.file_name().to_string_lossy().into_owned()))
            .collect();
        let near = nearest(name, names.iter().map(String::as_str)).map(|n| format!("there is a program {n:?}"));
        Error::new(Kind::MissingTool, format!("the program {name:?} is not installed"))
            .because(format!("searched PATH: {}", path.to_string_lossy()))
            .hint(format!("install {name}, or add its folder to PATH; pb doctor lists the tools that playbooks use"))
            .maybe_hint(near)
    })
}

fn cannot_start(path: &Path, e: &std::io::Error) -> Error {
    let error = Error::new(Kind::Io, format!("cannot start {}", path.display())).caused_by(e);
    if e.kind() == std::io::ErrorKind::ArgumentListTooLong {
        error.hint("an argument or script is longer than the system takes: write it to a file, or pass it by `stdin`")
    } else {
        error
    }
}

fn too_much(command: &Command, came: u64, out: &[u8], err: &[u8]) -> Error {
    // Small numbers would all be 0.0 MiB.
    let size = |bytes: u64| match bytes {
        0..0x400 => format!("{bytes} bytes"),
        0x400..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    };
    let begin = if out.is_empty() { err } else { out };
    let begin = crate::error::beginning(&String::from_utf8_lossy(&begin[..begin.len().min(400)]), 100);
    Error::new(
        Kind::Io,
        format!(
            "{} printed more than {} ({} until it was ended)",
            command.program,
            size(command.max_output),
            size(came)
        ),
    )
    .because(format!("it began with {begin:?}"))
    .hint("let the program print less, or raise `max_output`")
}

enum Gathered {
    Over,
    Io(std::io::Error),
}

async fn gather(
    from: Option<impl AsyncRead + Unpin>,
    into: &mut Vec<u8>,
    came: &AtomicU64,
    max: u64,
) -> std::result::Result<(), Gathered> {
    let Some(mut from) = from else { return Ok(()) };
    let mut chunk = vec![0; 64 << 10];
    loop {
        let got = from.read(&mut chunk).await.map_err(Gathered::Io)?;
        if got == 0 {
            return Ok(());
        }
        if came.fetch_add(got as u64, Ordering::Relaxed) + got as u64 > max {
            // The beginning is shown with the error.
            into.extend_from_slice(&chunk[..got.min(400)]);
            return Err(Gathered::Over);
        }
        into.extend_from_slice(&chunk[..got]);
    }
}

async fn feed(to: Option<tokio::process::ChildStdin>, text: Option<&str>) {
    if let (Some(mut to), Some(text)) = (to, text) {
        // A program that does not read all of its input closes the pipe; its exit code says whether that is well.
        let _ = to.write_all(text.as_bytes()).await;
        let _ = to.shutdown().await;
    }
}

fn text(bytes: &[u8]) -> String {
    without_newline(&String::from_utf8_lossy(bytes)).to_string()
}

#[cfg(test)]
mod tests;
