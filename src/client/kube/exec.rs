//! Programs in containers, over a WebSocket: the subprotocols `v5.channel.k8s.io` (Kubernetes 1.30 and later)
//! and `v4.channel.k8s.io` (before).
//!
//! Protocol: `k8s.io/apimachinery/pkg/util/remotecommand`. Version 4 can't say that the input has ended: closing it
//! closes the connection, and output is lost. There the program is started through `sh`, which gives it exactly as
//! many bytes as there are.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::Cluster;
use super::container::with_container;
use super::rest::segment;
use crate::error::{Error, Kind, Result};

/// What may come out of stdout and stderr, each, unless the caller says otherwise.
pub const OUTPUT_LIMIT: usize = 16 << 20;
/// Between the connection's task and us: large enough that output isn't passed on in crumbs.
const BUFFER: usize = 256 << 10;

/// A program to run in a container.
#[derive(Debug, Clone)]
pub struct ExecRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container; default: the one that the pod marks as its default, or its only one.
    pub container: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What it reads; none for no input at all.
    pub stdin: Option<Vec<u8>>,
    /// Bytes of stdout and of stderr, each; more is an error.
    pub limit: usize,
    /// Whether a program that the container lacks is an error; else it is the exit code that a shell gives it.
    pub check: bool,
}

/// How it ended, and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecResult {
    /// What it wrote; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// The same for stderr.
    pub stderr: String,
    /// The exit code.
    pub code: i64,
}

/// Runs a program in a container to its end. Dropping the future closes the connection.
///
/// # Errors
/// [`Kind::NotFound`] for the pod, [`Kind::MissingTool`] where the container lacks the program or may not run it,
/// unless `check` is off, [`Kind::Unreachable`] when it could not be started for another reason, [`Kind::Unreadable`]
/// when it writes more than the limit. A non-zero exit code is no error here.
pub async fn exec(cluster: &Cluster, request: &ExecRequest) -> Result<ExecResult> {
    let pod = format!("Pod {}/{}", request.namespace, request.pod);
    segment(&request.pod)?;
    if request.command.is_empty() {
        return Err(Error::new(Kind::Invalid, format!("{}: exec in {pod}: the command is empty", cluster.name())));
    }
    let closes = request.stdin.is_some() && closes_streams(cluster).await?;
    let command = match &request.stdin {
        Some(input) if !closes => counted(&request.command, input.len()),
        _ => request.command.clone(),
    };
    let api: Api<Pod> = Api::namespaced(cluster.client().clone(), segment(&request.namespace)?);
    let asked = format!("exec {} in {pod}", request.command[0]);
    let connect = |container: Option<String>| {
        let (api, command, asked) = (&api, &command, &asked);
        async move {
            let params = AttachParams {
                container,
                stdin: request.stdin.is_some(),
                max_stdin_buf_size: Some(BUFFER),
                max_stdout_buf_size: Some(BUFFER),
                max_stderr_buf_size: Some(BUFFER),
                ..AttachParams::default()
            };
            api.exec(&request.pod, command.iter().map(String::as_str), &params)
                .await
                .map_err(|e| cluster.fault(&e, asked))
        }
    };
    let mut process =
        with_container(cluster, &request.namespace, &request.pod, request.container.clone(), connect).await?;
    let (stdout, stderr, status) =
        talk(&mut process, request, closes).await.map_err(|e| e.context(format!("{}: {asked}", cluster.name())))?;
    let Some(status) = status else {
        let error = Error::new(
            Kind::Unreachable,
            format!("{}: {asked}: the connection broke before the exit code came", cluster.name()),
        );
        return Err(match process.join().await {
            Err(e) => error.caused_by(&e),
            Ok(()) => error,
        });
    };
    match exit_code(&status) {
        Ok(code) => Ok(ExecResult { stdout: text(stdout), stderr: text(stderr), code }),
        Err(message) => match shell_code(&message).filter(|_| !request.check && !stands_in(request, &message)) {
            Some(code) => Ok(ExecResult { stdout: String::new(), stderr: message, code }),
            None => Err(refused(cluster, &asked, request, &message)),
        },
    }
}

/// `sh` hands the program the first `bytes` bytes of the input and then its end; the exit code is the program's.
fn counted(command: &[String], bytes: usize) -> Vec<String> {
    let script = match bytes {
        0 => "shift; exec \"$@\" </dev/null",
        _ => "n=$1; shift; head -c \"$n\" | \"$@\"",
    };
    let head = ["sh".into(), "-c".into(), script.into(), "sh".into(), bytes.to_string()];
    head.into_iter().chain(command.iter().cloned()).collect()
}

/// Whether the server understands the end of a single stream: version 5 of the protocol, on by default since 1.30.
async fn closes_streams(cluster: &Cluster) -> Result<bool> {
    let version = cluster.version().await?;
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0_u32);
    Ok((number(&version.major), number(&version.minor)) >= (1, 30))
}

type Ended = (Vec<u8>, Vec<u8>, Option<Status>);

/// Feeds the input and drains both outputs side by side until the status comes.
async fn talk(process: &mut AttachedProcess, request: &ExecRequest, closes: bool) -> Result<Ended> {
    let broken = Arc::new(CancellationToken::new());
    let missing = || Error::new(Kind::Unreachable, "the connection has no such stream");
    let out = drain(process.stdout().ok_or_else(missing)?, "stdout", request.limit, &broken);
    let err = drain(process.stderr().ok_or_else(missing)?, "stderr", request.limit, &broken);
    let status = process.take_status().ok_or_else(missing)?;
    let status = async {
        let status = status.await;
        if status.is_none() {
            // The connection's task ended without closing its pipes: nothing more will come out of them.
            broken.cancel();
        }
        Ok::<_, Error>(status)
    };
    let writer = process.stdin();
    let feed = async {
        let mut writer = writer;
        if let (Some(writer), Some(input)) = (writer.as_mut(), &request.stdin) {
            // A program that ends without reading all of it is no error: its exit code tells.
            let _ = writer.write_all(input).await;
            let _ = writer.flush().await;
            if closes {
                let _ = writer.shutdown().await;
            }
        }
        std::future::pending::<Ended>().await
    };
    tokio::select! {
        ended = async { tokio::try_join!(out, err, status) } => ended,
        ended = feed => Ok(ended),
    }
}

