//! Kafka's scripts: topics, a producer, a consumer, and the producer's performance test, against the brokers that the
//! bootstrap address leads to.
//!
//! Source: kafka.apache.org, `bin/`; org.apache.kafka.tools.

use serde_json::Value;

use super::{At, Said, is_ready};

const TOPICS: &str = "kafkatopics.kafka.strimzi.io";

/// The cluster that a client has reached.
struct Cluster<'a> {
    namespace: &'a str,
    name: &'a str,
    brokers: Vec<&'a Value>,
}

pub(super) fn run(at: &At<'_>, name: &str) -> Said {
    let properties = at.flag(&["--producer-props"]).and_then(|text| text.strip_prefix("bootstrap.servers="));
    let at_server = at.flag(&["--bootstrap-server", "--broker-list"]).or(properties).unwrap_or("localhost:9092");
    let cluster = match reach(at, at_server) {
        Ok(cluster) => cluster,
        Err(said) => return said,
    };
    match name.trim_end_matches(".sh") {
        "kafka-topics" => topics(at, &cluster),
        "kafka-console-producer" => produce(at, &cluster),
        "kafka-console-consumer" => consume(at, &cluster),
        "kafka-producer-perf-test" => measure(at, &cluster),
        "kafka-broker-api-versions" => {
            let rows = cluster.brokers.iter().enumerate().map(|(id, pod)| {
                format!(
                    "{}:9092 (id: {id} rack: null isFenced: false) -> (\n)\n",
                    pod["status"]["podIP"].as_str().unwrap_or_default()
                )
            });
            (rows.collect(), String::new(), 0)
        }
        "kafka-metadata-quorum" => {
            let voters: Vec<String> = (0..cluster.brokers.len()).map(|id| id.to_string()).collect();
            (
                format!(
                    "ClusterId:              {}\nLeaderId:               0\nLeaderEpoch:            7\nHighWatermark:          48211\nCurrentVoters:          [{}]\nCurrentObservers:       []\n",
                    cluster.name,
                    voters.join(",")
                ),
                String::new(),
                0,
            )
        }
        other => (String::new(), format!("{other}: the lab's Kafka has no such script\n"), 1),
    }
}

fn reach<'a>(at: &At<'a>, server: &'a str) -> Result<Cluster<'a>, Said> {
    let host = server.split(',').next().unwrap_or(server).split(':').next().unwrap_or_default();
    let lost = |why: &str| {
        Err((String::new(), format!("[2026-01-01 00:00:00,000] {why} (org.apache.kafka.clients.NetworkClient)\n"), 1))
    };
    let first = if matches!(host, "localhost" | "127.0.0.1") {
        at.pod
    } else {
        let Some((namespace, service)) = at.service(host) else {
            return lost(&format!(
                "WARN Couldn't resolve server {server} from bootstrap.servers as DNS resolution failed for {host}"
            ));
        };
        match at.behind(namespace, service).first().copied() {
            Some(pod) => pod,
            None => {
                return lost(&format!(
                    "WARN [AdminClient clientId=adminclient-1] Connection to node -1 ({server}) could not be established. Node may not be available."
                ));
            }
        }
    };
    let Some(name) = first["metadata"]["labels"]["strimzi.io/cluster"].as_str() else {
        return lost(&format!(
            "WARN [AdminClient clientId=adminclient-1] Connection to node -1 ({server}) could not be established. Node may not be available."
        ));
    };
    let namespace = first["metadata"]["namespace"].as_str().unwrap_or_default();
    let pods = at.objects.store.list("pods", namespace).map(|(_, pod)| &*pod.value);
    let mut brokers: Vec<&Value> = pods
        .filter(|pod| {
            pod["metadata"]["labels"]["strimzi.io/cluster"] == name
                && pod["metadata"]["labels"]["strimzi.io/pool-name"].is_string()
        })
        .collect();
    brokers.sort_by_key(|pod| pod["metadata"]["name"].as_str());
    Ok(Cluster { namespace, name, brokers })
}

impl<'a> Cluster<'a> {
    fn place(&self) -> String {
        format!("kafka {}/{}", self.namespace, self.name)
    }

