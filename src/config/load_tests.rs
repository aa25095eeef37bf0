//! Loading, on folders and surroundings of the test's own.

use super::*;

/// A folder with a `pb.toml`, and surroundings in it.
fn folder(toml: &str) -> (tempfile::TempDir, Environment) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(FILE), toml).expect("written");
    let environment = Environment { dir: folder.path().into(), home: Some("/home/ada".into()), ..Default::default() };
    (folder, environment)
}

fn good(toml: &str) -> Config {
    let (_folder, environment) = folder(toml);
    load(&Overrides::default(), &environment).unwrap_or_else(|e| panic!("{e:?}"))
}

/// The problems as a person reads them.
fn problems(toml: &str, overrides: &Overrides) -> String {
    let (_folder, environment) = folder(toml);
    let problems = load(overrides, &environment).expect_err("something is wrong");
    let lines = problems.iter().map(|problem| {
        let place = problem.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let hints: String = problem.hints.iter().map(|hint| format!(" [{hint}]")).collect();
        format!("{place}{problem}{hints}\n")
    });
    lines.collect()
}

fn bad(toml: &str) -> String {
    problems(toml, &Overrides::default())
}

const WHOLE: &str = r#"
record = ".pb/runs"
answer_limit = "1Mi"
checklist = "playbooks/checklist.tsv"
[clusters.infra]
kubeconfig = "~/.kube/config"
context = "infra"
talosconfig = "talos/talosconfig"
talos_context = "infra"
talos_nodes = ["10.25.11.11", "10.25.11.12"]
protected = true
[clusters.infra.settings]
bgp_asn = 64512
[hosts.bastion]
[hosts.edge-1]
address = "10.25.11.1"
port = 22
user = "netops"
key = "~/.ssh/id_ed25519"
passphrase = "env:EDGE_PASSPHRASE"
known_hosts = "~/.ssh/known_hosts"
jump = "bastion"
dialect = "frr"
[endpoints.vmselect]
service = "infra/observability/vmselect:8481"
[endpoints.grafana]
url = "https://grafana.monosense.io"
token = "env:GRAFANA_TOKEN"
ca = "ca.pem"
resolve = "10.25.11.110"
[networks]
"10.25.11.0/24" = "socks5://127.0.0.1:1080"
[tools]
path = ["bin", "/opt/bin"]
env = { KUBECONFIG = "/lab/kubeconfig" }
[settings]
router = "edge-1"
"t5.router" = "edge-2"
[profiles.mine.settings]
lb_pools = ["10.25.11.100-119"]
[profiles.mine.clusters.infra.settings]
lb_pools = []
"#;

#[test]
fn the_whole_example_is_read() {
    let (folder, environment) = folder(WHOLE);
    let overrides = Overrides { profile: Some("mine".into()), ..Default::default() };
    let config = load(&overrides, &environment).unwrap_or_else(|e| panic!("{e:?}"));
    let dir = folder.path();
    assert_eq!(config.path.as_deref(), Some(dir.join("pb.toml").as_path()));
    assert_eq!(config.record, dir.join(".pb/runs"));
    assert_eq!(config.answer_limit(), 1024 * 1024);
    assert_eq!(config.checklist.as_deref(), Some(dir.join("playbooks/checklist.tsv").as_path()));
    let infra = &config.clusters["infra"];
    assert_eq!(infra.kubeconfig.as_deref(), Some(Path::new("/home/ada/.kube/config")));
    assert_eq!(infra.talosconfig.as_deref(), Some(dir.join("talos/talosconfig").as_path()));
    assert_eq!(infra.talos_nodes, ["10.25.11.11", "10.25.11.12"]);
    assert!(infra.protected);
    assert_eq!(config.clusters.len(), 1, "the file's clusters take the place of infra and apps");
    let edge = &config.hosts["edge-1"];
    assert_eq!((edge.port, edge.jump.as_deref(), edge.dialect.as_deref()), (Some(22), Some("bastion"), Some("frr")));
    assert_eq!(config.endpoints["grafana"].ca.as_deref(), Some(dir.join("ca.pem").as_path()));
    assert_eq!(config.networks["10.25.11.0/24"], "socks5://127.0.0.1:1080");
    assert_eq!(config.tools.path, [dir.join("bin"), "/opt/bin".into()]);
    assert_eq!(config.tools.env["KUBECONFIG"], "/lab/kubeconfig");
    let rows: Vec<String> = config.settings.rows.iter().map(|row| format!("{} {}", row.name, row.origin)).collect();
    assert_eq!(
        rows,
        [
            "router pb.toml",
            "router pb.toml",
            "bgp_asn pb.toml (cluster infra)",
            "lb_pools profile mine",
            "lb_pools profile mine (cluster infra)"
        ]
    );
}

