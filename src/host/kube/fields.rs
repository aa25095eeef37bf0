//! Changing fields of what is there: `patch`, `label`, `annotate`, `scale`, `restart`.

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::{Value, json};

use super::cluster::{ClusterHandle, Spot};
use super::edit::{Edit, How, edit};
use super::{judge, manifest, secrets};
use crate::client::kube::PatchKind;
use crate::client::sh::quoted;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::object::Object;
use crate::host::options::Options;
use crate::host::registrar::Registrar;
use crate::host::values::{show, type_name};

const OPTIONS: &[&str] = &["namespace"];
const OF_PATCH: &[&str] = &["namespace", "type", "subresource"];

pub(super) fn register(m: &mut Registrar) {
    m.method("cluster", "patch")
        .sig("(kind: string, name: string, patch: map | list, options?: map) -> object")
        .options(OF_PATCH)
        .effect(Effect::Disrupt)
        .doc(
            "Patches an object. `options`: `namespace`, `type` (`merge`, the default of a map: fields replace fields, \
             `()` removes; `json`, the default of a list: operations of RFC 6902; `strategic`), `subresource` (`status`). `write` on what this run created \
             and for annotations that only ask for a refresh, else `disrupt`; the fields' former values are in the ledger \
             before. A Secret's values are not in the record: after a run that was killed they can't be put back from it.",
        )
        .example(
            r#"let k = kube("infra");
let cm = k.create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ generateName: "doc-patch-", namespace: "default" } });
k.patch("cm", cm.name, #{ data: #{ a: "1" } }, #{ namespace: "default" }).data.a == "1""#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, patch: Dynamic| {
            patch_any(&at, k, kind, name, &patch, Map::new())
        })
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, patch: Dynamic, options: Map| {
            patch_any(&at, k, kind, name, &patch, options)
        });
    m.method("cluster", "label")
        .sig("(kind: string, name: string, labels: map, options?: map) -> object")
        .options(OPTIONS)
        .effect(Effect::Disrupt)
        .doc("Sets labels; `()` removes one. `options`: `namespace`. Effect and ledger as with `patch`.")
        .example(
            r#"let k = kube("infra");
let cm = k.create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ generateName: "doc-label-", namespace: "default" } });
k.label("cm", cm.name, #{ tier: "web" }, #{ namespace: "default" }).metadata.labels.tier == "web""#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, labels: Map| {
            mark(&at, k, &LABEL, kind, name, &labels, Map::new())
        })
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, labels: Map, options: Map| {
            mark(&at, k, &LABEL, kind, name, &labels, options)
        });
    m.method("cluster", "annotate")
        .sig("(kind: string, name: string, annotations: map, options?: map) -> object")
        .options(OPTIONS)
        .effect(Effect::Disrupt)
        .doc(
            "Sets annotations; `()` removes one. `options`: `namespace`. Effect and ledger as with `patch`: \
             `reconcile.fluxcd.io/requestedAt` and `force-sync` alone are `write`, and nothing undoes them.",
        )
        .example(
            r#"let k = kube("infra");
let cm = k.create(#{ apiVersion: "v1", kind: "ConfigMap", metadata: #{ generateName: "doc-annotate-", namespace: "default" } });
k.annotate("cm", cm.name, #{ note: "x" }, #{ namespace: "default" }).metadata.annotations.note == "x""#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, annotations: Map| {
            mark(&at, k, &ANNOTATE, kind, name, &annotations, Map::new())
        })
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, annotations: Map, options: Map| {
            mark(&at, k, &ANNOTATE, kind, name, &annotations, options)
        });
    m.method("cluster", "scale")
        .sig("(kind: string, name: string, replicas: int, options?: map) -> object")
        .options(OPTIONS)
        .effect(Effect::Disrupt)
        .doc(
            "Sets the number of replicas by the subresource `scale`, which it gives. It does not wait for the pods. \
             `options`: `namespace`. The former number is in the ledger before, and comes back at the step's end.",
        )
        .example(
            r#"let k = kube("infra");
let rs = k.create(#{ apiVersion: "apps/v1", kind: "ReplicaSet", metadata: #{ generateName: "doc-scale-", namespace: "default" },
    spec: #{ replicas: 0, selector: #{ matchLabels: #{ app: "doc-scale" } }, template: #{ metadata: #{ labels: #{ app: "doc-scale" } },
        spec: #{ containers: [#{ name: "c", image: "busybox", imagePullPolicy: "IfNotPresent" }] } } } });
k.scale("rs", rs.name, 1, #{ namespace: "default" }).spec.replicas == 1"#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, replicas: i64| {
            scale(&at, k, kind, name, replicas, Map::new())
        })
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, replicas: i64, options: Map| {
            scale(&at, k, kind, name, replicas, options)
        });
    m.method("cluster", "restart")
        .sig("(kind: string, name: string, options?: map) -> object")
        .options(OPTIONS)
        .effect(Effect::Disrupt)
        .doc(
            "Rolls a Deployment, StatefulSet or DaemonSet out anew, as `kubectl rollout restart` does. It does not wait for \
             the pods. `options`: `namespace`. Nothing undoes it.",
        )
        .example(
            r#"let k = kube("infra");
let d = k.create(#{ apiVersion: "apps/v1", kind: "Deployment", metadata: #{ generateName: "doc-restart-", namespace: "default" },
    spec: #{ replicas: 0, selector: #{ matchLabels: #{ app: "doc-restart" } }, template: #{ metadata: #{ labels: #{ app: "doc-restart" } },
        spec: #{ containers: [#{ name: "c", image: "busybox", imagePullPolicy: "IfNotPresent" }] } } } });
k.restart("deploy", d.name, #{ namespace: "default" }).spec.template.metadata.annotations.to_map().len() == 1"#,
        )
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str| restart(&at, k, kind, name, Map::new()))
        .add(|at: NativeCallContext, k: &mut ClusterHandle, kind: &str, name: &str, options: Map| restart(&at, k, kind, name, options));
}

