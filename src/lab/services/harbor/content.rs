//! Harbor's own API: projects, their repositories with artifacts and tags, robots.

use http::Method;
use serde_json::{Value, json};

use super::{Harbor, Project, Who, refused};
use crate::lab::services::oci::{Images, Manifest};
use crate::lab::services::{Asked, Reply, Site, vault};

type Answered = Result<Reply, Reply>;

/// Answers a path below `/api/v2.0`.
pub(super) fn answer(site: &Site<'_>, asked: &Asked, who: &Who, path: &[&str]) -> Reply {
    let now = site.services.now().strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    let mut state = site.services.state();
    let state = &mut *state;
    let (harbor, images) = (&mut state.harbor, &mut state.images);
    let read = matches!(asked.method, Method::GET | Method::HEAD);
    let known = *who != Who::Nobody;
    if !known && (!read || !matches!(path.first(), Some(&("projects" | "systeminfo" | "statistics")))) {
        return refused(401, "UNAUTHORIZED", "unauthorized");
    }
    let result = match (&asked.method, path) {
        (_, ["systeminfo"]) => Ok(Reply::json(
            200,
            &json!({
                "auth_mode": "db_auth", "harbor_version": if known { json!("v2.14.0") } else { Value::Null },
                "registry_url": asked.host, "external_url": format!("https://{}", asked.host), "self_registration": false,
                "has_ca_root": false, "project_creation_restriction": "adminonly", "read_only": false,
            }),
        )),
        (_, ["statistics"]) => Ok(statistics(harbor, images)),
        (_, ["users", "current"]) => {
            Ok(Reply::json(200, &json!({ "user_id": 1, "username": name(who), "sysadmin_flag": *who == Who::Admin })))
        }
        (&Method::GET, ["projects"]) => Ok(projects(harbor, images, asked, known)),
        (&Method::POST, ["projects"]) => create_project(harbor, asked, now),
        (&Method::HEAD, ["projects"]) => {
            let name = asked.value("project_name").unwrap_or_default();
            Ok(Reply::empty(if harbor.projects.contains_key(&name) { 200 } else { 404 }))
        }
        (&Method::GET | &Method::HEAD, ["projects", name]) => {
            project(harbor, name, known).map(|(name, own)| Reply::json(200, &shown(name, own, images)))
        }
        (&Method::DELETE, ["projects", name]) => delete_project(harbor, images, name),
        (&Method::GET, ["projects", name, "repositories"]) => {
            let (name, _) = match project(harbor, name, known) {
                Ok(found) => found,
                Err(refused) => return refused,
            };
            Ok(repositories(images, name))
        }
        (&Method::GET, ["repositories"]) => Ok(repositories(images, "")),
        (method, ["projects", name, "repositories", repository, rest @ ..]) => {
            let name = match project(harbor, name, known) {
                Ok((name, _)) => name.to_string(),
                Err(refused) => return refused,
            };
            // A slash in a repository's name is encoded twice.
            let whole = format!("{name}/{}", crate::lab::services::http::decoded(repository, false));
            within(images, method, &whole, rest)
        }
        (&Method::GET, ["robots"]) => {
            let one = |(name, (id, _)): (&String, &(u64, String))| json!({ "id": id, "name": name, "level": "system", "disable": false, "expires_at": -1 });
            Ok(Reply::json(200, &harbor.robots.iter().map(one).collect()))
        }
        (&Method::POST, ["robots"]) => create_robot(harbor, asked),
        (&Method::DELETE, ["robots", id]) => {
            let before = harbor.robots.len();
            harbor.robots.retain(|_, (own, _)| own.to_string() != *id);
            if harbor.robots.len() < before {
                Ok(Reply::empty(200))
            } else {
                Err(refused(404, "NOT_FOUND", &format!("robot account {id} not found")))
            }
        }
        _ => Err(refused(404, "NOT_FOUND", &format!("path {} was not found", asked.path))),
    };
    result.unwrap_or_else(|refused| refused)
}

fn name(who: &Who) -> &str {
    match who {
        Who::Nobody => "",
        Who::Admin => "admin",
        Who::Robot(name) => name,
    }
}