#[test]
fn without_clusters_they_are_infra_and_apps_with_contexts_of_these_names() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let environment = Environment { dir: nowhere.path().into(), ..Default::default() };
    let overrides = Overrides { contexts: vec!["infra=kind-a".into()], ..Default::default() };
    let config = load(&overrides, &environment).expect("fine");
    assert_eq!(config.clusters.keys().collect::<Vec<_>>(), ["apps", "infra"]);
    assert_eq!((config.context("infra"), config.context("apps")), ("kind-a", "apps"));
    assert_eq!(config.path, None);
    assert_eq!(config.record, nowhere.path().join(".pb/runs"));
    assert_eq!(good("[settings]\nrouter = \"x\"\n").clusters.len(), 2);
    // One that is told settings is not the only one; one that is reached in its own way is.
    assert_eq!(good("[clusters.apps.settings]\nrouter = \"x\"\n").clusters.len(), 2);
    assert_eq!(good("[clusters.apps]\nprotected = true\n").clusters.len(), 1);
    assert_eq!(good("[clusters.core.settings]\nrouter = \"x\"\n").clusters.len(), 1);
}

#[test]
fn the_file_is_found_upwards_and_its_paths_are_relative_to_it() {
    let (folder, mut environment) = folder("record = \"runs\"\n");
    environment.dir = folder.path().join("a/b");
    std::fs::create_dir_all(&environment.dir).expect("folders");
    let config = load(&Overrides::default(), &environment).expect("fine");
    assert_eq!(config.record, folder.path().join("runs"));
    assert_eq!(config.dir, folder.path());
    std::fs::write(folder.path().join("a/other.toml"), "record = \"else\"\n").expect("written");
    let overrides = Overrides { config: Some("../other.toml".into()), ..Default::default() };
    let config = load(&overrides, &environment).expect("fine");
    assert_eq!(config.record, environment.dir.join("../else"));
    let overrides = Overrides { config: Some("none.toml".into()), ..Default::default() };
    let problems = load(&overrides, &environment).expect_err("no such file");
    assert!(problems[0].message.ends_with("none.toml can't be read"), "{problems:?}");
    assert_eq!(problems[0].kind, Kind::Config);
}

