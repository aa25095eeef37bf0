//! `wait`: watches instead of asking again and again, and says at the end what it saw last and since when.

use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::json;

use super::answer::{count, one_or_list};
use super::cluster::{ClusterHandle, namespace_of};
use super::condition::Wanted;
use super::watching::{Arrived, Wait, served, watched};
use crate::client::kube::Query;
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::call::Limit;
use crate::host::context::{Context, HostResult};
use crate::host::options::Options;
use crate::host::registrar::Registrar;

const OPTIONS: &[&str] = &["namespace", "wants", "for", "fails_on", "within"];

/// How long `wait` waits where neither the call nor the step has a limit.
const UNLIMITED: Duration = Duration::from_secs(300);
/// Kept of the step's time for saying what was seen.
const LAST_WORDS: Duration = Duration::from_millis(300);
pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "wait")
        .sig("(kind: string, name: string, options?: map) -> object | list | ()")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "Waits until an object is as wanted, by watching it. Instead of a name a label selector (`app=web`) waits for all \
             that it selects, and for at least one. `options`: `namespace`; `wants` (also `\"for\"`, which Rhai wants quoted): \
             `\"condition=Ready\"` (the default), `\"condition=Ready=False\"`, `\"delete\"`, `\"create\"`, \
             `\"status.phase=Running\"`, or a closure `|o| …` that gives true; `fails_on`: the same, for what can't become \
             right any more; `within` (default: what is left of the step). Gives the object, a list for a selector, `()` for a \
             deletion. Once a CustomResourceDefinition is `Established`, its kind can be asked for. When the time is up or `fails_on` holds, it fails the step and says what it saw last and since when.",
        )
        .example(r#"kube("infra").wait("ns", "default", #{ wants: "status.phase=Active", within: duration("5s") }).name == "default""#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str| wait(&at, k, kind, name, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, options: Map| wait(&at, k, kind, name, options));
}

fn wait(at: &NativeCallContext, k: &ClusterHandle, kind: &str, name: &str, options: Map) -> HostResult<Dynamic> {
    let cx = Context::current()?;
    let options = Options::new(options, "cluster.wait", OPTIONS)?;
    let namespace = options.string("namespace")?;
    let wanted = match (options.value("wants")?, options.value("for")?) {
        (Some(_), Some(_)) => {
            return Err(
                Error::new(Kind::Script, "cluster.wait: \"wants\" and \"for\" are the same option: give one").into()
            );
        }
        (Some(value), None) => Wanted::read(&value, "wants")?,
        (None, Some(value)) => Wanted::read(&value, "for")?,
        (None, None) => Wanted::read(&"condition=Ready".into(), "wants")?,
    };
    let fails_on = options.value("fails_on")?.map(|v| Wanted::read(&v, "fails_on")).transpose()?;
    let step = cx.remaining().map(|left| left.saturating_sub(LAST_WORDS));
    let within = match (options.duration("within")?, step) {
        (Some(own), Some(step)) => own.min(step),
        (own, step) => own.or(step).unwrap_or(UNLIMITED),
    };
    let selector = name.contains(['=', '!', ',', ' ']);
    let target = if selector { format!("-l {}", quoted(name)) } else { quoted(name) };
    let place = namespace.as_ref().map(|n| format!(" -n {}", quoted(n))).unwrap_or_default();
    let line = format!(
        "wait {} {target}{place} --for={} --timeout={}s",
        quoted(kind),
        quoted(&wanted.kubectl()),
        within.as_secs().max(1)
    );
    let args = json!({ "kind": kind, "name": name, "namespace": namespace, "wants": wanted.words(), "fails_on": fails_on.as_ref().map(Wanted::words) });
    let call = k.call("kube.wait", Effect::Read, &line).args(args).limit(Limit::Within(within + LAST_WORDS));
    let mut script_error = None;
    let arrived = cx.call_with(at, call, |a: &Arrived| count(a.objects.len()), async {
        let cluster = k.connection(&cx).await?;
        let resource = cluster.resolve(kind).await?;
        let namespace = namespace_of(&cluster, &resource, namespace);
        let fields = (!selector).then(|| format!("metadata.name={name}"));
        let query =
            Query { namespace: namespace.clone(), labels: selector.then(|| name.to_string()), fields, limit: None };
        let what = match (&namespace, selector) {
            (_, false) => resource.describe(namespace.as_deref(), name),
            (Some(namespace), true) => format!("{} of {name} in {namespace}", resource.plural),
            (None, true) => format!("{} of {name}", resource.plural),
        };
        if !selector {
            resource.check(namespace.as_deref(), name)?;
        }
        let wait = Wait { at, cluster: k.name(), what, wanted, fails_on, selector };
        let watch = cluster.watch(&resource, query);
        let arrived = watched(&cx, &wait, &resource, watch, within, &mut script_error).await?;
        if resource.kind == "CustomResourceDefinition" && wait.wanted.is_condition("Established") {
            for crd in &arrived.objects {
                served(&cx, &cluster, &crd.text).await?;
            }
        }
        Ok(arrived)
    });
    if let Some(thrown) = script_error {
        return Err(thrown);
    }
    let arrived = arrived?;
    cx.state().judged += 1;
    if arrived.objects.is_empty() {
        return Ok(Dynamic::UNIT);
    }
    let objects = arrived.objects.into_iter().map(|f| f.object(k.name())).collect::<Result<Vec<_>>>()?;
    if selector {
        let objects = objects.into_iter().map(Dynamic::from).collect();
        return Ok(Dynamic::from(crate::host::object::List::new(objects, &format!("{kind} on {}", k.name()))));
    }
    Ok(one_or_list(objects, false, kind))
}
