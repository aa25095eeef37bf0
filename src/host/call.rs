//! A host call on its way to the gate: what it is called, what it does, how long it may take.

use std::time::Duration;

use crate::event::Effect;

/// How long a host call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The default of an ordinary call, 30 s.
    Call,
    /// As long as the step: waits, logs, programs.
    Step,
    /// What the script said.
    Within(Duration),
}

/// An ordinary call's deadline.
pub const CALL_LIMIT: Duration = Duration::from_secs(30);
/// A connection's deadline.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A step's deadline, unless it declares another.
pub const STEP_LIMIT: Duration = Duration::from_secs(300);

/// Where the arguments of Kubernetes calls name an object: in the call's own words, in a list's query, in a manifest.
const NAMES: &[&str] = &[
    "/name",
    "/namespace",
    "/pod",
    "/node",
    "/target",
    "/query/namespace",
    "/manifest/metadata/name",
    "/manifest/metadata/namespace",
];

/// A host call on its way to the gate.
#[derive(Debug, Clone)]
pub struct Call {
    /// `kube.list`
    pub function: &'static str,
    /// What it does, judged by verb and object.
    pub effect: Effect,
    /// What it would count as, had the script said nothing.
    pub usual: Option<Effect>,
    /// The cluster that it acts on; `--allow destroy=CLUSTER` is judged by it.
    pub cluster: Option<String>,
    /// The host, endpoint or address, where there is no cluster.
    pub target: Option<String>,
    /// The arguments, as canonical JSON.
    pub args: serde_json::Value,
    /// The command line that a person could type instead.
    pub line: String,
    /// How long it may take.
    pub limit: Limit,
}

impl Call {
    /// A reading call without arguments; the rest is set with the methods below.
    pub fn new(function: &'static str, line: impl Into<String>) -> Self {
        Self {
            function,
            effect: Effect::Read,
            usual: None,
            cluster: None,
            target: None,
            args: serde_json::Value::Null,
            line: line.into(),
            limit: Limit::Call,
        }
    }

    /// What it does.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// What it would count as, had the script said nothing: where that is more, the reports show that it was said.
    #[must_use]
    pub fn usual(mut self, usual: Effect) -> Self {
        self.usual = Some(usual);
        self
    }

    /// The remark on a call that counts as less because the script says so.
    /// `script` is the file of the line that says it; the standard library's own calls are known.
    pub fn taken_at_its_word(&self, script: Option<&str>) -> Option<String> {
        if script.is_some_and(|file| file.starts_with("stdlib/")) {
            return None;
        }
        let usual = self.usual.filter(|usual| *usual > self.effect)?;
        let on = self.cluster.as_deref().or(self.target.as_deref()).map(|t| format!(" on {t}")).unwrap_or_default();
        let script = script.unwrap_or("the script");
        Some(format!("{}{on} counts as \"{}\", not \"{usual}\": {script} says so", self.function, self.effect))
    }

    /// The names of the objects that it addresses, as far as it is a call of Kubernetes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let kube = self.function.starts_with("kube.");
        let named = NAMES.iter().filter(move |_| kube).filter_map(|place| self.args.pointer(place)?.as_str());
        // `Deployment/web`, and the path of a raw call up to what it is passed on to.
        let path = self.args["path"].as_str().filter(|_| kube).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default().split('/').take_while(|part| *part != "proxy");
        // What can be neither an object's name nor a kind is none: somebody asks for a password by mistake.
        let can_be = |name: &&str| {
            let bytes = || name.bytes();
            bytes().all(|b| b.is_ascii_alphabetic())
                || bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':'))
        };
        named.flat_map(|name| name.split('/')).chain(path).filter(can_be)
    }

    /// The cluster that it acts on.
    #[must_use]
    pub fn cluster(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_string());
        self
    }

    /// The host, endpoint or address.
    #[must_use]
    pub fn target(mut self, target: &str) -> Self {
        self.target = Some(target.to_string());
        self
    }

    /// Its arguments.
    #[must_use]
    pub fn args(mut self, args: serde_json::Value) -> Self {
        self.args = args;
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_objects_that_a_call_addresses_are_named() {
        let names = |function, args| {
            let call = Call::new(function, "").args(args);
            call.names().filter(|name| !name.is_empty()).map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(names("kube.get", json!({ "kind": "pods", "name": "a", "namespace": "n" })), ["a", "n"]);
        assert_eq!(names("kube.get", json!({ "kind": "pods", "name": "Hunter2-x", "namespace": "n" })), ["n"]);
        assert_eq!(names("kube.list", json!({ "query": { "namespace": "n" } })), ["n"]);
        assert_eq!(names("kube.create", json!({ "manifest": { "metadata": { "name": "a" } } })), ["a"]);
        assert_eq!(names("kube.logs", json!({ "target": "deploy/web" })), ["deploy", "web"]);
        let path = "/api/v1/namespaces/n/services/s/proxy/key?x=y";
        assert_eq!(names("kube.raw", json!({ "path": path })), ["api", "v1", "namespaces", "n", "services", "s"]);
        assert_eq!(names("sh::run", json!({ "name": "a", "path": "/b" })), [""; 0]);
    }
}
