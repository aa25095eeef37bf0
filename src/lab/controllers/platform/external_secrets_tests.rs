//! External Secrets: Secrets that follow the vault, and what is said when they can't.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::testing::Bench;
use super::super::upstream::secret;
use crate::lab::world::{Cause, Wrong};

const ES: &str = super::SECRETS;
const STORE: &str = "clustersecretstores.external-secrets.io";

#[test]
fn a_secret_has_what_the_vault_has_and_is_refreshed_when_asked() {
    let mut bench = Bench::new("monosense", "infra");
    let (ns, name) = ("observability", "grafana-admin");
    assert_eq!(bench.told(ES, ns, name, "Ready"), "True SecretSynced: secret synced");
    let made = bench.get("secrets", ns, name);
    assert_eq!(made["data"]["password"], STANDARD.encode(secret("grafana", "password")));
    let before = bench.get(ES, ns, name)["status"]["refreshTime"].clone();
    bench.change(ES, ns, name, |es| es["metadata"]["annotations"]["force-sync"] = "1".into());
    bench.look();
    assert_ne!(bench.get(ES, ns, name)["status"]["refreshTime"], before);
    bench.delete("secrets", ns, name);
    bench.look();
    assert_eq!(bench.get("secrets", ns, name)["data"], made["data"], "it is made anew");
    bench.change("secrets", ns, name, |one| one["data"]["password"] = "eA==".into());
    bench.look();
    assert_eq!(bench.get("secrets", ns, name)["data"], made["data"], "what somebody changed is put right");
}

#[test]
fn an_item_that_is_not_there_is_told() {
    let mut bench = Bench::new("monosense", "infra");
    let (ns, name) = ("observability", "grafana-admin");
    bench.change(ES, ns, name, |es| es["spec"]["dataFrom"][0]["extract"]["key"] = "nonesuch".into());
    bench.look();
    assert_eq!(bench.told(ES, ns, name, "Ready"), "False SecretSyncedError: could not get secret data from provider");
    let events: Vec<String> = {
        let world = bench.cluster.world();
        let own = world.store.list("events", ns).map(|(_, event)| event.value["message"].to_string());
        own.collect()
    };
    assert!(events.iter().any(|event| event.contains("key not found in 1Password Vaults: nonesuch")), "{events:?}");
    bench.change(ES, ns, name, |es| es["spec"]["dataFrom"][0]["extract"]["key"] = "grafana".into());
    bench.look();
    assert!(bench.told(ES, ns, name, "Ready").starts_with("True"));
    bench.change(ES, ns, name, |es| es["spec"]["secretStoreRef"]["name"] = "elsewhere".into());
    bench.look();
    assert!(bench.told(ES, ns, name, "Ready").starts_with("False"));
}

#[test]
fn a_store_needs_its_vault_its_token_and_a_way_there() {
    let mut bench = Bench::new("monosense", "apps");
    assert_eq!(bench.told(STORE, "", "onepassword", "Ready"), "True Valid: store validated");
    let cause = Cause::service("onepassword", Wrong::Down);
    bench.world.put(cause.clone());
    bench.pass(310);
    assert_eq!(bench.told(STORE, "", "onepassword", "Ready"), "False InvalidProviderConfig: unable to validate store");
    bench.world.lift(&cause);
    bench.pass(310);
    assert!(bench.told(STORE, "", "onepassword", "Ready").starts_with("True"));
    let policy = json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": { "name": "closed", "namespace": "external-secrets" }, "spec": { "podSelector": {}, "policyTypes": ["Egress"], "egress": [] } });
    bench.create(&policy);
    bench.pass(310);
    assert!(bench.told(STORE, "", "onepassword", "Ready").starts_with("False"), "no egress");
    bench.delete("networkpolicies.networking.k8s.io", "external-secrets", "closed");
    bench.change(STORE, "", "onepassword", |store| {
        store["spec"]["provider"]["onepassword"]["vaults"] = json!({ "Infar": 1 });
    });
    bench.look();
    assert!(bench.told(STORE, "", "onepassword", "Ready").starts_with("False"), "an unknown vault");
    bench.change(STORE, "", "onepassword", |store| {
        store["spec"]["provider"]["onepassword"]["vaults"] = json!({ "Apps": 1 });
    });
    bench.delete("secrets", "external-secrets", "onepassword-connect-token");
    bench.look();
    assert_eq!(bench.told(STORE, "", "onepassword", "Ready"), "False InvalidProviderConfig: unable to create client");
}
