//! The rules on two repositories: one with nothing wrong, and one with a mistake for every rule.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::*;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gitops").join(name)
}

fn told(repository: &Repository) -> String {
    let mut out = String::new();
    for (finding, waived) in &repository.findings {
        let place = format!("{}:{}", repository.files.name(finding.at.file), finding.at.line);
        let waived = waived.as_ref().map(|why| format!(" (waived: {why})")).unwrap_or_default();
        let _ = writeln!(out, "{place} {}{waived}\n    {}", finding.rule, finding.message);
        let _ = writeln!(out, "    {}: {}", finding.clusters.join(", "), finding.chain.join(" > "));
    }
    out
}

#[test]
fn nothing_is_found_in_a_healthy_repository() {
    let repository = load(&fixture("healthy"), &Options::default()).unwrap();
    assert_eq!(told(&repository), "");
    let units: Vec<usize> = repository.clusters.iter().map(|cluster| cluster.units.len()).collect();
    assert_eq!(units, [9, 8], "Kustomizations of apps and infra");
    assert!(!repository.files.names().iter().any(|name| name.contains("unreached")));
}

#[test]
fn what_is_built_has_its_patches_and_variables() {
    let repository = load(&fixture("healthy"), &Options::default()).unwrap();
    let infra = repository.clusters.iter().find(|cluster| cluster.name == "infra").unwrap();
    let one = |kind: &str, name: &str| {
        let found: Vec<_> = infra.named(name).map(|(_, object)| object).filter(|o| o.kind() == kind).collect();
        assert_eq!(found.len(), 1, "{kind} {name}");
        found[0].node.clone()
    };
    let release = one("HelmRelease", "coredns");
    assert_eq!(release.text_at("spec.interval"), "30m");
    assert_eq!(release.text_at("spec.chart.spec.sourceRef.namespace"), "kube-system");
    assert_eq!(release.text_at("spec.values.service.clusterIP"), "10.245.0.10");
    assert_eq!(one("HelmRepository", "coredns").text_at("metadata.annotations.note"), "a default");
    assert_eq!(one("Alert", "alertmanager").text_at("metadata.namespace"), "kube-system");
    assert_eq!(one("Namespace", "web").text_at("metadata.namespace"), "");
    assert!(
        one("Deployment", "web").at_path("spec.template.spec").unwrap().list("containers")[0].list("args")[0].as_text()
            == Some("${NOT_A_VARIABLE}")
    );
    assert_eq!(one("CephCluster", "rook-ceph").list("spec.storage.nodes")[2].text_at("name"), "infra-03");
}

#[test]
fn every_rule_finds_its_mistake_and_says_where() {
    let repository = load(&fixture("broken"), &Options::default()).unwrap();
    let found: BTreeSet<&str> = repository.findings.iter().map(|(finding, _)| finding.rule).collect();
    let unproven: Vec<&str> = RULES.iter().map(|rule| rule.id).filter(|id| !found.contains(id)).collect();
    assert_eq!(unproven, Vec::<&str>::new(), "rules that found nothing");
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("gitops_broken", told(&repository));
    });
}

#[test]
fn what_is_waived_stays_visible() {
    let waive = vec![
        ("cron-invalid".to_owned(), "tidied next week".to_owned()),
        ("node-unknown CephCluster rook-ceph/rook-ceph".to_owned(), "the node comes tomorrow".to_owned()),
    ];
    let repository = load(&fixture("broken"), &Options { waive, ..Options::default() }).unwrap();
    let why = |rule: &str| {
        repository.findings.iter().filter(|(f, _)| f.rule == rule).map(|(_, why)| why.clone()).collect::<Vec<_>>()
    };
    assert!(why("cron-invalid").iter().all(|why| why.as_deref() == Some("tidied next week")));
    assert!(why("node-unknown").iter().any(Option::is_some));
    assert!(why("resource-twice").iter().all(Option::is_none));
    let options = Options { waive: vec![("cron-invalit".into(), "x".into())], ..Options::default() };
    let error = load(&fixture("broken"), &options).unwrap_err();
    assert!(error.hints.iter().any(|hint| hint.contains("cron-invalid")), "{error}");
}

#[test]
fn a_repository_that_is_none_is_no_pass() {
    let error = load(&fixture("nowhere"), &Options::default()).unwrap_err();
    assert_eq!(error.kind, Kind::Io);
    let options = Options { entries: vec![("infra".into(), "kubernetes/nowhere".into())], ..Options::default() };
    let error = load(&fixture("healthy"), &options).unwrap_err();
    assert!(error.message.contains("kubernetes/nowhere, the entry point of cluster infra"), "{error}");
}