async fn drain(
    mut from: impl AsyncRead + Unpin,
    name: &str,
    limit: usize,
    broken: &CancellationToken,
) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let read = tokio::select! {
            biased;
            read = from.read(&mut chunk) => read,
            () = broken.cancelled() => return Ok(all),
        };
        let count = read.map_err(|e| Error::new(Kind::Unreachable, format!("reading {name}")).caused_by(&e))?;
        if count == 0 {
            return Ok(all);
        }
        if all.len() + count > limit {
            return Err(Error::new(Kind::Unreadable, format!("{name} has more than the limit of {limit} bytes"))
                .hint("let the program in the container cut it down (head, tail, grep), or write it to a file there"));
        }
        all.extend_from_slice(&chunk[..count]);
    }
}

/// The exit code that a status carries, or what the server says instead.
fn exit_code(status: &Status) -> Result<i64, String> {
    if status.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = status.details.iter().flat_map(|d| d.causes.iter().flatten());
    causes
        .filter(|c| c.reason.as_deref() == Some("ExitCode"))
        .find_map(|c| c.message.as_deref()?.parse().ok())
        .ok_or_else(|| status.message.clone().unwrap_or_else(|| "the server gave no exit code and no reason".into()))
}

/// The exit code that a shell has for a program that the container runtime could not start: 127 where there is none,
/// 126 where it may not be run. None where it is another reason, such as a container that is gone.
fn shell_code(message: &str) -> Option<i64> {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    // A working directory that is gone is not the program's fault.
    if says(&["chdir", "cwd", "container not found", "container is not running"]) {
        None
    } else if says(&["executable file not found", "no such file or directory"]) {
        Some(127)
    } else if says(&["permission denied", "exec format error", "is a directory"]) {
        Some(126)
    } else {
        None
    }
}

/// Whether it is not the program that is missing but the shell that was to feed it.
fn stands_in(request: &ExecRequest, message: &str) -> bool {
    request.stdin.is_some() && request.command[0] != "sh" && message.contains("\"sh\"")
}

fn refused(cluster: &Cluster, asked: &str, request: &ExecRequest, message: &str) -> Error {
    let program = &request.command[0];
    let (kind, what) = match shell_code(message) {
        Some(126) => (Kind::MissingTool, format!("the container can't run \"{program}\"")),
        Some(_) => (Kind::MissingTool, format!("the container has no program \"{program}\"")),
        None => (Kind::Unreachable, "it could not be started".into()),
    };
    let error = Error::new(kind, format!("{}: {asked}: {what}", cluster.name())).because(message);
    if stands_in(request, message) {
        return error.hint("input on servers before 1.30 needs sh and head in the container");
    }
    match kind {
        Kind::MissingTool => error.hint("#{ check: false } gives 127 (or 126: it can't be run) as the exit code"),
        _ => error,
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(json: &str) -> Status {
        serde_json::from_str(json).expect("a status")
    }

    #[test]
    fn the_exit_code_comes_from_the_causes() {
        let code = |json| exit_code(&status(json));
        assert_eq!(code(r#"{"metadata":{},"status":"Success"}"#), Ok(0));
        let failed = r#"{"status":"Failure","message":"command terminated with non-zero exit code","reason":"NonZeroExitCode",
            "details":{"causes":[{"reason":"ExitCode","message":"3"}]}}"#;
        assert_eq!(code(failed), Ok(3));
        let internal = r#"{"status":"Failure","reason":"InternalError","message":"exec failed"}"#;
        assert_eq!(code(internal), Err("exec failed".into()));
    }

    #[test]
    fn a_program_that_is_missing_is_told_from_a_container_that_is() {
        let code = |message: &str| shell_code(&format!("failed to exec in container: {message}: unknown"));
        assert_eq!(code("exec: \"nope\": executable file not found in $PATH"), Some(127));
        assert_eq!(code("exec: \"/nope\": stat /nope: no such file or directory"), Some(127));
        assert_eq!(code("exec: \"/etc/passwd\": permission denied"), Some(126));
        assert_eq!(code("chdir to cwd (\"/gone\") set in config.json failed: no such file or directory"), None);
        assert_eq!(code("task 1a2b not found"), None);
    }

    #[tokio::test]
    async fn output_above_the_limit_is_an_error_and_not_cut_short() {
        let broken = CancellationToken::new();
        let all = drain(&b"12345678"[..], "stdout", 8, &broken).await.expect("fits");
        assert_eq!(all, b"12345678");
        let error = drain(&b"123456789"[..], "stdout", 8, &broken).await.expect_err("too much");
        assert_eq!(
            (error.kind, error.message.contains("stdout has more than the limit of 8 bytes")),
            (Kind::Unreadable, true)
        );
    }

    #[test]
    fn an_old_server_is_given_the_number_of_bytes() {
        let command = counted(&["cat".into(), "-".into()], 5);
        assert_eq!(command[3..], ["sh", "5", "cat", "-"].map(String::from));
        assert!(counted(&["cat".into()], 0)[2].contains("/dev/null"));
    }
}
