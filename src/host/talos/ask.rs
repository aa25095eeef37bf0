//! What all questions to machines share: the options that name the nodes, the line that a person could type, the call.

use std::time::Duration;

use rhai::NativeCallContext;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::machines::TalosHandle;
use crate::client::sh::quoted;
use crate::client::talos::{Ask, Machines, Told};
use crate::error::{Error, Kind, Result};
use crate::event::short;
use crate::host::call::Call;
use crate::host::context::Context;
use crate::host::net::gate;
use crate::host::options::Options;

/// The options that every question takes.
pub(super) const OPTIONS: &[&str] = &["check", "nodes", "within"];

/// How long a node may take, unless the script says otherwise.
const WITHIN: Duration = Duration::from_secs(10);

/// A question on its way: to whom it goes, as far as that could be found out.
pub(super) struct Question {
    /// The machines, and which of them; what is wrong with the talosconfig is the call's own error.
    pub(super) to: Result<(Machines, Ask)>,
    within: Duration,
    check: bool,
}

impl Question {
    pub(super) fn new(cx: &Context, talos: &TalosHandle, options: &Options) -> Result<Self> {
        let named = nodes(options, "nodes")?;
        let within = options.duration("within")?.unwrap_or(WITHIN);
        let check = options.bool("check")?.unwrap_or(true);
        let to = talos.machines(cx).and_then(|machines| {
            let nodes = named.map_or_else(|| machines.nodes(), Ok)?;
            Ok((machines, Ask { nodes, limit: within }))
        });
        Ok(Self { to, within, check })
    }

    /// `talosctl --context infra -n 10.25.11.11,10.25.11.12 etcd members`; of what one node does for all, with the first.
    fn line(&self, talos: &TalosHandle, words: &str, asked: usize) -> String {
        match &self.to {
            Ok((machines, ask)) => {
                let nodes = ask.nodes.iter().take(asked).map(String::as_str).collect::<Vec<_>>().join(",");
                format!("{} -n {} {words}", machines.talosctl(), quoted(&nodes))
            }
            Err(_) => format!("talosctl --context {} {words}", quoted(talos.name())),
        }
    }

    /// The call to one node after the other, until one does what is asked; each may take so long.
    pub(super) fn to_one(
        &self,
        talos: &TalosHandle,
        function: &'static str,
        words: &str,
        more: Value,
        each: Duration,
    ) -> Call {
        let nodes = self.to.as_ref().map_or(1, |(_, ask)| ask.nodes.len());
        let all = each.saturating_mul(u32::try_from(nodes).unwrap_or(u32::MAX)).saturating_add(self.within);
        Call { line: self.line(talos, words, 1), ..self.call(talos, function, words, more) }.limit(gate(all))
    }

    /// How long a node may take.
    pub(super) fn within(&self) -> Duration {
        self.within
    }

    /// The call, with a limit that is reached after every node's own.
    fn call(&self, talos: &TalosHandle, function: &'static str, words: &str, more: Value) -> Call {
        let mut args =
            json!({ "nodes": self.to.as_ref().ok().map(|(_, ask)| &ask.nodes), "within": short(self.within) });
        if let (Value::Object(args), Value::Object(more)) = (&mut args, more) {
            args.extend(more);
        }
        Call::new(function, self.line(talos, words, usize::MAX))
            .cluster(talos.name())
            .args(args)
            .limit(gate(self.within))
    }
}

/// The nodes that an option names: a list, or one.
pub(super) fn nodes(options: &Options, key: &str) -> Result<Option<Vec<String>>> {
    let Some(value) = options.value(key)? else { return Ok(None) };
    let named = if value.is_string() { vec![value.to_string()] } else { options.strings(key)?.unwrap_or_default() };
    if named.is_empty() || named.iter().any(|node| node.trim().is_empty()) {
        return Err(options.wrong(key, "a node, or a list of at least one", &value));
    }
    Ok(Some(named))
}

/// Asks each node the same. `words` is what stands behind `talosctl -n NODES`.
pub(super) fn each<T>(
    at: &NativeCallContext,
    talos: &TalosHandle,
    function: &'static str,
    words: &str,
    options: &Options,
    more: Value,
    work: impl AsyncFnOnce(Machines, Ask) -> Vec<Told<T>>,
) -> Result<Vec<Told<T>>>
where
    T: Serialize + DeserializeOwned,
{
    let cx = Context::current()?;
    let question = Question::new(&cx, talos, options)?;
    let call = question.call(talos, function, words, more);
    cx.call_with(at, call, |told: &Vec<Told<T>>| summary(told), async {
        let (machines, ask) = question.to?;
        let told = work(machines, ask).await;
        if question.check {
            all_answered(&told)?;
        }
        Ok(told)
    })
}

fn summary<T>(told: &[Told<T>]) -> String {
    let (answered, all) = (told.iter().filter(|told| told.answer.is_ok()).count(), told.len());
    match all {
        1 => "1 node".into(),
        _ if answered == all => format!("{all} nodes"),
        _ => format!("{answered} of {all} nodes"),
    }
}

/// Fails where a node did not answer: its error, and how it was with the others.
fn all_answered<T>(told: &[Told<T>]) -> Result<()> {
    let mut failed = told.iter().filter_map(|told| told.answer.as_ref().err());
    let Some(first) = failed.next().cloned() else { return Ok(()) };
    if told.len() == 1 {
        return Err(first);
    }
    let others: Vec<&Error> = failed.collect();
    let error = others.iter().fold(first, |error, other| error.because(other.message.clone()));
    let answered = told.len() - others.len() - 1;
    let error = error.because(format!("{answered} of {} nodes answered", told.len()));
    // Who is not there may be what is looked for.
    if matches!(error.kind, Kind::Unreachable | Kind::Timeout) && answered > 0 {
        return Err(
            error.hint("check: false gives the others' answers, and a row with an error for each that has none")
        );
    }
    Err(error)
}
