//! What the platform's programs say of a cluster that is well, and of one that is not.

use serde_json::{Value, json};

use super::run;
use crate::lab::controllers::platform::testing::Bench;
use crate::lab::world::{Cause, cause::BGP};

/// Runs a line in a pod whose name begins so; what it printed, and its code.
fn says(bench: &Bench, namespace: &str, pod: &str, line: &str, input: &str) -> (String, i32) {
    let world = bench.cluster.world();
    let found = world.store.list("pods", namespace).find(|(place, _)| place.name.starts_with(pod));
    let pod = found.unwrap_or_else(|| panic!("no pod {namespace}/{pod}")).1.value.clone();
    let words = shlex::split(line).unwrap();
    let (out, err, code) = run(&world, &pod, &words, input).unwrap_or_else(|| panic!("no program for {line}"));
    (format!("{out}{err}"), code)
}

/// A pod of somebody's own.
fn visitor(bench: &Bench, image: &str) {
    bench.create(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "visitor", "namespace": "default" },
        "spec": { "containers": [{ "name": "visitor", "image": image }] }, "status": { "phase": "Running" },
    }));
}

#[test]
fn the_toolbox_tells_the_health_of_ceph() {
    let bench = Bench::new("spec", "infra");
    let ceph = |line: &str| says(&bench, "rook-ceph", "rook-ceph-tools", line, "");
    assert!(ceph("ceph status").0.contains("health: HEALTH_OK"));
    let status: Value = serde_json::from_str(&ceph("ceph status -f json").0).unwrap();
    assert_eq!((&status["health"]["status"], &status["osdmap"]["num_up_osds"]), (&json!("HEALTH_OK"), &json!(3)));
    assert!(ceph("ceph osd tree").0.contains("osd.2") && ceph("ceph df").0.contains("ceph-blockpool"));
    let slow = || {
        let perf: Value = serde_json::from_str(&ceph("ceph osd perf -f json").0).unwrap();
        let rows = perf["osdstats"]["osd_perf_infos"].as_array().unwrap().clone();
        rows.iter().filter(|row| row["perf_stats"]["commit_latency_ms"].as_u64() > Some(100)).count()
    };
    assert_eq!(slow(), 0);
    bench.world.put(Cause::DiskSlow { node: "infra-01".into() });
    assert_eq!(slow(), 1, "each OSD has a node of its own");
    bench.world.put(Cause::Osd { cluster: "infra".into(), osd: 2 });
    assert!(
        ceph("ceph health detail").0.contains("osd.2 (root=default,host=infra-"),
        "{}",
        ceph("ceph health detail").0
    );
    assert_eq!(ceph("ceph nonsense").1, 22);
    assert!(!says(&bench, "rook-ceph", "rook-ceph-tools", "rbd ls", "").0.contains("error"));
}

#[test]
fn a_ceph_that_is_run_elsewhere_has_the_name_of_that_one() {
    let bench = Bench::new("spec", "apps");
    let fsid = |bench: &Bench| says(bench, "rook-ceph", "rook-ceph-tools", "ceph fsid", "").0;
    let own = fsid(&bench);
    bench.change("cephclusters.ceph.rook.io", "rook-ceph", "rook-ceph", |one| {
        one["spec"]["external"] = json!({ "enable": true });
    });
    let of_infra = fsid(&Bench::new("spec", "infra"));
    assert_eq!(fsid(&bench), of_infra);
    assert_ne!(own, of_infra);
}

#[test]
fn postgres_tells_of_its_replicas_and_poolers_lead_to_the_primary() {
    let mut bench = Bench::new("spec", "apps");
    let replication = "psql -U postgres -c \"SELECT * FROM pg_stat_replication;\"";
    let (text, code) = says(&bench, "cnpg-system", "shared-postgres-1", replication, "");
    assert!(
        code == 0 && text.contains("shared-postgres-2") && text.contains("quorum") && text.contains("(2 rows)"),
        "{text}"
    );
    visitor(&bench, "postgres:16");
    let through = "psql -h gitlab-pooler-rw.cnpg-system.svc.cluster.local -U gitlab -d gitlabhq_production -tAc 'SELECT version();'";
    let (text, code) = says(&bench, "default", "visitor", through, "");
    assert!(code == 0 && text.starts_with("PostgreSQL 16"), "{text}");
    let says_to = |statement: &str| {
        let line = through.replace("'SELECT version();'", &format!("\"{statement}\""));
        says(&bench, "default", "visitor", &line, "")
    };
    assert!(says_to("SELECT line FROM a").0.contains("relation \"a\" does not exist"));
    assert_eq!(says_to("CREATE TABLE a (line text)"), ("CREATE TABLE\n".into(), 0));
    assert_eq!(says_to("INSERT INTO a VALUES ('b c')"), ("INSERT 0 1\n".into(), 0));
    assert_eq!(says_to("SELECT line FROM a"), ("b c\n".into(), 0));
    assert_eq!(says_to("DROP TABLE a"), ("DROP TABLE\n".into(), 0));
    assert_ne!(says_to("SELECT line FROM a").1, 0, "it is gone");
    let wrong = "psql -h gitlab-pooler-rw.cnpg-system.svc.cluster.local -U gitlab -d nonesuch -c 'SELECT 1'";
    assert!(says(&bench, "default", "visitor", wrong, "").0.contains("database \"nonesuch\" does not exist"));
    bench.change("poolers.postgresql.cnpg.io", "cnpg-system", "gitlab-pooler-rw", |one| {
        one["spec"]["pgbouncer"]["paused"] = true.into();
    });
    assert!(says(&bench, "default", "visitor", through, "").0.contains("query_wait_timeout"));
    for name in ["shared-postgres-2", "shared-postgres-3"] {
        bench.change("pods", "cnpg-system", name, |pod| pod["status"]["conditions"] = json!([]));
    }
    bench.look();
    let (text, _) = says(
        &bench,
        "cnpg-system",
        "shared-postgres-1",
        "psql -U postgres -tAc 'SELECT count(*) FROM pg_stat_replication'",
        "",
    );
    assert_eq!(text, "0\n");
}