fn namespace_option(options: Map, function: &'static str) -> Result<Option<String>> {
    Options::new(options, function, OPTIONS)?.string("namespace")
}

fn at_place(spot: &Spot) -> String {
    spot.namespace.as_ref().map(|n| format!(" -n {}", quoted(n))).unwrap_or_default()
}

fn patch_any(
    at: &NativeCallContext,
    k: &ClusterHandle,
    kind: &str,
    name: &str,
    patch: &Dynamic,
    options: Map,
) -> HostResult<Object> {
    let cx = Context::current()?;
    let options = Options::new(options, "cluster.patch", OF_PATCH)?;
    let patch = manifest::exposed(patch);
    let how = match options.string("type")?.as_deref() {
        None if patch.is_array() => PatchKind::Json,
        None | Some("merge") => PatchKind::Merge,
        Some("json") => PatchKind::Json,
        Some("strategic") => PatchKind::Strategic,
        Some(other) => {
            let error = Error::new(Kind::Script, format!("cluster.patch: there is no patch type \"{other}\""));
            return Err(error.hint("merge, json or strategic").into());
        }
    };
    let subresource = options.string("subresource")?;
    if patch.is_array() != (how == PatchKind::Json) || !(patch.is_array() || patch.is_object()) {
        let expected = if how == PatchKind::Json { "a list of operations" } else { "a map" };
        return Err(Error::new(Kind::Script, format!("cluster.patch: a {} patch is {expected}", how.as_str())).into());
    }
    let spot = k.spot(&cx, at, kind, options.string("namespace")?)?;
    let object = k.object(&spot, name);
    let refresh = how != PatchKind::Json && judge::only_refreshes(&patch);
    let effect =
        if how == PatchKind::Json { judge::changing(&cx, &object) } else { judge::merging(&cx, &object, &patch) };
    let sub = subresource.as_ref().map(|s| format!(" --subresource {}", quoted(s))).unwrap_or_default();
    let line = format!(
        "patch {} {}{}{sub} --type {} -p {}",
        quoted(kind),
        quoted(name),
        at_place(&spot),
        how.as_str(),
        quoted(&secrets::masked(patch.clone(), spot.resource.kind == secrets::KIND).to_string())
    );
    Ok(edit(
        &cx,
        at,
        k,
        &Edit {
            function: "kube.patch",
            verb: "patch",
            spot: &spot,
            name,
            subresource: subresource.as_deref(),
            kind: how,
            patch,
            line,
            effect,
            undo: if refresh { How::Nothing } else { How::Trial },
        },
    )?)
}

/// `label` and `annotate` differ in words alone.
struct Marking {
    function: &'static str,
    script: &'static str,
    verb: &'static str,
    field: &'static str,
}

