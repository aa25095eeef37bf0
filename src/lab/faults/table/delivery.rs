//! Delivery: Flux with its sources, definitions of kinds, certificates, secrets.

use serde_json::{Value, json};

use crate::lab::faults::fault::{Broken, Fault, Target, made};
use crate::lab::faults::ground::Ground;
use crate::lab::world::cause::Flaw;
use crate::lab::world::{Cause, Wrong};

const KUSTOMIZATIONS: &str = "kustomizations.kustomize.toolkit.fluxcd.io";
const RELEASES: &str = "helmreleases.helm.toolkit.fluxcd.io";
const SECRETS: &str = "externalsecrets.external-secrets.io";
const STORES: &str = "clustersecretstores.external-secrets.io";

/// A Kustomization at the end of the chain: no other one waits for it.
fn leaf(ground: &Ground<'_>) -> Result<Target, String> {
    let cluster = ground.object(KUSTOMIZATIONS)?.cluster;
    let all = ground.all(&cluster, KUSTOMIZATIONS);
    let waited = |name: &str| {
        let of = |one: &Target| one.value["spec"]["dependsOn"].as_array().cloned().unwrap_or_default();
        all.iter().any(|one| of(one).iter().any(|other| other["name"] == name))
    };
    let last = all.iter().rev().find(|one| !waited(one.name()) && one.value["spec"]["suspend"] != true);
    last.or(all.last()).cloned().ok_or_else(|| "the topology has no Kustomization".into())
}

/// A Kustomization whose spec is another.
fn kustomization(ground: &Ground<'_>, spec: &Value, more: &[&str]) -> Result<Broken, String> {
    let target = leaf(ground)?;
    let mut broken = target.broken(vec![target.merged(&json!({ "spec": spec }))]);
    broken.names.extend(more.iter().map(|name| (*name).to_owned()));
    Ok(broken)
}

/// The folder that a Kustomization applies is not as it should be.
fn flawed(ground: &Ground<'_>, flaw: Flaw) -> Result<Broken, String> {
    let target = leaf(ground)?;
    let path = target.value["spec"]["path"].as_str().unwrap_or_default().to_owned();
    let mut broken = target.broken(vec![Cause::Manifests { path: path.clone(), flaw }]);
    broken.names.push(path);
    Ok(broken)
}