#[test]
fn dragonfly_keeps_what_it_is_given() {
    let bench = Bench::new("spec", "apps");
    visitor(&bench, "redis:7");
    let redis = |words: &str| {
        says(
            &bench,
            "default",
            "visitor",
            &format!("redis-cli -h dragonfly.dragonfly-system.svc.cluster.local {words}"),
            "",
        )
        .0
    };
    assert_eq!(
        (redis("PING"), redis("SET test-key test-value"), redis("GET test-key")),
        ("PONG\n".into(), "OK\n".into(), "test-value\n".into())
    );
    assert!(redis("INFO replication").contains("role:master\r\nconnected_slaves:2"));
    let bench = Bench::new("monosense", "apps");
    visitor(&bench, "redis:7");
    let (text, _) = says(&bench, "default", "visitor", "redis-cli -h dragonfly.dragonfly-system PING", "");
    assert_eq!(text, "NOAUTH Authentication required.\n");
    let password = crate::lab::controllers::platform::upstream::secret("dragonfly", "password");
    let (text, _) =
        says(&bench, "default", "visitor", &format!("redis-cli -h dragonfly.dragonfly-system -a {password} PING"), "");
    assert_eq!(text, "PONG\n");
    bench.create(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "knows", "namespace": "default" },
        "spec": { "containers": [{ "name": "c", "image": "redis:7", "env": [{ "name": "REDISCLI_AUTH", "value": password }] }] },
    }));
    let (text, _) = says(&bench, "default", "knows", "redis-cli -h dragonfly.dragonfly-system PING", "");
    assert_eq!(text, "PONG\n", "the password is in the variable that redis-cli reads");
}

#[test]
fn kafka_keeps_messages_as_long_as_enough_brokers_run() {
    let mut bench = Bench::new("spec", "apps");
    let script = |bench: &Bench, line: &str, input: &str| {
        says(bench, "messaging", "kafka-cluster-kafka-0", &format!("bin/{line}"), input)
    };
    let server = "--bootstrap-server kafka-cluster-kafka-bootstrap:9092";
    assert!(script(&bench, &format!("kafka-topics.sh {server} --list"), "").0.contains("_schemas\n"));
    assert_eq!(script(&bench, &format!("kafka-console-producer.sh {server} --topic test-topic"), "one\ntwo\n").1, 0);
    let (text, _) = script(
        &bench,
        &format!("kafka-console-consumer.sh {server} --topic test-topic --from-beginning --max-messages 2"),
        "",
    );
    assert_eq!(text, "one\ntwo\nProcessed a total of 2 messages\n");
    assert!(
        script(&bench, &format!("kafka-console-producer.sh {server} --topic nonesuch"), "x")
            .0
            .contains("UNKNOWN_TOPIC_OR_PARTITION")
    );
    let measure = "kafka-producer-perf-test.sh --topic perf-test --num-records 10000 --record-size 1000 --throughput -1 --producer-props bootstrap.servers=localhost:9092";
    assert!(script(&bench, measure, "").0.contains("27 ms 95th"));
    for name in ["kafka-cluster-kafka-1", "kafka-cluster-kafka-2"] {
        bench.change("pods", "messaging", name, |pod| pod["status"]["conditions"] = json!([]));
    }
    bench.look();
    assert!(script(&bench, measure, "").0.contains("NotEnoughReplicas"));
    let (text, _) = script(&bench, &format!("kafka-topics.sh {server} --describe --under-replicated-partitions"), "");
    assert!(text.contains("Topic: perf-test\tPartition: 0\tLeader: 0\tReplicas: 0,1,2\tIsr: 0"), "{text}");
}

#[test]
fn the_agent_tells_of_its_sessions_and_of_the_other_cluster() {
    let bench = Bench::new("monosense", "infra");
    let agent = |line: &str| says(&bench, "kube-system", "cilium-", line, "");
    let peers: Value = serde_json::from_str(&agent("cilium-dbg bgp peers -o json").0).unwrap();
    assert_eq!(
        (&peers[0]["session-state"], &peers[0]["families"][0]["advertised"]),
        (&json!("established"), &json!(3))
    );
    let status: Value = serde_json::from_str(&agent("cilium status --output json").0).unwrap();
    assert_eq!(
        (&status["cilium"]["state"], &status["cluster-mesh"]["clusters"][0]["name"]),
        (&json!("Ok"), &json!("apps"))
    );
    assert!(agent("cilium-dbg clustermesh status").0.contains("1/1 remote clusters ready"));
    assert_eq!(agent("hubble observe --last 3 -o json").0.lines().count(), 3);
    bench.world.put(Cause::Cut { from: "infra".into(), to: "apps".into() });
    assert!(agent("cilium-dbg clustermesh status").0.contains("failed to connect to etcd at 10.25.11.120:2379"));
    for node in ["infra-01", "infra-02", "infra-03"] {
        bench.world.put(Cause::process(node, BGP));
    }
    assert!(agent("cilium status").0.contains("Is the agent running?"));
}
