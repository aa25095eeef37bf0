//! `logs`: what the containers of a pod or a workload wrote.

use rhai::{Map, NativeCallContext};
use serde_json::json;

use super::line::kubectl;
use crate::client::kube::logs::{LogsRequest, logs as read};
use crate::client::kube::target::Target;
use crate::error::{Error, Kind};
use crate::event::{Effect, short};
use crate::host::call::Limit;
use crate::host::context::{Context, HostResult};
use crate::host::kube::ClusterHandle;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const FUNCTION: &str = "cluster.logs";
pub(super) const OPTIONS: &[&str] =
    &["container", "grep", "limit_bytes", "namespace", "previous", "since", "tail", "timestamps", "within"];

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "logs")
        .sig("(target: string, options?: map) -> string")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "What the containers wrote, as one string without its last newline. `target` is a pod's name, or \
             `deploy/NAME`, `sts/`, `ds/`, `rs/`, `job/`, `svc/` for all pods of it; lines of several pods begin with \
             `[pod/NAME/CONTAINER] `.\n\nOptions: `namespace`, `container` (default: the pod's default or only one), \
             `previous` (before the last restart), `since` (a duration), `tail` (lines of each container, counted \
             before `grep`), `grep` (a regular expression: keeps the lines that match, without their times), `limit_bytes` (cuts each \
             container's log off there), `timestamps`, `within`. Throws `not_found` for a workload without pods and for \
             `previous` of a container that never restarted, and `unreadable` when more than 16 MiB would have to be kept \
             or the kubelet can't read the log.",
        )
        .example(
            r#"let k = kube("infra");
let pod = k.pod(#{ command: "echo one; echo two; sleep 3600" });
let lines = "";
while lines == "" { lines = k.logs(pod.name, #{ namespace: pod.namespace, grep: "^t" }); }
lines == "two""#,
        )
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, target: &str| logs(&ctx, k, target, Map::new()))
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, target: &str, options: Map| {
            logs(&ctx, k, target, options)
        });
}

/// Reads them, for `k.logs` and `pod.logs`.
pub(super) fn logs(ctx: &NativeCallContext, k: &ClusterHandle, target: &str, options: Map) -> HostResult<String> {
    let cx = Context::current()?;
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let namespace = options.string("namespace")?;
    let grep = options.string("grep")?;
    let parsed = Target::parse(target, namespace.as_deref().unwrap_or("default"))?;
    let request = LogsRequest {
        container: options.string("container")?,
        previous: options.bool("previous")?.unwrap_or(false),
        since: options.duration("since")?,
        tail: options.count("tail")?,
        limit_bytes: options.size("limit_bytes")?.map(|size| size.0),
        timestamps: options.bool("timestamps")?.unwrap_or(false),
        grep: grep.as_deref().map(pattern).transpose()?,
        ..LogsRequest::of(parsed)
    };
    let call = k
        .call("kube.logs", Effect::Read, &explain(namespace.as_deref(), &request, grep.as_deref()))
        .args(json!({ "target": target, "namespace": namespace, "container": request.container,
            "previous": request.previous, "since": request.since.map(short), "tail": request.tail,
            "limit_bytes": request.limit_bytes, "timestamps": request.timestamps, "grep": grep }))
        .limit(options.duration("within")?.map_or(Limit::Step, Limit::Within));
    let text = cx.call_with(ctx, call, |text: &String| format!("{} lines", text.lines().count()), async {
        let cluster = k.connection(&cx).await?;
        let mut request = request;
        if namespace.is_none() {
            request.target.namespace = cluster.default_namespace().to_string();
        }
        read(&cluster, &request).await
    })?;
    Ok(text)
}

fn pattern(text: &str) -> Result<regex::Regex, Error> {
    regex::Regex::new(text).map_err(|e| {
        Error::new(Kind::Script, format!("{FUNCTION}: option \"grep\" is no regular expression: {text}")).caused_by(&e)
    })
}

fn explain(namespace: Option<&str>, request: &LogsRequest, grep: Option<&str>) -> String {
    let single = request.target.kind == "Pod";
    let mut words = vec!["logs".to_string()];
    words.push(if single { request.target.name.clone() } else { request.target.slashed() });
    if let Some(container) = &request.container {
        words.extend(["-c".into(), container.clone()]);
    }
    let flags =
        [(request.previous, "--previous"), (request.timestamps, "--timestamps"), (!single, "--all-pods --prefix")];
    words.extend(flags.iter().filter(|(on, _)| *on).flat_map(|(_, flag)| flag.split(' ')).map(Into::into));
    words.extend(request.since.map(|since| format!("--since={}s", since.as_secs().max(1))));
    words.extend(request.tail.map(|tail| format!("--tail={tail}")));
    words.extend(request.limit_bytes.map(|bytes| format!("--limit-bytes={bytes}")));
    let line = kubectl(namespace, words.iter().map(String::as_str));
    match grep {
        // grep would look at the times, too. The pattern comes by a variable: awk reads backslashes in its own way.
        Some(grep) if request.timestamps => {
            let pattern = super::line::quoted(&[grep]);
            format!(r#"{line} | P={pattern} awk '{{ l = $0; sub(/^[^ ]* /, "", l) }} l ~ ENVIRON["P"]'"#)
        }
        Some(grep) => format!("{line} | {}", super::line::quoted(&["grep", "-E", grep])),
        None => line,
    }
}
