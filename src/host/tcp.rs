//! `tcp::` — whether a port is open, how fast it answers, and what it says.

use std::time::Duration;

use rhai::{Dynamic, Map, NativeCallContext};
use serde_json::json;

use super::call::{CONNECT_LIMIT, Call};
use super::net::{Net, gate};
use super::{Context, HostResult, Module, Needs, Options, Registrar};
use crate::client::route::host_and_port;
use crate::client::sh::quoted;
use crate::client::tcp::{Connection, Talk, connect};
use crate::error::{Error, Kind};
use crate::event::{Effect, short};

const OPTIONS: &[&str] = &["within", "send", "expect", "check", "effect"];

pub(crate) const MODULE: Module = Module {
    name: "tcp",
    about: "Whether a port is open, how fast it answers, and what it says.",
    needs: Needs::Nothing,
    register,
};

fn register(m: &mut Registrar) {
    m.path("connect")
        .sig("(address: string, options?: map) -> map")
        .options(OPTIONS)
        .effect(Effect::Write)
        .doc(
            "Opens a TCP connection to `host:port` and closes it. Options: `within` (a duration for all of it, 5 s), \
             `send` (a string to send; makes it a `write` unless `effect` says otherwise), `expect` (a text: the \
             answer is read until it contains it), `check` (`false`: a port that is not open is a result, not an \
             error), `effect`.\n\nThe result has `state` (`open`; with `check: false` also `refused`: the machine \
             says that nothing listens; `filtered`: no answer; `unreachable`), `latency` (a duration), `local`, \
             `peer` (the addresses), `banner` (what was read for `expect`, else `()`), `problem` (in words, else \
             `()`). Throws `unreachable` when it is refused, `timeout` when nothing answers, and `expectation` when \
             the answer lacks what is expected.",
        )
        .example(r#"tcp::connect("localhost:1", #{ check: false }).state == "refused""#)
        .add(|at: NativeCallContext, address: &str| dial(&at, address, Map::new()))
        .add(|at: NativeCallContext, address: &str, options: Map| dial(&at, address, options));
}

fn dial(at: &NativeCallContext, address: &str, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let shown = super::values::from_dynamic(&options.clone().into());
    let options = Options::new(options, "tcp::connect", OPTIONS)?;
    let (host, port) = host_and_port(address, None)?;
    let within = options.duration("within")?.unwrap_or(CONNECT_LIMIT);
    let talk = Talk {
        send: options.text("send")?.map(String::into_bytes),
        expect: options.string("expect")?,
        closed_is_fine: !options.bool("check")?.unwrap_or(true),
    };
    let usual = if talk.send.is_some() { Effect::Write } else { Effect::Read };
    let effect = match options.string("effect")? {
        Some(word) => Effect::parse(&word).ok_or_else(|| unknown_effect("tcp::connect", &word))?,
        None => usual,
    };
    let net = Net::of(&cx.world);
    let routes = net.routes(&cx.world)?;
    let wait = within.as_secs().max(1);
    let line = match (&talk.send, &talk.expect) {
        (None, None) => format!("nc -zv -w {wait} {} {port}", quoted(&host)),
        (None, Some(_)) => format!("nc -w {wait} {} {port} </dev/null", quoted(&host)),
        (Some(_), _) => {
            let sent = shown["send"].as_str().unwrap_or_default();
            format!("printf %s {} | nc -w {wait} {} {port}", quoted(sent), quoted(&host))
        }
    };
    let call = Call::new("tcp::connect", line)
        .effect(effect)
        .usual(usual)
        .target(address)
        .args(json!({ "address": address, "options": shown }))
        .limit(gate(within));
    let summary = |c: &Connection| format!("{}, {}", c.state, short(c.latency));
    let found = cx.call_with(at, call, summary, connect(&routes, &host, port, within, &talk))?;
    let text = |text: Option<String>| text.map_or(Dynamic::UNIT, Into::into);
    let mut map = Map::new();
    map.insert("state".into(), found.state.into());
    map.insert("latency".into(), Dynamic::from::<Duration>(found.latency));
    map.insert("local".into(), text(found.local));
    map.insert("peer".into(), found.peer.into());
    map.insert("banner".into(), text(found.banner));
    map.insert("problem".into(), text(found.problem));
    Ok(map)
}

/// The error for a word that is no effect.
pub(crate) fn unknown_effect(function: &str, word: &str) -> Error {
    Error::new(
        Kind::Script,
        format!("{function}: effect is \"{word}\": expected \"read\", \"write\", \"disrupt\" or \"destroy\""),
    )
}

#[cfg(test)]
mod tests {
    use crate::client::testing::{closed_port, greeter};
    use crate::error::Kind;
    use crate::host::testing::{eval, runtime};

    #[test]
    fn a_banner_is_read() {
        let server = runtime().block_on(greeter("SSH-2.0-test\r\n"));
        let script = format!(
            r#"let c = tcp::connect("{server}", #{{ expect: "SSH-2.0" }});
            c.banner == "SSH-2.0-test\r\n" && c.state == "open" && c.peer == "{server}""#
        );
        assert!(eval(&script).unwrap().as_bool().unwrap());
    }

    #[test]
    fn a_closed_port_throws_its_address() {
        let port = runtime().block_on(closed_port());
        let error = eval(&format!(r#"tcp::connect("{port}")"#)).unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable);
        assert!(error.message.contains(&format!("nothing listens at {port}")), "{error}");
    }

    #[test]
    fn an_address_without_a_port_is_an_error() {
        let error = eval(r#"tcp::connect("localhost")"#).unwrap_err();
        assert_eq!(error.message, "\"localhost\" is no address: expected \"host:port\"");
    }
}
