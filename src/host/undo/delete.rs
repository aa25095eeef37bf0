//! Deleting what a run created, and nothing else: by uid, or by the run's label where no uid was seen.

use std::time::Duration;

use serde_json::{Value, json};

use super::Undone;
use super::dependants::Dependants;
use crate::client::kube::{Cluster, rest};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::event::{ObjectRef, short};
use crate::host::kube::RUN_LABEL;

/// How long an object may take to go, a namespace with everything in it too: less than the runner gives a row, so
/// that the reasons are told.
const GONE: Duration = Duration::from_secs(55);
const LOOK: Duration = Duration::from_millis(100);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Deletes an object and waits until it is really gone.
pub(super) async fn delete(cluster: &Cluster, object: &ObjectRef, run: &str, clock: &dyn Clock) -> Result<Undone> {
    let path = path(object)?;
    let what = object.to_string();
    let Some(there) = find(cluster, &path, &what).await? else { return Ok(Undone::Already) };
    let uid = text(&there, "/metadata/uid");
    match &object.uid {
        // Another object of the same name: the one that was created is gone.
        Some(seen) if *seen != uid => return Ok(Undone::Already),
        None if label(&there) != Some(run) => {
            let why = format!("{what} on cluster {} does not carry the label {RUN_LABEL}={run}", cluster.name());
            return Ok(Undone::LeftAlone(vec![why]));
        }
        _ => {}
    }
    // A workload goes after its pods, which are not given their own time to end.
    let mut dependants = Dependants::of(object, &there);
    let propagation = if dependants.is_some() { "Foreground" } else { "Background" };
    let options = json!({ "propagationPolicy": propagation, "preconditions": { "uid": uid } });
    match rest::delete(cluster, &path, &options, &what).await {
        Ok(_) => {}
        Err(e) if e.kind == Kind::NotFound => {}
        // A namespace that is ending already answers so; another uid means that ours is gone.
        Err(e) if e.kind == Kind::Conflict => {}
        Err(e) => return Err(e),
    }
    gone(cluster, object, &path, &uid, dependants.as_mut(), clock).await
}

async fn gone(
    cluster: &Cluster,
    object: &ObjectRef,
    path: &str,
    uid: &str,
    mut dependants: Option<&mut Dependants>,
    clock: &dyn Clock,
) -> Result<Undone> {
    let started = clock.instant();
    let mut pause = LOOK;
    loop {
        let pods = match &mut dependants {
            Some(dependants) => dependants.end_pods(cluster).await?,
            None => 0,
        };
        let there = find(cluster, path, &object.to_string()).await?.filter(|there| text(there, "/metadata/uid") == uid);
        // Claims are protected while a pod uses them, and a StatefulSet that is there makes them anew.
        let claims = match &dependants {
            Some(dependants) if there.is_none() && pods == 0 => dependants.end_claims(cluster).await?,
            _ => 0,
        };
        if there.is_none() && pods + claims == 0 {
            return Ok(Undone::Done);
        }
        if clock.instant().saturating_duration_since(started) > GONE {
            let mut error = stays(cluster, object, &there.unwrap_or_default());
            if pods + claims > 0 {
                error = error.because(format!("{pods} of its pods and {claims} of its volume claims are still there"));
            }
            return Err(error);
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_LOOK);
    }
}

/// The object as it is now; none where it or its whole kind is gone.
pub(super) async fn find(cluster: &Cluster, path: &str, what: &str) -> Result<Option<Value>> {
    match rest::find(cluster, path, what).await {
        Err(e) if e.kind == Kind::UnknownKind => Ok(None),
        other => other,
    }
}

/// Why it does not go: finalizers, and what a namespace says of its contents.
fn stays(cluster: &Cluster, object: &ObjectRef, there: &Value) -> Error {
    let mut error = Error::new(
        Kind::Timeout,
        format!("{object} on cluster {} is deleted but not gone after {}", cluster.name(), short(GONE)),
    );
    let array = |pointer: &str| there.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let finalizers: Vec<String> =
        array("/metadata/finalizers").iter().filter_map(|f| f.as_str().map(Into::into)).collect();
    if !finalizers.is_empty() {
        error = error.because(format!("finalizers: {}", finalizers.join(", ")));
    }
    for condition in array("/status/conditions").iter().filter(|c| text(c, "/status") == "True") {
        error = error.because(format!("{}: {}", text(condition, "/type"), text(condition, "/message")));
    }
    error
}

fn label(object: &Value) -> Option<&str> {
    object.pointer("/metadata/labels")?.get(RUN_LABEL)?.as_str()
}

/// A field's text; empty where there is none.
pub(super) fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string()
}

/// Where an object stands in the API.
pub(super) fn path(object: &ObjectRef) -> Result<String> {
    let group = match object.api_version.split_once('/') {
        Some((group, version)) => format!("/apis/{}/{}", rest::segment(group)?, rest::segment(version)?),
        None => format!("/api/{}", rest::segment(&object.api_version)?),
    };
    let (plural, name) = (rest::segment(&object.plural)?, rest::segment(&object.name)?);
    Ok(match &object.namespace {
        Some(namespace) => format!("{group}/namespaces/{}/{plural}/{name}", rest::segment(namespace)?),
        None => format!("{group}/{plural}/{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_core_and_named_groups() {
        let mut object = ObjectRef {
            cluster: "infra".into(),
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespace: Some("web".into()),
            name: "shop".into(),
            uid: None,
        };
        assert_eq!(path(&object), Ok("/apis/apps/v1/namespaces/web/deployments/shop".into()));
        object.namespace = None;
        object.api_version = "v1".into();
        object.plural = "nodes".into();
        assert_eq!(path(&object), Ok("/api/v1/nodes/shop".into()));
        object.name = "../secrets".into();
        assert_eq!(path(&object).map_err(|e| e.kind), Err(Kind::Invalid));
    }
}