fn statistics(harbor: &Harbor, images: &Images) -> Reply {
    let public = harbor.projects.values().filter(|project| project.public).count();
    let total = images.repositories.len();
    Reply::json(
        200,
        &json!({
            "total_project_count": harbor.projects.len(), "public_project_count": public,
            "private_project_count": harbor.projects.len() - public, "total_repo_count": total, "total_storage_consumption": 0,
        }),
    )
}

fn shown(name: &str, project: &Project, images: &Images) -> Value {
    let prefix = format!("{name}/");
    let count = images.repositories.keys().filter(|own| own.starts_with(&prefix)).count();
    json!({
        "project_id": project.id, "name": name, "owner_name": "admin", "repo_count": count, "deleted": false,
        "metadata": { "public": project.public.to_string() }, "creation_time": project.created, "update_time": project.created,
    })
}

fn projects(harbor: &Harbor, images: &Images, asked: &Asked, known: bool) -> Reply {
    let wanted = asked.value("name");
    let fits = |(name, project): &(&String, &Project)| {
        (known || project.public) && wanted.as_ref().is_none_or(|part| name.contains(part))
    };
    let all: Vec<Value> =
        harbor.projects.iter().filter(fits).map(|(name, project)| shown(name, project, images)).collect();
    let count = all.len().to_string();
    Reply::json(200, &all.into()).with("x-total-count", count)
}

fn project<'h>(harbor: &'h Harbor, name: &str, known: bool) -> Result<(&'h str, &'h Project), Reply> {
    let by_id = || harbor.projects.iter().find(|(_, project)| project.id.to_string() == name);
    let found = harbor.projects.get_key_value(name).or_else(by_id);
    match found {
        Some((name, project)) if known || project.public => Ok((name, project)),
        Some(_) => Err(refused(401, "UNAUTHORIZED", "unauthorized")),
        None if known => Err(refused(404, "NOT_FOUND", &format!("project {name} not found"))),
        None => Err(refused(403, "FORBIDDEN", &format!("project {name} not found"))),
    }
}

fn create_project(harbor: &mut Harbor, asked: &Asked, created: String) -> Answered {
    let body = asked.json().unwrap_or_default();
    let name = body["project_name"].as_str().unwrap_or_default().to_string();
    let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || !name.chars().all(fine) {
        return Err(refused(400, "BAD_REQUEST", "project name is not in lower case or contains illegal characters"));
    }
    if harbor.projects.contains_key(&name) {
        return Err(refused(409, "CONFLICT", &format!("The project named {name} already exists")));
    }
    harbor.counted += 1;
    let public = body["public"] == true || body["metadata"]["public"] == "true";
    let location = format!("/api/v2.0/projects/{}", harbor.counted);
    harbor.projects.insert(name, Project { id: harbor.counted, public, created });
    Ok(Reply::empty(201).with("location", location))
}

fn delete_project(harbor: &mut Harbor, images: &Images, name: &str) -> Answered {
    let (name, _) = project(harbor, name, true)?;
    let name = name.to_string();
    if images
        .repositories
        .iter()
        .any(|(own, repository)| own.starts_with(&format!("{name}/")) && !repository.manifests.is_empty())
    {
        return Err(refused(
            412,
            "PRECONDITION",
            &format!("the project {name} can not be deleted: the project contains repositories"),
        ));
    }
    harbor.projects.remove(&name);
    Ok(Reply::empty(200))
}

fn repositories(images: &Images, project: &str) -> Reply {
    let prefix = if project.is_empty() { String::new() } else { format!("{project}/") };
    let all: Vec<Value> = images
        .repositories
        .iter()
        .filter(|(name, repository)| name.starts_with(&prefix) && !repository.manifests.is_empty())
        .enumerate()
        .map(|(index, (name, repository))| json!({
            "id": index + 1, "name": name, "artifact_count": repository.manifests.len(), "pull_count": 0, "project_id": 1,
        }))
        .collect();
    let count = all.len().to_string();
    Reply::json(200, &all.into()).with("x-total-count", count)
}

