//! The keys of the rows are those of the readers, and what is written out wrongly is found.

use std::collections::BTreeSet;

use super::*;
use crate::config::{Cluster, Config, Endpoint, Host};
use crate::error::Error;
use crate::event::Effect;
use crate::host::Context;
use crate::host::step::Step;
use crate::host::testing::world;
use crate::script::engine;

/// What stands for an argument of this type.
fn argument(parameter: &str) -> String {
    let (_, kind) = parameter.split_once(": ").unwrap_or((parameter, ""));
    match kind.split(" | ").next().unwrap_or_default() {
        "string" => "\"x\"".into(),
        "int" | "number" => "1".into(),
        "list" => "[]".into(),
        "map" => "#{ a: \"b\" }".into(),
        other => panic!("no argument for {parameter} ({other})"),
    }
}

/// What a step that runs this is told.
fn refused(config: Config, script: &str) -> Error {
    let context = Context::new(world(config), "test/step", None, Effect::Write, None);
    let _entered = context.enter();
    let mut scope = rhai::Scope::new();
    scope.push("t", Step);
    let result = engine::build().eval_with_scope::<rhai::Dynamic>(&mut scope, script);
    crate::script::diagnose::from_rhai(&result.expect_err(script), None)
}

#[test]
fn the_keys_of_a_row_are_those_that_its_reader_takes() {
    let dir = tempfile::tempdir().expect("a folder");
    // The smallest repository that `gitops::load` takes.
    std::fs::create_dir_all(dir.path().join("kubernetes/clusters/infra")).expect("an entry point");
    let mut asked = 0;
    for row in engine::functions() {
        let parameters = parameters(row.signature);
        let last = parameters.last().copied().unwrap_or_default();
        let takes = ["options: map", "options?: map", "about: map"].contains(&last);
        // `playbook` and `step` have readers of their own, which gather all that is wrong.
        if !takes || row.module == "playbook" {
            assert!(row.options.is_empty(), "{} has options, and its signature has none", row.full_name());
            continue;
        }
        assert!(!row.options.is_empty(), "{} takes options, and its row lists none", row.full_name());
        let arguments: Vec<String> = parameters[..parameters.len() - 1].iter().map(|p| argument(p)).collect();
        let arguments = arguments.into_iter().chain(["#{ zzz: 1 }".into()]).collect::<Vec<_>>().join(", ");
        let script = match row.form {
            // A test pod needs a cluster; its rows name the lists of `cluster.exec` and `cluster.logs`.
            Form::Method("pod") => continue,
            Form::Method("cluster") => format!("kube(\"infra\").{}({arguments})", row.name),
            Form::Method("talos") => format!("talos(\"infra\").{}({arguments})", row.name),
            Form::Method("host") => format!("ssh(\"edge\").{}({arguments})", row.name),
            Form::Method("endpoint") => format!("http(\"web\").{}({arguments})", row.name),
            Form::Method("repository") => format!("gitops::load(\".\").{}({arguments})", row.name),
            Form::Method("step") => format!("t.{}({arguments})", row.name),
            Form::Path => format!("{}::{}({arguments})", row.module, row.name),
            other => panic!("{}: {other:?}", row.full_name()),
        };
        let mut config = Config { dir: dir.path().into(), ..Config::default() };
        config.clusters.insert("infra".into(), Cluster::default());
        config.hosts.insert("edge".into(), Host::default());
        config
            .endpoints
            .insert("web".into(), Endpoint { url: Some("http://127.0.0.1:1".into()), ..Endpoint::default() });
        let error = refused(config, &script);
        assert!(error.message.contains("there is no option \"zzz\""), "{script}: {error}");
        let told = error.hints.iter().find_map(|h| h.strip_prefix("its options are ")).expect("the options");
        let told: BTreeSet<&str> = told.split(", ").collect();
        assert_eq!(told, row.options.iter().copied().collect(), "{script}");
        asked += 1;
    }
    assert!(asked > 35, "{asked}");
}

#[test]
fn parameters_are_read_from_signatures() {
    assert_eq!(parameters("(kind: string, options?: map) -> list"), ["kind: string", "options?: map"]);
    assert_eq!(parameters("() -> string"), [""; 0]);
    assert_eq!(parameters("-> int"), [""; 0]);
}
