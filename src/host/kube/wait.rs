//! `wait`: watches instead of asking again and again, and says at the end what it saw last and since when.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Found, count, one_or_list};
use super::cluster::{ClusterHandle, namespace_of};
use super::condition::{Seen, Wanted};
use crate::client::kube::{Change, Cluster, Meta, Page, Query, Resource, quoted};
use crate::error::{Error, Kind, Result};
use crate::event::{Effect, Failure, What, short};
use crate::host::context::{Context, HostResult, Limit};
use crate::host::object::{Object, Origin};
use crate::host::options::Options;
use crate::host::registrar::Registrar;

/// How long `wait` waits where neither the call nor the step has a limit.
const UNLIMITED: Duration = Duration::from_secs(300);
/// Kept of the step's time for saying what was seen.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// After a connection that broke.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at what discovery tells.
const DISCOVERY: Duration = Duration::from_millis(100);

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "wait")
        .sig("(kind: string, name: string, options?: map) -> object | list | ()")
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

/// The objects that were as wanted.
#[derive(Serialize, Deserialize)]
struct Arrived {
    objects: Vec<Found>,
}

/// What is being waited for.
struct Wait<'a> {
    at: &'a NativeCallContext<'a>,
    cluster: &'a str,
    /// `Pod web/a`, `pods of app=web in web`
    what: String,
    wanted: Wanted,
    fails_on: Option<Wanted>,
    selector: bool,
}

fn wait(at: &NativeCallContext, k: &ClusterHandle, kind: &str, name: &str, options: Map) -> HostResult<Dynamic> {
    let cx = Context::current()?;
    let options = Options::new(options, "cluster.wait", &["namespace", "wants", "for", "fails_on", "within"])?;
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
    Ok(one_or_list(objects, kind))
}

/// The objects as they are now, by namespace and name.
type Known = BTreeMap<(Option<String>, String), String>;

async fn watched(
    cx: &Context,
    wait: &Wait<'_>,
    resource: &Resource,
    mut watch: crate::client::kube::Watch,
    within: Duration,
    script_error: &mut Option<Box<EvalAltResult>>,
) -> Result<Arrived> {
    let clock = &cx.world.clock;
    let mut known = Known::new();
    let mut last = Last { words: "nothing was seen yet".into(), since: clock.instant() };
    let mut time_is_up = clock.sleep(within);
    loop {
        let change = tokio::select! {
            biased;
            change = watch.next() => change,
            () = &mut time_is_up => return Err(wait.late(cx, &last, within)),
        };
        match change {
            Ok(change) => take(&mut known, change),
            // The watch starts again with a list; what was seen before may be over.
            Err(e) if e.kind.is_transport() => {
                last.see(cx, format!("the API server could not be asked: {e}"));
                tokio::select! {
                    () = clock.sleep(PAUSE) => continue,
                    () = &mut time_is_up => return Err(wait.late(cx, &last, within)),
                }
            }
            Err(e) => return Err(e),
        }
        match wait.judge(resource, &known) {
            Ok(Verdict::Done) => {
                let objects = known.into_values().map(|text| Found::new(text, resource));
                return Ok(Arrived { objects: objects.collect() });
            }
            Ok(Verdict::Failed(words)) => return Err(wait.failed(&words)),
            Ok(Verdict::NotYet(words)) => last.see(cx, words),
            Err(thrown) => {
                // Only a data error crosses the gate; the script's own is handed on beside it.
                let error = Error::new(Kind::Script, thrown.to_string());
                *script_error = Some(thrown);
                return Err(error);
            }
        }
    }
}

