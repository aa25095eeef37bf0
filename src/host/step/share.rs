//! What steps share: published values, and the other clusters with their settings.

use rhai::{Dynamic, NativeCallContext};

use super::{Step, here};
use crate::error::{Error, Kind, did_you_mean};
use crate::event::What;
use crate::host::context::{Context, HostResult};
use crate::host::kube::secrets::for_record;
use crate::host::registrar::Registrar;
use crate::host::values::{Secret, from_dynamic, to_dynamic};

/// A cluster as a step sees it: `t.cluster("apps")`.
#[derive(Debug, Clone)]
pub(crate) struct ClusterOfStep {
    name: String,
}

pub(super) fn register(m: &mut Registrar) {
    m.raw().set_custom_type::<Step>("step");
    m.raw().set_custom_type::<ClusterOfStep>("cluster of the step");
    m.method("step", "publish")
        .sig("(name: string, value: any)")
        .doc("Gives a value to other steps, which read it with `t.value`. The journal keeps it: a secret is refused.")
        .example(r#"t.publish("digest", "sha256:0"); t.value(t.id, "digest") == "sha256:0""#)
        .add(|_: &mut Step, name: &str, value: Dynamic| -> HostResult<()> {
            let cx = here()?;
            if holds(&value, &Dynamic::is_fnptr) {
                return Err(Error::new(Kind::Script, format!("publish: a closure cannot be published as \"{name}\""))
                    .hint("publish what it gives: other steps read values, from the journal too")
                    .into());
            }
            if holds(&value, &|value| value.is::<Secret>()) || for_record(&value) != from_dynamic(&value) {
                return Err(Error::new(Kind::Script, format!("publish: a secret cannot be published as \"{name}\""))
                    .hint("published values stand in the record; each step that needs it reads it anew: secret::env, secret::file, kube.secret")
                    .into());
            }
            let value = from_dynamic(&value);
            let mut published = lock(&cx.world.published);
            published.entry(cx.step.clone()).or_default().insert(name.to_string(), value.clone());
            drop(published);
            cx.emit(What::Published { name: name.to_string(), value });
            Ok(())
        });
    m.method("step", "value")
        .sig("(step: string, name: string) -> any")
        .doc(
            "What another step published. Without a cluster in the step's id, that of the own cluster is meant, or \
             the only one. Throws where nothing was published: list the step in `needs`.",
        )
        .example(r#"t.publish("n", 3); t.value(t.id, "n") == 3"#)
        .add(|_: &mut Step, step: &str, name: &str| -> HostResult<Dynamic> { value(&*here()?, step, name) });
    m.property("step", "cluster_name")
        .sig("string | ()")
        .doc("The name of the cluster that the step runs on; `()` for steps on `all` and `none`.")
        .example(r#"t.cluster_name == ()"#)
        .add(|_: &mut Step| -> HostResult<Dynamic> {
            Ok(here()?.cluster.clone().map_or(Dynamic::UNIT, Dynamic::from))
        });
    m.property("step", "clusters")
        .sig("[string]")
        .doc("The names of the configured clusters.")
        .example(r#"type_of(t.clusters) == "array""#)
        .add(|_: &mut Step| -> HostResult<rhai::Array> {
            Ok(here()?.world.config.clusters.keys().map(|c| c.clone().into()).collect())
        });
    m.method("step", "cluster")
        .sig("(name: string) -> cluster of the step")
        .doc("Another cluster, with `.kube`, `.talos`, `.name` and `.setting(name)`: that setting's value there.")
        .example(r#"let names = t.clusters; names.all(|name| t.cluster(name).name == name)"#)
        .add(|_: &mut Step, name: &str| -> HostResult<ClusterOfStep> {
            let cx = here()?;
            let known = &cx.world.config.clusters;
            if !known.contains_key(name) {
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                return Err(Error::new(
                    Kind::Config,
                    format!("no cluster \"{name}\" (there are: {})", names.join(", ")),
                )
                .maybe_hint(did_you_mean(name, names.iter().copied()))
                .into());
            }
            Ok(ClusterOfStep { name: name.to_string() })
        });
    m.property("cluster of the step", "name")
        .sig("string")
        .doc("The cluster's name in `pb.toml`.")
        .example(r#"let names = t.clusters; names.all(|name| t.cluster(name).name == name)"#)
        .add(|cluster: &mut ClusterOfStep| cluster.name.clone());
    m.method("cluster of the step", "setting")
        .sig("(name: string) -> any")
        .doc("The value that a setting of this playbook has on that cluster.")
        .example(r#"let names = t.clusters; names.all(|name| t.cluster(name).name == name)"#)
        .add(|cluster: &mut ClusterOfStep, name: &str| -> HostResult<Dynamic> { setting(&cluster.name, name) });
}

/// Whether it is such a value, or an array or map with one in it.
fn holds(value: &Dynamic, such: &dyn Fn(&Dynamic) -> bool) -> bool {
    if let Some(items) = value.read_lock::<rhai::Array>() {
        return items.iter().any(|item| holds(item, such));
    }
    if let Some(fields) = value.read_lock::<rhai::Map>() {
        return fields.values().any(|field| holds(field, such));
    }
    such(value)
}

fn value(cx: &Context, step: &str, name: &str) -> HostResult<Dynamic> {
    let published = lock(&cx.world.published);
    let own = cx.cluster.as_ref().map(|c| format!("{step}@{c}"));
    let mut found: Vec<&String> = published.keys().filter(|id| *id == step || Some(*id) == own.as_ref()).collect();
    if found.is_empty() {
        found = published.keys().filter(|id| id.split('@').next() == Some(step)).collect();
    }
    let values: Vec<_> = found.iter().filter_map(|id| published.get(*id)?.get(name)).collect();
    match values.as_slice() {
        [value] => Ok(to_dynamic(value)),
        [] => {
            let names: Vec<String> =
                published.iter().flat_map(|(id, values)| values.keys().map(move |n| format!("{id}: {n}"))).collect();
            let names = if names.is_empty() { "nothing yet".into() } else { names.join(", ") };
            Err(Error::new(Kind::Script, format!("step {step} published no \"{name}\" (published: {names})"))
                .hint(format!("needs: [\"{step}\"] in this step's options runs that one first"))
                .into())
        }
        _ => Err(Error::new(Kind::Script, format!("step {step} published \"{name}\" on several clusters"))
            .hint(format!("name one: t.value(\"{step}@CLUSTER\", \"{name}\")"))
            .into()),
    }
}

fn setting(cluster: &str, name: &str) -> HostResult<Dynamic> {
    let cx = here()?;
    let playbook = cx.step.split('/').next().unwrap_or_default().to_string();
    let settings = lock(&cx.world.settings);
    if let Some(value) = settings.get(&(playbook.clone(), Some(cluster.to_string()), name.to_string())) {
        return Ok(value.clone());
    }
    let names: Vec<&str> =
        settings.keys().filter(|(p, c, _)| *p == playbook && c.is_none()).map(|(_, _, n)| n.as_str()).collect();
    Err(Error::new(Kind::Script, format!("playbook {playbook} declares no setting \"{name}\" for cluster {cluster}"))
        .maybe_hint(did_you_mean(name, names))
        .into())
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where `kube` and `talos` find the name of a step's cluster.
impl ClusterOfStep {
    /// The cluster's name in `pb.toml`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// The name of the cluster that `t.kube` and `t.talos` (`member`) stand for.
///
/// # Errors
/// [`Kind::Playbook`] for a step that runs on no single cluster.
pub(crate) fn own_cluster(cx: &Context, at: &NativeCallContext, member: &str) -> Result<String, Error> {
    cx.cluster.clone().ok_or_else(|| {
        let error =
            Error::new(Kind::Playbook, format!("step {} runs on no single cluster, so t.{member} is nobody", cx.step))
                .hint(format!("t.cluster(\"NAME\").{member} names one; on: \"each cluster\" runs the step for each"));
        match cx.place(at) {
            Some(place) => error.at(place),
            None => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_is_found_wherever_it_lies() {
        let value = |script: &str| crate::host::testing::eval(script).expect(script);
        for script in ["|| 1", "[1, || 1]", "#{ a: [|| 1] }"] {
            assert!(holds(&value(&format!("let x = {script}; x")), &Dynamic::is_fnptr), "{script}");
        }
        assert!(!holds(&value("#{ a: [1, \"x\"] }"), &Dynamic::is_fnptr));
    }
}
