//! What the platform's programs write into their logs: some lines when they start, and one every now and then.
//!
//! They are written by the lab's clock into the containers' logs, where `kubectl logs` and the collectors find them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Services, programs, ready};
use crate::lab::kube::cluster::Cluster;
use crate::lab::pods::log::Stream;
use crate::lab::world::Wrong;

/// How often each program writes.
const EVERY: Duration = Duration::from_secs(30);

/// A program's words: its image, what it writes when it starts, and what every now and then.
struct Voice {
    images: &'static [&'static str],
    first: &'static [&'static str],
    then: &'static str,
}

const fn voice(images: &'static [&'static str], first: &'static [&'static str], then: &'static str) -> Voice {
    Voice { images, first, then }
}

/// All of them. `{pod}`, `{node}`, `{cluster}` and `{time}` are what they say.
const ALL: [Voice; 24] = [
    voice(
        &["cilium"],
        &[
            "level=info msg=\"Cilium starting\" subsys=daemon",
            "level=info msg=\"Established BGP session\" subsys=bgp-control-plane",
        ],
        "level=info msg=\"regenerating all endpoints\" reason=\"periodic endpoint regeneration\" subsys=endpoint-manager",
    ),
    voice(
        &["operator-generic"],
        &["level=info msg=\"Cilium Operator starting\" subsys=cilium-operator"],
        "level=info msg=\"Synchronized CiliumNodes\" subsys=cilium-operator",
    ),
    voice(
        &["hubble-relay"],
        &["level=info msg=\"Started gRPC server\" address=:4245 subsys=hubble-relay"],
        "level=info msg=\"Connected to all peers\" subsys=hubble-relay",
    ),
    voice(
        &["coredns"],
        &[".:53", "CoreDNS-1.12.4", "linux/amd64, go1.24"],
        "[INFO] plugin/reload: Running configuration SHA512 is unchanged",
    ),
    voice(
        &["source-controller"],
        &["{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"starting manager\"}"],
        "{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"no changes since last reconcilation: observed revision\",\"controller\":\"gitrepository\"}",
    ),
    voice(
        &["kustomize-controller"],
        &["{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"starting manager\"}"],
        "{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"server-side apply completed\",\"controller\":\"kustomization\"}",
    ),
    voice(
        &["helm-controller"],
        &["{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"starting manager\"}"],
        "{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"release in-sync with desired state\",\"controller\":\"helmrelease\"}",
    ),
    voice(
        &["notification-controller", "flux-operator"],
        &["{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"starting manager\"}"],
        "{\"level\":\"info\",\"ts\":\"{time}\",\"msg\":\"reconciliation finished\"}",
    ),
    voice(
        &["cert-manager-controller"],
        &[
            "I1101 08:00:00.000000 1 controller.go:75] \"starting cert-manager controller\" logger=\"cert-manager.controller\"",
        ],
        "I1101 08:00:00.000000 1 controller.go:157] \"syncing item\" logger=\"cert-manager.controller\"",
    ),
    voice(
        &["external-secrets"],
        &["{\"level\":\"info\",\"ts\":{time},\"msg\":\"starting manager\"}"],
        "{\"level\":\"info\",\"logger\":\"controllers.ExternalSecret\",\"msg\":\"reconciled secret\"}",
    ),
    voice(
        &["external-dns"],
        &[
            "time=\"{time}\" level=info msg=\"Instantiating new Kubernetes client\"",
            "time=\"{time}\" level=info msg=\"Changing record.\" action=CREATE record=gitlab.monosense.io ttl=1 type=A zone=monosense.io",
        ],
        "time=\"{time}\" level=info msg=\"All records are already up to date\"",
    ),
    voice(
        &["cloudflared"],
        &["{time} INF Registered tunnel connection connIndex=0", "{time} INF Registered tunnel connection connIndex=1"],
        "{time} INF Connection healthy connIndex=0",
    ),
    voice(
        &["fluent-bit"],
        &["[info] [fluent bit] version=4.0.8", "[info] [output:http:http.0] worker #0 started"],
        "[info] [output:http:http.0] victorialogs.observability.svc:9428, HTTP status=200",
    ),
    voice(
        &["vmagent"],
        &["info\tapp/vmagent/main.go\tstarting vmagent at \":8429\""],
        "info\tlib/promscrape/scraper.go\tkubernetes_sd_configs: added targets: 0, removed targets: 0",
    ),
    voice(
        &["vmselect", "vminsert", "vmstorage", "vmalert", "vmauth", "victoria-logs"],
        &["info\tlib/logger/flag.go\tbuild version: victoria-metrics"],
        "info\tlib/storage\tok",
    ),
    voice(
        &["grafana"],
        &["logger=http.server t={time} level=info msg=\"HTTP Server Listen\" address=[::]:3000"],
        "logger=cleanup t={time} level=info msg=\"Completed cleanup jobs\"",
    ),
    voice(
        &["harbor-core"],
        &[
            "{time} [INFO] [/common/dao/base.go:67]: Registering database: type-PostgreSQL host-harbor-pooler-rw.cnpg-system.svc.cluster.local port-5432 database-registry sslmode-\"require\"",
            "{time} [INFO] [/core/main.go:110]: initializing cache with redis dragonfly.dragonfly-system.svc.cluster.local:6379 ...",
            "{time} [INFO] [/core/main.go:140]: registry storage: s3 (MinIO), regionendpoint=http://minio.harbor.svc.cluster.local:9000 bucket=harbor",
        ],
        "{time} [INFO] [/core/controllers/health]: database, redis and S3 storage are healthy",
    ),
    voice(
        &["registry-photon"],
        &["time=\"{time}\" level=info msg=\"using s3aws storage driver\" endpoint=minio"],
        "time=\"{time}\" level=info msg=\"response completed\" http.request.uri=/",
    ),
    voice(
        &["gitlab-webservice-ee", "gitlab-webservice-ce", "gitlab-webservice"],
        &[
            "{\"severity\":\"INFO\",\"time\":\"{time}\",\"message\":\"database connection: host=gitlab-pooler-rw.cnpg-system.svc.cluster.local database=gitlabhq_production\"}",
            "{\"severity\":\"INFO\",\"time\":\"{time}\",\"message\":\"redis connection: dragonfly.dragonfly-system.svc.cluster.local:6379 (DragonflyDB)\"}",
            "{\"severity\":\"INFO\",\"time\":\"{time}\",\"message\":\"Puma started: workers 2\"}",
        ],
        "{\"severity\":\"INFO\",\"time\":\"{time}\",\"method\":\"GET\",\"path\":\"/-/readiness\",\"status\":200}",
    ),
    voice(
        &["gitlab-sidekiq-ee", "gitlab-sidekiq-ce", "gitlab-sidekiq", "gitaly", "gitlab-shell"],
        &["{\"severity\":\"INFO\",\"time\":\"{time}\",\"message\":\"Booted\"}"],
        "{\"severity\":\"INFO\",\"time\":\"{time}\",\"message\":\"ok\"}",
    ),
    voice(
        &["cp-schema-registry", "schema-registry"],
        &[
            "[{time}] INFO Initialized last consumed offset for topic _schemas (io.confluent.kafka.schemaregistry.storage.KafkaStoreReaderThread)",
            "[{time}] INFO Server started, listening for requests... (io.confluent.kafka.schemaregistry.rest.SchemaRegistryMain)",
        ],
        "[{time}] INFO 10.246.0.1 \"GET /subjects HTTP/1.1\" 200",
    ),
    voice(
        &["keycloak"],
        &[
            "{time} INFO [io.quarkus] Keycloak 26.3.3 on JVM started",
            "{time} INFO [org.keycloak.connections.jpa] database: keycloak-pooler-rw.cnpg-system.svc.cluster.local",
        ],
        "{time} DEBUG [org.keycloak.services] health check: UP",
    ),
    voice(
        &["reloader"],
        &["time=\"{time}\" level=info msg=\"Starting Reloader\""],
        "time=\"{time}\" level=info msg=\"Watching ConfigMaps and Secrets\"",
    ),
    voice(
        &["nginx"],
        &[
            "/docker-entrypoint.sh: Configuration complete; ready for start up",
            "{time} [notice] 1#1: start worker processes",
        ],
        "{time} [notice] 1#1: ok",
    ),
];

