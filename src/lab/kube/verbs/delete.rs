//! DELETE: of one object, or of all that are selected.

use serde_json::{Value, json};

use super::asked::{Answered, Asked, Payload};
use super::list::{self, ListOptions};
use super::{body, endings, query};
use crate::lab::kube::cluster::{self, World};
use crate::lab::kube::refusal::{Answer, Fault, Refusal};

/// Kinds whose deletion answers with the object.
const TOLD_WHOLE: [&str; 6] =
    ["pods", "podtemplates", "persistentvolumeclaims", "persistentvolumes", "serviceaccounts", "resourcequotas"];

/// How to delete.
#[derive(Debug, Default)]
struct Options {
    grace: Option<i64>,
    propagation: Option<String>,
    uid: Option<String>,
    version: Option<String>,
    dry: bool,
}

fn options(asked: &Asked, payload: &Payload) -> Answer<Options> {
    let body = body::plain(payload)?;
    let kind = body["kind"].as_str().unwrap_or("DeleteOptions");
    if kind != "DeleteOptions" {
        let version = body["apiVersion"].as_str().unwrap_or_default();
        let scheme = "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27";
        let why = format!("no kind {kind:?} is registered for version {version:?} in scheme {scheme:?}");
        return Err(Refusal::internal(why));
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let propagation =
        text(&body["propagationPolicy"]).or_else(|| asked.query.get("propagationPolicy").map(str::to_owned));
    let orphan = body["orphanDependents"].as_bool();
    let mut faults = Vec::new();
    if let Some(way) = &propagation {
        if orphan.is_some() {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            faults.push(Fault::invalid("propagationPolicy", &json!(way), why));
        } else if !matches!(way.as_str(), "Foreground" | "Background" | "Orphan") {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            faults.push(Fault::unsupported("propagationPolicy", &json!(way), &known));
        }
    }
    if !faults.is_empty() {
        return Err(query::refused("DeleteOptions", &faults));
    }
    let listed: Vec<&str> = body["dryRun"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let dry = query::dry_run(&listed, "DeleteOptions")? || asked.query.dry_run("DeleteOptions")?;
    let grace = match body["gracePeriodSeconds"].as_i64() {
        Some(grace) => Some(grace),
        None => asked.query.number("gracePeriodSeconds")?,
    };
    Ok(Options {
        grace,
        propagation: propagation.or_else(|| (orphan == Some(true)).then(|| "Orphan".to_owned())),
        uid: text(&body["preconditions"]["uid"]),
        version: text(&body["preconditions"]["resourceVersion"]),
        dry,
    })
}

/// Deletes one object.
pub(crate) fn delete(world: &mut World, asked: &Asked, payload: &Payload) -> Answer<Answered> {
    let options = options(asked, payload)?;
    one(world, asked, &options)
}

/// Namespaces that stay. Source: k8s.io/apiserver `pkg/admission/plugin/namespace/lifecycle`.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

fn one(world: &mut World, asked: &Asked, options: &Options) -> Answer<Answered> {
    if asked.kind.resource() == "namespaces" && IMMORTAL.contains(&asked.name.as_str()) {
        return Err(Refusal::forbidden(&asked.kind.named(&asked.name), "this namespace may not be deleted"));
    }
    let old = asked.find(&world.store)?;
    let kind = &asked.kind;
    let was = &*old.value;
    let uid = was["metadata"]["uid"].as_str().unwrap_or_default();
    let version = was["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let what = crate::lab::kube::refusal::Named { group: &kind.group, kind: &kind.kind, name: &asked.name };
    if let Some(wanted) = options.uid.as_deref().filter(|u| *u != uid) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The object might have been deleted \
             and then recreated"
        );
        return Err(Refusal::conflict(&what, &why));
    }
    if let Some(wanted) = options.version.as_deref().filter(|v| *v != version) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). The \
             object might have been modified"
        );
        return Err(Refusal::conflict(&what, &why));
    }
    let mut object = was.clone();
    let marked = mark(asked, &mut object, options);
    let over = endings::is_over(&object);
    if over {
        if !options.dry {
            endings::remove(world, &asked.place());
        }
        let whole = TOLD_WHOLE.contains(&kind.resource().as_str());
        if !whole {
            let mut details = kind.named(&asked.name).details();
            details["uid"] = json!(uid);
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
            });
            return Ok(Answered::new(200, status));
        }
        if kind.plural != "pods" {
            // What is told is the object as it was.
            return Ok(Answered::new(200, asked.shown(was)));
        }
        return Ok(Answered::new(200, asked.shown(&object)));
    }
    if options.dry || !marked {
        return Ok(Answered::new(200, asked.shown(&object)));
    }
    let stored = world.store.put(asked.place(), object);
    let shown = asked.shown(&stored.value);
    if kind.plural == "namespaces" {
        finish_namespace(world, asked);
    }
    endings::unprotect(world, &asked.place());
    if kind.plural == "customresourcedefinitions" {
        let plural = stored.value["spec"]["names"]["plural"].as_str().unwrap_or_default();
        let group = stored.value["spec"]["group"].as_str().unwrap_or_default();
        endings::instances(world, &format!("{plural}.{group}"));
        endings::remove(world, &asked.place());
    }
    Ok(Answered::new(200, shown))
}

