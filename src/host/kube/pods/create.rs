//! Creating test objects: the ledger's row first, the label of the run on each.

use serde_json::Value;

use crate::client::kube::{Cluster, rest};
use crate::error::Result;
use crate::event::ObjectRef;
use crate::host::context::Context;
use crate::host::kube::change::{creating, settle};

/// Creates a namespaced object of core/v1 that lives until the step ends.
pub(super) async fn create(cx: &Context, cluster: &Cluster, plural: &str, body: &Value) -> Result<Value> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
    let namespace = text("/metadata/namespace");
    let path = format!("/api/v1/namespaces/{}/{plural}", rest::segment(&namespace)?);
    let object = ObjectRef {
        cluster: cluster.name().into(),
        api_version: "v1".into(),
        kind: text("/kind"),
        plural: plural.into(),
        namespace: Some(namespace),
        name: text("/metadata/name"),
        uid: None,
    };
    let row = creating(cx, cluster, &object).await?;
    match rest::post(cluster, &path, body, &object.to_string()).await {
        Ok(made) => {
            if let Some(uid) = made.pointer("/metadata/uid").and_then(Value::as_str) {
                cx.created(row.row, uid);
            }
            Ok(made)
        }
        Err(e) => {
            settle(cx, Some(&row), Some(&e));
            Err(e)
        }
    }
}