    /// The topics, with partitions and replicas: those that are applied, and those that were made by hand.
    fn topics(&self, at: &At<'a>) -> Vec<(String, u64, u64)> {
        let rows = at.objects.store.list(TOPICS, self.namespace).map(|(place, one)| (place, &one.value));
        let own = rows.filter(|(_, one)| {
            one["metadata"]["labels"]["strimzi.io/cluster"] == self.name && one["status"]["topicId"].is_string()
        });
        let mut all: Vec<(String, u64, u64)> = own
            .map(|(place, one)| {
                let name = one["spec"]["topicName"].as_str().unwrap_or(&place.name).to_owned();
                (name, one["spec"]["partitions"].as_u64().unwrap_or(1), one["spec"]["replicas"].as_u64().unwrap_or(1))
            })
            .collect();
        for made in at.objects.inside.kept.get(&self.place(), "made") {
            let words: Vec<&str> = made.split(' ').collect();
            let number = |at: usize| words.get(at).and_then(|text| text.parse().ok()).unwrap_or(1);
            all.push((words[0].to_owned(), number(1), number(2)));
        }
        all.sort();
        all
    }

    /// The brokers that answer, by number.
    fn alive(&self, at: &At<'_>) -> Vec<usize> {
        self.brokers.iter().enumerate().filter(|(_, pod)| is_ready(pod) && !at.cut(pod)).map(|(id, _)| id).collect()
    }

    /// Whether so many are in sync as a topic needs for writing.
    fn takes(&self, at: &At<'_>, replicas: u64) -> bool {
        self.alive(at).len() as u64 >= replicas.min(2)
    }
}

fn topics(at: &At<'_>, cluster: &Cluster<'_>) -> Said {
    let all = cluster.topics(at);
    let named = at.flag(&["--topic"]);
    if at.has(&["--create"]) {
        let Some(name) = named else { return (String::new(), "Missing required argument \"[topic]\"\n".into(), 1) };
        if all.iter().any(|(known, _, _)| known == name) {
            if at.has(&["--if-not-exists"]) {
                return (String::new(), String::new(), 0);
            }
            return (
                format!("Error while executing topic command : Topic '{name}' already exists.\n"),
                String::new(),
                1,
            );
        }
        let number = |flag: &str| at.flag(&[flag]).and_then(|text| text.parse::<u64>().ok()).unwrap_or(1);
        let (partitions, replicas) = (number("--partitions"), number("--replication-factor"));
        let brokers = cluster.alive(at).len() as u64;
        if replicas > brokers {
            return (
                format!(
                    "Error while executing topic command : Unable to replicate the partition {replicas} time(s): The target replication factor of {replicas} cannot be reached because only {brokers} broker(s) are registered.\n"
                ),
                String::new(),
                1,
            );
        }
        at.objects.inside.kept.add(&cluster.place(), "made", [format!("{name} {partitions} {replicas}")]);
        return (format!("Created topic {name}.\n"), String::new(), 0);
    }
    if at.has(&["--describe"]) {
        let wanted: Vec<_> = all.iter().filter(|(name, _, _)| named.is_none_or(|wanted| wanted == name)).collect();
        if let (Some(name), true) = (named, wanted.is_empty()) {
            return (
                format!("Error while executing topic command : Topic '{name}' does not exist as expected\n"),
                String::new(),
                1,
            );
        }
        let alive = cluster.alive(at);
        let mut out = String::new();
        for (name, partitions, replicas) in wanted {
            let under = at.has(&["--under-replicated-partitions"]);
            if !under {
                out.push_str(&format!("Topic: {name}\tPartitionCount: {partitions}\tReplicationFactor: {replicas}\tConfigs: min.insync.replicas=2\n"));
            }
            for partition in 0..*partitions {
                let ids: Vec<usize> = (0..*replicas as usize)
                    .map(|at| (partition as usize + at) % cluster.brokers.len().max(1))
                    .collect();
                let isr: Vec<String> = ids.iter().filter(|id| alive.contains(id)).map(ToString::to_string).collect();
                if under && isr.len() == ids.len() {
                    continue;
                }
                let leader = isr.first().cloned().unwrap_or_else(|| "none".into());
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                out.push_str(&format!(
                    "\tTopic: {name}\tPartition: {partition}\tLeader: {leader}\tReplicas: {}\tIsr: {}\n",
                    ids.join(","),
                    isr.join(",")
                ));
            }
        }
        return (out, String::new(), 0);
    }
    if at.has(&["--delete"]) {
        return (
            String::new(),
            "Error while executing topic command : topics that are applied are deleted by their KafkaTopic\n".into(),
            1,
        );
    }
    (all.iter().map(|(name, _, _)| format!("{name}\n")).collect(), String::new(), 0)
}

