//! What a program finds around it: variables, the files that are mounted, and the names of things.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Ran;
use crate::lab::kube::cluster::World;
use crate::lab::kube::store::Place;
use crate::lab::pods::disk::Node;
use crate::lab::pods::programs;
use crate::lab::pods::shell::Around;

pub(super) const NAMES: [&str; 8] = ["env", "printenv", "pwd", "id", "whoami", "uname", "date", "ps"];

pub(super) fn run(
    around: &Around,
    folder: &str,
    variables: &BTreeMap<String, String>,
    name: &str,
    arguments: &[String],
) -> Option<Ran> {
    Some(match name {
        "env" | "printenv" if arguments.is_empty() => {
            Ran::printed(variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>())
        }
        "printenv" => match arguments.first().and_then(|name| variables.get(name)) {
            Some(value) => Ran::printed(format!("{value}\n")),
            None => Ran::ended(1),
        },
        "env" => return None,
        "pwd" => Ran::printed(format!("{folder}\n")),
        "id" | "whoami" => user(around, name, arguments),
        "uname" => Ran::printed(uname(around, arguments)),
        "date" => Ran::printed(date(around, arguments)),
        "ps" => Ran::printed(format!("PID   USER     TIME  COMMAND\n    1 root      0:00 {}\n", main(around))),
        _ => return None,
    })
}

fn spec(around: &Around) -> &Value {
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let all = lists.iter().filter_map(|list| around.pod["spec"][list].as_array()).flatten();
    let mut own = all.filter(|one| one["name"] == around.container.as_str());
    own.next().unwrap_or(&Value::Null)
}

/// The command line of a container's first process.
fn main(around: &Around) -> String {
    let spec = spec(around);
    let words = ["command", "args"].iter().filter_map(|key| spec[key].as_array()).flatten();
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    if !words.is_empty() {
        return words.join(" ");
    }
    let image = spec["image"].as_str().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split([':', '@']).next().unwrap_or_default().to_owned()
}

fn user(around: &Around, name: &str, arguments: &[String]) -> Ran {
    let of = |key: &str| {
        let own = &spec(around)["securityContext"][key];
        own.as_u64().or_else(|| around.pod["spec"]["securityContext"][key].as_u64()).unwrap_or(0)
    };
    let (user, group) = (of("runAsUser"), of("runAsGroup"));
    let named = |id: u64| if id == 0 { "0(root)".to_owned() } else { id.to_string() };
    if name == "whoami" {
        return match user {
            0 => Ran::printed("root\n"),
            _ => Ran::failed(format!("whoami: unknown uid {user}\n"), 1),
        };
    }
    Ran::printed(match arguments.first().map(String::as_str) {
        Some("-u") => format!("{user}\n"),
        Some("-g") => format!("{group}\n"),
        _ => format!("uid={} gid={} groups={}\n", named(user), named(group), named(group)),
    })
}

fn uname(around: &Around, arguments: &[String]) -> String {
    let world = around.cluster.world();
    let node = around.pod["spec"]["nodeName"].as_str().unwrap_or_default();
    let info = world.store.get(&Place::new("nodes", "", node)).map(|node| node.value["status"]["nodeInfo"].clone());
    let info = info.unwrap_or_default();
    let kernel = info["kernelVersion"].as_str().unwrap_or("6.12.0").to_owned();
    let machine = if info["architecture"] == "arm64" { "aarch64" } else { "x86_64" };
    let name = around.pod["metadata"]["name"].as_str().unwrap_or_default();
    match arguments.first().map(String::as_str) {
        None | Some("-s") => "Linux\n".to_owned(),
        Some("-r") => format!("{kernel}\n"),
        Some("-m") => format!("{machine}\n"),
        Some("-n") => format!("{name}\n"),
        Some(_) => format!("Linux {name} {kernel} #1 SMP {machine} GNU/Linux\n"),
    }
}

/// `date`, `date -u`, `date +FORMAT`; containers have UTC.
fn date(around: &Around, arguments: &[String]) -> String {
    let now = around.cluster.clock.now();
    let form = arguments.iter().find_map(|word| word.strip_prefix('+')).unwrap_or("%a %b %e %H:%M:%S UTC %Y");
    let now = now.to_zoned(jiff::tz::TimeZone::UTC);
    match jiff::fmt::strtime::format(form, &now) {
        Ok(text) => text + "\n",
        Err(_) => format!("{}\n", now.timestamp()),
    }
}

