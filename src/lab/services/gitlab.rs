//! GitLab: projects with files and commits, pipelines that run where there is a runner, runners, readiness.
//!
//! Source: docs.gitlab.com/api, version 4: "Projects", "Commits", "Pipelines", "Runners"; "Health check".

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Asked, Reply, Services, Site, needs, ready, vault};
use crate::lab::world::Wrong;

/// What it keeps.
#[derive(Debug)]
pub(crate) struct Forge {
    projects: Vec<Project>,
    counted: u64,
}

#[derive(Debug, Default)]
struct Project {
    id: u64,
    path: String,
    files: BTreeMap<String, String>,
    commits: Vec<Value>,
    pipelines: Vec<(u64, Timestamp, String)>,
}

impl Default for Forge {
    fn default() -> Self {
        let project = Project {
            id: 1,
            path: "root/test-project".into(),
            files: BTreeMap::from([("README.md".into(), "# test-project\n".into())]),
            ..Project::default()
        };
        Self { projects: vec![project], counted: 1 }
    }
}

/// How long a pipeline waits for a runner and works, in seconds.
const WAITS: i64 = 3;
const WORKS: i64 = 15;

/// The administrator's token.
pub(crate) fn token() -> String {
    format!("glpat-{}", vault::value("gitlab", "token"))
}

/// The password of `root`: what the Secret says, or the vault.
pub(crate) fn root(services: &Services) -> String {
    let names =
        ["gitlab-root-password", "gitlab-gitlab-initial-root-password", "gitlab-initial-root-password", "gitlab-root"];
    let of = |cluster: &std::sync::Arc<crate::lab::kube::cluster::Cluster>| {
        ["gitlab-system", "gitlab"].iter().find_map(|space| {
            names.iter().find_map(|name| super::secret(cluster, space, name, &["password", "root-password"]))
        })
    };
    services.clusters.values().find_map(of).unwrap_or_else(|| vault::value("gitlab", "root-password"))
}

fn refused(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message }))
}

pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        ["-", "health"] => return Reply::text(200, "GitLab OK"),
        ["-", "liveness"] => return Reply::json(200, &json!({ "status": "ok" })),
        ["-", "readiness"] => return readiness(site, asked.value("all").is_some()),
        ["-", "metrics"] => return super::metrics::of_pod(site),
        ["users", "sign_in"] => {
            return Reply::html(200, "<!DOCTYPE html>\n<html><head><title>Sign in · GitLab</title></head></html>\n");
        }
        [] => return Reply::empty(302).with("location", "/users/sign_in"),
        ["oauth", "token"] if asked.method == Method::POST => return sign_in(site, asked),
        ["jwt", "auth"] => {
            return Reply::json(
                401,
                &json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "HTTP Basic: Access denied." }] }),
            );
        }
        _ => {}
    }
    let down = wrong(site);
    if !down.is_empty() {
        return Reply::html(
            500,
            "<!DOCTYPE html>\n<html><head><title>Something went wrong (500)</title></head></html>\n",
        );
    }
    if let [owner, project, "info", "refs"] = parts.as_slice() {
        return refs(site, asked, &format!("{owner}/{project}"));
    }
    let ["api", "v4", rest @ ..] = parts.as_slice() else {
        return Reply::html(404, "<title>The page could not be found (404)</title>\n");
    };
    let token_given =
        [asked.header("private-token"), asked.bearer().unwrap_or_default()].into_iter().find(|one| !one.is_empty());
    match token_given {
        None if matches!(rest, ["projects", ..] | ["version" | "user" | "runners", ..]) => {
            return refused(401, "401 Unauthorized");
        }
        Some(own) if own != token() && own != vault::value("gitlab", "oauth") => {
            return refused(401, "401 Unauthorized");
        }
        _ => {}
    }
    api(site, asked, rest)
}