/// A topic of the command line, if it can be written to or read from.
fn topic<'a>(at: &At<'a>, cluster: &Cluster<'a>) -> Result<(String, u64, u64), Said> {
    let name = at.flag(&["--topic"]).unwrap_or_default();
    let known = cluster.topics(at).into_iter().find(|(known, _, _)| known == name);
    known.ok_or_else(|| {
        let why = format!("[2026-01-01 00:00:00,000] WARN [Producer clientId=console-producer] Error while fetching metadata with correlation id 1 : {{{name}=UNKNOWN_TOPIC_OR_PARTITION}} (org.apache.kafka.clients.NetworkClient)\norg.apache.kafka.common.errors.TimeoutException: Topic {name} not present in metadata after 60000 ms.\n");
        (String::new(), why, 1)
    })
}

fn produce(at: &At<'_>, cluster: &Cluster<'_>) -> Said {
    let (name, _, replicas) = match topic(at, cluster) {
        Ok(topic) => topic,
        Err(said) => return said,
    };
    if !cluster.takes(at, replicas) {
        let why = format!(
            "org.apache.kafka.common.errors.NotEnoughReplicasException: Messages are rejected since there are fewer in-sync replicas than required: {name}\n"
        );
        return (String::new(), why, 1);
    }
    let lines: Vec<String> = at.input.lines().map(String::from).collect();
    let prompts = ">".repeat(lines.len() + 1);
    at.objects.inside.kept.add(&cluster.place(), &format!("topic {name}"), lines);
    (prompts, String::new(), 0)
}

fn consume(at: &At<'_>, cluster: &Cluster<'_>) -> Said {
    let (name, _, _) = match topic(at, cluster) {
        Ok(topic) => topic,
        Err(said) => return said,
    };
    if cluster.alive(at).is_empty() {
        return (String::new(), "org.apache.kafka.common.errors.TimeoutException\n".into(), 1);
    }
    let all = at.objects.inside.kept.get(&cluster.place(), &format!("topic {name}"));
    let most = at.flag(&["--max-messages"]).and_then(|text| text.parse::<usize>().ok());
    // Without --from-beginning only what comes later is read, and nobody writes meanwhile.
    let read: Vec<String> = if at.has(&["--from-beginning"]) {
        all.into_iter().take(most.unwrap_or(usize::MAX)).collect()
    } else {
        Vec::new()
    };
    let end = if most == Some(read.len()) {
        String::new()
    } else {
        "[2026-01-01 00:00:00,000] ERROR Error processing message, terminating consumer process:  (org.apache.kafka.tools.consumer.ConsoleConsumer)\norg.apache.kafka.common.errors.TimeoutException\n".into()
    };
    let end = if at.flag(&["--timeout-ms"]).is_some() || most.is_some() { end } else { String::new() };
    (
        read.iter().map(|line| format!("{line}\n")).collect(),
        format!("{end}Processed a total of {} messages\n", read.len()),
        0,
    )
}

/// How long records take: the more brokers are gone, the longer.
fn measure(at: &At<'_>, cluster: &Cluster<'_>) -> Said {
    let (_, _, replicas) = match topic(at, cluster) {
        Ok(topic) => topic,
        Err(said) => return said,
    };
    if !cluster.takes(at, replicas) {
        return (String::new(), "org.apache.kafka.common.errors.NotEnoughReplicasException: Messages are rejected since there are fewer in-sync replicas than required.\n".into(), 1);
    }
    let number =
        |flag: &str, default: f64| at.flag(&[flag]).and_then(|text| text.parse::<f64>().ok()).unwrap_or(default);
    let (records, size) = (number("--num-records", 10_000.0), number("--record-size", 1000.0));
    let slow = at.world().is_some_and(|(_, world)| {
        cluster.brokers.iter().any(|pod| {
            world.has(&crate::lab::world::Cause::DiskSlow {
                node: pod["spec"]["nodeName"].as_str().unwrap_or_default().into(),
            })
        })
    });
    let missing = (cluster.brokers.len() - cluster.alive(at).len()) as f64;
    let factor = (1.0 + missing) * if slow { 20.0 } else { 1.0 };
    let rate = 21_400.0 / factor;
    let text = format!(
        "{records:.0} records sent, {rate:.6} records/sec ({:.2} MB/sec), {:.2} ms avg latency, {:.2} ms max latency, {:.0} ms 50th, {:.0} ms 95th, {:.0} ms 99th, {:.0} ms 99.9th.\n",
        rate * size / 1_048_576.0,
        11.4 * factor,
        168.0 * factor,
        9.0 * factor,
        27.0 * factor,
        41.0 * factor,
        60.0 * factor
    );
    (text, String::new(), 0)
}
