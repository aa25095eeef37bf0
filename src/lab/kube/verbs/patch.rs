//! PATCH, in its four kinds.

use serde_json::{Value, json};

use super::asked::{Answered, Asked, Payload, Sub};
use super::change::{Change, change, misnamed};
use super::{body, create, scale};
use crate::lab::kube::cluster::World;
use crate::lab::kube::patch::{self as patches, Managers};
use crate::lab::kube::refusal::{Answer, Fault, Refusal};
use crate::lab::kube::validate::{conform, security};

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// Changes an object as the patch says; one that is applied may also be made.
pub(crate) fn patch(world: &mut World, asked: &Asked, payload: &Payload) -> Answer<Answered> {
    let media = payload.media.as_str();
    if !matches!(media, JSON | MERGE | STRATEGIC | APPLY) {
        let mut refusal = Refusal::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
        refusal.details = Some(json!({}));
        return Err(refusal);
    }
    if media == STRATEGIC && !asked.kind.strategic() {
        return Err(Refusal::unsupported(&[JSON, MERGE, APPLY]));
    }
    asked.query.check("PatchOptions")?;
    let dry = asked.query.dry_run("PatchOptions")?;
    if media == APPLY {
        return apply(world, asked, payload, dry);
    }
    let patch = match body::json(&payload.bytes) {
        Ok(patch) => patch,
        Err(_) if media == MERGE => return Err(Refusal::internal("Invalid JSON Patch")),
        Err(why) => return Err(Refusal::bad_request(why)),
    };
    match media {
        MERGE if !patch.is_object() && !patch.is_array() => return Err(Refusal::internal("Invalid JSON Patch")),
        STRATEGIC if !patch.is_object() => {
            let what = conform::word(&patch);
            let why = format!("json: cannot unmarshal {what} into Go value of type map[string]interface {{}}");
            return Err(Refusal::bad_request(why));
        }
        _ => {}
    }
    let old = asked.find(&world.store)?;
    if asked.sub == Sub::Scale {
        let before = scale::of(asked, &old.value);
        let wanted = patched(asked, media, &before, &patch)?;
        return scale::put(world, asked, &wanted, dry);
    }
    let new = patched(asked, media, &asked.shown(&old.value), &patch)?;
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    if new.is_object() && name != asked.name {
        return Err(misnamed(name, &asked.name));
    }
    let read = body::patched(asked, new, (media == STRATEGIC).then_some(&patch))?;
    let value = change(world, asked, &old, read.object, Change { managers: None, dry, unversioned: false })?;
    Ok(warned(world, asked, value, read.warnings))
}

fn patched(asked: &Asked, media: &str, before: &Value, patch: &Value) -> Answer<Value> {
    let mut after = before.clone();
    match media {
        JSON => patches::json::patch(&mut after, patch)?,
        MERGE => patches::merge::patch(&mut after, patch),
        _ => after = patches::strategic::patch(asked.kind.schema(), before, patch)?,
    }
    Ok(after)
}

/// Server-side apply.
fn apply(world: &mut World, asked: &Asked, payload: &Payload, dry: bool) -> Answer<Answered> {
    if asked.query.get("fieldManager").unwrap_or_default().is_empty() {
        let fault = Fault::required("fieldManager").detail("is required for apply patch");
        return Err(super::query::refused("PatchOptions", &[fault]));
    }
    let mut config = body::yaml(&payload.bytes)?;
    let kind = &asked.kind;
    let version = config["apiVersion"].as_str().unwrap_or_default().to_owned();
    if config["metadata"]["managedFields"].is_array() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    if version != kind.api_version() {
        let wanted = kind.api_version();
        let why = format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {wanted}"
        );
        return Err(Refusal::bad_request(why));
    }
    if asked.sub == Sub::Scale {
        return scale::put(world, asked, &config, dry);
    }
    let unknown = conform::conform(kind, &mut config)
        .map_err(|why| Refusal::internal(format!("failed to create typed patch object: {}", why.typed)))?;
    if let Some(field) = unknown.first() {
        let why = format!("failed to create typed patch object: .{field}: field not declared in schema");
        return Err(Refusal::internal(why));
    }
    let name = config["metadata"]["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        let why =
            format!("the name of the object ({} based on URL) was undeterminable: name must be provided", asked.name);
        return Err(Refusal::bad_request(why));
    }
    if name != asked.name {
        return Err(misnamed(name, &asked.name));
    }
    if asked.sub == Sub::Status {
        let status = config["status"].take();
        config = json!({"apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": {"name": asked.name}, "status": status});
    } else if kind.status
        && let Some(config) = config.as_object_mut()
    {
        config.remove("status");
    }
    let owner = asked.owner("Apply");
    let force = asked.query.is("force");
    let Ok(old) = asked.find(&world.store) else {
        if asked.sub == Sub::Status {
            return Err(Refusal::not_found(&kind.named(&asked.name)));
        }
        if config["metadata"]["uid"].is_string() {
            let why = "uid mismatch: the provided object specified uid, and no existing object was found";
            return Err(Refusal::conflict(&kind.named(&asked.name), why));
        }
        let (object, managers) = Managers::default().applied(kind, &json!({}), &config, &owner, force)?;
        let read = body::typed(asked, object)?;
        let value = create::object_in(world, asked, read.object, Some(managers), dry)?;
        let mut warnings = read.warnings;
        warnings.extend(security::warnings(world, kind, &value));
        return Ok(Answered { code: 201, value, warnings });
    };
    let managers = Managers::of(&old.value);
    let (object, managers) = managers.applied(kind, &asked.shown(&old.value), &config, &owner, force)?;
    let read = body::typed(asked, object)?;
    let how = Change { managers: Some(managers), dry, unversioned: false };
    let value = change(world, asked, &old, read.object, how)?;
    Ok(warned(world, asked, value, read.warnings))
}

/// An answer with what a changed template is warned of.
fn warned(world: &World, asked: &Asked, value: Value, mut warnings: Vec<String>) -> Answered {
    if asked.sub == Sub::Whole && asked.kind.plural != "pods" {
        warnings.extend(security::warnings(world, &asked.kind, &value));
    }
    Answered { code: 200, value, warnings }
}
