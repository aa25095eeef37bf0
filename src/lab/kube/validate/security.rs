//! The Pod Security Standards, as a namespace's labels ask for them: what is refused, and what is warned of.
//!
//! Source: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, k8s.io/pod-security-admission `policy`.

use serde_json::Value;

use crate::lab::kube::cluster::World;
use crate::lab::kube::kinds::Kind;
use crate::lab::kube::refusal::{Answer, Refusal};
use crate::lab::kube::store::Place;

const LABEL: &str = "pod-security.kubernetes.io";
/// What a container may be given besides, where little is allowed.
const COMMON: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// Volumes that even the strictest level takes.
const PLAIN: [&str; 8] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"];

/// Refuses a pod that its namespace does not take.
///
/// # Errors
/// 403, with every rule that it breaks.
pub(crate) fn enforce(world: &World, kind: &Kind, name: &str, object: &Value) -> Answer<()> {
    if kind.plural != "pods" || !kind.group.is_empty() {
        return Ok(());
    }
    let Some((level, version)) = level(world, object, "enforce") else { return Ok(()) };
    match broken(&object["spec"], &level) {
        broken if broken.is_empty() => Ok(()),
        broken => {
            let why = format!("violates PodSecurity \"{level}:{version}\": {}", broken.join(", "));
            Err(Refusal::forbidden(&kind.named(name), &why))
        }
    }
}

/// What is warned of: pods, and what makes pods.
pub(crate) fn warnings(world: &World, kind: &Kind, object: &Value) -> Vec<String> {
    let spec = match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => &object["spec"],
        ("", "podtemplates") => &object["template"]["spec"],
        ("batch", "cronjobs") => &object["spec"]["jobTemplate"]["spec"]["template"]["spec"],
        ("", "replicationcontrollers") | ("apps" | "batch", _) => &object["spec"]["template"]["spec"],
        _ => return Vec::new(),
    };
    if !spec.is_object() {
        return Vec::new();
    }
    let Some((level, version)) = level(world, object, "warn") else { return Vec::new() };
    match broken(spec, &level) {
        broken if broken.is_empty() => Vec::new(),
        broken => vec![format!("would violate PodSecurity \"{level}:{version}\": {}", broken.join(", "))],
    }
}

/// The level that a namespace asks for, and which edition of it.
fn level(world: &World, object: &Value, mode: &str) -> Option<(String, String)> {
    let namespace = object["metadata"]["namespace"].as_str()?;
    let namespace = world.store.get(&Place::new("namespaces", "", namespace))?;
    let labels = &namespace.value["metadata"]["labels"];
    let level = labels[format!("{LABEL}/{mode}")].as_str().filter(|level| *level != "privileged")?;
    let version = labels[format!("{LABEL}/{mode}-version")].as_str().unwrap_or("latest");
    Some((level.to_owned(), version.to_owned()))
}

/// The rules that a pod breaks.
fn broken(spec: &Value, level: &str) -> Vec<String> {
    let mut broken = baseline(spec, level);
    if level == "restricted" {
        broken.extend(restricted(spec));
    }
    broken
}

fn containers(spec: &Value) -> Vec<&Value> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    lists.iter().filter_map(|list| spec[list].as_array()).flatten().collect()
}

/// `container "a"`, `containers "a", "b"`.
fn told(one: &str, names: &[&str]) -> String {
    let list: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("{one}{} {}", if names.len() == 1 { "" } else { "s" }, list.join(", "))
}

