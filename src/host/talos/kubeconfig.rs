//! `kubeconfig`: the admin's, as a control plane node makes it.

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::Value;

use super::ask::Question;
use super::machines::TalosHandle;
use crate::error::{Error, Kind, Result};
use crate::event::Effect;
use crate::host::context::{Context, HostResult};
use crate::host::options::Options;
use crate::host::redact::Redactor;
use crate::host::registrar::Registrar;
use crate::host::values::Secret;

const FUNCTION: &str = "talos.kubeconfig";
const OPTIONS: &[&str] = &["nodes", "within"];

pub(super) fn register(m: &mut Registrar) {
    m.method("talos", "kubeconfig")
        .sig("(options?: map) -> map")
        .options(OPTIONS)
        .effect(Effect::Read)
        .doc(
            "The admin's kubeconfig, made by the first of the nodes that can: `text` (a secret: the whole YAML, which goes where \
             a secret is taken), `context`, `cluster`, `user` and `server` of its current context. Options `nodes` and \
             `within` as with `talos`. Throws `forbidden` for a client whose role is not `os:admin`, and `invalid` before \
             the cluster is bootstrapped.",
        )
        .example(r#"talos("infra").kubeconfig().server.starts_with("https://")"#)
        .add(|at: NativeCallContext, talos: &mut TalosHandle| kubeconfig(&at, talos, Map::new()))
        .add(|at: NativeCallContext, talos: &mut TalosHandle, options: Map| kubeconfig(&at, talos, options));
}

fn kubeconfig(at: &NativeCallContext, talos: &TalosHandle, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let options = Options::new(options, FUNCTION, OPTIONS)?;
    let question = Question::new(&cx, talos, &options)?;
    let call = question.to_one(talos, FUNCTION, "kubeconfig -", Value::Null, question.within());
    let redactor = &cx.world.redactor;
    let text = cx.call_with(at, call, |text: &String| format!("{} bytes", text.len()), async {
        let (machines, ask) = question.to?;
        let text = machines.kubeconfig(&ask).await?;
        // Before anybody sees it.
        redactor.register(&text);
        Ok(text)
    })?;
    Ok(read(talos, &text, redactor)?)
}

fn read(talos: &TalosHandle, text: &str, redactor: &Redactor) -> Result<Map> {
    let wrong = |what: &str| {
        Error::new(Kind::Unreadable, format!("{FUNCTION}: the kubeconfig of cluster {} {what}", talos.name()))
    };
    let file: Value = serde_saphyr::from_str(text).map_err(|_| wrong("is not YAML"))?;
    let entry = |list: &str, name: &str| {
        let entries = file[list].as_array().into_iter().flatten();
        entries
            .clone()
            .find(|entry| entry["name"] == name)
            .cloned()
            .ok_or_else(|| wrong(&format!("has no \"{name}\" in {list}")))
    };
    let word =
        |value: &Value, what: &str| value.as_str().map(String::from).ok_or_else(|| wrong(&format!("names no {what}")));
    for user in file["users"].as_array().into_iter().flatten() {
        for key in ["client-key-data", "token", "password"] {
            if let Some(secret) = user["user"][key].as_str() {
                redactor.register(secret);
            }
        }
    }
    let context = word(&file["current-context"], "current context")?;
    let of_context = entry("contexts", &context)?;
    let cluster = word(&of_context["context"]["cluster"], "cluster")?;
    let user = word(&of_context["context"]["user"], "user")?;
    let server = word(&entry("clusters", &cluster)?["cluster"]["server"], "server")?;
    let mut map = Map::new();
    for (key, value) in [("context", context), ("cluster", cluster), ("user", user), ("server", server)] {
        map.insert(key.into(), value.into());
    }
    map.insert("text".into(), Dynamic::from(Secret::new(redactor, text)));
    Ok(map)
}
