//! Questions that are answered when they are created: may I, who may, and who am I.
//!
//! Source: k8s.io/kubernetes `pkg/registry/authorization`, `pkg/registry/authentication`.

use serde_json::{Value, json};

use super::asked::{Answered, Asked, Payload};
use super::body::{self, Read};
use crate::lab::kube::access::{self, AUDIENCE, Attributes, Who};
use crate::lab::kube::cluster::World;
use crate::lab::kube::patch::Managers;
use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};

/// Answers a question that somebody asks.
pub(crate) fn review(world: &World, asked: &Asked, payload: &Payload, who: &Who) -> Answer<Answered> {
    asked.query.check("CreateOptions")?;
    asked.query.dry_run("CreateOptions")?;
    let Read { mut object, warnings } = body::object(asked, payload)?;
    let owner = asked.owner("Update");
    Managers::default().updated(asked.kind.schema(), &json!({}), &object, &owner, None).write(&mut object);
    object["metadata"]["creationTimestamp"] = Value::Null;
    let spec = object["spec"].clone();
    let status = match asked.kind.kind.as_str() {
        "SelfSubjectAccessReview" => {
            one_of(&spec)?;
            judged(world, who, &spec)
        }
        "SubjectAccessReview" => judged(world, &subject(&spec)?, &spec),
        "LocalSubjectAccessReview" => {
            if spec["resourceAttributes"]["namespace"] != asked.namespace.as_str() {
                let why = format!("spec.resourceAttributes.namespace must match namespace: {}", asked.namespace);
                return Err(Refusal::bad_request(why));
            }
            judged(world, &subject(&spec)?, &spec)
        }
        "SelfSubjectRulesReview" => {
            let namespace = spec["namespace"].as_str().unwrap_or_default();
            if namespace.is_empty() {
                return Err(Refusal::bad_request("no namespace on request"));
            }
            // The answer tells neither what was asked nor by whom.
            object["spec"] = json!({});
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
            let (resources, paths) = access::rules(world, who, namespace);
            json!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": false })
        }
        "SelfSubjectReview" => json!({ "userInfo": who.to_json() }),
        "TokenReview" => token(world, asked, &spec),
        _ => return Err(Refusal::method()),
    };
    object["status"] = status;
    Ok(Answered { code: 201, value: object, warnings })
}

fn judged(world: &World, who: &Who, spec: &Value) -> Value {
    match access::allowed(world, who, &Attributes::of_review(spec)) {
        Some(reason) if reason.is_empty() => json!({ "allowed": true }),
        Some(reason) => json!({ "allowed": true, "reason": reason }),
        None => json!({ "allowed": false }),
    }
}

fn invalid(fault: Fault) -> Box<Refusal> {
    Refusal::invalid(&Named { group: "authorization.k8s.io", kind: "", name: "" }, &[fault])
}

/// A resource or a path has to be asked for, and not both.
fn one_of(spec: &Value) -> Answer<()> {
    if spec["resourceAttributes"].is_object() == spec["nonResourceAttributes"].is_object() {
        let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        return Err(invalid(Fault::invalid("spec.resourceAttributes", &json!("null"), why)));
    }
    Ok(())
}

/// Who is asked about.
fn subject(spec: &Value) -> Answer<Who> {
    one_of(spec)?;
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let who = Who {
        user: spec["user"].as_str().unwrap_or_default().to_owned(),
        groups: list(&spec["groups"]),
        ..Who::default()
    };
    if who.user.is_empty() && who.groups.is_empty() {
        let fault = Fault::invalid("spec.user", &json!(""), "at least one of user or group must be specified");
        return Err(invalid(fault));
    }
    Ok(who)
}

/// Whose token it is.
fn token(world: &World, asked: &Asked, spec: &Value) -> Value {
    let token = spec["token"].as_str().unwrap_or_default();
    let wanted: Vec<&str> = match spec["audiences"].as_array() {
        Some(list) if !list.is_empty() => list.iter().filter_map(Value::as_str).collect(),
        _ => vec![AUDIENCE],
    };
    let failed = |why: &str| json!({ "user": {}, "error": why });
    match access::holder(world, token, asked.now) {
        Some((who, audiences)) => {
            let common: Vec<&str> = wanted.into_iter().filter(|one| audiences.iter().any(|a| a == one)).collect();
            if common.is_empty() {
                return failed("[invalid bearer token, token audiences do not match]");
            }
            json!({ "authenticated": true, "user": who.to_json(), "audiences": common })
        }
        // What looks like a token of an account is told to be one no more.
        None if token.split('.').count() == 3 => failed("[invalid bearer token, Token has been invalidated]"),
        None => failed("invalid bearer token"),
    }
}
