//! What Flux makes of a project of the platform's own GitLab: its commit is the source's revision, and the manifests in a
//! folder of it are applied as they stand there.
//!
//! Of kustomize there is what a folder without a kustomization.yaml needs: Flux generates one of all its manifests
//! (`internal/generator` of kustomize-controller), sets the namespace and fills in variables.

use serde_json::Value;

use super::super::site::Site;
use super::super::upstream::{Item, normal};
use super::build::{Stop, retry_of};
use crate::lab::kube::patch::{Managers, merge};
use crate::lab::kube::store::Place;
use crate::lab::kube::validate::defaults;
use crate::lab::kube::verbs::{Asked, object_in};
use crate::lab::pods::projects::Project;
use crate::lab::tools::kustomize::documents;

/// The name of GitLab by which causes know it.
const GITLAB: &str = "gitlab";

/// The project that a GitRepository names; none where its URL is another's. A text says why it can't be fetched.
pub(super) fn project(site: &Site<'_>, source: &Value) -> Option<Result<Project, String>> {
    let url = source["spec"]["url"].as_str()?;
    let project = site.objects.inside.projects.at(url)?;
    let host = url.split("://").nth(1)?.split('/').next()?;
    if let Some(why) = site.outside(GITLAB, "source-controller", host) {
        return Some(Err(why));
    }
    let namespace = source["metadata"]["namespace"].as_str().unwrap_or_default();
    let password = source["spec"]["secretRef"]["name"].as_str().and_then(|name| password(site, namespace, name));
    if !password.is_some_and(|given| project.passwords.contains(&given)) {
        return Some(Err("authentication required: HTTP Basic: Access denied.".into()));
    }
    Some(Ok(project))
}

fn password(site: &Site<'_>, namespace: &str, name: &str) -> Option<String> {
    use base64::Engine as _;
    let secret = site.get("secrets", namespace, name)?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(secret.value["data"]["password"].as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

/// What a Kustomization builds of its source, where that is such a project: the objects as they are to be applied.
pub(super) fn objects(site: &Site<'_>, object: &Value) -> Option<Result<Vec<Value>, Stop>> {
    let reference = &object["spec"]["sourceRef"];
    if reference["kind"] != "GitRepository" {
        return None;
    }
    let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let namespace = reference["namespace"].as_str().unwrap_or(own);
    let source = site.get("gitrepositories.source.toolkit.fluxcd.io", namespace, reference["name"].as_str()?)?;
    let project = site.objects.inside.projects.at(source.value["spec"]["url"].as_str()?)?;
    Some(built(site, object, &project))
}

fn built(site: &Site<'_>, object: &Value, project: &Project) -> Result<Vec<Value>, Stop> {
    let path = normal(object["spec"]["path"].as_str().unwrap_or("./"));
    let wrong = |why: String| Stop("BuildFailed", format!("kustomize build failed: {why}"), retry_of(object));
    let within = |name: &&String| path.is_empty() || name.strip_prefix(&path).is_some_and(|rest| rest.starts_with('/'));
    let manifests: Vec<&String> =
        project.files.keys().filter(within).filter(|name| name.ends_with(".yaml") && !name.starts_with('.')).collect();
    if manifests.is_empty() {
        let why = format!("kustomization path not found: stat /tmp/kustomization-{}/{path}", &project.commit[..9]);
        return Err(Stop("ArtifactFailed", format!("{why}: no such file or directory"), retry_of(object)));
    }
    let mut all = Vec::new();
    for name in manifests {
        let text = filled(&project.files[name], &object["spec"]["postBuild"]["substitute"]).map_err(|missing| {
            let why =
                format!("envsubst error: variable substitution failed: variable not set (strict mode): \"{missing}\"");
            Stop("BuildFailed", format!("post build failed for '{name}': {why}"), retry_of(object))
        })?;
        all.extend(documents(&text).map_err(|why| wrong(format!("accumulating resources from '{name}': {why}")))?);
    }
    let target = object["spec"]["targetNamespace"].as_str();
    for one in &mut all {
        if let Some(kind) = site.objects.kinds.of(one).filter(|kind| kind.namespaced) {
            let known = one["metadata"]["namespace"].as_str().unwrap_or("default").to_owned();
            one["metadata"]["namespace"] = target.map_or(known, str::to_owned).into();
            one["apiVersion"] = kind.api_version().into();
        }
        for key in ["name", "namespace"] {
            one["metadata"]["labels"][format!("kustomize.toolkit.fluxcd.io/{key}")] = object["metadata"][key].clone();
        }
    }
    Ok(all)
}

/// A text with its variables, `${name}`; the first that has no value is the error.
fn filled(text: &str, values: &Value) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(values[name].as_str().ok_or_else(|| name.to_owned())?);
        rest = behind;
    }
    Ok(out + rest)
}

