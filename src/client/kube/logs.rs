//! What containers wrote: read while it arrives, filtered here, never held beyond a limit.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use futures::AsyncBufReadExt;
use http::Request;
use regex::Regex;
use serde_json::Value;

use super::Cluster;
use super::container::{names, with_container};
use super::query::escaped;
use super::rest::pod_path;
use super::target::Target;
use crate::error::{Error, Kind, Result};

/// How long a kubelet that can't read a log yet is asked again, and how often.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);

/// What a kubelet writes in place of a log: its answer has begun by then, so that it can't be an error status.
static FAULT: LazyLock<Regex> = LazyLock::new(fault);

/// What may be kept of the logs, after filtering, unless the caller says otherwise.
pub const LOG_LIMIT: u64 = 16 << 20;

/// Which logs.
#[derive(Debug, Clone)]
pub struct LogsRequest {
    /// A pod, or a workload for all its pods.
    pub target: Target,
    /// The container; default: the pod's default or only one.
    pub container: Option<String>,
    /// Of the container before its last restart.
    pub previous: bool,
    /// What is younger than this.
    pub since: Option<Duration>,
    /// The last lines of each container, counted before `grep`.
    pub tail: Option<u64>,
    /// Bytes that the server sends of each container at most: the rest is cut off.
    pub limit_bytes: Option<u64>,
    /// Whether each line begins with its time.
    pub timestamps: bool,
    /// Keeps the lines that match, without their times.
    pub grep: Option<Regex>,
    /// Bytes to keep in all; more is an error.
    pub keep: u64,
}

impl LogsRequest {
    /// All that the target's containers wrote, up to [`LOG_LIMIT`].
    pub fn of(target: Target) -> Self {
        Self {
            target,
            container: None,
            previous: false,
            since: None,
            tail: None,
            limit_bytes: None,
            timestamps: false,
            grep: None,
            keep: LOG_LIMIT,
        }
    }
}

/// Reads the logs. Of several pods each line begins with `[pod/NAME/CONTAINER] `, as `kubectl logs --prefix` does it.
///
/// # Errors
/// [`Kind::NotFound`] for the target, or a workload without pods; [`Kind::Unreadable`] when more than
/// [`LogsRequest::keep`] bytes would have to be kept.
pub async fn logs(cluster: &Cluster, request: &LogsRequest) -> Result<String> {
    let mut kept = Kept { text: String::new(), limit: request.keep };
    if request.target.kind == "Pod" {
        of_pod(cluster, request, &request.target.name, None, &mut kept).await?;
        return Ok(kept.finish());
    }
    let mut pods = request.target.pods(cluster).await?;
    pods.sort_by_key(|p| name_of(p).to_string());
    let several = pods.len() > 1;
    for pod in &pods {
        let name = name_of(pod);
        let container = request.container.as_deref().or_else(|| names(pod).first().copied()).unwrap_or_default();
        let prefix = several.then(|| format!("[pod/{name}/{container}] "));
        of_pod(cluster, request, name, prefix.as_deref(), &mut kept).await?;
    }
    Ok(kept.finish())
}