/// What does not work of what it needs.
fn wrong(site: &Site<'_>) -> Vec<&'static str> {
    let gitaly = {
        let world = site.cluster.world();
        let pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
        let own: Vec<bool> = pods.filter(|pod| pod["metadata"]["labels"]["app"] == "gitaly").map(ready).collect();
        own.is_empty() || own.contains(&true)
    };
    [
        ("db_check", needs::pooler(site.cluster, "gitlab")),
        ("redis_check", needs::cache(site.cluster)),
        ("gitaly_check", gitaly),
    ]
    .into_iter()
    .filter(|(_, well)| !well)
    .map(|(name, _)| name)
    .collect()
}

fn readiness(site: &Site<'_>, all: bool) -> Reply {
    let wrong = wrong(site);
    let mut body =
        json!({ "status": if wrong.is_empty() { "ok" } else { "failed" }, "master_check": [{ "status": "ok" }] });
    if all || !wrong.is_empty() {
        for name in ["db_check", "redis_check", "gitaly_check"] {
            let well = !wrong.contains(&name);
            body[name] = json!([{ "status": if well { "ok" } else { "failed" } }]);
        }
    }
    Reply::json(if wrong.is_empty() { 200 } else { 503 }, &body)
}

fn sign_in(site: &Site<'_>, asked: &Asked) -> Reply {
    let (user, password) = (asked.value("username").unwrap_or_default(), asked.value("password").unwrap_or_default());
    if user == "root" && password == root(site.services) {
        return Reply::json(
            200,
            &json!({ "access_token": vault::value("gitlab", "oauth"), "token_type": "Bearer", "expires_in": 7200, "scope": "api" }),
        );
    }
    Reply::json(
        400,
        &json!({ "error": "invalid_grant", "error_description": "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client." }),
    )
}

/// What `git clone` asks first: the branch and its commit.
fn refs(site: &Site<'_>, asked: &Asked, path: &str) -> Reply {
    let path = path.trim_end_matches(".git");
    let allowed = asked
        .basic()
        .is_some_and(|(user, password)| (user == "root" && password == root(site.services)) || password == token());
    if !allowed {
        return Reply::text(401, "HTTP Basic: Access denied.\n").with("www-authenticate", "Basic realm=\"GitLab\"");
    }
    let state = site.services.state();
    let Some(project) = state.forge.projects.iter().find(|project| project.path == path) else {
        return Reply::text(404, "The project you were looking for could not be found.\n");
    };
    let head = head(project);
    let service = asked.value("service").unwrap_or_default();
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let body = format!(
        "{}0000{}{}0000",
        line(&format!("# service={service}\n")),
        line(&format!("{head} HEAD\0symref=HEAD:refs/heads/main agent=git/lab\n")),
        line(&format!("{head} refs/heads/main\n"))
    );
    Reply::new(200, &format!("application/x-{service}-advertisement"), body)
}

/// The commit that the branch is at: it follows from what the project has.
fn head(project: &Project) -> String {
    let own = project.commits.last().and_then(|commit| commit["id"].as_str().map(String::from));
    own.unwrap_or_else(|| sha(&project.path))
}

fn sha(of: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(of.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

fn api(site: &Site<'_>, asked: &Asked, path: &[&str]) -> Reply {
    let now = site.services.now();
    let runners = runners(site.services);
    let taken = runners.iter().any(|(_, online)| *online);
    // What a pipeline builds it pushes to Harbor.
    let pushes = !site
        .services
        .world
        .service("harbor")
        .iter()
        .any(|wrong| matches!(wrong, Wrong::Down | Wrong::Status(_) | Wrong::Unavailable(_)));
    let mut state = site.services.state();
    let forge = &mut state.forge;
    match (&asked.method, path) {
        (_, ["version"]) => Reply::json(200, &json!({ "version": "18.4.0-ee", "revision": "lab", "enterprise": true })),
        (_, ["user"]) => Reply::json(200, &json!({ "id": 1, "username": "root", "state": "active", "is_admin": true })),
        (&Method::GET, ["runners"] | ["runners", "all"]) => {
            let one = |(index, (name, online)): (usize, &(String, bool))| {
                json!({
                    "id": index + 1, "description": name, "runner_type": "instance_type", "active": true, "paused": false, "online": online,
                    "status": if *online { "online" } else { "offline" },
                })
            };
            Reply::json(200, &runners.iter().enumerate().map(one).collect())
        }
        (&Method::GET, ["application", "settings"]) => Reply::json(
            200,
            &json!({ "container_registry_enabled": true, "container_registry_url": "https://harbor.monosense.io" }),
        ),
        (&Method::GET, ["projects"]) => {
            let wanted = asked.value("search");
            let all = forge.projects.iter().filter(|one| wanted.as_ref().is_none_or(|part| one.path.contains(part)));
            Reply::json(200, &all.map(shown).collect())
        }
        (&Method::POST, ["projects"]) => {
            let body = asked.json().unwrap_or_default();
            let name = body["path"]
                .as_str()
                .or_else(|| body["name"].as_str())
                .map(String::from)
                .or_else(|| asked.value("name"));
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                return Reply::json(
                    400,
                    &json!({ "error": "name, path are missing, at least one parameter must be provided" }),
                );
            };
            let whole = format!("root/{name}");
            if forge.projects.iter().any(|one| one.path == whole) {
                return Reply::json(
                    400,
                    &json!({ "message": { "name": ["has already been taken"], "path": ["has already been taken"] } }),
                );
            }
            forge.counted += 1;
            let project = Project { id: forge.counted, path: whole, ..Project::default() };
            let reply = Reply::json(201, &shown(&project));
            forge.projects.push(project);
            reply
        }
        (method, ["projects", wanted, rest @ ..]) => {
            let wanted = super::http::decoded(wanted, false);
            let Some(place) = forge.projects.iter().position(|one| one.path == wanted || one.id.to_string() == wanted)
            else {
                return refused(404, "404 Project Not Found");
            };
            if (method, rest) == (&Method::DELETE, &[][..]) {
                forge.projects.remove(place);
                return Reply::json(202, &json!({ "message": "202 Accepted" }));
            }
            within(&mut forge.projects[place], asked, rest, now, taken, pushes)
        }
        _ => Reply::json(404, &json!({ "error": "404 Not Found" })),
    }
}

fn shown(project: &Project) -> Value {
    let name = project.path.rsplit('/').next().unwrap_or_default();
    let url = format!("https://gitlab.monosense.io/{}", project.path);
    json!({
        "id": project.id, "name": name, "path": name, "path_with_namespace": project.path, "default_branch": "main", "visibility": "private",
        "web_url": url, "http_url_to_repo": format!("{url}.git"), "empty_repo": project.files.is_empty(), "container_registry_enabled": true,
    })
}

/// The runners: a Deployment of gitlab-runner each.
fn runners(services: &Services) -> Vec<(String, bool)> {
    let mut out = Vec::new();
    for cluster in services.clusters.values() {
        let world = cluster.world();
        let pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
        for pod in pods {
            let image = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
            if super::programs::bare(image) == "gitlab-runner" {
                out.push((pod["metadata"]["name"].as_str().unwrap_or_default().to_string(), ready(pod)));
            }
        }
    }
    out
}

fn within(project: &mut Project, asked: &Asked, path: &[&str], now: Timestamp, taken: bool, pushes: bool) -> Reply {
    match (&asked.method, path) {
        (&Method::GET, []) => Reply::json(200, &shown(project)),
        (&Method::GET, ["repository", "tree"]) => Reply::json(
            200,
            &project
                .files
                .keys()
                .map(|name| json!({ "name": name, "path": name, "type": "blob", "mode": "100644" }))
                .collect(),
        ),
        (&Method::GET, ["repository", "files", name, "raw"]) => {
            let name = super::http::decoded(name, false);
            project
                .files
                .get(&name)
                .map_or_else(|| refused(404, "404 File Not Found"), |text| Reply::text(200, text.clone()))
        }
        (&Method::GET, ["repository", "commits"]) => Reply::json(200, &project.commits.iter().rev().cloned().collect()),
        (&Method::POST, ["repository", "commits"]) => commit(project, asked, now),
        (method @ (&Method::POST | &Method::PUT), ["repository", "files", name]) => {
            let body = asked.json().unwrap_or_default();
            let (Some(content), Some(message)) = (body["content"].as_str(), body["commit_message"].as_str()) else {
                return Reply::json(400, &json!({ "error": "commit_message is missing, content is missing" }));
            };
            let name = super::http::decoded(name, false);
            if (method == Method::POST) == project.files.contains_key(&name) {
                return refused(
                    400,
                    if method == Method::POST {
                        "A file with this name already exists"
                    } else {
                        "A file with this name doesn't exist"
                    },
                );
            }
            project.files.insert(name.clone(), content.into());
            committed(project, message, now);
            Reply::json(201, &json!({ "file_path": name, "branch": "main" }))
        }
        (&Method::GET, ["pipelines"]) => Reply::json(
            200,
            &project.pipelines.iter().rev().map(|one| pipeline(project, one, now, taken, pushes)).collect(),
        ),
        (&Method::POST, ["pipeline"]) => match begin(project, now) {
            Some(one) => Reply::json(201, &pipeline(project, &one, now, taken, pushes)),
            None => Reply::json(400, &json!({ "message": { "base": ["Missing CI config file"] } })),
        },
        (&Method::GET, ["pipelines", id]) => {
            let found = project.pipelines.iter().find(|(own, ..)| own.to_string() == *id);
            found.map_or_else(
                || refused(404, "404 Not found"),
                |one| Reply::json(200, &pipeline(project, one, now, taken, pushes)),
            )
        }
        (&Method::GET, ["pipelines", id, "jobs"]) => {
            let Some(one) = project.pipelines.iter().find(|(own, ..)| own.to_string() == *id) else {
                return refused(404, "404 Not found");
            };
            let whole = pipeline(project, one, now, taken, pushes);
            Reply::json(
                200,
                &json!([{ "id": one.0 * 10, "name": "build", "stage": "build", "status": whole["status"], "ref": "main", "failure_reason": if whole["status"] == "failed" { json!("script_failure") } else { Value::Null } }]),
            )
        }
        _ => Reply::json(404, &json!({ "error": "404 Not Found" })),
    }
}

fn commit(project: &mut Project, asked: &Asked, now: Timestamp) -> Reply {
    let body = asked.json().unwrap_or_default();
    let (Some(message), Some(actions)) = (body["commit_message"].as_str(), body["actions"].as_array()) else {
        return Reply::json(
            400,
            &json!({ "error": "branch is missing, commit_message is missing, actions is missing" }),
        );
    };
    for action in actions {
        let name = action["file_path"].as_str().unwrap_or_default().to_string();
        let there = project.files.contains_key(&name);
        match action["action"].as_str() {
            Some("create") if there => return refused(400, "A file with this name already exists"),
            Some("update" | "delete") if !there => return refused(400, "A file with this name doesn't exist"),
            Some("create" | "update") => {
                project.files.insert(name, action["content"].as_str().unwrap_or_default().into());
            }
            Some("delete") => {
                project.files.remove(&name);
            }
            _ => return Reply::json(400, &json!({ "error": "actions[0][action] does not have a valid value" })),
        }
    }
    Reply::json(201, &committed(project, message, now))
}

/// A commit; where there is a file for it, it begins a pipeline.
fn committed(project: &mut Project, message: &str, now: Timestamp) -> Value {
    let id = sha(&format!("{} {} {message}", project.path, project.commits.len()));
    let one = json!({ "id": id, "short_id": &id[..8], "title": message, "message": message, "created_at": now.to_string(), "author_name": "Administrator" });
    project.commits.push(one.clone());
    begin(project, now);
    one
}

fn begin(project: &mut Project, now: Timestamp) -> Option<(u64, Timestamp, String)> {
    project.files.get(".gitlab-ci.yml")?;
    let one = (project.pipelines.len() as u64 + 1, now, head(project));
    project.pipelines.push(one.clone());
    Some(one)
}

fn pipeline(
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