/// A definition that serves its old version in place of the current one.
fn old_version(ground: &Ground<'_>, name: &str) -> Result<Broken, String> {
    let definition = ground.definition(name)?;
    let mut versions = definition.value["spec"]["versions"].clone();
    let list = versions.as_array_mut().ok_or("the definition has no versions")?;
    if !list.iter().any(|version| version["name"] == "v1beta1") {
        let mut old = list.first().cloned().ok_or("the definition has no versions")?;
        (old["name"], old["storage"]) = ("v1beta1".into(), false.into());
        list.push(old);
    }
    for version in list.iter_mut() {
        let old = version["name"] == "v1beta1";
        version["served"] = old.into();
    }
    Ok(definition.broken(vec![definition.merged(&json!({ "spec": { "versions": versions } }))]))
}

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "manifest-uncommitted",
        about: "a manifest was changed in the checkout and not committed",
        risk: "R4",
        effect: "git status lists it; what Flux fetches is without it",
        wrong: |ground| {
            let path = leaf(ground)?.value["spec"]["path"].as_str().unwrap_or_default().to_owned();
            let file = format!("{}/kustomization.yaml", path.trim_start_matches("./").trim_end_matches('/'));
            let cause = Cause::Manifests { path, flaw: Flaw::Uncommitted };
            Ok(Broken::new(format!("file {file} of the Git repository"), &[&file], vec![cause]))
        },
    },
    Fault {
        name: "component-missing",
        about: "a Kustomization includes a component that is not there",
        risk: "R4",
        effect: "the build fails; what the Kustomization had applied stays as it is",
        wrong: |ground| flawed(ground, Flaw::Missing("../../components/nonesuch".into())),
    },
    Fault {
        name: "kustomization-path-missing",
        about: "a Kustomization points to a path that does not exist",
        risk: "R4",
        effect: "the Kustomization is not ready: path not found",
        wrong: |ground| kustomization(ground, &json!({ "path": "./kubernetes/nonesuch" }), &[]),
    },
    Fault {
        name: "kustomization-empty",
        about: "the kustomization.yaml of a path names no resources",
        risk: "R4",
        effect: "the Kustomization is not ready: its kustomization.yaml is empty",
        wrong: |ground| flawed(ground, Flaw::Empty),
    },
    Fault {
        name: "resources-twice",
        about: "the kustomization.yaml of a path includes the same resources twice",
        risk: "R4",
        effect: "the build fails: a resource with that name is there already",
        wrong: |ground| flawed(ground, Flaw::Twice("ConfigMap default/settings".into())),
    },
    Fault {
        name: "manifest-unknown-field",
        about: "a manifest has a field that its CRD does not know",
        risk: "R4",
        effect: "the server's dry run refuses it, and nothing of the Kustomization is applied",
        wrong: |ground| {
            let (object, field) = ("HelmRelease/default/web".into(), ".spec.colour".into());
            flawed(ground, Flaw::Field { object, field })
        },
    },
    Fault {
        name: "kustomization-twice",
        about: "the same path is applied by two Kustomizations",
        risk: "R4",
        effect: "both apply the same objects, and each takes them from the other",
        wrong: |ground| {
            let first = leaf(ground)?;
            let name = format!("{}-again", first.name());
            let again = json!({
                "apiVersion": first.value["apiVersion"], "kind": "Kustomization",
                "metadata": { "name": name, "namespace": first.namespace() }, "spec": first.value["spec"],
            });
            let mut broken = first.broken(vec![made(&first.cluster, &again)]);
            broken.names.push(name);
            Ok(broken)
        },
    },
    Fault {
        name: "kustomization-suspended",
        about: "a Kustomization was suspended, and forgotten",
        risk: "R4",
        effect: "nothing of it is applied any more; a requested reconcile is not handled",
        wrong: |ground| kustomization(ground, &json!({ "suspend": true }), &[]),
    },
    Fault {
        name: "depends-on-gone",
        about: "a Kustomization depends on one that is gone",
        risk: "R4",
        effect: "the Kustomization is not ready: its dependency is not found",
        wrong: |ground| {
            kustomization(ground, &json!({ "dependsOn": [{ "name": "removed-long-ago" }] }), &["removed-long-ago"])
        },
    },
    Fault {
        name: "depends-on-circle",
        about: "a Kustomization depends on itself, by way of another",
        risk: "R4",
        effect: "both wait for each other for ever",
        wrong: |ground| {
            let target = leaf(ground)?;
            let other = ground.all(&target.cluster, KUSTOMIZATIONS);
            let other = other.into_iter().find(|one| one.name() != target.name());
            let other = other.ok_or("there is one Kustomization only")?;
            let wait =
                |on: &Target| json!({ "spec": { "dependsOn": [{ "name": on.name(), "namespace": on.namespace() }] } });
            let mut broken = target.broken(vec![target.merged(&wait(&other)), other.merged(&wait(&target))]);
            broken.names.push(other.name().into());
            Ok(broken)
        },
    },
    Fault {
        name: "health-check-of-nothing",
        about: "a Kustomization waits for the health of an object that is never created",
        risk: "R4",
        effect: "the Kustomization is not ready: its health check times out",
        wrong: |ground| {
            let check =
                json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "nonesuch", "namespace": "default" });
            kustomization(ground, &json!({ "healthChecks": [check], "wait": false }), &["nonesuch"])
        },
    },
    Fault {
        name: "substitution-without-value",
        about: "variables of a Kustomization have no value: their ConfigMap lost its keys",
        risk: "R4",
        effect: "what is applied has empty strings where addresses and names should be, or nothing is applied",
        wrong: |ground| {
            let settings = ground.named("configmaps", "cluster-settings")?;
            let keys = settings.value["data"].as_object().ok_or("ConfigMap cluster-settings is empty")?;
            let none: serde_json::Map<String, Value> = keys.keys().map(|key| (key.clone(), Value::Null)).collect();
            Ok(settings.broken(vec![settings.merged(&json!({ "data": none }))]))
        },
    },
    Fault {
        name: "git-unreachable",
        about: "a cluster does not reach the Git server",
        risk: "R2",
        effect: "the GitRepository fetches nothing: what is merged is not applied",
        wrong: |ground| {
            let source = ground.object("gitrepositories.source.toolkit.fluxcd.io")?;
            let url = source.value["spec"]["url"].as_str().unwrap_or_default();
            let host = url.split("://").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
            let host = host.rsplit('@').next().unwrap_or_default().to_owned();
            let mut broken = source.broken(vec![Cause::egress(&source.cluster, &host)]);
            broken.names.push(host);
            Ok(broken)
        },
    },
    Fault {
        name: "git-branch-gone",
        about: "a GitRepository names a branch that was deleted",
        risk: "R4",
        effect: "the GitRepository is not ready: couldn't find the remote ref",
        wrong: |ground| {
            let source = ground.object("gitrepositories.source.toolkit.fluxcd.io")?;
            Ok(source.broken(vec![source.merged(&json!({ "spec": { "ref": { "branch": "gone" } } }))]))
        },
    },
    Fault {
        name: "oci-path-misspelt",
        about: "the path of an OCIRepository is misspelt",
        risk: "R4",
        effect: "the chart can't be pulled, and the releases that refer to it are not ready",
        wrong: |ground| {
            let source = ground.object("ocirepositories.source.toolkit.fluxcd.io")?;
            let url = source.value["spec"]["url"].as_str().unwrap_or_default();
            let misspelt = url.replacen("chart", "chrat", 1);
            let misspelt = if misspelt == url { format!("{url}s-x") } else { misspelt };
            Ok(source.broken(vec![source.merged(&json!({ "spec": { "url": misspelt } }))]))
        },
    },
    Fault {
        name: "helm-timeout-too-short",
        about: "a HelmRelease was changed, and its timeout is shorter than its pods take to start",
        risk: "R4",
        effect: "the release fails: context deadline exceeded, and is rolled back",
        wrong: |ground| {
            let release = ground.object(RELEASES)?;
            let spec = json!({
                "timeout": "1s", "install": { "timeout": "1s" }, "upgrade": { "timeout": "1s" },
                "values": { "revisionHistoryLimit": 3 },
            });
            Ok(release.broken(vec![release.merged(&json!({ "spec": spec }))]))
        },
    },
    Fault {
        name: "helm-hook-fails",
        about: "the hooks of a chart fail when a changed HelmRelease is upgraded",
        risk: "R4",
        effect: "the upgrade fails, and is not tried again after its retries",
        wrong: |ground| {
            let release = ground.object(RELEASES)?;
            let full = format!("{}/{}", release.namespace(), release.name());
            let changed = release.merged(&json!({ "spec": { "values": { "revisionHistoryLimit": 3 } } }));
            Ok(release.broken(vec![Cause::Chart { release: full }, changed]))
        },
    },
    Fault {
        name: "helm-source-elsewhere",
        about: "a HelmRelease looks for its chart's source in another namespace than it is in",
        risk: "R4",
        effect: "the release is not ready: its source is not found",
        wrong: |ground| {
            let release = ground.object(RELEASES)?;
            let spec = &release.value["spec"];
            let patch = if spec["chartRef"].is_object() {
                json!({ "chartRef": { "namespace": "default" } })
            } else {
                json!({ "chart": { "spec": { "sourceRef": { "namespace": "default" } } } })
            };
            Ok(release.broken(vec![release.merged(&json!({ "spec": patch }))]))
        },
    },
    Fault {
        name: "crd-missing",
        about: "a definition is missing that the bootstrap should have installed",
        risk: "R3",
        effect: "the server does not know the kind; whatever is applied of it is refused",
        wrong: |ground| {
            let wanted = ["volsync.backube", "actions.github.com", "cilium.io"];
            let definition = wanted.iter().find_map(|group| {
                let of_group = |object: &Value| object["spec"]["group"] == *group;
                ground.find("customresourcedefinitions.apiextensions.k8s.io", of_group).ok()
            });
            let definition = definition.ok_or("the topology has no CRD that could be missing")?;
            Ok(definition.broken(vec![definition.deleted()]))
        },
    },
    Fault {
        name: "crd-not-established",
        about: "a definition has names that another one of its group has already",
        risk: "R3",
        effect: "the definition is not Established, and objects of it can't be made",
        wrong: |ground| {
            let taken = ground.object("customresourcedefinitions.apiextensions.k8s.io")?;
            let group = taken.value["spec"]["group"].as_str().unwrap_or_default();
            let name = format!("duplicates.{group}");
            let mut again = taken.value["spec"].clone();
            again["names"]["plural"] = "duplicates".into();
            let manifest = json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": { "name": name }, "spec": again,
            });
            let object = format!("CustomResourceDefinition {name} of {}", taken.cluster);
            Ok(Broken::new(object, &[&name], vec![made(&taken.cluster, &manifest)]))
        },
    },
    Fault {
        name: "namespace-terminating",
        about: "a namespace was deleted by mistake, and one object in it has a finalizer that nobody heeds",
        risk: "R3",
        effect: "what was in the namespace is gone; it stays Terminating, and nothing can be made in it",
        wrong: |ground| {
            let certificates = ground.named("deployments.apps", "cert-manager")?;
            let namespace = certificates.namespace();
            let here = ground.all(&certificates.cluster, "namespaces");
            let here = here.into_iter().find(|one| one.name() == namespace);
            let here = here.ok_or_else(|| format!("the topology has no namespace {namespace}"))?;
            let held = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "held", "namespace": namespace, "finalizers": ["example.org/nobody"] },
            });
            Ok(here.broken(vec![made(&here.cluster, &held), here.deleted()]))
        },
    },
    Fault {
        name: "external-secrets-api-removed",
        about: "ExternalSecrets are on an API version that the operator's release removed",
        risk: "R9",
        effect: "external-secrets.io/v1 has no ExternalSecret: nothing is synchronised, nothing applied",
        wrong: |ground| old_version(ground, SECRETS),
    },
    Fault {
        name: "secret-store-api-behind",
        about: "the store's API version is behind the operator",
        risk: "R9",
        effect: "external-secrets.io/v1 has no ClusterSecretStore: the operator finds no store",
        wrong: |ground| old_version(ground, STORES),
    },
    Fault {
        name: "vault-unreachable",
        about: "1Password Connect does not listen",
        risk: "R9",
        effect: "the store is not ready, and no ExternalSecret is refreshed",
        wrong: |ground| {
            let mut broken = ground.object(STORES)?.broken(vec![Cause::service("onepassword", Wrong::Down)]);
            broken.names.push("onepassword".into());
            Ok(broken)
        },
    },
    Fault {
        name: "vault-token-refused",
        about: "the token of 1Password Connect was revoked",
        risk: "R9",
        effect: "the store is not ready: 401; no ExternalSecret is refreshed",
        wrong: |ground| {
            let mut broken = ground.object(STORES)?.broken(vec![Cause::service("onepassword", Wrong::Status(401))]);
            broken.names.push("onepassword".into());
            Ok(broken)
        },
    },
    Fault {
        name: "vault-item-missing",
        about: "an ExternalSecret names an item that the vault does not have",
        risk: "R9",
        effect: "the ExternalSecret is not ready: SecretSyncedError",
        wrong: |ground| {
            let secret = ground.find(SECRETS, |object| {
                object["spec"]["dataFrom"][0]["extract"].is_object()
                    || object["spec"]["data"][0]["remoteRef"].is_object()
            })?;
            let (from, key) = (secret.value["spec"].clone(), "nonesuch");
            let patch = if from["dataFrom"][0]["extract"].is_object() {
                let mut list = from["dataFrom"].clone();
                list[0]["extract"]["key"] = key.into();
                json!({ "dataFrom": list })
            } else {
                let mut list = from["data"].clone();
                list[0]["remoteRef"]["key"] = key.into();
                json!({ "data": list })
            };
            let mut broken = secret.broken(vec![secret.merged(&json!({ "spec": patch }))]);
            broken.names.push(key.into());
            Ok(broken)
        },
    },
    Fault {
        name: "vault-of-other-cluster",
        about: "two clusters' stores name the same vault",
        risk: "R9",
        effect: "the second cluster gets the first one's values, or finds no items of its own",
        wrong: |ground| {
            let (first, (other, _)) = (ground.object(STORES)?, ground.other()?);
            let store = ground.all(other, STORES).into_iter().find(|store| store.name() == first.name());
            let store = store.ok_or_else(|| format!("{other} has no ClusterSecretStore {}", first.name()))?;
            let vaults = |target: &Target| target.value["spec"]["provider"]["onepassword"]["vaults"].clone();
            let (theirs, own) = (vaults(&first), vaults(&store));
            let mut patch: serde_json::Map<String, Value> =
                own.as_object().into_iter().flatten().map(|(vault, _)| (vault.clone(), Value::Null)).collect();
            if theirs == own {
                // They shared one from the beginning: then it is each other's name that is missing.
                patch.insert(first.cluster.clone(), 1.into());
            } else {
                patch.extend(theirs.as_object().cloned().unwrap_or_default());
            }
            Ok(store
                .broken(vec![store.merged(&json!({ "spec": { "provider": { "onepassword": { "vaults": patch } } } }))]))
        },
    },
    Fault {
        name: "certificate-issuer-gone",
        about: "a Certificate names an issuer that does not exist",
        risk: "—",
        effect: "the Certificate is not ready, and is not renewed",
        wrong: |ground| {
            let certificate = ground.object("certificates.cert-manager.io")?;
            let patch = json!({ "spec": { "issuerRef": { "name": "letsencrypt-prodution" } } });
            let mut broken = certificate.broken(vec![certificate.merged(&patch)]);
            broken.names.push("letsencrypt-prodution".into());
            Ok(broken)
        },
    },
    Fault {
        name: "issuer-unreachable",
        about: "a cluster does not reach the certificates' authority",
        risk: "R2",
        effect: "the ClusterIssuer can't register, certificates are not issued",
        wrong: |ground| {
            let issuer = ground.find("clusterissuers.cert-manager.io", |object| object["spec"]["acme"].is_object())?;
            let url = issuer.value["spec"]["acme"]["server"].as_str().unwrap_or_default();
            let host = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default().to_owned();
            let mut broken = issuer.broken(vec![Cause::egress(&issuer.cluster, &host)]);
            broken.names.push(host);
            Ok(broken)
        },
    },
];