fn name_of(pod: &Value) -> &str {
    pod.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

async fn of_pod(
    cluster: &Cluster,
    request: &LogsRequest,
    pod: &str,
    prefix: Option<&str>,
    kept: &mut Kept,
) -> Result<()> {
    let namespace = &request.target.namespace;
    let what = format!("the log of Pod {namespace}/{pod}");
    let base = format!("{}/log", pod_path(namespace, pod)?);
    let open = |container: Option<String>| {
        let path = format!("{base}?{}", parameters(request, container.as_deref()));
        let what = &what;
        async move {
            let http = Request::get(&path)
                .body(Vec::new())
                .map_err(|e| Error::new(Kind::Invalid, format!("{what}: no valid path: {path}")).caused_by(&e))?;
            cluster.client().request_stream(http).await.map_err(|e| cluster.fault(&e, what))
        }
    };
    let until = Instant::now() + PATIENCE;
    let said = loop {
        let stream = with_container(cluster, namespace, pod, request.container.clone(), open);
        let stream = stream.await.map_err(|e| without_previous(e, request))?;
        match read(cluster, request, stream, &what, prefix, kept).await? {
            None => return Ok(()),
            Some(said) if Instant::now() >= until => break said,
            Some(_) => crate::clock::sleep(PAUSE).await,
        }
    };
    Err(Error::new(Kind::Unreadable, format!("{what} on cluster {}: its kubelet can't read it", cluster.name()))
        .because(said)
        .hint("the container may be starting, or its log was rotated away or removed: ask again"))
}

/// Reads one answer to its end. What the kubelet says in place of a log is given, and not kept.
async fn read(
    cluster: &Cluster,
    request: &LogsRequest,
    mut stream: impl AsyncBufReadExt + Unpin,
    what: &str,
    prefix: Option<&str>,
    kept: &mut Kept,
) -> Result<Option<String>> {
    let mut line = Vec::new();
    let mut first = true;
    loop {
        line.clear();
        // A container may write without ever ending a line: what is read at once stays within the limit too.
        let count = read_line(&mut stream, &mut line, kept.room()).await.map_err(|e| match e.kind() {
            std::io::ErrorKind::FileTooLarge => kept.overflow(what),
            _ => Error::new(Kind::Unreachable, format!("{what} on cluster {}: it broke off", cluster.name()))
                .caused_by(&e),
        })?;
        if count == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        // Its words end without a newline: as the first line they are the whole answer.
        if std::mem::take(&mut first) && FAULT.is_match(&text) {
            return Ok(Some(text.into_owned()));
        }
        let text = text.strip_suffix('\n').unwrap_or(&text);
        if request.grep.as_ref().is_none_or(|grep| grep.is_match(own(text, request.timestamps))) {
            kept.push(prefix, text, what)?;
        }
    }
}

/// What the program wrote of a line that may begin with its time.
fn own(line: &str, timestamps: bool) -> &str {
    match line.split_once(' ') {
        Some((time, rest)) if timestamps && time.parse::<jiff::Timestamp>().is_ok() => rest,
        _ => line,
    }
}

/// The server has one word, and one status, for what is not there and for what can't be.
fn without_previous(error: Error, request: &LogsRequest) -> Error {
    let none =
        request.previous && error.kind == Kind::Invalid && error.message.contains("previous terminated container");
    if none { Error { kind: Kind::NotFound, ..error } } else { error }
}

#[expect(clippy::expect_used, reason = "the pattern is a constant, and a test uses it")]
fn fault() -> Regex {
    let symlinks = r#"failed to try resolving symlinks in path "/var/log/[^"\n]+": [^\n]+"#;
    let runtime = r"[Uu]nable to retrieve container logs for [a-z][a-z0-9.-]*://[0-9a-f]+";
    Regex::new(&format!(r"\A(?:{symlinks}|{runtime})\z")).expect("a pattern")
}

/// Reads up to and with the next newline; an error of kind `FileTooLarge` when that takes more than `room` bytes.
async fn read_line(from: &mut (impl AsyncBufReadExt + Unpin), into: &mut Vec<u8>, room: u64) -> std::io::Result<usize> {
    loop {
        let available = from.fill_buf().await?;
        let (taken, ended) = match available.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (available.len(), available.is_empty()),
        };
        into.extend_from_slice(&available[..taken]);
        from.consume_unpin(taken);
        if ended {
            return Ok(into.len());
        }
        if into.len() as u64 > room {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
    }
}

fn parameters(request: &LogsRequest, container: Option<&str>) -> String {
    let mut all = Vec::new();
    if let Some(container) = container {
        all.push(format!("container={}", escaped(container)));
    }
    if request.previous {
        all.push("previous=true".into());
    }
    if let Some(since) = request.since {
        // The API takes whole seconds above 0: round up, so that nothing asked for is missing.
        let seconds = since.as_secs() + u64::from(since.subsec_nanos() > 0);
        all.push(format!("sinceSeconds={}", seconds.max(1)));
    }
    if let Some(tail) = request.tail {
        all.push(format!("tailLines={tail}"));
    }
    if let Some(bytes) = request.limit_bytes {
        all.push(format!("limitBytes={bytes}"));
    }
    if request.timestamps {
        all.push("timestamps=true".into());
    }
    all.join("&")
}

struct Kept {
    text: String,
    limit: u64,
}

impl Kept {
    fn room(&self) -> u64 {
        self.limit.saturating_sub(self.text.len() as u64)
    }

    fn push(&mut self, prefix: Option<&str>, line: &str, what: &str) -> Result<()> {
        let prefix = prefix.unwrap_or_default();
        if (prefix.len() + line.len()) as u64 > self.room() {
            return Err(self.overflow(what));
        }
        self.text.push_str(prefix);
        self.text.push_str(line);
        self.text.push('\n');
        Ok(())
    }

    fn overflow(&self, what: &str) -> Error {
        Error::new(Kind::Unreadable, format!("{what} has more than the limit of {} bytes", self.limit))
            .hint("since, tail or grep make it less; limit_bytes cuts it off")
    }

    fn finish(mut self) -> String {
        if self.text.ends_with('\n') {
            self.text.pop();
        }
        self.text
    }
}

/// The last lines of a pod's container, for an error's explanation; none where they can't be had.
pub async fn last_lines(cluster: &Cluster, namespace: &str, pod: &str, lines: u64) -> Vec<String> {
    let Ok(target) = Target::parse(pod, namespace) else { return Vec::new() };
    let request = LogsRequest { tail: Some(lines), limit_bytes: Some(4096), ..LogsRequest::of(target) };
    let text = logs(cluster, &request).await.unwrap_or_default();
    text.lines().map(Into::into).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> LogsRequest {
        LogsRequest::of(Target::parse("shop", "web").expect("a pod"))
    }

    #[test]
    fn parts_of_a_second_are_not_lost() {
        let request = LogsRequest { since: Some(Duration::from_millis(1500)), tail: Some(3), ..request() };
        assert_eq!(parameters(&request, Some("app")), "container=app&sinceSeconds=2&tailLines=3");
    }

    #[test]
    fn a_pattern_means_the_line_without_its_time() {
        assert_eq!(own("2026-01-01T00:00:00.123456789Z err", true), "err");
        assert_eq!(own("2026-01-01T00:00:00.123456789Z ", true), "");
        assert_eq!(own("2026-01-01T00:00:00Z err", false), "2026-01-01T00:00:00Z err");
        assert_eq!(own("no time", true), "no time");
    }

    #[test]
    fn a_kubelets_own_words_are_told_from_a_programs() {
        let path = "failed to try resolving symlinks in path \"/var/log/pods/a_b_c/main/0.log\": lstat /var/log/pods: \
                    no such file or directory";
        let id = "unable to retrieve container logs for containerd://0123abcd";
        for text in [path, id, "Unable to retrieve container logs for docker://00ff"] {
            assert!(FAULT.is_match(text), "{text}");
            // What a program prints ends with a newline, or has more around it.
            for more in [format!("{text}\n"), format!("{text}\nmore"), format!("kubelet: {text}")] {
                assert!(!FAULT.is_match(&more), "{more}");
            }
        }
    }

    #[tokio::test]
    async fn lines_are_read_whole_and_within_the_room() {
        let mut from = futures::io::BufReader::with_capacity(2, &b"one\ntwo"[..]);
        let mut line = Vec::new();
        assert_eq!(read_line(&mut from, &mut line, 10).await.expect("a line"), 4);
        line.clear();
        read_line(&mut from, &mut line, 10).await.expect("the rest");
        assert_eq!(line, b"two");
        let mut endless = futures::io::BufReader::new(futures::io::repeat(b'x'));
        let error = read_line(&mut endless, &mut Vec::new(), 1 << 16).await.expect_err("no newline ever");
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn more_than_the_limit_is_an_error() {
        let mut kept = Kept { text: String::new(), limit: 10 };
        kept.push(None, "123456", "the log").expect("fits");
        let error = kept.push(None, "123456", "the log").expect_err("too much");
        assert_eq!(error.kind, Kind::Unreadable);
    }
}
