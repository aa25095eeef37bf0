//! Harbor: projects, repositories, artifacts, robots, health; and the token service and the registry behind it.
//!
//! Source: Harbor 2.14's API (`api/v2.0/swagger.yaml`); the Docker registry's "Token Authentication Specification".

mod content;
mod held;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::oci::{self, Right};
use super::{Asked, Reply, Services, Site, needs, programs, ready, vault};
use crate::lab::world::Wrong;

/// What Harbor knows besides its images.
#[derive(Debug)]
pub(crate) struct Harbor {
    projects: BTreeMap<String, Project>,
    robots: BTreeMap<String, (u64, String)>,
    counted: u64,
}

#[derive(Debug)]
struct Project {
    id: u64,
    public: bool,
    created: String,
}

impl Default for Harbor {
    fn default() -> Self {
        let library = Project { id: 1, public: true, created: "2026-01-01T00:00:00.000Z".into() };
        Self { projects: BTreeMap::from([("library".into(), library)]), robots: BTreeMap::new(), counted: 1 }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Nobody,
    Admin,
    Robot(String),
}

/// An error in Harbor's form.
fn refused(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [{ "code": code, "message": message }] }))
}

/// Tells the clusters' nodes what there is to pull, where somebody else than a client has put it there.
pub(super) fn tell(site: &Site<'_>) {
    held::tell(site, "harbor.monosense.io");
}

/// The page without anything behind.
pub(super) fn portal(_: &Site<'_>, asked: &Asked) -> Reply {
    if asked.path.starts_with("/api/") || asked.path.starts_with("/v2") || asked.path.starts_with("/service/") {
        return Reply::html(404, "<html><head><title>404 Not Found</title></head></html>\n");
    }
    Reply::html(
        200,
        "<!doctype html>\n<html><head><title>Harbor</title></head><body><harbor-app></harbor-app></body></html>\n",
    )
}

/// Harbor's core, or its proxy in front of it.
pub(super) fn answer(site: &Site<'_>, asked: &Asked) -> Reply {
    let parts = asked.parts();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    if !matches!(parts.first(), Some(&("api" | "v2" | "service" | "c"))) {
        return portal(site, asked);
    }
    let health = Health::of(site);
    if parts == ["api", "v2.0", "health"] {
        return health.shown();
    }
    if parts == ["api", "v2.0", "ping"] {
        return Reply::text(200, "Pong");
    }
    if !health.has("database") {
        return refused(500, "UNKNOWN", "internal server error");
    }
    let who = who(site, asked);
    let Some(who) = who else {
        let reply = refused(401, "UNAUTHORIZED", "unauthorized");
        return if parts.first() == Some(&"v2") { reply.with("www-authenticate", realm(asked)) } else { reply };
    };
    let reply = match parts.as_slice() {
        ["service", "token"] => token(asked, &who),
        ["v2", ..] => registry(site, asked, &who, &health),
        ["api", "v2.0", rest @ ..] => content::answer(site, asked, &who, rest),
        _ => refused(404, "NOT_FOUND", "not found"),
    };
    if !matches!(asked.method, Method::GET | Method::HEAD) && reply.status.is_success() {
        held::tell(site, &asked.host);
    }
    reply
}

/// Who the credentials say; none where they are wrong.
fn who(site: &Site<'_>, asked: &Asked) -> Option<Who> {
    if let Some(token) = asked.bearer() {
        return match token {
            token if token == sign("") => Some(Who::Nobody),
            token if token == sign("admin") => Some(Who::Admin),
            token => {
                let state = site.services.state();
                let mut robots = state.harbor.robots.keys();
                robots.find(|name| token == sign(name)).map(|name| Who::Robot(name.clone()))
            }
        };
    }
    let Some((user, password)) = asked.basic() else {
        return if asked.header("authorization").is_empty() { Some(Who::Nobody) } else { None };
    };
    if user == "admin" {
        return (password == admin(site.services)).then_some(Who::Admin);
    }
    let state = site.services.state();
    let known = state.harbor.robots.get(&user).is_some_and(|(_, secret)| *secret == password);
    known.then_some(Who::Robot(user))
}

/// The administrator's password: what a Secret of Harbor's namespace says, or the vault.
pub(crate) fn admin(services: &Services) -> String {
    let keys = ["HARBOR_ADMIN_PASSWORD", "harbor_admin_password", "adminPassword", "admin-password"];
    let own = services.clusters.values().find_map(|cluster| {
        let names: Vec<String> =
            cluster.world().store.list("secrets", "harbor").map(|(place, _)| place.name.clone()).collect();
        names.iter().find_map(|name| super::secret(cluster, "harbor", name, &keys))
    });
    own.unwrap_or_else(|| vault::value("harbor", "password"))
}

/// A token that says who it was given to.
fn sign(user: &str) -> String {
    vault::value("harbor-token", user)
}

fn realm(asked: &Asked) -> String {
    let scheme = if asked.secure { "https" } else { "http" };
    format!("Bearer realm=\"{scheme}://{}/service/token\",service=\"harbor-registry\"", asked.host)
}