#[test]
fn all_problems_are_told_at_once_with_line_and_suggestion() {
    let text = r#"
recrod = "x"
checklist = 3
[clusters.infra]
contxt = "infra"
protected = "no"
[hosts.edge-1]
port = 70000
jump = "edge-2"
[hosts.""]
[endpoints.web]
url = "grafana.example.org/x y"
[settings]
"a.b.c" = 1
"#;
    assert_eq!(
        bad(text),
        r#"pb.toml:2:1: pb.toml has no key "recrod" [did you mean "record"?]
pb.toml:3:13: checklist: expected a string, there is 3 (an integer)
pb.toml:5:1: [clusters.infra] has no key "contxt" [did you mean "context"?]
pb.toml:6:13: [clusters.infra] protected: expected true or false, there is "no" (a string)
pb.toml:8:8: [hosts.edge-1] port: expected a port from 1 to 65535, there is 70000 (an integer)
pb.toml:9:8: [hosts.edge-1] jump: "edge-2" is neither a host of pb.toml nor of ~/.ssh/config [did you mean "edge-1"?]
pb.toml:10:8: [hosts.""]: the name is empty
pb.toml:12:7: [endpoints.web] url: "grafana.example.org/x y" is not a URL; expected http:// or https://HOST…
pb.toml:14:1: [settings]: "a.b.c" is not a setting [a setting's name, or "PLAYBOOK.NAME"]
"#
    );
}

#[test]
fn a_problem_carries_its_source_line() {
    let (_folder, environment) = folder("\n[clusters.infra]\ncontxt = \"a\"\n");
    let problems = load(&Overrides::default(), &environment).expect_err("an unknown key");
    let place = problems[0].place.clone().expect("a place");
    assert_eq!((place.line, place.source.as_deref()), (3, Some("contxt = \"a\"")));
}

#[test]
fn each_rule_has_its_words() {
    for (text, wanted) in [
        ("clusters = 3", "pb.toml:1:12: clusters: expected a table, [clusters], there is 3 (an integer)\n"),
        (
            "[endpoints.a]\nurl = \"http://x\"\nservice = \"infra/ns/s:80\"",
            "pb.toml:3:11: [endpoints.a] has both url and service; exactly one is wanted\n",
        ),
        (
            "[endpoints.a]\nca = \"x\"",
            "pb.toml:2:6: [endpoints.a] has neither url nor service [url = \"https://…\", or service = \
             \"CLUSTER/NAMESPACE/SERVICE:PORT\" to be forwarded]\n",
        ),
        (
            "[endpoints.a]\nservice = \"infr/ns/s:80\"",
            "pb.toml:2:11: [endpoints.a] service: no cluster \"infr\" [did you mean \"infra\"?]\n",
        ),
        (
            "[endpoints.a]\nservice = \"infra/ns/s\"",
            "pb.toml:2:11: [endpoints.a] service: expected CLUSTER/NAMESPACE/SERVICE:PORT, there is \"infra/ns/s\"\n",
        ),
        ("[endpoints.a]\nservice = \"infra/ns/s:0\"", "pb.toml:2:11: [endpoints.a] service: \"0\" is not a port\n"),
        (
            "[endpoints.a]\nurl = \"http://x\"\nuser = \"ada\"",
            "pb.toml:2:7: [endpoints.a] lacks password: user and password belong together\n",
        ),
        (
            "[endpoints.a]\nurl = \"http://x\"\nresolve = \"here\"",
            "pb.toml:3:11: [endpoints.a] resolve: \"here\" is not an address\n",
        ),
        (
            "[endpoints.a]\nurl = \"http://x\"\ntoken = \"kube:ap/ns/n/k\"",
            "pb.toml:3:9: [endpoints.a] token: no cluster \"ap\" [there are: apps, infra]\n",
        ),
        (
            "[networks]\n\"10.25.11.7/24\" = \"socks5://h:1\"",
            "pb.toml:2:1: [networks] \"10.25.11.7/24\": an address in a network, not the network [the network is \
             \"10.25.11.0/24\"]\n",
        ),
        (
            "[networks]\n\"10.25.11.0/240\" = \"socks5://h:1\"",
            "pb.toml:2:1: [networks] \"10.25.11.0/240\": not a network [networks are written like \"10.25.11.0/24\", \
             a single address like \"10.25.11.1/32\"]\n",
        ),
        (
            "[networks]\n\"10.25.11.0/24\" = \"ftp://h:1\"",
            "pb.toml:2:19: [networks] \"10.25.11.0/24\": the proxy \"ftp://h:1\" can't be used; expected socks5:// or \
             socks5h:// or http://HOST…\n",
        ),
        (
            "[hosts.a]\njump = \"b\"\n[hosts.b]\njump = \"c\"\n[hosts.c]\njump = \"b\"",
            "pb.toml:4:8: [hosts.b] jump: goes in a ring: b → c → b\n",
        ),
        ("[hosts.a]\nuser = \" \"", "pb.toml:2:8: [hosts.a] user is empty\n"),
        (
            "[profiles.x.clusters.app.settings]\na = 1",
            "pb.toml:1:22: [profiles.x.clusters.app]: no cluster \"app\" [did you mean \"apps\"?]\n",
        ),
        (
            "[profiles.x]\nsetings = 1",
            "pb.toml:2:1: [profiles.x] has no key \"setings\" [did you mean \"settings\"?]\n",
        ),
        (
            "[hosts.\"a b\"]",
            "pb.toml:1:8: [hosts.\"a b\"]: not a name [names are letters, digits, '-', '_' and '.', \
                             since step ids and flags are made of them]\n",
        ),
    ] {
        assert_eq!(bad(text), wanted, "{text}");
    }
}

#[test]
fn a_secret_written_down_is_refused_and_not_repeated() {
    let (_folder, environment) = folder("[hosts.a]\npassphrase = \"hunter2\"\n");
    let problems = load(&Overrides::default(), &environment).expect_err("a secret");
    assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
    assert!(problems[0].message.contains("env:NAME, file:PATH"), "{problems:?}");
    let config = good("[hosts.a]\npassphrase = \"file:~/secret\"\n");
    assert_eq!(config.hosts["a"].passphrase.as_deref(), Some("file:/home/ada/secret"));
}

#[test]
fn syntax_errors_are_told_alone_each_with_its_line() {
    let text = bad("recrod = 1\na = \n[x]\nb = 1 2\n");
    assert!(text.contains("pb.toml:2:"), "{text}");
    assert!(text.contains("pb.toml:4:"), "{text}");
    assert!(!text.contains("recrod"), "{text}");
}

#[test]
fn flags_are_checked_against_the_file() {
    let overrides = Overrides {
        contexts: vec!["infa=x".into(), "x".into()],
        profile: Some("monsense".into()),
        set: vec!["app:router=x".into(), "router".into(), "router=edge-9".into()],
        ..Default::default()
    };
    assert_eq!(
        problems("[profiles.monosense.settings]\n", &overrides),
        r#"--profile monsense: no such profile (there are: monosense, spec) [did you mean "monosense"?]
--context infa=x: no cluster "infa" (there are: apps, infra) [did you mean "infra"?]
--context x: expected NAME=CONTEXT [NAME is the cluster's name in pb, CONTEXT the kubeconfig's; --cluster NAME only selects]
--set app:router=x: no cluster "app" (there are: apps, infra) [did you mean "apps"?]
--set router: expected [CLUSTER:][PLAYBOOK.]NAME=VALUE [for example --set router=edge-1, --set infra:t5.bgp_asn=64512]
"#
    );
}

#[test]
fn nodes_of_talos_are_a_list_of_names() {
    for nodes in ["\"10.25.11.11\"", "[]", "[1]", "[\"\"]"] {
        let told = bad(&format!("[clusters.infra]\ntalos_nodes = {nodes}\n"));
        assert!(told.contains("talos_nodes") && told.contains("a list of names or addresses"), "{nodes}: {told}");
    }
}

/// What a setting comes to on a cluster: the values of its rows, the one that counts least first.
fn rows_of(config: &Config, name: &str, cluster: Option<&str>) -> Vec<String> {
    let own = config.settings.rows.iter().filter(|row| row.name == name && row.cluster.as_deref() == cluster);
    let value = |raw: &super::super::settings::Raw| match raw {
        super::super::settings::Raw::Toml(value) => value.to_string(),
        super::super::settings::Raw::Text(text) => text.clone(),
    };
    own.map(|row| format!("{} ({})", value(&row.raw), row.origin)).collect()
}

#[test]
fn a_profile_comes_with_the_program_and_the_file_lays_its_own_over_it() {
    let own = "profile = \"monosense\"\n[profiles.monosense.settings]\nlocal_class = \"local\"\n";
    let config = good(own);
    assert_eq!(config.profile.as_deref(), Some("monosense"));
    let found = rows_of(&config, "local_class", None);
    assert_eq!(
        found,
        ["\"openebs-local-nvme\" (profile monosense)", "\"local\" (profile monosense)"],
        "the later counts"
    );
    assert_eq!(rows_of(&config, "lb_pools", Some("apps")).len(), 1);
    let config = good(&format!("{own}[clusters.infra]\n"));
    assert!(rows_of(&config, "lb_pools", Some("apps")).is_empty(), "there is no such cluster");
    let (_folder, environment) = folder(own);
    let flag = Overrides { profile: Some("spec".into()), ..Default::default() };
    assert!(rows_of(&load(&flag, &environment).unwrap(), "local_class", None).is_empty(), "the flag counts more");
    let bare = Overrides { bare: true, ..Default::default() };
    assert_eq!(load(&bare, &environment).unwrap().profile, None);
}

#[test]
fn a_profile_on_disk_takes_the_place_of_the_one_that_came_along() {
    let (folder, environment) = folder("");
    let profiles = folder.path().join("playbooks/profiles");
    std::fs::create_dir_all(&profiles).expect("made");
    let write = |name: &str, text: &str| std::fs::write(profiles.join(name), text).expect("written");
    let with = |name: &str| load(&Overrides { profile: Some(name.into()), ..Default::default() }, &environment);
    write("monosense.toml", "[settings]\nrouter = \"edge-9\"\n");
    write("ours.toml", "[clusters.infra.settings]\nrouter = \"edge-8\"\n");
    let config = with("monosense").unwrap();
    assert_eq!(rows_of(&config, "router", None), ["\"edge-9\" (profile monosense)"]);
    assert!(rows_of(&config, "local_class", None).is_empty());
    let found = rows_of(&with("ours").unwrap(), "router", Some("infra"));
    assert_eq!(found, ["\"edge-8\" (profile ours (cluster infra))"]);
    write("ours.toml", "[clusters.infar.settings]\nrouter = 1\n[setings]\n");
    let told: Vec<String> =
        with("ours").unwrap_err().iter().map(|e| format!("{} {e}", e.place.as_ref().unwrap())).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().any(|one| one.contains("ours.toml:1:11 [clusters.infar]: no cluster \"infar\"")), "{told:?}");
    assert!(told.iter().any(|one| one.contains("ours.toml has no key \"setings\"")), "{told:?}");
}

#[test]
fn a_profile_that_nobody_has_is_told_with_those_that_there_are() {
    assert_eq!(
        bad("profile = \"hom\"\n[profiles.home]\n"),
        "pb.toml:1:11: profile \"hom\": no such profile (there are: home, monosense, spec) [did you mean \"home\"?]\n"
    );
    let environment = Environment { dir: tempfile::tempdir().expect("a folder").path().into(), ..Default::default() };
    let asked = Overrides { profile: Some("x".into()), ..Default::default() };
    let told = load(&asked, &environment).expect_err("there is none");
    assert_eq!(told[0].to_string(), "--profile x: no such profile (there are: monosense, spec)");
}
