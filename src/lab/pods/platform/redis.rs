//! `redis-cli`, against Dragonfly: what is stored is kept by the Dragonfly that the host's name leads to.
//!
//! Source: redis.io, commands and `redis-cli`; dragonflydb.io.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{At, Said, is_ready};
use crate::lab::kube::store::Place;
use crate::lab::pods::environment;

pub(super) fn run(at: &At<'_>, _: &str) -> Said {
    let host = at.flag(&["-h"]).unwrap_or("127.0.0.1");
    let port = at.flag(&["-p"]).unwrap_or("6379");
    let refused = |why: &str| (String::new(), format!("Could not connect to Redis at {host}:{port}: {why}\n"), 1);
    let (namespace, name) = if matches!(host, "127.0.0.1" | "localhost") {
        let name = at.pod["metadata"]["labels"]["app.kubernetes.io/name"].as_str().unwrap_or_default();
        (at.namespace(), name.to_owned())
    } else {
        let Some((namespace, service)) = at.service(host) else { return refused("Name or service not known") };
        if at.behind(namespace, service).is_empty() {
            return refused("Connection refused");
        }
        (namespace, service["metadata"]["name"].as_str().unwrap_or_default().to_owned())
    };
    let object = at.objects.store.get(&Place::new("dragonflies.dragonflydb.io", namespace, &name));
    let Some(object) = object else { return refused("Connection refused") };
    let reference = &object.value["spec"]["authentication"]["passwordFromSecret"];
    if let Some(secret) = reference["name"].as_str() {
        let secret = at.objects.store.get(&Place::new("secrets", namespace, secret));
        let key = reference["key"].as_str().unwrap_or("password");
        let wanted = secret.and_then(|one| STANDARD.decode(one.value["data"][key].as_str()?).ok());
        let wanted = wanted.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let own = environment::of(at.objects, at.pod, &at.pod["spec"]["containers"][0]).unwrap_or_default();
        match at.flag(&["-a", "--pass"]).or(own.get("REDISCLI_AUTH").map(String::as_str)) {
            None => return ("NOAUTH Authentication required.\n".into(), String::new(), 0),
            Some(given) if given != wanted => {
                let why = "WRONGPASS invalid username-password pair or user is disabled.";
                return ("NOAUTH Authentication required.\n".into(), format!("AUTH failed: {why}\n"), 0);
            }
            Some(_) => {}
        }
    }
    let place = format!("dragonfly {namespace}/{name}");
    let words = at.operands(&["-h", "-p", "-a", "--pass", "--user", "-n", "-u"]);
    let command = words.first().map(|word| word.to_uppercase()).unwrap_or_default();
    let said = match (command.as_str(), &words[1.min(words.len())..]) {
        ("PING", []) => "PONG".into(),
        ("PING", [text, ..]) => (*text).to_owned(),
        ("SET", [key, value, ..]) => {
            at.objects.inside.kept.set(&place, key, value);
            "OK".into()
        }
        ("GET", [key]) => at.objects.inside.kept.get(&place, key).first().cloned().unwrap_or_default(),
        ("DEL", keys) => keys.iter().filter(|key| at.objects.inside.kept.remove(&place, key)).count().to_string(),
        ("EXISTS", keys) => {
            keys.iter().filter(|key| !at.objects.inside.kept.get(&place, key).is_empty()).count().to_string()
        }
        ("DBSIZE", []) => at.objects.inside.kept.keys(&place).len().to_string(),
        ("KEYS", [_]) => at.objects.inside.kept.keys(&place).join("\n"),
        ("ROLE", []) => {
            if master(at.pod) {
                "master".into()
            } else {
                "slave".into()
            }
        }
        ("INFO", sections) => info(at, namespace, &name, sections.first().copied().unwrap_or("all")),
        (other, _) => format!("ERR unknown command `{other}`"),
    };
    (said + "\n", String::new(), 0)
}

fn master(pod: &serde_json::Value) -> bool {
    pod["metadata"]["labels"]["role"] == "master"
}

fn info(at: &At<'_>, namespace: &str, name: &str, section: &str) -> String {
    let mut out = String::new();
    let all = matches!(section.to_lowercase().as_str(), "all" | "everything" | "default");
    if all || section.eq_ignore_ascii_case("server") {
        out.push_str("# Server\r\nredis_version:7.4.0\r\ndragonfly_version:df-v1.33.1\r\nredis_mode:standalone\r\ntcp_port:6379\r\n\r\n");
    }
    if all || section.eq_ignore_ascii_case("replication") {
        let pods = at.objects.store.list("pods", namespace).map(|(_, pod)| &*pod.value);
        let own: Vec<_> = pods.filter(|pod| pod["metadata"]["labels"]["app.kubernetes.io/name"] == name).collect();
        // A client that asks the Service is answered by the master.
        let inside = at.pod["metadata"]["labels"]["app.kubernetes.io/name"] == name;
        if !inside || master(at.pod) {
            let replicas: Vec<_> = own.iter().filter(|pod| !master(pod) && is_ready(pod) && !at.cut(pod)).collect();
            out.push_str(&format!("# Replication\r\nrole:master\r\nconnected_slaves:{}\r\n", replicas.len()));
            for (number, pod) in replicas.iter().enumerate() {
                let ip = pod["status"]["podIP"].as_str().unwrap_or_default();
                out.push_str(&format!("slave{number}:ip={ip},port=9999,state=online,lag=0\r\n"));
            }
        } else {
            let master = own.iter().find(|pod| master(pod) && is_ready(pod) && !at.cut(pod));
            let host = master.and_then(|pod| pod["status"]["podIP"].as_str()).unwrap_or_default();
            let link = if master.is_some() { "up" } else { "down" };
            out.push_str(&format!("# Replication\r\nrole:slave\r\nmaster_host:{host}\r\nmaster_port:9999\r\nmaster_link_status:{link}\r\nmaster_sync_in_progress:0\r\n"));
        }
    }
    out.trim_end().to_owned()
}
