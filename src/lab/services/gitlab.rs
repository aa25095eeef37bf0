//! GitLab: projects with files and commits, pipelines that run where there is a runner, runners, readiness.
//!
//! Source: docs.gitlab.com/api, version 4: "Projects", "Commits", "Pipelines", "Runners"; "Health check".

mod built;
mod pipeline;
mod project;

use std::collections::BTreeMap;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use pipeline::pipeline;
use project::{committed, shown, tell, within};

use super::{Asked, Reply, Services, Site, git, needs, ready, vault};
use crate::lab::pods::projects;
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
    repository: git::Repository,
    /// Tokens of the project alone.
    tokens: Vec<String>,
    variables: BTreeMap<String, String>,
}

impl Default for Forge {
    fn default() -> Self {
        let mut project = Project {
            id: 1,
            path: "root/test-project".into(),
            files: BTreeMap::from([("README.md".into(), "# test-project\n".into())]),
            ..Project::default()
        };
        project.repository.commit(&project.files, "Initial commit", Timestamp::UNIX_EPOCH);
        Self { projects: vec![project], counted: 1 }
    }
}

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
    match parts.as_slice() {
        [owner, project, "info", "refs"] => return over_git(site, asked, &format!("{owner}/{project}"), ""),
        [owner, project, service @ ("git-upload-pack" | "git-receive-pack")] if asked.method == Method::POST => {
            return over_git(site, asked, &format!("{owner}/{project}"), service);
        }
        _ => {}
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
    let reply = api(site, asked, rest);
    if asked.method != Method::GET {
        hold(site);
    }
    if rest.contains(&"pipelines") {
        super::harbor::tell(site);
    }
    reply
}

/// Tells the clusters' source-controllers what there is to fetch.
fn hold(site: &Site<'_>) {
    let root = root(site.services);
    let projects: BTreeMap<String, projects::Project> = {
        let state = site.services.state();
        let one = |project: &Project| {
            let passwords = project.tokens.iter().cloned().chain([token(), root.clone()]).collect();
            let held = projects::Project {
                commit: project.repository.head().to_owned(),
                files: project.files.clone(),
                passwords,
            };
            (project::url(project), held)
        };
        state.forge.projects.iter().map(one).collect()
    };
    for cluster in site.services.clusters.values() {
        cluster.world().inside.projects.hold(projects.clone());
    }
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

/// What `git` asks: what there is, with an empty service, or what it fetches or pushes.
fn over_git(site: &Site<'_>, asked: &Asked, path: &str, service: &str) -> Reply {
    let path = path.trim_end_matches(".git");
    let now = site.services.now();
    let password = asked.basic();
    let is_root = password
        .as_ref()
        .is_some_and(|(user, given)| (user == "root" && *given == root(site.services)) || *given == token());
    let mut state = site.services.state();
    let found = state.forge.projects.iter_mut().find(|project| project.path == path);
    let own = |project: &Project| password.as_ref().is_some_and(|(_, given)| project.tokens.contains(given));
    if !is_root && !found.as_deref().is_some_and(own) {
        return Reply::text(401, "HTTP Basic: Access denied.\n").with("www-authenticate", "Basic realm=\"GitLab\"");
    }
    let Some(project) = found else {
        return Reply::text(404, "The project you were looking for could not be found.\n");
    };
    match service {
        "git-upload-pack" => {
            Reply::new(200, "application/x-git-upload-pack-result", project.repository.upload(&asked.body))
        }
        "git-receive-pack" => {
            let result = project.repository.receive(&asked.body);
            let told = git::report(&result);
            if let Ok(pushed) = result {
                project.files = pushed.files;
                tell(project, &pushed.commit, &pushed.message, now);
            }
            drop(state);
            hold(site);
            Reply::new(200, "application/x-git-receive-pack-result", told)
        }
        _ => {
            let service = asked.value("service").unwrap_or_default();
            let media = format!("application/x-{service}-advertisement");
            Reply::new(200, &media, project.repository.refs(&service))
        }
    }
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
    let state = &mut *state;
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
            let mut project = Project { id: forge.counted, path: whole, ..Project::default() };
            if body["initialize_with_readme"] == true {
                project.files.insert("README.md".into(), format!("# {name}\n"));
                committed(&mut project, "Initial commit", now);
            }
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
            let project = &mut forge.projects[place];
            let reply = within(project, asked, rest, now, taken, pushes);
            if rest.first() == Some(&"pipelines") {
                deliver(state, place, (now, taken, pushes));
            }
            reply
        }
        _ => Reply::json(404, &json!({ "error": "404 Not Found" })),
    }
}

/// What a project's pipelines have built by now is in Harbor.
fn deliver(state: &mut super::State, place: usize, (now, taken, pushes): (Timestamp, bool, bool)) {
    let project = &state.forge.projects[place];
    let done = project.pipelines.iter().filter(|one| pipeline(project, one, now, taken, pushes)["status"] == "success");
    let built: Vec<_> = done.filter_map(|(_, _, sha)| Some((built::destination(project, sha)?, sha.clone()))).collect();
    for (image, sha) in built {
        built::put(&mut state.images, &image, &sha, now);
    }
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