fn of(image: &str) -> Option<&'static Voice> {
    let image = programs::bare(image);
    ALL.iter().find(|voice| voice.images.contains(&image))
}

/// What is wrong just now, as the program says it: each an image, a service that it needs, and the line.
const COMPLAINTS: [(&str, &str, &str); 5] = [
    (
        "external-dns",
        "cloudflare",
        "time=\"{time}\" level=error msg=\"Failed to do run once: could not fetch zones from Cloudflare API: {wrong}\"",
    ),
    (
        "external-secrets",
        "onepassword",
        "{\"level\":\"error\",\"logger\":\"controllers.ExternalSecret\",\"msg\":\"could not get secret data from provider\",\"error\":\"1Password Connect {wrong}\"}",
    ),
    (
        "fluent-bit",
        "vlogs",
        "[ warn] [engine] failed to flush chunk, retry: victorialogs.observability.svc:9428: {wrong}",
    ),
    (
        "vmagent",
        "vminsert",
        "warn\tapp/vmagent/remotewrite/client.go\tcouldn't send a block to vminsert: {wrong}; re-sending",
    ),
    ("harbor-core", "minio", "{time} [ERROR] [/registry]: s3: MinIO {wrong}"),
];

/// Writes for as long as the lab is open.
pub(crate) async fn speak(services: Weak<Services>, end: CancellationToken) {
    let mut known = std::collections::BTreeSet::new();
    loop {
        let Some(all) = services.upgrade() else { return };
        let clock = all.world.clock.clone();
        for cluster in all.clusters.values() {
            once(&all, cluster, &mut known);
        }
        drop(all);
        tokio::select! {
            () = end.cancelled() => return,
            () = clock.sleep(EVERY) => {}
        }
    }
}

