//! The functions of objects, as scripts see them.

use std::time::Duration;

use jiff::Timestamp;
use rhai::{Dynamic, ImmutableString, Map};
use serde_json::Value;

use super::{List, Missing, Object, Origin, operators};
use crate::error::{Error, Kind};
use crate::host::values::{from_dynamic, to_dynamic};
use crate::host::{Context, HostResult, Module, Needs, Registrar};

/// The row of the table.
pub(crate) const MODULE: Module = Module {
    name: "object",
    about: "Objects as the cluster answered them: read-only, fields by name, readiness and conditions.",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    operators::register(m.raw());
    m.global("object")
        .sig("(fields: map) -> object")
        .doc("Makes an object from a map. It behaves as one that a cluster answered: read-only, and a field that is not there is `missing`, not `()`.")
        .example(r#"let o = object(#{ kind: "Pod", metadata: #{ name: "a", namespace: "web" } }); o.name == "a" && `${o}` == "Pod web/a""#)
        .add(|fields: Map| Ok::<_, Box<rhai::EvalAltResult>>(of_map(fields)?));
    m.property("object", "name")
        .sig("string")
        .doc("The name: `metadata.name` of a whole object, the field `name` of one inside another.")
        .example(r#"object(#{ metadata: #{ name: "a" } }).name == "a""#)
        .add(|object: &mut Object| object.get("name"));
    m.property("object", "namespace")
        .sig("string")
        .doc("The namespace: `metadata.namespace` of a whole object; missing on one of the whole cluster.")
        .example(r#"object(#{ metadata: #{ namespace: "web" } }).namespace == "web""#)
        .add(|object: &mut Object| object.get("namespace"));
    m.property("object", "kind")
        .sig("string")
        .doc("The kind, also of an object from a list, which does not carry it itself.")
        .example(r#"object(#{ kind: "Pod" }).kind == "Pod""#)
        .add(|object: &mut Object| object.get("kind"));
    m.property("object", "internal_ip")
        .sig("string")
        .doc("The address of type `InternalIP` of a node.")
        .example(r#"object(#{ kind: "Node", status: #{ addresses: [#{ type: "InternalIP", address: "10.0.0.1" }] } }).internal_ip == "10.0.0.1""#)
        .add(|object: &mut Object| internal_ip(object));
    m.method("object", "ready")
        .sig("() -> bool")
        .doc("Whether it is ready, by the rules of its kind: a Pod by its condition (or because it succeeded), Deployment, StatefulSet, DaemonSet by their counts, a Job when complete, a PersistentVolumeClaim when bound, a CRD when established, other kinds by their condition `Ready` or `Available`. A status of an earlier generation, and deletion, mean no.")
        .example(r#"object(#{ kind: "Node", status: #{ conditions: [#{ type: "Ready", status: "True" }] } }).ready()"#)
        .add(|object: &mut Object| object.readiness().ready);
    m.method("object", "condition")
        .sig("(type: string) -> object")
        .doc("The condition of that type: `.status` (`\"True\"`, `\"False\"`, `\"Unknown\"`), `.reason`, `.message`; missing where there is none.")
        .example(r#"object(#{ status: #{ conditions: [#{ type: "Ready", status: "False" }] } }).condition("Ready").status == "False""#)
        .add(|object: &mut Object, kind: &str| object.condition(kind));
    m.method("object", "age")
        .sig("() -> duration")
        .doc("The time since `metadata.creationTimestamp`, by the run's clock.")
        .example(r#"object(#{ metadata: #{ creationTimestamp: "2020-01-01T00:00:00Z" } }).age() > duration("1h")"#)
        .add(|object: &mut Object| age(object));
    m.method("object", "owner")
        .sig("() -> map")
        .doc("The controller that owns it, `#{ kind, name }`; `()` where there is none.")
        .example(r#"object(#{ metadata: #{ ownerReferences: [#{ kind: "Job", name: "j", controller: true }] } }).owner().name == "j""#)
        .add(|object: &mut Object| owner(object));
    m.method("object", "keys")
        .sig("() -> array")
        .doc("The names of its fields.")
        .example(r#"object(#{ a: 1 }).keys() == ["a"]"#)
        .add(|object: &mut Object| Dynamic::from_array(object.keys().into_iter().map(Dynamic::from).collect()));
    m.method("object", "has")
        .sig("(path: string) -> bool")
        .doc("Whether there is a value, other than `null`, at a path of names and indices: `spec.containers[0].image`.")
        .example(r#"let o = object(#{ spec: #{ ports: [#{ port: 80 }] } }); o.has("spec.ports[0].port") && !o.has("spec.ports[1]")"#)
        .add(|object: &mut Object, path: &str| object.path(path).is_some_and(|value| !value.is_unit()));
    m.method("object", "contains")
        .sig("(key: string) -> bool")
        .doc("Whether it has a field of that name; `\"key\" in object` asks the same.")
        .example(r#""app" in object(#{ app: 1 })"#)
        .add(|object: &mut Object, key: &str| object.field(key).is_some());
    m.method("object", "to_map")
        .sig("() -> map")
        .doc("A copy as a map, which can be changed.")
        .example(r#"let m = object(#{ a: 1 }).to_map(); m.a = 2; m.a == 2"#)
        .add(|object: &mut Object| to_dynamic(&object.to_json()));
    m.method("object", "yaml")
        .sig("() -> string")
        .doc("The whole object as YAML.")
        .example(r#"object(#{ a: 1 }).yaml().contains("a: 1")"#)
        .add(|object: &mut Object| yaml(object));
}

fn of_map(fields: Map) -> Result<Object, Error> {
    Object::from_text(from_dynamic(&fields.into()).to_string(), Origin::default())
}

fn internal_ip(object: &Object) -> Dynamic {
    if let Some(own) = object.field("internal_ip") {
        return own;
    }
    let addresses = object.path("status.addresses");
    let addresses = addresses.as_ref().and_then(Dynamic::read_lock::<List>);
    let found = addresses.and_then(|list| {
        let objects = list.items().iter().filter_map(Dynamic::read_lock::<Object>);
        objects.into_iter().find(|a| a.string("/type").as_deref() == Some("InternalIP"))?.string("/address")
    });
    found.map_or_else(|| Dynamic::from(Missing::path(object, "status.addresses[InternalIP].address")), Dynamic::from)
}

fn age(object: &Object) -> HostResult<Duration> {
    let now = Context::current()?.world.clock.now();
    let Some(text) = object.string("/metadata/creationTimestamp") else {
        return Err(Missing::path(object, "metadata.creationTimestamp").error().into());
    };
    let since: Timestamp = text.parse().map_err(|e: jiff::Error| {
        Error::new(
            Kind::Unreadable,
            format!("not a time: \"{text}\", metadata.creationTimestamp of {}", object.describe()),
        )
        .because(e)
    })?;
    Ok(Duration::try_from(now.duration_since(since)).unwrap_or_default())
}

fn owner(object: &Object) -> Dynamic {
    let Some(Value::Array(owners)) = object.pointer("/metadata/ownerReferences") else { return Dynamic::UNIT };
    let Some(owner) = owners.iter().find(|owner| owner["controller"] == true) else { return Dynamic::UNIT };
    let map: Map = ["kind", "name"].into_iter().map(|key| (key.into(), to_dynamic(&owner[key]))).collect();
    map.into()
}

fn yaml(object: &Object) -> HostResult<ImmutableString> {
    let text = serde_saphyr::to_string(&object.to_json())
        .map_err(|e| Error::new(Kind::Unreadable, format!("cannot write {} as YAML", object.describe())).because(e))?;
    Ok(text.into())
}
