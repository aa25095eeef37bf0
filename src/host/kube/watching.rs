//! The course of a `wait`: what is known of the objects, how they stand, and the last words when the time is up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rhai::{EvalAltResult, NativeCallContext};
use serde::{Deserialize, Serialize};

use super::answer::Found;
use super::condition::{Seen, Wanted};
use super::secrets;
use crate::client::kube::{Change, Cluster, Meta, Page, Resource, Watch};
use crate::error::{Error, Kind, Result};
use crate::event::{Failure, What, short};
use crate::host::context::{Context, HostResult};
use crate::host::object::{Object, Origin};

/// After a connection that broke.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two looks at what discovery tells.
const DISCOVERY: Duration = Duration::from_millis(100);

/// The objects that were as wanted.
#[derive(Serialize, Deserialize)]
pub(super) struct Arrived {
    pub(super) objects: Vec<Found>,
}

/// What is being waited for.
pub(super) struct Wait<'a> {
    pub(super) at: &'a NativeCallContext<'a>,
    pub(super) cluster: &'a str,
    /// `Pod web/a`, `pods of app=web in web`
    pub(super) what: String,
    pub(super) wanted: Wanted,
    pub(super) fails_on: Option<Wanted>,
    pub(super) selector: bool,
}

/// The objects as they are now, by namespace and name.
type Known = BTreeMap<(Option<String>, String), String>;

/// Watches until all is as wanted, can't become so, or the time is up. What a closure throws is put into `script_error`.
pub(super) async fn watched(
    cx: &Context,
    wait: &Wait<'_>,
    resource: &Resource,
    mut watch: Watch,
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
            Ok(change) => {
                take(&mut known, change);
                if resource.kind == secrets::KIND {
                    known.values().for_each(|text| secrets::learn_text(&cx.world.redactor, text, true));
                }
            }
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
                let objects = known.into_values().map(|text| Found::new(cx, text, resource));
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
pub(super) async fn served(cx: &Context, cluster: &Cluster, crd: &str) -> Result<()> {
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
