//! Broken topology files: what is said of each kind of mistake.

use std::fmt::Write as _;

use pb::lab::world::read;

/// A topology in which nothing is wrong.
const RIGHT: &str = r#"about = "a platform of one's own"

[router]
name = "edge"
address = "10.0.0.1"
asn = 64501

[clusters.one]
server = "one.example.com:6443"
kubernetes = "v1.34.1"
talos = "v1.11.2"
cilium = "1.18.2"
id = 1
asn = 64512
pod_cidr = "10.244.0.0/16"
service_cidr = "10.245.0.0/16"
dns = "10.245.0.10"
namespaces = ["shop", "bank"]
nodes = [
    { name = "one-1", address = "10.0.0.11" },
    { name = "one-2", address = "10.0.0.12", roles = ["worker"] },
]

[clusters.one.pools]
public = ["10.0.0.100-119"]

[[clusters.one.workloads]]
kind = "Deployment"
namespace = "shop"
name = "web"
image = "web:1"
ports = [80]

[[clusters.one.services]]
namespace = "shop"
name = "web"
type = "LoadBalancer"
address = "10.0.0.100"
ports = [80]
workload = "web"

[clusters.two]
server = "two.example.com:6443"
kubernetes = "v1.34.1"
talos = "v1.11.2"
cilium = "1.18.2"
id = 2
asn = 64513
pod_cidr = "10.246.0.0/16"
service_cidr = "10.247.0.0/16"
dns = "10.247.0.10"
nodes = [{ name = "two-", address = "10.0.0.21", count = 3 }]

[[stages]]
name = "nothing"
about = "machines"
machines = "maintenance"

[[stages]]
name = "all"
about = "everything"
"#;

/// A mistake: what it is, and the text that takes the place of another.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("no TOML", "asn = 64501", "asn = = 64501"),
    ("an unknown key", "service_cidr = \"10.245", "service_cdir = \"10.245"),
    ("a key that is missing", "asn = 64512\n", ""),
    ("no router", "[router]\nname = \"edge\"\naddress = \"10.0.0.1\"\nasn = 64501\n", ""),
    ("an unknown kind", "kind = \"Deployment\"", "kind = \"Deploiment\""),
    ("an unknown role", "roles = [\"worker\"]", "roles = [\"wroker\"]"),
    ("a wrong address", "address = \"10.0.0.11\"", "address = \"10.0.0.311\""),
    ("a wrong network", "pod_cidr = \"10.244.0.0/16\"", "pod_cidr = \"10.244.0.0/33\""),
    ("a wrong range", "public = [\"10.0.0.100-119\"]", "public = [\"10.0.0.119-100\"]"),
    ("a wrong pattern of objects", "about = \"machines\"", "about = \"machines\"\nobjects = [\"Pod a b c\"]"),
    ("a network that begins elsewhere", "pod_cidr = \"10.244.0.0/16\"", "pod_cidr = \"10.244.7.0/16\""),
    ("a network that is too small", "pod_cidr = \"10.246.0.0/16\"", "pod_cidr = \"10.246.0.0/23\""),
    ("networks that overlap", "pod_cidr = \"10.246.0.0/16\"", "pod_cidr = \"10.244.0.0/14\""),
    ("a pool in a network", "public = [\"10.0.0.100-119\"]", "public = [\"10.0.0.100-119\", \"10.247.1.0/24\"]"),
    ("a pool with the router", "public = [\"10.0.0.100-119\"]", "public = [\"10.0.0.0/24\"]"),
    ("CoreDNS elsewhere", "dns = \"10.247.0.10\"", "dns = \"10.245.0.10\""),
    ("no nodes", "nodes = [{ name = \"two-\", address = \"10.0.0.21\", count = 3 }]", "nodes = []"),
    ("too many nodes", "count = 3", "count = 4000000000"),
    ("too many pods", "image = \"web:1\"", "image = \"web:1\"\nreplicas = 4000000000"),
    ("workers alone", "address = \"10.0.0.11\" }", "address = \"10.0.0.11\", roles = [\"worker\"] }"),
    ("a name twice", "name = \"one-2\"", "name = \"one-1\""),
    ("an address twice", "address = \"10.0.0.12\"", "address = \"10.0.0.11\""),
    ("an address of two clusters", "address = \"10.0.0.21\"", "address = \"10.0.0.10\""),
    ("a node in a pool", "address = \"10.0.0.12\"", "address = \"10.0.0.105\""),
    ("a node among the pods", "address = \"10.0.0.12\"", "address = \"10.244.3.3\""),
    ("an address of no pool", "address = \"10.0.0.100\"", "address = \"10.0.0.120\""),
    ("an address inside", "type = \"LoadBalancer\"", "type = \"ClusterIP\""),
    ("a workload that is not there", "workload = \"web\"", "workload = \"wed\""),
    (
        "a namespace that is not there",
        "namespace = \"shop\"\nname = \"web\"\nimage",
        "namespace = \"shpo\"\nname = \"web\"\nimage",
    ),
    ("a namespace twice", "\"bank\"]", "\"bank\", \"shop\"]"),
    ("no ports", "address = \"10.0.0.100\"\nports = [80]", "address = \"10.0.0.100\"\nports = []"),
    ("an id twice", "id = 2", "id = 1"),
    ("a server without a port", "two.example.com:6443", "two.example.com"),
    ("a hold time that is too short", "asn = 64501", "asn = 64501\nhold = \"3s\""),
    ("a stage twice", "name = \"all\"", "name = \"nothing\""),
    ("stages that end bare", "about = \"everything\"", "about = \"everything\"\nmachines = \"maintenance\""),
];

fn said(text: &str) -> String {
    let problems = match read::parse("mine", "mine.toml", text) {
        Ok(_) => return "nothing is wrong\n".into(),
        Err(problems) => problems,
    };
    let mut said = String::new();
    for problem in problems {
        let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(said, "{place} {}", problem.message);
        for hint in &problem.hints {
            let _ = writeln!(said, "    {hint}");
        }
    }
    said
}

#[test]
fn each_mistake_in_a_topology_is_named_with_its_line_and_reason() {
    assert_eq!(said(RIGHT), "nothing is wrong\n");
    let mut all = String::new();
    for (title, from, to) in MISTAKES {
        assert!(RIGHT.contains(from), "{title}: the topology has no {from}");
        let told = said(&RIGHT.replacen(from, to, 1));
        assert!(told.starts_with("mine.toml:"), "{title}: {told}");
        let _ = writeln!(all, "# {title}\n{told}");
    }
    insta::assert_snapshot!("topologies", all);
}

#[test]
fn mistakes_are_told_all_at_once_in_their_order() {
    let broken = ["an id twice", "a name twice", "CoreDNS elsewhere"].iter().fold(RIGHT.to_string(), |text, title| {
        let (_, from, to) = MISTAKES.iter().find(|(known, ..)| known == title).expect("a mistake");
        text.replacen(from, to, 1)
    });
    let told = said(&broken);
    let lines: Vec<usize> =
        told.lines().map(|line| line.split(':').nth(1).and_then(|n| n.parse().ok()).expect("a line")).collect();
    assert!(lines.len() == 3 && lines.is_sorted(), "{told}");
}

#[test]
fn no_cluster_at_all_is_told() {
    let head = RIGHT.split("[clusters.one]").next().expect("a head");
    assert!(said(&format!("{head}[clusters]\n")).contains("a platform has at least one"));
    assert!(said(head).contains("missing field `clusters`"));
}