fn names(spec: &Value, bad: impl Fn(&Value) -> bool) -> Vec<&str> {
    containers(spec).into_iter().filter(|one| bad(one)).filter_map(|one| one["name"].as_str()).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn baseline(spec: &Value, level: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut hold = |what: &str, names: Vec<&str>, must: &str| {
        if !names.is_empty() {
            broken.push(format!("{what} ({} {must})", told("container", &names)));
        }
    };
    if level == "baseline" {
        let added = |one: &Value| {
            strings(&one["securityContext"]["capabilities"]["add"]).iter().any(|added| !COMMON.contains(added))
        };
        let all: Vec<String> = containers(spec)
            .into_iter()
            .flat_map(|one| strings(&one["securityContext"]["capabilities"]["add"]))
            .filter(|added| !COMMON.contains(added))
            .map(|added| format!("{added:?}"))
            .collect();
        let must = format!("must not include {} in securityContext.capabilities.add", all.join(", "));
        hold("non-default capabilities", names(spec, added), &must);
    }
    let namespaces: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .iter()
        .filter(|key| spec[**key] == true)
        .map(|key| format!("{key}=true"))
        .collect();
    if !namespaces.is_empty() {
        broken.push(format!("host namespaces ({})", namespaces.join(", ")));
    }
    let volumes = spec["volumes"].as_array().into_iter().flatten();
    let paths: Vec<&str> = volumes.filter(|v| v["hostPath"].is_object()).filter_map(|v| v["name"].as_str()).collect();
    if !paths.is_empty() {
        broken.push(format!("hostPath volumes ({})", told("volume", &paths)));
    }
    let ports = |one: &Value| -> Vec<u64> {
        let ports = one["ports"].as_array().into_iter().flatten();
        ports.filter_map(|port| port["hostPort"].as_u64()).filter(|port| *port != 0).collect()
    };
    let used = names(spec, |one| !ports(one).is_empty());
    if !used.is_empty() {
        let all: Vec<String> = containers(spec).into_iter().flat_map(ports).map(|port| port.to_string()).collect();
        let (verb, noun) = (if used.len() == 1 { "uses" } else { "use" }, if all.len() == 1 { "" } else { "s" });
        broken.push(format!("hostPort ({} {verb} hostPort{noun} {})", told("container", &used), all.join(", ")));
    }
    let privileged = names(spec, |one| one["securityContext"]["privileged"] == true);
    if !privileged.is_empty() {
        let must = "must not set securityContext.privileged=true";
        broken.push(format!("privileged ({} {must})", told("container", &privileged)));
    }
    broken
}

fn restricted(spec: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    let escalating = names(spec, |one| one["securityContext"]["allowPrivilegeEscalation"] != false);
    if !escalating.is_empty() {
        let must = "must set securityContext.allowPrivilegeEscalation=false";
        broken.push(format!("allowPrivilegeEscalation != false ({} {must})", told("container", &escalating)));
    }
    let capabilities = |one: &Value, key: &str| -> Vec<String> {
        strings(&one["securityContext"]["capabilities"][key]).into_iter().map(str::to_owned).collect()
    };
    let keeping = names(spec, |one| !capabilities(one, "drop").iter().any(|dropped| dropped == "ALL"));
    let adding = names(spec, |one| capabilities(one, "add").iter().any(|added| added != "NET_BIND_SERVICE"));
    let mut said = Vec::new();
    if !keeping.is_empty() {
        said.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", told("container", &keeping)));
    }
    if !adding.is_empty() {
        let added = containers(spec).into_iter().flat_map(|one| capabilities(one, "add"));
        let added: Vec<String> = added.filter(|one| one != "NET_BIND_SERVICE").map(|one| format!("{one:?}")).collect();
        let must = format!("must not include {} in securityContext.capabilities.add", added.join(", "));
        said.push(format!("{} {must}", told("container", &adding)));
    }
    if !said.is_empty() {
        broken.push(format!("unrestricted capabilities ({})", said.join("; ")));
    }
    let odd: Vec<(&str, &str)> = spec["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|volume| {
            let source = volume.as_object()?.keys().find(|key| *key != "name")?;
            let plain = PLAIN.contains(&source.as_str()) || source == "secret";
            (!plain).then_some((volume["name"].as_str()?, source.as_str()))
        })
        .collect();
    if !odd.is_empty() {
        let (volumes, mut sources): (Vec<&str>, Vec<&str>) = odd.into_iter().unzip();
        sources.sort_unstable();
        sources.dedup();
        let (verb, noun) = (if volumes.len() == 1 { "uses" } else { "use" }, if sources.len() == 1 { "" } else { "s" });
        let sources: Vec<String> = sources.iter().map(|source| format!("{source:?}")).collect();
        let all = sources.join(", ");
        broken.push(format!(
            "restricted volume types ({} {verb} restricted volume type{noun} {all})",
            told("volume", &volumes)
        ));
    }
    let pod = &spec["securityContext"];
    let rooted = names(spec, |one| {
        let own = &one["securityContext"]["runAsNonRoot"];
        if own.is_boolean() { *own == false } else { pod["runAsNonRoot"] != true }
    });
    if !rooted.is_empty() {
        let must = "must set securityContext.runAsNonRoot=true";
        broken.push(format!("runAsNonRoot != true (pod or {} {must})", told("container", &rooted)));
    }
    let zero = names(spec, |one| one["securityContext"]["runAsUser"] == 0);
    if pod["runAsUser"] == 0 || !zero.is_empty() {
        let of = match (pod["runAsUser"] == 0, zero.is_empty()) {
            (true, true) => "pod".to_owned(),
            (true, false) => format!("pod and {}", told("container", &zero)),
            (false, _) => told("container", &zero),
        };
        broken.push(format!("runAsUser=0 ({of} must not set runAsUser=0)"));
    }
    let known = |profile: &Value| matches!(profile["type"].as_str(), Some("RuntimeDefault" | "Localhost"));
    let unconfined = names(spec, |one| {
        let own = &one["securityContext"]["seccompProfile"];
        if own["type"].is_string() { !known(own) } else { !known(&pod["seccompProfile"]) }
    });
    if !unconfined.is_empty() {
        let must = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
        broken.push(format!("seccompProfile (pod or {} {must})", told("container", &unconfined)));
    }
    broken
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plain_pod_breaks_four_rules_of_the_strictest_level() {
        let spec = json!({ "containers": [{ "name": "a" }] });
        let words = [
            "allowPrivilegeEscalation != false (container \"a\" must set securityContext.allowPrivilegeEscalation=false)",
            "unrestricted capabilities (container \"a\" must set securityContext.capabilities.drop=[\"ALL\"])",
            "runAsNonRoot != true (pod or container \"a\" must set securityContext.runAsNonRoot=true)",
            "seccompProfile (pod or container \"a\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
        ];
        assert_eq!(broken(&spec, "restricted"), words);
        assert!(broken(&spec, "baseline").is_empty());
        let well = json!({
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "volumes": [{ "name": "v", "secret": {} }],
            "containers": [{ "name": "a", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
            } }],
        });
        assert!(broken(&well, "restricted").is_empty());
    }

    #[test]
    fn what_reaches_the_host_is_refused_by_both() {
        let spec = json!({
            "hostNetwork": true, "hostPID": true, "volumes": [{ "name": "v", "hostPath": {} }],
            "containers": [
                { "name": "a", "ports": [{ "hostPort": 80 }], "securityContext": { "privileged": true, "capabilities": { "add": ["SYS_ADMIN"] } } },
                { "name": "b", "securityContext": { "privileged": true } },
            ],
        });
        let words = [
            "non-default capabilities (container \"a\" must not include \"SYS_ADMIN\" in securityContext.capabilities.add)",
            "host namespaces (hostNetwork=true, hostPID=true)",
            "hostPath volumes (volume \"v\")",
            "hostPort (container \"a\" uses hostPort 80)",
            "privileged (containers \"a\", \"b\" must not set securityContext.privileged=true)",
        ];
        assert_eq!(broken(&spec, "baseline"), words);
        let odd = "restricted volume types (volume \"v\" uses restricted volume type \"hostPath\")";
        assert!(broken(&spec, "restricted").iter().any(|one| one == odd));
    }
}
