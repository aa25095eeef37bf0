//! Emptying a node: which pods leave, which stay, which forbid it; and the evictions, as fast as budgets allow.

use std::sync::Mutex;
use std::time::Duration;

use futures::stream::{FuturesUnordered, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cluster;
use super::evict::{Evicted, PodRef, budgets_of, evict, version};
use super::node;
use super::rest::{self, pod_path};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::event::short;

/// Between two attempts at a pod that a budget protects.
const AGAIN: Duration = Duration::from_secs(1);
/// Between two looks whether a pod is gone.
const LOOK: Duration = Duration::from_millis(300);

/// How a node is emptied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DrainOptions {
    /// Also pods that no controller will start again elsewhere.
    pub force: bool,
    /// Also pods whose emptyDir volumes are lost with them.
    pub delete_emptydir_data: bool,
    /// Seconds that each pod has to end; none is its own.
    pub grace: Option<u64>,
}

/// What a drain did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// The pods that left: `web/shop-1`.
    pub evicted: Vec<String>,
    /// Those that stay with their node, with the reason.
    pub skipped: Vec<String>,
}

/// What is planned for a node's pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// They have to leave.
    pub leave: Vec<PodRef>,
    /// They stay, with the reason.
    pub stay: Vec<String>,
    /// They forbid the drain, with the reason.
    pub forbid: Vec<String>,
}

/// Judges a node's pods.
pub fn plan(pods: &[Value], options: &DrainOptions) -> Plan {
    let mut plan = Plan::default();
    for pod in pods {
        let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_string();
        let it =
            PodRef { namespace: text("/metadata/namespace"), name: text("/metadata/name"), uid: text("/metadata/uid") };
        let finished = matches!(text("/status/phase").as_str(), "Succeeded" | "Failed");
        let owner = controller(pod);
        if pod.pointer("/metadata/annotations").and_then(|a| a.get("kubernetes.io/config.mirror")).is_some() {
            plan.stay.push(format!("{it} (a static pod of the node)"));
        } else if owner.as_deref() == Some("DaemonSet") && !finished {
            plan.stay.push(format!("{it} (of a DaemonSet)"));
        } else if !finished && owner.is_none() && !options.force {
            plan.forbid.push(format!("{it} has no controller that would start it again elsewhere (force: true)"));
        } else if !finished && has_emptydir(pod) && !options.delete_emptydir_data {
            plan.forbid.push(format!("{it} would lose the data of its emptyDir (delete_emptydir_data: true)"));
        } else {
            plan.leave.push(it);
        }
    }
    plan.leave.sort();
    plan
}

fn controller(pod: &Value) -> Option<String> {
    let owners = pod.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|o| o.get("controller").and_then(Value::as_bool) == Some(true))?;
    Some(owner.get("kind")?.as_str()?.to_string())
}

fn has_emptydir(pod: &Value) -> bool {
    let volumes = pod.pointer("/spec/volumes").and_then(Value::as_array);
    volumes.into_iter().flatten().any(|v| v.get("emptyDir").is_some())
}

/// Judges the pods that a node has now.
///
/// # Errors
/// [`Kind::Conflict`] with each pod that forbids the drain.
pub async fn plan_of(cluster: &Cluster, node: &str, options: &DrainOptions) -> Result<Plan> {
    let mut judged = plan(&node::pods(cluster, node).await?, options);
    if judged.forbid.is_empty() {
        return Ok(judged);
    }
    let mut error = Error::new(Kind::Conflict, format!("Node {node} of cluster {} can't be drained", cluster.name()));
    error.causes = std::mem::take(&mut judged.forbid);
    Err(error.hint("the options in brackets allow it"))
}

/// Cordons a node and evicts its pods, again and again where a budget says not now, until `within` is over.
///
/// # Errors
/// [`Kind::Conflict`] when pods forbid it, before anything is changed; [`Kind::Timeout`] with the pods that are left
/// and the budgets that protect them.
pub async fn drain(
    cluster: &Cluster,
    node: &str,
    options: &DrainOptions,
    within: Duration,
    clock: &dyn Clock,
) -> Result<Drained> {
    plan_of(cluster, node, options).await?;
    node::cordon(cluster, node).await?;
    // What came between looking and cordoning has to leave too.
    let judged = plan_of(cluster, node, options).await?;
    let version = version(cluster).await?;
    let blocked = Mutex::new(std::collections::BTreeMap::new());
    let all = judged
        .leave
        .iter()
        .map(|pod| leave(cluster, pod, &version, options.grace, clock, &blocked))
        .collect::<FuturesUnordered<_>>()
        .try_collect::<Vec<()>>();
    tokio::select! {
        done = all => { done?; }
        () = clock.sleep(within) => return Err(stuck(cluster, node, within, &judged.leave, &blocked).await),
    }
    Ok(Drained { evicted: judged.leave.iter().map(ToString::to_string).collect(), skipped: judged.stay })
}

