//! `run`: a pod that does one thing and ends.

use rhai::{Dynamic, Map, NativeCallContext};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::exec::exit_error;
use super::explain::{self, hidden};
use super::names::{object_name, patience};
use super::pod::start;
use super::spec::{OPTIONS, PodSpec};
use crate::client::kube::logs::{LogsRequest, logs};
use crate::client::kube::pod::{State, Until, state, wait};
use crate::client::kube::rest::{self, pod_path};
use crate::client::kube::target::Target;
use crate::client::kube::unstarted::is_start_error;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::kube::ClusterHandle;
use crate::host::options::Options;
use crate::host::registrar::Registrar;
use crate::host::values::from_dynamic;

const FUNCTION: &str = "cluster.run";
/// The options that it has besides those of a pod.
const MORE: &[&str] = &["check"];

#[derive(Debug, Serialize, Deserialize)]
struct Ran {
    logs: String,
    code: i64,
    reason: String,
    /// What the container runtime says where it could not start the program.
    message: String,
}

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "run")
        .sig("(options: map) -> map")
        .options(OPTIONS).options(MORE)
        .effect(Effect::Write)
        .doc(
            "Runs a pod to its end and removes it. The options are those of `cluster.pod` and `check`; `command` is \
             needed with the default image; `within` is the step's time unless it is given. The result has `logs` \
             (stdout and stderr as they came, without the last newline) and `code`. A code other than 0 throws \
             `exit_code` with the last lines, unless `check: false`. A pod that can't start throws `not_started`, as with \
             `cluster.pod`; a program that the image lacks too, unless `check: false` gives its code (127 or 128).",
        )
        .example(r#"let done = kube("infra").run(#{ command: "echo one; exit 3", check: false }); done.code == 3 && done.logs == "one""#)
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, options: Map| run(&ctx, k, options));
}

fn run(ctx: &NativeCallContext, k: &ClusterHandle, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let known = [OPTIONS, MORE].concat();
    let shown = hidden(&cx.world.redactor, &options);
    let args = json!({ "options": from_dynamic(&Dynamic::from(shown.clone())) });
    let options = Options::new(options, FUNCTION, &known)?;
    let shown = PodSpec::read(&Options::new(shown, FUNCTION, &known)?, FUNCTION, false)?;
    let spec = PodSpec::read(&options, FUNCTION, false)?;
    let check = options.bool("check")?.unwrap_or(true);
    if spec.command.is_none() && !options.has("image") {
        return Err(Error::new(Kind::Script, format!("{FUNCTION}: neither command nor image is given")).into());
    }
    let name = object_name(&cx.world, spec.name.as_deref(), "run")?;
    let (within, limit) = patience(&cx, spec.within, None);
    let call = k.call("kube.run", Effect::Write, &explain::run(&cx, k, &shown, &name)).args(args).limit(limit);
    let ran = cx.call_with(ctx, call, |ran: &Ran| format!("exit {}", ran.code), async {
        let cluster = k.connection(&cx).await?;
        let namespace = start(&cx, &cluster, &spec, &name).await?;
        let pod = wait(&cluster, &namespace, &name, Until::Ended, within, &*cx.world.clock).await?;
        let State::Ended(code, reason) = state(&pod) else {
            return Err(Error::new(Kind::Unreadable, format!("Pod {namespace}/{name} ended without an exit code")));
        };
        let text = logs(&cluster, &LogsRequest::of(Target::parse(&name, &namespace)?)).await?;
        // It has served; a loop must not gather pods. The ledger's row finds it gone, or does it again.
        let uid = pod.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
        let options = json!({ "gracePeriodSeconds": 0, "preconditions": { "uid": uid } });
        rest::delete(&cluster, &pod_path(&namespace, &name)?, &options, &format!("Pod {namespace}/{name}")).await?;
        let message = pod.pointer("/status/containerStatuses/0/state/terminated/message").and_then(Value::as_str);
        Ok(Ran { logs: text, code, reason, message: message.unwrap_or_default().trim().into() })
    })?;
    if ran.code != 0 && check {
        let what = format!("{} in pod {name} on cluster {}", spec.image, k.name());
        let mut error = exit_error(&what, ran.code, &ran.logs);
        if is_start_error(&ran.reason) {
            error.kind = Kind::NotStarted;
            error.message = format!("{what}: its program can't be started: exit code {}", ran.code);
            error.causes = vec![ran.reason, ran.message];
        } else if ran.reason != "Error" {
            error = error.because(ran.reason);
        }
        return Err(error.into());
    }
    let mut map = Map::new();
    map.insert("logs".into(), ran.logs.into());
    map.insert("code".into(), ran.code.into());
    Ok(map)
}