/// A kind is Established a moment before discovery tells of it; what comes after the wait relies on that. Ends by
/// the call's deadline.
async fn served(cx: &Context, cluster: &Cluster, crd: &str) -> Result<()> {
    let crd: serde_json::Value = super::apply::parsed(crd)?;
    let word = |pointer: &str| crd.pointer(pointer).and_then(|v| v.as_str()).unwrap_or_default().to_string();
    let (group, plural) = (word("/spec/group"), word("/spec/names/plural"));
    let versions = crd.pointer("/spec/versions").and_then(|v| v.as_array()).cloned().unwrap_or_default();
    for version in versions.iter().filter(|v| v["served"].as_bool() == Some(true)) {
        let version = version["name"].as_str().unwrap_or_default();
        loop {
            match cluster.resolve_path(&group, version, &plural).await {
                Ok(_) => break,
                Err(e) if e.kind == Kind::UnknownKind => cx.world.clock.sleep(DISCOVERY).await,
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

fn take(known: &mut Known, change: Change) {
    let key = |text: &str| {
        let meta = Meta::of(text);
        (meta.namespace, meta.name)
    };
    match change {
        Change::Listed(pages) => {
            known.clear();
            for Page { text, items, .. } in &pages {
                for item in items {
                    let item = text.get(item.start as usize..item.end as usize).unwrap_or_default();
                    known.insert(key(item), item.to_string());
                }
            }
        }
        Change::Set(text) => {
            known.insert(key(&text), text);
        }
        Change::Gone(text) => {
            known.remove(&key(&text));
        }
    }
}

/// What was seen last, and since when it is so.
struct Last {
    words: String,
    since: Instant,
}

impl Last {
    fn see(&mut self, cx: &Context, words: String) {
        if words != self.words {
            cx.emit(What::Waiting { message: words.clone() });
            self.words = words;
            self.since = cx.world.clock.instant();
        }
    }
}

enum Verdict {
    Done,
    NotYet(String),
    Failed(String),
}

impl Wait<'_> {
    fn judge(&self, resource: &Resource, known: &Known) -> HostResult<Verdict> {
        if known.is_empty() {
            let none = if self.selector { "nothing is selected" } else { "it does not exist" };
            return Ok(if matches!(self.wanted, Wanted::Gone) { Verdict::Done } else { Verdict::NotYet(none.into()) });
        }
        let mut not_yet = Vec::new();
        for ((namespace, name), text) in known {
            let object = self.object(resource, text)?;
            let prefix = if self.selector {
                format!("{}: ", resource.describe(namespace.as_deref(), name))
            } else {
                String::new()
            };
            if let Some(fails_on) = &self.fails_on {
                let Seen { holds, words } = fails_on.see(self.at, &object)?;
                if holds {
                    return Ok(Verdict::Failed(format!("{prefix}{words}")));
                }
            }
            let Seen { holds, words } = self.wanted.see(self.at, &object)?;
            if !holds {
                not_yet.push(format!("{prefix}{words}"));
            }
        }
        Ok(match not_yet.as_slice() {
            [] => Verdict::Done,
            [one] => Verdict::NotYet(one.clone()),
            [first, rest @ ..] => {
                Verdict::NotYet(format!("{} of {} are not yet so; {first}", rest.len() + 1, known.len()))
            }
        })
    }

    fn object(&self, resource: &Resource, text: &str) -> Result<Object> {
        let origin = Origin {
            cluster: self.cluster.into(),
            api_version: Some(resource.api_version()),
            kind: Some(resource.kind.clone()),
        };
        Object::from_text(text.to_string(), origin)
    }

    fn late(&self, cx: &Context, last: &Last, within: Duration) -> Error {
        let since = short(cx.world.clock.instant().saturating_duration_since(last.since));
        self.error(&format!("not within {}; last seen: {}, for {since}", short(within), last.words), &last.words)
    }

    fn failed(&self, words: &str) -> Error {
        self.error(&format!("it can't become so any more: {words}"), words)
    }

    fn error(&self, message: &str, actual: &str) -> Error {
        let mut error =
            Error::new(Kind::Expectation, format!("waited for {}: {}: {message}", self.what, self.wanted.words()));
        error.failure = Some(Box::new(Failure {
            label: format!("wait for {}", self.what),
            expected: self.wanted.words(),
            actual: actual.to_string(),
            object: (!self.selector).then(|| self.what.clone()),
            ..Failure::default()
        }));
        error
    }
}
