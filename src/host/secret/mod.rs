//! `secret::` — credentials from where they are kept; scripts carry them and never see them.

mod source;

use std::sync::{Arc, Mutex, PoisonError};

use rhai::NativeCallContext;
use serde_json::json;

use super::kube::cluster::ClusterHandle;
use super::values::Secret;
use super::{Call, Context, HostResult, Module, Needs, Registrar, paths};
use crate::config::SecretRef;
use crate::error::{Error, Kind};
use crate::event::Effect;
pub(crate) use source::Configured;

pub(crate) const MODULE: Module = Module {
    name: "secret",
    about: "Credentials from environment, files, clusters and 1Password",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.path("env")
        .sig("(name: string) -> secret")
        .effect(Effect::Read)
        .doc("The secret in an environment variable. A secret prints as `<secret:1>`, goes where a password or token is taken (`sh` environment, HTTP headers, manifests), and its value is hidden from every output, record and report from then on. An unset or empty variable throws `config`.")
        .example(r#"secret::env("PATH").to_string().starts_with("<secret:")"#)
        .add(|at: NativeCallContext, name: &str| -> HostResult<Secret> {
            Ok(read(&at, "secret::env", &SecretRef::Env(name.into()))?)
        });
    m.path("file")
        .sig("(path: string) -> secret")
        .effect(Effect::Read)
        .doc("The secret in a file, without its last newline. A relative path counts from the playbook's folder. An empty file throws `config`.")
        .example(r#"secret::file("/etc/hostname").to_string().starts_with("<secret:")"#)
        .add(|at: NativeCallContext, path: &str| -> HostResult<Secret> {
            let file = paths::resolve(&*Context::current()?, &at, path);
            Ok(read(&at, "secret::file", &SecretRef::File(file))?)
        });
    m.path("kube")
        .sig("(k: cluster, namespace: string, name: string, key: string) -> secret")
        .effect(Effect::Read)
        .doc("The value of a key in a Kubernetes Secret, decoded from base64. Throws `not_found` when there is no such Secret, or no such key: the error names the keys that it has.")
        .example(
            r#"let k = kube("infra");
            let made = k.create(#{ apiVersion: "v1", kind: "Secret", metadata: #{ name: "example", namespace: "default" }, stringData: #{ key: "correct horse" } });
            secret::kube(k, "default", made.name, "key").to_string().starts_with("<secret:")"#,
        )
        .needs(Needs::Cluster)
        .add(|at: NativeCallContext, k: ClusterHandle, namespace: &str, name: &str, key: &str| -> HostResult<Secret> {
            let of = SecretRef::Kube {
                cluster: k.name().into(),
                namespace: namespace.into(),
                name: name.into(),
                key: key.into(),
            };
            Ok(read(&at, "secret::kube", &of)?)
        });
    m.path("op")
        .sig("(reference: string) -> secret")
        .effect(Effect::Read)
        .doc("The secret that 1Password keeps under `op://vault/item/field`, read with its command-line tool `op`, which must be installed and signed in (or have OP_SERVICE_ACCOUNT_TOKEN).")
        .example(
            r#"let token = (); try { token = secret::op("op://platform/grafana/token") } catch (err) { print(err.message) }
            token == () || token.to_string().starts_with("<secret:")"#,
        )
        .add(|at: NativeCallContext, reference: &str| -> HostResult<Secret> {
            let of = SecretRef::parse(reference, std::path::Path::new(""), None)
                .ok()
                .filter(|of| matches!(of, SecretRef::Op(_)))
                .ok_or_else(|| Error::new(Kind::Script, "secret::op takes \"op://vault/item/field\""))?;
            Ok(read(&at, "secret::op", &of)?)
        });
}

/// Reads a secret through the gate. The call's recorded answer is empty: the value goes past the record.
fn read(at: &NativeCallContext, function: &'static str, of: &SecretRef) -> Result<Secret, Error> {
    let cx = Context::current()?;
    let mut call = Call::new(function, source::line(&cx.world, of)).args(json!({ "reference": of.to_text() }));
    if let SecretRef::Kube { cluster, .. } = of {
        call = call.cluster(cluster);
    }
    let found: Arc<Mutex<Option<Secret>>> = Arc::default();
    cx.call(at, call, async {
        let secret = source::read(&cx.world, of).await?;
        *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
        Ok(())
    })?;
    let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
    // In a replay nobody read anything; what stands in for the value need only be a secret of its own.
    Ok(found.unwrap_or_else(|| Secret::new(&cx.world.redactor, &format!("replayed {}", of.to_text()))))
}

#[cfg(test)]
mod tests;
