//! The example of every function that scripts see runs, and says that something is so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rhai::{Dynamic, Scope};

use super::declare::declaring;
use super::load::Loader;
use super::reference::{Page, Reference};
use super::{diagnose, settings};
use crate::client::testing::{DnsAnswer, Tls, dns_server, network, tls_server, web};
use crate::clock::System;
use crate::config::{Cluster, Config, Endpoint, Host};
use crate::event::{Effect, LedgerRow, Outcome};
use crate::host::redact::Redactor;
use crate::host::step::Step;
use crate::host::testing::{ended, planned, recorded, runtime};
use crate::host::world::{Permissions, World};
use crate::host::{Context, Needs, undo};
use crate::playbook::Library;

/// How long one example may take.
const LIMIT: Duration = Duration::from_secs(90);

/// The folder, the pages and what runs their examples.
pub(crate) struct Examples {
    dir: tempfile::TempDir,
    loader: Loader,
    pages: Vec<Page>,
    config: Arc<Config>,
}

impl Examples {
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::TempDir::new().expect("a folder");
        let mut config = Config { dir: dir.path().into(), ..Config::default() };
        shop_network(&mut config);
        change(&mut config);
        let config = Arc::new(config);
        let loader = Loader::new(Library::new(dir.path(), dir.path()), settings::from_config(config.clone()));
        let pages = Reference::of(&loader).expect("the pages").pages().to_vec();
        Self { dir, loader, pages, config }
    }

    /// Runs the examples of what needs this, as the steps of one run; what is wrong with them.
    pub(crate) fn run(&self, needs: &[Needs]) -> Vec<String> {
        let pages: Vec<&Page> = self.pages.iter().filter(|p| needs.contains(&p.needs)).collect();
        assert!(pages.len() > 3, "{needs:?}: only {} examples", pages.len());
        // What the examples of `record::` read.
        let (folder, bus) = recorded(&self.dir.path().join("runs"), |_| ());
        planned(&bus, &folder.id, &["t1/etcd@infra", "t1/etcd@apps"]);
        ended(&folder, &bus, "t1/etcd@infra", Outcome::Passed, "1 expectation held");
        let world = World::new(
            folder.id,
            Some(folder.path),
            self.config.clone(),
            runtime().handle().clone(),
            bus,
            Arc::new(System),
            Arc::new(Redactor::default()),
            Permissions { disrupt: true, ..Permissions::default() },
        );
        let mut wrong = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for page in pages {
            // One example may stand for several properties.
            if seen.contains(&page.example.as_str()) {
                continue;
            }
            seen.push(&page.example);
            let result = if page.needs == Needs::Declaring { self.declare(page) } else { self.step(&world, page) };
            if let Err(why) = result {
                wrong.push(format!("{}: {}\n    {why}", page.name, page.example.trim()));
            }
        }
        wrong.extend(clean(&world, None));
        wrong
    }

    /// As the top level of a playbook: its value is true, or it declared something.
    fn declare(&self, page: &Page) -> Result<(), String> {
        let resolve = settings::from_config(self.config.clone());
        let (value, found) =
            declaring(Some("infra"), None, resolve, |_, _| None, || self.loader.engine.eval::<Dynamic>(&page.example));
        let value = value.map_err(|e| diagnose::from_rhai(&e, None).to_string())?;
        let declares = found.playbook.is_some() && (value.as_bool() == Ok(true) || value.is_unit());
        if declares { Ok(()) } else { Err(format!("it declares nothing and gives {value}")) }
    }

    /// As a step's body: its value is true, or it expects something. What it changed is undone.
    fn step(&self, world: &Arc<World>, page: &Page) -> Result<(), String> {
        let cluster =
            matches!(page.needs, Needs::Cluster | Needs::Machines | Needs::Platform).then(|| "infra".to_string());
        // What is written in Rhai has no row that says its effect.
        let least = if page.needs == Needs::Platform { Effect::Disrupt } else { Effect::Write };
        let effect = page.effect.unwrap_or_default().max(least);
        let context = Context::new(world.clone(), page.name.as_str(), cluster, effect, Some(LIMIT));
        let result = {
            let _entered = context.enter();
            self.eval(&page.example)
        };
        let mut state = context.state();
        let judged = state.judged > 0 && state.failures.is_empty();
        let kept = std::mem::take(&mut state.kept);
        drop(state);
        drop(kept);
        let left = clean(world, Some(&page.name));
        let value = result?;
        if value.as_bool() != Ok(true) && !(value.is_unit() && judged) {
            return Err(format!("it gives {value} and asserts nothing"));
        }
        if left.is_empty() { Ok(()) } else { Err(format!("left behind: {}", left.join(", "))) }
    }

    fn eval(&self, script: &str) -> Result<Dynamic, String> {
        let told = |e: &rhai::EvalAltResult| {
            let error = diagnose::from_rhai(e, None);
            format!("{error} {}", error.hints.join(" "))
        };
        let mut scope = Scope::new();
        scope.push("t", Step);
        let ast = self.loader.engine.compile_with_scope(&scope, script).map_err(|e| e.to_string())?;
        let mut ast = self.loader.with_stdlib(&ast).map_err(|e| e.to_string())?;
        ast.set_source("example.rhai");
        self.loader.engine.eval_ast_with_scope::<Dynamic>(&mut scope, &ast).map_err(|e| told(&e))
    }
}

