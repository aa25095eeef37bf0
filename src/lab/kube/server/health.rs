//! `/healthz`, `/livez`, `/readyz`, `/version`, and what lies at the root.

use hyper::Response;
use serde_json::{Value, json};

use super::answer::{self, Body};

const CHECKS: [&str; 6] =
    ["ping", "log", "etcd", "informer-sync", "poststarthook/generic-apiserver-start-informers", "shutdown"];

/// The answer of a check, or of one part of it.
pub(super) fn check(name: &str, part: &str, verbose: bool) -> Response<Body> {
    if !part.is_empty() && !CHECKS.contains(&part) {
        return answer::text(404, "404 page not found\n");
    }
    if !verbose {
        return answer::text(200, "ok");
    }
    let mut text: String = CHECKS.iter().map(|check| format!("[+]{check} ok\n")).collect();
    text.push_str(&format!("{name} check passed\n"));
    answer::text(200, text)
}

/// The version that the lab simulates.
pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "emulationMajor": "1", "emulationMinor": "34", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "33", "gitVersion": "v1.34.1+lab", "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean", "buildDate": "2025-09-09T19:37:30Z", "goVersion": "none", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }),
    })
}

/// What lies at the root.
pub(super) fn paths(groups: &[String]) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    paths.extend(groups.iter().map(|g| format!("/apis/{g}")));
    paths.extend(["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    json!({ "paths": paths })
}
