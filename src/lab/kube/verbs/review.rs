//! Questions that are answered when they are created: may I, and who am I.

use serde_json::{Value, json};

use super::asked::{Answered, Asked};
use crate::lab::kube::patch::Managers;
use crate::lab::kube::refusal::{Answer, Fault, Named, Refusal};

/// Answers a question. Whoever has a certificate or token of the lab may do everything.
pub(super) fn answer(asked: &Asked, mut object: Value, managers: Managers) -> Answer<Answered> {
    managers.write(&mut object);
    object["metadata"]["creationTimestamp"] = Value::Null;
    let kind = asked.kind.kind.as_str();
    match kind {
        "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            let spec = &object["spec"];
            if spec["resourceAttributes"].is_object() == spec["nonResourceAttributes"].is_object() {
                let what = Named { group: "authorization.k8s.io", kind: "", name: "" };
                let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
                let fault = Fault::invalid("spec.resourceAttributes", &json!("null"), why);
                return Err(Refusal::invalid(&what, &[fault]));
            }
            object["status"] = json!({ "allowed": true });
        }
        "SelfSubjectRulesReview" => {
            object["status"] = json!({
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
                "incomplete": false,
            });
        }
        "SelfSubjectReview" => {
            object["status"] = json!({ "userInfo": user(asked) });
        }
        "TokenReview" => object["status"] = json!({ "authenticated": false, "user": {} }),
        _ => return Err(Refusal::method()),
    }
    Ok(Answered::new(201, object))
}

fn user(asked: &Asked) -> Value {
    json!({ "username": asked.user, "groups": ["system:masters", "system:authenticated"] })
}