/// Applies objects: what is not there is made, as a client of the API server would, and what is there becomes so.
pub(super) fn apply(site: &mut Site<'_>, object: &Value, objects: Vec<Value>) -> Result<Vec<Item>, Stop> {
    let mut items = Vec::new();
    for wanted in objects {
        let item = Item::of(&wanted);
        let refused = |why: &str| {
            let told = format!("{}/{}/{} dry-run failed: {why}", item.kind, item.namespace, item.name);
            Stop("ReconciliationFailed", told, retry_of(object))
        };
        let Some(kind) = site.objects.kinds.of(&wanted) else {
            return Err(refused(&format!("no matches for kind \"{}\" in version \"{}\"", item.kind, item.version)));
        };
        let place = Place::new(&kind.resource(), &item.namespace, &item.name);
        match site.objects.store.get(&place).cloned() {
            Some(there) if has(&there.value, &wanted) => {}
            Some(there) => {
                let mut value = (*there.value).clone();
                merge::patch(&mut value, &wanted);
                defaults::apply(&kind, &mut value);
                if value["spec"] != there.value["spec"] {
                    value["metadata"]["generation"] =
                        (value["metadata"]["generation"].as_u64().unwrap_or(1) + 1).into();
                }
                site.put(&place, value);
            }
            None => {
                let mut asked = Asked::by_controller(kind, &item.namespace, &item.name, site.now);
                asked.agent = "kustomize-controller".into();
                object_in(site.objects, &asked, wanted, Some(Managers::default()), false)
                    .map_err(|refusal| refused(&refusal.message))?;
                site.changed = true;
            }
        }
        items.push(item);
    }
    Ok(items)
}

/// Whether an object has all that is wanted of it, whatever it has besides.
fn has(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| there.get(key).is_some_and(|own| has(own, value)))
        }
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len() && there.iter().zip(wanted).all(|(own, value)| has(own, value))
        }
        (there, wanted) => there == wanted,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::super::testing::Bench;
    use super::*;

    const GIT: &str = "gitrepositories.source.toolkit.fluxcd.io";
    const KS: &str = "kustomizations.kustomize.toolkit.fluxcd.io";
    const URL: &str = "https://gitlab.monosense.io/root/app.git";

    fn told(bench: &Bench, commit: &str, file: &str) {
        let project = Project {
            commit: commit.repeat(40),
            files: [("deploy/app.yaml".to_owned(), file.to_owned())].into(),
            passwords: vec!["a-token".into()],
        };
        bench.cluster.world().inside.projects.hold([(URL.to_owned(), project)].into());
    }

    #[test]
    fn a_project_is_fetched_applied_changed_and_pruned() {
        let mut bench = Bench::new("monosense", "apps");
        let secret = |password: &str| {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.encode(password);
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "app", "namespace": "default" }, "data": { "password": text } })
        };
        bench.create(&secret("another"));
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  text: a\n";
        told(&bench, "1", map);
        bench.create(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": { "name": "app", "namespace": "default" },
            "spec": { "url": URL, "interval": "1m", "ref": { "branch": "main" }, "secretRef": { "name": "app" } },
        }));
        bench.create(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": { "name": "app", "namespace": "default" },
            "spec": { "path": "./deploy", "prune": true, "interval": "1m", "targetNamespace": "default", "postBuild": { "substitute": { "name": "made" } },
                      "sourceRef": { "kind": "GitRepository", "name": "app" } },
        }));
        bench.pass(5);
        assert!(bench.told(GIT, "default", "app", "Ready").contains("Access denied"), "the token is another's");
        bench.change("secrets", "default", "app", |one| one["data"] = secret("a-token")["data"].clone());
        bench.pass(130);
        let applied = format!("True ReconciliationSucceeded: Applied revision: main@sha1:{}", "1".repeat(40));
        assert_eq!(bench.told(KS, "default", "app", "Ready"), applied);
        assert_eq!(bench.get("configmaps", "default", "made")["data"]["text"], "a");
        told(&bench, "2", &map.replace("text: a", "text: b"));
        bench.pass(130);
        assert_eq!(bench.get("configmaps", "default", "made")["data"]["text"], "b");
        told(&bench, "3", "kind: Nonesuch\napiVersion: v1\nmetadata:\n  name: x\n");
        bench.pass(130);
        assert!(bench.told(KS, "default", "app", "Ready").contains("no matches for kind \"Nonesuch\""));
        told(&bench, "4", "data: ${unknown}\n");
        bench.pass(130);
        assert!(bench.told(KS, "default", "app", "Ready").contains("variable not set (strict mode): \"unknown\""));
        bench.change(KS, "default", "app", |one| one["metadata"]["deletionTimestamp"] = "2026-11-01T09:00:00Z".into());
        bench.pass(5);
        assert!(bench.get("configmaps", "default", "made").is_null(), "what it applied goes with it");
    }

    #[test]
    fn variables_are_filled_in() {
        let values = Value::Object(Map::from_iter([("a".to_owned(), json!("1"))]));
        assert_eq!(filled("x ${a} y $b", &values), Ok("x 1 y $b".into()));
        assert_eq!(filled("${c}", &values), Err("c".into()));
    }
}
