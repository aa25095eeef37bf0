//! The cells of every kind.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::ago;
use super::cells::{endpoints, event, ingress, job, modes, node, service};
use super::parts::{containers, count, kind_of, labels, list, number, or, short, text};
use super::{jsonpath, pods};
use crate::lab::kube::kinds::Kind;

/// The cells of an object, its name first.
pub(super) fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = object["metadata"]["name"].clone();
    let rest: Vec<Value> = match &kind.custom {
        Some(custom) => custom.columns.iter().map(|column| registered(column, object, now)).collect(),
        None => builtin(&kind.resource(), object, now),
    };
    if super::names_last(kind) {
        return rest;
    }
    std::iter::once(name).chain(rest).collect()
}

fn registered(column: &Value, object: &Value, now: Timestamp) -> Value {
    let found = jsonpath::find(object, column["jsonPath"].as_str().unwrap_or_default());
    let Some(found) = found.filter(|v| !v.is_null()) else { return Value::Null };
    match column["type"].as_str() {
        Some("date") => json!(ago(found, now)),
        Some("string") => match found {
            Value::String(_) => found.clone(),
            other => json!(other.to_string()),
        },
        _ => found.clone(),
    }
}

fn builtin(resource: &str, o: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status, metadata) = (&o["spec"], &o["status"], &o["metadata"]);
    let age = json!(ago(&metadata["creationTimestamp"], now));
    let template = &spec["template"]["spec"];
    let [names, images] = containers(template);
    let wide = |row: Vec<Value>| {
        let selector = json!(labels(&spec["selector"]));
        row.into_iter().chain([names.clone(), images.clone(), selector]).collect()
    };
    match resource {
        "pods" => pods::cells(o, now),
        "podtemplates" => {
            let [names, images] = containers(&o["template"]["spec"]);
            vec![names, images, json!(labels(&o["template"]["metadata"]["labels"]))]
        }
        "services" => service(o, age),
        "endpoints" => vec![or(endpoints(o), "<none>"), age],
        "configmaps" => vec![json!(count(&o["data"]) + count(&o["binaryData"])), age],
        "secrets" => vec![o["type"].clone(), json!(count(&o["data"])), age],
        "namespaces" => vec![status["phase"].clone(), age],
        "nodes" => node(o, age),
        "events" | "events.events.k8s.io" => event(o, now),
        "resourcequotas" => {
            let amounts = |limits: bool| {
                let hard = status["hard"].as_object().into_iter().flatten();
                let hard = hard.filter(|(name, _)| name.starts_with("limits") == limits);
                let amount = |value: &Value| value.as_str().unwrap_or("0").to_owned();
                let parts =
                    hard.map(|(name, hard)| format!("{name}: {}/{}", amount(&status["used"][name]), amount(hard)));
                json!(parts.collect::<Vec<_>>().join(", "))
            };
            vec![amounts(false), amounts(true), age]
        }
        "serviceaccounts" => vec![json!(count(&o["secrets"])), age],
        "persistentvolumes" => {
            let claim = &spec["claimRef"];
            let claim = if claim.is_object() {
                format!("{}/{}", text(&claim["namespace"]), text(&claim["name"]))
            } else {
                String::new()
            };
            vec![
                json!(text(&spec["capacity"]["storage"])),
                json!(modes(spec)),
                spec["persistentVolumeReclaimPolicy"].clone(),
                json!(text(&status["phase"])),
                json!(claim),
                json!(text(&spec["storageClassName"])),
                or(text(&spec["volumeAttributesClassName"]), "<unset>"),
                json!(text(&status["reason"])),
                age,
                or(text(&spec["volumeMode"]), "<unset>"),
            ]
        }
        "persistentvolumeclaims" => {
            let phase =
                if metadata["deletionTimestamp"].is_string() { json!("Terminating") } else { status["phase"].clone() };
            let bound = text(&spec["volumeName"]);
            let (capacity, access) = if bound.is_empty() {
                (String::new(), String::new())
            } else {
                (text(&status["capacity"]["storage"]), modes(status))
            };
            vec![
                phase,
                json!(bound),
                json!(capacity),
                json!(access),
                json!(text(&spec["storageClassName"])),
                or(text(&spec["volumeAttributesClassName"]), "<unset>"),
                age,
                or(text(&spec["volumeMode"]), "<unset>"),
            ]
        }
        "replicationcontrollers" | "replicasets.apps" => wide(vec![
            json!(number(&spec["replicas"])),
            json!(number(&status["replicas"])),
            json!(number(&status["readyReplicas"])),
            age,
        ]),
        "deployments.apps" => wide(vec![
            json!(format!("{}/{}", number(&status["readyReplicas"]), number(&spec["replicas"]))),
            json!(number(&status["updatedReplicas"])),
            json!(number(&status["availableReplicas"])),
            age,
        ]),
        "statefulsets.apps" => {
            let ready = json!(format!("{}/{}", number(&status["readyReplicas"]), number(&spec["replicas"])));
            vec![ready, age, names, images]
        }
        "daemonsets.apps" => wide(vec![
            json!(number(&status["desiredNumberScheduled"])),
            json!(number(&status["currentNumberScheduled"])),
            json!(number(&status["numberReady"])),
            json!(number(&status["updatedNumberScheduled"])),
            json!(number(&status["numberAvailable"])),
            json!(labels(&template["nodeSelector"])),
            age,
        ]),
        "controllerrevisions.apps" => {
            let owner = list(metadata, "ownerReferences").find(|r| r["controller"] == true);
            let owner = owner.map(|r| format!("{}/{}", kind_of(r), text(&r["name"])));
            vec![or(owner.unwrap_or_default(), "<none>"), o["revision"].clone(), age]
        }
        "jobs.batch" => wide(job(o, age, now)),
        "cronjobs.batch" => {
            let last = &status["lastScheduleTime"];
            let last = if last.is_null() { "<none>".to_owned() } else { ago(last, now) };
            let [names, images] = containers(&spec["jobTemplate"]["spec"]["template"]["spec"]);
            let suspend = if spec["suspend"] == true { "True" } else { "False" };
            vec![
                spec["schedule"].clone(),
                or(text(&spec["timeZone"]), "<none>"),
                json!(suspend),
                json!(count(&status["active"])),
                json!(last),
                age,
                names,
                images,
                json!("<none>"),
            ]
        }
        "horizontalpodautoscalers.autoscaling" => {
            let target = &spec["scaleTargetRef"];
            vec![
                json!(format!("{}/{}", text(&target["kind"]), text(&target["name"]))),
                json!("<none>"),
                json!(spec["minReplicas"].as_i64().map_or("<unset>".to_owned(), |n| n.to_string())),
                json!(number(&spec["maxReplicas"])),
                json!(number(&status["currentReplicas"])),
                age,
            ]
        }
        "poddisruptionbudgets.policy" => {
            let part = |value: &Value| match value {
                Value::Null => json!("N/A"),
                Value::String(_) => value.clone(),
                other => json!(other.to_string()),
            };
            vec![
                part(&spec["minAvailable"]),
                part(&spec["maxUnavailable"]),
                json!(number(&status["disruptionsAllowed"])),
                age,
            ]
        }
        "ingresses.networking.k8s.io" => ingress(o, age),
        "ingressclasses.networking.k8s.io" => {
            let p = &spec["parameters"];
            let shown = if p.is_object() {
                let group = text(&p["apiGroup"]);
                let group = if group.is_empty() { String::new() } else { format!(".{group}") };
                format!("{}{group}/{}", text(&p["kind"]), text(&p["name"]))
            } else {
                "<none>".to_owned()
            };
            vec![spec["controller"].clone(), json!(shown), age]
        }
        "networkpolicies.networking.k8s.io" => vec![json!(labels(&spec["podSelector"])), age],
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            let role = &o["roleRef"];
            let role = format!("{}/{}", text(&role["kind"]), text(&role["name"]));
            let of = |kind: &str| {
                let names = list(o, "subjects").filter(|s| s["kind"] == kind).map(|s| {
                    let namespace = text(&s["namespace"]);
                    if namespace.is_empty() { text(&s["name"]) } else { format!("{namespace}/{}", text(&s["name"])) }
                });
                json!(names.collect::<Vec<_>>().join(", "))
            };
            vec![json!(role), age, of("User"), of("Group"), of("ServiceAccount")]
        }
        "storageclasses.storage.k8s.io" => vec![
            o["provisioner"].clone(),
            o["reclaimPolicy"].clone(),
            o["volumeBindingMode"].clone(),
            json!(o["allowVolumeExpansion"] == true),
            age,
        ],
        "volumeattachments.storage.k8s.io" => vec![
            spec["attacher"].clone(),
            json!(text(&spec["source"]["persistentVolumeName"])),
            spec["nodeName"].clone(),
            json!(status["attached"] == true),
            age,
        ],
        "csinodes.storage.k8s.io" => vec![json!(count(&spec["drivers"])), age],
        "leases.coordination.k8s.io" => vec![json!(text(&spec["holderIdentity"])), age],
        "endpointslices.discovery.k8s.io" => {
            let ports: Vec<String> = list(o, "ports").map(|p| number(&p["port"]).to_string()).collect();
            let places: Vec<String> =
                list(o, "endpoints").flat_map(|e| list(e, "addresses").map(text).collect::<Vec<_>>()).collect();
            vec![o["addressType"].clone(), or(ports.join(","), "<unset>"), or(short(&places), "<unset>"), age]
        }
        "priorityclasses.scheduling.k8s.io" => {
            vec![o["value"].clone(), json!(o["globalDefault"] == true), age, o["preemptionPolicy"].clone()]
        }
        "runtimeclasses.node.k8s.io" => vec![o["handler"].clone(), age],
        "certificatesigningrequests.certificates.k8s.io" => {
            let conditions: Vec<String> = list(status, "conditions").map(|c| text(&c["type"])).collect();
            let mut state = if conditions.is_empty() { "Pending".to_owned() } else { conditions.join(",") };
            if !text(&status["certificate"]).is_empty() {
                state.push_str(",Issued");
            }
            vec![age, spec["signerName"].clone(), json!(text(&spec["username"])), json!("<none>"), json!(state)]
        }
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => vec![json!(count(&o["webhooks"])), age],
        "apiservices.apiregistration.k8s.io" => {
            let service = &spec["service"];
            let service = if service.is_object() {
                format!("{}/{}", text(&service["namespace"]), text(&service["name"]))
            } else {
                "Local".to_owned()
            };
            let available = list(status, "conditions").find(|c| c["type"] == "Available").map(|c| text(&c["status"]));
            vec![json!(service), or(available.unwrap_or_default(), "Unknown"), age]
        }
        "componentstatuses" => vec![json!("Healthy"), json!("ok"), json!("")],
        _ => vec![metadata["creationTimestamp"].clone()],
    }
}
