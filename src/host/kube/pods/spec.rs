//! What a script says about a test pod, and the manifests that follow from it.

use std::time::Duration;

#[cfg(test)]
use rhai::Map;
use serde_json::{Value, json};

use super::exec::words;
use crate::error::{Error, Kind, Result};
use crate::host::kube::RUN_LABEL;
use crate::host::options::Options;

/// The image of test pods, unless the script says otherwise.
pub(super) const IMAGE: &str = "docker.io/library/busybox:latest";
/// What a pod of [`IMAGE`] does without a command: it stays.
const STAY: &str = "sleep 2147483647";
/// The options that `pod` and `run` share.
pub(super) const OPTIONS: &[&str] = &[
    "annotations",
    "args",
    "command",
    "env",
    "files",
    "host_network",
    "image",
    "labels",
    "name",
    "namespace",
    "node",
    "privileged",
    "service_account",
    "within",
];

/// A test pod as a script describes it.
#[derive(Debug)]
pub(super) struct PodSpec {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) image: String,
    pub(super) command: Option<Vec<String>>,
    pub(super) within: Option<Duration>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: Vec<(String, String)>,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    node: Option<String>,
    service_account: Option<String>,
    host_network: bool,
    privileged: bool,
}

impl PodSpec {
    /// Reads the options of `function`; without image and command the pod stays, if `stays`.
    pub(super) fn read(options: &Options, function: &'static str, stays: bool) -> Result<Self> {
        let image = options.string("image")?;
        let command = match options.value("command")? {
            Some(command) => Some(words(&command, function)?),
            None if stays && image.is_none() => Some(shell(STAY)),
            None => None,
        };
        let files = options.texts("files")?.unwrap_or_default();
        for (path, _) in &files {
            let name = path.rsplit('/').next().unwrap_or_default();
            if !path.starts_with('/') || name.is_empty() || path.split('/').any(|part| part == "..") {
                return Err(Error::new(Kind::Script, format!("{function}: \"{path}\" can't be the path of a file"))
                    .hint("files: #{ \"/etc/app/app.conf\": \"text\" }, with absolute paths"));
            }
        }
        Ok(Self {
            name: options.string("name")?,
            namespace: options.string("namespace")?,
            image: image.unwrap_or_else(|| IMAGE.into()),
            command,
            within: options.duration("within")?,
            args: options.strings("args")?.unwrap_or_default(),
            env: options.texts("env")?.unwrap_or_default(),
            files,
            labels: options.texts("labels")?.unwrap_or_default(),
            annotations: options.texts("annotations")?.unwrap_or_default(),
            node: options.string("node")?,
            service_account: options.string("service_account")?,
            host_network: options.bool("host_network")?.unwrap_or(false),
            privileged: options.bool("privileged")?.unwrap_or(false),
        })
    }

    /// Whether what it runs may end by itself.
    pub(super) fn has_own_program(&self) -> bool {
        self.command.as_ref().is_none_or(|command| *command != shell(STAY))
    }

