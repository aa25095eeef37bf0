//! A project's pipelines: when one begins, how far it is, and what its job has printed.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Project;

/// How long a pipeline waits for a runner and works, in seconds.
const WAITS: i64 = 2;
const WORKS: i64 = 6;

/// What a pipeline's job has printed.
pub(super) fn trace(project: &Project, pipeline: &Value) -> String {
    let mut out = String::from("Running with gitlab-runner 18.4.0\n");
    if pipeline["status"] == "pending" {
        return String::new();
    }
    let file = project.files.get(".gitlab-ci.yml").map(String::as_str).unwrap_or_default();
    for line in file.lines().map(str::trim).filter_map(|line| line.strip_prefix("- ")) {
        out.push_str(&format!("$ {line}\n"));
    }
    match pipeline["status"].as_str() {
        Some("success") => out.push_str("Job succeeded\n"),
        Some("failed") => out.push_str("ERROR: Job failed: exit code 1\n"),
        _ => {}
    }
    out
}

pub(super) fn begin(project: &mut Project, now: Timestamp) -> Option<(u64, Timestamp, String)> {
    project.files.get(".gitlab-ci.yml")?;
    let one = (project.pipelines.len() as u64 + 1, now, project.repository.head().to_owned());
    project.pipelines.push(one.clone());
    Some(one)
}

pub(super) fn pipeline(
    project: &Project,
    (id, at, sha): &(u64, Timestamp, String),
    now: Timestamp,
    taken: bool,
    pushes: bool,
) -> Value {
    let age = (now - *at).get_seconds();
    let builds = project
        .files
        .get(".gitlab-ci.yml")
        .is_some_and(|text| text.contains("docker") || text.contains("kaniko") || text.contains("buildah"));
    let status = match age {
        _ if !taken => "pending",
        age if age < WAITS => "pending",
        age if age < WAITS + WORKS => "running",
        _ if builds && !pushes => "failed",
        _ => "success",
    };
    json!({
        "id": id, "iid": id, "project_id": project.id, "sha": sha, "ref": "main", "status": status, "source": "push",
        "created_at": at.to_string(), "web_url": format!("https://gitlab.monosense.io/{}/-/pipelines/{id}", project.path),
    })
}