const LABEL: Marking = Marking { function: "kube.label", script: "cluster.label", verb: "label", field: "labels" };
const ANNOTATE: Marking =
    Marking { function: "kube.annotate", script: "cluster.annotate", verb: "annotate", field: "annotations" };

fn mark(
    at: &NativeCallContext,
    k: &ClusterHandle,
    m: &Marking,
    kind: &str,
    name: &str,
    values: &Map,
    options: Map,
) -> HostResult<Object> {
    let cx = Context::current()?;
    let mut fields = serde_json::Map::new();
    let mut words = String::new();
    for (key, value) in values {
        let (value, word) = if value.is_unit() {
            (Value::Null, format!("{key}-"))
        } else if value.is_string() || value.is_int() || value.is_bool() {
            (Value::from(value.to_string()), format!("{key}={value}"))
        } else {
            let error = format!("{}: the value of {key} is text, not {}: {}", m.script, type_name(value), show(value));
            return Err(Error::new(Kind::Script, error).into());
        };
        fields.insert(key.to_string(), value);
        words.push(' ');
        words.push_str(&quoted(&word));
    }
    if fields.is_empty() {
        return Err(
            Error::new(Kind::Script, format!("{}: the map is empty, so there is nothing to set", m.script)).into()
        );
    }
    let patch = json!({ "metadata": { m.field: fields } });
    let spot = k.spot(&cx, at, kind, namespace_option(options, m.script)?)?;
    let line = format!("{} {} {}{}{words} --overwrite", m.verb, quoted(kind), quoted(name), at_place(&spot));
    Ok(edit(
        &cx,
        at,
        k,
        &Edit {
            function: m.function,
            verb: m.verb,
            name,
            subresource: None,
            kind: PatchKind::Merge,
            line,
            effect: judge::merging(&cx, &k.object(&spot, name), &patch),
            undo: if judge::only_refreshes(&patch) { How::Nothing } else { How::Patch },
            patch,
            spot: &spot,
        },
    )?)
}

fn scale(
    at: &NativeCallContext,
    k: &ClusterHandle,
    kind: &str,
    name: &str,
    replicas: i64,
    options: Map,
) -> HostResult<Object> {
    let cx = Context::current()?;
    if replicas < 0 {
        return Err(Error::new(Kind::Script, format!("cluster.scale: {replicas} replicas can't be")).into());
    }
    let spot = k.spot(&cx, at, kind, namespace_option(options, "cluster.scale")?)?;
    if !spot.resource.subresources.iter().any(|s| s == "scale") {
        return Err(Error::new(
            Kind::Invalid,
            format!("{} can't be scaled: the kind has no subresource scale", spot.resource.kind),
        )
        .into());
    }
    let line = format!("scale {} {}{} --replicas={replicas}", quoted(kind), quoted(name), at_place(&spot));
    Ok(edit(
        &cx,
        at,
        k,
        &Edit {
            function: "kube.scale",
            verb: "scale",
            name,
            subresource: Some("scale"),
            kind: PatchKind::Merge,
            patch: json!({ "spec": { "replicas": replicas } }),
            line,
            effect: judge::changing(&cx, &k.object(&spot, name)),
            undo: How::Patch,
            spot: &spot,
        },
    )?)
}

fn restart(at: &NativeCallContext, k: &ClusterHandle, kind: &str, name: &str, options: Map) -> HostResult<Object> {
    let cx = Context::current()?;
    let spot = k.spot(&cx, at, kind, namespace_option(options, "cluster.restart")?)?;
    if !matches!(spot.resource.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet") {
        let error =
            format!("a {} can't be restarted; a Deployment, a StatefulSet or a DaemonSet can", spot.resource.kind);
        return Err(Error::new(Kind::Invalid, error).into());
    }
    let now = cx.world.clock.now().to_string();
    let line = format!("rollout restart {} {}{}", quoted(kind), quoted(name), at_place(&spot));
    Ok(edit(
        &cx,
        at,
        k,
        &Edit {
            function: "kube.restart",
            verb: "restart",
            name,
            subresource: None,
            kind: PatchKind::Merge,
            patch: json!({ "spec": { "template": { "metadata": { "annotations": { "kubectl.kubernetes.io/restartedAt": now } } } } }),
            line,
            effect: judge::changing(&cx, &k.object(&spot, name)),
            undo: How::Nothing,
            spot: &spot,
        },
    )?)
}