/// One round: pods that are new say what programs say at their start, the others go on.
fn once(services: &Services, cluster: &Arc<Cluster>, known: &mut std::collections::BTreeSet<String>) {
    let now = services.now();
    let (pods, inside) = {
        let world = cluster.world();
        let pods = world.store.list("pods", "").map(|(_, pod)| &*pod.value);
        // Ten thousand pods of an unknown program say nothing, and cost nothing.
        let pods = pods.filter(|pod| of(pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default()).is_some());
        (pods.cloned().collect::<Vec<Value>>(), world.inside.clone())
    };
    for pod in pods.iter().filter(|pod| pod["status"]["phase"] == "Running") {
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
            let image = container["image"].as_str().unwrap_or_default();
            let Some(voice) = of(image) else { continue };
            let log = inside.logs.present(uid, container["name"].as_str().unwrap_or_default());
            if known.insert(format!("{uid}/{}/{}", container["name"], container_restarts(pod))) {
                let began = pod["status"]["startTime"].as_str().and_then(|at| at.parse().ok()).unwrap_or(now);
                for (index, line) in voice.first.iter().enumerate() {
                    let at = began + SignedDuration::from_millis(index as i64 * 120);
                    log.append(at.min(now), Stream::Stdout, &filled(line, at.min(now), cluster, pod, ""));
                }
            }
            let complaint =
                COMPLAINTS.iter().filter(|(own, ..)| *own == programs::bare(image)).find_map(|(_, service, line)| {
                    let wrong =
                        services.world.service(service).into_iter().find(|wrong| !matches!(wrong, Wrong::Slow(_)))?;
                    Some((line, wrong.to_string()))
                });
            match complaint {
                Some((line, wrong)) => log.append(now, Stream::Stderr, &filled(line, now, cluster, pod, &wrong)),
                None if ready(pod) => log.append(now, Stream::Stdout, &filled(voice.then, now, cluster, pod, "")),
                None => {}
            }
        }
    }
}

fn container_restarts(pod: &Value) -> String {
    pod["status"]["containerStatuses"][0]["restartCount"].to_string()
}

fn filled(line: &str, now: Timestamp, cluster: &Cluster, pod: &Value, wrong: &str) -> String {
    let text = |pointer: &str| pod.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    line.replace("{time}", &now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .replace("{pod}", text("/metadata/name"))
        .replace("{node}", text("/spec/nodeName"))
        .replace("{cluster}", &cluster.name)
        .replace("{wrong}", wrong)
}
