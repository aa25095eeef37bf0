//! `--explain` of test pods: a line that makes the same pod, with what a secret holds hidden.

use std::time::Duration;

use rhai::{Dynamic, Map};
use serde_json::{Value, json};

use super::line::kubectl;
use super::namespace;
use super::spec::PodSpec;
use crate::client::sh::quoted;
use crate::host::context::Context;
use crate::host::kube::{ClusterHandle, RUN_LABEL};
use crate::host::redact::{Redactor, programs};
use crate::host::values::{Secret, to_array};

/// What stands after `kubectl --context infra` for `pod`: the objects, and the wait.
pub(super) fn pod(cx: &Context, k: &ClusterHandle, spec: &PodSpec, name: &str, within: Duration) -> String {
    let namespace = home(cx, spec);
    let mut objects = before(cx, spec, name, &namespace);
    objects.push(spec.manifest(name, &namespace, &cx.world.run));
    let pod = format!("pod/{name}");
    let timeout = format!("--timeout={}s", within.as_secs().max(1));
    let wait = kubectl(Some(&namespace), ["wait", "--for=condition=Ready", pod.as_str(), timeout.as_str()]);
    format!("{} && {} {wait}", apply(objects), k.kubectl())
}

/// The same for `run`: the pod's output is shown, and it is removed.
pub(super) fn run(cx: &Context, k: &ClusterHandle, spec: &PodSpec, name: &str) -> String {
    let namespace = home(cx, spec);
    let image = format!("--image={}", spec.image);
    let overrides = format!("--overrides={}", spec.manifest(name, &namespace, &cx.world.run));
    // Without a label kubectl adds one of its own.
    let label = format!("--labels={RUN_LABEL}={}", cx.world.run);
    let words = [image.as_str(), label.as_str(), "--restart=Never", "--attach", "--rm", "--quiet", overrides.as_str()];
    let run = kubectl(Some(&namespace), ["run", name].into_iter().chain(words));
    match before(cx, spec, name, &namespace) {
        none if none.is_empty() => run,
        objects => format!("{} && {} {run}", apply(objects), k.kubectl()),
    }
}

fn home(cx: &Context, spec: &PodSpec) -> String {
    spec.namespace.clone().unwrap_or_else(|| namespace::name(cx))
}

/// What has to be there before the pod.
fn before(cx: &Context, spec: &PodSpec, name: &str, namespace: &str) -> Vec<Value> {
    let own = spec.namespace.is_none().then(|| namespace::manifest(cx));
    own.into_iter().chain(spec.config_map(name, namespace, &cx.world.run)).collect()
}

fn apply(mut objects: Vec<Value>) -> String {
    let manifest = match objects.len() {
        1 => objects.remove(0),
        _ => json!({ "apiVersion": "v1", "kind": "List", "items": objects }),
    };
    format!("apply -f - <<< {}", quoted(&manifest.to_string()))
}

/// The options of a call as they may be shown. What variables with a secret's name hold is known from now on.
pub(super) fn hidden(redactor: &Redactor, options: &Map) -> Map {
    let mut shown: Map = options.iter().map(|(key, value)| (key.clone(), hide(value))).collect();
    if let Some(mut env) = shown.get_mut("env").and_then(Dynamic::write_lock::<Map>) {
        for (name, value) in env.iter_mut() {
            if let Some(hidden) = programs::variable(redactor, name, &value.to_string()) {
                *value = hidden.into();
            }
        }
    }
    shown
}

/// A value with `<secret:1>` where it has a secret, of whatever length.
pub(super) fn hide(value: &Dynamic) -> Dynamic {
    if let Some(secret) = value.read_lock::<Secret>() {
        return secret.to_string().into();
    }
    if let Some(fields) = value.read_lock::<Map>() {
        return Dynamic::from(fields.iter().map(|(key, value)| (key.clone(), hide(value))).collect::<Map>());
    }
    match to_array(value) {
        Some(items) => items.iter().map(hide).collect::<rhai::Array>().into(),
        None => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_hidden_wherever_it_lies() {
        let secret = || Dynamic::from(Secret::new(&Redactor::default(), "abc"));
        let mut env = Map::new();
        env.insert("TOKEN".into(), secret());
        env.insert("API_TOKEN".into(), "xyz".into());
        env.insert("MODE".into(), "plain".into());
        let mut options = Map::new();
        options.insert("env".into(), env.into());
        options.insert("command".into(), Dynamic::from_array(vec!["echo".into(), secret()]));
        let text = Dynamic::from(hidden(&Redactor::default(), &options)).to_string();
        assert!(!text.contains("abc") && !text.contains("xyz") && text.contains("plain"), "{text}");
        assert_eq!(text.matches("<secret:1>").count(), 3, "{text}");
    }
}