/// A repository's artifacts, by digest or tag.
fn within(images: &mut Images, method: &Method, name: &str, path: &[&str]) -> Answered {
    let missing = || refused(404, "NOT_FOUND", &format!("repository {name} not found"));
    if images.repositories.get(name).is_none_or(|repository| repository.manifests.is_empty()) {
        return Err(missing());
    }
    if let (&Method::DELETE, []) = (method, path) {
        images.repositories.remove(name);
        return Ok(Reply::empty(200));
    }
    let repository = images.repositories.get(name).ok_or_else(missing)?;
    let one = |digest: &String, manifest: &Manifest| artifact(images, name, digest, manifest);
    match (method, path) {
        (&Method::GET, []) => Ok(Reply::json(
            200,
            &json!({ "name": name, "artifact_count": repository.manifests.len(), "pull_count": 0 }),
        )),
        (&Method::GET, ["artifacts"]) => {
            let all: Vec<Value> = repository.manifests.iter().map(|(digest, manifest)| one(digest, manifest)).collect();
            let count = all.len().to_string();
            Ok(Reply::json(200, &all.into()).with("x-total-count", count))
        }
        (_, ["artifacts", reference, rest @ ..]) => {
            let digest = if reference.contains(':') {
                (*reference).to_string()
            } else {
                repository.tags.get(*reference).cloned().unwrap_or_default()
            };
            let gone = || refused(404, "NOT_FOUND", &format!("artifact {name}:{reference} not found"));
            let manifest = repository.manifests.get(&digest).ok_or_else(gone)?;
            match (method, rest) {
                (&Method::GET, []) => Ok(Reply::json(200, &one(&digest, manifest))),
                (&Method::GET, ["tags"]) => Ok(Reply::json(200, &one(&digest, manifest)["tags"])),
                (&Method::DELETE, []) => {
                    if let Some(repository) = images.repositories.get_mut(name) {
                        repository.manifests.remove(&digest);
                        repository.tags.retain(|_, own| *own != digest);
                    }
                    Ok(Reply::empty(200))
                }
                (&Method::POST, ["scan"]) => Ok(Reply::empty(202)),
                _ => Err(refused(404, "NOT_FOUND", "not found")),
            }
        }
        _ => Err(refused(404, "NOT_FOUND", "not found")),
    }
}

fn artifact(images: &Images, name: &str, digest: &str, manifest: &Manifest) -> Value {
    let value: Value = serde_json::from_slice(&manifest.body).unwrap_or_default();
    let layers = value["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let parts = layers.iter().chain([&value["config"]]).filter_map(|part| images.size(part["digest"].as_str()?));
    let size = manifest.body.len() + parts.sum::<usize>();
    let tags = images.repositories.get(name).into_iter().flat_map(|repository| &repository.tags);
    let pushed = manifest.pushed.to_string();
    let tags: Vec<Value> = tags
        .filter(|(_, own)| *own == digest)
        .map(|(tag, _)| json!({ "name": tag, "push_time": pushed, "immutable": false }))
        .collect();
    json!({
        "digest": digest, "media_type": value["config"]["mediaType"], "manifest_media_type": manifest.media, "size": size,
        "push_time": pushed, "tags": tags, "type": "IMAGE", "repository_name": name,
    })
}

fn create_robot(harbor: &mut Harbor, asked: &Asked) -> Answered {
    let body = asked.json().unwrap_or_default();
    let (name, level) = (body["name"].as_str().unwrap_or_default(), body["level"].as_str().unwrap_or_default());
    if name.is_empty() || !matches!(level, "system" | "project") {
        return Err(refused(400, "BAD_REQUEST", "bad request error level input: name and level are needed"));
    }
    let project = body["permissions"][0]["namespace"].as_str().unwrap_or("library");
    let full = if level == "project" { format!("robot${project}+{name}") } else { format!("robot${name}") };
    if harbor.robots.contains_key(&full) {
        return Err(refused(409, "CONFLICT", &format!("robot account {full} already exists")));
    }
    harbor.counted += 1;
    let secret = vault::value("harbor-robot", &full);
    harbor.robots.insert(full.clone(), (harbor.counted, secret.clone()));
    Ok(Reply::json(201, &json!({ "id": harbor.counted, "name": full, "secret": secret, "expires_at": -1 })))
}
