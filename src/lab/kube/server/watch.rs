//! Watches: what changes, told as it happens, one line of JSON an event.
//!
//! Source: k8s.io/apiserver `pkg/endpoints/handlers/watch.go`, `pkg/storage/cacher`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answer::{self, Body};
use super::weather;
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::refusal::Answer;
use crate::lab::kube::store::Change;
use crate::lab::kube::verbs::{self, Asked, ListOptions, View};

/// How long a watch lasts whose end nobody named.
const LONGEST: Duration = Duration::from_secs(40 * 60);
/// How often a watch that hears nothing is told how far it is.
const BOOKMARK: Duration = Duration::from_secs(60);

/// What one watch sends.
struct Watch {
    cluster: Arc<Cluster>,
    asked: Asked,
    options: ListOptions,
    view: View,
    name: String,
    /// The last version that was told of.
    seen: u64,
    bookmarks: bool,
}

/// Begins a watch; `name` is the one object that the old form of address names.
pub(super) async fn answer(cluster: &Arc<Cluster>, asked: Asked, view: View, name: &str) -> Answer<Response<Body>> {
    let options = ListOptions::of(&asked)?;
    let length = asked.query.number("timeoutSeconds")?.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
    let length = length.map_or(LONGEST, Duration::from_secs);
    let bookmarks = asked.query.is("allowWatchBookmarks");
    let from = options.revision.filter(|r| *r > 0);
    let initial = asked.query.get("sendInitialEvents").map_or(from.is_none(), |s| s == "true");
    let mut watch =
        Watch { cluster: Arc::clone(cluster), asked, options, view, name: name.to_owned(), seen: 0, bookmarks };
    let (sender, receiver) = mpsc::channel::<Bytes>(64);
    let mut first = Vec::new();
    if initial {
        let plain = ListOptions::selecting(watch.options.selection.clone());
        let listed = verbs::list(&cluster.world(), &watch.asked, &plain)?;
        watch.seen = listed.revision;
        for object in listed.objects.iter().filter(|o| watch.named(&o.value)) {
            first.push(watch.event("ADDED", &object.value));
        }
        if watch.asked.query.is("sendInitialEvents") && bookmarks {
            first.push(watch.bookmark(true));
        }
    } else {
        watch.seen = from.unwrap_or_else(|| cluster.world().store.revision());
    }
    tokio::spawn(run(watch, first, sender, length));
    Ok(answer::streamed("application/json", receiver))
}

/// Sends until the time is over, or nobody listens any more.
async fn run(mut watch: Watch, first: Vec<Bytes>, sender: mpsc::Sender<Bytes>, length: Duration) {
    let clock = Arc::clone(&watch.cluster.clock);
    let mut bell = watch.cluster.listen();
    let mut end = clock.sleep(length);
    let mut first = Some(first);
    loop {
        tokio::select! {
            () = weather::while_silent(&watch.cluster) => {}
            () = &mut end => return,
            () = sender.closed() => return,
        }
        for bytes in first.take().unwrap_or_default() {
            if sender.send(bytes).await.is_err() {
                return;
            }
        }
        bell.mark_unchanged();
        let (events, alive) = watch.news();
        for bytes in events {
            if sender.send(bytes).await.is_err() {
                return;
            }
        }
        if !alive {
            return;
        }
        tokio::select! {
            changed = bell.changed() => if changed.is_err() { return },
            () = clock.sleep(BOOKMARK), if watch.bookmarks => {
                if weather::silent(&watch.cluster) {
                    continue;
                }
                let bookmark = watch.bookmark(false);
                if sender.send(bookmark).await.is_err() {
                    return;
                }
            }
            () = &mut end => {
                if watch.bookmarks {
                    let _ = sender.send(watch.bookmark(false)).await;
                }
                return;
            }
            () = sender.closed() => return,
        }
    }
}

impl Watch {
    fn named(&self, object: &Value) -> bool {
        self.name.is_empty() || object["metadata"]["name"] == self.name
    }

    fn holds(&self, object: &Value) -> bool {
        self.named(object) && self.options.selection.holds(object)
    }

    /// What happened since the last look; and whether the watch can go on.
    fn news(&mut self) -> (Vec<Bytes>, bool) {
        let cluster = Arc::clone(&self.cluster);
        let world = cluster.world();
        let resource = self.asked.kind.resource();
        let changes = match world.store.since(self.seen) {
            Ok(changes) => changes,
            Err(refusal) => {
                return (vec![line(&json!({ "type": "ERROR", "object": refusal.to_json() }))], false);
            }
        };
        let within = |c: &&Change| {
            c.place.resource == resource
                && (self.asked.namespace.is_empty() || c.place.namespace == self.asked.namespace)
        };
        let mut events = Vec::new();
        for change in changes.filter(within) {
            let before = change.before.as_ref().map(|o| &*o.value).filter(|o| self.holds(o));
            let after = change.after.as_ref().map(|o| &*o.value).filter(|o| self.holds(o));
            match (before, after) {
                (None, Some(after)) => events.push(self.event("ADDED", after)),
                (Some(_), Some(after)) => events.push(self.event("MODIFIED", after)),
                (Some(before), None) => {
                    // What left the selection is told as it was, in the version in which it left.
                    let mut last = before.clone();
                    last["metadata"]["resourceVersion"] = json!(change.revision.to_string());
                    events.push(self.event("DELETED", &last));
                }
                (None, None) => {}
            }
        }
        self.seen = world.store.revision().max(self.seen);
        (events, true)
    }

    fn event(&self, of: &str, object: &Value) -> Bytes {
        let shown = self.asked.shown(object);
        let shown = self.view.object(&self.asked, shown).unwrap_or_else(|refusal| refusal.to_json());
        line(&json!({ "type": of, "object": shown }))
    }

    fn bookmark(&self, initial: bool) -> Bytes {
        let mut metadata = json!({ "resourceVersion": self.seen.to_string(), "creationTimestamp": null });
        if initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let kind = &self.asked.kind;
        let object = match self.view {
            View::Whole => json!({ "kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata }),
            _ => json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata }),
        };
        line(&json!({ "type": "BOOKMARK", "object": object }))
    }
}

fn line(event: &Value) -> Bytes {
    Bytes::from(event.to_string() + "\n")
}