/// Works off the ledger's rows of a step, or of the whole run, as the runner does; what could not be undone.
fn clean(world: &Arc<World>, step: Option<&str>) -> Vec<String> {
    let undone = |row: &LedgerRow| runtime().block_on(undo::perform(world, &row.undo));
    let rows = world.ledger.take(step);
    rows.iter().filter_map(|row| Some(format!("{}: {}", row.change, undone(row).err()?))).collect()
}

/// The network of examples, 192.0.2.0/24: a TLS server, whose authority is the file `ca.pem`, and a name server.
fn shop_network(config: &mut Config) {
    let tls = Tls::new(&["shop.test"], (2020, 2120));
    std::fs::write(config.dir.join("ca.pem"), &tls.authority).expect("written");
    let proxy = runtime().block_on(async {
        let names = dns_server(DnsAnswer::Records(vec!["shop.test. 60 IN A 192.0.2.10"])).await;
        network(&[(443, tls_server(&tls).await), (53, names)]).await
    });
    config.networks.insert("192.0.2.0/24".into(), format!("socks5://{proxy}"));
}

fn web_endpoint(config: &mut Config) {
    let url = format!("http://{}", runtime().block_on(web()));
    config.endpoints.insert("web".into(), Endpoint { url: Some(url), ..Endpoint::default() });
}

#[test]
fn every_function_has_signature_doc_and_example() {
    let examples = Examples::new(|_| ());
    assert!(examples.pages.len() > 200, "{}", examples.pages.len());
    let lacks: Vec<String> = examples
        .pages
        .iter()
        .flat_map(|p| {
            [("signature", &p.signature), ("doc", &p.doc), ("example", &p.example)]
                .into_iter()
                .filter(|(_, text)| text.trim().is_empty())
                .map(|(what, _)| format!("{} has no {what}", p.name))
        })
        .collect();
    assert!(lacks.is_empty(), "{}", lacks.join("\n"));
}

#[test]
fn every_public_function_of_the_library_has_a_page() {
    let examples = Examples::new(|_| ());
    let library = &examples.loader.library;
    assert!(!library.stdlib_names().is_empty());
    for name in library.stdlib_names() {
        let source = library.stdlib(&name).expect("read").expect("there");
        let ast = examples.loader.compile(&source).expect("it compiles");
        for function in ast.iter_functions().filter(|f| f.access == rhai::FnAccess::Public) {
            let full = format!("{name}::{}", function.name);
            let anonymous = function.name.starts_with("anon$");
            assert!(anonymous || examples.pages.iter().any(|p| p.name == full), "{full} has no page");
        }
    }
}

#[test]
fn every_example_that_needs_nothing_runs() {
    let wrong = Examples::new(web_endpoint).run(&[Needs::Nothing, Needs::Declaring, Needs::Web]);
    assert!(wrong.is_empty(), "{} examples:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
#[ignore = "needs the real clusters and the real router"]
fn real_every_example_runs() {
    let examples = Examples::new(|config| {
        for name in ["infra", "apps"] {
            let kubeconfig = Path::new("/var/tmp/realkube/kubeconfig");
            assert!(kubeconfig.exists(), "the real clusters are not running: no {}", kubeconfig.display());
            let cluster = Cluster { kubeconfig: Some(kubeconfig.into()), ..Cluster::default() };
            config.clusters.insert(name.into(), cluster);
        }
        let of_router = Path::new("/var/tmp/pbrouter");
        assert!(of_router.exists(), "the real router is not running: no {}", of_router.display());
        let host = Host {
            address: Some("10.99.0.1".into()),
            user: Some("netops".into()),
            key: Some(of_router.join("id_ed25519")),
            known_hosts: Some(of_router.join("known_hosts")),
            ..Host::default()
        };
        config.hosts.insert("edge-1".into(), host);
        web_endpoint(config);
    });
    // Those of the machines run in the lab.
    let wrong = examples.run(&[Needs::Cluster, Needs::Router]);
    assert!(wrong.is_empty(), "{} examples:\n{}", wrong.len(), wrong.join("\n"));
}
