//! Whether what a pod sends arrives: cables, switches, firewalls and policies lie between it and others.

use serde_json::Value;

use super::words::text;
use crate::lab::controllers::platform::egress::{self, Way};
use crate::lab::kube::cluster::World as Objects;
use crate::lab::kube::store::Place;
use crate::lab::world::Cause;

/// Whether what a pod sends to another one arrives.
pub(crate) fn between(objects: &Objects, pod: &Value, other: &Value) -> bool {
    let (from, to) = (text(pod, "/spec/nodeName"), text(other, "/spec/nodeName"));
    let Some((_, world)) = &objects.lies else { return true };
    // What stays on a node passes neither cable nor switch.
    from == to || (world.passes(from, to) && ![from, to].iter().any(|node| world.has(&Cause::link(node))))
}

/// The DNS server that kubelets tell their pods.
pub(crate) fn nameserver(objects: &Objects) -> Option<String> {
    let told = objects.lies.as_ref().and_then(|(own, world)| {
        let misled = world.causes().into_iter().find_map(|(cause, _)| match cause {
            Cause::Resolver { cluster, address } if cluster == *own => Some(address),
            _ => None,
        });
        misled.or_else(|| world.topology.clusters.get(own).map(|cluster| cluster.dns))
    });
    let service = || objects.store.get(&Place::new("services", "kube-system", "kube-dns"));
    told.map(|address| address.to_string()).or_else(|| Some(text(&service()?.value, "/spec/clusterIP").to_owned()))
}

/// Whether what a pod sends to a host outside of its cluster arrives.
pub(crate) fn outside(objects: &Objects, pod: &Value, host: &str) -> bool {
    let open = objects
        .lies
        .as_ref()
        .is_none_or(|(own, world)| world.reaches(own, host) && !world.has(&Cause::link(text(pod, "/spec/nodeName"))));
    open && egress::of_pod(objects, pod, host) == Way::Open
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::lab::clock::LabClock;
    use crate::lab::kube::cluster::Cluster;
    use crate::lab::pods::programs;
    use crate::lab::world::{World, read};

    const NODES: [&str; 2] = ["infra-01", "infra-02"];

    struct Bench {
        world: Arc<World>,
        cluster: Arc<Cluster>,
    }

    impl Bench {
        /// A cluster with CoreDNS, and with a pod that serves a page, both on the first node.
        fn new() -> Self {
            let clock = Arc::new(LabClock::real());
            let world = World::new(read::embedded("monosense").unwrap(), clock.clone());
            let cluster = Cluster::new("infra", clock);
            cluster.lie_in(&world);
            let mut objects = cluster.world();
            let now = jiff::Timestamp::UNIX_EPOCH;
            let mut dns = pod("dns", NODES[0], "10.244.0.2", &["coredns"]);
            dns["metadata"]["namespace"] = "kube-system".into();
            dns["metadata"]["labels"] = json!({ "k8s-app": "kube-dns" });
            objects.plant(&dns, now);
            objects.plant(&pod("web", NODES[0], "10.244.0.3", &["httpd", "-f", "-p", "8080", "-h", "/etc"]), now);
            for (namespace, name, address) in
                [("kube-system", "kube-dns", "10.245.0.10"), ("default", "kubernetes", "10.245.0.1")]
            {
                objects.plant(
                    &json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
                             "spec": { "clusterIP": address } }),
                    now,
                );
            }
            drop(objects);
            Self { world, cluster }
        }

        /// How a line ends in a pod on a node, and what it wrote.
        fn ran(&self, node: &str, line: &str) -> (i32, String) {
            let objects = self.cluster.world();
            let visitor = pod("visitor", node, "10.244.9.9", &["sleep", "3600"]);
            let ran = programs::run(&objects, &visitor, &shlex::split(line).unwrap()).unwrap();
            (ran.code, format!("{}{}", ran.stdout, ran.stderr))
        }
    }

    fn pod(name: &str, node: &str, address: &str, command: &[&str]) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "default", "uid": name },
            "spec": { "nodeName": node, "containers": [{ "name": "c", "image": "busybox", "command": command }] },
            "status": { "phase": "Running", "podIP": address },
        })
    }

    const LOOKUP: &str = "nslookup kubernetes.default.svc.cluster.local";
    const PAGE: &str = "wget -qO- http://10.244.0.3:8080/hostname";

    #[test]
    fn a_switch_or_a_cable_between_two_nodes_cuts_their_pods() {
        let bench = Bench::new();
        let ways = |bench: &Bench| NODES.map(|node| [LOOKUP, PAGE].map(|line| bench.ran(node, line).0));
        assert_eq!(ways(&bench), [[0, 0], [0, 0]], "{:?}", NODES.map(|node| bench.ran(node, PAGE)));
        for cause in [Cause::Cut { from: NODES[1].into(), to: NODES[0].into() }, Cause::link(NODES[0])] {
            bench.world.put(cause.clone());
            assert_eq!(ways(&bench), [[0, 0], [1, 1]], "{cause}");
            assert!(bench.ran(NODES[1], PAGE).1.contains("timed out"));
            bench.world.lift(&cause);
        }
        assert_eq!(ways(&bench), [[0, 0], [0, 0]]);
    }

    #[test]
    fn a_resolver_at_a_wrong_address_knows_no_name() {
        let bench = Bench::new();
        let address = "10.247.0.10".parse().unwrap();
        bench.world.put(Cause::Resolver { cluster: "infra".into(), address });
        assert!(bench.ran(NODES[0], LOOKUP).1.contains("no servers could be reached"));
        assert!(bench.ran(NODES[0], "cat /etc/resolv.conf").1.contains("nameserver 10.247.0.10\n"));
        assert!(bench.ran(NODES[0], "wget http://kubernetes.default/").1.contains("bad address"));
    }

    #[test]
    fn a_firewall_keeps_pods_from_the_hosts_that_it_names() {
        let bench = Bench::new();
        let codes = |bench: &Bench| {
            ["github.com", "api.cloudflare.com"].map(|host| {
                let line = format!("wget -q -T 3 -O /dev/null https://{host}/");
                [bench.ran(NODES[0], &line).0, bench.ran(NODES[0], &format!("nc -z -w 3 {host} 443")).0]
            })
        };
        assert_eq!(codes(&bench), [[0, 0], [0, 0]], "{:?}", bench.ran(NODES[0], "wget -q https://github.com/"));
        let cause = Cause::egress("infra", "github.com");
        bench.world.put(cause.clone());
        assert_eq!(codes(&bench), [[1, 1], [0, 0]]);
        bench.world.lift(&cause);
        bench.world.put(Cause::egress("infra", "*"));
        assert_eq!(codes(&bench), [[1, 1], [1, 1]]);
        assert_eq!(bench.ran(NODES[0], LOOKUP).0, 0, "the cluster's own names are still known");
        bench.world.lift(&Cause::egress("infra", "*"));
        bench.world.put(Cause::egress("apps", "*"));
        assert_eq!(codes(&bench), [[0, 0], [0, 0]], "it is the other cluster's");
    }
}
