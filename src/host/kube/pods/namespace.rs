//! The one namespace of a run on a cluster, made when the first test object needs it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::client::kube::{Cluster, rest};
use crate::error::{Error, Kind, Result};
use crate::event::{ObjectRef, Undo};
use crate::host::context::Context;
use crate::host::kube::RUN_LABEL;

/// How long the service account of a new namespace may take.
const ACCOUNT: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct Namespaces(Mutex<HashMap<String, Arc<Slot>>>);

#[derive(Debug, Default)]
struct Slot {
    ready: OnceCell<String>,
    /// The row of the ledger, once it is written: an attempt that was cut short must not write a second one.
    row: Mutex<Option<u64>>,
}

/// The run's namespace on a cluster: `pb-1a2b3c`. Steps that ask at the same time wait for the one that makes it.
pub(super) async fn of_run(cx: &Context, cluster: &Cluster) -> Result<String> {
    let slot = {
        let part = cx.world.part::<Namespaces>();
        let mut all = part.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(cluster.name().into()).or_default().clone()
    };
    slot.ready.get_or_try_init(|| make(cx, cluster, &slot)).await.cloned()
}

/// What it is called, on every cluster.
pub(super) fn name(cx: &Context) -> String {
    format!("pb-{}", cx.world.mark())
}

/// As it is created.
pub(super) fn manifest(cx: &Context) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name(cx), "labels": {
        RUN_LABEL: cx.world.run, "app.kubernetes.io/managed-by": "pb",
        // Test pods may need the host's network or privileges, whatever the cluster's default is.
        "pod-security.kubernetes.io/enforce": "privileged" } } })
}

async fn make(cx: &Context, cluster: &Cluster, slot: &Slot) -> Result<String> {
    let name = name(cx);
    let what = format!("Namespace {name}");
    let row = {
        let mut row = slot.row.lock().unwrap_or_else(PoisonError::into_inner);
        match *row {
            Some(row) => row,
            None => {
                let object = ObjectRef {
                    cluster: cluster.name().into(),
                    api_version: "v1".into(),
                    kind: "Namespace".into(),
                    plural: "namespaces".into(),
                    namespace: None,
                    name: name.clone(),
                    uid: None,
                };
                let noted = cx.undo_at_end_of_run(format!("create {object}"), Undo::Delete { object })?;
                *row.insert(noted.row)
            }
        }
    };
    let body = manifest(cx);
    let made = match rest::post(cluster, "/api/v1/namespaces", &body, &what).await {
        Ok(made) => made,
        // An earlier attempt of this run may have been cut short after the server had acted.
        Err(e) if e.kind == Kind::Conflict => {
            let there = rest::get(cluster, &format!("/api/v1/namespaces/{name}"), &what).await?;
            let label = there.pointer("/metadata/labels").and_then(|l| l.get(RUN_LABEL)).and_then(Value::as_str);
            if label != Some(&cx.world.run) {
                return Err(e.because("it is not of this run").hint(format!("kubectl get ns {name} -o yaml")));
            }
            there
        }
        Err(e) => return Err(e),
    };
    let uid = made.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
    cx.created(row, uid);
    account(cx, cluster, &name).await?;
    Ok(name)
}

/// Pods are refused until the controller has made the namespace's default service account.
async fn account(cx: &Context, cluster: &Cluster, namespace: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    let what = format!("ServiceAccount {namespace}/default");
    let started = cx.world.clock.instant();
    while rest::find(cluster, &path, &what).await?.is_none() {
        if cx.world.clock.instant().saturating_duration_since(started) > ACCOUNT {
            return Err(Error::new(
                Kind::Timeout,
                format!("{what} on cluster {} was not there within {}s", cluster.name(), ACCOUNT.as_secs()),
            )
            .hint("the controller manager makes it: does it run?"));
        }
        cx.world.clock.sleep(LOOK).await;
    }
    Ok(())
}
