//! How a kustomization changes objects: merges, lists of operations, images.

use serde_json::Value;

/// Kinds that are in no namespace.
const WIDE: [&str; 22] = [
    "Namespace",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "PersistentVolume",
    "StorageClass",
    "Node",
    "PriorityClass",
    "GatewayClass",
    "ClusterIssuer",
    "ClusterSecretStore",
    "CiliumLoadBalancerIPPool",
    "CiliumBGPClusterConfig",
    "CiliumBGPPeerConfig",
    "CiliumBGPAdvertisement",
    "CiliumBGPPeeringPolicy",
    "CiliumClusterwideNetworkPolicy",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "VolumeSnapshotClass",
    "IngressClass",
];

/// Whether an object is in no namespace.
pub(super) fn cluster_wide(object: &Value) -> bool {
    object["kind"].as_str().is_some_and(|kind| WIDE.contains(&kind))
}

/// Applies a patch to those that its target says, or that it names itself.
///
/// # Errors
/// It is none, or nothing fits.
pub(super) fn apply(all: &mut [Value], target: &Value, text: &str) -> Result<(), String> {
    let patch: Value =
        serde_saphyr::from_str(text).map_err(|e| format!("unable to parse SM or JSON patch from [{text}]: {e}"))?;
    let fits = |object: &Value| {
        let of = |key: &str, own: &Value| {
            target[key].as_str().is_none_or(|wanted| {
                regex::Regex::new(&format!("^(?:{wanted})$"))
                    .is_ok_and(|regex| regex.is_match(own.as_str().unwrap_or_default()))
            })
        };
        match target.is_object() {
            true => {
                of("kind", &object["kind"])
                    && of("name", &object["metadata"]["name"])
                    && of("namespace", &object["metadata"]["namespace"])
                    && labelled(object, target)
            }
            false => object["kind"] == patch["kind"] && object["metadata"]["name"] == patch["metadata"]["name"],
        }
    };
    let mut found = false;
    for object in all.iter_mut().filter(|object| fits(object)) {
        found = true;
        match patch.as_array() {
            Some(operations) => operations.iter().try_for_each(|one| operate(object, one))?,
            None => merge(object, &patch, true),
        }
    }
    if found || target.is_object() {
        Ok(())
    } else {
        Err(format!(
            "no resource matches strategic merge patch \"{}/{}\": no matches",
            patch["kind"].as_str().unwrap_or_default(),
            patch["metadata"]["name"].as_str().unwrap_or_default()
        ))
    }
}

fn labelled(object: &Value, target: &Value) -> bool {
    let wanted = target["labelSelector"].as_str().unwrap_or_default();
    wanted
        .split(',')
        .filter(|one| !one.is_empty())
        .all(|one| one.split_once('=').is_some_and(|(key, value)| object["metadata"]["labels"][key] == value))
}

/// A strategic merge: maps are merged, lists of things with names by these, other lists are replaced, null removes.
fn merge(into: &mut Value, patch: &Value, top: bool) {
    let (Some(own), Some(fields)) = (into.as_object_mut(), patch.as_object()) else {
        *into = patch.clone();
        return;
    };
    for (key, value) in fields {
        // A target may be of another name than the patch.
        if top && matches!(key.as_str(), "kind" | "apiVersion") {
            continue;
        }
        match (own.get_mut(key), value) {
            (_, Value::Null) => drop(own.remove(key)),
            (Some(there @ Value::Object(_)), Value::Object(_)) if top && key == "metadata" => {
                let mut rest = value.clone();
                if let Some(rest) = rest.as_object_mut() {
                    rest.remove("name");
                }
                merge(there, &rest, false);
            }
            (Some(there @ Value::Object(_)), Value::Object(_)) => merge(there, value, false),
            (Some(Value::Array(there)), Value::Array(more))
                if more.iter().all(|one| one["name"].is_string()) && !more.is_empty() =>
            {
                for one in more {
                    match there.iter_mut().find(|own| own["name"] == one["name"]) {
                        Some(own) => merge(own, one, false),
                        None => there.push(one.clone()),
                    }
                }
            }
            _ => drop(own.insert(key.clone(), value.clone())),
        }
    }
}

/// One operation of RFC 6902.
fn operate(object: &mut Value, operation: &Value) -> Result<(), String> {
    let (op, path) = (operation["op"].as_str().unwrap_or_default(), operation["path"].as_str().unwrap_or_default());
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| format!("invalid path {path:?} in a JSON patch"))?;
    let last = last.replace("~1", "/").replace("~0", "~");
    let missing = || format!("{op} operation does not apply: doc is missing path: {path}");
    if op == "test" {
        return if object.pointer(path) == Some(&operation["value"]) { Ok(()) } else { Err(missing()) };
    }
    let at = object.pointer_mut(parent).ok_or_else(missing)?;
    match (op, at) {
        ("add" | "replace", Value::Object(fields)) => {
            if op == "replace" && !fields.contains_key(&last) {
                return Err(missing());
            }
            fields.insert(last, operation["value"].clone());
        }
        ("remove", Value::Object(fields)) => drop(fields.remove(&last).ok_or_else(missing)?),
        ("add", Value::Array(all)) if last == "-" => all.push(operation["value"].clone()),
        (_, Value::Array(all)) => {
            let place = last
                .parse::<usize>()
                .ok()
                .filter(|place| *place < all.len() + usize::from(op == "add"))
                .ok_or_else(missing)?;
            match op {
                "add" => all.insert(place, operation["value"].clone()),
                "replace" => all[place] = operation["value"].clone(),
                "remove" => drop(all.remove(place)),
                _ => return Err(format!("unexpected kind: {op}")),
            }
        }
        _ => return Err(missing()),
    }
    Ok(())
}

/// Gives containers another image, wherever one is.
pub(super) fn image(value: &mut Value, wanted: &Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| image(one, wanted)),
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                match field {
                    Value::Array(all) if key == "containers" || key == "initContainers" => {
                        for container in all {
                            if let Some(new) = container["image"].as_str().and_then(|own| renamed(own, wanted)) {
                                container["image"] = new.into();
                            }
                        }
                    }
                    other => image(other, wanted),
                }
            }
        }
        _ => {}
    }
}

fn renamed(own: &str, wanted: &Value) -> Option<String> {
    let bare = own.split('@').next().unwrap_or(own);
    let (name, tag) = match bare.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (bare, None),
    };
    if wanted["name"] != name {
        return None;
    }
    let name = wanted["newName"].as_str().unwrap_or(name);
    let text =
        |value: &Value| value.as_str().map(String::from).or_else(|| value.as_f64().map(|number| number.to_string()));
    Some(match (text(&wanted["digest"]), text(&wanted["newTag"])) {
        (Some(digest), _) => format!("{name}@{digest}"),
        (None, Some(tag)) => format!("{name}:{tag}"),
        (None, None) => tag.map_or_else(|| name.to_string(), |tag| format!("{name}:{tag}")),
    })
}