/// The variables of a container.
pub(crate) fn environment(around: &Around) -> BTreeMap<String, String> {
    let world = around.cluster.world();
    let pod = &around.pod;
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (name, value) in [("PATH", path), ("HOME", "/root")] {
        all.insert(name.to_owned(), value.to_owned());
    }
    all.insert("HOSTNAME".to_owned(), pod["metadata"]["name"].as_str().unwrap_or_default().to_owned());
    if let Some(service) = world.store.get(&Place::new("services", "default", "kubernetes")) {
        let address = service.value["spec"]["clusterIP"].as_str().unwrap_or_default();
        all.insert("KUBERNETES_SERVICE_HOST".to_owned(), address.to_owned());
        all.insert("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned());
        all.insert("KUBERNETES_PORT".to_owned(), format!("tcp://{address}:443"));
    }
    let spec = spec(around);
    for source in spec["envFrom"].as_array().into_iter().flatten() {
        let prefix = source["prefix"].as_str().unwrap_or_default();
        let (resource, name) = match source["configMapRef"]["name"].as_str() {
            Some(name) => ("configmaps", name),
            None => ("secrets", source["secretRef"]["name"].as_str().unwrap_or_default()),
        };
        for (key, bytes) in data(&world, resource, namespace, name) {
            all.insert(format!("{prefix}{key}"), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    for one in spec["env"].as_array().into_iter().flatten() {
        let Some(name) = one["name"].as_str() else { continue };
        let from = &one["valueFrom"];
        let keyed = |resource: &str, reference: &Value| {
            let of = data(&world, resource, namespace, reference["name"].as_str().unwrap_or_default());
            let (_, bytes) = of.into_iter().find(|(key, _)| reference["key"] == key.as_str())?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let value = one["value"]
            .as_str()
            .map(str::to_owned)
            .or_else(|| keyed("configmaps", &from["configMapKeyRef"]))
            .or_else(|| keyed("secrets", &from["secretKeyRef"]))
            .or_else(|| field(pod, from["fieldRef"]["fieldPath"].as_str()?));
        all.insert(name.to_owned(), value.unwrap_or_default());
    }
    all
}

/// A field of the pod, as the downward API names it.
fn field(pod: &Value, path: &str) -> Option<String> {
    let found = match path.split_once("['") {
        Some((map, key)) => &at(pod, map)[key.trim_end_matches("']")],
        None => at(pod, path),
    };
    found.as_str().map(str::to_owned)
}

fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').fold(value, |value, part| &value[part])
}

/// The data of a ConfigMap or Secret.
fn data(world: &World, resource: &str, namespace: &str, name: &str) -> Vec<(String, Vec<u8>)> {
    let Some(object) = world.store.get(&Place::new(resource, namespace, name)) else { return Vec::new() };
    let text = object.value["data"].as_object().into_iter().flatten();
    let text = text.filter_map(|(key, value)| Some((key.clone(), value.as_str()?)));
    if resource == "secrets" {
        return text.filter_map(|(key, value)| Some((key, STANDARD.decode(value).ok()?))).collect();
    }
    let binary = object.value["binaryData"].as_object().into_iter().flatten();
    let binary = binary.filter_map(|(key, value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?)));
    text.map(|(key, value)| (key, value.as_bytes().to_vec())).chain(binary).collect()
}

/// The files that are mounted into a container, by their paths.
fn mounted(around: &Around) -> BTreeMap<String, Vec<u8>> {
    let world = around.cluster.world();
    let namespace = around.pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let volumes = around.pod["spec"]["volumes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut all = BTreeMap::new();
    for mount in spec(around)["volumeMounts"].as_array().into_iter().flatten() {
        let Some(volume) = volumes.iter().find(|volume| volume["name"] == mount["name"]) else { continue };
        let folder = mount["mountPath"].as_str().unwrap_or_default().trim_end_matches('/');
        for (key, bytes) in contents(&world, namespace, &around.pod, volume) {
            match mount["subPath"].as_str() {
                Some(sub) if sub == key => drop(all.insert(folder.to_owned(), bytes)),
                Some(_) => {}
                None => drop(all.insert(format!("{folder}/{key}"), bytes)),
            }
        }
    }
    let name = around.pod["metadata"]["name"].as_str().unwrap_or_default();
    all.insert("/etc/hostname".to_owned(), format!("{name}\n").into_bytes());
    all
}

/// What a volume has in it, as far as it is objects of the API.
fn contents(world: &World, namespace: &str, pod: &Value, volume: &Value) -> Vec<(String, Vec<u8>)> {
    let of = |resource: &str, name: &Value, items: &Value| {
        let all = data(world, resource, namespace, name.as_str().unwrap_or_default());
        match items.as_array() {
            None => all,
            Some(items) => {
                let path = |key: &str| items.iter().find(|item| item["key"] == key)?["path"].as_str();
                all.iter().filter_map(|(key, bytes)| Some((path(key)?.to_owned(), bytes.clone()))).collect()
            }
        }
    };
    let downward = |items: &Value| -> Vec<(String, Vec<u8>)> {
        let items = items.as_array().into_iter().flatten();
        let one = |item: &Value| {
            let value = field(pod, item["fieldRef"]["fieldPath"].as_str()?)?;
            Some((item["path"].as_str()?.to_owned(), value.into_bytes()))
        };
        items.filter_map(one).collect()
    };
    let (map, secret) = (&volume["configMap"], &volume["secret"]);
    if map.is_object() {
        return of("configmaps", &map["name"], &map["items"]);
    }
    if secret.is_object() {
        return of("secrets", &secret["secretName"], &secret["items"]);
    }
    if volume["downwardAPI"].is_object() {
        return downward(&volume["downwardAPI"]["items"]);
    }
    let sources = volume["projected"]["sources"].as_array().into_iter().flatten();
    sources
        .flat_map(|source| match () {
            () if source["configMap"].is_object() => {
                of("configmaps", &source["configMap"]["name"], &source["configMap"]["items"])
            }
            () if source["secret"].is_object() => of("secrets", &source["secret"]["name"], &source["secret"]["items"]),
            () => downward(&source["downwardAPI"]["items"]),
        })
        .collect()
}

/// A file of a container: one that was written, that is mounted, or that its image has.
pub(crate) fn file(around: &Around, path: &str) -> Option<Vec<u8>> {
    match around.disk.get(path) {
        Some(Node::File(bytes)) => Some(bytes),
        _ => mounted(around)
            .remove(path)
            .or_else(|| programs::file(&around.cluster.world(), &around.pod, path).map(String::into_bytes)),
    }
}

/// Every file and folder at a path and below that was written or mounted, in order.
pub(crate) fn listing(around: &Around, path: &str) -> BTreeMap<String, Node> {
    let below = format!("{}/", path.trim_end_matches('/'));
    let mine = mounted(around).into_iter().filter(|(own, _)| own == path || own.starts_with(&below));
    let mut all: BTreeMap<String, Node> = mine.map(|(path, bytes)| (path, Node::File(bytes))).collect();
    all.extend(around.disk.below(path));
    all
}