/// For each pod that is not gone yet, what the server said last: nothing while it is merely ending.
type Blocked = Mutex<std::collections::BTreeMap<PodRef, Option<String>>>;

async fn leave(
    cluster: &Cluster,
    pod: &PodRef,
    version: &str,
    grace: Option<u64>,
    clock: &dyn Clock,
    blocked: &Blocked,
) -> Result<()> {
    let note = |said: Option<String>| {
        blocked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(pod.clone(), said);
    };
    note(None);
    while let Evicted::Blocked(said) = evict(cluster, pod, version, grace).await? {
        note(Some(said));
        clock.sleep(AGAIN).await;
    }
    note(None);
    while is_there(cluster, pod).await? {
        clock.sleep(LOOK).await;
    }
    blocked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(pod);
    Ok(())
}

async fn is_there(cluster: &Cluster, pod: &PodRef) -> Result<bool> {
    let found = rest::find(cluster, &pod_path(&pod.namespace, &pod.name)?, &format!("Pod {pod}")).await?;
    Ok(found.is_some_and(|p| p.pointer("/metadata/uid").is_some_and(|uid| uid == pod.uid.as_str())))
}

async fn stuck(cluster: &Cluster, node: &str, within: Duration, leaving: &[PodRef], blocked: &Blocked) -> Error {
    let left = blocked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let mut error = Error::new(
        Kind::Timeout,
        format!(
            "Node {node} of cluster {} was not empty within {}: {} of {} pods are left",
            cluster.name(),
            short(within),
            left.len(),
            leaving.len()
        ),
    );
    for (pod, said) in left {
        let Some(said) = said else {
            error = error.because(format!("{pod} was evicted and still ends"));
            continue;
        };
        error = error.because(match budgets_of(cluster, &pod).await {
            Ok(budgets) if budgets.is_empty() => format!("{pod}: {said}"),
            Ok(budgets) => format!("{pod} may not go: {}", budgets.join("; ")),
            Err(e) => format!("{pod}: {said} (its budgets can't be read: {e})"),
        });
    }
    error.hint("kubectl get pdb -A shows the budgets; more healthy replicas, or a lower minAvailable, let pods go")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, more: Value) -> Value {
        let mut pod = json!({ "metadata": { "namespace": "web", "name": name, "uid": format!("uid-{name}") },
            "status": { "phase": "Running" } });
        let (Value::Object(into), Value::Object(more)) = (&mut pod, more) else { return Value::Null };
        for (key, value) in more {
            let Value::Object(fields) = value else { continue };
            let section = into.entry(key).or_insert_with(|| json!({}));
            for (field, value) in fields {
                section[field] = value;
            }
        }
        pod
    }

    fn owned(kind: &str) -> Value {
        json!({ "ownerReferences": [{ "kind": kind, "controller": true }] })
    }

    #[test]
    fn pods_leave_stay_or_forbid_as_with_kubectl() {
        let pods = [
            pod("replica", json!({ "metadata": owned("ReplicaSet") })),
            pod("daemon", json!({ "metadata": owned("DaemonSet") })),
            pod("static", json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } })),
            pod("bare", json!({})),
            pod("done", json!({ "status": { "phase": "Succeeded" } })),
            pod("cache", json!({ "metadata": owned("ReplicaSet"), "spec": { "volumes": [{ "emptyDir": {} }] } })),
        ];
        let judged = plan(&pods, &DrainOptions::default());
        let names = |pods: &[PodRef]| pods.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&judged.leave), ["done", "replica"]);
        assert_eq!(judged.stay.len(), 2);
        assert_eq!(judged.forbid.len(), 2, "{:?}", judged.forbid);
        let all = plan(&pods, &DrainOptions { force: true, delete_emptydir_data: true, grace: None });
        assert_eq!(names(&all.leave), ["bare", "cache", "done", "replica"]);
        assert!(all.forbid.is_empty());
    }
}
