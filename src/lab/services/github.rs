//! GitHub, as far as its Actions runners are looked at: who is registered, and workflows that are run on them.
//!
//! Source: docs.github.com/rest, "Self-hosted runners", "Workflow runs", "Workflows".

use http::Method;
use serde_json::{Value, json};

use super::{Asked, Reply, Services, ready, vault};

/// The organisation, and the repositories that runner scale sets are for.
const OWNER: &str = "monosense";

/// Runs that somebody began: when, and on which repository and workflow.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    begun: Vec<(u64, jiff::Timestamp, String, String)>,
}

/// How long a run waits for a runner and works, in seconds.
const WAITS: i64 = 2;
const WORKS: i64 = 6;

/// The token that the platform has.
pub(crate) fn token() -> String {
    vault::value("github", "token")
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() }),
    )
}

pub(super) fn answer(services: &Services, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if asked.host == "github.com" {
        return Reply::html(200, "<!DOCTYPE html>\n<html lang=\"en\"><head><title>GitHub</title></head></html>\n");
    }
    match parts.as_slice() {
        [] => return Reply::json(200, &json!({ "current_user_url": "https://api.github.com/user" })),
        ["zen"] => return Reply::text(200, "Keep it logically awesome."),
        ["rate_limit"] => return Reply::json(200, &json!({ "rate": { "limit": 5000, "remaining": 4999, "used": 1 } })),
        _ => {}
    }
    let own = asked
        .bearer()
        .map(String::from)
        .or_else(|| asked.header("authorization").strip_prefix("token ").map(String::from));
    match own {
        None => return refused(401, "Requires authentication"),
        Some(own) if own != token() => return refused(401, "Bad credentials"),
        Some(_) => {}
    }
    match (&asked.method, parts.as_slice()) {
        (&Method::GET, ["user"]) => Reply::json(200, &json!({ "login": "monosense-bot", "type": "User" })),
        (&Method::GET, ["orgs", owner, "actions", "runners"]) if known(services, owner) => all_runners(services, None),
        (&Method::GET, ["repos", owner, repository, "actions", "runners"]) if known(services, owner) => {
            all_runners(services, Some(repository))
        }
        (&Method::GET, ["repos", owner, repository]) if known(services, owner) => Reply::json(
            200,
            &json!({ "name": repository, "full_name": format!("{OWNER}/{repository}"), "private": true, "default_branch": "main" }),
        ),
        (&Method::POST, ["repos", owner, repository, "actions", "workflows", workflow, "dispatches"])
            if known(services, owner) =>
        {
            if asked.json().is_none_or(|body| !body["ref"].is_string()) {
                return refused(422, "Invalid request.\n\n\"ref\" wasn't supplied.");
            }
            let now = services.now();
            let mut state = services.state();
            let id = state.runs.begun.len() as u64 + 1;
            state.runs.begun.push((id, now, (*repository).into(), (*workflow).into()));
            Reply::empty(204)
        }
        (&Method::GET, ["repos", owner, repository, "actions", "runs"]) if known(services, owner) => {
            let runs = runs(services, repository);
            Reply::json(200, &json!({ "total_count": runs.len(), "workflow_runs": runs }))
        }
        (&Method::GET, ["repos", owner, repository, "actions", "workflows", workflow, "runs"])
            if known(services, owner) =>
        {
            let runs: Vec<Value> = runs(services, repository)
                .into_iter()
                .filter(|run| run["path"] == format!(".github/workflows/{workflow}"))
                .collect();
            Reply::json(200, &json!({ "total_count": runs.len(), "workflow_runs": runs }))
        }
        (&Method::GET, ["repos", owner, repository, "actions", "runs", id]) if known(services, owner) => {
            let found = runs(services, repository).into_iter().find(|run| run["id"].as_u64() == id.parse().ok());
            found.map_or_else(|| refused(404, "Not Found"), |run| Reply::json(200, &run))
        }
        (&Method::GET, ["repos", owner, repository, "actions", "runs", id, "jobs"]) if known(services, owner) => {
            let found = runs(services, repository).into_iter().find(|run| run["id"].as_u64() == id.parse().ok());
            found.map_or_else(|| refused(404, "Not Found"), |run| jobs(services, repository, &run))
        }
        _ => refused(404, "Not Found"),
    }
}

