//! Topologies: those that come with the program, and mistakes in one's own.

use super::*;

fn monosense_with(from: &str, to: &str) -> Vec<String> {
    let text = EMBEDDED[0].1;
    assert!(text.contains(from), "the topology has no {from}");
    let changed = text.replacen(from, to, 1);
    parse("mine", "mine.toml", &changed)
        .unwrap_err()
        .iter()
        .map(|error| {
            let place = error.place.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{place} {} {}", error.message, error.hints.join(" "))
        })
        .collect()
}

/// The line that a text begins in.
fn line_of(text: &str) -> usize {
    let at = EMBEDDED[0].1.find(text).unwrap();
    EMBEDDED[0].1[..at].matches('\n').count() + 1
}

#[test]
fn the_embedded_topologies_are_right() {
    for (name, _) in EMBEDDED {
        let topology = embedded(name).unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        assert!(!topology.about.is_empty() && topology.nodes().count() > 0, "{name}");
        for (cluster, parts) in &topology.clusters {
            assert!(parts.service_cidr.contains(&parts.dns), "{name}/{cluster}: CoreDNS' address");
            assert!(parts.services.iter().any(|s| s.kind == ServiceKind::LoadBalancer), "{name}/{cluster}");
        }
    }
    let pods: u32 = embedded("10000-pods").unwrap().clusters["infra"].workloads.iter().map(|w| w.replicas).sum();
    assert!(pods >= 10_000, "{pods}");
}

#[test]
fn the_default_is_the_platform_as_it_was_built() {
    let topology = embedded(DEFAULT).unwrap();
    let apps = &topology.clusters["apps"];
    assert_eq!((apps.asn, topology.router.asn, topology.router.hold.as_secs()), (64513, 64501, 9));
    let nodes: Vec<String> =
        apps.nodes.iter().map(|n| format!("{} {}", n.name.get_ref(), n.address.get_ref())).collect();
    assert_eq!(nodes, ["apps-01 10.25.11.14", "apps-02 10.25.11.15", "apps-03 10.25.11.16"]);
}

#[test]
fn a_row_of_nodes_is_spread() {
    let nodes: Vec<Node> = embedded("10000-pods").unwrap().clusters.remove("infra").unwrap().nodes;
    let last = nodes.last().unwrap();
    assert_eq!(format!("{} {}", last.name.get_ref(), last.address.get_ref()), "infra-100 10.25.12.100");
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_what_was_meant() {
    let told = monosense_with("pod_cidr", "pod_cdir");
    let line = line_of("pod_cidr");
    assert!(told[0].starts_with(&format!("mine.toml:{line}:1 unknown field `pod_cdir`")), "{told:?}");
    assert!(told[0].ends_with("did you mean \"pod_cidr\"?"), "{told:?}");
}

#[test]
fn a_value_of_the_wrong_form_is_named_with_its_line() {
    let told = monosense_with("10.25.11.1\"", "10.25.11.\"");
    assert!(told[0].starts_with(&format!("mine.toml:{}:", line_of("10.25.11.1\""))), "{told:?}");
    let told = monosense_with("hold = \"9s\"", "hold = \"nine\"");
    assert!(told[0].contains("\"nine\" is no duration"), "{told:?}");
    let told = monosense_with("about = ", "about ");
    assert!(told[0].starts_with(&format!("mine.toml:{}:", line_of("about = "))), "{told:?}");
}

#[test]
fn what_makes_no_sense_is_told_all_at_once() {
    let text =
        EMBEDDED[0].1.replacen("\"10.25.11.12\"", "\"10.25.11.11\"", 1).replacen("\"infra-03\"", "\"apps-01\"", 1);
    let problems = parse("mine", "mine.toml", &text).unwrap_err();
    let told: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
    assert!(told.iter().any(|m| m.contains("10.25.11.11") && m.contains("infra-01")), "{told:?}");
    assert!(told.iter().any(|m| m.contains("node apps-01 is there twice")), "{told:?}");
    assert!(problems.iter().all(|p| p.place.as_ref().is_some_and(|place| place.line > 1)));
}

#[test]
fn an_address_outside_of_the_pools_and_a_namespace_that_is_not_there_are_told() {
    let told = monosense_with("address = \"10.25.11.110\"", "address = \"10.25.11.210\"");
    assert!(told[0].contains("10.25.11.210, which no pool of cluster infra has"), "{told:?}");
    let told = monosense_with("namespace = \"kube-system\"", "namespace = \"kube-sytem\"");
    assert!(told[0].contains("did you mean \"kube-system\"?"), "{told:?}");
}

#[test]
fn an_unknown_name_and_a_file_that_is_not_there_are_told() {
    let told = embedded("monosens").unwrap_err();
    assert!(told[0].message.contains("there are: monosense") && !told[0].hints.is_empty(), "{told:?}");
    let told = named("./nowhere.toml", Path::new("/")).unwrap_err();
    assert!(told[0].message.contains("nowhere.toml can't be read"), "{told:?}");
}