fn token(asked: &Asked, who: &Who) -> Reply {
    if asked.value("service").is_none() {
        return refused(400, "BAD_REQUEST", "service is missing");
    }
    let user = match who {
        Who::Nobody => "",
        Who::Admin => "admin",
        Who::Robot(name) => name,
    };
    let issued = "2026-01-01T00:00:00Z";
    Reply::json(
        200,
        &json!({ "token": sign(user), "access_token": sign(user), "expires_in": 1800, "issued_at": issued }),
    )
}

/// The registry's API, for those who may.
fn registry(site: &Site<'_>, asked: &Asked, who: &Who, health: &Health) -> Reply {
    // Without a token the client is sent to get one, even where nobody may do it.
    if asked.header("authorization").is_empty() {
        return refused(401, "UNAUTHORIZED", "unauthorized: unauthorized").with("www-authenticate", realm(asked));
    }
    if !health.has("registry") {
        return Reply::text(502, "502 Bad Gateway\n");
    }
    let writes = !matches!(asked.method, Method::GET | Method::HEAD);
    if writes && !health.storage {
        let detail = json!({ "DriverName": "s3aws", "Enclosed": { "Op": "PutObject" } });
        return oci::refused(500, "UNKNOWN", "unknown error", &detail);
    }
    let now = site.services.now();
    let mut state = site.services.state();
    let state = &mut *state;
    let harbor = &state.harbor;
    let may = |name: &str, right: Right| {
        let project = name.split('/').next().unwrap_or_default();
        let Some(known) = harbor.projects.get(project) else {
            return match who {
                Who::Nobody => Err(refused(401, "UNAUTHORIZED", &format!("unauthorized to access repository: {name}"))),
                _ => Err(refused(404, "NOT_FOUND", &format!("project {project} not found"))),
            };
        };
        let robot = |full: &str| !full.contains('$') || full.starts_with("robot$") && robot_may(full, project);
        match (right, who) {
            (Right::Pull, _) if known.public => Ok(()),
            (_, Who::Admin) => Ok(()),
            (_, Who::Robot(full)) if robot(full) => Ok(()),
            _ => Err(refused(
                401,
                "UNAUTHORIZED",
                &format!("unauthorized to access repository: {name}, action: push: unauthorized to access repository"),
            )),
        }
    };
    state.images.answer(asked, now, may)
}

/// `robot$PROJECT+NAME` is for one project, `robot$NAME` for all.
fn robot_may(full: &str, project: &str) -> bool {
    let name = full.trim_start_matches("robot$");
    name.split_once('+').is_none_or(|(own, _)| own == project)
}

/// How Harbor's parts are, by their pods and by what they need.
struct Health {
    components: Vec<(&'static str, bool)>,
    storage: bool,
}

impl Health {
    fn of(site: &Site<'_>) -> Self {
        let (database, redis) = (needs::pooler(site.cluster, "harbor"), needs::cache(site.cluster));
        let world = site.cluster.world();
        let all = |namespace: &str, fits: &dyn Fn(&Value) -> bool| {
            let pods = world.store.list("pods", namespace).map(|(_, pod)| &*pod.value);
            let own: Vec<bool> = pods.filter(|pod| fits(pod)).map(ready).collect();
            own.is_empty() || own.contains(&true)
        };
        let image = |names: &'static [&'static str]| {
            move |pod: &Value| {
                let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
                containers.iter().any(|one| names.contains(&programs::bare(one["image"].as_str().unwrap_or_default())))
            }
        };
        let own = site.namespace();
        let components = vec![
            ("core", true),
            ("database", database),
            ("jobservice", all(own, &image(&["harbor-jobservice"]))),
            ("portal", all(own, &image(&["harbor-portal"]))),
            ("redis", redis),
            ("registry", all(own, &image(&["registry-photon", "harbor-registry"]))),
            ("registryctl", all(own, &image(&["registry-photon", "harbor-registryctl"]))),
            ("trivy", all(own, &image(&["trivy-adapter-photon", "harbor-trivy"]))),
        ];
        let minio = site.services.world.service("minio");
        let storage = minio.iter().all(|wrong| matches!(wrong, Wrong::Slow(_))) && all("", &image(&["minio"]));
        Self { components, storage }
    }

    fn has(&self, name: &str) -> bool {
        self.components.iter().all(|(own, well)| *own != name || *well)
    }

    fn shown(&self) -> Reply {
        let word = |well: bool| if well { "healthy" } else { "unhealthy" };
        let one = |(name, well): &(&str, bool)| {
            let mut one = json!({ "name": name, "status": word(*well) });
            if !well {
                one["error"] = format!("failed to check health: {name} is not reached").into();
            }
            one
        };
        let whole = self.components.iter().all(|(_, well)| *well);
        Reply::json(
            200,
            &json!({ "status": word(whole), "components": self.components.iter().map(one).collect::<Vec<_>>() }),
        )
    }
}