/// The one job of a run, with the runner that was made for it.
fn jobs(services: &Services, repository: &str, run: &Value) -> Reply {
    let set = sets(services).into_iter().map(|(set, _)| set).find(|set| repository_of(set) == repository);
    let name = set.as_ref().and_then(|set| set["metadata"]["name"].as_str()).unwrap_or_default();
    let begun = run["status"] != "queued";
    let runner = if begun { json!(format!("{name}-runner-{}", run["id"])) } else { Value::Null };
    let job = json!({
        "id": run["id"], "run_id": run["id"], "name": "test", "status": run["status"], "conclusion": run["conclusion"],
        "labels": [name], "runner_name": runner, "created_at": run["created_at"],
    });
    Reply::json(200, &json!({ "total_count": 1, "jobs": [job] }))
}

/// Whether an owner is the organisation, or one whose repositories have runner scale sets.
fn known(services: &Services, owner: &str) -> bool {
    owner == OWNER
        || services.clusters.values().any(|cluster| {
            let world = cluster.world();
            let mut sets = world.store.list("autoscalingrunnersets.actions.github.com", "");
            sets.any(|(_, set)| {
                set.value["spec"]["githubConfigUrl"].as_str().is_some_and(|url| url.split('/').nth(3) == Some(owner))
            })
        })
}

/// The last part of the repository's address that a scale set is for.
fn repository_of(set: &Value) -> String {
    let url = set["spec"]["githubConfigUrl"].as_str().unwrap_or_default();
    url.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_string()
}

/// Scale sets whose listener runs: only those are registered.
fn sets(services: &Services) -> Vec<(Value, bool)> {
    let mut out = Vec::new();
    for (name, cluster) in &services.clusters {
        let world = cluster.world();
        for (place, set) in world.store.list("autoscalingrunnersets.actions.github.com", "") {
            let mut pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
            let listens = pods.any(|pod| {
                pod["metadata"]["name"]
                    .as_str()
                    .is_some_and(|own| own.starts_with(&place.name) && own.ends_with("-listener"))
                    && ready(pod)
            });
            let mut listeners = world.store.list("autoscalinglisteners.actions.github.com", "");
            let has = listens || listeners.any(|(own, _)| own.name.starts_with(&place.name));
            out.push((set.value.clone(), has && services.world.reaches(name, "api.github.com")));
        }
    }
    out
}

fn all_runners(services: &Services, repository: Option<&str>) -> Reply {
    let mut out = Vec::new();
    for (set, registered) in sets(services) {
        if repository.is_some_and(|wanted| repository_of(&set) != wanted) || !registered {
            continue;
        }
        let name = set["metadata"]["name"].as_str().unwrap_or_default();
        let labels = [
            json!({ "id": 1, "name": "self-hosted", "type": "read-only" }),
            json!({ "id": 2, "name": name, "type": "custom" }),
        ];
        let working = out.len();
        out.push(json!({
            "id": working + 1, "name": format!("{name}-runner"), "os": "linux", "status": "online",
            "busy": services.state().runs.begun.iter().any(|(_, at, own, _)| *own == repository_of(&set) && (services.now() - *at).get_seconds() < WAITS + WORKS),
            "labels": labels,
        }));
    }
    Reply::json(200, &json!({ "total_count": out.len(), "runners": out }))
}

/// The runs of a repository: they wait for as long as nobody takes them.
fn runs(services: &Services, repository: &str) -> Vec<Value> {
    let takes = |set: &Value| repository_of(set) == repository && set["spec"]["maxRunners"] != 0;
    let taken = sets(services).iter().any(|(set, registered)| *registered && takes(set));
    let now = services.now();
    let state = services.state();
    let one = |(id, at, own, workflow): &(u64, jiff::Timestamp, String, String)| {
        let age = (now - *at).get_seconds();
        let (status, conclusion) = match age {
            _ if !taken => ("queued", Value::Null),
            age if age < WAITS => ("queued", Value::Null),
            age if age < WAITS + WORKS => ("in_progress", Value::Null),
            _ => ("completed", json!("success")),
        };
        json!({
            "id": id, "name": workflow, "path": format!(".github/workflows/{workflow}"), "head_branch": "main", "event": "workflow_dispatch",
            "status": status, "conclusion": conclusion, "created_at": at.to_string(), "run_number": id,
            "html_url": format!("https://github.com/{OWNER}/{own}/actions/runs/{id}"),
        })
    };
    state.runs.begun.iter().rev().filter(|(_, _, own, _)| own == repository).map(one).collect()
}