    /// The files as a ConfigMap; none where there are no files.
    pub(super) fn config_map(&self, name: &str, namespace: &str, run: &str) -> Option<Value> {
        if self.files.is_empty() {
            return None;
        }
        let data: serde_json::Map<String, Value> =
            self.files.iter().enumerate().map(|(n, (_, text))| (key(n), text.as_str().into())).collect();
        Some(json!({ "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": namespace, "labels": { RUN_LABEL: run } }, "data": data }))
    }

    /// The pod. Its files are mounted one by one from the ConfigMap of the pod's own name.
    pub(super) fn manifest(&self, name: &str, namespace: &str, run: &str) -> Value {
        let mut labels = map(&self.labels);
        labels.insert(RUN_LABEL.into(), run.into());
        labels.entry("app.kubernetes.io/managed-by").or_insert_with(|| "pb".into());
        let env: Vec<Value> = self.env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let mounts: Vec<Value> = self
            .files
            .iter()
            .enumerate()
            .map(|(n, (path, _))| json!({ "name": "files", "mountPath": path, "subPath": key(n), "readOnly": true }))
            .collect();
        let mut container = json!({ "name": "main", "image": self.image, "imagePullPolicy": "IfNotPresent", "env": env, "volumeMounts": mounts });
        if let Some(command) = &self.command {
            container["command"] = json!(command);
        }
        if !self.args.is_empty() {
            container["args"] = json!(self.args);
        }
        if self.privileged {
            container["securityContext"] = json!({ "privileged": true });
        }
        let mut spec = json!({
            "containers": [container],
            "restartPolicy": "Never",
            // A test pod has nothing to save: with 1 s the kubelet takes up to nine to say that it ended.
            "terminationGracePeriodSeconds": 0,
            "hostNetwork": self.host_network,
            "enableServiceLinks": false,
            "automountServiceAccountToken": self.service_account.is_some(),
        });
        if self.host_network {
            spec["dnsPolicy"] = "ClusterFirstWithHostNet".into();
        }
        if let Some(account) = &self.service_account {
            spec["serviceAccountName"] = account.as_str().into();
        }
        if !self.files.is_empty() {
            spec["volumes"] = json!([{ "name": "files", "configMap": { "name": name } }]);
        }
        if let Some(node) = &self.node {
            // The scheduler still judges whether there is room; taints and a cordon don't stand in the way of a test.
            spec["affinity"] = json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{ "matchFields": [
                    { "key": "metadata.name", "operator": "In", "values": [node] }] }] } } });
            spec["tolerations"] = json!([{ "operator": "Exists" }]);
        }
        json!({ "apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": { "name": name, "namespace": namespace, "labels": labels, "annotations": map(&self.annotations) } })
    }
}

/// A shell's command line.
pub(super) fn shell(line: &str) -> Vec<String> {
    vec!["sh".into(), "-c".into(), line.into()]
}

fn key(number: usize) -> String {
    format!("file-{number}")
}

fn map(pairs: &[(String, String)]) -> serde_json::Map<String, Value> {
    pairs.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(script: &str) -> Result<PodSpec> {
        let map = rhai::Engine::new().eval::<Map>(script).expect("a map");
        PodSpec::read(&Options::new(map, "kube.pod", OPTIONS)?, "kube.pod", true)
    }

    #[test]
    fn a_pod_without_image_and_command_stays() {
        let pod = spec("#{}").expect("no options").manifest("p", "ns", "run-1");
        assert_eq!(pod["spec"]["containers"][0]["command"][2], STAY);
        assert_eq!(pod["metadata"]["labels"][RUN_LABEL], "run-1");
        let other = spec(r#"#{ image: "nginx" }"#).expect("an image").manifest("p", "ns", "r");
        assert_eq!(other["spec"]["containers"][0].get("command"), None);
    }

    #[test]
    fn files_are_mounted_one_by_one() {
        let spec = spec(r#"#{ files: #{ "/etc/a/a.conf": "x" }, node: "infra-01" }"#).expect("valid");
        let pod = spec.manifest("p", "ns", "r");
        let mount = &pod["spec"]["containers"][0]["volumeMounts"][0];
        assert_eq!((mount["mountPath"].as_str(), mount["subPath"].as_str()), (Some("/etc/a/a.conf"), Some("file-0")));
        assert_eq!(spec.config_map("p", "ns", "r").expect("files")["data"]["file-0"], "x");
        assert_eq!(pod["spec"]["volumes"][0]["configMap"]["name"], "p");
    }

    #[test]
    fn a_relative_file_is_refused() {
        let error = spec(r#"#{ files: #{ "a.conf": "x" } }"#).expect_err("relative");
        assert!(error.message.contains("\"a.conf\" can't be the path"), "{error}");
    }
}
