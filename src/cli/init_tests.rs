//! `pb init` into folders of the test's own.

use super::*;
use crate::config::{Environment, Overrides, load};

fn init(dir: &Path, force: bool, contexts: &[&str]) -> String {
    let found = Contexts { from: "~/.kube/config".into(), names: contexts.iter().map(ToString::to_string).collect() };
    init_with(dir, force, &Ok(found))
}

fn init_with(dir: &Path, force: bool, contexts: &Result<Contexts>) -> String {
    let embedded = [("playbooks/t5.rhai", "// five\n"), ("stdlib/bgp.rhai", "// bgp\n")]
        .map(|(p, t)| (p.to_string(), t.to_string()));
    let mut out = Vec::new();
    let args = Args { dir: dir.into(), force };
    assert_eq!(run(&args, embedded, contexts, &mut out), Ok(0));
    String::from_utf8(out).expect("text")
}

fn read(dir: &Path, path: &str) -> String {
    std::fs::read_to_string(dir.join(path)).expect(path)
}

#[test]
fn files_and_a_configuration_that_loads_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("deep/er");
    let told = init(&dir, false, &["admin@infra", "apps", "arn:aws:eks:eu:1:cluster/apps", "kind kind"]);
    assert!(told.contains(": 3 written.\n"), "{told}");
    assert_eq!(read(&dir, "playbooks/t5.rhai"), "// five\n");
    assert_eq!(read(&dir, "stdlib/bgp.rhai"), "// bgp\n");
    let environment = Environment { dir, ..Default::default() };
    let config = load(&Overrides::default(), &environment).unwrap_or_else(|e| panic!("{e:?}"));
    let clusters: Vec<_> =
        config.clusters.iter().map(|(n, c)| (n.as_str(), c.context.as_deref().unwrap_or(""))).collect();
    assert_eq!(
        clusters,
        [
            ("apps", "apps"),
            ("apps-2", "arn:aws:eks:eu:1:cluster/apps"),
            ("infra", "admin@infra"),
            ("kind-kind", "kind kind")
        ]
    );
}

#[test]
fn every_comment_of_the_configuration_is_right_once_it_is_taken_up() {
    let contexts = Contexts { from: "x".into(), names: vec!["infra".into()] };
    let text = pb_toml(&Ok(contexts));
    let uncommented: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("# ").or(Some(line)).filter(|line| !line.is_empty()))
        .filter(|line| line.starts_with('[') || line.starts_with('"') || line.contains(" = "))
        .map(|line| format!("{}\n", line.replace("[clusters.NAME", "[clusters.infra")))
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let bastion = "[hosts.bastion]\n";
    std::fs::write(folder.path().join("pb.toml"), format!("{uncommented}{bastion}")).expect("written");
    let environment = Environment { dir: folder.path().into(), ..Default::default() };
    let config = load(&Overrides::default(), &environment).unwrap_or_else(|e| panic!("{e:#?}\n{uncommented}"));
    assert_eq!((config.hosts.len(), config.endpoints.len(), config.networks.len()), (2, 2, 1));
    assert!(config.clusters["infra"].protected && config.checklist.is_some());
}

#[test]
fn nothing_is_written_over_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    init(dir, false, &["infra"]);
    std::fs::write(dir.join("playbooks/t5.rhai"), "// mine\n").expect("edited");
    std::fs::write(dir.join("pb.toml"), "# mine\n").expect("edited");
    let told = init(dir, false, &["infra"]);
    assert_eq!((read(dir, "playbooks/t5.rhai"), read(dir, "pb.toml")), ("// mine\n".into(), "# mine\n".into()));
    assert!(told.contains("  stdlib/bgp.rhai  is there already\n"), "{told}");
    assert!(told.contains("pb.toml, playbooks/t5.rhai left alone; --force writes over them.\n"), "{told}");
    assert!(!told.contains("names every context"), "{told}");
    let told = init(dir, true, &["infra"]);
    assert_eq!(read(dir, "playbooks/t5.rhai"), "// five\n");
    assert!(told.contains("  playbooks/t5.rhai  replaced\n") && told.contains(": 2 written.\n"), "{told}");
}

#[test]
fn without_a_kubeconfig_it_says_so_and_writes_a_configuration_all_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = Err(Error::new(Kind::Config, "the kubeconfig /x can't be read"));
    let told = init_with(folder.path(), false, &missing);
    assert!(told.contains("No clusters could be taken over (the kubeconfig /x can't be read)"), "{told}");
    assert!(read(folder.path(), "pb.toml").contains("# [clusters.infra]"));
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("written");
    let args = Args { dir: folder.path().join("file/x"), force: false };
    let contexts = Ok(Contexts { from: "x".into(), names: Vec::new() });
    let error = run(&args, Vec::new(), &contexts, &mut Vec::new()).expect_err("a file is in the way");
    assert!(error.kind == Kind::Io && error.message.contains("file/x/pb.toml can't be written"), "{error}");
}