/// Marks an object as one that is to go; whether anything changed by it.
fn mark(asked: &Asked, object: &mut Value, options: &Options) -> bool {
    let kind = asked.kind.resource();
    let before = object.clone();
    let finalizer = match options.propagation.as_deref() {
        Some("Foreground") => Some("foregroundDeletion"),
        Some("Orphan") => Some("orphan"),
        _ if kind.starts_with("customresourcedefinitions.") => Some("customresourcecleanup.apiextensions.k8s.io"),
        _ => None,
    };
    let metadata = &mut object["metadata"];
    if let Some(finalizer) = finalizer {
        let mut list = metadata["finalizers"].as_array().cloned().unwrap_or_default();
        if !list.iter().any(|f| f == finalizer) {
            list.push(json!(finalizer));
        }
        metadata["finalizers"] = json!(list);
    }
    let grace = if kind == "pods" { pod_grace(&before, options.grace) } else { 0 };
    let first = before["metadata"]["deletionTimestamp"].is_null();
    let had = before["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
    if !first && grace >= had {
        return before != *object;
    }
    // The end is counted from when it was first wanted.
    let begun = before["metadata"]["deletionTimestamp"].as_str().and_then(|t| t.parse::<jiff::Timestamp>().ok());
    let begun = begun.map_or(asked.now, |end| end - std::time::Duration::from_secs(u64::try_from(had).unwrap_or(0)));
    let end = begun + std::time::Duration::from_secs(u64::try_from(grace).unwrap_or(0));
    let metadata = &mut object["metadata"];
    metadata["deletionTimestamp"] = json!(cluster::time(end));
    let definition = kind.starts_with("customresourcedefinitions.");
    if !definition {
        metadata["deletionGracePeriodSeconds"] = json!(grace);
    }
    if let Some(generation) = metadata["generation"].as_i64().filter(|_| first && !definition) {
        metadata["generation"] = json!(generation + 1);
    }
    if kind == "namespaces" {
        object["status"]["phase"] = json!("Terminating");
    }
    if definition && let Some(conditions) = object["status"]["conditions"].as_array_mut() {
        conditions.push(json!({
            "type": "Terminating", "status": "True", "lastTransitionTime": asked.time(),
            "reason": "InstanceDeletionPending",
            "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
        }));
    }
    true
}

/// A pod that runs somewhere is given time.
fn pod_grace(pod: &Value, wanted: Option<i64>) -> i64 {
    let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() || ended {
        return 0;
    }
    wanted.unwrap_or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30)).max(0)
}

fn finish_namespace(world: &mut World, asked: &Asked) {
    endings::empty(world, &asked.name, &asked.time());
}

/// Deletes an object as a controller does: in the background unless another way is said, with the object's own time to
/// end unless another is said.
pub(crate) fn by_controller(
    world: &mut World,
    asked: &Asked,
    propagation: Option<&str>,
    grace: Option<i64>,
) -> Answer<Answered> {
    let options = Options { grace, propagation: propagation.map(str::to_owned), ..Options::default() };
    one(world, asked, &options)
}

/// Deletes everything that is selected; the answer lists it as it was.
pub(crate) fn delete_all(world: &mut World, asked: &Asked, payload: &Payload) -> Answer<Answered> {
    let options = options(asked, payload)?;
    let wanted = ListOptions::of(asked)?;
    let listed = list::list(world, asked, &wanted)?;
    let answer = Answered::new(200, listed.to_json(asked));
    for object in &listed.objects {
        let text = |key: &str| object.value["metadata"][key].as_str().unwrap_or_default().to_owned();
        let single = Asked {
            kind: std::sync::Arc::clone(&asked.kind),
            namespace: text("namespace"),
            name: text("name"),
            sub: asked.sub,
            query: asked.query.clone(),
            agent: asked.agent.clone(),
            user: asked.user.clone(),
            now: asked.now,
        };
        one(world, &single, &options)?;
    }
    Ok(answer)
}
