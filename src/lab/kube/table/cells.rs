//! The cells of kinds that need more than a line.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::age::{ago, span};
use super::parts::{labels, list, number, or, short, text};

pub(super) fn endpoints(o: &Value) -> String {
    let mut all = Vec::new();
    for subset in list(o, "subsets") {
        for address in list(subset, "addresses") {
            let ports: Vec<&Value> = list(subset, "ports").collect();
            if ports.is_empty() {
                all.push(text(&address["ip"]));
            }
            all.extend(ports.iter().map(|p| format!("{}:{}", text(&address["ip"]), number(&p["port"]))));
        }
    }
    short(&all)
}

pub(super) fn modes(value: &Value) -> String {
    let modes = list(value, "accessModes").map(|m| match m.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        _ => "RWOP",
    });
    modes.collect::<Vec<_>>().join(",")
}

pub(super) fn service(o: &Value, age: Value) -> Vec<Value> {
    let (spec, status) = (&o["spec"], &o["status"]);
    let kind = text(&spec["type"]);
    let addresses: Vec<String> = list(&status["loadBalancer"], "ingress")
        .map(|i| if i["ip"].is_string() { text(&i["ip"]) } else { text(&i["hostname"]) })
        .chain(list(spec, "externalIPs").map(text))
        .collect();
    let external = match kind.as_str() {
        "ExternalName" => text(&spec["externalName"]),
        "LoadBalancer" if addresses.is_empty() => "<pending>".to_owned(),
        _ => addresses.join(","),
    };
    let ports: Vec<String> = list(spec, "ports")
        .map(|p| {
            let node = p["nodePort"].as_i64().filter(|n| *n > 0).map_or(String::new(), |n| format!(":{n}"));
            format!("{}{node}/{}", number(&p["port"]), text(&p["protocol"]))
        })
        .collect();
    vec![
        json!(kind),
        or(text(&spec["clusterIP"]), "<none>"),
        or(external, "<none>"),
        or(ports.join(","), "<none>"),
        age,
        json!(labels(&spec["selector"])),
    ]
}

pub(super) fn node(o: &Value, age: Value) -> Vec<Value> {
    let (spec, status) = (&o["spec"], &o["status"]);
    let ready = list(status, "conditions").find(|c| c["type"] == "Ready").map(|c| text(&c["status"]));
    let mut state = match ready.as_deref() {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if spec["unschedulable"] == true {
        state.push_str(",SchedulingDisabled");
    }
    let roles: Vec<String> = o["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| match k.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role.to_owned()),
            None if k == "kubernetes.io/role" => Some(text(v)),
            None => None,
        })
        .collect();
    let address =
        |of: &str| list(status, "addresses").find(|a| a["type"] == of).map(|a| text(&a["address"])).unwrap_or_default();
    let info = &status["nodeInfo"];
    vec![
        json!(state),
        or(roles.join(","), "<none>"),
        age,
        json!(text(&info["kubeletVersion"])),
        or(address("InternalIP"), "<none>"),
        or(address("ExternalIP"), "<none>"),
        or(text(&info["osImage"]), "<unknown>"),
        or(text(&info["kernelVersion"]), "<unknown>"),
        or(text(&info["containerRuntimeVersion"]), "<unknown>"),
    ]
}

pub(super) fn event(o: &Value, now: Timestamp) -> Vec<Value> {
    let first = if o["firstTimestamp"].is_string() { &o["firstTimestamp"] } else { &o["eventTime"] };
    let last = if o["lastTimestamp"].is_string() { &o["lastTimestamp"] } else { first };
    let about = if o["involvedObject"].is_object() { &o["involvedObject"] } else { &o["regarding"] };
    let object = format!("{}/{}", text(&about["kind"]).to_lowercase(), text(&about["name"]));
    let source = if text(&o["source"]["component"]).is_empty() {
        text(&o["reportingComponent"])
    } else {
        text(&o["source"]["component"])
    };
    let host = text(&o["source"]["host"]);
    let source = if host.is_empty() { source } else { format!("{source}, {host}") };
    let message = if o["message"].is_string() { text(&o["message"]) } else { text(&o["note"]) };
    vec![
        json!(ago(last, now)),
        json!(text(&o["type"])),
        json!(text(&o["reason"])),
        json!(object),
        json!(text(&about["fieldPath"])),
        json!(source),
        json!(message.trim()),
        json!(ago(first, now)),
        json!(number(&o["count"]).max(1)),
        o["metadata"]["name"].clone(),
    ]
}

pub(super) fn job(o: &Value, age: Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&o["spec"], &o["status"]);
    let has = |of: &str| list(status, "conditions").any(|c| c["type"] == of && c["status"] == "True");
    let state = if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if o["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else {
        "Running"
    };
    let wanted = spec["completions"].as_i64().unwrap_or(1);
    let begun = status["startTime"].as_str().and_then(|t| t.parse::<Timestamp>().ok());
    let done = status["completionTime"].as_str().and_then(|t| t.parse::<Timestamp>().ok()).unwrap_or(now);
    let took = begun.map_or(String::new(), |begun| span(done.as_second() - begun.as_second()));
    vec![json!(state), json!(format!("{}/{wanted}", number(&status["succeeded"]))), json!(took), age]
}

pub(super) fn ingress(o: &Value, age: Value) -> Vec<Value> {
    let (spec, status) = (&o["spec"], &o["status"]);
    let hosts: Vec<String> = list(spec, "rules").map(|r| text(&r["host"])).filter(|h| !h.is_empty()).collect();
    let addresses: Vec<String> = list(&status["loadBalancer"], "ingress")
        .map(|i| if i["ip"].is_string() { text(&i["ip"]) } else { text(&i["hostname"]) })
        .collect();
    let ports = if spec["tls"].is_array() { "80, 443" } else { "80" };
    vec![
        or(text(&spec["ingressClassName"]), "<none>"),
        or(hosts.join(","), "*"),
        json!(addresses.join(",")),
        json!(ports),
        age,
    ]
}
