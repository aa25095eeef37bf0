//! What GitLab's API says of one project: its files, commits, pipelines and jobs, variables and tokens.
//!
//! Source: docs.gitlab.com/api, version 4: "Projects", "Repository files", "Commits", "Jobs".

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::pipeline::{begin, pipeline, trace};
use super::{Project, refused};
use crate::lab::services::{Asked, Reply, vault};

/// Where it is cloned from.
pub(super) fn url(project: &Project) -> String {
    format!("https://gitlab.monosense.io/{}.git", project.path)
}

pub(super) fn shown(project: &Project) -> Value {
    let name = project.path.rsplit('/').next().unwrap_or_default();
    let page = format!("https://gitlab.monosense.io/{}", project.path);
    json!({
        "id": project.id, "name": name, "path": name, "path_with_namespace": project.path, "default_branch": "main", "visibility": "private",
        "web_url": page, "http_url_to_repo": url(project), "empty_repo": project.files.is_empty(), "container_registry_enabled": true,
        "container_registry_image_prefix": format!("harbor.monosense.io/{}", project.path),
    })
}

pub(super) fn within(
    project: &mut Project,
    asked: &Asked,
    path: &[&str],
    now: Timestamp,
    taken: bool,
    pushes: bool,
) -> Reply {
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
            let name = crate::lab::services::http::decoded(name, false);
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
            let name = crate::lab::services::http::decoded(name, false);
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
        (&Method::POST, ["access_tokens"]) => {
            let body = asked.json().unwrap_or_default();
            let Some(name) = body["name"].as_str() else {
                return Reply::json(400, &json!({ "error": "name is missing, scopes is missing" }));
            };
            let own = format!("glpat-{}", vault::value(&project.path, name));
            project.tokens.push(own.clone());
            let shown = json!({ "id": project.tokens.len(), "name": name, "scopes": body["scopes"], "active": true, "token": own });
            Reply::json(201, &shown)
        }
        (&Method::POST, ["variables"]) => {
            let body = asked.json().unwrap_or_default();
            let (Some(key), Some(value)) = (body["key"].as_str(), body["value"].as_str()) else {
                return Reply::json(400, &json!({ "error": "key is missing, value is missing" }));
            };
            project.variables.insert(key.into(), value.into());
            Reply::json(201, &json!({ "key": key, "variable_type": "env_var", "masked": body["masked"] == true }))
        }
        (&Method::GET, ["pipelines"]) => Reply::json(
            200,
            &project.pipelines.iter().rev().map(|one| pipeline(project, one, now, taken, pushes)).collect(),
        ),
        (&Method::POST, ["pipeline"]) => match begin(project, now) {
            Some(one) => Reply::json(201, &pipeline(project, &one, now, taken, pushes)),
            None => Reply::json(400, &json!({ "message": { "base": ["Missing CI config file"] } })),
        },
        (&Method::GET, ["jobs", id, "trace"]) => {
            let found = project.pipelines.iter().find(|(own, ..)| format!("{}", own * 10) == *id);
            found.map_or_else(
                || refused(404, "404 Not found"),
                |one| Reply::text(200, trace(project, &pipeline(project, one, now, taken, pushes))),
            )
        }
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

pub(super) fn commit(project: &mut Project, asked: &Asked, now: Timestamp) -> Reply {
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

/// A commit of the files; where there is a file for it, it begins a pipeline.
pub(super) fn committed(project: &mut Project, message: &str, now: Timestamp) -> Value {
    let id = project.repository.commit(&project.files, message, now);
    tell(project, &id, message, now)
}

/// Notes a commit that the branch has now.
pub(super) fn tell(project: &mut Project, id: &str, message: &str, now: Timestamp) -> Value {
    let title = message.lines().next().unwrap_or_default();
    let one = json!({ "id": id, "short_id": id.get(..8), "title": title, "message": message, "created_at": now.to_string(), "author_name": "Administrator" });
    project.commits.push(one.clone());
    // Those who ask for none get none.
    if !["[skip ci]", "[ci skip]"].iter().any(|words| message.contains(words)) {
        begin(project, now);
    }
    one
}
