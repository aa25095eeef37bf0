//! Roles, impersonation and tokens, without a socket.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::lab::clock::LabClock;
use crate::lab::kube::cluster::Cluster;
use crate::lab::kube::store::Place;
use crate::lab::kube::verbs::Query;

fn cluster() -> Arc<Cluster> {
    Cluster::new("infra", Arc::new(LabClock::real()))
}

fn asked(method: &Method, address: &str) -> Attributes {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path: Vec<String> = path.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    Attributes::of_request(method, &path, &Query::parse(query))
}

#[test]
fn a_request_is_read_as_an_authorizer_reads_it() {
    for (method, address, told) in [
        (Method::GET, "/api/v1/namespaces/web/pods/a/log", "get pods/log a in web"),
        (Method::GET, "/api/v1/namespaces/web", "get namespaces web in web"),
        (Method::PUT, "/api/v1/namespaces/web/finalize", "update namespaces/finalize web in web"),
        (Method::GET, "/api/v1/pods?watch=1&fieldSelector=metadata.name=a", "watch pods a in "),
        (Method::GET, "/apis/apps/v1/watch/namespaces/web/deployments", "watch deployments  in web"),
        (Method::DELETE, "/apis/apps/v1/namespaces/web/deployments", "deletecollection deployments  in web"),
        (Method::POST, "/api/v1/nodes", "create nodes  in "),
    ] {
        let is = asked(&method, address);
        assert_eq!(format!("{} {} {} in {}", is.verb, is.combined(), is.name, is.namespace), told, "{address}");
    }
    assert_eq!(asked(&Method::GET, "/apis/apps/v1").path, "/apis/apps/v1");
}

#[test]
fn rules_allow_and_nothing_else_does() {
    let cluster = cluster();
    let mut world = cluster.world();
    let bob = Who::known("bob", []);
    let list = asked(&Method::GET, "/api/v1/namespaces/default/pods");
    assert_eq!(allowed(&world, &bob, &list), None);
    let refused = list.forbidden(&bob).message;
    let words =
        "pods is forbidden: User \"bob\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert_eq!(refused, words);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "bob", "namespace": "default" },
        "subjects": [{ "kind": "User", "name": "bob" }], "roleRef": { "kind": "ClusterRole", "name": "view" },
    });
    world.plant(&binding, cluster.clock.now());
    let why = allowed(&world, &bob, &list).unwrap();
    assert_eq!(why, "RBAC: allowed by RoleBinding \"bob/default\" of ClusterRole \"view\" to User \"bob\"");
    assert_eq!(allowed(&world, &bob, &asked(&Method::GET, "/api/v1/pods")), None, "one namespace is not all");
    assert_eq!(allowed(&world, &bob, &asked(&Method::POST, "/api/v1/namespaces/default/pods")), None);
    assert_eq!(allowed(&world, &bob, &asked(&Method::GET, "/api/v1/namespaces/default/secrets")), None);
    assert!(allowed(&world, &bob, &asked(&Method::GET, "/apis/apps")).is_some(), "discovery is everybody's");
    assert_eq!(allowed(&world, &Who::anonymous(), &asked(&Method::GET, "/apis/apps")), None);
    assert!(allowed(&world, &Who::anonymous(), &asked(&Method::GET, "/version")).is_some());
    let (resources, paths) = rules(&world, &bob, "default");
    assert!(resources.len() > 5 && paths.len() == 2, "{resources:?} {paths:?}");
}

#[test]
fn a_role_with_names_is_for_these_alone() {
    let cluster = cluster();
    let mut world = cluster.world();
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "one", "namespace": "default" },
        "rules": [{ "apiGroups": [""], "resources": ["*/log", "secrets"], "resourceNames": ["a"], "verbs": ["get"] }],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": { "name": "one", "namespace": "default" },
        "subjects": [{ "kind": "ServiceAccount", "name": "robot" }], "roleRef": { "kind": "Role", "name": "one" },
    });
    world.plant(&role, cluster.clock.now());
    world.plant(&binding, cluster.clock.now());
    let robot = Who::account("default", "robot");
    let may = |address: &str| allowed(&world, &robot, &asked(&Method::GET, address)).is_some();
    let base = "/api/v1/namespaces/default";
    assert!(may(&format!("{base}/secrets/a")) && may(&format!("{base}/pods/a/log")));
    assert!(!may(&format!("{base}/secrets/b")) && !may(&format!("{base}/secrets")) && !may(&format!("{base}/pods/a")));
}

fn headers(of: &[(&str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
    of.iter().map(pair).collect()
}

#[test]
fn who_may_impersonate_acts_for_another() {
    let cluster = cluster();
    let world = cluster.world();
    let admin = Who::known("admin", ["system:masters".to_owned()]);
    let act = |own: &Who, of: &[(&str, &str)]| impersonated(&world, own.clone(), &headers(of), "/x");
    assert_eq!(act(&admin, &[]).unwrap(), admin);
    let bob = act(&admin, &[("impersonate-user", "bob"), ("impersonate-group", "devs")]).unwrap();
    assert_eq!(bob.groups, ["devs", "system:authenticated"]);
    let account = act(&admin, &[("impersonate-user", "system:serviceaccount:web:default")]).unwrap();
    assert!(account.is_in("system:serviceaccounts:web"));
    let refused = act(&bob, &[("impersonate-user", "eve")]).unwrap_err();
    let words = "users \"eve\" is forbidden: User \"bob\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope";
    assert_eq!((refused.code, refused.message.as_str()), (403, words));
    assert_eq!(act(&admin, &[("impersonate-group", "g")]).unwrap_err().code, 500);
}

#[test]
fn a_token_is_its_accounts_until_it_runs_out_or_the_account_goes() {
    let cluster = cluster();
    let mut world = cluster.world();
    let now = cluster.clock.now();
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "robot", "namespace": "default" } });
    world.plant(&account, now);
    let place = Place::new("serviceaccounts", "default", "robot");
    let uid = world.store.get(&place).unwrap().value["metadata"]["uid"].as_str().unwrap().to_owned();
    let audiences = [AUDIENCE.to_owned()];
    let grant = Grant {
        namespace: "default",
        name: "robot",
        uid: &uid,
        audiences: &audiences,
        seconds: 600,
        bound: None,
        id: "1",
    };
    let token = world.tokens.give(&grant, now).unwrap();
    let (who, meant) = holder(&world, &token, now).unwrap();
    assert_eq!((who.user.as_str(), meant), ("system:serviceaccount:default:robot", audiences.to_vec()));
    assert!(who.is_in("system:serviceaccounts:default") && who.is_in("system:authenticated"));
    assert_eq!(holder(&world, &token, now + SignedDuration::from_secs(600)), None, "it has run out");
    assert_eq!(holder(&world, &token.replace('.', "x."), now), None);
    assert_eq!(holder(&Cluster::new("apps", Arc::new(LabClock::real())).world(), &token, now), None);
    world.store.remove(&place);
    assert_eq!(holder(&world, &token, now), None, "its account is gone");
}
