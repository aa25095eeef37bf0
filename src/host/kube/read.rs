//! Reading: `get`, `find`, `list`, `events`, `can_i`, `version`, `kinds`.

use rhai::{Dynamic, Map, NativeCallContext};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{self, Found, count};
use super::cluster::{ClusterHandle, namespace_of};
use super::{population, secrets};
use crate::client::kube::{Access, Catalogue, Page, Query, Version};
use crate::client::sh::quoted;
use crate::error::{Error, Kind};
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::object::{List, Object};
use crate::host::options::Options;
use crate::host::registrar::Registrar;
use crate::host::values::to_dynamic;

/// The options of `get` and `find`, of `list`, and of `can_i`.
const OF_ONE: &[&str] = &["namespace"];
const OF_MANY: &[&str] = &["namespace", "labels", "fields", "limit"];
const OF_RIGHT: &[&str] = &["namespace", "name"];

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "get")
        .sig("(kind: string, name: string, options?: map) -> object")
        .options(OF_ONE)
        .effect(Effect::Read)
        .doc(
            "One object, by any name of its kind that kubectl takes: `deployments`, `deploy`, `deployments.apps`. \
             `options`: `namespace` (default: the context's own). Throws `not_found` where it is not there, which fails \
             the step, and `unknown_kind` where the cluster lacks the kind.",
        )
        .example(r#"kube("infra").get("namespace", "kube-system").status.phase == "Active""#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str| get(&at, k, kind, name, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, options: Map| get(&at, k, kind, name, options));
    m.method("cluster", "find")
        .sig("(kind: string, name: string, options?: map) -> object | ()")
        .options(OF_ONE)
        .effect(Effect::Read)
        .doc("As `get`, but gives `()` where there is no such object. A kind that the cluster lacks still throws.")
        .example(r#"kube("infra").find("configmap", "no-such", #{ namespace: "default" }) == ()"#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str| {
            find(&at, k, kind, name, Map::new())
        })
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, options: Map| {
            find(&at, k, kind, name, options)
        });
    m.method("cluster", "list")
        .sig("(kind: string, options?: map) -> list")
        .options(OF_MANY)
        .effect(Effect::Read)
        .doc(
            "The objects of a kind, in all namespaces. `options`: `namespace` (one), `labels` and `fields` (selectors in \
             kubectl's notation: `app=web,tier!=cache`), `limit` (at most so many). Asked for in pages of 500; the objects \
             stay text, and a field is read when it is touched. Where nothing comes back for a selector or a namespace, a \
             second look tells whether there was anything to select from: an `expect` that the empty list satisfies is \
             inconclusive where the namespace is not there, or has no object of the kind to select from; `.or_none()` \
             takes that for a pass.",
        )
        .example(r#"kube("infra").list("ns", #{ fields: "metadata.name=default" }).len() == 1"#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str| list(&at, k, kind, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, options: Map| list(&at, k, kind, options));
    m.method("cluster", "events")
        .sig("(object: object) -> list")
        .effect(Effect::Read)
        .doc(
            "The events of an object, the oldest first. An empty list means that the cluster has none; it forgets them, \
             usually after an hour.",
        )
        .example(r#"let k = kube("infra"); type_of(k.events(k.get("ns", "default"))) == "list""#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, object: Object| events(&at, k, &object));
    m.method("cluster", "can_i")
        .sig("(verb: string, kind: string, options?: map) -> bool")
        .options(OF_RIGHT)
        .effect(Effect::Read)
        .doc(
            "Whether the credentials may do this: `can_i(\"delete\", \"pods\", #{ namespace: \"web\" })`; a subresource after \
             a slash (`pods/exec`). `options`: `namespace` (default: in all), `name`. A kind or subresource that the cluster \
             lacks throws `unknown_kind`, a verb that the kind does not have `invalid`: both would be a plain \"no\" else.",
        )
        .example(r#"kube("infra").can_i("create", "pods/exec", #{ namespace: "default" })"#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle, verb: &str, kind: &str| can_i(&at, k, verb, kind, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, verb: &str, kind: &str, options: Map| can_i(&at, k, verb, kind, options));
    m.method("cluster", "version")
        .sig("() -> map")
        .effect(Effect::Read)
        .doc("The API server's version: `version` (`v1.33.2`), `major` and `minor` (whole numbers), `platform`.")
        .example(r#"let v = kube("infra").version(); v.major == 1 && v.version.starts_with("v1.")"#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle| version(&at, k));
    m.method("cluster", "kinds")
        .sig("() -> list")
        .effect(Effect::Read)
        .doc(
            "The kinds that the server has, asked now: maps of `name` (plural), `kind`, `group`, `api_version`, `namespaced`, \
             `short_names`, `verbs`, `subresources`. API groups whose server does not answer are named in a note of the step.",
        )
        .example(r#"kube("infra").kinds().any(|k| k.name == "pods" && k.short_names == ["po"])"#)
        .add(|at: NativeCallContext, k: &mut ClusterHandle| kinds(&at, k));
}

/// The connection of a read whose kind is resolved in the same call.
async fn get_text(
    cx: &Context,
    k: &ClusterHandle,
    kind: &str,
    name: &str,
    namespace: Option<String>,
) -> Result<Found, Error> {
    let cluster = k.connection(cx).await?;
    let resource = cluster.resolve(kind).await?;
    let namespace = namespace_of(&cluster, &resource, namespace);
    let text = cluster.get(&resource, namespace.as_deref(), name, None).await?;
    Ok(Found::new(cx, text, &resource))
}

fn get_line(kind: &str, name: &str, namespace: Option<&str>) -> String {
    let namespace = namespace.map(|n| format!(" -n {}", quoted(n))).unwrap_or_default();
    format!("get {} {}{namespace} -o json", quoted(kind), quoted(name))
}

fn get(at: &NativeCallContext, k: &ClusterHandle, kind: &str, name: &str, options: Map) -> HostResult<Object> {
    let cx = Context::current()?;
    let namespace = Options::new(options, "cluster.get", OF_ONE)?.string("namespace")?;
    let call = k
        .call("kube.get", Effect::Read, &get_line(kind, name, namespace.as_deref()))
        .args(json!({ "kind": kind, "name": name, "namespace": namespace }));
    let found = cx.call_with(at, call, |_: &Found| count(1), get_text(&cx, k, kind, name, namespace.clone()))?;
    Ok(found.object(k.name())?)
}

fn find(at: &NativeCallContext, k: &ClusterHandle, kind: &str, name: &str, options: Map) -> HostResult<Dynamic> {
    let cx = Context::current()?;
    let namespace = Options::new(options, "cluster.find", OF_ONE)?.string("namespace")?;
    match find_object(&cx, at, k, kind, name, namespace)? {
        Some(found) => Ok(Dynamic::from(found.object(k.name())?)),
        None => Ok(Dynamic::UNIT),
    }
}

/// One object, or none where there is none.
pub(crate) fn find_object(
    cx: &Context,
    at: &NativeCallContext,
    k: &ClusterHandle,
    kind: &str,
    name: &str,
    namespace: Option<String>,
) -> Result<Option<Found>, Error> {
    let line = format!("{} --ignore-not-found", get_line(kind, name, namespace.as_deref()));
    let call =
        k.call("kube.find", Effect::Read, &line).args(json!({ "kind": kind, "name": name, "namespace": namespace }));
    let summary = |found: &Option<Found>| count(usize::from(found.is_some()));
    cx.call_with(at, call, summary, async {
        match get_text(cx, k, kind, name, namespace).await {
            Ok(found) => Ok(Some(found)),
            Err(e) if e.kind == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    })
}

fn list(at: &NativeCallContext, k: &ClusterHandle, kind: &str, options: Map) -> HostResult<List> {
    let options = Options::new(options, "cluster.list", OF_MANY)?;
    let query = Query {
        namespace: options.string("namespace")?,
        labels: options.string("labels")?,
        fields: options.string("fields")?,
        limit: options.count("limit")?.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
    };
    if query.limit == Some(0) {
        return Err(
            Error::new(Kind::Script, "cluster.list: a limit of 0 asks for nothing; leave it out for all").into()
        );
    }
    let (found, namespaced) = listed(at, k, kind, &query)?;
    Ok(if found.is_empty() { population::of_empty(at, k, kind, &query, found, namespaced)? } else { found })
}

/// What a list means besides its objects.
#[derive(Serialize, Deserialize)]
struct Listed {
    namespaced: bool,
    plural: String,
    pages: Vec<Page>,
}

/// The list as it came: where it is empty, nothing is known of what it was selected from.
pub(crate) fn list_of(at: &NativeCallContext, k: &ClusterHandle, kind: &str, query: &Query) -> Result<List, Error> {
    Ok(listed(at, k, kind, query)?.0)
}

/// The same, and whether the kind lives in namespaces.
fn listed(at: &NativeCallContext, k: &ClusterHandle, kind: &str, query: &Query) -> Result<(List, bool), Error> {
    let cx = Context::current()?;
    let namespaced = crate::client::kube::known(kind).is_none_or(|r| r.namespaced);
    let line = format!("get {}{} -o json", quoted(kind), query.as_options(namespaced));
    let call = k.call("kube.list", Effect::Read, &line).args(json!({ "kind": kind, "query": query }));
    let summary = |listed: &Listed| count(listed.pages.iter().map(|p| p.items.len()).sum());
    let listed = cx.call_with(at, call, summary, async {
        let cluster = k.connection(&cx).await?;
        let resource = cluster.resolve(kind).await?;
        let pages = cluster.list(&resource, query).await?;
        let redactor = &cx.world.redactor;
        match resource.kind == secrets::KIND {
            true => pages.iter().flat_map(Page::texts).for_each(|text| secrets::learn_text(redactor, text, true)),
            false => pages.iter().for_each(|page| secrets::learn_env(redactor, &page.text, Some(&resource.kind))),
        }
        Ok(Listed { namespaced: resource.namespaced, plural: resource.plural, pages })
    })?;
    let what = match &query.namespace {
        Some(namespace) if listed.namespaced => format!("{} in {namespace} on {}", listed.plural, k.name()),
        _ => format!("{} on {}", listed.plural, k.name()),
    };
    Ok((answer::list(listed.pages, k.name(), &what), listed.namespaced))
}

fn events(at: &NativeCallContext, k: &ClusterHandle, object: &Object) -> HostResult<List> {
    let object = object.whole();
    let (Some(name), Some(kind)) = (object.name(), object.kind()) else {
        return Err(Error::new(Kind::Script, "cluster.events: the object has no name or no kind").into());
    };
    let mut fields = format!("involvedObject.name={name},involvedObject.kind={kind}");
    // The kubelet writes its node's name where the uid belongs, and no two nodes have one name.
    if let Some(uid) = object.uid().filter(|_| kind != "Node") {
        fields.push_str(&format!(",involvedObject.uid={uid}"));
    }
    let query = Query { namespace: object.namespace(), fields: Some(fields), ..Query::default() };
    let found = list_of(at, k, "events", &query)?;
    // Newer reporters fill in eventTime alone.
    let when = |event: &Dynamic| -> String {
        let Some(event) = event.read_lock::<Object>() else { return String::new() };
        let pointers = ["/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
        pointers.iter().find_map(|p| event.string(p)).unwrap_or_default()
    };
    let mut items = found.items().to_vec();
    items.sort_by_key(when);
    Ok(List::new(items, &format!("events of {}", object.describe())))
}

fn can_i(at: &NativeCallContext, k: &ClusterHandle, verb: &str, kind: &str, options: Map) -> HostResult<bool> {
    let cx = Context::current()?;
    let options = Options::new(options, "cluster.can_i", OF_RIGHT)?;
    let (namespace, name) = (options.string("namespace")?, options.string("name")?);
    let (word, subresource) = kind.split_once('/').map_or((kind, None), |(kind, sub)| (kind, Some(sub)));
    let place = namespace.as_ref().map_or(" -A".to_string(), |n| format!(" -n {}", quoted(n)));
    let target = name.as_ref().map(|n| format!(" {}", quoted(n))).unwrap_or_default();
    let line = format!("auth can-i {} {}{target}{place}", quoted(verb), quoted(kind));
    let call = k
        .call("kube.can_i", Effect::Read, &line)
        .args(json!({ "verb": verb, "kind": kind, "namespace": namespace, "name": name }));
    let summary = |access: &Access| if access.allowed { "yes".to_string() } else { "no".to_string() };
    let access = cx.call_with(at, call, summary, async {
        let cluster = k.connection(&cx).await?;
        let resource = cluster.resolve(word).await?;
        cluster.check_verb(verb, &resource, subresource).await?;
        cluster.can_i(verb, &resource, subresource, namespace.as_deref(), name.as_deref()).await
    })?;
    Ok(access.allowed)
}

fn version(at: &NativeCallContext, k: &ClusterHandle) -> HostResult<Dynamic> {
    let cx = Context::current()?;
    let call = k.call("kube.version", Effect::Read, "version -o json");
    let version = cx
        .call_with(at, call, |v: &Version| v.git_version.clone(), async { k.connection(&cx).await?.version().await })?;
    let number = |text: &str| -> Result<i64, Error> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits
            .parse()
            .map_err(|_| Error::new(Kind::Unreadable, format!("cluster {}: \"{text}\" is no version number", k.name())))
    };
    Ok(to_dynamic(&json!({
        "version": version.git_version, "major": number(&version.major)?, "minor": number(&version.minor)?, "platform": version.platform,
    })))
}

fn kinds(at: &NativeCallContext, k: &ClusterHandle) -> HostResult<List> {
    let cx = Context::current()?;
    let call = k.call("kube.kinds", Effect::Read, "api-resources -o wide");
    let summary = |c: &Catalogue| format!("{} kinds", c.resources.len());
    let catalogue = cx.call_with(at, call, summary, async {
        let catalogue = k.connection(&cx).await?.kinds().await?;
        Ok(Catalogue::clone(&catalogue))
    })?;
    for (version, why) in &catalogue.broken {
        let text = format!("{version} on {} could not be asked for its kinds: {why}", k.name());
        cx.state().notes.push(text.clone());
        cx.emit(crate::event::What::Note { text });
    }
    let items = catalogue.resources.iter().map(|r| {
        to_dynamic(&json!({
            "name": r.plural, "kind": r.kind, "group": r.group, "api_version": r.api_version(), "namespaced": r.namespaced,
            "short_names": r.short, "verbs": r.verbs, "subresources": r.subresources,
        }))
    });
    Ok(List::new(items.collect(), &format!("kinds of {}", k.name())))
}
