//! `forward`: a local address of a pod's or a service's port, open until the step ends.

use std::sync::Mutex;

use rhai::{Dynamic, Map, NativeCallContext};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::line::kubectl;
use crate::client::kube::forward::{Forward, Port, forward as open};
use crate::client::kube::target::Target;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::kube::ClusterHandle;
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const FUNCTION: &str = "cluster.forward";
const OPTIONS: &[&str] = &["namespace"];

/// What scripts hold of an open forward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForwardHandle {
    /// `127.0.0.1:40123`
    pub address: String,
    /// The local port.
    pub port: u16,
    /// The pod that it leads to.
    pub pod: String,
    #[serde(skip)]
    problem: Problem,
}

/// What the last failed connection said.
#[derive(Debug, Clone, Default)]
struct Problem(std::sync::Arc<Mutex<Option<String>>>);

impl PartialEq for Problem {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

pub(super) fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<ForwardHandle>("forward");
    m.method("cluster", "forward")
        .sig("(target: string, port: int | string, options?: map) -> forward")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "Opens a local address that leads to a port in the cluster, until the step ends. `target` is a pod's \
             name, `svc/NAME` (a ready pod behind the service: one of its endpoints or, where these name none, of its \
             selector; `port` is the service's) or a workload such as \
             `deploy/NAME` (a running pod of it). `port` is a number or a name. The result has `address` \
             (`127.0.0.1:40123`), `port`, `url` (`http://…`) and `pod`. Option: `namespace`. Throws `not_found` where \
             there is no such port or no ready pod. Every connection goes to the same pod.",
        )
        .example(
            r#"let k = kube("infra");
let pod = k.pod(#{ command: "httpd -f -p 8080" });
let f = k.forward(pod.name, 8080, #{ namespace: pod.namespace });
f.address == `127.0.0.1:${f.port}` && f.pod == pod.name"#,
        )
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, target: &str, port: Dynamic| {
            forward(&ctx, k, target, &port, Map::new())
        })
        .add(|ctx: NativeCallContext, k: &mut ClusterHandle, target: &str, port: Dynamic, options: Map| {
            forward(&ctx, k, target, &port, options)
        });
    m.property("forward", "address")
        .sig("string")
        .doc("The local address: `127.0.0.1:40123`.")
        .example(EXAMPLE)
        .add(|f: &mut ForwardHandle| f.address.clone());
    m.property("forward", "port")
        .sig("int")
        .doc("The local port.")
        .example(EXAMPLE)
        .add(|f: &mut ForwardHandle| i64::from(f.port));
    m.property("forward", "url")
        .sig("string")
        .doc("The local address as a URL: `http://127.0.0.1:40123`.")
        .example(EXAMPLE)
        .add(|f: &mut ForwardHandle| format!("http://{}", f.address));
    m.property("forward", "pod")
        .sig("string")
        .doc("The name of the pod that it leads to.")
        .example(EXAMPLE)
        .add(|f: &mut ForwardHandle| f.pod.clone());
    m.property("forward", "problem")
        .sig("string | ()")
        .doc(
            "What the last connection that failed in the cluster said, such as `connection refused`; `()` if none did.",
        )
        .example(EXAMPLE)
        .add(|f: &mut ForwardHandle| {
            let problem = f.problem.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            problem.map_or(Dynamic::UNIT, Dynamic::from)
        });
    m.raw().set_native_fn("to_string", |f: &mut ForwardHandle| Ok(format!("forward {} to {}", f.address, f.pod)));
}

const EXAMPLE: &str = r#"let k = kube("infra");
let pod = k.pod(#{ command: "httpd -f -p 8080" });
let f = k.forward(pod.name, 8080, #{ namespace: pod.namespace });
f.url == `http://127.0.0.1:${f.port}` && f.url == "http://" + f.address && f.pod == pod.name && f.problem == ()"#;

fn forward(
    ctx: &NativeCallContext,
    k: &ClusterHandle,
    target: &str,
    port: &Dynamic,
    options: Map,
) -> HostResult<ForwardHandle> {
    let cx = Context::current()?;
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let namespace = options.string("namespace")?;
    let port = read_port(port)?;
    let mut target = Target::parse(target, namespace.as_deref().unwrap_or("default"))?;
    let line = kubectl(namespace.as_deref(), ["port-forward", target.slashed().as_str(), format!(":{port}").as_str()]);
    let call = k
        .call("kube.forward", Effect::Read, &line)
        .args(json!({ "target": target.slashed(), "namespace": namespace, "port": port.to_string() }));
    // The open forward itself can't be recorded: it is kept beside, and only its data is the answer.
    let kept: Mutex<Option<Forward>> = Mutex::new(None);
    let mut handle = cx.call_with(ctx, call, |f: &ForwardHandle| format!("{} to {}", f.address, f.pod), async {
        let cluster = k.connection(&cx).await?;
        if namespace.is_none() {
            target.namespace = cluster.default_namespace().to_string();
        }
        let forward = open(&cluster, &target, &port).await?;
        let handle = ForwardHandle {
            address: forward.address.to_string(),
            port: forward.address.port(),
            pod: forward.pod.clone(),
            problem: Problem::default(),
        };
        *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(forward);
        Ok(handle)
    })?;
    if let Some(forward) = kept.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        handle.problem = Problem(forward.problems());
        cx.state().kept.push(Box::new(forward));
    }
    Ok(handle)
}

fn read_port(port: &Dynamic) -> Result<Port, Error> {
    if let Some(number) = port.as_int().ok().and_then(|n| u16::try_from(n).ok()).filter(|n| *n > 0) {
        return Ok(Port::Number(number));
    }
    if port.is_string() {
        let text = port.to_string();
        return Ok(text.parse().map_or_else(|_| Port::Name(text), Port::Number));
    }
    Err(Error::new(
        Kind::Script,
        format!(
            "{FUNCTION}: port must be a number from 1 to 65535 or a port's name, and is {}",
            crate::host::values::show(port)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_or_names() {
        assert_eq!(read_port(&Dynamic::from(80_i64)), Ok(Port::Number(80)));
        assert_eq!(read_port(&Dynamic::from("80")), Ok(Port::Number(80)));
        assert_eq!(read_port(&Dynamic::from("http")), Ok(Port::Name("http".into())));
        assert_eq!(read_port(&Dynamic::from(70_000_i64)).map_err(|e| e.kind), Err(Kind::Script));
    }
}
